/**
 * certificateMatch (RFC 4523 §3.2, X.509 §11.3.2): a certificate by any of its parts. A certificate
 * matches when each component of the assertion does; what a component says of a certificate that
 * lacks the extension differs from one to the next.
 *
 * @module
 */

import type { GserReader } from '../../asn1/gser-reader.ts';
import { equalBytes } from '../../core/bytes.ts';
import { readPublicKeyAlgorithm } from '../../x509/algorithms.ts';
import { parseAlternativeNames } from '../../x509/alternative-name.ts';
import { type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { parseCertificatePolicies } from '../../x509/certificate-policies.ts';
import { findExtension } from '../../x509/extensions.ts';
import { parseSubjectKeyIdentifier } from '../../x509/key-identifier.ts';
import { keyUsageNames, parseKeyUsage } from '../../x509/key-usage.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import { parsePrivateKeyUsagePeriod } from '../../x509/private-key-usage-period.ts';
import type { EqualityRule, SchemaLookup } from '../schema/schema-model.ts';
import { SyntaxOid } from '../schema/syntax-oid.ts';
import {
  checked,
  readGeneralizedTime,
  readGser,
  readNameKey,
  readTime,
} from './assertion-reader.ts';
import { readAuthorityKeyTest } from './authority-key-assertion.ts';
import { certificateExactMatch } from './certificate-exact-match.ts';
import { readNameConstraintsTest, readPathToNameTest } from './name-constraints-assertion.ts';
import { keyOfName } from './name-key.ts';
import { readNameType } from './name-type-assertion.ts';

/** May throw X509Error or DerError for a certificate with a malformed extension. */
export type CertificateTest = (certificate: Certificate) => boolean;

type ReadTest = (reader: GserReader, schema: SchemaLookup) => CertificateTest;

/** The value of an extension, parsed; undefined when the certificate lacks it. */
function extensionOf<T>(
  { extensions }: Certificate,
  oid: string,
  parse: (value: Uint8Array) => T,
): T | undefined {
  const extension = findExtension(extensions, oid);
  return extension && parse(extension.value);
}

const readers: ReadonlyMap<string, ReadTest> = new Map<string, ReadTest>([
  [
    'serialNumber',
    (reader) => {
      const wanted = reader.readInteger();
      return ({ serialNumber }) => serialNumber === wanted;
    },
  ],
  [
    'issuer',
    (reader, schema) => {
      const wanted = readNameKey(reader, schema);
      return ({ issuer }) => equalBytes(keyOfName(issuer, schema), wanted);
    },
  ],
  [
    'subjectKeyIdentifier',
    (reader) => {
      const wanted = reader.readOctetString();
      return (certificate) => {
        const stored = extensionOf(
          certificate,
          Oid.subjectKeyIdentifier,
          parseSubjectKeyIdentifier,
        );
        return stored !== undefined && equalBytes(stored, wanted);
      };
    },
  ],
  [
    'authorityKeyIdentifier',
    (reader, schema) => {
      const test = readAuthorityKeyTest(reader, schema);
      return ({ extensions }) => test(extensions);
    },
  ],
  [
    'certificateValid',
    (reader) => {
      const atMs = readTime(reader);
      return ({ notBeforeMs, notAfterMs }) => notBeforeMs <= atMs && atMs <= notAfterMs;
    },
  ],
  ['privateKeyValid', readPrivateKeyValid],
  [
    'subjectPublicKeyAlgID',
    (reader) => {
      const wanted = reader.readOid();
      return ({ spki }) => readPublicKeyAlgorithm(spki) === wanted;
    },
  ],
  ['keyUsage', readKeyUsage],
  ['subjectAltName', readSubjectAltName],
  ['policy', readPolicy],
  ['pathToName', readPathToNameTest],
  [
    'subject',
    (reader, schema) => {
      const wanted = readNameKey(reader, schema);
      return ({ subject }) => equalBytes(keyOfName(subject, schema), wanted);
    },
  ],
  ['nameConstraints', readNameConstraintsTest],
]);

/** A certificate without the extension matches. */
function readPrivateKeyValid(reader: GserReader): CertificateTest {
  const atMs = readGeneralizedTime(reader);
  return (certificate) => {
    const oid = Oid.privateKeyUsagePeriod;
    const { notBeforeMs = -Infinity, notAfterMs = Infinity } =
      extensionOf(certificate, oid, parsePrivateKeyUsagePeriod) ?? {};
    return notBeforeMs <= atMs && atMs <= notAfterMs;
  };
}

/** Every usage asserted; a certificate without the extension matches. */
function readKeyUsage(reader: GserReader): CertificateTest {
  const wanted = [...reader.readNamedBits(keyUsageNames)].map((bit) => keyUsageNames[bit]);
  return (certificate) => {
    const stored = extensionOf(certificate, Oid.keyUsage, parseKeyUsage);
    return (
      stored === undefined || wanted.every((usage) => usage !== undefined && stored.has(usage))
    );
  };
}

/** A name of the type asserted, whatever it is. */
function readSubjectAltName(reader: GserReader): CertificateTest {
  const isOfType = readNameType(reader);
  return (certificate) =>
    extensionOf(certificate, Oid.subjectAltName, parseAlternativeNames)?.some(isOfType) === true;
}

/** One policy asserted is enough; anyPolicy on either side is every policy. */
function readPolicy(reader: GserReader): CertificateTest {
  const wanted = new Set<string>();
  reader.readElements(() => wanted.add(reader.readOid()));
  if (wanted.size === 0) {
    reader.fail('at least one policy is needed');
  }
  return (certificate) => {
    const stored =
      extensionOf(certificate, Oid.certificatePolicies, parseCertificatePolicies) ?? [];
    return stored.some(
      ({ oid }) => wanted.has(oid) || wanted.has(Oid.anyPolicy) || oid === Oid.anyPolicy,
    );
  };
}

/** Reads CertificateAssertion (RFC 4523 A.2). */
export function readCertificateTest(reader: GserReader, schema: SchemaLookup): CertificateTest {
  const tests: CertificateTest[] = [];
  reader.readSequence((name) => {
    const read = readers.get(name) ?? reader.fail(`${name} is not a component here`);
    tests.push(read(reader, schema));
  });
  return (certificate) => tests.every((test) => test(certificate));
}

export const certificateMatch: EqualityRule = {
  ...certificateExactMatch,
  oid: '2.5.13.35',
  name: 'certificateMatch',
  syntax: SyntaxOid.certificateAssertion,
  readAssertion: (assertion, schema) => {
    const test = readGser(assertion, 'a certificate assertion', (reader) =>
      readCertificateTest(reader, schema),
    );
    return {
      indexKey: undefined,
      matches: (value) => checked('a certificate', () => test(parseCertificate(value))),
    };
  },
};

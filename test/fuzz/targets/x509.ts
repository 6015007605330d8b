/**
 * The DER of certificates, lists, pairs and requests, and the values of their extensions.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { assertDer } from '../../../src/asn1/assert-der.ts';
import { equalBytes } from '../../../src/core/bytes.ts';
import { syntaxes } from '../../../src/directory/schema/syntax.ts';
import {
  parseForeignSignatureAlgorithm,
  parseSignatureAlgorithm,
  parseSubjectPublicKeyInfo,
  readPublicKeyAlgorithm,
  readPublicKeyBits,
} from '../../../src/x509/algorithms.ts';
import { parseAlternativeNames } from '../../../src/x509/alternative-name.ts';
import { parseBasicConstraints } from '../../../src/x509/basic-constraints.ts';
import { parseCertificate, readCertificateExtension } from '../../../src/x509/certificate.ts';
import {
  findRevokedEntry,
  parseCertificateList,
  parseCertificateListHead,
} from '../../../src/x509/certificate-list.ts';
import {
  assertPairMatches,
  encodeCertificatePair,
  parseCertificatePair,
} from '../../../src/x509/certificate-pair.ts';
import { parseCertificatePolicies } from '../../../src/x509/certificate-policies.ts';
import {
  parseCrlNextPublish,
  parseCrlNumber,
  parseInvalidityDate,
  parseReasonCode,
} from '../../../src/x509/crl-extensions.ts';
import { parseCertificationRequest, verifyProofOfPossession } from '../../../src/x509/csr.ts';
import {
  parseCrlDistributionPoints,
  parseIssuingDistributionPoint,
} from '../../../src/x509/distribution-point.ts';
import { type Extension, parseExtensions } from '../../../src/x509/extensions.ts';
import { parseJpkiOtherNames } from '../../../src/x509/jpki-other-name.ts';
import {
  parseAuthorityKeyIdentifier,
  parseSubjectKeyIdentifier,
} from '../../../src/x509/key-identifier.ts';
import { assessPublicKey } from '../../../src/x509/key-strength.ts';
import {
  parseExtendedKeyUsage,
  parseKeyUsage,
  parseNetscapeCertType,
} from '../../../src/x509/key-usage.ts';
import {
  formatName,
  type Name,
  nameFromText,
  parseName,
  sameName,
} from '../../../src/x509/name.ts';
import { parseNameConstraints } from '../../../src/x509/name-constraints.ts';
import { Oid } from '../../../src/x509/object-identifiers.ts';
import {
  parseInhibitAnyPolicy,
  parsePolicyConstraints,
} from '../../../src/x509/policy-constraints.ts';
import { parsePolicyMappings } from '../../../src/x509/policy-mappings.ts';
import { parsePrivateKeyUsagePeriod } from '../../../src/x509/private-key-usage-period.ts';
import { shippedSchema as schema } from '../../support/shipped-schema.ts';
import {
  caCertificateFiles,
  crlFiles,
  readFixture,
  sampleCertificate,
  sampleKey,
} from '../../support/x509-samples.ts';
import { mutateBer } from '../ber-mutation.ts';
import type { FuzzRandom, FuzzTarget } from '../fuzz-target.ts';
import { orRefused } from '../refusals.ts';
import { richCertificate, richList, richPair, richRequest } from '../x509-seeds.ts';

const extensionReaders: readonly ((value: Uint8Array) => unknown)[] = [
  (value) => parseJpkiOtherNames(parseAlternativeNames(value)),
  parseAuthorityKeyIdentifier,
  parseBasicConstraints,
  parseCertificatePolicies,
  parseCrlDistributionPoints,
  parseCrlNextPublish,
  parseCrlNumber,
  parseExtendedKeyUsage,
  parseInhibitAnyPolicy,
  parseInvalidityDate,
  parseIssuingDistributionPoint,
  parseKeyUsage,
  parseNameConstraints,
  parseNetscapeCertType,
  parsePolicyConstraints,
  parsePolicyMappings,
  parsePrivateKeyUsagePeriod,
  parseReasonCode,
  parseSubjectKeyIdentifier,
];

/** Every reader on every extension: whatever an extension calls itself, bytes are bytes. */
function readExtensions(extensions: readonly Extension[]): void {
  for (const { value } of extensions) {
    for (const read of extensionReaders) {
      orRefused(() => read(value));
    }
  }
}

function readKey(spki: Uint8Array): void {
  orRefused(() => parseSubjectPublicKeyInfo(spki));
  orRefused(() => readPublicKeyAlgorithm(spki));
  orRefused(() => readPublicKeyBits(spki));
}

function readNameTwice(name: Name): void {
  assert.ok(sameName(name, parseName(name.der)), 'a name is itself');
  const text = formatName(name);
  orRefused(() => nameFromText(text));
}

function readCertificate(input: Uint8Array): void {
  for (const oid of [Oid.subjectAltName, Oid.keyUsage]) {
    orRefused(() => readCertificateExtension(input, oid));
  }
  const certificate = parseCertificate(input);
  orRefused(() => assertDer(input));
  assert.deepEqual(certificate.der, input);
  readNameTwice(certificate.issuer);
  readNameTwice(certificate.subject);
  readKey(certificate.spki);
  readExtensions(certificate.extensions);
  orRefused(() => parseSignatureAlgorithm(certificate.signatureAlgorithm));
  orRefused(() => parseForeignSignatureAlgorithm(certificate.signatureAlgorithm));
}

function readList(input: Uint8Array): void {
  const head = orRefused(() => parseCertificateListHead(input));
  const list = parseCertificateList(input);
  assert.ok(head !== undefined, 'the head of a list that is read whole can be read alone');
  readNameTwice(list.issuer);
  readExtensions(list.extensions);
  orRefused(() => findRevokedEntry(list, 0x1234n));
}

function readPair(input: Uint8Array): void {
  const pair = parseCertificatePair(input);
  assert.ok(equalBytes(encodeCertificatePair(pair), input), 'a pair has one encoding');
  orRefused(() => assertPairMatches(pair));
}

async function readRequest(input: Uint8Array): Promise<void> {
  const request = parseCertificationRequest(input);
  readNameTwice(request.subject);
  readExtensions(request.extensionRequest);
  await verifyProofOfPossession(request).catch((error: unknown) => {
    orRefused(() => {
      throw error;
    });
  });
  orRefused(() => assessPublicKey(request.spki));
}

/** The directory's own checks of values, which all of it comes in by. */
function checkSyntaxes(input: Uint8Array): void {
  for (const syntax of syntaxes.values()) {
    if (syntax.requiresBinary) {
      syntax.problem(input, schema);
    }
  }
}

const mutate = (random: FuzzRandom, seed: Uint8Array): Uint8Array =>
  mutateBer(random, seed) ?? seed;

const realCertificates = caCertificateFiles.map((file) => readFixture(`ca-certs/${file}`));

export const certificatesTarget: FuzzTarget = {
  name: 'certificates',
  seeds: [
    richCertificate,
    sampleCertificate(sampleKey('rsa-2048')),
    sampleCertificate(sampleKey('p384')),
    ...realCertificates,
  ],
  run: (input) => {
    checkSyntaxes(input);
    readCertificate(input);
  },
  mutate,
};

export const listsTarget: FuzzTarget = {
  name: 'lists',
  seeds: [richList, ...crlFiles.map((file) => readFixture(`crls/${file}`))].filter(
    ({ length }) => length < 65_536,
  ),
  run: readList,
  mutate,
};

export const pairsTarget: FuzzTarget = { name: 'pairs', seeds: [richPair], run: readPair, mutate };

export const requestsTarget: FuzzTarget = {
  name: 'requests',
  seeds: [richRequest],
  run: readRequest,
  mutate,
};

export const extensionsTarget: FuzzTarget = {
  name: 'extensions',
  seeds: [richCertificate, ...realCertificates]
    .flatMap((certificate) => parseCertificate(certificate).extensions)
    .concat(parseCertificateList(richList).extensions)
    .map(({ value }) => value),
  run: (input) => {
    orRefused(() => parseExtensions(input));
    readExtensions([{ oid: '1.2.3', critical: false, value: input }]);
    readKey(input);
    parseName(input);
  },
  mutate,
};

/**
 * certificatePairExactMatch and certificatePairMatch (RFC 4523 §3.3, §3.4; X.509 §11.3.3, §11.3.4): a
 * cross certificate pair by either certificate or both. A half that the assertion names must be there and
 * match; a half that it does not name may be anything.
 *
 * @module
 */

import type { GserReader } from '../../asn1/gser-reader.ts';
import { concatBytes, encodeUtf8, equalBytes } from '../../core/bytes.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { type CertificatePair, parseCertificatePair } from '../../x509/certificate-pair.ts';
import type { EqualityAssertion, EqualityRule, SchemaLookup } from '../schema/schema-model.ts';
import { SyntaxOid } from '../schema/syntax-oid.ts';
import { checked, readGser } from './assertion-reader.ts';
import { exactKeyOf, readExactKey } from './certificate-exact-match.ts';
import { type CertificateTest, readCertificateTest } from './certificate-match.ts';

const halves = ['issuedToThisCa', 'issuedByThisCa'] as const;
type Half = (typeof halves)[number];

const halfOfComponent: ReadonlyMap<string, Half> = new Map([
  ['issuedToThisCAAssertion', 'issuedToThisCa'],
  ['issuedByThisCAAssertion', 'issuedByThisCa'],
]);

/** Which half, and which certificate. */
function halfKey(half: Half, certificateKey: Uint8Array): Uint8Array {
  return concatBytes(encodeUtf8(`${half}:`), certificateKey);
}

function keysOfPair(pair: CertificatePair, schema: SchemaLookup): readonly Uint8Array[] {
  return halves.flatMap((half) => {
    const certificate = pair[half];
    return certificate === undefined ? [] : [halfKey(half, exactKeyOf(certificate, schema))];
  });
}

function parsePair(value: Uint8Array): CertificatePair {
  return checked('a certificate pair', () => parseCertificatePair(value));
}

/** Reads what both assertions look like: one component per half, at least one. */
function readHalves<T>(
  assertion: Uint8Array,
  readHalf: (reader: GserReader) => T,
): ReadonlyMap<Half, T> {
  return readGser(assertion, 'a certificate pair assertion', (reader) => {
    const parts = new Map<Half, T>();
    reader.readSequence((name) => {
      const half = halfOfComponent.get(name) ?? reader.fail(`${name} is not a component here`);
      parts.set(half, readHalf(reader));
    });
    return parts.size === 0 ? reader.fail('at least one component is needed') : parts;
  });
}

function pairAssertion(
  tests: ReadonlyMap<Half, CertificateTest>,
  indexKey: Uint8Array | undefined,
): EqualityAssertion {
  const isMatch = (certificate: Certificate | undefined, test: CertificateTest): boolean =>
    certificate !== undefined && test(certificate);
  return {
    indexKey,
    matches: (value) => {
      const pair = parsePair(value);
      return checked('a certificate pair', () =>
        [...tests].every(([half, test]) => isMatch(pair[half], test)),
      );
    },
  };
}

export const certificatePairExactMatch: EqualityRule = {
  kind: 'equality',
  oid: '2.5.13.36',
  name: 'certificatePairExactMatch',
  syntax: SyntaxOid.certificatePairExactAssertion,
  appliesTo: new Set([SyntaxOid.certificatePair]),
  valueKey: (value, schema) => {
    const keys = keysOfPair(parsePair(value), schema);
    return concatBytes(...keys.flatMap((key) => [encodeUtf8(`${key.length}:`), key]));
  },
  indexKeys: (value, schema) => keysOfPair(parsePair(value), schema),
  readAssertion: (assertion, schema) => {
    const wanted = readHalves(assertion, (reader) => readExactKey(reader, schema));
    const [indexKey] = [...wanted].map(([half, key]) => halfKey(half, key));
    const tests = [...wanted].map(([half, key]): readonly [Half, CertificateTest] => [
      half,
      (certificate) => equalBytes(exactKeyOf(certificate, schema), key),
    ]);
    return pairAssertion(new Map(tests), indexKey);
  },
};

export const certificatePairMatch: EqualityRule = {
  ...certificatePairExactMatch,
  oid: '2.5.13.37',
  name: 'certificatePairMatch',
  syntax: SyntaxOid.certificatePairAssertion,
  readAssertion: (assertion, schema) =>
    pairAssertion(
      readHalves(assertion, (reader) => readCertificateTest(reader, schema)),
      undefined,
    ),
};

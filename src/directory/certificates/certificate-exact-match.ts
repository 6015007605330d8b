/**
 * certificateExactMatch (RFC 4523 §3.1, X.509 §11.3.1): a certificate by serial number and issuer. The
 * assertion is GSER, or the older `serial$issuer`.
 *
 * @module
 */

import type { GserReader } from '../../asn1/gser-reader.ts';
import { concatBytes, decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import { type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { keyedRule } from '../schema/keyed-rule.ts';
import type { EqualityRule, SchemaLookup } from '../schema/schema-model.ts';
import { SyntaxOid } from '../schema/syntax-oid.ts';
import { checked, readGser, readNameKey } from './assertion-reader.ts';
import { keyOfName, keyOfNameText } from './name-key.ts';

/** `serial$issuer`, as RFC 2252's time wrote it. */
const serialAndIssuer = /^ *(0|-?[1-9][0-9]{0,999}) *\$(.*)$/s;

const MAX_ASSERTION = 65_536;

function exactKey(serialNumber: bigint, issuerKey: Uint8Array): Uint8Array {
  return concatBytes(encodeUtf8(`${serialNumber}$`), issuerKey);
}

/** The same for certificates with the same serial number and issuer. */
export function exactKeyOf(certificate: Certificate, schema: SchemaLookup): Uint8Array {
  return exactKey(certificate.serialNumber, keyOfName(certificate.issuer, schema));
}

/** Reads CertificateExactAssertion (RFC 4523 A.1). @returns the key of the certificates it is about. */
export function readExactKey(reader: GserReader, schema: SchemaLookup): Uint8Array {
  let serialNumber: bigint | undefined;
  let issuer: Uint8Array | undefined;
  reader.readSequence((name) => {
    if (name === 'serialNumber') {
      serialNumber = reader.readInteger();
    } else if (name === 'issuer') {
      issuer = readNameKey(reader, schema);
    } else {
      reader.fail(`${name} is not a component here`);
    }
  });
  if (serialNumber === undefined || issuer === undefined) {
    return reader.fail('serialNumber and issuer are both needed');
  }
  return exactKey(serialNumber, issuer);
}

function keyOfAssertion(assertion: Uint8Array, schema: SchemaLookup): Uint8Array {
  const old =
    assertion.length > MAX_ASSERTION ? null : serialAndIssuer.exec(decodeUtf8(assertion) ?? '');
  const [, serial, issuer] = old ?? [];
  if (serial !== undefined && issuer !== undefined) {
    return exactKey(BigInt(serial), keyOfNameText(issuer, schema));
  }
  return readGser(assertion, 'a certificate assertion', (reader) => readExactKey(reader, schema));
}

export const certificateExactMatch: EqualityRule = keyedRule({
  oid: '2.5.13.34',
  name: 'certificateExactMatch',
  syntax: SyntaxOid.certificateExactAssertion,
  appliesTo: new Set([SyntaxOid.certificate]),
  valueKey: (value, schema) =>
    checked('a certificate', () => exactKeyOf(parseCertificate(value), schema)),
  assertionKey: keyOfAssertion,
});

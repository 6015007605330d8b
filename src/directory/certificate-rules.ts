/**
 * Matching of certificates, lists and pairs by their facts (RFC 4523 §3.1, §3.3, §3.5, §3.7). An
 * assertion is GSER (RFC 3641); for certificates the older `serial$issuer` is taken too.
 *
 * Not here: the component rules (certificateMatch and its kind).
 *
 * @module
 */

import { GserReader } from '../asn1/gser-reader.ts';
import { Tag } from '../asn1/tags.ts';
import { parseTime } from '../asn1/time.ts';
import { concatBytes, decodeUtf8, encodeUtf8, equalBytes } from '../core/bytes.ts';
import { isCertdirError } from '../core/errors.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { parseCertificateList } from '../x509/certificate-list.ts';
import { parseCertificatePair } from '../x509/certificate-pair.ts';
import { parseIssuingDistributionPoint } from '../x509/distribution-point.ts';
import { findExtension } from '../x509/extensions.ts';
import type { GeneralName } from '../x509/general-name.ts';
import { Oid } from '../x509/object-identifiers.ts';
import { parseSupportedAlgorithm } from './certificate-syntax.ts';
import { DirectoryError } from './errors.ts';
import { keyOfName, keyOfNameText } from './name-key.ts';
import type { EqualityRule, SchemaLookup } from './schema-model.ts';
import { SyntaxOid } from './syntax-oid.ts';

/** `serial$issuer`, as RFC 2252's time wrote it. */
const serialAndIssuer = /^ *(0|-?[1-9][0-9]{0,999}) *\$(.*)$/s;

const MAX_ASSERTION = 65_536;

/** Runs a parser of a value or an assertion; whatever it refuses is invalid syntax. */
function checked<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (isCertdirError(cause)) {
      throw new DirectoryError('DIRECTORY_INVALID_SYNTAX', `not ${what} (${cause.code})`, {
        cause,
      });
    }
    throw cause;
  }
}

function gser<T>(assertion: Uint8Array, what: string, read: (reader: GserReader) => T): T {
  return checked(what, () => {
    const reader = new GserReader(decodeUtf8(assertion) ?? '');
    const value = read(reader);
    reader.expectEnd();
    return value;
  });
}

function certificateKey(serialNumber: bigint, issuerKey: Uint8Array): Uint8Array {
  return concatBytes(encodeUtf8(`${serialNumber}$`), issuerKey);
}

function keyOfCertificate(certificate: Certificate, schema: SchemaLookup): Uint8Array {
  return certificateKey(certificate.serialNumber, keyOfName(certificate.issuer, schema));
}

/** `Name`: `rdnSequence:"…"`. */
function readName(reader: GserReader, schema: SchemaLookup): Uint8Array {
  reader.expect('rdnSequence');
  reader.expect(':');
  return keyOfNameText(reader.readString(), schema);
}

/** CertificateExactAssertion (RFC 4523 A.1). */
function readCertificateExact(reader: GserReader, schema: SchemaLookup): Uint8Array {
  let serialNumber: bigint | undefined;
  let issuer: Uint8Array | undefined;
  reader.readSequence((name) => {
    if (name === 'serialNumber') {
      serialNumber = reader.readInteger();
    } else if (name === 'issuer') {
      issuer = readName(reader, schema);
    } else {
      reader.fail(`${name} is not a component here`);
    }
  });
  if (serialNumber === undefined || issuer === undefined) {
    return reader.fail('serialNumber and issuer are both needed');
  }
  return certificateKey(serialNumber, issuer);
}

const certificateExactMatch: EqualityRule = {
  kind: 'equality',
  oid: '2.5.13.34',
  name: 'certificateExactMatch',
  syntax: SyntaxOid.certificateExactAssertion,
  appliesTo: new Set([SyntaxOid.certificate]),
  valueKey: (value, schema) =>
    checked('a certificate', () => keyOfCertificate(parseCertificate(value), schema)),
  assertionKey: (assertion, schema) => {
    const old =
      assertion.length > MAX_ASSERTION ? null : serialAndIssuer.exec(decodeUtf8(assertion) ?? '');
    const [, serial, issuer] = old ?? [];
    if (serial !== undefined && issuer !== undefined) {
      return certificateKey(BigInt(serial), keyOfNameText(issuer, schema));
    }
    return gser(assertion, 'a certificate assertion', (reader) =>
      readCertificateExact(reader, schema),
    );
  },
};

/** Parts with their lengths in front; an absent part differs from an empty one. */
function joinParts(parts: readonly (Uint8Array | undefined)[]): Uint8Array {
  return concatBytes(
    ...parts.flatMap((part) =>
      part === undefined ? [encodeUtf8('-')] : [encodeUtf8(`${part.length}:`), part],
    ),
  );
}

function splitParts(key: Uint8Array): readonly (Uint8Array | undefined)[] {
  const parts: (Uint8Array | undefined)[] = [];
  for (let at = 0; at < key.length; ) {
    if (key[at] === 0x2d) {
      parts.push(undefined);
      at += 1;
      continue;
    }
    const colon = key.indexOf(0x3a, at);
    const start = colon + 1;
    const length = Number(Buffer.from(key.subarray(at, colon)).toString('latin1'));
    parts.push(key.subarray(start, start + length));
    at = start + length;
  }
  return parts;
}

/** True when every part that the assertion has is the same in the value. */
function matchesPresentParts(valueKey: Uint8Array, assertionKey: Uint8Array): boolean {
  const values = splitParts(valueKey);
  return splitParts(assertionKey).every((wanted, index) => {
    const found = values[index];
    return wanted === undefined || (found !== undefined && equalBytes(found, wanted));
  });
}

const certificatePairExactMatch: EqualityRule = {
  kind: 'equality',
  oid: '2.5.13.36',
  name: 'certificatePairExactMatch',
  syntax: SyntaxOid.certificatePairExactAssertion,
  appliesTo: new Set([SyntaxOid.certificatePair]),
  valueKey: (value, schema) =>
    checked('a certificate pair', () => {
      const { issuedToThisCa, issuedByThisCa } = parseCertificatePair(value);
      return joinParts(
        [issuedToThisCa, issuedByThisCa].map((certificate) =>
          certificate === undefined ? undefined : keyOfCertificate(certificate, schema),
        ),
      );
    }),
  assertionKey: (assertion, schema) =>
    gser(assertion, 'a certificate pair assertion', (reader) => {
      const parts = new Map<string, Uint8Array>();
      reader.readSequence((name) => {
        if (name !== 'issuedToThisCAAssertion' && name !== 'issuedByThisCAAssertion') {
          reader.fail(`${name} is not a component here`);
        }
        parts.set(name, readCertificateExact(reader, schema));
      });
      if (parts.size === 0) {
        reader.fail('at least one component is needed');
      }
      return joinParts([
        parts.get('issuedToThisCAAssertion'),
        parts.get('issuedByThisCAAssertion'),
      ]);
    }),
  matches: matchesPresentParts,
};

/** A name of a distribution point; undefined for kinds that cannot be asserted here. */
function keyOfGeneralName(name: GeneralName, schema: SchemaLookup): Uint8Array | undefined {
  switch (name.kind) {
    case 'directoryName':
      return concatBytes(encodeUtf8('directoryName:'), keyOfName(name.name, schema));
    case 'uri':
      return encodeUtf8(`uniformResourceIdentifier:${name.text}`);
    default:
      return undefined;
  }
}

/** `fullName:{ directoryName:rdnSequence:"…" }`, with exactly one name. */
function readDistributionPoint(reader: GserReader, schema: SchemaLookup): Uint8Array {
  reader.expect('fullName');
  reader.expect(':');
  reader.expect('{');
  const kind = reader.readIdentifier();
  reader.expect(':');
  const key = readGeneralName(kind, reader, schema);
  reader.expect('}');
  return key;
}

function readGeneralName(kind: string, reader: GserReader, schema: SchemaLookup): Uint8Array {
  switch (kind) {
    case 'directoryName':
      return concatBytes(encodeUtf8('directoryName:'), readName(reader, schema));
    case 'uniformResourceIdentifier':
      return encodeUtf8(`uniformResourceIdentifier:${reader.readString()}`);
    default:
      return reader.fail(`${kind} cannot be asserted`);
  }
}

function readTime(reader: GserReader): number {
  const kind = reader.readIdentifier();
  reader.expect(':');
  const content = encodeUtf8(reader.readString());
  switch (kind) {
    case 'utcTime':
      return parseTime(Tag.utcTime, content);
    case 'generalizedTime':
      return parseTime(Tag.generalizedTime, content);
    default:
      return reader.fail(`${kind} is not a time`);
  }
}

function keyOfCertificateList(value: Uint8Array, schema: SchemaLookup): Uint8Array {
  const list = parseCertificateList(value);
  const extension = findExtension(list.extensions, Oid.issuingDistributionPoint);
  const names =
    extension === undefined ? [] : (parseIssuingDistributionPoint(extension.value).fullName ?? []);
  return joinParts([
    keyOfName(list.issuer, schema),
    encodeUtf8(String(list.thisUpdateMs)),
    ...names.map((name) => keyOfGeneralName(name, schema)),
  ]);
}

const certificateListExactMatch: EqualityRule = {
  kind: 'equality',
  oid: '2.5.13.38',
  name: 'certificateListExactMatch',
  syntax: SyntaxOid.certificateListExactAssertion,
  appliesTo: new Set([SyntaxOid.certificateList]),
  valueKey: (value, schema) =>
    checked('a certificate list', () => keyOfCertificateList(value, schema)),
  assertionKey: (assertion, schema) =>
    gser(assertion, 'a certificate list assertion', (reader) => {
      let issuer: Uint8Array | undefined;
      let thisUpdateMs: number | undefined;
      let point: Uint8Array | undefined;
      reader.readSequence((name) => {
        if (name === 'issuer') {
          issuer = readName(reader, schema);
        } else if (name === 'thisUpdate') {
          thisUpdateMs = readTime(reader);
        } else if (name === 'distributionPoint') {
          point = readDistributionPoint(reader, schema);
        } else {
          reader.fail(`${name} is not a component here`);
        }
      });
      if (issuer === undefined || thisUpdateMs === undefined) {
        return reader.fail('issuer and thisUpdate are both needed');
      }
      return joinParts([issuer, encodeUtf8(String(thisUpdateMs)), point]);
    }),
  // The value has a part for each name of its distribution point, the assertion at most one.
  matches: (valueKey, assertionKey) => {
    const [issuer, thisUpdate, ...points] = splitParts(valueKey);
    const [, , wanted] = splitParts(assertionKey);
    const point = points.find(
      (found) => found !== undefined && wanted !== undefined && equalBytes(found, wanted),
    );
    return matchesPresentParts(joinParts([issuer, thisUpdate, point]), assertionKey);
  },
};

const algorithmIdentifierMatch: EqualityRule = {
  kind: 'equality',
  oid: '2.5.13.40',
  name: 'algorithmIdentifierMatch',
  syntax: SyntaxOid.algorithmIdentifier,
  appliesTo: new Set([SyntaxOid.supportedAlgorithm]),
  valueKey: (value) =>
    checked('a supported algorithm', () => {
      const { oid, parameters } = parseSupportedAlgorithm(value);
      return joinParts([encodeUtf8(oid), parameters]);
    }),
  assertionKey: (assertion) =>
    gser(assertion, 'an algorithm identifier', (reader) => {
      let oid: string | undefined;
      let parameters: Uint8Array | undefined;
      reader.readSequence((name) => {
        if (name === 'algorithm') {
          oid = reader.readOid();
        } else if (name === 'parameters') {
          // The only parameters of any algorithm in use that GSER can write without its type.
          reader.expect('NULL');
          parameters = Uint8Array.of(Tag.null, 0);
        } else {
          reader.fail(`${name} is not a component here`);
        }
      });
      return oid === undefined
        ? reader.fail('algorithm is needed')
        : joinParts([encodeUtf8(oid), parameters]);
    }),
  matches: matchesPresentParts,
};

/** The rules of RFC 4523 that go by an exact assertion. */
export const certificateRules: readonly EqualityRule[] = [
  certificateExactMatch,
  certificatePairExactMatch,
  certificateListExactMatch,
  algorithmIdentifierMatch,
];

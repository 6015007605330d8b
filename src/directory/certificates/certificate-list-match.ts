/**
 * certificateListExactMatch and certificateListMatch (RFC 4523 §3.5, §3.6; X.509 §11.3.5, §11.3.6): a
 * list by issuer, time and distribution point, or by what it is good for.
 *
 * Values were checked when they came; here their entries are passed over, so that a long list costs no
 * more than a short one.
 *
 * @module
 */

import type { GserReader } from '../../asn1/gser-reader.ts';
import { concatBytes, encodeUtf8, equalBytes } from '../../core/bytes.ts';
import { isCertdirError } from '../../core/errors.ts';
import { type CertificateListHead, parseCertificateListHead } from '../../x509/certificate-list.ts';
import {
  type CertificateListBeginning,
  parseListBeginning,
} from '../../x509/certificate-list-frame.ts';
import type { EqualityAssertion, EqualityRule, SchemaLookup } from '../schema/schema-model.ts';
import { SyntaxOid } from '../schema/syntax-oid.ts';
import { checked, readGser, readNameKey, readTime } from './assertion-reader.ts';
import { readAuthorityKeyTest } from './authority-key-assertion.ts';
import {
  distributionPointKeys,
  distributionPointOf,
  type ListTest,
  readDistributionPointTest,
} from './distribution-point-assertion.ts';
import { keyOfName } from './name-key.ts';

/** ReasonFlags (RFC 5280 §4.2.1.13); bit 0 is unused and still has its name. */
const reasonNames = [
  'unused',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  'privilegeWithdrawn',
  'aACompromise',
] as const;

function parseHead(value: Uint8Array): CertificateListHead {
  return checked('a certificate list', () => parseCertificateListHead(value));
}

function exactKey(issuerKey: Uint8Array, thisUpdateMs: number): Uint8Array {
  return concatBytes(encodeUtf8(`${thisUpdateMs}$`), issuerKey);
}

function exactKeyOf(list: CertificateListBeginning, schema: SchemaLookup): Uint8Array {
  return exactKey(keyOfName(list.issuer, schema), list.thisUpdateMs);
}

function listAssertion(test: ListTest, indexKey?: Uint8Array): EqualityAssertion {
  return {
    indexKey,
    matches: (value) => {
      const list = parseHead(value);
      return checked('a certificate list', () => test(list));
    },
  };
}

/** CertificateListExactAssertion (RFC 4523 A.3). */
function readExactAssertion(reader: GserReader, schema: SchemaLookup): EqualityAssertion {
  let issuer: Uint8Array | undefined;
  let thisUpdateMs: number | undefined;
  let isAtPoint: ListTest = () => true;
  reader.readSequence((name) => {
    if (name === 'issuer') {
      issuer = readNameKey(reader, schema);
    } else if (name === 'thisUpdate') {
      thisUpdateMs = readTime(reader);
    } else if (name === 'distributionPoint') {
      isAtPoint = readDistributionPointTest(reader, schema);
    } else {
      reader.fail(`${name} is not a component here`);
    }
  });
  if (issuer === undefined || thisUpdateMs === undefined) {
    return reader.fail('issuer and thisUpdate are both needed');
  }
  const wanted = exactKey(issuer, thisUpdateMs);
  return listAssertion(
    (list) => equalBytes(exactKeyOf(list, schema), wanted) && isAtPoint(list),
    wanted,
  );
}

type ReadTest = (reader: GserReader, schema: SchemaLookup) => ListTest;

const readers: ReadonlyMap<string, ReadTest> = new Map<string, ReadTest>([
  [
    'issuer',
    (reader, schema) => {
      const wanted = readNameKey(reader, schema);
      return ({ issuer }) => equalBytes(keyOfName(issuer, schema), wanted);
    },
  ],
  [
    'minCRLNumber',
    (reader) => {
      const least = readNumber(reader);
      return ({ number }) => number !== undefined && number >= least;
    },
  ],
  [
    'maxCRLNumber',
    (reader) => {
      const most = readNumber(reader);
      return ({ number }) => number !== undefined && number <= most;
    },
  ],
  ['reasonFlags', readReasonFlags],
  [
    'dateAndTime',
    (reader) => {
      const atMs = readTime(reader);
      return ({ thisUpdateMs, nextUpdateMs }) =>
        thisUpdateMs <= atMs && nextUpdateMs !== undefined && atMs < nextUpdateMs;
    },
  ],
  ['distributionPoint', readDistributionPointTest],
  [
    'authorityKeyIdentifier',
    (reader, schema) => {
      const test = readAuthorityKeyTest(reader, schema);
      return ({ extensions }) => test(extensions);
    },
  ],
]);

function readNumber(reader: GserReader): bigint {
  const number = reader.readInteger();
  return number < 0n ? reader.fail('a CRL number is not negative') : number;
}

/** One reason asserted is enough; a list that is not limited to some reasons is about all. */
function readReasonFlags(reader: GserReader): ListTest {
  const wanted = [...reader.readNamedBits(reasonNames)];
  return (list) => {
    const stored = distributionPointOf(list)?.onlySomeReasons;
    return stored === undefined || wanted.some((reason) => stored.has(reason));
  };
}

/** CertificateListAssertion (RFC 4523 A.4). */
function readListTest(reader: GserReader, schema: SchemaLookup): ListTest {
  const tests: ListTest[] = [];
  reader.readSequence((name) => {
    const read = readers.get(name) ?? reader.fail(`${name} is not a component here`);
    tests.push(read(reader, schema));
  });
  return (list) => tests.every((test) => test(list));
}

export const certificateListExactMatch: EqualityRule = {
  kind: 'equality',
  oid: '2.5.13.38',
  name: 'certificateListExactMatch',
  syntax: SyntaxOid.certificateListExactAssertion,
  appliesTo: new Set([SyntaxOid.certificateList]),
  valueKey: (value, schema) => {
    const list = parseHead(value);
    return checked('a certificate list', () => {
      const points = [...distributionPointKeys(list, schema)].map((key) => encodeUtf8(`\0${key}`));
      return concatBytes(exactKeyOf(list, schema), ...points);
    });
  },
  indexKeys: (value, schema) => [exactKeyOf(parseHead(value), schema)],
  indexKeysOfBeginning: (beginning, schema) => {
    try {
      return [exactKeyOf(parseListBeginning(beginning), schema)];
    } catch (error) {
      if (isCertdirError(error)) {
        return undefined;
      }
      throw error;
    }
  },
  readAssertion: (assertion, schema) =>
    readGser(assertion, 'a certificate list assertion', (reader) =>
      readExactAssertion(reader, schema),
    ),
};

export const certificateListMatch: EqualityRule = {
  ...certificateListExactMatch,
  oid: '2.5.13.39',
  name: 'certificateListMatch',
  syntax: SyntaxOid.certificateListAssertion,
  readAssertion: (assertion, schema) =>
    listAssertion(
      readGser(assertion, 'a certificate list assertion', (reader) => readListTest(reader, schema)),
    ),
};

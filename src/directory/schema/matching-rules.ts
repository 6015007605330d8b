/**
 * Matching rules (RFC 4517 §4.2, RFC 4530 §2.2, RFC 4523 §3): each makes keys of values and
 * assertions; equal keys match, and ordering keys sort as octets.
 *
 * @module
 */

import { concatBytes, decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import { certificateRules } from '../certificates/certificate-rules.ts';
import { DirectoryError } from '../errors.ts';
import { Dn } from '../names/dn.ts';
import { parseGeneralizedTime } from './generalized-time.ts';
import { type KeyOf, keyedRule } from './keyed-rule.ts';
import type { EqualityRule, MatchingRule, OrderingRule } from './schema-model.ts';
import { firstComponentOf } from './schema-parser.ts';
import { stringRules } from './string-rules.ts';
import { splitOptionalUid } from './syntax.ts';
import { SyntaxOid } from './syntax-oid.ts';

function invalid(what: string): DirectoryError {
  return new DirectoryError('DIRECTORY_INVALID_SYNTAX', `a value is not ${what}`);
}

function textOf(value: Uint8Array): string {
  const text = decodeUtf8(value);
  if (text === undefined) {
    throw invalid('UTF-8 text');
  }
  return text;
}

interface Facts {
  readonly oid: string;
  readonly name: string;
  readonly syntax: string;
  /** Where it is more than the assertion's own. */
  readonly appliesTo?: readonly string[];
}

/** An equality rule whose assertions are values. */
function equality(facts: Facts, key: KeyOf): EqualityRule {
  const { appliesTo = [facts.syntax], ...rest } = facts;
  return keyedRule({ ...rest, appliesTo: new Set(appliesTo), valueKey: key });
}

function ordering(facts: Facts, key: KeyOf): OrderingRule {
  const { appliesTo = [facts.syntax], ...rest } = facts;
  return { kind: 'ordering', ...rest, appliesTo: new Set(appliesTo), valueKey: key };
}

/** Values that a pattern is put on are no longer than this, as in syntax.ts. */
const MAX_SHAPED_LENGTH = 65_536;

/** The value itself, once it has the right shape. */
function shaped(what: string, shape: RegExp): KeyOf {
  return (value) => {
    if (value.length > MAX_SHAPED_LENGTH || !shape.test(textOf(value))) {
      throw invalid(what);
    }
    return value;
  };
}

const integerKey = shaped('an integer', /^(?:0|-?[1-9][0-9]*)$/);

/** Sign, number of digits, digits; complemented below zero: sorts as the numbers do. */
const integerOrderingKey: KeyOf = (value, schema) => {
  const text = textOf(integerKey(value, schema));
  const digits = encodeUtf8(text.replace('-', ''));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, digits.length);
  const magnitude = concatBytes(length, digits);
  return text.startsWith('-')
    ? concatBytes(
        Uint8Array.of(0),
        magnitude.map((octet) => 0xff - octet),
      )
    : concatBytes(Uint8Array.of(1), magnitude);
};

const nameKey: KeyOf = (value, schema) => {
  try {
    return Dn.parse(textOf(value), schema).key;
  } catch (cause) {
    if (cause instanceof DirectoryError) {
      throw new DirectoryError('DIRECTORY_INVALID_SYNTAX', cause.message, { cause });
    }
    throw cause;
  }
};

const nameAndOptionalUidKey: KeyOf = (value, schema) => {
  const { name, uid } = splitOptionalUid(textOf(value));
  return concatBytes(nameKey(encodeUtf8(name), schema), encodeUtf8(uid));
};

const objectIdentifierKey: KeyOf = (value, schema) => {
  const oid = schema.objectIdentifier(textOf(value));
  if (oid === undefined) {
    throw invalid('an object identifier that is known');
  }
  return encodeUtf8(oid);
};

const timeKey: KeyOf = (value) => {
  const time = parseGeneralizedTime(textOf(value));
  if (time === undefined) {
    throw invalid('a GeneralizedTime');
  }
  return encodeUtf8(time.normal);
};

const uuidShape = shaped('a UUID', /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i);
const uuidKey: KeyOf = (value, schema) =>
  encodeUtf8(textOf(uuidShape(value, schema)).toLowerCase());

const csnShape = shaped(
  'a change sequence number',
  /^[0-9]{14}\.[0-9]{6}Z#[0-9a-f]{6}#[0-9a-f]{3}#[0-9a-f]{6}$/i,
);
const csnKey: KeyOf = (value, schema) => encodeUtf8(textOf(csnShape(value, schema)).toLowerCase());

const sameOctets: KeyOf = (value) => value;

const descriptionSyntaxes: readonly string[] = [
  SyntaxOid.attributeTypeDescription,
  SyntaxOid.objectClassDescription,
  SyntaxOid.matchingRuleDescription,
  SyntaxOid.matchingRuleUseDescription,
  SyntaxOid.ldapSyntaxDescription,
  SyntaxOid.nameFormDescription,
  SyntaxOid.ditContentRuleDescription,
];

const objectIdentifierFirstComponentMatch = keyedRule({
  oid: '2.5.13.30',
  name: 'objectIdentifierFirstComponentMatch',
  syntax: SyntaxOid.objectIdentifier,
  appliesTo: new Set(descriptionSyntaxes),
  valueKey: (value) => {
    const oid = firstComponentOf(textOf(value));
    if (oid === undefined) {
      throw invalid('a schema description');
    }
    return encodeUtf8(oid);
  },
  assertionKey: objectIdentifierKey,
});

const integerFirstComponentMatch = keyedRule({
  oid: '2.5.13.29',
  name: 'integerFirstComponentMatch',
  syntax: SyntaxOid.integer,
  appliesTo: new Set([SyntaxOid.ditStructureRuleDescription]),
  valueKey: (value) => {
    const number = /^\( *(0|[1-9][0-9]*) /.exec(textOf(value))?.[1];
    if (number === undefined) {
      throw invalid('a DIT structure rule description');
    }
    return encodeUtf8(number);
  },
  assertionKey: integerKey,
});

const { integer, octetString, generalizedTime, changeSequenceNumber } = SyntaxOid;

const otherRules: readonly MatchingRule[] = [
  equality(
    { oid: '2.5.13.0', name: 'objectIdentifierMatch', syntax: SyntaxOid.objectIdentifier },
    objectIdentifierKey,
  ),
  equality(
    { oid: '2.5.13.1', name: 'distinguishedNameMatch', syntax: SyntaxOid.distinguishedName },
    nameKey,
  ),
  equality(
    { oid: '2.5.13.13', name: 'booleanMatch', syntax: SyntaxOid.boolean },
    shaped('TRUE or FALSE', /^(?:TRUE|FALSE)$/),
  ),
  equality({ oid: '2.5.13.14', name: 'integerMatch', syntax: integer }, integerKey),
  ordering({ oid: '2.5.13.15', name: 'integerOrderingMatch', syntax: integer }, integerOrderingKey),
  equality(
    { oid: '2.5.13.16', name: 'bitStringMatch', syntax: SyntaxOid.bitString },
    shaped('a bit string', /^'[01]*'B$/),
  ),
  equality({ oid: '2.5.13.17', name: 'octetStringMatch', syntax: octetString }, sameOctets),
  ordering({ oid: '2.5.13.18', name: 'octetStringOrderingMatch', syntax: octetString }, sameOctets),
  equality(
    { oid: '2.5.13.23', name: 'uniqueMemberMatch', syntax: SyntaxOid.nameAndOptionalUid },
    nameAndOptionalUidKey,
  ),
  equality({ oid: '2.5.13.27', name: 'generalizedTimeMatch', syntax: generalizedTime }, timeKey),
  ordering(
    { oid: '2.5.13.28', name: 'generalizedTimeOrderingMatch', syntax: generalizedTime },
    timeKey,
  ),
  integerFirstComponentMatch,
  objectIdentifierFirstComponentMatch,
  equality({ oid: '1.3.6.1.1.16.2', name: 'UUIDMatch', syntax: SyntaxOid.uuid }, uuidKey),
  ordering({ oid: '1.3.6.1.1.16.3', name: 'UUIDOrderingMatch', syntax: SyntaxOid.uuid }, uuidKey),
  equality(
    { oid: '1.3.6.1.4.1.4203.666.11.2.2', name: 'CSNMatch', syntax: changeSequenceNumber },
    csnKey,
  ),
  ordering(
    { oid: '1.3.6.1.4.1.4203.666.11.2.3', name: 'CSNOrderingMatch', syntax: changeSequenceNumber },
    csnKey,
  ),
];

/** Every rule that attribute types and extensible filters may name. */
export const matchingRules: readonly MatchingRule[] = [
  ...stringRules,
  ...otherRules,
  ...certificateRules,
];

const byName: ReadonlyMap<string, MatchingRule> = new Map(
  matchingRules.flatMap((rule) => [
    [rule.oid, rule],
    [rule.name.toLowerCase(), rule],
  ]),
);

/** A rule by name in any case or numeric OID. */
export function matchingRule(nameOrOid: string): MatchingRule | undefined {
  return byName.get(nameOrOid) ?? byName.get(nameOrOid.toLowerCase());
}

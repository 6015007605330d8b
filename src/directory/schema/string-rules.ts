/**
 * Matching rules of strings (RFC 4517 §4.2.2 to §4.2.13, §4.2.21 and on), on the string preparation
 * of RFC 4518.
 *
 * @module
 */

import { concatBytes, decodeUtf8, encodeUtf8, equalBytes } from '../../core/bytes.ts';
import { keyedRule } from './keyed-rule.ts';
import type {
  EqualityRule,
  MatchingRule,
  OrderingRule,
  SubstringPlace,
  SubstringRule,
} from './schema-model.ts';
import {
  prepareNumericString,
  preparePiece,
  prepareString,
  prepareStringForSubstrings,
  prepareTelephoneNumber,
} from './string-prep.ts';
import { SyntaxOid } from './syntax-oid.ts';

type Prepare = (value: Uint8Array) => Uint8Array;

interface Facts {
  readonly oid: string;
  readonly name: string;
}

interface StringKind {
  /** The syntax of equality and ordering assertions. */
  readonly syntax: string;
  readonly appliesTo: ReadonlySet<string>;
  readonly prepare: Prepare;
  readonly prepareValue: Prepare;
  readonly preparePiece: (piece: Uint8Array, place: SubstringPlace) => Uint8Array;
}

function equality(kind: StringKind, facts: Facts): EqualityRule {
  const { syntax, appliesTo, prepare } = kind;
  return keyedRule({ ...facts, syntax, appliesTo, valueKey: prepare });
}

function ordering(kind: StringKind, facts: Facts): OrderingRule {
  const { syntax, appliesTo, prepare } = kind;
  return { kind: 'ordering', ...facts, syntax, appliesTo, valueKey: prepare };
}

function substrings(kind: StringKind, facts: Facts): SubstringRule {
  return {
    kind: 'substrings',
    ...facts,
    syntax: SyntaxOid.substringAssertion,
    appliesTo: kind.appliesTo,
    prepareValue: kind.prepareValue,
    preparePiece: kind.preparePiece,
  };
}

const directoryStrings: readonly string[] = [
  SyntaxOid.directoryString,
  SyntaxOid.printableString,
  SyntaxOid.countryString,
  SyntaxOid.telephoneNumber,
  SyntaxOid.ia5String,
];

function characters(foldsCase: boolean, syntax: string, appliesTo: readonly string[]): StringKind {
  return {
    syntax,
    appliesTo: new Set(appliesTo),
    prepare: (value) => prepareString(value, foldsCase),
    prepareValue: (value) => prepareStringForSubstrings(value, foldsCase),
    preparePiece: (piece, place) => preparePiece(piece, foldsCase, place),
  };
}

/** Strings of which some characters do not count: the same form serves values and pieces. */
function reduced(syntax: string, prepare: Prepare): StringKind {
  return {
    syntax,
    appliesTo: new Set([syntax]),
    prepare,
    prepareValue: prepare,
    preparePiece: prepare,
  };
}

const lineEnd = Uint8Array.of(0x0a);

/** Lines of a postal address (RFC 4517 §3.3.28), each prepared, so that no piece spans two. */
function eachLine(prepare: Prepare): Prepare {
  return (value) => {
    const lines = Buffer.from(value).toString('latin1').split('$');
    return concatBytes(
      ...lines.flatMap((line) => {
        const octets = Buffer.from(line, 'latin1').toString('utf8');
        const text = octets.replaceAll('\\24', '$').replace(/\\5[cC]/g, '\\');
        return [prepare(encodeUtf8(text)), lineEnd];
      }),
    );
  };
}

const caseIgnore = characters(true, SyntaxOid.directoryString, directoryStrings);
const caseExact = characters(false, SyntaxOid.directoryString, directoryStrings);
const caseIgnoreIa5 = characters(true, SyntaxOid.ia5String, [SyntaxOid.ia5String]);
const caseExactIa5 = characters(false, SyntaxOid.ia5String, [SyntaxOid.ia5String]);
const numeric = reduced(SyntaxOid.numericString, prepareNumericString);
const telephone = reduced(SyntaxOid.telephoneNumber, prepareTelephoneNumber);
const caseIgnoreList: StringKind = {
  syntax: SyntaxOid.postalAddress,
  appliesTo: new Set([SyntaxOid.postalAddress]),
  prepare: eachLine(caseIgnore.prepare),
  prepareValue: eachLine(caseIgnore.prepareValue),
  preparePiece: caseIgnore.preparePiece,
};

/** True when the assertion is one of the parts of the value, as `separator` makes them. */
function partOf(separator: RegExp, facts: Facts): EqualityRule {
  const { prepare, syntax, appliesTo } = caseIgnore;
  const parts: EqualityRule['indexKeys'] = (value) =>
    (decodeUtf8(prepare(value)) ?? '').split(separator).filter(Boolean).map(encodeUtf8);
  return {
    kind: 'equality',
    ...facts,
    syntax,
    appliesTo,
    valueKey: prepare,
    indexKeys: parts,
    readAssertion: (assertion, schema) => {
      const indexKey = prepare(assertion);
      return {
        indexKey,
        matches: (value) => parts(value, schema).some((part) => equalBytes(part, indexKey)),
      };
    },
  };
}

/** Words are runs of letters and digits; RFC 4517 §4.2.32 leaves it to the server. */
const betweenWords = /[^\p{L}\p{M}\p{N}]+/u;
/** Keywords have spaces, commas or semicolons between them (§4.2.21 leaves it to the server). */
const betweenKeywords = /[\s,;]+/u;

export const stringRules: readonly MatchingRule[] = [
  equality(caseIgnore, { oid: '2.5.13.2', name: 'caseIgnoreMatch' }),
  ordering(caseIgnore, { oid: '2.5.13.3', name: 'caseIgnoreOrderingMatch' }),
  substrings(caseIgnore, { oid: '2.5.13.4', name: 'caseIgnoreSubstringsMatch' }),
  equality(caseExact, { oid: '2.5.13.5', name: 'caseExactMatch' }),
  ordering(caseExact, { oid: '2.5.13.6', name: 'caseExactOrderingMatch' }),
  substrings(caseExact, { oid: '2.5.13.7', name: 'caseExactSubstringsMatch' }),
  equality(numeric, { oid: '2.5.13.8', name: 'numericStringMatch' }),
  ordering(numeric, { oid: '2.5.13.9', name: 'numericStringOrderingMatch' }),
  substrings(numeric, { oid: '2.5.13.10', name: 'numericStringSubstringsMatch' }),
  equality(caseIgnoreList, { oid: '2.5.13.11', name: 'caseIgnoreListMatch' }),
  substrings(caseIgnoreList, { oid: '2.5.13.12', name: 'caseIgnoreListSubstringsMatch' }),
  equality(telephone, { oid: '2.5.13.20', name: 'telephoneNumberMatch' }),
  substrings(telephone, { oid: '2.5.13.21', name: 'telephoneNumberSubstringsMatch' }),
  partOf(betweenWords, { oid: '2.5.13.32', name: 'wordMatch' }),
  partOf(betweenKeywords, { oid: '2.5.13.33', name: 'keywordMatch' }),
  equality(caseExactIa5, { oid: '1.3.6.1.4.1.1466.109.114.1', name: 'caseExactIA5Match' }),
  equality(caseIgnoreIa5, { oid: '1.3.6.1.4.1.1466.109.114.2', name: 'caseIgnoreIA5Match' }),
  substrings(caseIgnoreIa5, {
    oid: '1.3.6.1.4.1.1466.109.114.3',
    name: 'caseIgnoreIA5SubstringsMatch',
  }),
];

/**
 * LDAP syntaxes (RFC 4517 §3.3): which octets are a value. Each has a check of its own; values that
 * pass are kept as they came.
 *
 * Not here: the certificate syntaxes' checks (certificate-syntax.ts), what makes values equal
 * (matching-rules.ts).
 *
 * @module
 */

import { isPrintableText } from '../../asn1/strings.ts';
import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import {
  certificateListProblem,
  certificatePairProblem,
  certificateProblem,
  supportedAlgorithmProblem,
} from '../certificates/certificate-syntax.ts';
import { DirectoryError } from '../errors.ts';
import { Dn } from '../names/dn.ts';
import { parseGeneralizedTime } from './generalized-time.ts';
import { isEnhancedGuide, isGuide } from './guide-syntax.ts';
import type { SchemaLookup, Syntax } from './schema-model.ts';
import { firstComponentOf, isDescriptor, isNumericOid } from './schema-parser.ts';
import { type KnownSyntaxOid, SyntaxOid } from './syntax-oid.ts';

type Problem = Syntax['problem'];

const notUtf8 = 'not UTF-8 text';
/** Values that a pattern is put on are no longer than this. */
const MAX_SHAPED_LENGTH = 65_536;
const tooLong = `longer than ${MAX_SHAPED_LENGTH} octets`;

/** A check of text; `wanted` completes "not …". */
function text(wanted: string, isValid: (text: string, schema: SchemaLookup) => boolean): Problem {
  return (value, schema) => {
    if (value.length > MAX_SHAPED_LENGTH) {
      return tooLong;
    }
    const decoded = decodeUtf8(value);
    if (decoded === undefined) {
      return notUtf8;
    }
    return isValid(decoded, schema) ? undefined : `not ${wanted}`;
  };
}

function matching(wanted: string, shape: RegExp): Problem {
  return text(wanted, (value) => shape.test(value));
}

function description(wanted: string): Problem {
  return text(wanted, (value) => firstComponentOf(value) !== undefined && value.endsWith(')'));
}

/** Nearly all values are, and this is quicker than decoding. */
function isAscii(value: Uint8Array): boolean {
  for (const octet of value) {
    if (octet > 0x7f) {
      return false;
    }
  }
  return true;
}

const isPrintable = (value: string): boolean => value !== '' && isPrintableText(value);
const bitStringShape = /^'[01]*'B$/;
const deliveryMethodShape =
  /^(?:any|mhs|physical|telex|teletex|g3fax|g4fax|ia5|videotex|telephone)(?: *\$ *(?:any|mhs|physical|telex|teletex|g3fax|g4fax|ia5|videotex|telephone))*$/;
const faxParameters: ReadonlySet<string> = new Set([
  'twoDimensional',
  'fineResolution',
  'unlimitedLength',
  'b4Length',
  'a3Width',
  'b4Width',
  'uncompressed',
]);
const teletexParameter = /^(?:graphic|control|misc|page|private):/;

function isDistinguishedName(value: string, schema: SchemaLookup): boolean {
  try {
    Dn.parse(value, schema);
    return true;
  } catch (error) {
    if (error instanceof DirectoryError) {
      return false;
    }
    throw error;
  }
}

function isNameAndOptionalUid(value: string, schema: SchemaLookup): boolean {
  return isDistinguishedName(splitOptionalUid(value).name, schema);
}

/**
 * A Name And Optional UID taken apart (RFC 4517 §3.3.21). The `#` of a UID is the last one, and only
 * when a bit string follows it.
 */
export function splitOptionalUid(value: string): { readonly name: string; readonly uid: string } {
  const hash = value.lastIndexOf('#');
  return hash >= 0 && bitStringShape.test(value.slice(hash + 1))
    ? { name: value.slice(0, hash), uid: value.slice(hash + 1) }
    : { name: value, uid: '' };
}

function isFacsimileNumber(value: string): boolean {
  const [number, ...parameters] = value.split('$');
  return isPrintable(number ?? '') && parameters.every((each) => faxParameters.has(each));
}

function isTelexNumber(value: string): boolean {
  const parts = value.split('$');
  return parts.length === 3 && parts.every(isPrintable);
}

/** RFC 4517 §3.3.27. */
function isOtherMailbox(value: string): boolean {
  const dollar = value.indexOf('$');
  return dollar > 0 && isPrintable(value.slice(0, dollar)) && isAscii(encodeUtf8(value));
}

/** RFC 4517 §3.3.34: minutes are enough, the zone may be left out. */
function isUtcTime(value: string): boolean {
  const parts = /^(\d{10}(?:\d{2})?)(Z|[+-]\d{4})?$/.exec(value);
  return parts !== null && parseGeneralizedTime(`20${parts[1]}${parts[2] ?? 'Z'}`) !== undefined;
}

/** RFC 4517 §3.3.28: lines of at least one character, `\24` for `$` and `\5C` for the backslash. */
function isPostalAddress(value: string): boolean {
  return value.split('$').every((line) => /^(?:[^\\]|\\24|\\5[Cc])+$/u.test(line));
}

const directoryString: Problem = (value) => {
  if (value.length === 0) {
    return 'not a text of at least one character';
  }
  return isAscii(value) || decodeUtf8(value) !== undefined ? undefined : notUtf8;
};

const teletexTerminalIdentifier: Problem = (value) => {
  if (value.length > MAX_SHAPED_LENGTH) {
    return tooLong;
  }
  // The parameters' values are octets; the parts that are text are ASCII.
  const [terminal, ...parameters] = Buffer.from(value).toString('latin1').split('$');
  return isPrintable(terminal ?? '') && parameters.every((each) => teletexParameter.test(each))
    ? undefined
    : 'not a teletex terminal identifier';
};

interface SyntaxFacts {
  readonly description: string;
  readonly problem: Problem;
  readonly isText?: false;
  readonly requiresBinary?: true;
}

const anyOctets: Problem = () => undefined;
/** An assertion's syntax: no attribute has it; the rule checks the assertion. */
const assertionOnly: Problem = () => 'of a syntax that attributes do not have';

const facts: Readonly<Record<KnownSyntaxOid, SyntaxFacts>> = {
  [SyntaxOid.attributeTypeDescription]: {
    description: 'Attribute Type Description',
    problem: description('an attribute type description'),
  },
  [SyntaxOid.bitString]: {
    description: 'Bit String',
    problem: matching("a bit string like '0101'B", bitStringShape),
  },
  [SyntaxOid.boolean]: {
    description: 'Boolean',
    problem: matching('TRUE or FALSE', /^(?:TRUE|FALSE)$/),
  },
  [SyntaxOid.certificate]: {
    description: 'X.509 Certificate',
    problem: certificateProblem,
    isText: false,
    requiresBinary: true,
  },
  [SyntaxOid.certificateList]: {
    description: 'X.509 Certificate List',
    problem: certificateListProblem,
    isText: false,
    requiresBinary: true,
  },
  [SyntaxOid.certificatePair]: {
    description: 'X.509 Certificate Pair',
    problem: certificatePairProblem,
    isText: false,
    requiresBinary: true,
  },
  [SyntaxOid.countryString]: {
    description: 'Country String',
    problem: text('two printable characters', (value) => value.length === 2 && isPrintable(value)),
  },
  [SyntaxOid.distinguishedName]: {
    description: 'DN',
    problem: text('a distinguished name', isDistinguishedName),
  },
  [SyntaxOid.deliveryMethod]: {
    description: 'Delivery Method',
    problem: matching('a list of delivery methods', deliveryMethodShape),
  },
  [SyntaxOid.directoryString]: {
    description: 'Directory String',
    problem: directoryString,
  },
  [SyntaxOid.ditContentRuleDescription]: {
    description: 'DIT Content Rule Description',
    problem: description('a DIT content rule description'),
  },
  [SyntaxOid.ditStructureRuleDescription]: {
    description: 'DIT Structure Rule Description',
    problem: matching('a DIT structure rule description', /^\( *\d+ .*\)$/),
  },
  [SyntaxOid.enhancedGuide]: {
    description: 'Enhanced Guide',
    problem: text('an enhanced guide', isEnhancedGuide),
  },
  [SyntaxOid.facsimileTelephoneNumber]: {
    description: 'Facsimile Telephone Number',
    problem: text('a facsimile telephone number', isFacsimileNumber),
  },
  [SyntaxOid.fax]: { description: 'Fax', problem: anyOctets, isText: false },
  [SyntaxOid.generalizedTime]: {
    description: 'Generalized Time',
    problem: text(
      'a time like 20260131235959Z',
      (value) => parseGeneralizedTime(value) !== undefined,
    ),
  },
  [SyntaxOid.guide]: { description: 'Guide', problem: text('a guide', isGuide) },
  [SyntaxOid.ia5String]: {
    description: 'IA5 String',
    problem: (value) => (isAscii(value) ? undefined : 'not ASCII text'),
  },
  [SyntaxOid.integer]: {
    description: 'INTEGER',
    problem: matching('an integer', /^(?:0|-?[1-9]\d*)$/),
  },
  [SyntaxOid.jpeg]: { description: 'JPEG', problem: anyOctets, isText: false },
  [SyntaxOid.matchingRuleDescription]: {
    description: 'Matching Rule Description',
    problem: description('a matching rule description'),
  },
  [SyntaxOid.matchingRuleUseDescription]: {
    description: 'Matching Rule Use Description',
    problem: description('a matching rule use description'),
  },
  [SyntaxOid.nameAndOptionalUid]: {
    description: 'Name And Optional UID',
    problem: text('a name and optional UID', isNameAndOptionalUid),
  },
  [SyntaxOid.nameFormDescription]: {
    description: 'Name Form Description',
    problem: description('a name form description'),
  },
  [SyntaxOid.numericString]: {
    description: 'Numeric String',
    problem: matching('digits and spaces', /^[0-9 ]+$/),
  },
  [SyntaxOid.objectClassDescription]: {
    description: 'Object Class Description',
    problem: description('an object class description'),
  },
  [SyntaxOid.objectIdentifier]: {
    description: 'OID',
    problem: text('a name or an OID', (value) => isDescriptor(value) || isNumericOid(value)),
  },
  [SyntaxOid.octetString]: { description: 'Octet String', problem: anyOctets, isText: false },
  [SyntaxOid.otherMailbox]: {
    description: 'Other Mailbox',
    problem: text('a kind of mailbox, $ and a mailbox', isOtherMailbox),
  },
  [SyntaxOid.postalAddress]: {
    description: 'Postal Address',
    problem: text('a postal address', isPostalAddress),
  },
  [SyntaxOid.printableString]: {
    description: 'Printable String',
    problem: text('a printable string', isPrintable),
  },
  [SyntaxOid.supportedAlgorithm]: {
    description: 'X.509 Supported Algorithm',
    problem: supportedAlgorithmProblem,
    isText: false,
    requiresBinary: true,
  },
  [SyntaxOid.subtreeSpecification]: {
    description: 'Subtree Specification',
    problem: matching('a subtree specification', /^\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}$/),
  },
  [SyntaxOid.telephoneNumber]: {
    description: 'Telephone Number',
    problem: text('a telephone number', isPrintable),
  },
  [SyntaxOid.teletexTerminalIdentifier]: {
    description: 'Teletex Terminal Identifier',
    problem: teletexTerminalIdentifier,
    isText: false,
  },
  [SyntaxOid.telexNumber]: {
    description: 'Telex Number',
    problem: text('a telex number', isTelexNumber),
  },
  [SyntaxOid.utcTime]: {
    description: 'UTC Time',
    problem: text('a time like 260131235959Z', isUtcTime),
  },
  [SyntaxOid.ldapSyntaxDescription]: {
    description: 'LDAP Syntax Description',
    problem: description('a syntax description'),
  },
  [SyntaxOid.substringAssertion]: {
    description: 'Substring Assertion',
    problem: assertionOnly,
  },
  [SyntaxOid.certificateExactAssertion]: {
    description: 'X.509 Certificate Exact Assertion',
    problem: assertionOnly,
  },
  [SyntaxOid.certificateAssertion]: {
    description: 'X.509 Certificate Assertion',
    problem: assertionOnly,
  },
  [SyntaxOid.certificatePairExactAssertion]: {
    description: 'X.509 Certificate Pair Exact Assertion',
    problem: assertionOnly,
  },
  [SyntaxOid.certificatePairAssertion]: {
    description: 'X.509 Certificate Pair Assertion',
    problem: assertionOnly,
  },
  [SyntaxOid.certificateListExactAssertion]: {
    description: 'X.509 Certificate List Exact Assertion',
    problem: assertionOnly,
  },
  [SyntaxOid.certificateListAssertion]: {
    description: 'X.509 Certificate List Assertion',
    problem: assertionOnly,
  },
  [SyntaxOid.algorithmIdentifier]: {
    description: 'X.509 Algorithm Identifier',
    problem: assertionOnly,
  },
  [SyntaxOid.uuid]: {
    description: 'UUID',
    problem: matching('a UUID', /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i),
  },
  [SyntaxOid.changeSequenceNumber]: {
    description: 'Change Sequence Number',
    problem: matching(
      'a change sequence number',
      /^\d{14}\.\d{6}Z#[0-9a-f]{6}#[0-9a-f]{3}#[0-9a-f]{6}$/,
    ),
  },
};

/** Every syntax that attribute types may name, by OID. */
export const syntaxes: ReadonlyMap<string, Syntax> = new Map(
  Object.entries(facts).map(([oid, { description, problem, isText, requiresBinary }]) => [
    oid,
    {
      oid,
      description,
      problem,
      isText: isText ?? true,
      requiresBinary: requiresBinary ?? false,
    },
  ]),
);

/**
 * AltNameType (RFC 4523 A.2): which kind of name a subjectAltName must have, without a word on the
 * name itself.
 *
 * @module
 */

import type { GserReader } from '../../asn1/gser-reader.ts';
import { contextTag } from '../../asn1/tags.ts';
import type { GeneralName } from '../../x509/general-name.ts';

type NameTest = (name: GeneralName) => boolean;

const ofKind =
  (kind: GeneralName['kind']): NameTest =>
  (name) =>
    name.kind === kind;

/** Kinds that are kept as they are, told apart by their tag. */
const ofTag =
  (number: number): NameTest =>
  (name) =>
    name.kind === 'unsupported' && name.der[0] === contextTag(number, 'constructed');

const builtinForms: ReadonlyMap<string, NameTest> = new Map([
  ['rfc822Name', ofKind('rfc822Name')],
  ['dNSName', ofKind('dnsName')],
  ['x400Address', ofTag(3)],
  ['directoryName', ofKind('directoryName')],
  ['ediPartyName', ofTag(5)],
  ['uniformResourceIdentifier', ofKind('uri')],
  ['iPAddress', ofKind('ipAddress')],
  ['registeredId', ofKind('registeredId')],
]);

/** Reads `builtinNameForm:dNSName` or `otherNameForm:1.2.3` as a test of a name. */
export function readNameType(reader: GserReader): NameTest {
  const choice = reader.readIdentifier();
  reader.expect(':');
  switch (choice) {
    case 'builtinNameForm': {
      const form = reader.readIdentifier();
      return builtinForms.get(form) ?? reader.fail(`${form} is not a form of names`);
    }
    case 'otherNameForm': {
      const type = reader.readOid();
      return (name) => name.kind === 'otherName' && name.type === type;
    }
    default:
      return reader.fail(`${choice} is not a type of names`);
  }
}

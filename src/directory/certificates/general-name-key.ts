/**
 * GeneralNames compared by keys: those of a certificate or list on one side, those of an assertion
 * (RFC 3642 §4) on the other. Hosts and the domains of mailboxes compare without regard to case
 * (RFC 5280 §7), directory names by the schema's rules.
 *
 * An x400Address has no GSER that a server could compare and cannot be asserted.
 *
 * @module
 */

import { DerReader } from '../../asn1/der-reader.ts';
import type { GserReader } from '../../asn1/gser-reader.ts';
import { contextTag } from '../../asn1/tags.ts';
import { formatHex } from '../../core/bytes.ts';
import type { GeneralName } from '../../x509/general-name.ts';
import type { RelativeName } from '../../x509/name.ts';
import type { SchemaLookup } from '../schema/schema-model.ts';
import { readNameKey } from './assertion-reader.ts';
import { keyOfName } from './name-key.ts';
import { keyOfOpenValue, readOpenValue } from './open-value.ts';

/** The key of a name that was parsed from DER. @throws {DerError} for a malformed otherName or ediPartyName. */
export function keyOfGeneralName(name: GeneralName, schema: SchemaLookup): string {
  switch (name.kind) {
    case 'otherName':
      return otherNameKey(name.type, keyOfOpenValue(name.value));
    case 'rfc822Name':
      return mailboxKey(name.text);
    case 'dnsName':
      return hostKey(name.text);
    case 'directoryName':
      return directoryNameKey(keyOfName(name.name, schema));
    case 'uri':
      return uriKey(name.text);
    case 'ipAddress':
      return addressKey(name.bytes);
    case 'registeredId':
      return registeredIdKey(name.oid);
    case 'unsupported':
      return keyOfUnsupported(name.der);
  }
}

/** The keys of several names, each once. */
export function keysOfGeneralNames(
  names: readonly GeneralName[],
  schema: SchemaLookup,
): ReadonlySet<string> {
  return new Set(names.map((name) => keyOfGeneralName(name, schema)));
}

/** The key of a directory name whose own key is known. */
export function directoryNameKey(nameKey: Uint8Array): string {
  return `directoryName ${formatHex(nameKey)}`;
}

/** The key of a nameRelativeToCRLIssuer. */
export function keyOfRelativeName(name: RelativeName, schema: SchemaLookup): Uint8Array {
  return keyOfName({ rdns: [name], der: new Uint8Array(0) }, schema);
}

/**
 * Reads one `GeneralName`, `kind:value`.
 *
 * @returns every key that it may have; one, unless the type of an otherName's value is uncertain.
 */
export function readGeneralName(reader: GserReader, schema: SchemaLookup): readonly string[] {
  const kind = reader.readIdentifier();
  reader.expect(':');
  switch (kind) {
    case 'otherName':
      return readOtherName(reader);
    case 'rfc822Name':
      return [mailboxKey(reader.readString())];
    case 'dNSName':
      return [hostKey(reader.readString())];
    case 'directoryName':
      return [directoryNameKey(readNameKey(reader, schema))];
    case 'ediPartyName':
      return [readEdiPartyName(reader)];
    case 'uniformResourceIdentifier':
      return [uriKey(reader.readString())];
    case 'iPAddress':
      return [addressKey(reader.readOctetString())];
    case 'registeredID':
      return [registeredIdKey(reader.readOid())];
    default:
      return reader.fail(`${kind} cannot be asserted`);
  }
}

/** Reads `GeneralNames`, `{ name, name }`, at least one. @returns the possible keys of each. */
export function readGeneralNames(
  reader: GserReader,
  schema: SchemaLookup,
): readonly (readonly string[])[] {
  const names: (readonly string[])[] = [];
  reader.readElements(() => names.push(readGeneralName(reader, schema)));
  return names.length === 0 ? reader.fail('at least one name is needed') : names;
}

function readOtherName(reader: GserReader): readonly string[] {
  let type: string | undefined;
  let values: readonly string[] | undefined;
  reader.readSequence((name) => {
    if (name === 'type-id') {
      type = reader.readOid();
    } else if (name === 'value') {
      values = readOpenValue(reader);
    } else {
      reader.fail(`${name} is not a component here`);
    }
  });
  if (type === undefined || values === undefined) {
    return reader.fail('type-id and value are both needed');
  }
  const oid = type;
  return values.map((value) => otherNameKey(oid, value));
}

function readEdiPartyName(reader: GserReader): string {
  let assigner: string | undefined;
  let party: string | undefined;
  reader.readSequence((name) => {
    if (name === 'nameAssigner') {
      assigner = readDirectoryString(reader);
    } else if (name === 'partyName') {
      party = readDirectoryString(reader);
    } else {
      reader.fail(`${name} is not a component here`);
    }
  });
  return party === undefined ? reader.fail('partyName is needed') : ediPartyKey(assigner, party);
}

/** A ChoiceOfStrings: with the alternative in front or without (RFC 3641 §3.3). */
function readDirectoryString(reader: GserReader): string {
  if (!reader.isNext('"')) {
    reader.readIdentifier();
    reader.expect(':');
  }
  return reader.readString();
}

const ediPartyTag = contextTag(5, 'constructed');

function keyOfUnsupported(der: Uint8Array): string {
  const outer = new DerReader(der);
  if (outer.peekTag() !== ediPartyTag) {
    return `der ${formatHex(der)}`;
  }
  const reader = outer.readConstructed(ediPartyTag);
  const field = (number: number): string =>
    reader.readConstructed(contextTag(number, 'constructed')).readString().value;
  const assigner = reader.peekTag() === contextTag(0, 'constructed') ? field(0) : undefined;
  return ediPartyKey(assigner, field(1));
}

const otherNameKey = (type: string, value: string): string => `otherName ${type} ${value}`;
const hostKey = (host: string): string => `dNSName ${lowerCaseAscii(host)}`;
const addressKey = (octets: Uint8Array): string => `iPAddress ${formatHex(octets)}`;
const registeredIdKey = (oid: string): string => `registeredID ${oid}`;
const ediPartyKey = (assigner: string | undefined, party: string): string =>
  `ediPartyName ${JSON.stringify([assigner ?? null, party])}`;

/** RFC 5280 §7.5: the local part as it is. */
function mailboxKey(mailbox: string): string {
  const at = mailbox.lastIndexOf('@') + 1;
  return `rfc822Name ${mailbox.slice(0, at)}${lowerCaseAscii(mailbox.slice(at))}`;
}

/** RFC 5280 §7.4: scheme and host without regard to case, the rest as it is. */
function uriKey(uri: string): string {
  const authority = /^[a-z][a-z0-9+.-]*:(?:\/\/[^/?#]*)?/i.exec(uri)?.[0] ?? '';
  const userEnd = authority.lastIndexOf('@') + 1;
  const colon = authority.indexOf(':') + 1;
  const user = authority.slice(colon, Math.max(colon, userEnd));
  const host = authority.slice(Math.max(colon, userEnd));
  const scheme = authority.slice(0, colon);
  const rest = uri.slice(authority.length);
  return `uniformResourceIdentifier ${lowerCaseAscii(scheme)}${user}${lowerCaseAscii(host)}${rest}`;
}

/** The other letters of a name in a certificate are ASCII; those of an assertion may be any. */
function lowerCaseAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/**
 * GeneralName (RFC 5280 §4.2.1.6), the CHOICE behind alternative names, distribution points and
 * authority key identifiers.
 *
 * @module
 */

import { DerReader } from '../asn1/der-reader.ts';
import {
  encodeElement,
  encodeExplicit,
  encodeIa5String,
  encodeOid,
  retag,
} from '../asn1/der-writer.ts';
import { decodeString } from '../asn1/strings.ts';
import { contextTag, Tag } from '../asn1/tags.ts';
import { parsing, X509Error } from './errors.ts';
import { type Name, parseName } from './name.ts';

export type GeneralName =
  /** `value` is the one DER element inside the `[0] EXPLICIT`. */
  | { readonly kind: 'otherName'; readonly type: string; readonly value: Uint8Array }
  | { readonly kind: 'rfc822Name'; readonly text: string }
  | { readonly kind: 'dnsName'; readonly text: string }
  | { readonly kind: 'directoryName'; readonly name: Name }
  | { readonly kind: 'uri'; readonly text: string }
  /** 4 or 16 octets; 8 or 32 in name constraints. */
  | { readonly kind: 'ipAddress'; readonly bytes: Uint8Array }
  | { readonly kind: 'registeredId'; readonly oid: string }
  /** x400Address and ediPartyName, read and written as they are. */
  | { readonly kind: 'unsupported'; readonly der: Uint8Array };

const GeneralNameTag = {
  otherName: contextTag(0, 'constructed'),
  rfc822Name: contextTag(1, 'primitive'),
  dnsName: contextTag(2, 'primitive'),
  x400Address: contextTag(3, 'constructed'),
  directoryName: contextTag(4, 'constructed'),
  ediPartyName: contextTag(5, 'constructed'),
  uri: contextTag(6, 'primitive'),
  ipAddress: contextTag(7, 'primitive'),
  registeredId: contextTag(8, 'primitive'),
} as const;

/**
 * Encodes one GeneralName.
 *
 * @throws {X509Error} `X509_EXTENSION` when a text is empty or not ASCII, or an address has a wrong
 *   length.
 */
export function encodeGeneralName(name: GeneralName): Uint8Array {
  return parsing('X509_EXTENSION', 'name in an extension', () => writeGeneralName(name));
}

function writeGeneralName(name: GeneralName): Uint8Array {
  switch (name.kind) {
    case 'otherName':
      return encodeElement(
        GeneralNameTag.otherName,
        encodeOid(name.type),
        encodeExplicit(0, name.value),
      );
    case 'rfc822Name':
      return encodeAscii(GeneralNameTag.rfc822Name, name.text);
    case 'dnsName':
      return encodeAscii(GeneralNameTag.dnsName, name.text);
    case 'uri':
      return encodeAscii(GeneralNameTag.uri, name.text);
    case 'directoryName':
      // Name is a CHOICE, so the implicit tag becomes an explicit one (X.680 §31.2.7).
      return encodeElement(GeneralNameTag.directoryName, name.name.der);
    case 'ipAddress':
      if (![4, 8, 16, 32].includes(name.bytes.length)) {
        throw new X509Error('X509_EXTENSION', 'an IP address has 4 or 16 octets');
      }
      return encodeElement(GeneralNameTag.ipAddress, name.bytes);
    case 'registeredId':
      return retag(GeneralNameTag.registeredId, encodeOid(name.oid));
    case 'unsupported':
      return name.der;
  }
}

function encodeAscii(tag: number, text: string): Uint8Array {
  if (text === '') {
    throw new X509Error('X509_EXTENSION', 'a name in an extension is empty');
  }
  return retag(tag, encodeIa5String(text));
}

/**
 * Encodes the elements of `GeneralNames`, one after another; the caller adds the tag around them.
 *
 * @throws {X509Error} `X509_EXTENSION` when there are none.
 */
export function encodeGeneralNames(tag: number, names: readonly GeneralName[]): Uint8Array {
  if (names.length === 0) {
    throw new X509Error('X509_EXTENSION', 'a list of names needs at least one');
  }
  return encodeElement(tag, ...names.map(encodeGeneralName));
}

/**
 * Reads `GeneralNames` up to the reader's end.
 *
 * @throws {X509Error} `X509_EXTENSION` when there are none or one is malformed.
 */
export function readGeneralNames(reader: DerReader): readonly GeneralName[] {
  return parsing('X509_EXTENSION', 'GeneralNames', () => {
    const names: GeneralName[] = [];
    do {
      names.push(readGeneralName(reader));
    } while (!reader.isAtEnd);
    return names;
  });
}

/**
 * Reads one GeneralName.
 *
 * @throws {X509Error} `X509_EXTENSION`
 */
export function readGeneralName(reader: DerReader): GeneralName {
  const { tag, raw, content } = reader.readElement();
  switch (tag) {
    case GeneralNameTag.otherName:
      return parseOtherName(content);
    case GeneralNameTag.rfc822Name:
      return { kind: 'rfc822Name', text: decodeString(Tag.ia5String, content) };
    case GeneralNameTag.dnsName:
      return { kind: 'dnsName', text: decodeString(Tag.ia5String, content) };
    case GeneralNameTag.uri:
      return { kind: 'uri', text: decodeString(Tag.ia5String, content) };
    case GeneralNameTag.directoryName:
      return { kind: 'directoryName', name: parseName(content) };
    case GeneralNameTag.ipAddress:
      if (![4, 8, 16, 32].includes(content.length)) {
        throw new X509Error('X509_EXTENSION', 'malformed GeneralName: IP address length');
      }
      return { kind: 'ipAddress', bytes: content };
    case GeneralNameTag.registeredId:
      return {
        kind: 'registeredId',
        oid: new DerReader(raw).readOid(GeneralNameTag.registeredId),
      };
    case GeneralNameTag.x400Address:
    case GeneralNameTag.ediPartyName:
      return { kind: 'unsupported', der: raw };
    default:
      throw new X509Error('X509_EXTENSION', 'malformed GeneralName: unknown alternative');
  }
}

function parseOtherName(content: Uint8Array): GeneralName {
  const reader = new DerReader(content);
  const type = reader.readOid();
  const wrapper = reader.readConstructed(contextTag(0, 'constructed'));
  const value = wrapper.readElement().raw;
  wrapper.expectEnd();
  reader.expectEnd();
  return { kind: 'otherName', type, value };
}

/**
 * subjectKeyIdentifier and authorityKeyIdentifier (RFC 5280 §4.2.1.1, §4.2.1.2).
 *
 * @module
 */

import { createHash } from 'node:crypto';

import {
  encodeElement,
  encodeInteger,
  encodeOctetString,
  encodeSequence,
  retag,
} from '../asn1/der-writer.ts';
import { contextTag } from '../asn1/tags.ts';
import { readPublicKeyBits } from './algorithms.ts';
import { X509Error } from './errors.ts';
import { type Extension, parseExtensionValue } from './extensions.ts';
import { encodeGeneralNames, type GeneralName, readGeneralNames } from './general-name.ts';
import { Oid } from './object-identifiers.ts';

/** At least one of both halves; issuer and serial number only together. */
export interface AuthorityKeyIdentifier {
  readonly keyIdentifier?: Uint8Array;
  readonly issuer?: readonly GeneralName[];
  readonly serialNumber?: bigint;
}

const KeyIdentifierTag = {
  keyIdentifier: contextTag(0, 'primitive'),
  issuer: contextTag(1, 'constructed'),
  serialNumber: contextTag(2, 'primitive'),
} as const;

/**
 * The key identifier of method 1 of RFC 5280 §4.2.1.2: SHA-1 over the bits of the public key. SHA-1
 * names the key here and protects nothing.
 *
 * @throws {X509Error} `X509_PUBLIC_KEY`
 */
export function computeKeyIdentifier(spki: Uint8Array): Uint8Array {
  return createHash('sha1').update(readPublicKeyBits(spki)).digest();
}

export function buildSubjectKeyIdentifier(keyIdentifier: Uint8Array, critical = false): Extension {
  return { oid: Oid.subjectKeyIdentifier, critical, value: encodeOctetString(keyIdentifier) };
}

/** @throws {X509Error} `X509_EXTENSION` */
export function parseSubjectKeyIdentifier(value: Uint8Array): Uint8Array {
  return parseExtensionValue('subjectKeyIdentifier', value, (reader) => reader.readOctetString());
}

/** @throws {X509Error} `X509_EXTENSION` when it names nothing, or only half of issuer and serial. */
export function buildAuthorityKeyIdentifier(
  identifier: AuthorityKeyIdentifier,
  critical = false,
): Extension {
  const { keyIdentifier, issuer, serialNumber } = identifier;
  checkHalves(identifier);
  const fields: Uint8Array[] = [];
  if (keyIdentifier !== undefined) {
    fields.push(encodeElement(KeyIdentifierTag.keyIdentifier, keyIdentifier));
  }
  if (issuer !== undefined && serialNumber !== undefined) {
    fields.push(
      encodeGeneralNames(KeyIdentifierTag.issuer, issuer),
      retag(KeyIdentifierTag.serialNumber, encodeInteger(serialNumber)),
    );
  }
  return { oid: Oid.authorityKeyIdentifier, critical, value: encodeSequence(...fields) };
}

function checkHalves({ keyIdentifier, issuer, serialNumber }: AuthorityKeyIdentifier): void {
  const isHalf = (issuer === undefined) !== (serialNumber === undefined);
  if (isHalf || (keyIdentifier === undefined && issuer === undefined)) {
    throw new X509Error(
      'X509_EXTENSION',
      'authorityKeyIdentifier needs a key identifier, or issuer and serial number together',
    );
  }
}

/** @throws {X509Error} `X509_EXTENSION` */
export function parseAuthorityKeyIdentifier(value: Uint8Array): AuthorityKeyIdentifier {
  return parseExtensionValue('authorityKeyIdentifier', value, (outer) => {
    const reader = outer.readConstructed();
    const keyIdentifier = reader.readOptional(KeyIdentifierTag.keyIdentifier)?.content;
    const issuer =
      reader.peekTag() === KeyIdentifierTag.issuer
        ? readGeneralNames(reader.readConstructed(KeyIdentifierTag.issuer))
        : undefined;
    const serialNumber =
      reader.peekTag() === KeyIdentifierTag.serialNumber
        ? reader.readInteger(KeyIdentifierTag.serialNumber)
        : undefined;
    reader.expectEnd();
    return {
      ...(keyIdentifier === undefined ? {} : { keyIdentifier }),
      ...(issuer === undefined ? {} : { issuer }),
      ...(serialNumber === undefined ? {} : { serialNumber }),
    };
  });
}

/**
 * Extensions of CRLs and their entries: cRLNumber (RFC 5280 §5.2.3), deltaCRLIndicator (§5.2.4),
 * reasonCode (§5.3.1), invalidityDate (§5.3.2) and Microsoft's CRL Next Publish.
 *
 * @module
 */

import {
  encodeEnumerated,
  encodeGeneralizedTime,
  encodeInteger,
  encodeTime,
} from '../asn1/der-writer.ts';
import { Tag } from '../asn1/tags.ts';
import { parsing, X509Error } from './errors.ts';
import { type Extension, parseExtensionValue } from './extensions.ts';
import { Oid } from './object-identifiers.ts';

/** CRLReason (RFC 5280 §5.3.1); 7 is unused. */
export const CrlReason = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;

export type CrlReasonName = keyof typeof CrlReason;

/** RFC 5280 §5.2.3: at most 20 octets, never negative. */
const maxCrlNumber = 2n ** 159n - 1n;

/** @throws {X509Error} `X509_EXTENSION` for a number that is negative or above 20 octets. */
export function buildCrlNumber(number: bigint, critical = false): Extension {
  if (number < 0n || number > maxCrlNumber) {
    throw new X509Error('X509_EXTENSION', 'a CRL number is not negative and fits into 20 octets');
  }
  return { oid: Oid.crlNumber, critical, value: encodeInteger(number) };
}

/** Also the value of deltaCRLIndicator. @throws {X509Error} `X509_EXTENSION` */
export function parseCrlNumber(value: Uint8Array): bigint {
  return parseExtensionValue('cRLNumber', value, (reader) => {
    const number = reader.readInteger();
    if (number < 0n || number > maxCrlNumber) {
      throw new X509Error('X509_EXTENSION', 'malformed cRLNumber: negative or above 20 octets');
    }
    return number;
  });
}

/** Marks a delta CRL and names the complete one it starts from. */
export function buildDeltaCrlIndicator(baseNumber: bigint): Extension {
  return { ...buildCrlNumber(baseNumber, true), oid: Oid.deltaCrlIndicator };
}

/**
 * reasonCode of an entry. For `unspecified` RFC 5280 §5.3.1 leaves the extension out, so it is
 * refused here.
 *
 * @throws {X509Error} `X509_EXTENSION` for a number that is no reason.
 */
export function buildReasonCode(reason: number): Extension {
  if (!isReason(reason) || reason === CrlReason.unspecified) {
    throw new X509Error('X509_EXTENSION', `${reason} is no reason that a CRL entry carries`);
  }
  return { oid: Oid.reasonCode, critical: false, value: encodeEnumerated(reason) };
}

/** @throws {X509Error} `X509_EXTENSION` */
export function parseReasonCode(value: Uint8Array): number {
  return parseExtensionValue('reasonCode', value, (reader) => {
    const reason = reader.readSmallInteger(Tag.enumerated);
    if (!isReason(reason)) {
      throw new X509Error('X509_EXTENSION', `malformed reasonCode: ${reason}`);
    }
    return reason;
  });
}

function isReason(reason: number): boolean {
  return Number.isInteger(reason) && reason >= 0 && reason <= 10 && reason !== 7;
}

/** When the key is thought to have been lost, or the certificate to have become invalid. */
export function buildInvalidityDate(atMs: number): Extension {
  const value = parsing('X509_EXTENSION', 'invalidityDate', () => encodeGeneralizedTime(atMs));
  return { oid: Oid.invalidityDate, critical: false, value };
}

/** @throws {X509Error} `X509_EXTENSION` */
export function parseInvalidityDate(value: Uint8Array): number {
  return parseExtensionValue('invalidityDate', value, (reader) => reader.readGeneralizedTime());
}

/** When the next CRL is to be published, which is before this one's nextUpdate. */
export function buildCrlNextPublish(atMs: number, critical = false): Extension {
  const value = parsing('X509_EXTENSION', 'CRL Next Publish', () => encodeTime(atMs));
  return { oid: Oid.crlNextPublish, critical, value };
}

/** @throws {X509Error} `X509_EXTENSION` */
export function parseCrlNextPublish(value: Uint8Array): number {
  return parseExtensionValue('CRL Next Publish', value, (reader) => reader.readTime());
}

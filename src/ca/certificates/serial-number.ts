/**
 * Certificate serial numbers: 20 octets, positive, 158 bits of them random (RFC 5280 §4.1.2.2; R-CERT
 * 4). Uniqueness comes from the reservation before signing (`issuance.ts`), not from chance.
 *
 * @module
 */

import { formatHex } from '../../core/bytes.ts';
import type { RandomSource } from '../../core/random.ts';
import { maxSerialNumber } from '../../x509/certificate.ts';
import { CaError } from '../errors.ts';

const SERIAL_OCTETS = 20;

/** Draws a number whose encoding always has 20 octets: the sign bit is 0 and the next one 1. */
export function drawSerialNumber(random: RandomSource): bigint {
  const bytes = Uint8Array.from(random.bytes(SERIAL_OCTETS));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return BigInt(`0x${formatHex(bytes)}`);
}

/** As operators see it: upper-case hexadecimal, two digits for each octet. */
export function formatSerialNumber(serialNumber: bigint): string {
  const hex = serialNumber.toString(16).toUpperCase();
  return hex.length % 2 === 0 ? hex : `0${hex}`;
}

/**
 * Reads what operators write: hexadecimal digits of either case, with or without colons between octets.
 *
 * @throws {CaError} `CA_SERIAL_MALFORMED`
 */
export function parseSerialNumber(text: string): bigint {
  const isPlain = /^[0-9A-Fa-f]{1,40}$/.test(text);
  const hasColons = /^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){1,19}$/.test(text);
  const serialNumber = isPlain || hasColons ? BigInt(`0x${text.replaceAll(':', '')}`) : 0n;
  if (serialNumber < 1n || serialNumber > maxSerialNumber) {
    throw new CaError(
      'CA_SERIAL_MALFORMED',
      'a serial number is up to 40 hexadecimal digits, as "certdir ca issue" and OpenSSL print it',
    );
  }
  return serialNumber;
}

/** 20 octets, so that numbers sort as keys. */
export function encodeSerialKey(serialNumber: bigint): Uint8Array {
  return Buffer.from(serialNumber.toString(16).padStart(SERIAL_OCTETS * 2, '0'), 'hex');
}

/**
 * What can be wrong with ASN.1 bytes, and with values that have no encoding.
 *
 * Messages name offsets, tags and lengths, never the bytes themselves.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export type DerErrorCode =
  /** A header or its content ends beyond the bytes at hand. */
  | 'DER_TRUNCATED'
  /** An indefinite, overlong or unrepresentable length. */
  | 'DER_LENGTH'
  /** Not the tag that belongs here, a multi-byte tag, or a universal type in the wrong form. */
  | 'DER_TAG'
  /** Content that is not the one DER encoding of a value of its type. */
  | 'DER_VALUE'
  /** A well-formed value outside the range that is allowed here. */
  | 'DER_RANGE'
  /** Not an object identifier, as text or as content. */
  | 'DER_OID'
  /** Not an X.509 time. */
  | 'DER_TIME'
  /** An instant that an X.509 time cannot carry. */
  | 'DER_TIME_RANGE'
  /** Characters or bytes outside the string type. */
  | 'DER_STRING'
  /** Bytes after the last element that belongs here. */
  | 'DER_TRAILING'
  /** Nested more deeply than any structure that is read here. */
  | 'DER_DEPTH';

/** Refused DER, or a value that DER cannot express. */
export class DerError extends CertdirError<DerErrorCode> {}

export type BerErrorCode =
  /** A header or its content ends beyond the bytes at hand. */
  | 'BER_TRUNCATED'
  /** An indefinite length, more than four length bytes, or a length above 2^31 - 1. */
  | 'BER_LENGTH'
  /** Not the tag that belongs here, a multi-byte tag, or a universal type in the wrong form. */
  | 'BER_TAG'
  /** Content that is no value of its type. */
  | 'BER_VALUE'
  /** An integer outside 32 bits. */
  | 'BER_RANGE'
  /** Text that is not well-formed UTF-8. */
  | 'BER_STRING'
  /** Bytes after the last element that belongs here. */
  | 'BER_TRAILING';

/** Refused BER of the LDAP profile. */
export class BerError extends CertdirError<BerErrorCode> {}

/** Text that is not GSER (RFC 3641). */
export type GserErrorCode = 'GSER_SYNTAX';

export class GserError extends CertdirError<GserErrorCode> {}

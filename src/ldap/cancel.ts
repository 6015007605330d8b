/**
 * Cancel (RFC 3909): like abandon, but both operations are answered.
 *
 * @module
 */

import { BerReader } from '../asn1/ber-reader.ts';
import { BerError } from '../asn1/errors.ts';
import { LdapError } from './errors.ts';
import type { PendingOperation } from './pending-operations.ts';
import type { ExtendedRequest } from './requests.ts';

/** RFC 3909 §2.1. */
export const CANCEL = '1.3.6.1.1.8';

/**
 * Reads which operation is meant.
 *
 * @throws {LdapError} `LDAP_FIELD`.
 */
export function decodeCancel({ value }: ExtendedRequest): number {
  try {
    const outer = new BerReader(value ?? new Uint8Array(0));
    const reader = outer.readConstructed();
    outer.expectEnd();
    const messageId = reader.readInteger();
    reader.expectEnd();
    return messageId;
  } catch (error) {
    if (error instanceof BerError) {
      throw new LdapError('LDAP_FIELD', 'the value of Cancel cannot be read', { cause: error });
    }
    throw error;
  }
}

/**
 * Cancels an operation; it is answered with `canceled` when it has ended.
 *
 * @throws {LdapError} `LDAP_CANCEL_NOTHING`, `LDAP_CANCEL_TOO_LATE`, `LDAP_CANCEL_REFUSED`.
 */
export function cancelOperation(operation: PendingOperation | undefined): void {
  if (operation === undefined) {
    throw new LdapError('LDAP_CANCEL_NOTHING', 'no such operation is under way');
  }
  if (!operation.canBeAbandoned) {
    throw new LdapError('LDAP_CANCEL_REFUSED', 'this operation is done or not done, never half');
  }
  if (operation.isStopped) {
    throw new LdapError('LDAP_CANCEL_TOO_LATE', 'the operation was cancelled or abandoned before');
  }
  operation.cancel();
}

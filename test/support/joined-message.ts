/**
 * One message in one piece, from the encoder under test.
 *
 * @module
 */

import {
  type EncodedOperation,
  MAX_MESSAGE_HEAD_BYTES,
  writeMessageHead,
} from '../../src/ldap/entry-encoder.ts';

/** The operation as the answer to `messageId`. */
export function joinMessage(messageId: number, { parts, length }: EncodedOperation): Buffer {
  const head = Buffer.alloc(MAX_MESSAGE_HEAD_BYTES);
  const end = writeMessageHead(head, 0, { messageId, operationLength: length });
  return Buffer.concat([head.subarray(0, end), ...parts]);
}

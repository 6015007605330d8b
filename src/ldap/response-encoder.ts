/**
 * Writes the responses of RFC 4511 except search entries (entry-encoder.ts) as complete
 * LDAPMessages.
 *
 * @module
 */

import { BerWriter } from '../asn1/ber-writer.ts';
import { contextTag } from '../asn1/tags.ts';
import type { EncodedOperation } from './entry-encoder.ts';
import { ResponseTag } from './requests.ts';
import type { ResponseControl } from './response-controls.ts';
import type { LdapResult } from './result-codes.ts';

/** RFC 4511 §4.4.1. */
const NOTICE_OF_DISCONNECTION = '1.3.6.1.4.1.1466.20036';

const CONTROLS_TAG = contextTag(0, 'constructed');
const REFERRAL_TAG = contextTag(3, 'constructed');
const RESPONSE_NAME_TAG = contextTag(10, 'primitive');
const RESPONSE_VALUE_TAG = contextTag(11, 'primitive');

/** What an extended response carries beside its result (RFC 4511 §4.12). */
export interface ExtendedAnswer {
  readonly name?: string;
  readonly value?: Uint8Array;
}

/** The end of a search that found no fault (RFC 4511 §4.5.2): resultCode 0, two empty texts. */
export const successfulSearchDone: EncodedOperation = {
  parts: [Uint8Array.of(ResponseTag.searchDone, 7, 0x0a, 1, 0, 0x04, 0, 0x04, 0)],
  length: 9,
};

/** Encoding is synchronous, so one writer serves all connections. */
const writer = new BerWriter();

/**
 * A response that consists of an LDAPResult (RFC 4511 §4.1.9).
 *
 * @param tag One of `ResponseTag`.
 */
export function encodeResult(
  messageId: number,
  tag: number,
  result: LdapResult & { readonly controls?: readonly ResponseControl[] },
): Uint8Array {
  const { controls = [] } = result;
  return encodeMessage(messageId, () => {
    writer.begin(tag);
    writeResult(result);
    writer.end();
    if (controls.length > 0) {
      writeControls(controls);
    }
  });
}

/** RFC 4511 §4.5.3. @param uris At least one. */
export function encodeSearchReference(messageId: number, uris: readonly string[]): Uint8Array {
  return encodeMessage(messageId, () => {
    writer.begin(ResponseTag.searchReference);
    writeUris(uris);
    writer.end();
  });
}

/** RFC 4511 §4.12. */
export function encodeExtendedResult(
  messageId: number,
  result: LdapResult,
  answer: ExtendedAnswer = {},
): Uint8Array {
  return encodeMessage(messageId, () => {
    writer.begin(ResponseTag.extended);
    writeResult(result);
    if (answer.name !== undefined) {
      writer.writeUtf8(answer.name, RESPONSE_NAME_TAG);
    }
    if (answer.value !== undefined) {
      writer.writeOctetString(answer.value, RESPONSE_VALUE_TAG);
    }
    writer.end();
  });
}

/** The unsolicited notification that ends a session (RFC 4511 §4.4.1). */
export function encodeNoticeOfDisconnection(result: LdapResult): Uint8Array {
  return encodeExtendedResult(0, result, { name: NOTICE_OF_DISCONNECTION });
}

function encodeMessage(messageId: number, writeOperation: () => void): Uint8Array {
  writer.reset();
  writer.begin();
  writer.writeInteger(messageId);
  writeOperation();
  writer.end();
  return writer.finish();
}

function writeResult({ resultCode, matchedDn, diagnosticMessage, referral }: LdapResult): void {
  writer.writeEnumerated(resultCode);
  writer.writeUtf8(matchedDn);
  writer.writeUtf8(diagnosticMessage);
  if (referral !== undefined) {
    writer.begin(REFERRAL_TAG);
    writeUris(referral);
    writer.end();
  }
}

function writeUris(uris: readonly string[]): void {
  for (const uri of uris) {
    writer.writeUtf8(uri);
  }
}

function writeControls(controls: readonly ResponseControl[]): void {
  writer.begin(CONTROLS_TAG);
  for (const { type, value } of controls) {
    writer.begin();
    writer.writeUtf8(type);
    writer.writeOctetString(value);
    writer.end();
  }
  writer.end();
}

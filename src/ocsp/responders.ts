/**
 * The responders of several CAs at one address: a request goes to the one whose certificates it is about. Each has its own
 * rules of who may ask.
 *
 * @module
 */

import type { Awaitable } from '../core/awaitable.ts';
import { X509Error } from '../x509/errors.ts';
import { parseOcspRequest } from '../x509/ocsp-request.ts';
import type { OcspReply } from './answer.ts';
import type { OcspPeer } from './gate.ts';
import type { OcspResponder } from './responder.ts';

/** Answers requests, as `OcspResponder` does. */
export interface AnsweringResponder {
  answer(der: Uint8Array, peer: OcspPeer, key?: string): Awaitable<OcspReply>;
}

/** @param responders At least one; what is about no CA that is known here is the first one's to refuse. */
export function joinResponders(responders: readonly OcspResponder[]): AnsweringResponder {
  const [first, ...others] = responders;
  if (first === undefined) {
    throw new RangeError('no responder');
  }
  return others.length === 0
    ? first
    : { answer: (der, peer, key) => (find(responders, der) ?? first).answer(der, peer, key) };
}

function find(responders: readonly OcspResponder[], der: Uint8Array): OcspResponder | undefined {
  try {
    const request = parseOcspRequest(der);
    return responders.find((responder) => responder.answersFor(request));
  } catch (error) {
    if (error instanceof X509Error) {
      // Whoever answers says that it is malformed.
      return undefined;
    }
    throw error;
  }
}

/**
 * EMSA-PSS (RFC 8017 §9.1) over a digest that was made elsewhere, with MGF1 on the same digest and a
 * salt as long as the digest (RFC 4055 §3.1), the one parameter set certdir writes and accepts.
 *
 * node:crypto signs PSS only over whole messages, so the encoding is here and the modular
 * exponentiation alone is left to it.
 *
 * @module
 */

import { createHash, timingSafeEqual } from 'node:crypto';

import { concatBytes } from '../core/bytes.ts';
import { digestLength } from './digest-info.ts';
import type { DigestName } from './signer.ts';

const TRAILER = 0xbc;

/**
 * Encodes a digest for the RSA operation (RFC 8017 §9.1.1).
 *
 * @param modulusBits 2048, 3072 or 4096: a multiple of 8, so the block is as long as the modulus
 *   and only its top bit is cleared.
 * @param salt As long as the digest, fresh for every signature.
 */
export function encodePssBlock(
  parameters: { readonly name: DigestName; readonly modulusBits: number },
  digest: Uint8Array,
  salt: Uint8Array,
): Uint8Array {
  const { name, modulusBits } = parameters;
  const hashBytes = digestLength(name);
  const blockBytes = modulusBits / 8;
  const hash = hashOfSalted(name, digest, salt);
  const masked = new Uint8Array(blockBytes - hashBytes - 1);
  masked[masked.length - salt.length - 1] = 0x01;
  masked.set(salt, masked.length - salt.length);
  applyMask(name, hash, masked);
  masked[0] = (masked[0] ?? 0) & 0x7f;
  return concatBytes(masked, hash, Uint8Array.of(TRAILER));
}

/** True when `block` is an encoding of `digest` (RFC 8017 §9.1.2). */
export function verifyPssBlock(name: DigestName, digest: Uint8Array, block: Uint8Array): boolean {
  const hashBytes = digestLength(name);
  const masked = Uint8Array.from(block.subarray(0, Math.max(0, block.length - hashBytes - 1)));
  const hash = block.subarray(masked.length, masked.length + hashBytes);
  const paddingBytes = masked.length - hashBytes - 1;
  if (paddingBytes < 0 || block.at(-1) !== TRAILER || ((masked[0] ?? 0) & 0x80) !== 0) {
    return false;
  }
  applyMask(name, hash, masked);
  masked[0] = (masked[0] ?? 0) & 0x7f;
  const isPadded = masked.subarray(0, paddingBytes).every((byte) => byte === 0);
  if (!isPadded || masked[paddingBytes] !== 0x01) {
    return false;
  }
  return timingSafeEqual(hashOfSalted(name, digest, masked.subarray(paddingBytes + 1)), hash);
}

function hashOfSalted(name: DigestName, digest: Uint8Array, salt: Uint8Array): Uint8Array {
  return createHash(name).update(new Uint8Array(8)).update(digest).update(salt).digest();
}

/** Exclusive-ors MGF1(seed) (RFC 8017 appendix B.2.1) into `target`. */
function applyMask(name: DigestName, seed: Uint8Array, target: Uint8Array): void {
  const counter = new Uint8Array(4);
  const hashBytes = digestLength(name);
  for (let block = 0; block * hashBytes < target.length; block += 1) {
    new DataView(counter.buffer).setUint32(0, block);
    const mask = createHash(name).update(seed).update(counter).digest();
    const start = block * hashBytes;
    const end = Math.min(start + hashBytes, target.length);
    for (let index = start; index < end; index += 1) {
      target[index] = (target[index] ?? 0) ^ (mask[index - start] ?? 0);
    }
  }
}

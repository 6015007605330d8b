/**
 * The Merkle tree over the audit records: RFC 6962 §2.1 with SHA-256.
 *
 * Only the frontier is kept: the roots of the complete subtrees that the size's binary digits name,
 * the largest first. It is what the next leaf and the root hash need, O(log n) both.
 *
 * Not here: proofs and tiles, which are computed from the records.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { concatBytes } from '../core/bytes.ts';

export const HASH_BYTES = 32;

const LEAF_PREFIX = Uint8Array.of(0x00);
const NODE_PREFIX = Uint8Array.of(0x01);

const SIZE_BYTES = 8;

export interface MerkleFrontier {
  /** Number of leaves. */
  readonly size: bigint;
  /** Root hashes of the complete subtrees, the largest first: one per 1 bit of `size`. */
  readonly peaks: readonly Uint8Array[];
}

export const emptyFrontier: MerkleFrontier = { size: 0n, peaks: [] };

/** Hash of one leaf (RFC 6962 §2.1: `SHA-256(0x00 || d)`). */
export function hashLeaf(leaf: Uint8Array): Uint8Array {
  return sha256(LEAF_PREFIX, leaf);
}

/** Hash of an inner node (RFC 6962 §2.1: `SHA-256(0x01 || left || right)`). */
export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(NODE_PREFIX, left, right);
}

/** The frontier after one more leaf. */
export function appendLeaf(frontier: MerkleFrontier, leafHash: Uint8Array): MerkleFrontier {
  const peaks = [...frontier.peaks];
  let node = leafHash;
  // Each trailing 1 bit of the size is a complete subtree as large as the node that arrives.
  for (let rest = frontier.size; (rest & 1n) === 1n; rest >>= 1n) {
    node = hashNode(peaks.pop() ?? missingPeak(), node);
  }
  peaks.push(node);
  return { size: frontier.size + 1n, peaks };
}

/** The tree's root hash; of an empty tree, the hash of nothing (RFC 6962 §2.1). */
export function rootHash(frontier: MerkleFrontier): Uint8Array {
  return frontier.peaks.length === 0
    ? sha256()
    : frontier.peaks.reduceRight((right, left) => hashNode(left, right));
}

/** Size (8 bytes, big-endian) and peaks. */
export function encodeFrontier({ size, peaks }: MerkleFrontier): Uint8Array {
  const head = new Uint8Array(SIZE_BYTES);
  new DataView(head.buffer).setBigUint64(0, size);
  return concatBytes(head, ...peaks);
}

/**
 * The reverse of {@link encodeFrontier}.
 *
 * @returns undefined when the number of peaks is not the size's.
 */
export function parseFrontier(bytes: Uint8Array): MerkleFrontier | undefined {
  if (bytes.length < SIZE_BYTES) {
    return undefined;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getBigUint64(0);
  if (bytes.length !== SIZE_BYTES + HASH_BYTES * countOnes(size)) {
    return undefined;
  }
  const peaks: Uint8Array[] = [];
  for (let offset = SIZE_BYTES; offset < bytes.length; offset += HASH_BYTES) {
    peaks.push(bytes.subarray(offset, offset + HASH_BYTES));
  }
  return { size, peaks };
}

function countOnes(size: bigint): number {
  let ones = 0;
  for (let rest = size; rest > 0n; rest >>= 1n) {
    ones += Number(rest & 1n);
  }
  return ones;
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) {
    hash.update(part);
  }
  return new Uint8Array(hash.digest());
}

function missingPeak(): never {
  throw new RangeError('a frontier has one peak per 1 bit of its size');
}

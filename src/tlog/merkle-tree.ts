/**
 * The Merkle tree of a log: RFC 6962 §2.1 with SHA-256.
 *
 * The frontier is the roots of the complete subtrees that the size's binary digits name, the largest
 * first. It is what the next leaf and the root hash need, O(log n) both.
 *
 * Not here: tiles (`tile.ts`), proofs (`tree-reader.ts`, `proof.ts`).
 *
 * @module
 */

import { hash } from 'node:crypto';

import { concatBytes } from '../core/bytes.ts';

export const HASH_BYTES = 32;

const LEAF_PREFIX = Uint8Array.of(0x00);
const NODE_PREFIX = 0x01;

/** What a node is hashed from; filled again for each, since hashing is at once. */
const nodeInput = new Uint8Array(1 + 2 * HASH_BYTES).fill(NODE_PREFIX, 0, 1);

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
  return sha256(concatBytes(LEAF_PREFIX, leaf));
}

/** Hash of an inner node (RFC 6962 §2.1: `SHA-256(0x01 || left || right)`); 32 bytes each. */
export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + HASH_BYTES);
  return sha256(nodeInput);
}

/**
 * Root of a complete subtree from the hashes at its foot.
 *
 * @param hashes A power of two of hashes, one after the other.
 */
export function hashComplete(hashes: Uint8Array): Uint8Array {
  let row: Uint8Array[] = [];
  for (let offset = 0; offset < hashes.length; offset += HASH_BYTES) {
    row.push(hashes.subarray(offset, offset + HASH_BYTES));
  }
  while (row.length > 1) {
    const next: Uint8Array[] = [];
    for (let at = 0; at + 1 < row.length; at += 2) {
      next.push(hashNode(row[at] ?? missingPeak(), row[at + 1] ?? missingPeak()));
    }
    row = next;
  }
  return row[0] ?? missingPeak();
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
    ? sha256(new Uint8Array(0))
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

function sha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer');
}

function missingPeak(): never {
  throw new RangeError('a frontier has one peak per 1 bit of its size');
}

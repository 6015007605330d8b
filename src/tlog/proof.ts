/**
 * Checking proofs without the tree: RFC 9162 §2.1.3.2 (inclusion) and §2.1.4.2 (consistency), whose
 * trees and proofs are those of RFC 6962.
 *
 * @module
 */

import { equalBytes } from '../core/bytes.ts';
import { TlogError } from './errors.ts';
import { emptyFrontier, hashNode, rootHash } from './merkle-tree.ts';

/** A tree as a checkpoint names it. */
export interface TreeHead {
  readonly size: bigint;
  readonly rootHash: Uint8Array;
}

/** A leaf's place in a tree and what is to prove it. */
export interface InclusionProof {
  readonly index: bigint;
  readonly leafHash: Uint8Array;
  /** From the leaf's sibling up; 32 bytes each. */
  readonly path: readonly Uint8Array[];
}

/** @throws {TlogError} `TLOG_PROOF_WRONG` unless the leaf is at that place of that tree. */
export function verifyInclusion(proof: InclusionProof, tree: TreeHead): void {
  if (proof.index < 0n || proof.index >= tree.size) {
    throw wrong(`there is no entry ${proof.index} in a log of ${tree.size}`);
  }
  let node = proof.index;
  let last = tree.size - 1n;
  let hash = proof.leafHash;
  for (const sibling of proof.path) {
    if (last === 0n) {
      throw wrong('the proof is too long');
    }
    if ((node & 1n) === 1n || node === last) {
      hash = hashNode(sibling, hash);
      while ((node & 1n) === 0n && node !== 0n) {
        node >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = hashNode(hash, sibling);
    }
    node >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) {
    throw wrong('the proof is too short');
  }
  if (!equalBytes(hash, tree.rootHash)) {
    throw wrong('the proof does not lead to the root hash');
  }
}

/** @throws {TlogError} `TLOG_PROOF_WRONG` unless `newer` begins with `older`. */
export function verifyConsistency(
  older: TreeHead,
  newer: TreeHead,
  path: readonly Uint8Array[],
): void {
  if (older.size > newer.size) {
    throw wrong(`the log had ${older.size} entries once and has ${newer.size}`);
  }
  if (older.size === 0n || older.size === newer.size) {
    const known = older.size === 0n ? rootHash(emptyFrontier) : newer.rootHash;
    if (path.length > 0 || !equalBytes(older.rootHash, known)) {
      throw wrong('logs of the same size have different root hashes');
    }
    return;
  }
  const isComplete = (older.size & (older.size - 1n)) === 0n;
  const hashes = isComplete ? [older.rootHash, ...path] : [...path];
  const roots = climb(hashes, older.size - 1n, newer.size - 1n);
  if (!equalBytes(roots.older, older.rootHash) || !equalBytes(roots.newer, newer.rootHash)) {
    throw wrong('the newer log does not begin with the older one');
  }
}

/** RFC 9162 §2.1.4.2, steps 4 to 6: both roots from one path. */
function climb(
  hashes: readonly Uint8Array[],
  olderLast: bigint,
  newerLast: bigint,
): { readonly older: Uint8Array; readonly newer: Uint8Array } {
  let node = olderLast;
  let last = newerLast;
  while ((node & 1n) === 1n) {
    node >>= 1n;
    last >>= 1n;
  }
  const [first, ...rest] = hashes;
  if (first === undefined) {
    throw wrong('the proof is too short');
  }
  let older = first;
  let newer = first;
  for (const hash of rest) {
    if (last === 0n) {
      throw wrong('the proof is too long');
    }
    if ((node & 1n) === 1n || node === last) {
      older = hashNode(hash, older);
      newer = hashNode(hash, newer);
      while ((node & 1n) === 0n && node !== 0n) {
        node >>= 1n;
        last >>= 1n;
      }
    } else {
      newer = hashNode(newer, hash);
    }
    node >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) {
    throw wrong('the proof is too short');
  }
  return { older, newer };
}

function wrong(why: string): TlogError {
  return new TlogError('TLOG_PROOF_WRONG', why);
}

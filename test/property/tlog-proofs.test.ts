import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import { hashLeaf } from '../../src/tlog/merkle-tree.ts';
import { verifyConsistency, verifyInclusion } from '../../src/tlog/proof.ts';
import { tilePath } from '../../src/tlog/tile.ts';
import { TileCache } from '../../src/tlog/tile-hashes.ts';
import { type ReadTile, TreeReader } from '../../src/tlog/tree-reader.ts';
import { logFiles, makeLogKey } from '../support/memory-log.ts';
import { naiveConsistency, naivePath, naiveRoot } from '../support/naive-tree.ts';

const MAX_LEAVES = 700;
const leaves = Array.from({ length: MAX_LEAVES }, (_, at) => Buffer.from(`leaf ${at}`));
const key = makeLogKey();

function readerOf(size: number, cache?: TileCache): TreeReader {
  const files = logFiles(leaves.slice(0, size), key);
  const read: ReadTile = async (place) => {
    const bytes = files.get(tilePath(place));
    assert.ok(bytes !== undefined, `no tile ${tilePath(place)} in a tree of ${size}`);
    return bytes;
  };
  return new TreeReader(BigInt(size), read, cache);
}

/** Sizes near the ends of tiles and subtrees more often than others. */
const size = fc.oneof(
  fc.constantFrom(1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 513),
  fc.integer({ min: 1, max: MAX_LEAVES }),
);
const runs = { seed: 6962, numRuns: 60 };

describe('proofs against a naive tree (RFC 6962 §2.1)', () => {
  it('root hash and audit path are the same, and prove', async () => {
    await fc.assert(
      fc.asyncProperty(size, fc.nat(), async (count, draw) => {
        const index = draw % count;
        const data = leaves.slice(0, count);
        const reader = readerOf(count);
        const rootHash = await reader.rootHash();
        assert.deepEqual(Buffer.from(rootHash), naiveRoot(data));
        const path = await reader.inclusionProof(BigInt(index));
        assert.deepEqual(path.map(Buffer.from), naivePath(index, data));
        const leafHash = hashLeaf(leaves[index] ?? Buffer.alloc(0));
        const tree = { size: BigInt(count), rootHash };
        verifyInclusion({ index: BigInt(index), leafHash, path }, tree);
      }),
      runs,
    );
  });

  it('consistency proofs are the same, and prove', async () => {
    await fc.assert(
      fc.asyncProperty(size, size, async (one, other) => {
        const [old, count] = [Math.min(one, other), Math.max(one, other)];
        const reader = readerOf(count);
        const path = await reader.consistencyProof(BigInt(old));
        assert.deepEqual(path.map(Buffer.from), naiveConsistency(old, leaves.slice(0, count)));
        const older = { size: BigInt(old), rootHash: naiveRoot(leaves.slice(0, old)) };
        const newer = { size: BigInt(count), rootHash: naiveRoot(leaves.slice(0, count)) };
        verifyConsistency(older, newer, path);
      }),
      runs,
    );
  });

  it('are the same by tiles that were kept from trees of other sizes', async () => {
    for (const maxTiles of [1, 3, 256]) {
      const cache = new TileCache(maxTiles);
      await fc.assert(
        fc.asyncProperty(size, fc.nat(), async (count, draw) => {
          const index = draw % count;
          const path = await readerOf(count, cache).inclusionProof(BigInt(index));
          assert.deepEqual(path.map(Buffer.from), naivePath(index, leaves.slice(0, count)));
        }),
        { ...runs, numRuns: 40 },
      );
    }
  });

  it('nothing proves another leaf, another place, another tree, or with a changed path', async () => {
    await fc.assert(
      fc.asyncProperty(size, fc.nat(), fc.nat(), async (count, draw, change) => {
        const index = draw % count;
        const rootHash = naiveRoot(leaves.slice(0, count));
        const path = naivePath(index, leaves.slice(0, count));
        const tree = { size: BigInt(count), rootHash };
        const good = {
          index: BigInt(index),
          leafHash: hashLeaf(leaves[index] ?? Buffer.of()),
          path,
        };
        const at = path.length === 0 ? 0 : change % path.length;
        const flipped = path.map((hash, here) =>
          here === at ? Uint8Array.from(hash, (byte, pos) => (pos === 5 ? byte ^ 1 : byte)) : hash,
        );
        const spoilt = [
          { ...good, leafHash: hashLeaf(Buffer.from('other')) },
          { ...good, index: BigInt(count) },
          { ...good, index: -1n },
          { ...good, path: [...path, rootHash] },
          ...(path.length === 0
            ? []
            : [
                { ...good, path: path.slice(1) },
                { ...good, path: flipped },
              ]),
          ...(index > 0 ? [{ ...good, index: BigInt(index - 1) }] : []),
        ];
        for (const proof of spoilt) {
          assert.throws(() => verifyInclusion(proof, tree), { code: 'TLOG_PROOF_WRONG' });
        }
      }),
      runs,
    );
  });

  it('no fork is consistent', async () => {
    await fc.assert(
      fc.asyncProperty(size, size, fc.nat(), async (one, other, draw) => {
        const [old, count] = [Math.min(one, other), Math.max(one, other)];
        const forked = leaves.slice(0, old);
        forked[draw % old] = Buffer.from('forked');
        const path = naiveConsistency(old, leaves.slice(0, count));
        const older = { size: BigInt(old), rootHash: naiveRoot(forked) };
        const newer = { size: BigInt(count), rootHash: naiveRoot(leaves.slice(0, count)) };
        const fails = { code: 'TLOG_PROOF_WRONG' };
        assert.throws(() => verifyConsistency(older, newer, path), fails);
        const shorter = { size: newer.size + 1n, rootHash: newer.rootHash };
        assert.throws(() => verifyConsistency(shorter, newer, path), fails);
      }),
      runs,
    );
  });
});

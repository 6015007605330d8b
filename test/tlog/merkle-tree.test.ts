import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  appendLeaf,
  emptyFrontier,
  encodeFrontier,
  hashLeaf,
  type MerkleFrontier,
  parseFrontier,
  rootHash,
} from '../../src/tlog/merkle-tree.ts';
import { naiveRoot } from '../support/naive-tree.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The leaves and roots that the Certificate Transparency implementations test with. */
const leaves = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((text) => Buffer.from(text, 'hex'));

const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const append = (frontier: MerkleFrontier, leaf: Uint8Array): MerkleFrontier =>
  appendLeaf(frontier, hashLeaf(leaf));

describe('RFC 6962 §2.1', () => {
  it('root hashes of the trees of 0 to 8 leaves', () => {
    let frontier = emptyFrontier;
    assert.equal(hex(rootHash(frontier)), roots[0]);
    for (const [at, leaf] of leaves.entries()) {
      frontier = append(frontier, leaf);
      assert.equal(frontier.size, BigInt(at + 1));
      assert.equal(hex(rootHash(frontier)), roots[at + 1]);
    }
  });

  it('root hashes of every size up to 200, against the definition', () => {
    const data: Uint8Array[] = [];
    let frontier = emptyFrontier;
    for (let size = 0; size <= 200; size += 1) {
      assert.equal(hex(rootHash(frontier)), hex(naiveRoot(data)));
      const leaf = Buffer.from(`leaf ${size}`);
      data.push(leaf);
      frontier = append(frontier, leaf);
    }
  });
});

describe('the frontier as bytes', () => {
  it('comes back the same, whatever its size', () => {
    let frontier = emptyFrontier;
    for (let size = 0; size <= 65; size += 1) {
      const encoded = encodeFrontier(frontier);
      const parsed = parseFrontier(encoded);
      assert.ok(parsed !== undefined);
      assert.deepEqual(encodeFrontier(parsed), encoded);
      assert.equal(parsed.size, frontier.size);
      frontier = append(parsed, Buffer.from(`leaf ${size}`));
    }
    assert.equal(frontier.peaks.length, 2, '66 is 1000010');
  });

  const encoded = encodeFrontier(
    append(append(append(emptyFrontier, leaves[1] ?? Buffer.of()), Buffer.of()), Buffer.of()),
  );
  const refused = [
    { why: 'nothing', bytes: Buffer.of() },
    { why: 'less than a size', bytes: encoded.subarray(0, 7) },
    { why: 'a peak too few', bytes: encoded.subarray(0, -32) },
    { why: 'a peak cut', bytes: encoded.subarray(0, -1) },
    { why: 'a peak too many', bytes: Buffer.concat([encoded, Buffer.alloc(32)]) },
    {
      why: 'another size',
      bytes: Buffer.concat([Buffer.from('0000000000000007', 'hex'), encoded.subarray(8)]),
    },
  ];
  for (const { why, bytes } of refused) {
    it(`is not one: ${why}`, () => {
      assert.equal(parseFrontier(bytes), undefined);
    });
  }
});

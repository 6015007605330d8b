import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseTilePath, tileAt, tilePath, tilesOf } from '../../src/tlog/tile.ts';

const pathsOf = (size: bigint, from?: bigint): string[] => [...tilesOf(size, from)].map(tilePath);

describe('paths of tiles (C2SP tlog-tiles)', () => {
  const rows = [
    { place: { level: 0, index: 0n, width: 256 }, path: 'tile/0/000' },
    { place: { level: 0, index: 0n, width: 1 }, path: 'tile/0/000.p/1' },
    { place: { level: 0, index: 0n, width: 255 }, path: 'tile/0/000.p/255' },
    { place: { level: 1, index: 999n, width: 256 }, path: 'tile/1/999' },
    { place: { level: 1, index: 1000n, width: 256 }, path: 'tile/1/x001/000' },
    { place: { level: 2, index: 1_234_067n, width: 256 }, path: 'tile/2/x001/x234/067' },
    { place: { level: 63, index: 7n, width: 2 }, path: 'tile/63/007.p/2' },
    {
      place: { level: 'entries', index: 1_234_067n, width: 9 },
      path: 'tile/entries/x001/x234/067.p/9',
    },
  ] as const;
  for (const { place, path } of rows) {
    it(`${path} is written and read`, () => {
      assert.equal(tilePath(place), path);
      assert.deepEqual(parseTilePath(path), place);
    });
  }

  const refused = [
    'tile/0/000.p/256',
    'tile/0/000.p/0',
    'tile/0/000.p/01',
    'tile/0/0',
    'tile/0/x000/001',
    'tile/0/001/000',
    'tile/0/x001',
    'tile/00/000',
    'tile/64/000',
    'tile/-1/000',
    'tile/entry/000',
    'tile/0/000/',
    '/tile/0/000',
    'tile/0/../000',
    'tile/0/000.p/',
    'checkpoint',
    '',
    `tile/0/${'x001/'.repeat(50)}001`,
  ];
  for (const path of refused) {
    it(`${JSON.stringify(path.slice(0, 40))} is none`, () => {
      assert.equal(parseTilePath(path), undefined);
    });
  }
});

describe('the tiles of a tree', () => {
  it('of 70,000 leaves are those of the specification', () => {
    const count = (level: number): number =>
      [...tilesOf(70_000n)].filter((tile) => tile.level === level && tile.width === 256).length;
    assert.deepEqual([count(0), count(1), count(2)], [273, 1, 0]);
    const partial = [...tilesOf(70_000n)].filter(({ width }) => width < 256);
    assert.deepEqual(partial.map(tilePath), [
      'tile/0/273.p/112',
      'tile/1/001.p/17',
      'tile/2/000.p/1',
      'tile/entries/273.p/112',
    ]);
  });

  it('of 256 leaves are a full one and one of width 1 above it', () => {
    assert.deepEqual(pathsOf(256n), ['tile/0/000', 'tile/1/000.p/1', 'tile/entries/000']);
  });

  it('of no leaf are none', () => {
    assert.deepEqual(pathsOf(0n), []);
    assert.equal(tileAt(0, 0n, 0n), undefined);
    assert.equal(tileAt(1, 0n, 255n), undefined);
  });

  it('since an earlier tree are those that were not full in it', () => {
    assert.deepEqual(pathsOf(600n, 300n), [
      'tile/0/001',
      'tile/0/002.p/88',
      'tile/1/000.p/2',
      'tile/entries/001',
      'tile/entries/002.p/88',
    ]);
    assert.deepEqual(pathsOf(512n, 512n), ['tile/1/000.p/2']);
  });
});

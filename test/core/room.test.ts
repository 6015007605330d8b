import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Room } from '../../src/core/room.ts';

/** Work that goes on until it is told to end. */
function start(
  room: Room,
  amount: number,
): { readonly end: () => void; readonly done: Promise<void>; isRunning: boolean } {
  let end: () => void = () => undefined;
  const ending = new Promise<void>((resolve) => {
    end = resolve;
  });
  const work = { end, done: Promise.resolve(), isRunning: false };
  work.done = room.within(amount, async () => {
    work.isRunning = true;
    await ending;
    work.isRunning = false;
  });
  return work;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a room', () => {
  it('lets in what there is room for, and no more', async () => {
    const room = new Room(10);
    const works = [start(room, 4), start(room, 6), start(room, 1)] as const;
    await turn();
    assert.deepEqual(
      works.map(({ isRunning }) => isRunning),
      [true, true, false],
    );
    works[0].end();
    await turn();
    assert.equal(works[2].isRunning, true);
    works[1].end();
    works[2].end();
    await Promise.all(works.map(({ done }) => done));
  });

  it('serves in order: what is small does not overtake what is large', async () => {
    const room = new Room(10);
    const works = [start(room, 6), start(room, 6), start(room, 1)] as const;
    await turn();
    assert.deepEqual(
      works.map(({ isRunning }) => isRunning),
      [true, false, false],
    );
    works[0].end();
    await turn();
    assert.deepEqual([works[1].isRunning, works[2].isRunning], [true, true]);
    works[1].end();
    works[2].end();
    await works[2].done;
  });

  it('gives all of it to what is larger, alone', async () => {
    const room = new Room(10);
    const works = [start(room, 1), start(room, 99), start(room, 1)] as const;
    await turn();
    assert.equal(works[1].isRunning, false);
    works[0].end();
    await turn();
    assert.deepEqual([works[1].isRunning, works[2].isRunning], [true, false]);
    works[1].end();
    await turn();
    assert.equal(works[2].isRunning, true);
    works[2].end();
    await works[2].done;
  });

  it('gives the room back when work fails', async () => {
    const room = new Room(1);
    await assert.rejects(room.within(1, () => Promise.reject(new Error('no'))));
    assert.equal(await room.within(1, () => Promise.resolve(7)), 7);
  });
});

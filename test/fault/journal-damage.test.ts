/**
 * Journals whose files were cut, changed bit by bit, lost or mixed with those of another time: nothing that was
 * acknowledged goes unnoticed, nothing wrong is applied, and a torn end is told from damage.
 *
 * In CI samples; with `npm test -- --long` every bit and every byte.
 *
 * @module
 */

import assert from 'node:assert/strict';
import {
  closeSync,
  cpSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { before, describe, it, type TestContext } from 'node:test';

import { isCertdirError } from '../../src/core/errors.ts';
import { SEGMENT_HEAD_BYTES } from '../../src/store/journal/journal-record.ts';
import {
  findJournalEnd,
  type IndexKnowledge,
  START,
} from '../../src/store/journal/journal-scan.ts';
import { act, countWholeActs, findAllDamage, openActStore } from '../support/numbered-acts.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const isLong = process.env['CERTDIR_TEST_LONG'] === '1';

const segments = (folder: string): string[] =>
  readdirSync(join(folder, 'journal'))
    .sort()
    .map((name) => join(folder, 'journal', name));

/** A store of `count` acts as a machine that lost power would leave it, at each of some moments. */
async function makeImages(
  folder: string,
  counts: readonly number[],
  segmentBytes?: number,
): Promise<readonly string[]> {
  const store = await openActStore(join(folder, 'live'), {
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
  });
  const images: string[] = [];
  let done = 0;
  for (const count of counts) {
    for (; done < count; done += 1) {
      await act(store);
    }
    const image = join(folder, `image ${count}`);
    cpSync(join(folder, 'live'), image, { recursive: true });
    images.push(image);
  }
  await store.close();
  return images;
}

async function outcomeOf(folder: string): Promise<string | number> {
  try {
    const store = await openActStore(folder);
    try {
      const count = await countWholeActs(store);
      const [found] = await findAllDamage(store);
      return found?.replace(/:.*/s, '') ?? count;
    } finally {
      await store.close();
    }
  } catch (error) {
    if (isCertdirError(error)) {
      return error.code;
    }
    throw error;
  }
}

const noIndex = (storeId: Uint8Array): IndexKnowledge => ({
  storeId,
  applied: START,
  checkpoint: START,
});

describe('a journal cut at any byte of its tail', () => {
  it('keeps every group before, and is refused where the index knows more', async (t) => {
    const folder = temporaryFolder(t);
    const [two = '', three = ''] = await makeImages(folder, [2, 3]);
    const [whole = ''] = segments(three);
    const bytes = readFileSync(whole);
    const ends = await groupEnds(three);
    const oldIndex = readFileSync(segments(two)[0] ?? '').length;
    assert.equal(ends.at(-1), bytes.length);
    for (let length = bytes.length - 1; length >= SEGMENT_HEAD_BYTES; length -= 1) {
      truncateSync(whole, length);
      const found = await findJournalEnd(join(three, 'journal'), undefined);
      const kept = ends.filter((end) => end <= length).length;
      assert.equal(found?.end.sequence, kept, `cut at ${length}`);
      assert.equal(
        found.torn?.start,
        ends.includes(length) || (kept === 0 && length === SEGMENT_HEAD_BYTES)
          ? undefined
          : (ends[kept - 1] ?? SEGMENT_HEAD_BYTES),
      );
    }
    // With the index of two acts, and with that of three.
    for (const length of sample(oldIndex, bytes.length, isLong ? 1 : 97)) {
      const copy = join(folder, 'copy');
      for (const [image, least] of [
        [two, 2],
        [three, 3],
      ] as const) {
        rmSync(copy, { recursive: true, force: true });
        cpSync(image, copy, { recursive: true });
        writeFileSync(segments(copy)[0] ?? '', bytes.subarray(0, length));
        const expected =
          least === 2 ? 2 : length === oldIndex ? 'STORE_JOURNAL_BEHIND' : 'STORE_JOURNAL_DAMAGED';
        assert.equal(await outcomeOf(copy), expected, `cut at ${length}, index of ${least}`);
      }
    }
  });
});

/** Where each group of the one segment ends. */
async function groupEnds(folder: string): Promise<number[]> {
  const [path = ''] = segments(folder);
  const bytes = readFileSync(path);
  const ends: number[] = [];
  for (let at = SEGMENT_HEAD_BYTES; at < bytes.length; ) {
    at += 80 + bytes.readUInt32BE(at + 4);
    ends.push(at);
  }
  return ends;
}

function* sample(from: number, to: number, step: number): Generator<number, void, undefined> {
  for (let at = from; at < to; at += step) {
    yield at;
  }
}

describe('a bit changed in the journal', () => {
  it('is found wherever it is, and never taken for a torn end', async (t) => {
    const folder = temporaryFolder(t);
    const [image = ''] = await makeImages(folder, [6], 6_000);
    const paths = segments(image);
    assert.ok(paths.length >= 2, 'sealed segments and an open one');
    const good = await findJournalEnd(join(image, 'journal'), undefined);
    assert.ok(good !== undefined);
    for (const path of paths) {
      const bytes = readFileSync(path);
      const file = openSync(path, 'r+');
      const random = new SeededRandom(path.length);
      for (let at = 0; at < bytes.length; at += 1) {
        const bits = isLong ? [0, 1, 2, 3, 4, 5, 6, 7] : at % 3 === 0 ? [random.below(8)] : [];
        for (const bit of bits) {
          writeSync(file, Uint8Array.of((bytes[at] ?? 0) ^ (1 << bit)), 0, 1, at);
          await assert.rejects(
            findJournalEnd(join(image, 'journal'), noIndex(good.storeId)),
            (error) => {
              assert.ok(isCertdirError(error), `${error}`);
              assert.match(
                error.code,
                /^STORE_JOURNAL_(DAMAGED|FOREIGN)$/,
                `byte ${at} bit ${bit}`,
              );
              return true;
            },
          );
        }
        writeSync(file, bytes, at, 1, at);
      }
      closeSync(file);
    }
    assert.deepEqual(await findJournalEnd(join(image, 'journal'), undefined), good);
  });

  it('names segment and offset', async (t) => {
    const folder = temporaryFolder(t);
    const [image = ''] = await makeImages(folder, [6]);
    const [path = ''] = segments(image);
    const bytes = readFileSync(path);
    const second = SEGMENT_HEAD_BYTES + 80 + bytes.readUInt32BE(SEGMENT_HEAD_BYTES + 4);
    bytes[second + 200] = (bytes[second + 200] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    await assert.rejects(openActStore(image), (error) => {
      assert.ok(isCertdirError(error) && error.code === 'STORE_JOURNAL_DAMAGED');
      assert.ok(error.message.includes(`${path}, byte ${second}:`), error.message);
      return true;
    });
  });
});

describe('a tail as a power cut leaves it', () => {
  const rows: readonly {
    readonly what: string;
    readonly tear: (file: number, start: number, size: number) => void;
  }[] = [
    { what: 'its last bytes missing', tear: (file, _, size) => ftruncateSync(file, size - 100) },
    { what: 'only a byte of it there', tear: (file, start) => ftruncateSync(file, start + 1) },
    {
      what: 'zeros where its sectors were not written',
      tear: (file, start, size) => {
        const sector = start - (start % 512) + 512;
        writeSync(file, new Uint8Array(size - sector), 0, size - sector, sector);
      },
    },
    {
      what: 'a sector in its middle not written',
      tear: (file, start) => {
        const sector = start - (start % 512) + 1024;
        writeSync(file, new Uint8Array(512), 0, 512, sector);
      },
    },
    {
      what: 'a file longer than what was written to it',
      tear: (file, start, size) => {
        ftruncateSync(file, start);
        ftruncateSync(file, size + 5_000);
      },
    },
  ];
  for (const { what, tear } of rows) {
    it(`is cut: ${what}`, async (t) => {
      const folder = temporaryFolder(t);
      const count = 8;
      const [older = '', newer = ''] = await makeImages(folder, [count - 1, count]);
      const start = readFileSync(segments(older)[0] ?? '').length;
      const bytes = readFileSync(segments(newer)[0] ?? '');
      const path = segments(older)[0] ?? '';
      writeFileSync(path, bytes);
      const file = openSync(path, 'r+');
      tear(file, start, bytes.length);
      closeSync(file);
      assert.equal(await outcomeOf(older), count - 1);
      assert.equal(readFileSync(path).length, start);
      const store = await openActStore(older);
      assert.equal(await act(store), count);
      await store.close();
      assert.equal(await outcomeOf(older), count);
    });
  }

  it('is damage where a later group stands behind it', async (t) => {
    const folder = temporaryFolder(t);
    const [older = '', newer = ''] = await makeImages(folder, [3, 5]);
    const start = readFileSync(segments(older)[0] ?? '').length;
    const path = segments(older)[0] ?? '';
    writeFileSync(path, readFileSync(segments(newer)[0] ?? ''));
    const file = openSync(path, 'r+');
    writeSync(file, new Uint8Array(60), 0, 60, start + 10);
    closeSync(file);
    assert.equal(await outcomeOf(older), 'STORE_JOURNAL_DAMAGED');
  });
});

describe('files of two times', () => {
  const rows: readonly {
    readonly what: string;
    readonly mix: (older: string, newer: string, other: string) => void;
    readonly outcome: string | number;
  }[] = [
    {
      what: 'an older index with a newer journal is brought up to it',
      mix: (older, newer) => take(older, newer, 'level'),
      outcome: 40,
    },
    {
      what: 'a newer index with an older journal is refused',
      mix: (older, newer) => take(older, newer, 'journal'),
      outcome: 'STORE_JOURNAL_BEHIND',
    },
    {
      what: 'an index with a journal of another store is refused',
      mix: (_, newer, other) => take(other, newer, 'journal'),
      outcome: 'STORE_JOURNAL_FOREIGN',
    },
    {
      what: 'a segment of another store is refused',
      mix: (_, newer, other) => takeFile(other, newer, 0),
      outcome: 'STORE_JOURNAL_FOREIGN',
    },
    {
      what: 'the last segment missing is refused',
      mix: (_, newer) => rmSync(segments(newer).at(-1) ?? ''),
      outcome: 'STORE_JOURNAL_BEHIND',
    },
    {
      what: 'an older last segment is refused',
      mix: (_, newer) => truncateSync(segments(newer).at(-1) ?? '', SEGMENT_HEAD_BYTES),
      outcome: 'STORE_JOURNAL_BEHIND',
    },
  ];
  function take(from: string, to: string, name: string): void {
    rmSync(join(to, name), { recursive: true });
    cpSync(join(from, name), join(to, name), { recursive: true });
  }
  function takeFile(from: string, to: string, at: number): void {
    cpSync(segments(from)[at] ?? '', segments(to)[at] ?? '');
  }
  let images: readonly string[];
  let other: string;
  before(async () => {
    const folder = temporaryFolder({ after: (fn) => process.once('exit', fn) });
    images = await makeImages(join(folder, 'a'), [20, 40], 20_000);
    [other = ''] = await makeImages(join(folder, 'b'), [40], 20_000);
  });
  for (const { what, mix, outcome } of rows) {
    it(what, async (t: TestContext) => {
      const folder = temporaryFolder(t);
      const copies = [...images, other].map((image, at) => {
        const copy = join(folder, String(at));
        cpSync(image, copy, { recursive: true });
        return copy;
      });
      const [older = '', newer = '', third = ''] = copies;
      mix(older, newer, third);
      if (typeof outcome === 'number') {
        const store = await openActStore(newer);
        assert.equal(await countWholeActs(store), outcome);
        await store.close();
      } else {
        assert.equal(await outcomeOf(newer), outcome);
        assert.equal(await outcomeOf(newer), outcome, 'and nothing was changed by trying');
      }
    });
  }

  /** What tells when a set of files is from: the journal and the index's own log. */
  function stateOf(folder: string): string {
    const logs = readdirSync(join(folder, 'level')).filter((name) => name.endsWith('.log'));
    const files = [...segments(folder), ...logs.map((name) => join(folder, 'level', name))];
    return files.map((file) => `${basename(file)} ${readFileSync(file, 'latin1')}`).join();
  }

  it('every mixture of single files of two times is whole or refused', async (t) => {
    const folder = temporaryFolder(t);
    const [older = '', newer = ''] = images;
    const random = new SeededRandom('mixture');
    const names = (image: string): string[] =>
      readdirSync(image, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.includes('/'),
      );
    const all = [...new Set([...names(older), ...names(newer)])];
    for (let round = 0; round < (isLong ? 2_000 : 40); round += 1) {
      const copy = join(folder, String(round));
      cpSync(newer, copy, { recursive: true });
      for (const name of all) {
        if (random.below(3) === 0) {
          rmSync(join(copy, name), { force: true });
          if (names(older).includes(name)) {
            cpSync(join(older, name), join(copy, name));
          }
        }
      }
      const isAllOld = stateOf(copy) === stateOf(older);
      const outcome = await outcomeOf(copy);
      const isWhole = outcome === 40 || (isAllOld && outcome === 20);
      assert.ok(isWhole || typeof outcome === 'string', `round ${round}: ${outcome} acts`);
      rmSync(copy, { recursive: true });
    }
  });
});

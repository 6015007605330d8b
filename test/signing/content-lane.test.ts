import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';

import { FrameReader, sendFrame } from '../../src/signing/process/content-lane.ts';

/** What two streams send in turns, empty parts among them, as it goes over the lane. */
async function sent(): Promise<Buffer> {
  const lane = new PassThrough();
  await sendFrame(lane, 7, Buffer.from('ab'));
  await sendFrame(lane, 0xffff_fffe, Buffer.from('xyz'));
  await sendFrame(lane, 7, Buffer.alloc(0));
  await sendFrame(lane, 7, Buffer.from('cde'));
  return Buffer.from((lane.read() as Buffer | null) ?? assert.fail());
}

function read(portions: readonly Uint8Array[]): ReadonlyMap<number, string> {
  const streams = new Map<number, string>();
  const reader = new FrameReader((stream, bytes) => {
    streams.set(stream, (streams.get(stream) ?? '') + Buffer.from(bytes).toString('latin1'));
  });
  for (const portion of portions) {
    reader.push(portion);
  }
  return streams;
}

const expected = new Map([
  [7, 'abcde'],
  [0xffff_fffe, 'xyz'],
]);

describe('the lane of long content', () => {
  it('keeps streams apart, split at every byte', async () => {
    const bytes = await sent();
    for (let at = 0; at <= bytes.length; at += 1) {
      assert.deepEqual(read([bytes.subarray(0, at), bytes.subarray(at)]), expected);
    }
    assert.deepEqual(read([...bytes].map((byte) => Uint8Array.of(byte))), expected);
  });

  it('tells who sends when it is broken', async () => {
    const lane = new PassThrough();
    lane.on('error', () => undefined);
    lane.destroy(new Error('gone'));
    await assert.rejects(sendFrame(lane, 1, Buffer.from('a')));
  });
});

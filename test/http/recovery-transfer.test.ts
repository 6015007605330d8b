import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { RecoverInput } from '../../src/http/operations.ts';
import { readRecovery, writeRecovery } from '../../src/http/recovery-transfer.ts';

const input: RecoverInput = {
  lists: [Buffer.from('first\n'), Buffer.from('second')],
  numbers: [{ scope: 'arl', number: '57' }],
  coversRest: true,
  acceptsMissing: false,
  checkpoints: ['a note\n'],
};

async function* streamOf(bytes: Uint8Array, size = bytes.length): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    yield bytes.subarray(at, at + size);
  }
}

describe('what recover confirm sends', () => {
  it('arrives as it was, however it is cut', async () => {
    const sent = Buffer.concat(writeRecovery(input));
    for (const size of [1, 7, sent.length]) {
      assert.deepEqual(await readRecovery(streamOf(sent, size)), input);
    }
    const none = { ...input, lists: [], numbers: [], checkpoints: [] };
    assert.deepEqual(await readRecovery(streamOf(Buffer.concat(writeRecovery(none)))), none);
  });

  const sent = Buffer.concat(writeRecovery(input));
  const line = (head: object): Buffer => Buffer.from(`${JSON.stringify(head)}\n`);
  const { lists: _, ...rest } = input;
  const refused = [
    { why: 'nothing', bytes: Buffer.alloc(0) },
    { why: 'no line', bytes: sent.subarray(0, 20) },
    { why: 'a list that is cut', bytes: sent.subarray(0, -1) },
    { why: 'more than the lists', bytes: Buffer.concat([sent, Buffer.from('x')]) },
    {
      why: 'a number of another kind',
      bytes: line({ ...rest, lengths: [], numbers: [{ scope: 'a', number: '-1' }] }),
    },
    { why: 'a length below zero', bytes: line({ ...rest, lengths: [-1] }) },
    { why: 'null', bytes: line(null as unknown as object) },
    { why: 'a line without lengths', bytes: line(rest) },
  ];
  for (const { why, bytes } of refused) {
    it(`is refused as ${why}`, async () => {
      await assert.rejects(readRecovery(streamOf(bytes)), { code: 'HTTP_REQUEST_INVALID' });
    });
  }
});

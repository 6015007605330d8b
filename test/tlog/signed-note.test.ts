import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { describe, it } from 'node:test';

import { formatCheckpoint, openCheckpoint, parseCheckpoint } from '../../src/tlog/checkpoint.ts';
import { formatProofFile, parseProofFile } from '../../src/tlog/proof-file.ts';
import {
  formatNoteKey,
  formatSignedNote,
  openSignedNote,
  parseNoteKey,
} from '../../src/tlog/signed-note.ts';
import { makeLogKey, signCheckpoint } from '../support/memory-log.ts';

/** The key and note that golang.org/x/mod/sumdb/note documents. */
const PETER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const PETERS_NOTE =
  'If you think cryptography is the answer to your problem,\n' +
  "then you don't know what your problem is.\n\n" +
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

const key = makeLogKey();
const entries = [Buffer.from('one'), Buffer.from('two')];

describe('signed notes (C2SP signed-note)', () => {
  it('of the Go implementation verify', () => {
    const text = openSignedNote(PETERS_NOTE, parseNoteKey(PETER));
    assert.match(text, /^If you think .* is\.\n$/s);
  });

  it('keys are written as they are read', () => {
    assert.equal(formatNoteKey(parseNoteKey(PETER)), PETER);
    assert.deepEqual(parseNoteKey(`${formatNoteKey(key.note)}\n`), key.note);
  });

  const badKeys = [
    '',
    'PeterNeumann',
    PETER.replace('c74f20a3', 'c74f20a4'),
    PETER.replace('+ARpc', '+AhpA'),
    PETER.replace('PeterNeumann', 'Peter Neumann'),
    PETER.slice(0, -4),
  ];
  for (const text of badKeys) {
    it(`${JSON.stringify(text)} is no key`, () => {
      assert.throws(() => parseNoteKey(text), { code: 'TLOG_KEY_MALFORMED' });
    });
  }

  it('any bit changed in a signed note is found', () => {
    const note = Buffer.from(signCheckpoint(entries, key));
    for (let bit = 0; bit < note.length * 8; bit += 1) {
      const changed = Buffer.from(note);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.throws(() => openCheckpoint(changed.toString('utf8'), key.note), {
        name: 'TlogError',
      });
    }
  });

  it('signatures of others are passed over, and do not stand in for ours', () => {
    const text = 'text\n';
    const other = makeLogKey('other');
    const signed = formatSignedNote(text, key.note, sign(null, Buffer.from(text), key.privateKey));
    const [, theirs = ''] = formatSignedNote(
      text,
      other.note,
      sign(null, Buffer.from(text), other.privateKey),
    ).split('\n\n');
    assert.equal(openSignedNote(signed + theirs, key.note), text);
    assert.throws(() => openSignedNote(`${text}\n${theirs}`, key.note), {
      code: 'TLOG_SIGNATURE_WRONG',
    });
  });
});

describe('checkpoints (C2SP tlog-checkpoint)', () => {
  const head = { origin: 'a', size: 3n, rootHash: new Uint8Array(32).fill(7) };

  it('are read as they were written', () => {
    assert.deepEqual(parseCheckpoint(formatCheckpoint(head)), head);
  });

  const text = formatCheckpoint(head);
  const refused = [
    text.replace('\n3\n', '\n03\n'),
    text.replace('\n3\n', '\n-3\n'),
    text.replace('\n3\n', '\n\n'),
    text.replace('\n3\n', `\n${'9'.repeat(20)}\n`),
    text.replace('a\n', '\n'),
    text.slice(0, -1),
    `${text}\n`,
    text.replace('BwcH', 'BwcHBwcH'),
    '',
  ];
  for (const [at, bad] of refused.entries()) {
    it(`form ${at} is none`, () => {
      assert.throws(() => parseCheckpoint(bad), { code: 'TLOG_CHECKPOINT_MALFORMED' });
    });
  }

  it('may have extension lines', () => {
    assert.deepEqual(parseCheckpoint(`${text}extension\n`), head);
  });

  it('of another log are refused', () => {
    const other = { ...key, note: { ...key.note, name: 'other' } };
    const body = formatCheckpoint(head);
    const note = formatSignedNote(body, other.note, sign(null, Buffer.from(body), key.privateKey));
    assert.throws(() => openCheckpoint(note, other.note), { code: 'TLOG_CHECKPOINT_MALFORMED' });
  });
});

describe('proof files (C2SP tlog-proof)', () => {
  const path = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const proof = { index: 5n, path, checkpoint: 'test checkpoint\n' };

  it('are read as they were written, extra data skipped', () => {
    const text = formatProofFile(proof);
    assert.match(
      text,
      /^c2sp\.org\/tlog-proof@v1\nindex 5\nAQEB.*=\nAgIC.*=\n\ntest checkpoint\n$/,
    );
    assert.deepEqual(parseProofFile(text), proof);
    assert.deepEqual(parseProofFile(text.replace('index', 'extra QUFB\nindex')), proof);
    assert.deepEqual(parseProofFile(formatProofFile({ ...proof, path: [] })).path, []);
  });

  const refused = [
    'not a proof',
    'c2sp.org/tlog-proof@v1\n',
    'c2sp.org/tlog-proof@v1\nindex x\n\ncheckpoint\n',
    'c2sp.org/tlog-proof@v1\nindex 01\n\ncheckpoint\n',
    'c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\ncheckpoint\n',
    'c2sp.org/tlog-proof@v2\nindex 0\n\ncheckpoint\n',
  ];
  for (const text of refused) {
    it(`${JSON.stringify(text)} is none`, () => {
      assert.throws(() => parseProofFile(text), { code: 'TLOG_PROOF_MALFORMED' });
    });
  }
});

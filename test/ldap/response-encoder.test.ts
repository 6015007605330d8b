import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ResponseTag } from '../../src/ldap/requests.ts';
import {
  encodeExtendedResult,
  encodeNoticeOfDisconnection,
  encodeResult,
} from '../../src/ldap/response-encoder.ts';
import { resultOf } from '../../src/ldap/result-codes.ts';
import { parseAnswer } from '../support/ldap-answers.ts';

const parse = (bytes: Uint8Array): ReturnType<typeof parseAnswer> =>
  parseAnswer(Buffer.from(bytes));

describe('encodeResult (RFC 4511 §4.1.9)', () => {
  it('writes the bytes of the standard', () => {
    assert.deepEqual(
      Buffer.from(encodeResult(1, ResponseTag.bind, resultOf(0))).toString('hex'),
      '300c02010161070a010004000400',
    );
  });

  const tags = Object.entries(ResponseTag).filter(
    ([name]) => name !== 'searchEntry' && name !== 'searchReference',
  );
  for (const [name, tag] of tags) {
    it(`writes ${name} with all fields`, () => {
      const result = { resultCode: 32, matchedDn: 'dc=日', diagnosticMessage: 'x'.repeat(300) };
      const answer = parse(encodeResult(2 ** 31 - 1, tag, result));
      assert.equal(answer.kind, name);
      assert.equal(answer.messageId, 2 ** 31 - 1);
      assert.deepEqual(
        [answer.resultCode, answer.matchedDn, answer.diagnosticMessage],
        [32, 'dc=日', 'x'.repeat(300)],
      );
    });
  }
});

describe('encodeExtendedResult (RFC 4511 §4.12)', () => {
  it('leaves out what is not there', () => {
    const answer = parse(encodeExtendedResult(3, resultOf(2)));
    assert.deepEqual([answer.responseName, answer.responseValue], [undefined, undefined]);
  });

  it('writes name and value, also an empty one', () => {
    const answer = parse(
      encodeExtendedResult(3, resultOf(0), { name: '1.2.3', value: new Uint8Array(0) }),
    );
    assert.equal(answer.responseName, '1.2.3');
    assert.equal(answer.responseValue?.length, 0);
  });
});

it('encodeNoticeOfDisconnection (RFC 4511 §4.4.1) has message id 0 and its name', () => {
  const answer = parse(encodeNoticeOfDisconnection(resultOf(52, 'bye')));
  assert.equal(answer.messageId, 0);
  assert.equal(answer.resultCode, 52);
  assert.equal(answer.responseName, '1.3.6.1.4.1.1466.20036');
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  applicationTag,
  contextTag,
  formatTag,
  isAllowedTag,
  isConstructed,
  Tag,
} from '../../src/asn1/tags.ts';

describe('identifier octets', () => {
  it('X.690 §8.1.2.2: class, form and number', () => {
    assert.equal(contextTag(0, 'primitive'), 0x80);
    assert.equal(contextTag(3, 'constructed'), 0xa3);
    assert.equal(contextTag(30, 'constructed'), 0xbe);
    assert.equal(applicationTag(0, 'constructed'), 0x60);
    assert.equal(applicationTag(2, 'primitive'), 0x42);
  });

  for (const number of [-1, 31, 0.5, Number.NaN]) {
    it(`makes no tag of the number ${number}`, () => {
      assert.throws(() => contextTag(number, 'primitive'), { code: 'ERR_ASSERTION' });
      assert.throws(() => applicationTag(number, 'primitive'), { code: 'ERR_ASSERTION' });
    });
  }

  it('tells the form', () => {
    assert.equal(isConstructed(Tag.sequence), true);
    assert.equal(isConstructed(0xa0), true);
    assert.equal(isConstructed(Tag.octetString), false);
    assert.equal(isConstructed(0x80), false);
  });

  it('allows every type it names', () => {
    for (const tag of Object.values(Tag)) {
      assert.equal(isAllowedTag(tag), true, formatTag(tag));
    }
  });

  const refused = [
    { why: 'end-of-contents', tag: 0x00 },
    { why: 'a constructed end-of-contents', tag: 0x20 },
    { why: 'X.690 §10.2: a constructed OCTET STRING', tag: 0x24 },
    { why: 'X.690 §10.2: a constructed BIT STRING', tag: 0x23 },
    { why: 'X.690 §10.2: a constructed UTF8String', tag: 0x2c },
    { why: 'X.690 §8.9.1: a primitive SEQUENCE', tag: 0x10 },
    { why: 'X.690 §8.11.1: a primitive SET', tag: 0x11 },
    { why: 'X.690 §8.1.2.4: a universal tag of several bytes', tag: 0x1f },
    { why: 'an application tag of several bytes', tag: 0x5f },
    { why: 'a context tag of several bytes', tag: 0xbf },
    { why: 'a private tag of several bytes', tag: 0xff },
  ];
  for (const { why, tag } of refused) {
    it(`does not allow ${why}`, () => {
      assert.equal(isAllowedTag(tag), false);
    });
  }

  it('allows both forms of the other classes', () => {
    for (const tag of [0x40, 0x60, 0x80, 0xa0, 0xc0, 0xe0, 0x5e, 0xbe]) {
      assert.equal(isAllowedTag(tag), true, formatTag(tag));
    }
  });

  it('formats two digits', () => {
    assert.equal(formatTag(0x04), '0x04');
  });
});

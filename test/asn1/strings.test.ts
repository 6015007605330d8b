import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  decodeString,
  encodeString,
  isPrintableText,
  isStringTag,
} from '../../src/asn1/strings.ts';
import { Tag } from '../../src/asn1/tags.ts';
import { formatHex } from '../../src/core/bytes.ts';

const refusal = { name: 'DerError', code: 'DER_STRING' };

describe('string types', () => {
  const pairs = [
    { why: 'UTF8String: four bytes', tag: Tag.utf8String, text: '𠮷', hex: 'f0a0aeb7' },
    { why: 'UTF8String: a byte order mark is kept', tag: 0x0c, text: '\ufeffa', hex: 'efbbbf61' },
    { why: 'UTF8String: NUL', tag: Tag.utf8String, text: 'a\0b', hex: '610062' },
    { why: 'BMPString: the last character', tag: Tag.bmpString, text: '\uffff', hex: 'ffff' },
    { why: 'BMPString: before the surrogates', tag: Tag.bmpString, text: '\ud7ff', hex: 'd7ff' },
    { why: 'BMPString: after the surrogates', tag: Tag.bmpString, text: '\ue000', hex: 'e000' },
    { why: 'BMPString: a byte order mark is a character', tag: 0x1e, text: '\ufeff', hex: 'feff' },
    {
      why: 'UniversalString: above the BMP',
      tag: Tag.universalString,
      text: '𠮷',
      hex: '00020bb7',
    },
    { why: 'UniversalString: the last', tag: 0x1c, text: '\u{10ffff}', hex: '0010ffff' },
    { why: 'TeletexString as Latin-1', tag: Tag.teletexString, text: 'é\u0080ÿ', hex: 'e980ff' },
    { why: 'IA5String: its first and last', tag: Tag.ia5String, text: '\0\x7f', hex: '007f' },
    { why: 'VisibleString: its first and last', tag: Tag.visibleString, text: ' ~', hex: '207e' },
    { why: 'NumericString', tag: Tag.numericString, text: '0 9', hex: '302039' },
  ];
  for (const { why, tag, text, hex } of pairs) {
    it(`${why}`, () => {
      assert.equal(formatHex(encodeString(tag, text)), hex);
      assert.equal(decodeString(tag, Buffer.from(hex, 'hex')), text);
    });
  }

  it('every type has an empty string', () => {
    for (const tag of Object.values(Tag).filter(isStringTag)) {
      assert.equal(encodeString(tag, '').length, 0);
      assert.equal(decodeString(tag, new Uint8Array()), '');
    }
  });

  it('X.680 §41.4: PrintableString has these characters and no others', () => {
    const alphabet = new Set(
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?",
    );
    for (let code = 0; code < 0x100; code += 1) {
      const character = String.fromCharCode(code);
      assert.equal(isPrintableText(character), alphabet.has(character), `U+${code.toString(16)}`);
    }
    assert.equal(isPrintableText('Maebashi-shi\n'), false);
  });

  const refusedContents = [
    { why: 'UTF-8: an overlong slash', tag: Tag.utf8String, hex: 'c0af' },
    { why: 'UTF-8: an encoded surrogate', tag: Tag.utf8String, hex: 'eda080' },
    { why: 'UTF-8: above U+10FFFF', tag: Tag.utf8String, hex: 'f4908080' },
    { why: 'UTF-8: a cut character', tag: Tag.utf8String, hex: 'e7be' },
    { why: 'UTF-8: a lone continuation', tag: Tag.utf8String, hex: '80' },
    { why: 'PrintableString: an asterisk', tag: Tag.printableString, hex: '2a' },
    { why: 'PrintableString: an at sign', tag: Tag.printableString, hex: '40' },
    { why: 'PrintableString: NUL', tag: Tag.printableString, hex: '00' },
    { why: 'PrintableString: Latin-1', tag: Tag.printableString, hex: 'e9' },
    { why: 'NumericString: a letter', tag: Tag.numericString, hex: '61' },
    { why: 'IA5String: above 7F', tag: Tag.ia5String, hex: '80' },
    { why: 'VisibleString: a control', tag: Tag.visibleString, hex: '1f' },
    { why: 'VisibleString: DEL', tag: Tag.visibleString, hex: '7f' },
    { why: 'BMPString: half a character', tag: Tag.bmpString, hex: '007fa4' },
    { why: 'BMPString: a surrogate pair', tag: Tag.bmpString, hex: 'd842dfb7' },
    { why: 'BMPString: a lone surrogate', tag: Tag.bmpString, hex: 'd800' },
    { why: 'UniversalString: three bytes', tag: Tag.universalString, hex: '000061' },
    { why: 'UniversalString: a surrogate', tag: Tag.universalString, hex: '0000d800' },
    { why: 'UniversalString: above U+10FFFF', tag: Tag.universalString, hex: '00110000' },
    { why: 'UniversalString: the top bit', tag: Tag.universalString, hex: 'ffffffff' },
  ];
  for (const { why, tag, hex } of refusedContents) {
    it(`refuses to read ${why}`, () => {
      assert.throws(() => decodeString(tag, Buffer.from(hex, 'hex')), refusal);
    });
  }

  const refusedTexts = [
    { why: 'UTF8String: a lone surrogate', tag: Tag.utf8String, text: 'a\ud800' },
    {
      why: 'UTF8String: surrogates the wrong way round',
      tag: Tag.utf8String,
      text: '\udfb7\ud842',
    },
    { why: 'UniversalString: a lone surrogate', tag: Tag.universalString, text: '\udc00' },
    { why: 'BMPString: above the BMP', tag: Tag.bmpString, text: '𠮷' },
    { why: 'BMPString: a lone surrogate', tag: Tag.bmpString, text: '\ud842' },
    { why: 'TeletexString: beyond Latin-1', tag: Tag.teletexString, text: 'Ā' },
    { why: 'IA5String: Latin-1', tag: Tag.ia5String, text: 'é' },
    { why: 'PrintableString: an underscore', tag: Tag.printableString, text: 'a_b' },
    { why: 'PrintableString: a letter of full width', tag: Tag.printableString, text: 'Ａ' },
    { why: 'NumericString: a dot', tag: Tag.numericString, text: '1.2' },
  ];
  for (const { why, tag, text } of refusedTexts) {
    it(`refuses to write ${why}`, () => {
      assert.throws(() => encodeString(tag, text), refusal);
    });
  }

  it('bounds the size in both directions', () => {
    const largest = 'a'.repeat(0x10_0000);
    for (const tag of [Tag.utf8String, Tag.printableString]) {
      assert.equal(decodeString(tag, encodeString(tag, largest)), largest);
      assert.throws(() => encodeString(tag, `${largest}a`), { code: 'DER_RANGE' });
      assert.throws(() => decodeString(tag, Buffer.from(`${largest}a`)), { code: 'DER_RANGE' });
    }
  });

  it('knows no other type', () => {
    for (const tag of [Tag.octetString, Tag.oid, 0x15, 0x80]) {
      assert.equal(isStringTag(tag), false);
      assert.throws(() => encodeString(tag, ''), { name: 'DerError', code: 'DER_TAG' });
      assert.throws(() => decodeString(tag, new Uint8Array()), { code: 'DER_TAG' });
    }
  });
});

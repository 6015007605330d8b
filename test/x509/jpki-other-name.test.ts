import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodePrintableString, encodeUtf8String } from '../../src/asn1/der-writer.ts';
import { formatHex } from '../../src/core/bytes.ts';
import { buildSubjectAltName, parseAlternativeNames } from '../../src/x509/alternative-name.ts';
import type { GeneralName } from '../../src/x509/general-name.ts';
import {
  buildJpkiOtherNames,
  type JpkiSubject,
  parseJpkiOtherNames,
} from '../../src/x509/jpki-other-name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';

const subject: JpkiSubject = {
  commonName: '群馬\u3000花子',
  dateOfBirth: '419900215',
  gender: '2',
  address: '群馬県前橋市大手町一丁目一番一号',
  substituteCharacterOfCommonName: '00000',
  substituteCharacterOfAddress: '0000000000000000',
};
const refusal = { name: 'X509Error', code: 'X509_EXTENSION' };
const otherName = (value: Uint8Array): GeneralName => ({
  kind: 'otherName',
  type: Oid.jpkiGender,
  value,
});

describe('JPKI attributes, gunma CPS 7-1', () => {
  it('six otherNames in the order of certificates in use: .1, .4, .3, .5, .2, .6', () => {
    const names = buildJpkiOtherNames(subject);
    assert.deepEqual(
      names.map((name) => name.kind === 'otherName' && name.type.split('.').at(-1)),
      ['1', '4', '3', '5', '2', '6'],
    );
  });

  it('through a subjectAltName and back', () => {
    const { value } = buildSubjectAltName(buildJpkiOtherNames(subject));
    assert.deepEqual(parseJpkiOtherNames(parseAlternativeNames(value)), subject);
  });

  it('the value is [0] EXPLICIT UTF8String', () => {
    const { value } = buildSubjectAltName(buildJpkiOtherNames(subject).slice(2, 3));
    // openssl -extfile: subjectAltName=otherName:1.2.392.200149.8.5.5.3;UTF8:2
    assert.equal(formatHex(value), '3013a011060a2a83088c9b5508050503a0030c0132');
  });

  it('other names beside them are passed over', () => {
    const names: readonly GeneralName[] = [
      { kind: 'dnsName', text: 'a' },
      { kind: 'otherName', type: '1.2.3', value: Uint8Array.of(5, 0) },
      otherName(encodeUtf8String('1')),
    ];
    assert.deepEqual(parseJpkiOtherNames(names), { gender: '1' });
  });

  it('an attribute twice is refused', () => {
    const name = otherName(encodeUtf8String('1'));
    assert.throws(() => parseJpkiOtherNames([name, name]), refusal);
  });

  it('another string type is refused', () => {
    assert.throws(() => parseJpkiOtherNames([otherName(encodePrintableString('1'))]), refusal);
  });

  it('octets behind the value are refused', () => {
    const value = Uint8Array.of(...encodeUtf8String('1'), 0);
    assert.throws(() => parseJpkiOtherNames([otherName(value)]), refusal);
  });

  it('half of a surrogate pair is not written', () => {
    assert.throws(() => buildJpkiOtherNames({ ...subject, address: '\ud842' }), refusal);
  });
});

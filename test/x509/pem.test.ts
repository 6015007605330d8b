import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { decodePem, decodePemBlocks, encodePem } from '../../src/x509/pem.ts';

const refusal = { name: 'X509Error', code: 'X509_PEM' };
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_none, index) => index);

describe('PEM, RFC 7468', () => {
  it('lines of 64 characters', () => {
    assert.equal(
      encodePem('X509 CRL', bytes(49)),
      [
        '-----BEGIN X509 CRL-----',
        'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v',
        'MA==',
        '-----END X509 CRL-----',
        '',
      ].join('\n'),
    );
  });

  for (const length of [1, 2, 3, 47, 48, 49, 96, 1000]) {
    it(`${length} octets and back`, () => {
      assert.deepEqual(decodePem(encodePem('CERTIFICATE', bytes(length))), bytes(length));
    });
  }

  const pem = encodePem('CERTIFICATE', bytes(100));
  const accepted = [
    { why: 'CR LF', text: pem.replaceAll('\n', '\r\n') },
    { why: 'CR', text: pem.replaceAll('\n', '\r') },
    { why: 'text before and behind', text: `subject=a\n\n${pem}\nmore` },
    { why: 'spaces behind lines', text: pem.replaceAll('\n', ' \n') },
    { why: 'one long line', text: pem.replace(/([^-\n])\n(?=[^-])/g, '$1') },
    { why: 'no line feed at the end', text: pem.trimEnd() },
    { why: 'another block before it', text: encodePem('X509 CRL', bytes(3)) + pem },
  ];
  for (const { why, text } of accepted) {
    it(`takes ${why}`, () => {
      assert.deepEqual(decodePem(text, 'CERTIFICATE'), bytes(100));
    });
  }

  it('takes any of several labels', () => {
    assert.deepEqual(decodePem(pem, ['NEW CERTIFICATE', 'CERTIFICATE']), bytes(100));
  });

  it('finds every block', () => {
    const blocks = decodePemBlocks(pem + encodePem('X509 CRL', bytes(3)));
    assert.deepEqual(
      blocks.map(({ label }) => label),
      ['CERTIFICATE', 'X509 CRL'],
    );
    assert.deepEqual(decodePemBlocks('no block'), []);
  });

  it('refuses an end with another label, whatever label is asked for', () => {
    const text = pem.replace('END CERTIFICATE', 'END X509 CRL');
    assert.throws(() => decodePemBlocks(text), refusal);
  });

  const refused = [
    { why: 'no block', text: 'hello' },
    { why: 'another label', text: encodePem('X509 CRL', bytes(3)) },
    { why: 'no end', text: pem.replace(/-----END.*/, '') },
    { why: 'an end with another label', text: pem.replace('END CERTIFICATE', 'END X509 CRL') },
    {
      why: 'a beginning within a block',
      text: pem.replace('\n', '\n-----BEGIN CERTIFICATE-----\n'),
    },
    { why: 'an end without a beginning', text: '-----END CERTIFICATE-----' },
    { why: 'an empty block', text: '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----' },
    { why: 'a character that is not base64', text: pem.replace('AAEC', 'A*EC') },
    { why: 'base64 of the URL kind', text: pem.replace('AAEC', 'A_EC') },
    { why: 'a missing =', text: encodePem('CERTIFICATE', bytes(2)).replace('=', '') },
    {
      why: 'bits behind the last octet',
      text: encodePem('CERTIFICATE', bytes(2)).replace('AAE=', 'AAF='),
    },
    {
      why: 'header lines of an encrypted block',
      text: pem.replace('\n', '\nProc-Type: 4,ENCRYPTED\n\n'),
    },
  ];
  for (const { why, text } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => decodePem(text, 'CERTIFICATE'), refusal);
    });
  }
});

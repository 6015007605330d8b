import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeExplicit, encodeSequence } from '../../src/asn1/der-writer.ts';
import { type Certificate, parseCertificate } from '../../src/x509/certificate.ts';
import {
  assertPairMatches,
  type CertificatePair,
  encodeCertificatePair,
  parseCertificatePair,
} from '../../src/x509/certificate-pair.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { sampleCertificate, sampleKey } from '../support/x509-samples.ts';

const refusal = (code: string): { name: string; code: string } => ({ name: 'X509Error', code });

const gunma = nameFromText('OU=Gunma Prefectural CA,O=JPKI,C=JP');
const bridge = nameFromText('OU=BridgeCA,O=JPKI,C=JP');
const other = nameFromText('OU=OtherCA,O=JPKI,C=JP');
const gunmaKey = sampleKey('rsa-2048');
const bridgeKey = sampleKey('p384');
const otherKey = sampleKey('p256');

/** The bridge's certificate for Gunma, and Gunma's for the bridge. */
const issuedToThisCa = parseCertificate(
  sampleCertificate(gunmaKey, { issuer: bridge, subject: gunma }, bridgeKey),
);
const issuedByThisCa = parseCertificate(
  sampleCertificate(bridgeKey, { issuer: gunma, subject: bridge }, gunmaKey),
);

describe('CertificatePair, RFC 4523 §2.3', () => {
  const rows: readonly { readonly why: string; readonly pair: CertificatePair }[] = [
    { why: 'both certificates', pair: { issuedToThisCa, issuedByThisCa } },
    { why: 'the one issued to this CA', pair: { issuedToThisCa } },
    { why: 'the one issued by this CA', pair: { issuedByThisCa } },
  ];
  for (const { why, pair } of rows) {
    it(`${why}: written, read, matching`, () => {
      const der = encodeCertificatePair(pair);
      const read = parseCertificatePair(der);
      assert.deepEqual(read, pair);
      assert.deepEqual(encodeCertificatePair(read), der);
      assertPairMatches(read);
    });
  }

  it('none is not written', () => {
    assert.throws(() => encodeCertificatePair({}), refusal('X509_CERTIFICATE_PAIR'));
  });

  const whole = encodeCertificatePair({ issuedToThisCa, issuedByThisCa });
  const refused = [
    { why: 'an empty pair', der: encodeSequence(), code: 'X509_CERTIFICATE_PAIR' },
    { why: 'nothing', der: new Uint8Array(0), code: 'X509_CERTIFICATE_PAIR' },
    {
      why: 'the halves in the wrong order',
      der: encodeSequence(
        encodeExplicit(1, issuedByThisCa.der),
        encodeExplicit(0, issuedToThisCa.der),
      ),
      code: 'X509_CERTIFICATE_PAIR',
    },
    {
      why: 'a third half',
      der: encodeSequence(
        encodeExplicit(0, issuedToThisCa.der),
        encodeExplicit(2, issuedByThisCa.der),
      ),
      code: 'X509_CERTIFICATE_PAIR',
    },
    {
      why: 'two certificates in one half',
      der: encodeSequence(encodeExplicit(0, Uint8Array.of(...issuedToThisCa.der, 5, 0))),
      code: 'X509_CERTIFICATE',
    },
    {
      why: 'a half that is no certificate',
      der: encodeSequence(encodeExplicit(0, encodeSequence())),
      code: 'X509_CERTIFICATE',
    },
    { why: 'octets behind it', der: Uint8Array.of(...whole, 0), code: 'X509_CERTIFICATE_PAIR' },
  ];
  for (const { why, der, code } of refused) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parseCertificatePair(der), refusal(code));
    });
  }
});

describe('assertPairMatches, X.509 §11.2.3', () => {
  const certificate = (...fields: Parameters<typeof sampleCertificate>): Certificate =>
    parseCertificate(sampleCertificate(...fields));

  const rows: readonly { readonly why: string; readonly pair: CertificatePair }[] = [
    {
      why: 'the issuer of one is not the subject of the other',
      pair: {
        issuedToThisCa,
        issuedByThisCa: certificate(bridgeKey, { issuer: other, subject: bridge }, gunmaKey),
      },
    },
    {
      why: 'the issuer of the other is not the subject of the one',
      pair: {
        issuedToThisCa: certificate(gunmaKey, { issuer: other, subject: gunma }, bridgeKey),
        issuedByThisCa,
      },
    },
    {
      why: 'the subject of one is not the issuer of the other',
      pair: {
        issuedToThisCa: certificate(gunmaKey, { issuer: bridge, subject: other }, bridgeKey),
        issuedByThisCa,
      },
    },
    {
      why: 'another key signed the one issued to this CA',
      pair: {
        issuedToThisCa: certificate(gunmaKey, { issuer: bridge, subject: gunma }, otherKey),
        issuedByThisCa,
      },
    },
    {
      why: 'another key signed the one issued by this CA',
      pair: {
        issuedToThisCa,
        issuedByThisCa: certificate(bridgeKey, { issuer: gunma, subject: bridge }, otherKey),
      },
    },
    {
      why: 'a self-issued certificate (RFC 2587 §3.1)',
      pair: { issuedByThisCa: certificate(gunmaKey, { issuer: gunma, subject: gunma }) },
    },
  ];
  for (const { why, pair } of rows) {
    it(`refuses: ${why}`, () => {
      assert.throws(() => assertPairMatches(pair), refusal('X509_CERTIFICATE_PAIR'));
    });
  }
});

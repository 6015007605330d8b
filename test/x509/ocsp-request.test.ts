import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  encodeBoolean,
  encodeElement,
  encodeExplicit,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
} from '../../src/asn1/der-writer.ts';
import { encodeSignatureAlgorithm } from '../../src/x509/algorithms.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import {
  encodeOcspCertId,
  encodeOcspRequest,
  encodeTbsOcspRequest,
  MAX_CERT_IDS,
  MAX_NONCE_BYTES,
  parseOcspRequest,
} from '../../src/x509/ocsp-request.ts';
import { sampleCertificate, sampleKey } from '../support/x509-samples.ts';

const hash = new Uint8Array(20).fill(7);
const certId = encodeOcspCertId({
  hashAlgorithm: Oid.sha1,
  issuerNameHash: hash,
  issuerKeyHash: hash,
  serialNumber: 0x1234n,
});
const single = encodeSequence(certId);
const list = encodeSequence(single);

function extension(oid: string, value: Uint8Array, isCritical = false): Uint8Array {
  const critical = isCritical ? [encodeBoolean(true)] : [];
  return encodeSequence(encodeSequence(encodeOid(oid), ...critical, encodeOctetString(value)));
}

function withNonce(octets: number): Uint8Array {
  const nonce = new Uint8Array(octets).fill(9);
  return encodeOcspRequest(encodeTbsOcspRequest({ certIds: [certId], nonce }));
}

describe('an OCSP request (RFC 6960 §4.1.1)', () => {
  it('has what was asked', () => {
    const request = parseOcspRequest(encodeSequence(encodeSequence(list)));
    assert.equal(request.certIds.length, 1);
    const [id] = request.certIds;
    assert.deepEqual(Buffer.from(id?.der ?? []), Buffer.from(certId));
    assert.equal(id?.hashAlgorithm, Oid.sha1);
    assert.equal(id?.serialNumber, 0x1234n);
    assert.equal(request.nonce, undefined);
    assert.equal(request.signature, undefined);
  });

  it('has its signature and what was signed', () => {
    const key = sampleKey('p256');
    const requestorName = { kind: 'directoryName', name: nameFromText('CN=v,C=JP') } as const;
    const tbs = encodeTbsOcspRequest({ certIds: [certId], requestorName });
    const certificate = sampleCertificate(key);
    const der = encodeOcspRequest(tbs, {
      algorithm: encodeSignatureAlgorithm(key.algorithm),
      signature: Uint8Array.of(1, 2),
      certificates: [certificate],
    });
    const request = parseOcspRequest(der);
    assert.deepEqual(Buffer.from(request.tbs), Buffer.from(tbs));
    assert.deepEqual(Buffer.from(request.signature?.signature ?? []), Buffer.from([1, 2]));
    assert.equal(request.signature?.certificates.length, 1);
    assert.equal(request.requestorName?.kind, 'directoryName');
  });

  for (const octets of [1, 16, 32, 33, MAX_NONCE_BYTES]) {
    it(`takes a nonce of ${octets} octets (RFC 9654 §2.1)`, () => {
      assert.equal(parseOcspRequest(withNonce(octets)).nonce?.length, octets);
    });
  }

  it(`takes ${MAX_CERT_IDS} certificates`, () => {
    const certIds = Array.from({ length: MAX_CERT_IDS }, () => certId);
    const request = parseOcspRequest(encodeOcspRequest(encodeTbsOcspRequest({ certIds })));
    assert.equal(request.certIds.length, MAX_CERT_IDS);
  });

  it('takes extensions that are not critical', () => {
    const der = encodeSequence(
      encodeSequence(list, encodeExplicit(2, extension('1.2.3', encodeNull()))),
    );
    assert.equal(parseOcspRequest(der).certIds.length, 1);
  });

  const tooMany = Array.from({ length: MAX_CERT_IDS + 1 }, () => single);
  const refused: readonly { readonly why: string; readonly der: Uint8Array }[] = [
    { why: 'nothing', der: new Uint8Array(0) },
    { why: 'no list', der: encodeSequence(encodeSequence()) },
    { why: 'an empty list', der: encodeSequence(encodeSequence(encodeSequence())) },
    {
      why: 'one certificate too many',
      der: encodeSequence(encodeSequence(encodeSequence(...tooMany))),
    },
    {
      why: 'version 1 spelt out, which is the default (X.690 §11.5)',
      der: encodeSequence(encodeSequence(encodeExplicit(0, encodeInteger(0)), list)),
    },
    {
      why: 'version 2',
      der: encodeSequence(encodeSequence(encodeExplicit(0, encodeInteger(1)), list)),
    },
    {
      why: 'something behind it',
      der: Buffer.concat([encodeSequence(encodeSequence(list)), Buffer.of(0)]),
    },
    { why: 'something behind the list', der: encodeSequence(encodeSequence(list, encodeNull())) },
    {
      why: 'a critical extension that is not known (§4.4)',
      der: encodeSequence(
        encodeSequence(list, encodeExplicit(2, extension('1.2.3', encodeNull(), true))),
      ),
    },
    {
      why: 'a critical extension of one certificate',
      der: encodeSequence(
        encodeSequence(
          encodeSequence(
            encodeSequence(certId, encodeExplicit(0, extension('1.2.3', encodeNull(), true))),
          ),
        ),
      ),
    },
    { why: 'a nonce without octets (RFC 9654 §2.1)', der: withNonce(0) },
    { why: 'a nonce of 129 octets', der: withNonce(MAX_NONCE_BYTES + 1) },
    {
      why: 'a nonce that is no OCTET STRING',
      der: encodeSequence(
        encodeSequence(list, encodeExplicit(2, extension(Oid.ocspNonce, Uint8Array.of(1, 2, 3)))),
      ),
    },
    {
      why: 'a hash longer than any',
      der: encodeOcspRequest(
        encodeTbsOcspRequest({
          certIds: [
            encodeOcspCertId({
              hashAlgorithm: Oid.sha1,
              issuerNameHash: new Uint8Array(65),
              issuerKeyHash: hash,
              serialNumber: 1n,
            }),
          ],
        }),
      ),
    },
    {
      why: 'a length that is not minimal',
      der: Buffer.concat([Buffer.of(0x30, 0x81, 0x02), encodeElement(0x30)]),
    },
  ];
  for (const { why, der } of refused) {
    it(`is refused with ${why}`, () => {
      assert.throws(() => parseOcspRequest(der), { name: 'X509Error', code: 'X509_OCSP_REQUEST' });
    });
  }
});

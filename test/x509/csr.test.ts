import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { describe, it } from 'node:test';
import { CertificationRequest as PkijsRequest } from 'pkijs';

import {
  encodeElement,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSet,
  encodeUtf8String,
} from '../../src/asn1/der-writer.ts';
import { contextTag, Tag } from '../../src/asn1/tags.ts';
import { encodeSignatureAlgorithm } from '../../src/x509/algorithms.ts';
import { buildSubjectAltName } from '../../src/x509/alternative-name.ts';
import { assembleSigned } from '../../src/x509/certificate.ts';
import { parseCertificationRequest, verifyProofOfPossession } from '../../src/x509/csr.ts';
import { encodeExtensions } from '../../src/x509/extensions.ts';
import { formatName, nameFromText } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { sampleKey, sampleRequest } from '../support/x509-samples.ts';

const refusal = (code: string): { name: string; code: string } => ({ name: 'X509Error', code });
const key = sampleKey('p256');
const extension = buildSubjectAltName([{ kind: 'dnsName', text: 'a.example' }]);

describe('parseCertificationRequest, RFC 2986', () => {
  for (const type of ['rsa-2048', 'p256', 'p384'] as const) {
    it(`${type}: parts and proof of possession`, async () => {
      const sample = sampleKey(type);
      const der = sampleRequest(sample, { extensionRequest: [extension] });
      const request = parseCertificationRequest(der);
      assert.equal(formatName(request.subject), 'CN=applicant,C=JP');
      assert.deepEqual(request.spki, sample.spki);
      assert.deepEqual(request.extensionRequest, [extension]);
      assert.deepEqual(
        request.attributes.map((attribute) => attribute.type),
        [Oid.extensionRequest],
      );
      assert.deepEqual(
        assembleSigned(request.info, request.signatureAlgorithm, request.signature),
        der,
      );
      assert.ok(await verifyProofOfPossession(request));
    });
  }

  it('pkijs reads the same', () => {
    for (const type of ['rsa-2048', 'p256', 'p384'] as const) {
      const der = sampleRequest(sampleKey(type), { extensionRequest: [extension] });
      const other = PkijsRequest.fromBER(Uint8Array.from(der).buffer);
      const request = parseCertificationRequest(der);
      const written = (schema: { toBER(): ArrayBuffer }): Uint8Array =>
        new Uint8Array(schema.toBER());
      assert.deepEqual(request.subject.der, written(other.subject.toSchema()));
      assert.deepEqual(request.spki, written(other.subjectPublicKeyInfo.toSchema()));
      assert.deepEqual(request.info, other.tbsView);
      assert.deepEqual(request.signature, other.signatureValue.valueBlock.valueHexView);
      assert.deepEqual(
        request.attributes,
        other.attributes?.map(({ type, values }) => ({ type, values: values.map(written) })),
      );
    }
  });

  it('without attributes', () => {
    const request = parseCertificationRequest(sampleRequest(key));
    assert.deepEqual(request.attributes, []);
    assert.deepEqual(request.extensionRequest, []);
  });

  for (const label of ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST']) {
    it(`from PEM labelled ${label}`, () => {
      const der = sampleRequest(key);
      assert.deepEqual(parseCertificationRequest(encodePem(label, der)).der, der);
    });
  }

  it('refuses PEM of something else', () => {
    const pem = encodePem('CERTIFICATE', sampleRequest(key));
    assert.throws(() => parseCertificationRequest(pem), refusal('X509_PEM'));
  });
});

describe('verifyProofOfPossession', () => {
  it('refuses a request with one bit changed anywhere in what was signed', async () => {
    const der = sampleRequest(key, { subject: nameFromText('CN=aaaaaaaaaa') });
    const at = Buffer.from(der).indexOf('aaaaaaaaaa');
    const changed = Uint8Array.from(der);
    changed[at] = 0x62;
    const request = parseCertificationRequest(changed);
    assert.equal(formatName(request.subject), 'CN=baaaaaaaaa');
    assert.equal(await verifyProofOfPossession(request), false);
  });

  it('refuses a request signed with another key', async () => {
    const request = parseCertificationRequest(sampleRequest(key));
    const { spki } = sampleKey('p256', 'other');
    assert.equal(await verifyProofOfPossession({ ...request, spki }), false);
  });

  it('refuses an RSA key with an ECDSA signature', async () => {
    const request = parseCertificationRequest(sampleRequest(key));
    const { spki } = sampleKey('rsa-2048');
    assert.equal(await verifyProofOfPossession({ ...request, spki }), false);
  });

  it('refuses SHA-1', async () => {
    const rsa = sampleKey('rsa-2048');
    const { info } = parseCertificationRequest(sampleRequest(rsa));
    const sha1 = encodeSequence(encodeOid(Oid.sha1WithRsa), encodeNull());
    const der = assembleSigned(info, sha1, sign('sha1', info, rsa.privateKey));
    const request = parseCertificationRequest(der);
    await assert.rejects(verifyProofOfPossession(request), refusal('X509_ALGORITHM'));
  });

  it('refuses a curve that is not supported', async () => {
    const request = parseCertificationRequest(sampleRequest(sampleKey('p521')));
    await assert.rejects(verifyProofOfPossession(request), refusal('X509_PUBLIC_KEY'));
  });
});

describe('certification requests that are refused', () => {
  const algorithm = encodeSignatureAlgorithm(key.algorithm);
  const version = encodeInteger(0);
  const subject = nameFromText('CN=a').der;
  const attributesTag = contextTag(0, 'constructed');
  const noAttributes = encodeElement(attributesTag);
  const signed = (...fields: readonly Uint8Array[]): Uint8Array =>
    assembleSigned(encodeSequence(...fields), algorithm, Uint8Array.of(1));
  const withAttributes = (...attributes: readonly Uint8Array[]): Uint8Array =>
    signed(version, subject, key.spki, encodeElement(attributesTag, ...attributes));
  const attribute = (type: string, ...values: readonly Uint8Array[]): Uint8Array =>
    encodeSequence(encodeOid(type), encodeSet(...values));
  const asked = encodeExtensions([extension]);
  const good = signed(version, subject, key.spki, noAttributes);

  it('takes the request that the refused ones differ from', () => {
    assert.deepEqual(parseCertificationRequest(good).spki, key.spki);
  });

  it('takes attributes that it does not know', () => {
    const der = withAttributes(attribute(Oid.challengePassword, encodeUtf8String('a')));
    const [read] = parseCertificationRequest(der).attributes;
    assert.equal(read?.type, Oid.challengePassword);
    assert.deepEqual(read.values, [encodeUtf8String('a')]);
  });

  /** A request of so many octets, padded by an attribute. */
  const ofSize = (size: number): Uint8Array => {
    const padded = (length: number): Uint8Array =>
      withAttributes(attribute('1.2.3', encodeOctetString(new Uint8Array(length))));
    return padded(12_000 + size - padded(12_000).length);
  };

  it('takes a request of 16 KiB', () => {
    const der = ofSize(16_384);
    assert.equal(der.length, 16_384);
    assert.equal(parseCertificationRequest(der).attributes.length, 1);
  });

  const refused = [
    { why: 'nothing', der: new Uint8Array(0) },
    { why: 'text in place of DER', der: Buffer.from('-----BEGIN CERTIFICATE REQUEST-----') },
    { why: 'a request cut short', der: good.subarray(0, -1) },
    { why: 'octets behind it', der: Uint8Array.of(...good, 0) },
    { why: 'version 2', der: signed(encodeInteger(1), subject, key.spki, noAttributes) },
    { why: 'no version', der: signed(subject, key.spki, noAttributes) },
    { why: 'no subject', der: signed(version, key.spki, noAttributes) },
    { why: 'no key', der: signed(version, subject, noAttributes) },
    {
      why: 'something behind the attributes',
      der: signed(version, subject, key.spki, noAttributes, encodeInteger(1)),
    },
    {
      why: 'something else in place of the attributes',
      der: signed(version, subject, key.spki, encodeInteger(1)),
    },
    {
      why: 'an attribute without values',
      der: withAttributes(attribute(Oid.challengePassword)),
    },
    { why: 'an attribute that is no SEQUENCE', der: withAttributes(encodeInteger(1)) },
    {
      why: 'an attribute with a third field',
      der: withAttributes(
        encodeSequence(
          encodeOid(Oid.challengePassword),
          encodeSet(encodeUtf8String('a')),
          encodeInteger(1),
        ),
      ),
    },
    {
      why: 'two extension requests',
      der: withAttributes(
        attribute(Oid.extensionRequest, asked),
        attribute(Oid.extensionRequest, asked),
      ),
    },
    {
      why: 'an extension request with two values',
      der: withAttributes(attribute(Oid.extensionRequest, asked, asked)),
    },
    {
      why: 'an indefinite length, which pkijs would take',
      der: Uint8Array.of(Tag.sequence, 0x80, ...good.subarray(3), 0, 0),
    },
    {
      why: 'an attribute whose value is no DER, further in',
      der: withAttributes(attribute('1.2.3', encodeSequence(Uint8Array.of(Tag.boolean, 1, 5)))),
    },
    { why: 'more than 16 KiB', der: ofSize(16_385) },
  ];
  for (const { why, der } of refused) {
    it(why, () => {
      assert.throws(() => parseCertificationRequest(der), refusal('X509_REQUEST'));
    });
  }

  it('a text of more than 128 KiB', () => {
    assert.throws(() => parseCertificationRequest('a'.repeat(131_073)), refusal('X509_REQUEST'));
  });

  it('an extension request that is none', () => {
    const der = withAttributes(attribute(Oid.extensionRequest, encodeInteger(1)));
    assert.throws(() => parseCertificationRequest(der), refusal('X509_EXTENSION'));
  });

  it('an extension twice', () => {
    const twice = encodeSequence(...[1, 2].map(() => asked.subarray(2)));
    const der = withAttributes(attribute(Oid.extensionRequest, twice));
    assert.throws(() => parseCertificationRequest(der), refusal('X509_EXTENSION'));
  });
});

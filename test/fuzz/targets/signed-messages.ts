/**
 * What subscribers sign: CMS SignedData around a request to revoke.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import {
  encodeElement,
  encodeExplicit,
  encodeInteger,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSet,
  encodeSetOf,
  encodeTime,
} from '../../../src/asn1/der-writer.ts';
import { encodeSignatureAlgorithm } from '../../../src/x509/algorithms.ts';
import { parseCertificate } from '../../../src/x509/certificate.ts';
import { parseSignedMessage, verifySignedMessage } from '../../../src/x509/cms-signed-data.ts';
import { Oid } from '../../../src/x509/object-identifiers.ts';
import { encodeRevokeRequest, parseRevokeRequest } from '../../../src/x509/revoke-request.ts';
import { sampleCertificate, sampleKey, signSample } from '../../support/x509-samples.ts';
import { mutateBer } from '../ber-mutation.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { orRefused } from '../refusals.ts';

const key = sampleKey('p256');
const certificate = parseCertificate(sampleCertificate(key));
const content = encodeRevokeRequest({
  issuer: certificate.issuer,
  serialNumber: certificate.serialNumber,
  reason: 5,
  comment: 'given up',
});

function makeMessage(): Uint8Array {
  const attribute = (type: string, value: Uint8Array): Uint8Array =>
    encodeSequence(encodeOid(type), encodeSetOf(value));
  const attributes = [
    attribute(Oid.contentType, encodeOid(Oid.pkiData)),
    attribute(Oid.signingTime, encodeTime(Date.UTC(2026, 0, 6))),
    attribute(Oid.messageDigest, encodeOctetString(createHash('sha256').update(content).digest())),
  ];
  const signed = encodeSetOf(...attributes);
  const field = Uint8Array.from(signed);
  field[0] = 0xa0;
  const sha256 = encodeSequence(encodeOid(Oid.sha256), encodeNull());
  const signer = encodeSequence(
    encodeInteger(1),
    encodeSequence(certificate.issuer.der, encodeInteger(certificate.serialNumber)),
    sha256,
    field,
    encodeSignatureAlgorithm(key.algorithm),
    encodeOctetString(signSample(key, signed)),
  );
  const data = encodeSequence(
    encodeInteger(3),
    encodeSet(sha256),
    encodeSequence(encodeOid(Oid.pkiData), encodeExplicit(0, encodeOctetString(content))),
    encodeElement(0xa0, certificate.der),
    encodeSet(signer),
  );
  return encodeSequence(encodeOid(Oid.signedData), encodeExplicit(0, data));
}

export const signedMessagesTarget: FuzzTarget = {
  name: 'signed-messages',
  seeds: [makeMessage(), content],
  run: async (input) => {
    orRefused(() => parseRevokeRequest(input));
    const message = parseSignedMessage(input);
    orRefused(() => parseRevokeRequest(message.content));
    await verifySignedMessage(message, key.spki);
  },
  mutate: (random, seed) => mutateBer(random, seed) ?? seed,
};

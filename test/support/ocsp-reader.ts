/**
 * OCSP responses read with pkijs, as a second reader; what pkijs leaves as bytes is read with our own.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { BasicOCSPResponse, OCSPResponse, type SingleResponse } from 'pkijs';

import { DerReader } from '../../src/asn1/der-reader.ts';

export interface ReadSingle {
  readonly serialNumber: bigint;
  readonly status: 'good' | 'revoked' | 'unknown';
  readonly revokedMs?: number;
  readonly reason?: number;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs?: number;
  readonly archiveCutoffMs?: number;
}

export interface ReadResponse {
  /** OCSPResponseStatus. */
  readonly responseStatus: number;
  /** Empty unless it is successful. */
  readonly singles: readonly ReadSingle[];
  readonly producedMs?: number;
  readonly nonce?: Uint8Array;
  /** DER of certificates that came along. */
  readonly certificates: readonly Uint8Array[];
  /** Whether the first of them verifies the signature. */
  readonly isVerified: boolean;
}

const statusNames = ['good', 'revoked', 'unknown'] as const;

export function readOcspResponse(der: Uint8Array): ReadResponse {
  const bytes = Uint8Array.from(der).buffer;
  const response = OCSPResponse.fromBER(bytes);
  const responseStatus = response.responseStatus.valueBlock.valueDec;
  if (response.responseBytes === undefined) {
    return { responseStatus, singles: [], certificates: [], isVerified: false };
  }
  assert.equal(response.responseBytes.responseType, '1.3.6.1.5.5.7.48.1.1');
  const basic = BasicOCSPResponse.fromBER(response.responseBytes.response.valueBlock.valueHexView);
  const { tbsResponseData, certs = [] } = basic;
  const nonce = tbsResponseData.responseExtensions?.find(
    ({ extnID }) => extnID === '1.3.6.1.5.5.7.48.1.2',
  );
  return {
    responseStatus,
    singles: tbsResponseData.responses.map(readSingle),
    producedMs: tbsResponseData.producedAt.getTime(),
    ...(nonce === undefined ? {} : { nonce: readNonce(nonce.extnValue.valueBlock.valueHexView) }),
    certificates: certs.map((one) => new Uint8Array(one.toSchema().toBER())),
    isVerified: isVerified(basic),
  };
}

function readNonce(value: Uint8Array): Uint8Array {
  return new DerReader(Uint8Array.from(value)).readOctetString();
}

function readSingle(single: SingleResponse): ReadSingle {
  const { certStatus } = single;
  const status = statusNames[certStatus.idBlock.tagNumber];
  assert.ok(status !== undefined);
  const [time, reason] = certStatus.valueBlock.value ?? [];
  const cutoff = single.singleExtensions?.find(({ extnID }) => extnID === '1.3.6.1.5.5.7.48.1.6');
  return {
    serialNumber: BigInt(
      `0x${Buffer.from(single.certID.serialNumber.valueBlock.valueHexView).toString('hex')}`,
    ),
    status,
    ...(time === undefined ? {} : { revokedMs: time.toDate().getTime() }),
    ...(reason === undefined ? {} : { reason: reason.valueBlock.value[0].valueBlock.valueDec }),
    thisUpdateMs: single.thisUpdate.getTime(),
    ...(single.nextUpdate === undefined ? {} : { nextUpdateMs: single.nextUpdate.getTime() }),
    ...(cutoff === undefined
      ? {}
      : { archiveCutoffMs: readTime(cutoff.extnValue.valueBlock.valueHexView) }),
  };
}

function readTime(value: Uint8Array): number {
  return new DerReader(Uint8Array.from(value)).readGeneralizedTime();
}

function isVerified(basic: BasicOCSPResponse): boolean {
  const [signer] = basic.certs ?? [];
  if (signer === undefined) {
    return false;
  }
  const key = createPublicKey({
    key: Buffer.from(signer.subjectPublicKeyInfo.toSchema().toBER()),
    format: 'der',
    type: 'spki',
  });
  return verify(
    'sha256',
    Buffer.from(basic.tbsResponseData.tbsView),
    key,
    basic.signature.valueBlock.valueHexView,
  );
}

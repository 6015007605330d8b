/**
 * What EST (RFC 7030) sends and reads: certificates as a CMS message that signs nothing (RFC 5652 §5.2, RFC 8551 §3.8),
 * requests, attributes that requests should have. Everything is base64 without any header that says so (RFC 8951 §3).
 *
 * @module
 */

import {
  encodeExplicit,
  encodeInteger,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  retag,
} from '../../asn1/der-writer.ts';
import { contextTag } from '../../asn1/tags.ts';
import type { SubjectKeyTypeName } from '../../ca/policy/policy.ts';
import { asBuffer } from '../../core/bytes.ts';
import { Oid } from '../../x509/object-identifiers.ts';

/** "certs-only" (RFC 5272 §4.1): certificates, in no order. */
export function encodeCertsOnly(certificates: readonly Uint8Array[]): Uint8Array {
  const signedData = encodeSequence(
    encodeInteger(1),
    encodeSetOf(),
    encodeSequence(encodeOid(Oid.data)),
    retag(contextTag(0, 'constructed'), encodeSetOf(...certificates)),
    encodeSetOf(),
  );
  return encodeSequence(encodeOid(Oid.signedData), encodeExplicit(0, signedData));
}

const LINE_CHARACTERS = 64;

/** In lines, as every client reads it. */
export function encodeEstBody(der: Uint8Array): string {
  const text = asBuffer(der).toString('base64');
  return `${text.match(new RegExp(`.{1,${LINE_CHARACTERS}}`, 'g'))?.join('\n') ?? ''}\n`;
}

/** @returns undefined for what is no base64; white space is allowed anywhere. */
export function decodeEstBody(text: string): Uint8Array | undefined {
  const packed = text.replaceAll(/[\t\n\r ]/g, '');
  return packed !== '' && packed.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(packed)
    ? Buffer.from(packed, 'base64')
    : undefined;
}

const curves: Readonly<Partial<Record<SubjectKeyTypeName, string>>> = {
  'ec-p256': Oid.curveP256,
  'ec-p384': Oid.curveP384,
};

/**
 * CsrAttrs (RFC 7030 §4.5.2): which key a request should bring, the first that the policy allows.
 *
 * @returns undefined where there is nothing to say.
 */
export function encodeCsrAttributes(types: readonly SubjectKeyTypeName[]): Uint8Array | undefined {
  const [preferred] = types;
  if (preferred === undefined) {
    return undefined;
  }
  const curve = curves[preferred];
  const attribute =
    curve === undefined
      ? ([Oid.rsaEncryption, encodeInteger(Number(preferred.slice('rsa-'.length)))] as const)
      : ([Oid.ecPublicKey, encodeOid(curve)] as const);
  return encodeSequence(encodeSequence(encodeOid(attribute[0]), encodeSetOf(attribute[1])));
}

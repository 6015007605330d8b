/**
 * What both examinations ask of a CA's certificate and of a key: strength, form, and the signature over it.
 *
 * @module
 */

import { parseSignatureAlgorithm } from '../../x509/algorithms.ts';
import { parseBasicConstraints } from '../../x509/basic-constraints.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { findExtension } from '../../x509/extensions.ts';
import { assessPublicKey, keyWeaknessText } from '../../x509/key-strength.ts';
import { parseKeyUsage } from '../../x509/key-usage.ts';
import { type Name, sameName } from '../../x509/name.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import { verifySignature } from '../../x509/verify-signature.ts';
import type { Findings } from './finding.ts';

const DAY_MS = 86_400_000;

/** A name that has to be another's, byte for byte. */
export function checkName(
  findings: Findings,
  path: string,
  {
    name,
    expected,
    whose,
  }: { readonly name: Name; readonly expected: Name; readonly whose: string },
): void {
  if (!sameName(name, expected)) {
    findings.add(path, 'name', `it is not ${whose}`);
  } else if (Buffer.compare(name.der, expected.der) !== 0) {
    findings.add(
      path,
      'name-encoding',
      `it is ${whose} in another encoding (string types); verifiers that compare bytes would find no path`,
    );
  }
}

export function checkKey(findings: Findings, path: string, spki: Uint8Array): void {
  const weaknesses = findings.read(path, () => assessPublicKey(spki), 'key-weak');
  for (const weakness of weaknesses ?? []) {
    findings.add(path, 'key-weak', keyWeaknessText[weakness]);
  }
}

/** @param spki Of the key that should have signed. */
export function checkSignature(
  findings: Findings,
  path: string,
  {
    signed,
    spki,
    whose,
  }: {
    readonly signed: {
      readonly message: Uint8Array;
      readonly signatureAlgorithm: Uint8Array;
      readonly signature: Uint8Array;
    };
    readonly spki: Uint8Array;
    readonly whose: string;
  },
): void {
  const { message, signature, signatureAlgorithm } = signed;
  const algorithm = findings.read(
    path,
    () => parseSignatureAlgorithm(signatureAlgorithm),
    'algorithm',
  );
  if (algorithm === undefined) {
    return;
  }
  const isRight = findings.read(
    path,
    () => verifySignature({ spki, algorithm, message, signature }),
    'signature',
  );
  if (isRight === false) {
    findings.add(path, 'signature', `it does not verify under ${whose}`);
  }
}

/** cA, keyCertSign and cRLSign, as RFC 5280 §4.2.1.3 and §4.2.1.9 have them. */
export function checkIsCa(findings: Findings, path: string, { extensions }: Certificate): void {
  const constraints = findExtension(extensions, Oid.basicConstraints);
  const at = `${path}.extensions.basicConstraints`;
  const value =
    constraints === undefined
      ? { isCa: false }
      : findings.read(at, () => parseBasicConstraints(constraints.value));
  if (value?.isCa === false) {
    findings.add(at, 'not-a-ca', 'cA is not set: it is no certificate of a CA');
  } else if (constraints?.critical === false) {
    findings.add(at, 'extension', 'it is not critical (RFC 5280 4.2.1.9)');
  }
  const usage = findExtension(extensions, Oid.keyUsage);
  const usageAt = `${path}.extensions.keyUsage`;
  const usages =
    usage === undefined ? new Set() : findings.read(usageAt, () => parseKeyUsage(usage.value));
  for (const needed of ['keyCertSign', 'cRLSign'] as const) {
    if (usages?.has(needed) === false) {
      findings.add(usageAt, 'key-usage', `${needed} is not set`);
    }
  }
  if (findExtension(extensions, Oid.extendedKeyUsage) !== undefined) {
    const message = 'a CA certificate that is bound to purposes leads to no others';
    findings.add(`${path}.extensions.extendedKeyUsage`, 'extension', message);
  }
}

/** That it is valid now. */
export function checkIsValid(
  findings: Findings,
  path: string,
  { certificate, nowMs }: { readonly certificate: Certificate; readonly nowMs: number },
): void {
  const { notBeforeMs, notAfterMs } = certificate;
  // Clocks differ by minutes; days do not.
  if (notBeforeMs > nowMs + DAY_MS) {
    const from = new Date(notBeforeMs).toISOString();
    findings.add(`${path}.notBefore`, 'not-yet-valid', `it is valid from ${from} on`);
  }
  if (notAfterMs < nowMs) {
    const end = new Date(notAfterMs).toISOString();
    findings.add(`${path}.notAfter`, 'expired', `it ended ${end}`);
  }
}

/**
 * Making one certificate: the reserved serial number, the encoded and linted bytes, the signature, the
 * records. Used for subscribers and for the CA's own certificates alike.
 *
 * Not here: who may have one (`issuance.ts`, `creation.ts`).
 *
 * @module
 */

import { formatFindings } from '../../core/lint-rule.ts';
import { addMember } from '../../store/key-sets.ts';
import { encodeUint64 } from '../../store/keyspace.ts';
import type { Transaction } from '../../store/store.ts';
import { encodeSignatureAlgorithm } from '../../x509/algorithms.ts';
import {
  assembleSigned,
  type Certificate,
  encodeTbsCertificate,
  parseCertificate,
} from '../../x509/certificate.ts';
import type { JpkiSubject } from '../../x509/jpki-other-name.ts';
import type { Name } from '../../x509/name.ts';
import { verifyBeside } from '../../x509/verify-signature.ts';
import { type CaParts, readCounters, type SigningAuthority, signPieces } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import { lintCertificate } from '../lint/lint.ts';
import type { PlaceholderValues } from '../policy/name-template.ts';
import type { Profile, ValidityPeriod } from '../policy/profile.ts';
import type { Scope } from '../policy/scope.ts';
import { encodeCertificateRecord } from '../records/certificate-record.ts';
import { encodeCountersRecord } from '../records/counters-record.ts';
import { digestOfSubject } from './certificate-register.ts';
import { digestOfKey } from './issue-request.ts';
import { drawSerialNumber, encodeSerialKey } from './serial-number.ts';

/** A certificate as it is to be signed. */
export interface CertificateDraft {
  readonly profile: Profile;
  readonly scope: Scope;
  readonly serialNumber: bigint;
  readonly subject: Name;
  readonly spki: Uint8Array;
  readonly validity: ValidityPeriod;
  readonly subjectAttributes: JpkiSubject | undefined;
  /** What filled the places of the profile's templates. */
  readonly texts?: PlaceholderValues | undefined;
  readonly dnsNames?: readonly string[] | undefined;
  /** Of another CA that has one of its own for its key. */
  readonly subjectKeyIdentifier?: Uint8Array | undefined;
}

/** Draws a number that was never given out and notes it, in the transaction. */
export async function reserveSerialNumber(
  parts: CaParts,
  transaction: Transaction,
): Promise<bigint> {
  const { tables, random, clock } = parts;
  for (;;) {
    const serialNumber = drawSerialNumber(random);
    const issued = await transaction.read(tables.certificate(serialNumber));
    const reserved = await transaction.read(tables.reservation(serialNumber));
    if (issued === undefined && reserved === undefined) {
      transaction.put(tables.reservation(serialNumber), encodeUint64(clock.nowMs()));
      return serialNumber;
    }
  }
}

/**
 * Encodes, lints, signs and verifies.
 *
 * @throws {CaError} `CA_LINT`, `CA_SIGNATURE_WRONG`
 */
export async function signCertificate(
  parts: CaParts,
  authority: SigningAuthority,
  draft: CertificateDraft,
): Promise<Certificate> {
  return await signEncoded(parts, authority, encodeDraft(authority, draft));
}

/**
 * The bytes to be signed, linted.
 *
 * @throws {CaError} `CA_LINT`
 */
export function encodeDraft(authority: SigningAuthority, draft: CertificateDraft): Uint8Array {
  const { reference, algorithm, certificate: issuer } = authority;
  const { scope, spki, subjectAttributes, texts, dnsNames, subjectKeyIdentifier } = draft;
  const tbs = encodeTbsCertificate({
    serialNumber: draft.serialNumber,
    algorithm,
    issuer: reference.name,
    ...draft.validity,
    subject: draft.subject,
    spki,
    extensions: draft.profile.extensions({
      ...{ spki, scope, subjectAttributes, texts, dnsNames },
      issuer: reference,
      notBeforeMs: draft.validity.notBeforeMs,
      subjectKeyIdentifier,
    }),
  });
  const algorithmDer = encodeSignatureAlgorithm(algorithm);
  const unsigned = parseCertificate(assembleSigned(tbs, algorithmDer, new Uint8Array(1)));
  const findings = lintCertificate(unsigned, { issuer, made: { profile: draft.profile, scope } });
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) {
    throw new CaError('CA_LINT', `profile ${draft.profile.name}: ${formatFindings(errors)}`);
  }
  return tbs;
}

/**
 * Signs what `encodeDraft` has made, and verifies.
 *
 * @throws {CaError} `CA_SIGNATURE_WRONG`
 */
export async function signEncoded(
  parts: CaParts,
  authority: SigningAuthority,
  tbs: Uint8Array,
): Promise<Certificate> {
  const { algorithm } = authority;
  const algorithmDer = encodeSignatureAlgorithm(algorithm);
  const key = { label: authority.keyLabel, purpose: 'certificate', algorithm } as const;
  const signature = await signPieces(parts, key, [tbs]);
  const signed = parseCertificate(assembleSigned(tbs, algorithmDer, signature));
  const { tbs: message, signature: released } = signed;
  if (!(await verifyBeside(authority.verifyingKey, { algorithm, message, signature: released }))) {
    throw new CaError('CA_SIGNATURE_WRONG', 'the signature does not verify; nothing was released');
  }
  return signed;
}

/** Writes the certificate, its indexes and counts, and takes back the reservation. */
export async function recordCertificate(
  parts: CaParts,
  transaction: Transaction,
  issued: {
    readonly draft: CertificateDraft;
    readonly certificate: Certificate;
    readonly generation: number;
    readonly subscriberDigest?: Uint8Array | undefined;
  },
): Promise<void> {
  const { draft, certificate, generation, subscriberDigest } = issued;
  const { tables, clock } = parts;
  const { serialNumber, profile, scope } = draft;
  const member = encodeSerialKey(serialNumber);
  transaction.put(
    tables.certificate(serialNumber),
    encodeCertificateRecord({
      profile: profile.name,
      scopeId: scope.id,
      generation,
      issuedMs: clock.nowMs(),
      notAfterMs: certificate.notAfterMs,
      der: certificate.der,
    }),
  );
  await addMember(transaction, tables.index('subject', digestOfSubject(draft.subject)), member);
  await addMember(transaction, tables.index('publicKey', digestOfKey(draft.spki)), member);
  if (subscriberDigest !== undefined) {
    await addMember(transaction, tables.index('subscriber', subscriberDigest), member);
  }
  transaction.delete(tables.reservation(serialNumber));
  const counters = await readCounters(transaction, tables);
  transaction.put(
    tables.counters,
    encodeCountersRecord({ ...counters, issued: counters.issued + 1 }),
  );
}

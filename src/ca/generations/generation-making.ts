/**
 * The certificates of a new generation of the CA's key: its self-signed one, and where the policy has a profile for
 * them the two link certificates between it and the generation before (RFC 9810 §4.4.1).
 *
 * Not here: the records of them (`key-renewal.ts`).
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import type { KeyDescription } from '../../signing/signer.ts';
import type { Transaction } from '../../store/store.ts';
import type { Certificate } from '../../x509/certificate.ts';
import type { Authority } from '../authorities.ts';
import { type CaCore, type SigningAuthority, transactAsOwner } from '../ca-core.ts';
import {
  type CertificateDraft,
  reserveSerialNumber,
  signCertificate,
} from '../certificates/certificate-making.ts';
import { formatSerialNumber } from '../certificates/serial-number.ts';
import { CaError } from '../errors.ts';
import type { LinkBeginnings } from '../policy/profile-definition.ts';
import { findOwnProfile, ownProfile, signingAuthority } from './authority-key.ts';

/** A certificate that was signed, and whose key signed it. */
export interface SignedCertificate {
  readonly draft: CertificateDraft;
  readonly certificate: Certificate;
  readonly generation: number;
}

export interface GenerationCertificates {
  readonly own: SignedCertificate;
  readonly links:
    | { readonly oldWithNew: SignedCertificate; readonly newWithOld: SignedCertificate }
    | undefined;
}

/** What a generation is made of. */
export interface NextGeneration {
  readonly number: number;
  readonly key: KeyDescription;
  /** The generation that issues until then. */
  readonly older: Authority;
}

/**
 * Signs the certificates of a generation. They are in no record yet, their serial numbers are given out.
 *
 * @throws {CaError} `CA_LINT`, `CA_SIGNATURE_WRONG`, `CA_NOT_OWNER`. @throws {SigningError}
 */
export async function makeCertificates(
  core: CaCore,
  next: NextGeneration,
  origin: AuditOrigin,
): Promise<GenerationCertificates> {
  const { number, key, older } = next;

  const drafts = await reserve(core, next, origin);
  const sign = async (
    authority: SigningAuthority,
    draft: CertificateDraft,
    generation: number,
  ): Promise<SignedCertificate> => {
    const certificate = await signCertificate(core, authority, draft);
    return { draft, certificate, generation };
  };
  const signing = signingAuthority(core, key, drafts.own);
  const own = await sign(signing, drafts.own, number);
  const newer = { ...signing, certificate: own.certificate };
  const links = drafts.links && {
    oldWithNew: await sign(newer, drafts.links.oldWithNew, number),
    newWithOld: await sign(older, drafts.links.newWithOld, older.generation),
  };
  return { own, links };
}

/**
 * A policy of before there were such profiles must not lose the way from one key to the other silently.
 *
 * @throws {CaError} `CA_PROFILE_UNKNOWN`
 */
export function assertLinksAreProfiled({ policy, profiles }: CaCore): void {
  const isMeant = policy.keys.authority.certificates.includes('link');
  if (isMeant && findOwnProfile({ profiles }, 'link') === undefined) {
    throw new CaError(
      'CA_PROFILE_UNKNOWN',
      `${policy.id} has no profile of kind link: add one (as in cps/gunma.yaml), or take link out of keys.authority.certificates`,
    );
  }
}

interface Drafts {
  readonly own: CertificateDraft;
  readonly links:
    | { readonly oldWithNew: CertificateDraft; readonly newWithOld: CertificateDraft }
    | undefined;
}

/** Gives out the serial numbers, durably and recorded, and works out the rest. */
function reserve(core: CaCore, next: NextGeneration, origin: AuditOrigin): Promise<Drafts> {
  const { key, older } = next;
  return transactAsOwner(core, 'ca: reserve serial numbers', async (transaction) => {
    const nowMs = core.clock.nowMs();
    const draft = (of: DraftSource): Promise<CertificateDraft> =>
      reserveOne(core, transaction, { ...of, keyLabel: key.label, origin });
    const profile = ownProfile(core, 'self-signed');
    const validity = profile.validity(nowMs, undefined);
    const own = await draft({ profile, validity, spki: key.spki });
    const link = findOwnProfile(core, 'link');
    const { begins } = link?.definition ?? {};
    const notAfterMs = older.certificate.notAfterMs;
    // What has ended leads nowhere, and what others can sign with vouches for nothing.
    const isTrusted = notAfterMs > nowMs && !core.service.isCompromised(older.generation);
    if (link === undefined || begins === undefined || !isTrusted) {
      return { own, links: undefined };
    }
    const until = (from: Beginning): Pick<CertificateDraft, 'profile' | 'validity'> => ({
      profile: link,
      validity: { notBeforeMs: beginningOf(core, from, { ...next, nowMs }), notAfterMs },
    });
    const { spki } = older.certificate;
    const oldWithNew = await draft({ ...until(begins.oldWithNew), spki });
    const newWithOld = await draft({ ...until(begins.newWithOld), spki: key.spki });
    return { own, links: { oldWithNew, newWithOld } };
  });
}

type Beginning = LinkBeginnings[keyof LinkBeginnings];

/** In whole seconds, as certificates have it. */
function beginningOf(
  { authorities }: CaCore,
  from: Beginning,
  { key, older, nowMs }: NextGeneration & { readonly nowMs: number },
): number {
  const begins: Readonly<Record<Beginning, number>> = {
    'old-key': authorities.generation(older.generation).createdMs,
    'new-key': key.createdMs,
    issue: nowMs,
  };
  return Math.floor(begins[from] / 1000) * 1000;
}

type DraftSource = Pick<CertificateDraft, 'profile' | 'validity' | 'spki'>;

async function reserveOne(
  core: CaCore,
  transaction: Transaction,
  of: DraftSource & { readonly keyLabel: string; readonly origin: AuditOrigin },
): Promise<CertificateDraft> {
  const { profile, validity, spki, keyLabel, origin } = of;
  const serialNumber = await reserveSerialNumber(core, transaction);
  await core.audit.append(transaction, {
    kind: 'certificate.issue.intent',
    result: 'done',
    origin,
    subject: formatSerialNumber(serialNumber),
    details: { profile: profile.name, keyLabel },
  });
  return {
    ...{ profile, serialNumber, spki, validity },
    scope: core.scopes.of(profile.definition.scope),
    subject: profile.subject(),
    subjectAttributes: undefined,
  };
}

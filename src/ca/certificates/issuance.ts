/**
 * Issuing a certificate: request, checks, audit intent with the reserved serial number, lint, sign,
 * verify, commit with its audit record, release. Nothing leaves before it is durable; a failure at any
 * point leaves at most a serial number that is never used.
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { recordDigest } from '../../audit/record-digest.ts';
import { formatHex } from '../../core/bytes.ts';
import { Turnstile } from '../../core/turnstile.ts';
import type { ReadView } from '../../store/store.ts';
import type { Certificate } from '../../x509/certificate.ts';
import type { Name } from '../../x509/name.ts';
import type { Authority } from '../authorities.ts';
import { type CaCore, reading, recordFailure, transactAsOwner } from '../ca-core.ts';
import { startDelivery } from '../delivery/delivery-start.ts';
import { CaError } from '../errors.ts';
import { assignScope } from '../lists/list-opening.ts';
import type { PlaceholderValues } from '../policy/name-template.ts';
import type { Profile } from '../policy/profile.ts';
import type { Scope } from '../policy/scope.ts';
import {
  type CertificateDraft,
  recordCertificate,
  reserveSerialNumber,
  signCertificate,
} from './certificate-making.ts';
import {
  digestOfSubject,
  findByIndex,
  findBySubject,
  findCertificate,
  isFree,
  type RegisteredCertificate,
} from './certificate-register.ts';
import {
  type CheckedRequest,
  type IssueRequest,
  type RequestFault,
  RequestRules,
} from './issue-request.ts';
import type { GroupOutcome } from './revocation-group.ts';
import { formatSerialNumber } from './serial-number.ts';

export interface IssuedCertificate {
  readonly serialNumber: bigint;
  readonly profile: string;
  readonly scope: Scope;
  readonly certificate: Certificate;
  /** What it has taken the place of, revoked in the same transaction. */
  readonly superseded?: GroupOutcome | undefined;
}

/** Each step takes some two tenths of a millisecond. */
const PER_TURN = 4;

/** Which part of a request a refusal is about, of those that look at what was issued before. */
const partsAtFault: Readonly<Partial<Record<CaError['code'], RequestFault['path']>>> = {
  CA_KEY_REUSED: ['csr'],
  CA_CERTIFICATE_EXISTS: ['subjectAttributes'],
  CA_SERIAL_UNKNOWN: ['renews'],
  CA_RENEWS_OTHER: ['renews'],
};

/** Octets of an issue id; enough that two never meet. */
const ISSUE_ID_OCTETS = 16;

export class Issuance {
  readonly #core: CaCore;
  readonly #rules: RequestRules;
  /** Before what may have been waited for by all at once, and takes tenths of a millisecond: whoever reads the directory waits for a few. */
  readonly #turnstile = new Turnstile(PER_TURN);

  constructor(core: CaCore) {
    this.#core = core;
    this.#rules = new RequestRules(core.policy, core.profiles, core.scopes);
  }

  /**
   * Issues one certificate. Resolves when it is durable.
   *
   * @param generation Whose key signs; the one that issues when left out. Another is for what serves its
   *   certificates: the OCSP responder.
   * @throws {CaError} what `RequestRules.check` refuses; `CA_CERTIFICATE_EXISTS`, `CA_KEY_REUSED`,
   *   `CA_SUBJECT_TAKEN`, `CA_ISSUER_ENDS`, `CA_LINT`, `CA_SIGNATURE_WRONG`, `CA_NOT_OWNER`.
   * @throws {SigningError}
   */
  async issue(request: IssueRequest, generation?: number): Promise<IssuedCertificate> {
    let serialNumber: bigint | undefined;
    try {
      await this.#turnstile.pass();
      const checked = await this.#rules.check(request, this.#core.clock.nowMs());
      for (;;) {
        const authority = this.#authority(generation);
        const draft = await this.#reserve(checked, { authority, origin: request.origin });
        serialNumber = draft.serialNumber;
        await this.#turnstile.pass();
        const certificate = await signCertificate(this.#core, authority, draft);
        await this.#turnstile.pass();
        const recorded = await this.#record(checked, {
          ...{ authority, draft, certificate },
          isCurrent: () => authority === this.#authority(generation),
          ...{ origin: request.origin, within: request.within },
        });
        if (recorded !== undefined) {
          const { profile, scope } = draft;
          return { serialNumber, profile: profile.name, scope, certificate, ...recorded };
        }
        // The key was renewed meanwhile. The number is not used again, and what was signed is forgotten.
      }
    } catch (error) {
      const subject = serialNumber === undefined ? '' : formatSerialNumber(serialNumber);
      const event = { kind: 'certificate.issue', origin: request.origin, subject };
      await recordFailure(this.#core, event, error);
      throw error;
    }
  }

  #assertIssues({ generation }: Authority, { name }: Profile): void {
    const { service, clock, policy } = this.#core;
    service.assertIssues(generation, clock.nowMs(), { isResponder: name === policy.ocsp?.profile });
  }

  #authority(generation: number | undefined): Authority {
    const { authorities } = this.#core;
    return generation === undefined ? authorities.current : authorities.of(generation);
  }

  /** @returns undefined when the certificate is of a key that issues no longer: nothing was written. */
  #record(
    checked: CheckedRequest,
    {
      authority,
      draft,
      certificate,
      isCurrent,
      origin,
      within,
    }: {
      readonly authority: Authority;
      readonly draft: CertificateDraft;
      readonly certificate: Certificate;
      readonly isCurrent: () => boolean;
    } & Pick<IssueRequest, 'origin' | 'within'>,
  ): Promise<Pick<IssuedCertificate, 'superseded'> | undefined> {
    return transactAsOwner(this.#core, 'ca: issue', async (transaction) => {
      if (!isCurrent()) {
        return undefined;
      }
      // Again: what was signed before a stop is not issued after it.
      this.#assertIssues(authority, draft.profile);
      await this.#refuseDuplicates(transaction, checked);
      if (!draft.profile.needsIssueId) {
        await this.#refuseTaken(transaction, checked, draft.subject);
      }
      await recordCertificate(this.#core, transaction, {
        draft,
        certificate,
        generation: authority.generation,
        subscriberDigest: checked.subscriberDigest,
      });
      await this.#core.audit.append(transaction, {
        kind: 'certificate.issue',
        result: 'done',
        origin,
        subject: formatSerialNumber(draft.serialNumber),
        request: checked.requestDigest,
        after: recordDigest(certificate.der),
        details: { profile: draft.profile.name, scope: draft.scope.id },
      });
      const { serialNumber, scope, profile } = draft;
      const { renews } = checked;
      const started = { profile, serialNumber, renews, origin };
      const superseded = await startDelivery(this.#core, transaction, started);
      await within?.(transaction, { serialNumber, scope, certificate });
      return superseded === undefined ? {} : { superseded };
    });
  }

  /** What `issue` would refuse about a request, all at once, and then about what was issued before: nothing is stored. */
  async examine(request: IssueRequest): Promise<readonly RequestFault[]> {
    const { clock, store } = this.#core;
    const faults = await this.#rules.examine(request, clock.nowMs());
    if (faults.length > 0) {
      return faults;
    }
    try {
      const checked = await this.#rules.check(request, clock.nowMs());
      this.#assertIssues(this.#authority(undefined), checked.profile);
      await reading(store, async (view) => {
        await this.#renewed(view, checked);
        await this.#refuseDuplicates(view, checked);
      });
      return [];
    } catch (error) {
      if (!(error instanceof CaError)) {
        throw error;
      }
      const { code, message } = error;
      return [{ path: partsAtFault[code] ?? [], code, message }];
    }
  }

  /** Gives out a serial number and writes down what it is for, durably, before anything is signed. */
  #reserve(
    checked: CheckedRequest,
    { authority, origin }: { readonly authority: Authority; readonly origin: AuditOrigin },
  ): Promise<CertificateDraft> {
    const { audit, clock } = this.#core;
    const { profile, scope, spki, subjectAttributes, dnsNames } = checked;
    return transactAsOwner(this.#core, 'ca: reserve serial number', async (transaction) => {
      this.#assertIssues(authority, profile);
      const renewed = await this.#renewed(transaction, checked);
      await this.#refuseDuplicates(transaction, checked);
      const nowMs = clock.nowMs();
      const { subject, texts } = await this.#drawSubject(transaction, checked);
      const draft = {
        profile,
        scope: await assignScope(this.#core, transaction, scope),
        serialNumber: await reserveSerialNumber(this.#core, transaction),
        ...{ subject, texts, spki, subjectAttributes, dnsNames },
        validity: profile.validity(nowMs, authority.certificate.notAfterMs, {
          birthDate: checked.birthDate,
          cardExpiry: checked.cardExpiry,
          renewedEndMs: renewed?.notAfterMs,
        }),
      };
      await audit.append(transaction, {
        kind: 'certificate.issue.intent',
        result: 'done',
        origin,
        subject: formatSerialNumber(draft.serialNumber),
        request: checked.requestDigest,
        details: {
          profile: profile.name,
          scope: draft.scope.id,
          publicKeySha256: formatHex(checked.keyDigest),
          ...(renewed === undefined ? {} : { renews: formatSerialNumber(renewed.serialNumber) }),
        },
      });
      return draft;
    });
  }

  async #refuseDuplicates(view: ReadView, checked: CheckedRequest): Promise<void> {
    const { tables, clock } = this.#core;
    const nowMs = clock.nowMs();
    const { keyDigest, subscriberDigest } = checked;
    const at = { index: 'publicKey', digest: keyDigest, nowMs } as const;
    const [sameKey] = await findByIndex(view, tables, at);
    if (sameKey !== undefined) {
      throw new CaError(
        'CA_KEY_REUSED',
        `the key is in certificate ${formatSerialNumber(sameKey.serialNumber)} already; make a new one`,
      );
    }
    if (subscriberDigest === undefined) {
      return;
    }
    const own = { index: 'subscriber', digest: subscriberDigest, nowMs } as const;
    const standing = (await findByIndex(view, tables, own)).find(
      (one) => isStanding(one) && one.serialNumber !== checked.renews,
    );
    if (standing !== undefined) {
      const until = new Date(standing.notAfterMs).toISOString();
      throw new CaError(
        'CA_CERTIFICATE_EXISTS',
        `the subscriber has certificate ${formatSerialNumber(standing.serialNumber)}, valid until ${until}`,
      );
    }
  }

  /**
   * The certificate that this one replaces.
   *
   * @throws {CaError} `CA_SERIAL_UNKNOWN`, `CA_RENEWS_OTHER`
   */
  async #renewed(
    view: ReadView,
    { renews, profile, subscriberDigest }: CheckedRequest,
  ): Promise<RegisteredCertificate | undefined> {
    if (renews === undefined) {
      return undefined;
    }
    const { tables, clock } = this.#core;
    const nowMs = clock.nowMs();
    const shown = formatSerialNumber(renews);
    const found = await findCertificate(view, tables, { serialNumber: renews, nowMs });
    if (found === undefined) {
      throw new CaError('CA_SERIAL_UNKNOWN', `there is no certificate ${shown} to be renewed`);
    }
    if (found.state !== 'good' && found.state !== 'held') {
      const message = `certificate ${shown} is ${found.state}; apply for a new one without renews`;
      throw new CaError('CA_RENEWS_OTHER', message);
    }
    if (found.profile !== profile.name) {
      const message = `certificate ${shown} is of profile ${found.profile}, not ${profile.name}`;
      throw new CaError('CA_RENEWS_OTHER', message);
    }
    if (subscriberDigest !== undefined) {
      const own = { index: 'subscriber', digest: subscriberDigest, nowMs } as const;
      const theirs = await findByIndex(view, tables, own);
      if (!theirs.some(({ serialNumber }) => serialNumber === renews)) {
        throw new CaError('CA_RENEWS_OTHER', `certificate ${shown} is another subscriber's`);
      }
    }
    return found;
  }

  /** A subject that no certificate has: with a fresh issue id, or the profile's own if it is free. */
  async #drawSubject(
    view: ReadView,
    checked: CheckedRequest,
  ): Promise<{ readonly subject: Name; readonly texts: PlaceholderValues }> {
    const { tables, random } = this.#core;
    const { profile } = checked;
    for (;;) {
      const issueId = formatHex(random.bytes(ISSUE_ID_OCTETS)).toUpperCase();
      const texts = { ...checked.texts, issueId };
      const subject = profile.subject(texts);
      if (!profile.needsIssueId) {
        await this.#refuseTaken(view, checked, subject);
        return { subject, texts };
      }
      if (await isFree(view, tables.index('subject', digestOfSubject(subject)))) {
        return { subject, texts };
      }
    }
  }

  /** A subject names one holder (gunma 3-1-4), who has one certificate and perhaps the next (mic-ops 3.2). */
  async #refuseTaken(
    view: ReadView,
    { profile, renews }: CheckedRequest,
    subject: Name,
  ): Promise<void> {
    const { tables, clock } = this.#core;
    const found = await findBySubject(view, tables, { subject, nowMs: clock.nowMs() });
    if (renews !== undefined && !found.some(({ serialNumber }) => serialNumber === renews)) {
      const message = `certificate ${formatSerialNumber(renews)} has another subject`;
      throw new CaError('CA_RENEWS_OTHER', message);
    }
    const taken = found.find((one) => isStanding(one) && one.serialNumber !== renews);
    if (taken !== undefined) {
      throw new CaError(
        'CA_SUBJECT_TAKEN',
        `certificate ${formatSerialNumber(taken.serialNumber)} of ${profile.name} has this subject; renew or revoke it`,
      );
    }
  }
}

function isStanding({ state }: RegisteredCertificate): boolean {
  return state !== 'revoked' && state !== 'expired';
}

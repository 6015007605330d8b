/**
 * Revoking ex officio: a municipality gives notice of a change in somebody's resident record (異動等情報), and what the
 * person holds is revoked for the reason that the policy has for such a change (gunma 4-4-1, jlis 4.9.3.1 (3)).
 *
 * A notice is carried out once: the same one again is answered with what came of it. One about a person who holds
 * nothing is on record, too, since there is nothing else to show that it came.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { z } from 'zod';

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { strictObject } from '../../config/strict-object.ts';
import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import type { Transaction } from '../../store/store.ts';
import { type CaCore, recordFailure, transactAsOwner } from '../ca-core.ts';
import {
  findByIndex,
  findCertificate,
  type RegisteredCertificate,
} from '../certificates/certificate-register.ts';
import { digestOfSubscriber } from '../certificates/issue-request.ts';
import { type GroupOutcome, revokeGroup } from '../certificates/revocation-group.ts';
import { formatSerialNumber } from '../certificates/serial-number.ts';
import {
  SubjectAttributeRules,
  type SubjectAttributes,
} from '../certificates/subject-attributes.ts';
import { CaError } from '../errors.ts';
import type { NoticeKind } from '../policy/notice-policy.ts';
import type { RevocationListener } from './revocation-listener.ts';

export interface ChangeNotice {
  /** Of whoever gives notice: no other notice has it. */
  readonly id: string;
  /** One of the policy's `notices.kinds`. */
  readonly kind: string;
  /** Whom it is about: the person as the certificate names them, or the certificate. */
  readonly about:
    | { readonly subjectAttributes: SubjectAttributes }
    | { readonly serialNumber: bigint };
  readonly origin: AuditOrigin;
  /** Whether who gives notice acts for a partition (`ScopeId`); left out: for all. */
  readonly reaches?: ((partition: string) => boolean) | undefined;
}

export interface NoticeResult {
  readonly id: string;
  readonly kind: string;
  /** When it was carried out for the first time. */
  readonly atMs: number;
  readonly revoked: readonly string[];
  /** False when it has come before. */
  readonly isNew: boolean;
}

interface NoticeRecord extends Omit<NoticeResult, 'isNew' | 'id'> {
  readonly version: 1;
  /** SHA-256 of what the notice says. */
  readonly content: string;
}

const record: z.ZodType<NoticeRecord> = strictObject({
  version: z.literal(1),
  kind: z.string(),
  atMs: z.int(),
  revoked: z.array(z.string()),
  content: z.string(),
});

const idPattern = /^[\x21-\x7e]{1,64}$/;

export class ChangeNotices {
  readonly #core: CaCore;
  readonly #listener: RevocationListener;

  constructor(core: CaCore, listener: RevocationListener) {
    this.#core = core;
    this.#listener = listener;
  }

  /**
   * Revokes whatever the notice makes wrong. Resolves when it is durable.
   *
   * @throws {CaError} `CA_NOTICE_OFF`, `CA_NOTICE_INVALID`, `CA_SERIAL_UNKNOWN` (another office's, too),
   *   `CA_PARTITION_FOREIGN` for a person who holds something of another office's; what `SubjectAttributeRules.check`
   *   refuses. Then nothing is stored.
   */
  async take(notice: ChangeNotice): Promise<NoticeResult> {
    try {
      return await this.#takeNow(notice);
    } catch (error) {
      const subject = idPattern.test(notice.id) ? notice.id : '';
      const event = { kind: 'notice.take', origin: notice.origin, subject };
      await recordFailure(this.#core, event, error);
      throw error;
    }
  }

  /** What is wrong with a notice by itself. @throws {CaError} as `take`. */
  assert(notice: Pick<ChangeNotice, 'id' | 'kind' | 'about'>): NoticeKind {
    const { notices } = this.#core.policy;
    if (notices === undefined) {
      throw new CaError('CA_NOTICE_OFF', 'the policy takes no notices of changes');
    }
    if (!idPattern.test(notice.id)) {
      throw new CaError(
        'CA_NOTICE_INVALID',
        'the id of a notice has 1 to 64 characters of ASCII without spaces',
      );
    }
    const kind = Object.hasOwn(notices.kinds, notice.kind) ? notices.kinds[notice.kind] : undefined;
    if (kind === undefined) {
      throw new CaError(
        'CA_NOTICE_INVALID',
        `kinds of notices are ${Object.keys(notices.kinds).join(', ')}`,
      );
    }
    this.#personOf(notice.about);
    return kind;
  }

  async #takeNow(notice: ChangeNotice): Promise<NoticeResult> {
    const { reason } = this.assert(notice);
    const { tables, clock, audit } = this.#core;
    const content = contentOf(notice);
    const key = tables.notice(createHash('sha256').update(notice.id).digest());
    let outcome: GroupOutcome | undefined;
    const result = await transactAsOwner(this.#core, 'ca: notice', async (transaction) => {
      const before = await readNotice(transaction, key);
      if (before !== undefined) {
        if (before.content !== content) {
          throw new CaError('CA_NOTICE_INVALID', `another notice has the id ${notice.id}`);
        }
        return { ...before, id: notice.id, isNew: false };
      }
      const standing = (await this.#certificatesOf(transaction, notice)).filter(isStanding);
      const orders = standing.map(({ serialNumber }) => ({ serialNumber, reason }));
      const { origin } = notice;
      if (orders.length > 0) {
        outcome = await revokeGroup(this.#core, transaction, { orders, origin });
      }
      const revoked = orders.map(({ serialNumber }) => formatSerialNumber(serialNumber));
      const kept = {
        version: 1,
        kind: notice.kind,
        atMs: clock.nowMs(),
        revoked,
        content,
      } as const;
      transaction.put(key, encodeUtf8(JSON.stringify(kept satisfies NoticeRecord)));
      await audit.append(transaction, {
        ...{ kind: 'notice.take', result: 'done', origin, subject: notice.id },
        details: { notice: notice.kind, revoked: revoked.length },
      });
      return { ...kept, id: notice.id, isNew: true };
    });
    if (outcome !== undefined) {
      await this.#listener.onRevoked(outcome);
      this.#listener.announce();
    }
    const { id, kind, atMs, revoked, isNew } = result;
    return { id, kind, atMs, revoked, isNew };
  }

  #personOf(about: ChangeNotice['about']): Uint8Array | bigint {
    if ('serialNumber' in about) {
      return about.serialNumber;
    }
    const { policy, clock } = this.#core;
    if (policy.subjectAttributes === undefined) {
      throw new CaError(
        'CA_NOTICE_INVALID',
        'persons are not told apart here; name the certificate',
      );
    }
    const rules = new SubjectAttributeRules(policy);
    return digestOfSubscriber(rules.check(about.subjectAttributes, clock.nowMs()));
  }

  async #certificatesOf(
    transaction: Transaction,
    { about, reaches = () => true }: ChangeNotice,
  ): Promise<readonly RegisteredCertificate[]> {
    const { tables, clock } = this.#core;
    const nowMs = clock.nowMs();
    const person = this.#personOf(about);
    if (typeof person !== 'bigint') {
      const at = { index: 'subscriber', digest: person, nowMs } as const;
      const held = await findByIndex(transaction, tables, at);
      // Taken for what is left it would be on record as carried out, and the office whose it is could not send it again.
      if (held.some((one) => isStanding(one) && !reaches(one.scopeId))) {
        throw new CaError(
          'CA_PARTITION_FOREIGN',
          'the person is another office’s to give notice of',
        );
      }
      return held;
    }
    const found = await findCertificate(transaction, tables, { serialNumber: person, nowMs });
    if (found === undefined || !reaches(found.scopeId)) {
      const shown = formatSerialNumber(person);
      throw new CaError('CA_SERIAL_UNKNOWN', `this CA has not issued ${shown}`);
    }
    if (this.#core.policy.profiles[found.profile]?.kind !== 'subscriber') {
      throw new CaError('CA_NOTICE_INVALID', 'the certificate is no person’s');
    }
    return [found];
  }
}

function isStanding({ state }: RegisteredCertificate): boolean {
  return state !== 'revoked' && state !== 'expired';
}

function contentOf({ kind, about }: ChangeNotice): string {
  const said =
    'serialNumber' in about
      ? formatSerialNumber(about.serialNumber)
      : JSON.stringify(Object.entries(about.subjectAttributes).sort());
  return createHash('sha256').update(`${kind}\0${said}`).digest('hex');
}

async function readNotice(
  transaction: Transaction,
  key: Uint8Array,
): Promise<NoticeRecord | undefined> {
  const bytes = await transaction.read(key);
  if (bytes === undefined) {
    return undefined;
  }
  try {
    return record.parse(JSON.parse(decodeUtf8(bytes) ?? ''));
  } catch (cause) {
    throw new CaError('CA_RECORD_DAMAGED', 'the record of a notice cannot be read', { cause });
  }
}

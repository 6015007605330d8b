/**
 * The steps of a ceremony that ends a key or the service: a compromise, the withdrawal of a report of one, the end of the
 * service. Done again after an interruption, each comes to the same.
 *
 * @module
 */

import { join } from 'node:path';

import type { AuditOrigin } from '../audit/audit-log.ts';
import { replaceFile } from '../audit/durable-file.ts';
import type { Cessation } from '../ca/records/service-record.ts';
import type { CeremonyOrder, CeremonyReport, CeremonyStart } from '../http/ceremony-operations.ts';
import { formatTime } from '../http/report-time.ts';
import type { CaInstance } from './ca-instance.ts';
import { type Facts, refused, sha256 } from './ceremony-evidence.ts';
import { carryOutCessations } from './cessation-job.ts';
import { bridgeNotice } from './cessation-notice.ts';

export type CessationParts = Pick<
  CaInstance,
  'authority' | 'auditing' | 'configuration' | 'policy' | 'clock' | 'log'
>;

const kinds = ['compromise', 'withdrawal', 'end-of-service'] as const;
const DAY_MS = 86_400_000;
/** secom 4.12 and mic 4.9 give notice so long ahead. */
const NOTICE_DAYS = 90;

export function isCessationKind(kind: CeremonyReport['kind']): boolean {
  return kinds.some((known) => known === kind);
}

/** Steps that what was ordered does not need. */
export function needlessCessationSteps({ order }: CeremonyStart): readonly string[] {
  return order?.destroysKey === true ? [] : ['destroy', 'gone', 'copies'];
}

/**
 * What is ordered, to the last word, as the record has it and custodians approve it.
 *
 * @throws {CaError} `CA_CESSATION_UNKNOWN` @throws {SigningError} `SIGNING_APPROVAL_REFUSED`
 */
export function orderOf(
  { authority, clock }: CessationParts,
  { kind, order = {} }: CeremonyStart,
): CeremonyOrder {
  const { explanation, report, generation, stops, ...rest } = order;
  if ((kind === 'withdrawal') !== (report !== undefined)) {
    throw refused('a withdrawal names the report (--report ID), and nothing else does');
  }
  if (kind === 'withdrawal' && report !== undefined) {
    return { report: authority.cessations.find(report).id };
  }
  if (explanation === undefined) {
    throw refused('what the public is told is missing: --because and --because-ja');
  }
  if (kind === 'compromise') {
    if (stops !== undefined || rest.revokes !== undefined) {
      throw refused('a compromise stops issuing at once and has everything revoked');
    }
    const { current } = authority.authorities;
    return {
      explanation,
      generation: generation ?? current.generation,
      destroysKey: rest.destroysKey === true,
    };
  }
  const stopsMs = stops === undefined ? clock.nowMs() + NOTICE_DAYS * DAY_MS : Date.parse(stops);
  if (Number.isNaN(stopsMs) || generation !== undefined || rest.destroysKey === true) {
    throw refused(
      'the end of the service has a time (RFC 3339) and no key: destroy that when the last lists are out',
    );
  }
  return { explanation, stops: formatTime(stopsMs), revokes: rest.revokes !== false };
}

/**
 * Stops issuing when a compromise is reported: before anybody has approved anything. Also when the ceremony's file was
 * not written any more: then the report stands in `certdir status`.
 */
export async function reportAtOnce(
  { authority }: CessationParts,
  { kind, id, order }: CeremonyReport,
  origin: AuditOrigin,
): Promise<void> {
  if (kind === 'compromise' && order?.explanation !== undefined) {
    const { explanation, generation, destroysKey = false } = order;
    await authority.cessations.report({
      ...{ id, explanation, origin, destroysKey },
      ...(generation === undefined ? {} : { generation }),
    });
  }
}

/** What certdir does in a step. */
export async function doCessationStep(
  parts: CessationParts,
  report: CeremonyReport,
  { step, origin }: { readonly step: string; readonly origin: AuditOrigin },
): Promise<Facts> {
  const { cessations } = parts.authority;
  switch (step) {
    case 'stop':
      return factsOf(cessations.find(report.id));
    case 'revoke':
      if (cessations.find(report.id).phase === 'suspended') {
        await cessations.approve(report.id, origin);
      }
      await carryOutCessations(parts, { origin });
      return factsOf(cessations.find(report.id));
    case 'announce': {
      if (!cessations.list.some(({ id }) => id === report.id)) {
        await announce(parts, report, origin);
      }
      await carryOutCessations(parts, { origin });
      return factsOf(cessations.find(report.id));
    }
    case 'withdraw': {
      const id = report.order?.report ?? '';
      if (cessations.find(id).phase !== 'withdrawn') {
        await cessations.withdraw(id, origin);
      }
      return factsOf(cessations.find(id));
    }
    case 'notice':
      return await writeNotice(parts, report);
    default:
      throw refused(`this program does not know the step ${step}`);
  }
}

async function announce(
  { authority }: CessationParts,
  { id, order }: CeremonyReport,
  origin: AuditOrigin,
): Promise<void> {
  const { explanation, stops, revokes } = order ?? {};
  if (explanation === undefined || stops === undefined) {
    throw refused(`${id} does not say what is to be announced`);
  }
  const stopsMs = Date.parse(stops);
  await authority.cessations.announce({
    ...{ id, explanation, origin, stopsMs, revokes: revokes !== false },
  });
}

async function writeNotice(
  { authority, auditing, configuration, policy }: CessationParts,
  { id }: CeremonyReport,
): Promise<Facts> {
  const text = await bridgeNotice({ authority, policy }, authority.cessations.find(id));
  const note = await auditing.checkpointer.signNote(text);
  const file = join('ceremonies', `${id}-notice.txt`);
  await replaceFile(join(configuration.folder, file), note);
  return {
    'notice for the bridge CA': file,
    'its SHA-256': sha256(note),
    'signed with': auditing.trail.key,
    'notice on the repository': `/#${id}, /notices.txt`,
  };
}

function factsOf(cessation: Cessation): Facts {
  const { phase, stopsMs, revoked, generation, lastEndMs } = cessation;
  return {
    state: phase,
    'key generation': String(generation),
    'issuing stops': formatTime(stopsMs),
    'certificates revoked': String(revoked),
    ...(lastEndMs === 0 ? {} : { 'last certificate ends': formatTime(lastEndMs) }),
  };
}

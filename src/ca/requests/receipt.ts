/**
 * What the one who asked is given: that the request was accepted, and that it was carried out (gunma 4-4-2-2, 4-4-2-3;
 * R-REV 1). Both are made of the request's record, so that they can be given again, and say what is on record.
 *
 * @module
 */

import type { LocalizedText, Policy } from '../policy/policy.ts';
import type { RequestRecord } from './request-record.ts';

export interface Receipt {
  readonly kind: 'acceptance' | 'completion';
  /** The request's id and which receipt it is. */
  readonly number: string;
  readonly atMs: number;
  /** Lines for people, in the statement's language and in English. */
  readonly text: LocalizedText;
}

/** The receipts that a request has earned so far, in order. */
export function receiptsOf(
  request: RequestRecord,
  description: LocalizedText,
  policy: Pick<Policy, 'title' | 'utcOffsetMs'>,
): readonly Receipt[] {
  const received = request.steps.find(
    ({ step, decision }) => step === 'receive' && decision !== 'no',
  );
  const of = (kind: Receipt['kind'], atMs: number): Receipt => {
    const number = `${request.id}-${kind === 'acceptance' ? 'A' : 'C'}`;
    return {
      kind,
      number,
      atMs,
      text: textOf({ kind, number, atMs }, request, { description, policy }),
    };
  };
  return [
    ...(received === undefined ? [] : [of('acceptance', received.atMs)]),
    ...(request.state === 'executed' && request.endedMs !== null
      ? [of('completion', request.endedMs)]
      : []),
  ];
}

/** What people want to see of a result; the rest is in the record. */
const shown: Readonly<Record<string, LocalizedText>> = {
  serialNumber: { ja: 'シリアル番号', en: 'serial number' },
  subject: { ja: '主体者', en: 'subject' },
  reason: { ja: '失効事由', en: 'reason' },
  revokedAt: { ja: '失効日時', en: 'revoked at' },
  since: { ja: '日時', en: 'since' },
  publicationDue: { ja: '失効記録への掲載期限', en: 'in the list by' },
  notAfter: { ja: '有効期間の満了', en: 'valid until' },
};

function textOf(
  { kind, number, atMs }: Omit<Receipt, 'text'>,
  { result }: RequestRecord,
  {
    description,
    policy,
  }: {
    readonly description: LocalizedText;
    readonly policy: Pick<Policy, 'title' | 'utcOffsetMs'>;
  },
): LocalizedText {
  const isDone = kind === 'completion';
  const time = formatLocal(atMs, policy.utcOffsetMs);
  // In this order, however the record has them.
  const facts = Object.entries(isDone ? shown : {}).flatMap(([name, label]) => {
    const value = result?.[name];
    return typeof value === 'string' ? [{ label, value: inLocalTime(value, policy) }] : [];
  });
  const lines = (language: 'ja' | 'en'): readonly string[] =>
    facts.map(({ label, value }) => `${label[language]}: ${value}`);
  return {
    ja: [
      policy.title.ja,
      `受付番号 ${number}`,
      `${description.ja}の申請を${isDone ? '処理し、完了しました' : '受理しました'}。`,
      `${isDone ? '完了' : '受理'}日時 ${time}`,
      ...lines('ja'),
    ].join('\n'),
    en: [
      policy.title.en,
      `Receipt ${number}`,
      `The request to ${description.en} was ${isDone ? 'carried out' : 'accepted'}.`,
      `${isDone ? 'Carried out' : 'Accepted'} at ${time}`,
      ...lines('en'),
    ].join('\n'),
  };
}

/** Times of a result are RFC 3339 in UTC; anything else stays as it is. */
function inLocalTime(value: string, { utcOffsetMs }: Pick<Policy, 'utcOffsetMs'>): string {
  return /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(value)
    ? formatLocal(Date.parse(value), utcOffsetMs)
    : value;
}

/** `2026-11-21 17:30:05 +09:00`. */
function formatLocal(atMs: number, offsetMs: number): string {
  const sign = offsetMs < 0 ? '-' : '+';
  const minutes = Math.abs(offsetMs) / 60_000;
  const two = (value: number): string => String(value).padStart(2, '0');
  const local = new Date(atMs + offsetMs).toISOString();
  const offset = `${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  return `${local.slice(0, 10)} ${local.slice(11, 19)} ${offset}`;
}

/**
 * The figures of OCSP: what was answered, what was refused, what is kept, and the responder's certificate.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import type { OcspResponder } from '../ocsp/responder.ts';
import type { Figures } from './ca-figures.ts';

const SECOND_MS = 1000;

export interface OcspFigures {
  readonly responder: Pick<OcspResponder, 'statistics'>;
  /** When the certificate of whoever signs answers ends, in epoch milliseconds; undefined before there is one. */
  readonly certificateEndsMs: () => number | undefined;
  readonly clock: Clock;
}

/** Adds them to the registry. */
export function addOcspMetrics(
  registry: Figures,
  { responder, certificateEndsMs, clock }: OcspFigures,
): void {
  const figures = [
    ['answers_total', 'Answers', 'total', 'OCSP answers that were given', 'answered'],
    ['answers_cached_total', 'Answers', 'hits', 'Of those, given again', 'cached'],
    ['signatures_total', 'Signatures', 'total', 'OCSP answers that were signed', 'signed'],
    ['pending_answers', 'Pending', 'current', 'OCSP answers that are being made', 'pending'],
    ['cache_answers', 'Cache', 'current', 'OCSP answers kept to be given again', 'cacheEntries'],
    ['cache_bytes', 'Cache', 'bytes', 'Their bytes and those of the requests', 'cacheBytes'],
  ] as const;
  for (const [name, title, property, help, figure] of figures) {
    registry.add({
      ...{ name: `certdir_ocsp_${name}`, help },
      kind: name.endsWith('_total') ? 'counter' : 'gauge',
      place: { path: ['OCSP', title], property },
      read: () => responder.statistics[figure],
    });
  }
  registry.add({
    name: 'certdir_ocsp_refusals_total',
    help: 'OCSP requests that were answered without a status, by the reason told',
    labels: ['refusal'],
    kind: 'counter',
    place: { path: ['OCSP', 'Refusals', '{refusal}'], property: 'total' },
    read: () =>
      Object.entries(responder.statistics.refused).map(([refusal, value]) => ({
        labels: { refusal },
        value,
      })),
  });
  registry.add({
    name: 'certdir_ocsp_responder_remaining_seconds',
    help: 'Time until the certificate that answers are signed under ends; none before there is one',
    kind: 'gauge',
    place: { path: ['OCSP', 'Responder'], property: 'microseconds' },
    read: () => {
      const endsMs = certificateEndsMs();
      return endsMs === undefined ? undefined : (endsMs - clock.nowMs()) / SECOND_MS;
    },
  });
}

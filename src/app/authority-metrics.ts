/**
 * The figures of a CA: its certificates, its lists, its key.
 *
 * @module
 */

import type { ListStatus } from '../ca/authority-status.ts';
import { generationStates } from '../ca/records/authority-record.ts';
import type { MetricSample } from '../core/metrics.ts';
import { type BrokenInvariants, watchedInvariants } from './broken-invariants.ts';
import type { Figures } from './ca-figures.ts';
import type { CaInstance } from './ca-instance.ts';
import { recent } from './recent-value.ts';

const SECOND_MS = 1000;

/** Adds them to the registry. */
export function addAuthorityMetrics(
  registry: Figures,
  instance: Pick<CaInstance, 'authority' | 'clock' | 'policy'>,
  broken: BrokenInvariants,
): void {
  const { authority, clock } = instance;
  const status = recent(clock, () => authority.status());
  registry.add({
    name: 'certdir_certificates_issued_total',
    help: 'Certificates that this CA issued, ever',
    kind: 'counter',
    place: { path: ['Certificates', 'Issued'], property: 'total' },
    read: async () => (await status()).issuedCount,
  });
  registry.add({
    name: 'certdir_certificates_revoked_total',
    help: 'Certificates that this CA revoked, ever',
    kind: 'counter',
    place: { path: ['Certificates', 'Revoked'], property: 'total' },
    read: async () => (await status()).revokedCount,
  });
  registry.add({
    name: 'certdir_ca_certificate_remaining_seconds',
    help: 'Time until the certificate of the CA ends',
    kind: 'gauge',
    place: { path: ['Certificates', 'Authority'], property: 'microseconds' },
    read: async () => ((await status()).certificateEndsMs - clock.nowMs()) / SECOND_MS,
  });
  addKeys(registry, instance);
  addInvariants(registry, instance, broken);
  const figures = { lists: async () => (await status()).lists, nowMs: () => clock.nowMs() };
  addLists(registry, figures);
  if (instance.policy.crl.delta !== undefined) {
    addDeltas(registry, figures);
  }
}

function addKeys(
  registry: Figures,
  { authority, clock }: Pick<CaInstance, 'authority' | 'clock'>,
): void {
  registry.add({
    name: 'certdir_ca_key_renewal_remaining_seconds',
    help: 'Time until another key of the CA is to issue, by the policy; below zero when it has passed',
    kind: 'gauge',
    place: { path: ['Certificates', 'Key Renewal'], property: 'microseconds' },
    read: () => (authority.renewal.dueMs - clock.nowMs()) / SECOND_MS,
  });
  registry.add({
    name: 'certdir_ca_key_generations',
    help: 'Generations of the key of the CA, by state',
    labels: ['state'],
    kind: 'gauge',
    place: { path: ['Certificates', 'Keys', '{state}'], property: 'current' },
    read: () =>
      generationStates.map((state) => ({
        labels: { state },
        value: authority.authorities.all.filter((one) => one.state === state).length,
      })),
  });
}

/** Every number of the gate has a figure, from zero on, so that an alarm can be set on it. */
const gateInvariants = [
  ...['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I10', 'I11', 'I12', 'I13', 'I14', 'I15'],
] as const;

function addInvariants(
  registry: Figures,
  { authority }: Pick<CaInstance, 'authority'>,
  broken: BrokenInvariants,
): void {
  registry.add({
    name: 'certdir_crl_invariant_broken',
    help: 'Lists for which an invariant does not hold now: time left (I7), read back (I8), waiting revocations (I15), age by the policy',
    labels: ['invariant'],
    kind: 'gauge',
    place: { path: ['Lists', 'Invariants', '{invariant}'], property: 'current' },
    read: () =>
      watchedInvariants.map((invariant) => ({
        labels: { invariant },
        value: broken.count(invariant),
      })),
  });
  registry.add({
    name: 'certdir_crl_gate_findings_total',
    help: 'How often the publish gate has found an invariant broken since the start',
    labels: ['invariant'],
    kind: 'counter',
    place: { path: ['Lists', 'Publish Gate', '{invariant}'], property: 'total' },
    read: () =>
      gateInvariants.map((invariant) => ({
        labels: { invariant },
        value: authority.gateFindings.get(invariant) ?? 0,
      })),
  });
}

interface ListFigures {
  readonly lists: () => Promise<readonly ListStatus[]>;
  readonly nowMs: () => number;
}

function addLists(registry: Figures, { lists, nowMs }: ListFigures): void {
  type Published = NonNullable<ListStatus['published']>;
  const perList = async (figureOf: (list: Published) => number): Promise<MetricSample[]> =>
    (await lists()).flatMap(({ scope, published }) =>
      published === undefined ? [] : [{ labels: { scope: scope.id }, value: figureOf(published) }],
    );
  const labels = ['scope'];
  const kind = 'gauge';
  registry.add({
    ...{ labels, kind, name: 'certdir_crl_age_seconds' },
    help: 'Time since thisUpdate of the newest list',
    place: { path: ['Lists', '{scope}', 'Age'], property: 'microseconds' },
    read: () => perList(({ thisUpdateMs }) => (nowMs() - thisUpdateMs) / SECOND_MS),
  });
  registry.add({
    ...{ labels, kind, name: 'certdir_crl_remaining_seconds' },
    help: 'Time until nextUpdate of the newest list; below zero when it has passed',
    place: { path: ['Lists', '{scope}', 'Remaining'], property: 'microseconds' },
    read: () => perList(({ nextUpdateMs }) => (nextUpdateMs - nowMs()) / SECOND_MS),
  });
  registry.add({
    ...{ labels, kind, name: 'certdir_crl_number' },
    help: 'CRL number of the newest list',
    place: { path: ['Lists', '{scope}', 'Number'], property: 'current' },
    read: () => perList(({ number }) => Number(number)),
  });
  registry.add({
    ...{ labels, kind, name: 'certdir_crl_entries' },
    help: 'Entries of the newest list',
    place: { path: ['Lists', '{scope}', 'Entries'], property: 'current' },
    read: () => perList(({ entryCount }) => entryCount),
  });
  registry.add({
    ...{ labels, kind, name: 'certdir_crl_size_bytes' },
    help: 'Size of the newest list',
    place: { path: ['Lists', '{scope}', 'Entries'], property: 'bytes' },
    read: () => perList(({ byteLength }) => byteLength),
  });
  registry.add({
    ...{ labels, kind, name: 'certdir_crl_pending_revocations' },
    help: 'Revocations that are in no list yet',
    place: { path: ['Lists', '{scope}', 'Pending'], property: 'current' },
    read: async () =>
      (await lists()).map(({ scope, pendingCount }) => ({
        labels: { scope: scope.id },
        value: pendingCount,
      })),
  });
}

/** Of lists that have delta lists: of the one on show, and none where it is missing. */
function addDeltas(registry: Figures, { lists, nowMs }: ListFigures): void {
  type Delta = NonNullable<ListStatus['delta']>;
  const perDelta = async (figureOf: (delta: Delta) => number): Promise<MetricSample[]> =>
    (await lists()).flatMap(({ scope, delta }) =>
      delta === undefined ? [] : [{ labels: { scope: scope.id }, value: figureOf(delta) }],
    );
  const facts = { labels: ['scope'], kind: 'gauge' } as const;
  const place = (what: string, property: 'microseconds' | 'current' | 'bytes') => ({
    path: ['Lists', '{scope}', 'Delta', what],
    property,
  });
  registry.add({
    ...{ ...facts, name: 'certdir_crl_delta_age_seconds' },
    help: 'Time since thisUpdate of the delta list on show',
    place: place('Age', 'microseconds'),
    read: () => perDelta(({ thisUpdateMs }) => (nowMs() - thisUpdateMs) / SECOND_MS),
  });
  registry.add({
    ...{ ...facts, name: 'certdir_crl_delta_remaining_seconds' },
    help: 'Time until nextUpdate of the delta list on show; below zero when it has passed',
    place: place('Remaining', 'microseconds'),
    read: () => perDelta(({ nextUpdateMs }) => (nextUpdateMs - nowMs()) / SECOND_MS),
  });
  registry.add({
    ...{ ...facts, name: 'certdir_crl_delta_number' },
    help: 'CRL number of the delta list on show',
    place: place('Number', 'current'),
    read: () => perDelta(({ number }) => Number(number)),
  });
  registry.add({
    ...{ ...facts, name: 'certdir_crl_delta_entries' },
    help: 'Entries of the delta list on show',
    place: place('Entries', 'current'),
    read: () => perDelta(({ entryCount }) => entryCount),
  });
  registry.add({
    ...{ ...facts, name: 'certdir_crl_delta_size_bytes' },
    help: 'Size of the delta list on show',
    place: place('Entries', 'bytes'),
    read: () => perDelta(({ byteLength }) => byteLength),
  });
}

/**
 * The figures of the CA: its certificates, its lists, its key, the jobs that publish, the audit log.
 *
 * @module
 */

import type { ListStatus } from '../ca/authority-status.ts';
import { generationStates } from '../ca/records/authority-record.ts';
import type { MetricSample, MetricsRegistry } from '../core/metrics.ts';
import type { JobStatus } from '../scheduler/job.ts';
import { type BrokenInvariants, watchedInvariants } from './broken-invariants.ts';
import { type Instance, isKeyActive } from './instance.ts';
import { findOverdue, overdueMatters } from './overdue.ts';
import { recent } from './recent-value.ts';

const SECOND_MS = 1000;

/** Adds them to the registry. */
export function addAuthorityMetrics(
  registry: MetricsRegistry,
  instance: Instance,
  {
    jobs,
    broken,
  }: { readonly jobs: () => readonly JobStatus[]; readonly broken: BrokenInvariants },
): void {
  const { authority, signer, clock } = instance;
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
  registry.add({
    name: 'certdir_ca_key_active',
    help: '1 while the key of the CA can sign',
    kind: 'gauge',
    place: { path: ['Certificates', 'Key Active'], property: 'state' },
    read: async () => ((await isKeyActive(signer)) ? 1 : 0),
  });
  registry.add({
    name: 'certdir_job_failures',
    help: 'How often in a row a job of the server has failed up to now',
    labels: ['job'],
    kind: 'gauge',
    place: { path: ['Jobs', '{job}'], property: 'current' },
    read: () => jobs().map(({ name, failures }) => ({ labels: { job: name }, value: failures })),
  });
  addInvariants(registry, instance, broken);
  addAudit(registry, instance);
  addKeeping(registry, instance);
  addLists(registry, { lists: async () => (await status()).lists, nowMs: () => clock.nowMs() });
}

function addKeys(registry: MetricsRegistry, { authority, clock }: Instance): void {
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
  registry: MetricsRegistry,
  { authority }: Pick<Instance, 'authority'>,
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

function addKeeping(registry: MetricsRegistry, { auditing, policy, clock }: Instance): void {
  registry.add({
    name: 'certdir_overdue_seconds',
    help: 'For how long a review, a backup, an export, a receipt or a reading is overdue by the policy; 0 when it is not',
    labels: ['matter'],
    kind: 'gauge',
    place: { path: ['Audit', 'Overdue', '{matter}'], property: 'microseconds' },
    read: async () => {
      const nowMs = clock.nowMs();
      const overdue = findOverdue(await auditing.keeping.facts(), policy, nowMs);
      return overdueMatters.map((matter) => {
        const dueMs = overdue.find((one) => one.matter === matter)?.dueMs ?? nowMs;
        return { labels: { matter }, value: (nowMs - dueMs) / SECOND_MS };
      });
    },
  });
}

function addAudit(registry: MetricsRegistry, { store, audit }: Instance): void {
  registry.add({
    name: 'certdir_audit_records_total',
    help: 'Records in the audit log, ever',
    kind: 'counter',
    place: { path: ['Audit', 'Records'], property: 'total' },
    read: async () => {
      const snapshot = store.snapshot();
      try {
        return Number((await audit.head(snapshot)).size);
      } finally {
        await snapshot.close();
      }
    },
  });
}

interface ListFigures {
  readonly lists: () => Promise<readonly ListStatus[]>;
  readonly nowMs: () => number;
}

function addLists(registry: MetricsRegistry, { lists, nowMs }: ListFigures): void {
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

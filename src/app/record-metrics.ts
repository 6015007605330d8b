/**
 * The figures of what all CAs of a server share: the jobs, the token, the audit log, the keeping of records.
 *
 * @module
 */

import type { MetricsRegistry } from '../core/metrics.ts';
import type { JobStatus } from '../scheduler/job.ts';
import type { InstanceParts } from './ca-instance.ts';
import { isKeyActive } from './instance.ts';
import { findOverdue, overdueMatters } from './overdue.ts';

const SECOND_MS = 1000;

/** Adds them to the registry. */
export function addRecordMetrics(
  registry: MetricsRegistry,
  instance: InstanceParts,
  { jobs }: { readonly jobs: () => readonly JobStatus[] },
): void {
  const { signer } = instance;
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
  addAudit(registry, instance);
  addKeeping(registry, instance);
}

function addKeeping(registry: MetricsRegistry, { auditing, shared, clock }: InstanceParts): void {
  registry.add({
    name: 'certdir_overdue_seconds',
    help: 'For how long a review, a backup, an export, a receipt or a reading is overdue by the policy; 0 when it is not',
    labels: ['matter'],
    kind: 'gauge',
    place: { path: ['Audit', 'Overdue', '{matter}'], property: 'microseconds' },
    read: async () => {
      const nowMs = clock.nowMs();
      const overdue = findOverdue(await auditing.keeping.facts(), shared, nowMs);
      return overdueMatters.map((matter) => {
        const dueMs = overdue.find((one) => one.matter === matter)?.dueMs ?? nowMs;
        return { labels: { matter }, value: (nowMs - dueMs) / SECOND_MS };
      });
    },
  });
}

function addAudit(registry: MetricsRegistry, { store, audit }: InstanceParts): void {
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

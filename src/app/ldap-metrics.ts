/**
 * The figures of the LDAP server and the directory behind it.
 *
 * @module
 */

import type { MetricSample, MetricsRegistry } from '../core/metrics.ts';
import type { Directory } from '../directory/directory.ts';
import { ResultCode } from '../ldap/result-codes.ts';
import type { LdapServerStatistics } from '../ldap/server.ts';

export interface LdapFigures {
  readonly statistics: () => LdapServerStatistics;
  readonly maxConnections: number;
}

const resultNames: ReadonlyMap<number, string> = new Map(
  Object.entries(ResultCode).map(([name, code]) => [code, name]),
);

/** Adds them to the registry. */
export function addLdapMetrics(registry: MetricsRegistry, figures: LdapFigures): void {
  addConnections(registry, figures);
  addOperations(registry, figures);
  addWaiters(registry, figures);
  addAnswerCache(registry, figures);
}

function addConnections(
  registry: MetricsRegistry,
  { statistics, maxConnections }: LdapFigures,
): void {
  registry.add({
    name: 'certdir_ldap_connections',
    help: 'LDAP connections now',
    kind: 'gauge',
    place: { path: ['Connections', 'Current'], property: 'current' },
    read: () => statistics().connections,
  });
  registry.add({
    name: 'certdir_ldap_connections_limit',
    help: 'LDAP connections that there may be (ldap.limits.connections)',
    kind: 'gauge',
    place: { path: ['Connections', 'Current'], property: 'limit' },
    read: () => maxConnections,
  });
  registry.add({
    name: 'certdir_ldap_connections_accepted_total',
    help: 'LDAP connections since the start',
    kind: 'counter',
    place: { path: ['Connections', 'Accepted'], property: 'total' },
    read: () => statistics().acceptedConnections,
  });
  registry.add({
    name: 'certdir_ldap_connections_refused_total',
    help: 'LDAP connections that were closed at once because there were too many',
    kind: 'counter',
    place: { path: ['Connections', 'Refused'], property: 'total' },
    read: () => statistics().refusedConnections,
  });
  registry.add({
    name: 'certdir_ldap_connections_cut_total',
    help: 'LDAP connections that were closed after a deadline',
    labels: ['deadline'],
    kind: 'counter',
    place: { path: ['Connections', 'Cut', '{deadline}'], property: 'total' },
    read: () =>
      Object.entries(statistics().deadlines).map(([deadline, value]) => ({
        labels: { deadline },
        value,
      })),
  });
}

function addOperations(registry: MetricsRegistry, { statistics }: LdapFigures): void {
  const perOperation = (property: 'initiated' | 'completed'): MetricSample[] =>
    Object.entries(statistics().operations).map(([operation, count]) => ({
      labels: { operation },
      value: count[property],
    }));
  registry.add({
    name: 'certdir_ldap_operations_initiated_total',
    help: 'LDAP requests that arrived',
    labels: ['operation'],
    kind: 'counter',
    place: { path: ['Operations', '{operation}'], property: 'initiated' },
    read: () => perOperation('initiated'),
  });
  registry.add({
    name: 'certdir_ldap_operations_completed_total',
    help: 'LDAP requests that were answered, given up, or needed no answer',
    labels: ['operation'],
    kind: 'counter',
    place: { path: ['Operations', '{operation}'], property: 'completed' },
    read: () => perOperation('completed'),
  });
  registry.add({
    name: 'certdir_ldap_results_total',
    help: 'LDAP results that were sent, by result code',
    labels: ['result'],
    kind: 'counter',
    place: { path: ['Results', '{result}'], property: 'total' },
    read: () =>
      [...statistics().results].map(([code, value]) => ({
        labels: { result: resultNames.get(code) ?? String(code) },
        value,
      })),
  });
}

function addWaiters(registry: MetricsRegistry, { statistics }: LdapFigures): void {
  registry.add({
    name: 'certdir_ldap_pending_operations',
    help: 'LDAP requests that were read and are not answered yet',
    kind: 'gauge',
    place: { path: ['Waiters', 'Requests'], property: 'current' },
    read: () => statistics().pendingOperations,
  });
  registry.add({
    name: 'certdir_ldap_pending_bytes',
    help: 'Bytes of LDAP requests that are not answered yet, or have begun to arrive',
    kind: 'gauge',
    place: { path: ['Waiters', 'Requests'], property: 'bytes' },
    read: () => statistics().pendingBytes,
  });
  registry.add({
    name: 'certdir_ldap_unsent_bytes',
    help: 'Bytes of answers that wait for their readers',
    kind: 'gauge',
    place: { path: ['Waiters', 'Answers'], property: 'bytes' },
    read: () => statistics().unsentBytes,
  });
}

function addAnswerCache(registry: MetricsRegistry, { statistics }: LdapFigures): void {
  registry.add({
    name: 'certdir_ldap_answer_cache_answers',
    help: 'Answers that are kept to be given again',
    kind: 'gauge',
    place: { path: ['Caches', 'Answers'], property: 'current' },
    read: () => statistics().answerCache?.answers,
  });
  registry.add({
    name: 'certdir_ldap_answer_cache_bytes',
    help: 'Bytes of answers that are kept to be given again',
    kind: 'gauge',
    place: { path: ['Caches', 'Answers'], property: 'bytes' },
    read: () => statistics().answerCache?.bytes,
  });
  registry.add({
    name: 'certdir_ldap_answer_cache_hits_total',
    help: 'Searches that were answered from there',
    kind: 'counter',
    place: { path: ['Caches', 'Answers'], property: 'hits' },
    read: () => statistics().answerCache?.hits,
  });
  registry.add({
    name: 'certdir_ldap_answer_cache_misses_total',
    help: 'Searches that could have been and were not',
    kind: 'counter',
    place: { path: ['Caches', 'Answers'], property: 'misses' },
    read: () => statistics().answerCache?.misses,
  });
}

/** Adds those of the directory, whichever way its callers come. */
export function addDirectoryMetrics(registry: MetricsRegistry, directory: Directory): void {
  const counters = [
    ['searches', 'Searches', 'searches', 'Searches'],
    ['entriesReturned', 'Entries', 'entries_returned', 'Entries that searches returned'],
    ['writes', 'Writes', 'writes', 'Changes that were made'],
    ['refusedWrites', 'Refused Writes', 'refused_writes', 'Changes that were refused'],
    ['binds', 'Binds', 'binds', 'Binds with a password or certificate'],
    ['refusedBinds', 'Refused Binds', 'refused_binds', 'Of these, those that were refused'],
    [
      'withheldAttributes',
      'Withheld Attributes',
      'withheld_attributes',
      'Attributes that were asked for by name, had a value and were withheld',
    ],
  ] as const;
  for (const [counter, title, name, help] of counters) {
    registry.add({
      name: `certdir_directory_${name}_total`,
      help,
      kind: 'counter',
      place: { path: ['Directory', title], property: 'total' },
      read: () => directory.statistics[counter],
    });
  }
  const gauges = [
    ['runningHashes', ['Waiters', 'Passwords Running'], 'hashes_running', 'being hashed'],
    ['waitingHashes', ['Waiters', 'Passwords'], 'hashes_waiting', 'that wait to be hashed'],
    ['rememberedPasswords', ['Caches', 'Passwords'], 'remembered', 'known to be right'],
    ['trackedGuessers', ['Caches', 'Guessers'], 'guessers', 'wrong, by account and address'],
  ] as const;
  for (const [gauge, path, name, what] of gauges) {
    registry.add({
      name: `certdir_password_${name}`,
      help: `Passwords ${what}`,
      kind: 'gauge',
      place: { path, property: 'current' },
      read: () => directory.credentialStatistics[gauge],
    });
  }
}

/**
 * The figures of a whole server: what Prometheus is given and what `cn=Monitor` and `certdir status` show are
 * the same.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { appendFileSync, readFileSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { type RunningServer, serve } from '../../src/app/server.ts';
import { silentLog } from '../../src/core/log.ts';
import { initialise } from '../../src/setup/initialise.ts';
import type { LdapAnswer } from '../support/ldap-answers.ts';
import { bindOperation, message, searchOperation } from '../support/ldap-request-bytes.ts';
import { LdapTestClient } from '../support/ldap-test-client.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MICROSECONDS = 1_000_000;

/** These go up and down while one looks. */
const restless =
  /^certdir_(memory_|access_(unsealed|seal_age)|store_journal_(segments|bytes|lag)|store_disk_|store_shared_|store_pending_|password_|ocsp_responder_|ldap_(pending|unsent)_|ldap_connections$)/;

/** Samples by name and labels, as they stand in the text. */
type Samples = ReadonlyMap<string, number>;

describe('the figures of a server', () => {
  const folder = join(temporaryFolder({ after }), 'data');
  let server: RunningServer;
  let metricsUrl = '';
  let ldapsPort = 0;

  before(async () => {
    await initialise({
      folder,
      preset: 'gunma',
      address: '127.0.0.1',
      ...{ ldapPort: 0, ldapsPort: 0, httpPort: 0, ocspPort: 0 },
      passphraseFile: undefined,
      allowClearPasswords: false,
      operator: { name: 'tester' },
      onProgress: () => undefined,
    });
    appendFileSync(join(folder, 'certdir.yaml'), 'metrics: { port: 0 }\n');
    server = await serve({ folder, log: silentLog });
    metricsUrl = server.endpoints.find((url) => url.endsWith('/metrics')) ?? '';
    ldapsPort = Number(
      new URL(server.endpoints.find((url) => url.startsWith('ldaps:')) ?? '').port,
    );
  });
  after(() => server.close());

  async function scrape(): Promise<Samples> {
    const response = await fetch(metricsUrl);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    const samples = new Map<string, number>();
    for (const line of (await response.text()).split('\n')) {
      const [, name, value] = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
      if (name !== undefined) {
        samples.set(name, Number(value));
      }
    }
    return samples;
  }

  async function monitor(): Promise<readonly LdapAnswer[]> {
    const client = await LdapTestClient.connectTls(ldapsPort);
    try {
      const password = readFileSync(join(folder, 'secrets/administrator'));
      const name = 'cn=administrator,OU=Operators,OU=Gunma Prefectural CA,O=JPKI,C=JP';
      assert.equal((await client.ask(bindOperation(name, password))).resultCode, 0);
      const answers = await client.request(searchOperation({ base: 'cn=Monitor', scope: 2 }));
      assert.equal(answers.at(-1)?.resultCode, 0);
      return answers.filter(({ kind }) => kind === 'entry');
    } finally {
      client.destroy();
    }
  }

  const textsOf = (entry: LdapAnswer, attribute: string): string[] =>
    (entry.attributes.get(attribute) ?? []).map(String);

  it('are on the loopback by default', () => {
    assert.match(metricsUrl, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  });

  it('are the same for Prometheus and below cn=Monitor', async () => {
    let earlier = await scrape();
    // A server that has just started has its OCSP responder certified meanwhile.
    while (
      ![...earlier.keys()].map(familyOf).includes('certdir_ocsp_responder_remaining_seconds')
    ) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      earlier = await scrape();
    }
    const entries = await monitor();
    const later = await scrape();
    const shown = new Set<string>();
    for (const entry of entries) {
      const metrics = textsOf(entry, 'certdirMonitorMetric');
      const figures = [...entry.attributes].filter(([type]) =>
        /^certdirMonitor(?!Metric|Version|Started|Time)/.test(type),
      );
      for (const [type, [value]] of figures) {
        assert.ok(
          metrics.some((metric) => restless.test(metric)) ||
            metrics.some((metric) =>
              isBetween(Number(value), { metric, earlier, later, dn: entry.dn }),
            ),
          `${entry.dn} ${type} ${value}`,
        );
      }
      for (const metric of metrics) {
        shown.add(metric);
      }
    }
    const scraped = new Set([...later.keys()].map(familyOf));
    assert.deepEqual([...shown].sort(), [...scraped].sort(), 'every metric is shown in both');
    assert.ok(shown.size > 40, `${shown.size} metrics`);
  });

  it('say what a client did', async () => {
    const earlier = await scrape();
    await monitor();
    const later = await scrape();
    const grown = (name: string): number => (later.get(name) ?? 0) - (earlier.get(name) ?? 0);
    assert.equal(grown('certdir_ldap_operations_initiated_total{operation="bind"}'), 1);
    assert.equal(grown('certdir_ldap_operations_completed_total{operation="search"}'), 1);
    assert.equal(grown('certdir_ldap_results_total{result="success"}'), 2);
    assert.equal(grown('certdir_ldap_connections_accepted_total'), 1);
    assert.ok((later.get('certdir_crl_age_seconds{scope="arl"}') ?? -1) > 0);
    assert.ok((later.get('certdir_store_journal_records_total') ?? 0) > 37);
    assert.ok((later.get('certdir_store_journal_segments') ?? 0) >= 1);
    assert.equal(later.get('certdir_overdue_seconds{matter="auditReview"}'), 0);
  });

  it('say what was put on record of accesses', async () => {
    const grown = async (name: string, before: Samples): Promise<number> =>
      ((await scrape()).get(name) ?? 0) - (before.get(name) ?? 0);
    const earlier = await scrape();
    const client = await LdapTestClient.connectTls(ldapsPort);
    const base = 'OU=Gunma Prefectural CA,O=JPKI,C=JP';
    await client.request(searchOperation({ base, scope: 0 }));
    client.destroy();
    assert.equal(await grown('certdir_access_records_total', earlier), 1);
    assert.equal(await grown('certdir_access_lost_total', earlier), 0);
  });

  it('are those of certdir status', async () => {
    await monitor();
    const { server: figures } = await server.operations.status();
    const later = await scrape();
    assert.equal(
      figures?.acceptedConnections,
      later.get('certdir_ldap_connections_accepted_total'),
    );
    assert.equal(figures?.answerCacheMisses, later.get('certdir_ldap_answer_cache_misses_total'));
    assert.ok((figures?.storeBytes ?? 0) > 0);
  });

  it('say what OCSP did', async () => {
    const earlier = await scrape();
    await server.operations.ocspRenew({ name: 'tester' });
    const url = server.endpoints.find((endpoint) => endpoint.startsWith('https:')) ?? '';
    await new Promise((resolve, reject) => {
      get(`${url}AAAA`, { rejectUnauthorized: false, agent: false }, (response) =>
        response.resume().on('end', resolve),
      ).on('error', reject);
    });
    const later = await scrape();
    const malformed = 'certdir_ocsp_refusals_total{refusal="malformedRequest"}';
    assert.deepEqual([earlier.get(malformed), later.get(malformed)], [0, 1]);
    assert.equal(later.get('certdir_ocsp_answers_total'), 0);
    const yearSeconds = 365 * 86_400;
    const remaining = later.get('certdir_ocsp_responder_remaining_seconds') ?? 0;
    assert.ok(remaining > yearSeconds - 2 * 86_400 && remaining <= yearSeconds + 86_400);
    const { server: figures } = await server.operations.status();
    assert.deepEqual(figures?.ocsp, { answers: 0, cached: 0, refused: 1, pending: 0 });
  });

  it('begin with a start that is on record, with the token that it opened (gunma 4-11-2)', async () => {
    const kinds = ['service.start', 'key.activate'];
    for (const kind of kinds) {
      const records = await server.operations.audit.list({ kind, limit: 10 });
      assert.deepEqual(
        records.map(({ result, actor, channel }) => [result, actor, channel]),
        [['done', 'certdir', 'system']],
      );
    }
  });

  it('are nobody’s business without rights', async () => {
    const client = await LdapTestClient.connectTls(ldapsPort);
    client.send(message(1, searchOperation({ base: 'cn=Monitor', scope: 2 })));
    assert.deepEqual(
      [await client.next()].map(({ kind, resultCode, matchedDn }) => [kind, resultCode, matchedDn]),
      [['searchDone', 32, '']],
    );
    client.destroy();
  });

  it('are at one address alone', async () => {
    assert.equal((await fetch(new URL('/', metricsUrl))).status, 404);
    assert.equal((await fetch(metricsUrl, { method: 'POST' })).status, 404);
  });
});

/** The name of the metric that a sample is of. */
function familyOf(sample: string): string {
  const [name = ''] = sample.split('{');
  return name.replace(/_(bucket|sum|count)$/, '');
}

interface Place {
  readonly metric: string;
  readonly earlier: Samples;
  readonly later: Samples;
  readonly dn: string;
}

/** Whether a sample of the metric had this value, or had it on its way from `earlier` to `later`. */
function isBetween(value: number, { metric, earlier, later, dn }: Place): boolean {
  return [...later].some(([sample, last]) => {
    const labels = [...sample.matchAll(/="([^"]*)"/g)].map(([, text = '']) => text);
    if (familyOf(sample) !== metric || !labels.every((text) => dn.includes(text))) {
      return false;
    }
    const isDuration = /_seconds(_total|_sum)?($|\{)/.test(sample);
    const scale = isDuration ? MICROSECONDS : 1;
    const [low = 0, high = 0] = [(earlier.get(sample) ?? 0) * scale, last * scale].sort(
      (left, right) => left - right,
    );
    return value >= Math.floor(low) && value <= Math.ceil(high);
  });
}

import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { describe, it, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { listHandler } from '../../src/app/list-download.ts';
import { VerifierRegister } from '../../src/ca/accounts/verifier-register.ts';
import type { Policy } from '../../src/ca/policy/policy.ts';
import { silentLog } from '../../src/core/log.ts';
import type { Caller } from '../../src/directory/service.ts';
import { CompressedLists } from '../../src/http/compressed-lists.ts';
import { openPublicRepository } from '../../src/http/public-repository.ts';
import { CaTestBed, tester } from '../support/ca-test-bed.ts';
import { withDeltas } from '../support/delta-policy.ts';
import { makeTlsCredentials } from '../support/ldap-test-server.ts';
import { secomLike } from '../support/scope-policies.ts';

const administrator: Caller = {
  principal: { kind: 'system', name: 'administrator' },
  session: { isProtected: true, address: '', channel: 'cli' },
};
const PASSWORD = 'correct horse battery';
const DAY_MS = 86_400_000;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Wish {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly client?: { readonly certificate: string; readonly key: string };
}

interface Bench {
  readonly bed: CaTestBed;
  /** Entries whose values were read. */
  readonly given: string[];
  /** Over HTTP, and over HTTPS. */
  clear(path: string, wish?: Wish): Promise<Answer>;
  secure(path: string, wish?: Wish): Promise<Answer>;
}

/** Full lists that everybody may have. */
const publicFull: Policy = {
  ...secomLike,
  access: [
    {
      who: { kind: 'anyone' },
      target: { subtree: 'C=JP' },
      attributes: ['certificateRevocationList'],
      rights: ['read', 'search', 'compare'],
    },
    ...secomLike.access,
  ],
};

const clientCredentials = makeTlsCredentials('verifier');

async function open(t: TestContext, policy?: Policy): Promise<Bench> {
  const bed = await CaTestBed.open(t, {
    startMs: Date.now(),
    ...(policy === undefined ? {} : { policy }),
  });
  const register = new VerifierRegister(bed.directory, bed.policy);
  const day = (offset: number): string =>
    new Date(bed.clock.nowMs() + offset * DAY_MS).toISOString().slice(0, 10);
  const agreement = {
    kind: 'signatureVerifier',
    agreementNumber: '1',
    agreementFrom: day(-2),
    agreementUntil: day(30),
    partitions: ['10201'],
  };
  await register.add({ ...agreement, name: 'tax, office', password: PASSWORD }, administrator);
  const certificate = new X509Certificate(clientCredentials.certificate).raw;
  await register.add({ ...agreement, name: 'by-certificate', certificate }, administrator);
  const given: string[] = [];
  const directory = new Proxy(bed.directory, {
    get: (target, name: 'search') =>
      name === 'search'
        ? (...[request, caller]: Parameters<typeof target.search>) => {
            given.push(...(request.typesOnly ? [] : [request.base]));
            return target.search(request, caller);
          }
        : (target[name] as () => unknown).bind(target),
  });
  const lists = listHandler({
    authority: bed.ca,
    directory,
    policy: bed.policy,
    log: silentLog,
    configuration: { ldap: { allowClearPasswords: false } },
  });
  const options = {
    ...{ directory: bed.directory, caDn: bed.policy.names.issuer, caName: bed.policy.title },
    ...{ address: '127.0.0.1', port: 0, log: silentLog, lists },
  };
  const clear = await openPublicRepository(options);
  t.after(() => clear.close());
  const secure = await openPublicRepository({ ...options, tls: makeTlsCredentials() });
  t.after(() => secure.close());
  return {
    bed,
    given,
    clear: (path, wish) => ask(`${clear.url}${path}`, wish),
    secure: (path, wish) => ask(`${secure.url}${path}`, wish),
  };
}

function ask(url: string, { method = 'GET', headers = {}, client }: Wish = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      ...{ method, headers, agent: false as const, rejectUnauthorized: false },
      ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
    };
    const start = url.startsWith('https:') ? httpsRequest : httpRequest;
    const request = start(url, options, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(parts),
        }),
      );
    });
    request.on('error', reject);
    request.end();
  });
}

function basic(user: string, password = PASSWORD): Readonly<Record<string, string>> {
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` };
}

async function listOf(bed: CaTestBed, scope: string): Promise<Buffer> {
  return Buffer.from((await bed.ca.readList(scope)) ?? assert.fail('no list'));
}

describe('lists that everybody may have, over HTTP', () => {
  it('come with type, length, tag, date and caching (RFC 9110 §8)', async (t) => {
    const { bed, clear, secure } = await open(t);
    const arl = await listOf(bed, 'arl');
    for (const ask of [clear, secure]) {
      const { status, headers, body } = await ask('/crl/arl.crl');
      assert.equal(status, 200);
      assert.deepEqual(body, arl);
      assert.equal(headers['content-type'], 'application/pkix-crl');
      assert.equal(headers['content-length'], String(arl.length));
      assert.equal(headers.etag, `"${createHash('sha256').update(arl).digest('hex')}"`);
      assert.equal(headers['cache-control'], 'public, no-cache');
      assert.equal(headers['accept-ranges'], 'bytes');
      const [published] = await bed.ca.listArchived('arl');
      assert.equal(Date.parse(headers['last-modified'] ?? ''), published?.thisUpdateMs);
    }
    assert.deepEqual((await clear('/crl/operations.crl')).body, await listOf(bed, 'operations'));
  });

  it('come without a body to HEAD, and to nothing but GET and HEAD', async (t) => {
    const { bed, clear } = await open(t);
    const { status, headers, body } = await clear('/crl/arl.crl', { method: 'HEAD' });
    assert.deepEqual([status, body.length], [200, 0]);
    assert.equal(headers['content-length'], String((await listOf(bed, 'arl')).length));
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const refused = await clear('/crl/arl.crl', { method });
      assert.deepEqual([refused.status, refused.headers.allow], [405, 'GET, HEAD']);
    }
  });

  it('are those of their own key, where full lists of several stand side by side', async (t) => {
    const { bed, clear } = await open(t, publicFull);
    await bed.clock.advance(6_000);
    await bed.ca.renewal.prepare(tester);
    await bed.ca.renewal.switchOver(tester);
    const newest = async (scope: string): Promise<{ number: bigint; byteLength: number }> =>
      (await bed.ca.listArchived(scope)).at(-1) ?? assert.fail('no list');
    const publish = async (scope: string): Promise<void> => {
      await bed.clock.advance(2_000);
      await bed.ca.publish(scope, tester);
    };
    const areAlike = async (): Promise<boolean> =>
      (await newest('full-1')).byteLength === (await newest('full-2')).byteLength;
    const { number } = await newest('full-1');
    for (let count = 0n; count < number; count += 1n) {
      await publish('full-2');
    }
    // Signatures by ECDSA are of three lengths.
    do {
      await publish('full-1');
      await publish('full-2');
    } while (!(await areAlike()));
    assert.equal((await newest('full-1')).number, (await newest('full-2')).number);
    for (const scope of ['full-1', 'full-2']) {
      const list = await listOf(bed, scope);
      const { headers, body } = await clear(`/crl/${scope}.crl`);
      assert.equal(headers.etag, `"${createHash('sha256').update(list).digest('hex')}"`);
      assert.deepEqual(body, list, scope);
    }
    const second = await clear('/G-ID/repository3/CRL.crl');
    assert.deepEqual(second.body, await listOf(bed, 'full-2'));
  });

  it('are not sent again to who has them, until there is a new one', async (t) => {
    const { bed, clear } = await open(t);
    const first = await clear('/crl/arl.crl');
    const known = { 'if-none-match': first.headers.etag ?? '' };
    const again = await clear('/crl/arl.crl', { headers: known });
    assert.deepEqual([again.status, again.body.length], [304, 0]);
    assert.equal(again.headers.etag, first.headers.etag);
    await bed.clock.advance(5_000);
    await bed.ca.publish('arl', tester);
    const fresh = await clear('/crl/arl.crl', { headers: known });
    assert.deepEqual([fresh.status, fresh.body], [200, await listOf(bed, 'arl')]);
  });

  it('come in parts that make the whole (RFC 9110 §14)', async (t) => {
    const { bed, clear } = await open(t);
    const arl = await listOf(bed, 'arl');
    const start = await clear('/crl/arl.crl', { headers: { range: 'bytes=0-99' } });
    const rest = await clear('/crl/arl.crl', {
      headers: { range: 'bytes=100-', 'if-range': start.headers.etag ?? '' },
    });
    assert.deepEqual([start.status, rest.status], [206, 206]);
    assert.equal(start.headers['content-range'], `bytes 0-99/${arl.length}`);
    assert.deepEqual(Buffer.concat([start.body, rest.body]), arl);
    const none = await clear('/crl/arl.crl', { headers: { range: `bytes=${arl.length}-` } });
    assert.deepEqual([none.status, none.headers['content-range']], [416, `bytes */${arl.length}`]);
    const other = { range: 'bytes=100-', 'if-range': '"another"' };
    assert.equal((await clear('/crl/arl.crl', { headers: other })).status, 200);
  });

  it('come compressed to who takes it, from some size on, under a tag of its own', async (t) => {
    const { bed, secure } = await open(t);
    const headers = { 'accept-encoding': 'gzip' };
    assert.equal(
      (await secure('/crl/arl.crl', { headers })).headers['content-encoding'],
      undefined,
    );
    for (let count = 0; count < 20; count += 1) {
      const { serialNumber } = await bed.issue('10201');
      await bed.revoke(serialNumber);
    }
    await bed.clock.advance(5_000);
    await bed.ca.publish('10201', tester);
    const asVerifier = { ...headers, ...basic('tax, office') };
    const answer = await secure('/crl/10201.crl', { headers: asVerifier });
    assert.equal(answer.headers['content-encoding'], 'gzip');
    assert.deepEqual(gunzipSync(answer.body), await listOf(bed, '10201'));
    assert.match(answer.headers.etag ?? '', /-gzip"$/);
    assert.equal(answer.headers['cache-control'], 'private, no-cache');
    assert.match(answer.headers.vary ?? '', /Accept-Encoding/);
    const known = { ...asVerifier, 'if-none-match': answer.headers.etag ?? '' };
    assert.equal((await secure('/crl/10201.crl', { headers: known })).status, 304);
    const part = { ...asVerifier, range: 'bytes=0-9' };
    const parts = await secure('/crl/10201.crl', { headers: part });
    assert.deepEqual([parts.status, parts.headers['content-encoding']], [206, undefined]);
  });

  it('are found by the hash of issuer or key (RFC 4387 §2)', async (t) => {
    const { bed, clear } = await open(t);
    const sha1 = (bytes: Uint8Array): string =>
      createHash('sha1').update(bytes).digest('base64').replace('=', '');
    const issuer = sha1(bed.ca.certificate.subject.der);
    const ask = (query: string) => clear(`/search-crls?${query}`);
    const escaped = encodeURIComponent(issuer);
    assert.deepEqual((await ask(`iHash=${escaped}&scope=arl`)).body, await listOf(bed, 'arl'));
    assert.equal((await ask(`iHash=${issuer}&scope=arl`)).status, 200, 'a plus that is none');
    assert.equal((await ask(`iHash=${escaped}%3D&scope=arl`)).status, 200, 'with padding');
    assert.equal((await ask(`iHash=${escaped}`)).status, 404, 'which of them?');
    assert.equal((await ask('scope=arl')).status, 404);
    assert.equal((await ask(`iHash=${escaped.slice(0, 5)}&scope=arl`)).status, 404);
    assert.equal((await ask(`sKIDHash=${escaped}&scope=arl`)).status, 404);
  });
});

describe('lists that are for registered verifiers, over HTTP', () => {
  it('are read, and so counted, when their bytes are given and not otherwise', async (t) => {
    const { bed, given, secure } = await open(t);
    const headers = basic('tax, office');
    const { headers: facts } = await secure('/crl/10201.crl', { method: 'HEAD', headers });
    const known = { ...headers, 'if-none-match': facts.etag ?? '' };
    assert.equal((await secure('/crl/10201.crl', { headers: known })).status, 304);
    assert.equal((await secure('/crl/10202.crl', { headers })).status, 404);
    const beyond = { ...headers, range: 'bytes=9999999-' };
    assert.equal((await secure('/crl/10201.crl', { headers: beyond })).status, 416);
    assert.deepEqual(given, []);
    await secure('/crl/10201.crl', { headers });
    await secure('/crl/10201.crl', { headers: { ...headers, range: 'bytes=0-9' } });
    assert.deepEqual(given, [bed.ca.scopes.find('10201').dn, bed.ca.scopes.find('10201').dn]);
  });

  it('come to who shows the password or the certificate of its entry, over TLS', async (t) => {
    const { bed, secure } = await open(t);
    const list = await listOf(bed, '10201');
    const { verifiers } = bed.policy.directory;
    for (const user of ['tax, office', `cn=tax\\, office,${verifiers}`]) {
      const answer = await secure('/crl/10201.crl', { headers: basic(user) });
      assert.deepEqual([answer.status, answer.body], [200, list], user);
      assert.equal(answer.headers['cache-control'], 'private, no-cache');
    }
    const answer = await secure('/crl/10201.crl', { client: clientCredentials });
    assert.deepEqual([answer.status, answer.body], [200, list]);
  });

  it('are answered like lists that there are not', async (t) => {
    const { clear, secure } = await open(t);
    const shape = ({ status, headers, body }: Answer): unknown => {
      const { date: _now, ...rest } = headers;
      return { status, rest, body: body.toString() };
    };
    const same = async (ask: Bench['clear'], wish: Wish, status: number): Promise<void> => {
      // 10202 is there and not granted, 10299 is not there.
      const [there, absent] = await Promise.all(
        ['10202', '10299'].map((scope) => ask(`/crl/${scope}.crl`, wish)),
      );
      assert.deepEqual(there && shape(there), absent && shape(absent));
      assert.equal(there?.status, status);
    };
    for (const method of ['GET', 'HEAD']) {
      await same(clear, { method }, 404);
      await same(secure, { method }, 401);
      await same(secure, { method, headers: basic('tax, office') }, 404);
      await same(secure, { method, headers: basic('tax, office', 'wrong') }, 401);
      await same(secure, { method, headers: basic('nobody') }, 401);
      await same(secure, { method, client: clientCredentials }, 404);
      await same(secure, { method, client: makeTlsCredentials('stranger') }, 401);
      for (const condition of ['range', 'if-none-match', 'if-match']) {
        const headers = { [condition]: condition === 'range' ? 'bytes=999999-' : '*' };
        await same(secure, { method, headers }, 401);
      }
    }
  });

  it('ask for a password over TLS, and take none in clear', async (t) => {
    const { clear, secure } = await open(t);
    const asked = await secure('/crl/10201.crl');
    assert.match(asked.headers['www-authenticate'] ?? '', /^Basic realm=.*charset="UTF-8"$/);
    const inClear = await clear('/crl/10201.crl', { headers: basic('tax, office') });
    assert.equal(inClear.status, 404);
    assert.equal(inClear.headers['www-authenticate'], undefined);
    for (const authorization of ['Basic', 'Basic !', 'Basic Og==', 'Bearer x', 'Basic eDo=']) {
      const refused = await secure('/crl/10201.crl', { headers: { authorization } });
      assert.equal(refused.status, 401, authorization);
    }
  });

  it('end with the agreement', async (t) => {
    const { bed, secure } = await open(t);
    await bed.clock.advance(40 * DAY_MS);
    const late = await secure('/crl/10201.crl', { headers: basic('tax, office') });
    assert.ok(late.status === 401 || late.status === 404, String(late.status));
  });
});

describe('delta lists over HTTP', () => {
  const openDelta = async (bed: CaTestBed, scope: string): Promise<Buffer> => {
    const [der] = await bed.published(bed.ca.scopes.find(scope).dn, 'deltaRevocationList');
    return Buffer.from(der ?? assert.fail('no delta list'));
  };

  it('come to who may read deltaRevocationList, each as it is on show, with its own tag', async (t) => {
    const { bed, clear, secure } = await open(t, withDeltas);
    const headers = basic('tax, office');
    const first = await secure('/crl/10201.delta.crl', { headers });
    assert.equal(first.status, 200);
    assert.deepEqual(first.body, await openDelta(bed, '10201'));
    const known = { ...headers, 'if-none-match': first.headers.etag ?? '' };
    assert.equal((await secure('/crl/10201.delta.crl', { headers: known })).status, 304);
    assert.equal((await secure('/crl/10201.crl', { headers: known })).status, 200);
    await bed.clock.advance(4 * 3_600_000);
    await bed.ca.deltas.publish('10201', tester);
    const next = await secure('/crl/10201.delta.crl', { headers: known });
    assert.deepEqual([next.status, next.body], [200, await openDelta(bed, '10201')]);
    assert.deepEqual(
      (await secure('/crl/10201.crl', { headers })).body,
      await listOf(bed, '10201'),
    );
    assert.equal((await clear('/crl/10201.delta.crl')).status, 404);
    assert.equal((await secure('/crl/10201.delta.crl')).status, 401);
    assert.equal((await secure('/crl/10202.delta.crl', { headers })).status, 404);
  });

  it('are answered like lists that there are not, where a list has none', async (t) => {
    const { secure } = await open(t, withDeltas);
    const headers = basic('tax, office');
    const without = await open(t);
    for (const answer of [
      await secure('/crl/arl.delta.crl', { headers }),
      await secure('/crl/99999.delta.crl', { headers }),
      await without.secure('/crl/10201.delta.crl', { headers }),
    ]) {
      assert.equal(answer.status, 404);
    }
  });
});

describe('lists that are kept compressed', () => {
  it('are compressed once; whoever comes while a large one is, gets it as it is', async () => {
    const lists = new CompressedLists();
    const large = new Uint8Array(3 * 1024 * 1024);
    assert.equal(await lists.find('a', large), undefined);
    await lists.settled();
    const kept = await lists.find('a', large);
    assert.deepEqual(gunzipSync(kept ?? new Uint8Array()).length, large.length);
    assert.equal(await lists.find('a', large), kept);
    assert.equal(await lists.find('b', new Uint8Array(1_023)), undefined);
    assert.ok(await lists.find('c', new Uint8Array(1_024)));
    // Too long to be kept compressed.
    const huge = new Uint8Array(60 * 1024 * 1024 + 1);
    assert.equal(await lists.find('d', huge), undefined);
    await lists.settled();
    assert.equal(await lists.find('d', huge), undefined);
  });
});

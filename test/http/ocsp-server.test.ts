import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { describe, it, type TestContext } from 'node:test';

import { silentLog } from '../../src/core/log.ts';
import { decodePath, openOcspServer } from '../../src/http/ocsp-server.ts';
import type { OcspIssuer } from '../../src/ocsp/issuer.ts';
import {
  MINUTE_MS,
  type OcspBed,
  openOcspBed,
  requestFor,
  startSecondMs,
  validityMs,
} from '../support/ocsp-bed.ts';
import { readOcspResponse } from '../support/ocsp-reader.ts';

const SERIAL = 0x4711n;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Served extends OcspBed {
  send(
    method: string,
    path: string,
    extra?: { readonly headers?: Record<string, string>; readonly body?: Uint8Array },
  ): Promise<Answer>;
}

async function serve(t: TestContext, issuer: Partial<OcspIssuer> = {}): Promise<Served> {
  const bed = openOcspBed({ issuer });
  bed.register.set(SERIAL, { kind: 'good' });
  const server = await openOcspServer({
    service: bed.responder,
    ...{ address: '127.0.0.1', port: 0, clock: bed.clock, log: silentLog },
  });
  t.after(() => server.close());
  const { port } = new URL(server.url);
  return {
    ...bed,
    send: (method, path, { headers = {}, body } = {}) =>
      new Promise((resolve, reject) => {
        const sent = httpRequest(
          { host: '127.0.0.1', port, method, path, headers, agent: false },
          (response) => {
            const pieces: Buffer[] = [];
            response.on('data', (piece: Buffer) => pieces.push(piece));
            response.on('end', () =>
              resolve({
                status: response.statusCode ?? 0,
                headers: response.headers,
                body: Buffer.concat(pieces),
              }),
            );
          },
        );
        sent.on('error', reject);
        sent.end(body);
      }),
  };
}

function base64(der: Uint8Array): string {
  return Buffer.from(der).toString('base64');
}

const asked = requestFor([SERIAL]);
const type = { 'content-type': 'application/ocsp-request' };

describe('OCSP over HTTP (RFC 6960 appendix A)', () => {
  it('POST: the request is the body', async (t) => {
    const { send } = await serve(t);
    const { status, headers, body } = await send('POST', '/', { headers: type, body: asked });
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'application/ocsp-response');
    assert.equal(readOcspResponse(body).singles[0]?.status, 'good');
  });

  const paths = [
    { how: 'URL-encoded base64', path: `/${encodeURIComponent(base64(asked))}` },
    { how: 'base64 as it is', path: `/${base64(asked)}` },
    { how: 'a slash too many', path: `//${base64(asked)}` },
  ];
  for (const { how, path } of paths) {
    it(`GET: ${how}`, async (t) => {
      const { send } = await serve(t);
      const { status, body } = await send('GET', path);
      assert.equal(status, 200);
      assert.equal(readOcspResponse(body).singles[0]?.status, 'good');
    });
  }

  it('HEAD: the headers alone', async (t) => {
    const { send } = await serve(t);
    const { status, headers, body } = await send('HEAD', `/${base64(asked)}`);
    assert.deepEqual([status, body.length], [200, 0]);
    assert.ok(Number(headers['content-length']) > 100);
  });

  it('what is no request is answered malformedRequest, and kept by nobody', async (t) => {
    const { send } = await serve(t, { httpMaxAgeMs: MINUTE_MS });
    for (const answer of [
      await send('GET', '/AAAA'),
      await send('GET', '/%zz'),
      await send('GET', '/not-base64'),
      await send('POST', '/', { headers: type, body: Uint8Array.of(1) }),
      await send('POST', '/', { headers: type }),
    ]) {
      assert.equal(answer.status, 200);
      assert.equal(answer.body.toString('hex'), '30030a0101');
      assert.equal(answer.headers['cache-control'], 'no-store');
    }
  });

  it('refuses what is no OCSP at all', async (t) => {
    const { send } = await serve(t);
    assert.equal((await send('GET', '/')).status, 404);
    assert.equal((await send('PUT', '/', { headers: type, body: asked })).status, 405);
    assert.equal((await send('POST', '/', { body: asked })).status, 415);
    assert.equal((await send('GET', `/${'A'.repeat(8192)}`)).status, 414);
  });

  it('takes a body of 16 KiB and not one byte more', async (t) => {
    const { send } = await serve(t);
    const body = new Uint8Array(16 * 1024);
    assert.equal((await send('POST', '/', { headers: type, body })).status, 200);
    const larger = new Uint8Array(16 * 1024 + 1);
    assert.equal((await send('POST', '/', { headers: type, body: larger })).status, 413);
    const chunked = { ...type, 'transfer-encoding': 'chunked' };
    assert.equal((await send('POST', '/', { headers: chunked, body: larger })).status, 413);
  });
});

describe('HTTP caching (RFC 5019 §6)', () => {
  const path = `/${base64(asked)}`;

  it('GET: max-age of the policy, Last-Modified, Expires, ETag', async (t) => {
    const { send } = await serve(t, { httpMaxAgeMs: 10 * MINUTE_MS });
    const { headers } = await send('GET', path);
    assert.equal(headers['cache-control'], 'max-age=600, public, no-transform, must-revalidate');
    assert.equal(headers['last-modified'], new Date(startSecondMs).toUTCString());
    assert.equal(headers.expires, new Date(startSecondMs + validityMs).toUTCString());
    assert.match(headers.etag ?? '', /^"[0-9a-f]{40}"$/);
  });

  it('max-age ends before nextUpdate', async (t) => {
    const { send } = await serve(t, { httpMaxAgeMs: validityMs });
    const { headers } = await send('GET', path);
    // 250 ms of the first second have gone.
    assert.match(headers['cache-control'] ?? '', new RegExp(`^max-age=${validityMs / 1000 - 2},`));
  });

  it('answers 304 for the entity that a cache has, until it is another', async (t) => {
    const bed = await serve(t, { httpMaxAgeMs: MINUTE_MS });
    const { headers } = await bed.send('GET', path);
    const ask = { headers: { 'if-none-match': headers.etag ?? '' } };
    assert.equal((await bed.send('GET', path, ask)).status, 304);
    bed.revoke(SERIAL);
    const { status, body } = await bed.send('GET', path, ask);
    assert.equal(status, 200);
    assert.equal(readOcspResponse(body).singles[0]?.status, 'revoked');
  });

  it('nobody keeps nonces, unknown, POST, or anything where the policy says so', async (t) => {
    const bed = await serve(t, { httpMaxAgeMs: MINUTE_MS });
    const nonce = requestFor([SERIAL], { nonce: Uint8Array.of(1) });
    for (const { headers } of [
      await bed.send('GET', `/${base64(nonce)}`),
      await bed.send('GET', `/${base64(requestFor([1n]))}`),
      await bed.send('POST', '/', { headers: type, body: asked }),
      await (await serve(t)).send('GET', path),
    ]) {
      assert.equal(headers['cache-control'], 'no-store');
      assert.equal(headers.etag, undefined);
      assert.equal(headers.expires, undefined);
    }
  });
});

describe('a request in a path', () => {
  it('is read in every form that clients send, and nothing else', () => {
    const bytes = Buffer.from([0xfb, 0xff, 0xbf, 0x01]);
    for (const path of ['/+/+/AQ==', '/%2B%2F%2B%2FAQ%3D%3D', '//+/+/AQ==', '+/+/AQ==']) {
      assert.deepEqual(decodePath(path), bytes, path);
    }
    for (const path of ['', '/', '/A', '/AAA', '/A===', '/AA=A', '/AA A', '/-_-_', '/%', '/%ff']) {
      assert.equal(decodePath(path), undefined, path);
    }
  });
});

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import { ApiBed } from '../../support/api-bed.ts';
import type { ApiAnswer } from '../../support/api-client.ts';

const PASSWORD = 'a password of the staff';

async function open(t: TestContext): Promise<{ readonly bed: ApiBed; readonly dn: string }> {
  const bed = await ApiBed.open(t);
  const dn = await bed.operator('taro', ['reception'], { password: PASSWORD });
  return { bed, dn };
}

const codeOf = ({ body }: ApiAnswer): unknown => (body as { readonly code?: unknown }).code;

describe('a session of the API', () => {
  it('is opened with a password, shows who one is, and ends when it is closed', async (t) => {
    const { bed, dn } = await open(t);
    const token = await bed.login('taro', PASSWORD);
    const shown = await bed.ask({ path: '/session', token });
    assert.equal(shown.status, 200);
    const {
      id,
      dn: shownDn,
      permissions,
      ...rest
    } = shown.body as {
      readonly id: string;
      readonly dn: string;
      readonly permissions: readonly string[];
    };
    assert.ok(permissions.includes('certificates.read'));
    assert.equal(shownDn.toLowerCase(), dn.toLowerCase());
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(rest, {
      ca: 'gunma',
      ...{ name: 'taro', roles: ['reception'], partitions: [], method: 'password' },
    });
    assert.equal((await bed.ask({ method: 'DELETE', path: '/session', token })).status, 204);
    const after = await bed.ask({ path: '/session', token });
    assert.deepEqual([after.status, codeOf(after)], [401, 'HTTP_UNAUTHENTICATED']);
    assert.equal(after.headers['www-authenticate'], 'Bearer realm="certdir"');
  });

  it('is not opened for who does not prove to be an operator', async (t) => {
    const { bed } = await open(t);
    for (const { why, name, password } of [
      { why: 'a wrong password', name: 'taro', password: 'something else' },
      { why: 'a name that is not there', name: 'jiro', password: PASSWORD },
      { why: 'a distinguished name that cannot be read', name: 'cn=,,', password: PASSWORD },
      { why: 'an entry that is no account', name: 'C=JP', password: PASSWORD },
    ]) {
      const answer = await bed.ask({ method: 'POST', path: '/sessions', body: { name, password } });
      assert.deepEqual([answer.status, codeOf(answer)], [401, 'HTTP_UNAUTHENTICATED'], why);
    }
  });

  it('ends when it was not used for 15 minutes, and after an hour in any case', async (t) => {
    const { bed } = await open(t);
    const idle = await bed.login('taro', PASSWORD);
    await bed.ca.clock.advance(899_999);
    assert.equal((await bed.ask({ path: '/session', token: idle })).status, 200);
    await bed.ca.clock.advance(900_000);
    assert.equal((await bed.ask({ path: '/session', token: idle })).status, 401);
    const used = await bed.login('taro', PASSWORD);
    for (let minutes = 10; minutes < 60; minutes += 10) {
      await bed.ca.clock.advance(600_000);
      assert.equal((await bed.ask({ path: '/session', token: used })).status, 200);
    }
    await bed.ca.clock.advance(599_999);
    assert.equal((await bed.ask({ path: '/session', token: used })).status, 200);
    await bed.ca.clock.advance(1);
    assert.equal((await bed.ask({ path: '/session', token: used })).status, 401);
  });

  it('ends at once when the operator is disabled, and does not come back', async (t) => {
    const { bed, dn } = await open(t);
    const token = await bed.login('taro', PASSWORD);
    await bed.setAttribute(dn, 'certdirAccountDisabled', 'TRUE');
    assert.equal((await bed.ask({ path: '/session', token })).status, 401);
    await bed.setAttribute(dn, 'certdirAccountDisabled', 'FALSE');
    assert.equal((await bed.ask({ path: '/session', token })).status, 401);
  });

  it('ends with the password that opened it; the old one has to be known', async (t) => {
    const { bed } = await open(t);
    const token = await bed.login('taro', PASSWORD);
    const change = (oldPassword: string): Promise<ApiAnswer> =>
      bed.ask({
        ...{ method: 'PUT', path: '/password' },
        body: { name: 'taro', oldPassword, newPassword: 'another one for the staff' },
      });
    assert.equal((await change('a wrong one')).status, 401);
    assert.equal((await bed.ask({ path: '/session', token })).status, 200);
    assert.equal((await change(PASSWORD)).status, 204);
    assert.equal((await bed.ask({ path: '/session', token })).status, 401);
    await assert.rejects(bed.login('taro', PASSWORD));
    await bed.login('taro', 'another one for the staff');
  });

  it('is of one CA: at another of the same server it is none', async (t) => {
    const bed = await ApiBed.open(t, { neighbours: ['tokyo'] });
    await bed.operator('taro', ['reception'], { password: PASSWORD });
    const token = await bed.login('taro', PASSWORD);
    const elsewhere = await bed.ask({ path: '//api/v1/tokyo/session', token });
    assert.deepEqual([elsewhere.status, codeOf(elsewhere)], [401, 'HTTP_UNAUTHENTICATED']);
    assert.equal((await bed.ask({ path: '/session', token })).status, 200);
    assert.equal((await bed.ask({ path: '//.well-known/est/cacerts' })).status, 404, 'which one?');
  });

  it('makes room for a new one of the same operator', async (t) => {
    const { bed } = await open(t);
    const [first, second, third] = [
      await bed.login('taro', PASSWORD),
      await bed.login('taro', PASSWORD),
      await bed.login('taro', PASSWORD),
    ];
    const states = [];
    for (const token of [first, second, third]) {
      states.push((await bed.ask({ path: '/session', token })).status);
    }
    assert.deepEqual(states, [401, 200, 200]);
  });
});

describe('a client certificate', () => {
  it('proves the operator whose account names it, until the account is disabled', async (t) => {
    const { bed } = await open(t);
    const client = bed.clientCertificate();
    const dn = await bed.operator('hanako', ['examiner'], { certificate: client });
    const shown = await bed.ask({ path: '/session', client });
    assert.equal(shown.status, 200);
    assert.equal((shown.body as { readonly method: string }).method, 'certificate');
    await bed.setAttribute(dn, 'certdirAccountDisabled', 'TRUE');
    assert.equal((await bed.ask({ path: '/session', client })).status, 401);
  });

  it('that no account names proves nobody', async (t) => {
    const { bed } = await open(t);
    const answer = await bed.ask({ path: '/session', client: bed.clientCertificate() });
    assert.deepEqual([answer.status, codeOf(answer)], [401, 'HTTP_UNAUTHENTICATED']);
  });
});

describe('calls of the API', () => {
  it('show a certificate and what it is now', async (t) => {
    const { bed } = await open(t);
    const token = await bed.login('taro', PASSWORD);
    const { serialNumber } = await bed.ca.issue();
    await bed.ca.revoke(serialNumber);
    const text = serialNumber.toString(16).toUpperCase().padStart(40, '0');
    const shown = await bed.ask({ path: `/certificates/${text}`, token });
    assert.equal(shown.status, 200);
    assert.equal((shown.body as { readonly state: string }).state, 'revoked');
  });

  const refusals = [
    {
      why: 'a CA that is not here',
      path: '//api/v1/nowhere/session',
      status: 404,
      code: 'HTTP_NOT_FOUND',
    },
    { why: 'a path that is not there', path: '/nothing', status: 404, code: 'HTTP_NOT_FOUND' },
    {
      why: 'a method that the path does not know',
      method: 'PUT',
      path: '/session',
      status: 405,
      code: 'HTTP_METHOD',
    },
    { why: 'nobody', path: '/session', status: 401, code: 'HTTP_UNAUTHENTICATED' },
    {
      why: 'a body that is no JSON',
      method: 'POST',
      path: '/sessions',
      raw: '{',
      status: 400,
      code: 'HTTP_BODY_MALFORMED',
    },
    {
      why: 'a body that is too large',
      method: 'POST',
      path: '/sessions',
      raw: `"${'x'.repeat(70_000)}"`,
      status: 413,
      code: 'HTTP_BODY_TOO_LARGE',
    },
    {
      why: 'an escape that is none',
      path: '/certificates/%zz',
      status: 400,
      code: 'HTTP_BODY_MALFORMED',
    },
    {
      why: 'another media type',
      ...{ method: 'POST', path: '/sessions', raw: 'a=b', status: 415, code: 'HTTP_MEDIA_TYPE' },
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    },
  ];
  it('are refused with problem details', async (t) => {
    const { bed } = await open(t);
    for (const { why, status, code, ...question } of refusals) {
      const answer = await bed.ask(question);
      assert.deepEqual([answer.status, codeOf(answer)], [status, code], why);
      assert.match(String(answer.headers['content-type']), /^application\/problem\+json/, why);
      assert.equal(answer.headers['x-content-type-options'], 'nosniff', why);
      assert.equal(answer.headers['cache-control'], 'no-store', why);
    }
  });

  it('name every fault of the fields at once', async (t) => {
    const { bed } = await open(t);
    const body = { name: 5, extra: true, 'a/b': 1 };
    const answer = await bed.ask({ method: 'POST', path: '/sessions', body });
    assert.equal(answer.status, 422);
    const { errors } = answer.body as {
      readonly errors: readonly { pointer: string; code: string }[];
    };
    assert.deepEqual(errors.map(({ pointer, code }) => `${pointer} ${code}`).sort(), [
      '#/a~1b unknown-field',
      '#/extra unknown-field',
      '#/name type',
      '#/password required',
    ]);
  });

  it('are described by the server itself', async (t) => {
    const { bed } = await open(t);
    const { status, body } = await bed.ask({ path: '//api/openapi.json' });
    assert.equal(status, 200);
    const { openapi, paths } = body as { readonly openapi: string; readonly paths: object };
    assert.equal(openapi, '3.1.0');
    assert.ok('/api/v1/{ca}/certificates/{serialNumber}' in paths);
  });
});

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { z } from 'zod';

import { StoredAnswers } from '../../../src/app/kept-answers.ts';
import { CaError } from '../../../src/ca/errors.ts';
import { operatorRoute } from '../../../src/http/api/api-route.ts';
import { sessionRoutes } from '../../../src/http/api/session-routes.ts';
import { ApiBed, type ApiBedOptions } from '../../support/api-bed.ts';
import type { ApiAnswer } from '../../support/api-client.ts';

const PASSWORD = 'a password of the staff';
const HOUR = 3_600_000;

type Act = (operationKey: string) => Promise<unknown>;

type Life = Parameters<typeof ApiBed.open>[0];

/** What is opened for all tests stays open until the end. */
const closing: (() => unknown)[] = [];
const untilTheEnd = { after: (close: () => unknown): unknown => closing.unshift(close) };

after(async () => {
  for (const close of closing) {
    await close();
  }
});

interface Bench {
  readonly bed: ApiBed;
  /** Keys under which the operation ran. */
  readonly runs: string[];
  /** What it does beside being counted. */
  act: Act;
  post(key: string | undefined, body?: unknown, path?: string): Promise<ApiAnswer>;
  token: string;
}

/** Most tests share one, each with keys of its own. */
let shared: Promise<Bench> | undefined;

async function openShared(): Promise<Bench> {
  shared ??= open(untilTheEnd, { maxBodyBytes: 400_000 });
  const bench = await shared;
  bench.runs.length = 0;
  bench.act = async () => undefined;
  return bench;
}

/** An API with one operation that counts how often it is done: repeatable, not repeatable, or with a secret answer. */
async function open(t: Life, options: ApiBedOptions = {}): Promise<Bench> {
  const runs: string[] = [];
  const counting = (path: string, facts: { isRepeatable?: true; isSecret?: true }) =>
    operatorRoute({
      operationId: `count${path.slice(1)}`,
      family: 'test',
      method: 'POST',
      path,
      permission: 'operator',
      summary: 'Counts',
      body: z.strictObject({ what: z.string().max(300_000) }),
      answer: z.strictObject({ run: z.int(), what: z.string() }),
      ...facts,
      handle: async ({ body, operationKey }) => {
        runs.push(operationKey);
        await bench.act(operationKey);
        return { run: runs.length, what: body.what };
      },
    });
  const routes = [
    ...sessionRoutes,
    counting('/once', {}),
    counting('/again', { isRepeatable: true }),
    counting('/secret', { isSecret: true }),
  ];
  const bed = await ApiBed.open(t, { ...options, routes });
  await bed.operator('taro', ['reception'], { password: PASSWORD });
  const bench: Bench = {
    bed,
    runs,
    act: async () => undefined,
    token: await bed.login('taro', PASSWORD),
    post: (key, body = { what: 'this' }, path = '/once') =>
      bed.ask({
        ...{ method: 'POST', path, body, token: bench.token },
        ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
      }),
  };
  return bench;
}

const codeOf = ({ body }: ApiAnswer): unknown => (body as { readonly code?: unknown }).code;
const told = (answer: ApiAnswer): readonly unknown[] => [answer.status, codeOf(answer)];

describe('a request with an Idempotency-Key', () => {
  it('is done once, and its retries are given the first answer', async () => {
    const { post, runs } = await openShared();
    const [first, again] = [await post('t1-1'), await post('t1-1')];
    assert.deepEqual([first.status, again.status, runs.length], [200, 200, 1]);
    assert.equal(again.text, first.text);
    assert.deepEqual(
      [first.headers['idempotency-replayed'], again.headers['idempotency-replayed']],
      [undefined, 'true'],
    );
    await post('t1-2');
    await post(undefined);
    await post(undefined);
    assert.equal(runs.length, 4, 'another key, or none, is another request');
  });

  it('is refused when its key was used for something else', async () => {
    const { post, runs } = await openShared();
    await post('t2-1', { what: 'this' });
    assert.deepEqual(told(await post('t2-1', { what: 'that' })), [422, 'HTTP_KEY_REUSED']);
    assert.deepEqual(told(await post('t2-1', { what: 'this' }, '/again')), [
      422,
      'HTTP_KEY_REUSED',
    ]);
    assert.equal(runs.length, 1);
  });

  it("has a key of its own: another operator's is another", async (t) => {
    const bench = await open(t);
    await bench.post('k1');
    await bench.bed.operator('jiro', ['reception'], { password: PASSWORD });
    bench.token = await bench.bed.login('jiro', PASSWORD);
    assert.equal((await bench.post('k1', { what: 'that' })).status, 200);
    assert.equal(bench.runs.length, 2);
  });

  it('is refused while the first is being worked on', async () => {
    const bench = await openShared();
    let finish = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      bench.act = () => {
        resolve();
        return new Promise<void>((done) => {
          finish = done;
        });
      };
    });
    const first = bench.post('t3-1');
    await begun;
    const second = await bench.post('t3-1');
    assert.deepEqual(told(second), [409, 'HTTP_KEY_IN_WORK']);
    assert.equal(second.headers['retry-after'], '1');
    finish();
    assert.equal((await first).status, 200);
    assert.equal((await bench.post('t3-1')).status, 200);
    assert.equal(bench.runs.length, 1);
  });

  it('may be mended and sent again when it was refused', async () => {
    const bench = await openShared();
    bench.act = () => Promise.reject(new CaError('CA_REASON_NOT_ALLOWED', 'not that one'));
    assert.deepEqual(told(await bench.post('t4-1')), [422, 'CA_REASON_NOT_ALLOWED']);
    bench.act = async () => undefined;
    assert.equal((await bench.post('t4-1', { what: 'better' })).status, 200);
  });

  it('that was cut off is done again under the same operation key where that is safe', async () => {
    const bench = await openShared();
    bench.act = () => Promise.reject(new Error('cut off after the effect'));
    assert.equal((await bench.post('t5-1', undefined, '/again')).status, 500);
    bench.act = async () => undefined;
    assert.equal((await bench.post('t5-1', undefined, '/again')).status, 200);
    const [first, second] = bench.runs;
    assert.equal(first, second);
  });

  it('that was cut off is not done again where nobody knows what came of it', async () => {
    const bench = await openShared();
    bench.act = () => Promise.reject(new Error('cut off after the effect'));
    assert.equal((await bench.post('t6-1')).status, 500);
    assert.deepEqual(told(await bench.post('t6-1')), [409, 'HTTP_OUTCOME_UNKNOWN']);
    assert.equal(bench.runs.length, 1);
  });

  it('whose answer is secret, or too long, is not given it twice', async () => {
    const bench = await openShared();
    await bench.post('t7-1', undefined, '/secret');
    assert.deepEqual(told(await bench.post('t7-1', undefined, '/secret')), [
      409,
      'HTTP_ANSWER_NOT_KEPT',
    ]);
    const long = { what: 'x'.repeat(256 * 1024) };
    assert.equal((await bench.post('t7-2', long)).status, 200);
    assert.deepEqual(told(await bench.post('t7-2', long)), [409, 'HTTP_ANSWER_NOT_KEPT']);
    assert.equal(bench.runs.length, 2);
  });

  it('is forgotten after a day', async (t) => {
    const bench = await open(t);
    await bench.post('k1');
    await bench.bed.ca.clock.advance(24 * HOUR - 1_000);
    bench.token = await bench.bed.login('taro', PASSWORD);
    await bench.post('k1');
    assert.equal(bench.runs.length, 1);
    await bench.bed.ca.clock.advance(2_000);
    bench.token = await bench.bed.login('taro', PASSWORD);
    await bench.post('k1');
    assert.equal(bench.runs.length, 2);
  });

  it('is refused when more keys are kept than there is room for', async (t) => {
    const bench = await open(t, { maxKept: 2 });
    await bench.post('k1');
    await bench.post('k2');
    const full = await bench.post('k3');
    assert.deepEqual(told(full), [429, 'HTTP_TOO_MANY_REQUESTS']);
    assert.equal((await bench.post('k1')).status, 200, 'known keys are still answered');
    await bench.bed.ca.clock.advance(25 * HOUR);
    bench.token = await bench.bed.login('taro', PASSWORD);
    assert.equal((await bench.post('k3')).status, 200);
  });

  for (const key of ['', 'a b', 'x'.repeat(256), 'ü']) {
    it(`has to have a key that is one: ${JSON.stringify(key.slice(0, 10))}`, async () => {
      const bench = await openShared();
      const answer = await bench.post(key);
      assert.deepEqual(told(answer), [422, 'HTTP_FIELDS_INVALID']);
      assert.equal(bench.runs.length, 0);
    });
  }
});

describe('kept answers', () => {
  it('outlast a restart, and count what is kept anew', async (t) => {
    const { bed } = await open(t);
    const parts = { clock: bed.ca.clock, random: bed.ca.random, keptHours: 1, maxKept: 2 };
    const restarted = (): StoredAnswers => new StoredAnswers({ ...parts, store: bed.ca.store });
    const [id, digest] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    const begun = await restarted().begin(id, digest);
    assert.equal(begun.kind, 'new');
    assert.deepEqual(await restarted().begin(id, digest), { ...begun, kind: 'open' });
    await restarted().finish(id, '{"a":1}');
    assert.deepEqual(await restarted().begin(id, digest), { kind: 'done', answer: '{"a":1}' });
    await restarted().forget(id);
    assert.equal(
      (await restarted().begin(id, digest)).kind,
      'done',
      'what is done is not forgotten',
    );
    await restarted().begin(new Uint8Array(32).fill(3), digest);
    const full = restarted();
    assert.equal((await full.begin(new Uint8Array(32).fill(4), digest)).kind, 'full');
    await full.forget(new Uint8Array(32).fill(3));
    assert.equal((await full.begin(new Uint8Array(32).fill(4), digest)).kind, 'new');
  });
});

describe('the budget of calls', () => {
  it('of an operator is its own, refused with the time to wait, and fills up again', async (t) => {
    const bench = await open(t, { budgets: { operatorCalls: 3 } });
    const ask = (): Promise<ApiAnswer> => bench.bed.ask({ path: '/session', token: bench.token });
    assert.deepEqual(
      [(await ask()).status, (await ask()).status, (await ask()).status],
      [200, 200, 200],
    );
    const refused = await ask();
    assert.deepEqual(told(refused), [429, 'HTTP_TOO_MANY_REQUESTS']);
    assert.equal(refused.headers['retry-after'], '20');
    await bench.bed.ca.clock.advance(19_999);
    assert.equal((await ask()).status, 429);
    await bench.bed.ca.clock.advance(1);
    assert.equal((await ask()).status, 200);
  });

  it('of an address holds for whatever it asks', async (t) => {
    const { bed } = await open(t, { budgets: { addressCalls: 3 } });
    await bed.ask({ path: '/nothing' });
    await bed.ask({ path: '//api/openapi.json' });
    assert.deepEqual(told(await bed.ask({ path: '/nothing' })), [429, 'HTTP_TOO_MANY_REQUESTS']);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import type { ObservedAccess } from '../../src/directory/service.ts';
import type { AnswerCacheStatistics } from '../../src/ldap/answer-cache.ts';
import { attributesOf, openToAll, suffix, system } from '../support/directory-fixture.ts';
import { manager, type ServedDirectory, serveDirectory } from '../support/ldap-directory-client.ts';
import { bindOperation, message, searchOperation } from '../support/ldap-request-bytes.ts';
import type { LdapTestClient } from '../support/ldap-test-client.ts';
import { turnsUntil } from '../support/ldap-test-server.ts';

const unit = (name: string): string => `ou=${name},${suffix}`;
const list = Buffer.alloc(1_000_000, 7);

function statistics({ opened }: ServedDirectory): AnswerCacheStatistics {
  const { answerCache } = opened.server.statistics;
  assert.ok(answerCache !== undefined);
  return answerCache;
}

/** Asks three times, the first for acquaintance, and tells whether the last answer was given again. */
async function isKept(
  served: ServedDirectory,
  operation: Buffer,
  client: LdapTestClient = served.client,
): Promise<boolean> {
  await client.request(operation);
  const first = await client.request(operation);
  const { hits } = statistics(served);
  const second = await client.request(operation);
  const withoutIds = (answers: typeof first) => answers.map((each) => ({ ...each, messageId: 0 }));
  assert.deepEqual(withoutIds(second), withoutIds(first));
  return statistics(served).hits > hits;
}

/** Whether the next answer to the same request is made anew. */
async function isMadeAnew(served: ServedDirectory, operation: Buffer): Promise<boolean> {
  const { hits } = statistics(served);
  await served.client.request(operation);
  return statistics(served).hits === hits;
}

async function serve(
  t: Parameters<typeof serveDirectory>[0],
  options: Parameters<typeof serveDirectory>[1] = {},
  serverOptions: Parameters<typeof serveDirectory>[2] = {},
): Promise<ServedDirectory> {
  const served = await serveDirectory(t, options, serverOptions);
  for (const name of ['a', 'b']) {
    await served.add(unit(name), { objectClass: 'organizationalUnit' });
  }
  return served;
}

const describeUnit = (served: ServedDirectory, name: string, text: string): Promise<unknown> => {
  const change = { operation: 'replace', attribute: 'description', values: [encodeUtf8(text)] };
  return served.directory.modify({ dn: unit(name), changes: [change as never] }, system);
};

describe('an answer that was given before', () => {
  const kept = [
    { why: 'of an entry', search: { base: unit('a') } },
    { why: 'of children', search: { base: suffix, scope: 1 } },
    { why: 'of a subtree', search: { base: suffix, scope: 2 } },
    {
      why: 'without an entry',
      search: { base: unit('a'), filter: Buffer.from('8702736e', 'hex') },
    },
    { why: 'the root DSE', search: { attributes: ['*', '+'] } },
    { why: 'the schema', search: { base: 'cn=Subschema' } },
    { why: 'with operational attributes', search: { base: unit('a'), attributes: ['+'] } },
  ];
  for (const { why, search } of kept) {
    it(`is given again: ${why}`, async (t) => {
      assert.ok(await isKept(await serve(t), searchOperation(search)));
    });
  }

  const made = [
    { why: 'an entry that is not there', search: { base: unit('none') } },
    { why: 'more than the size limit', search: { base: suffix, scope: 2, sizeLimit: 1 } },
  ];
  for (const { why, search } of made) {
    it(`is made anew: ${why}`, async (t) => {
      assert.equal(await isKept(await serve(t), searchOperation(search)), false);
    });
  }

  it('is made anew for a request with controls', async (t) => {
    const served = await serve(t);
    const operation = searchOperation({ base: unit('a') });
    await served.client.request(operation);
    const controls = [{ type: '1.2.3', isCritical: false }];
    for (let count = 0; count < 2; count += 1) {
      const answers = await served.client.request(operation, controls);
      assert.equal(answers.at(-1)?.resultCode, 0);
    }
    assert.equal(statistics(served).hits, 0);
  });

  it('counts like a search', async (t) => {
    const told: ObservedAccess[] = [];
    const served = await serve(t, { observer: { accessed: (access) => void told.push(access) } });
    const client = await served.connectAsManager();
    const operation = searchOperation({ base: suffix, scope: 1 });
    const before = served.directory.statistics;
    assert.ok(await isKept(served, operation, client));
    const after = served.directory.statistics;
    assert.equal(after.searches - before.searches, 3);
    assert.equal(after.entriesReturned - before.entriesReturned, 9);
    const [first, second] = told.slice(-2);
    assert.ok(first !== undefined && second !== undefined);
    assert.deepEqual(second, { ...first, isRepeated: true });
    assert.equal(second.looks, first.looks);
    const { principal } = second.caller;
    assert.ok(principal.kind === 'entry' && principal.dn.text === manager);
  });
});

describe('the root DSE', () => {
  const operation = searchOperation({ attributes: ['supportedSASLMechanisms'] });

  it('is kept for each kind of connection, whose mechanisms it says', async (t) => {
    const served = await serve(t, {}, { mode: 'starttls' });
    const secured = await served.opened.connect();
    await secured.startTls();
    const mechanismsFor = async (client: LdapTestClient): Promise<string> => {
      const [entry] = await client.request(operation);
      return String(entry?.attributes.get('supportedSASLMechanisms'));
    };
    for (let count = 0; count < 3; count += 1) {
      const inClear = await mechanismsFor(served.client);
      assert.notEqual(await mechanismsFor(secured), inClear);
    }
    assert.ok(statistics(served).hits > 0);
  });

  it('is kept whatever is written', async (t) => {
    const served = await serve(t);
    assert.ok(await isKept(served, operation));
    await describeUnit(served, 'a', 'new');
    assert.equal(await isMadeAnew(served, operation), false);
  });
});

describe('an answer is dropped', () => {
  const operation = searchOperation({ base: unit('a'), attributes: ['*', 'numSubordinates'] });
  const plain = searchOperation({ base: unit('a') });
  const child = `cn=x,${unit('a')}`;
  const person = { objectClass: 'person', sn: 'x' };

  it('when its entry changes, and no other is', async (t) => {
    const served = await serve(t);
    const other = searchOperation({ base: unit('b') });
    assert.ok((await isKept(served, plain)) && (await isKept(served, other)));
    await describeUnit(served, 'a', 'new');
    assert.ok(await isMadeAnew(served, plain));
    assert.equal(await isMadeAnew(served, other), false);
    assert.ok(await isKept(served, plain), 'and kept anew');
  });

  it('with the number of children when a child comes or goes; without it, not', async (t) => {
    const served = await serve(t);
    assert.ok((await isKept(served, operation)) && (await isKept(served, plain)));
    await served.add(child, person);
    const [entry] = await served.client.request(operation);
    assert.equal(String(entry?.attributes.get('numSubordinates')), '1');
    assert.equal(await isMadeAnew(served, plain), false);
    await served.directory.delete({ dn: child }, system);
    const [after] = await served.client.request(operation);
    assert.equal(String(after?.attributes.get('numSubordinates')), '0');
  });

  it('when anything below its base changes, down to the last name', async (t) => {
    const served = await serve(t);
    await served.add(child, person);
    const below = searchOperation({ base: suffix, scope: 2 });
    const beside = searchOperation({ base: unit('b'), scope: 2 });
    assert.ok((await isKept(served, below)) && (await isKept(served, beside)));
    await served.directory.delete({ dn: child }, system);
    assert.ok(await isMadeAnew(served, below));
    assert.equal(await isMadeAnew(served, beside), false);
  });

  it('when the CA publishes into its entry', async (t) => {
    const served = await serve(t);
    const { directory, store } = served;
    const dn = `cn=CA,${suffix}`;
    const attributes = attributesOf({ objectClass: ['organizationalRole', 'pkiCA'] });
    await store.transact('test', (transaction) =>
      directory.managed.createEntry(transaction, { dn, attributes, manager: 'gunma' }),
    );
    const search = searchOperation({ base: dn });
    assert.ok(await isKept(served, search));
    let isDroppedBefore = false;
    await store.transact('test', async (transaction) => {
      const values = [encodeUtf8('new')];
      await directory.managed.replaceValues(transaction, dn, {
        description: 'description',
        values,
      });
      isDroppedBefore = await isMadeAnew(served, search);
      assert.ok(await isMadeAnew(served, search), 'nothing is kept before the commit');
    });
    assert.ok(isDroppedBefore);
    const [entry] = await served.client.request(search);
    assert.equal(String(entry?.attributes.get('description')), 'new');
    assert.ok(await isKept(served, search));
  });

  it('and not when a change is refused', async (t) => {
    const served = await serve(t);
    assert.ok(await isKept(served, plain));
    await assert.rejects(served.directory.delete({ dn: unit('none') }, system));
    assert.equal(await isMadeAnew(served, plain), false);
  });

  it('for room: those that nobody asked for again go first', async (t) => {
    const limits = { answerCacheBytes: 40_000 };
    const served = await serve(t, {}, { limits });
    assert.ok(await isKept(served, plain));
    for (let count = 0; count < 200; count += 1) {
      const other = searchOperation({ base: unit('a'), timeLimitS: count + 1 });
      assert.ok((await isMadeAnew(served, other)) && (await isMadeAnew(served, other)));
      assert.equal(await isMadeAnew(served, plain), false);
      assert.ok(statistics(served).bytes <= limits.answerCacheBytes);
    }
    assert.ok(statistics(served).answers > 10);
  });
});

describe('callers who are given the same answers', () => {
  const own: readonly AccessRule[] = [
    { attributes: ['description'], who: { kind: 'self' }, rights: ['search', 'read'] },
    { attributes: ['description'], who: { kind: 'anyone' }, rights: [] },
    ...openToAll,
  ];
  const account = (name: string) => `cn=${name},${suffix}`;

  async function connectAs(served: ServedDirectory, name: string): Promise<LdapTestClient> {
    const client = await served.opened.connect();
    assert.equal((await client.ask(bindOperation(account(name), 'right'))).resultCode, 0);
    return client;
  }

  it('share them, and what each sees of itself they do not', async (t) => {
    const served = await serve(t, { access: own });
    const clients: LdapTestClient[] = [];
    for (const name of ['x', 'y']) {
      await served.add(account(name), {
        objectClass: ['organizationalRole', 'simpleSecurityObject'],
        description: name,
        userPassword: 'right',
      });
      clients.push(await connectAs(served, name));
    }
    for (const scope of [0, 2]) {
      for (const [index, client] of clients.entries()) {
        const base = scope === 0 ? account('x') : suffix;
        for (let count = 0; count < 2; count += 1) {
          const answers = await client.request(searchOperation({ base, scope }));
          const descriptions = answers.flatMap(
            ({ attributes }) => attributes.get('description') ?? [],
          );
          const isOwn = scope === 2 || index === 0;
          assert.deepEqual(descriptions.map(String), isOwn ? [['x', 'y'][index]] : []);
        }
      }
    }
    const [one, other] = clients;
    assert.ok(one !== undefined && other !== undefined);
    const operation = searchOperation({ base: unit('a') });
    await one.request(operation);
    await one.request(operation);
    const { hits } = statistics(served);
    await other.request(operation);
    assert.equal(statistics(served).hits, hits + 1);
  });
});

describe('a large answer', () => {
  it('is in memory once, however many read it slowly', async (t) => {
    const served = await serve(t);
    const change = { operation: 'replace', attribute: 'description', values: [list] } as const;
    await served.directory.modify({ dn: unit('a'), changes: [change] }, system);
    const operation = searchOperation({ base: unit('a') });
    assert.ok(await isKept(served, operation));
    const before = process.memoryUsage().arrayBuffers;
    const readers = await Promise.all(Array.from({ length: 30 }, () => served.opened.connect()));
    for (const reader of readers) {
      reader.pause();
      reader.send(...Array.from({ length: 8 }, (_, id) => message(id + 1, operation)));
    }
    await turnsUntil(() => statistics(served).hits >= 30);
    const taken = process.memoryUsage().arrayBuffers - before;
    assert.ok(taken < 8_000_000, `${taken} bytes taken for 30 MB and more on their way`);
    await describeUnit(served, 'a', 'new');
    for (const reader of readers.slice(0, 3)) {
      reader.resume();
      const entry = await reader.next();
      assert.ok(entry.attributes.get('description')?.[0]?.equals(list));
    }
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { HiddenLists } from '../../src/app/hidden-lists.ts';
import type { ReadPermissions } from '../../src/directory/access/read-permissions.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

const scopes = Array.from({ length: 200 }, (_, index) => ({
  ...{ id: String(index), dn: `cn=${index}`, attribute: 'certificateRevocationList' },
})) as unknown as ConstructorParameters<typeof HiddenLists>[0];

/** Permissions over these lists that count how often they are asked. */
function open(readable: Set<string>, eyes = 'someone'): ReadPermissions & { asked: number } {
  return {
    eyes,
    asked: 0,
    async allows(dn) {
      this.asked += 1;
      return readable.has(dn.slice('cn='.length));
    },
  };
}

const everything = (): Set<string> => new Set(scopes.map(({ id }) => id));

describe('a list that a caller may not read', () => {
  it('is found, and asked about once each time afterwards', async () => {
    const readable = everything();
    readable.delete('150');
    const hidden = new HiddenLists(scopes, new SimulatedClock(0));
    const permissions = open(readable);
    assert.equal((await hidden.find(permissions))?.id, '150');
    assert.equal(permissions.asked, 151);
    for (let turn = 1; turn <= 3; turn += 1) {
      assert.equal((await hidden.find(permissions))?.id, '150');
      assert.equal(permissions.asked, 151 + turn);
    }
  });

  it('is another one once it may be read', async () => {
    const readable = everything();
    readable.delete('3');
    const hidden = new HiddenLists(scopes, new SimulatedClock(0));
    assert.equal((await hidden.find(open(readable)))?.id, '3');
    readable.add('3');
    readable.delete('7');
    assert.equal((await hidden.find(open(readable)))?.id, '7');
  });

  it('is not there for who may read them all, which is asked again after a minute', async () => {
    const readable = everything();
    const clock = new SimulatedClock(0);
    const hidden = new HiddenLists(scopes, clock);
    const permissions = open(readable);
    assert.equal(await hidden.find(permissions), undefined);
    assert.equal(permissions.asked, 200);
    await clock.advance(59_999);
    assert.equal(await hidden.find(permissions), undefined);
    assert.equal(permissions.asked, 200);
    readable.delete('199');
    await clock.advance(1);
    assert.equal((await hidden.find(permissions))?.id, '199');
  });

  it('is each caller’s own', async () => {
    const hidden = new HiddenLists(scopes, new SimulatedClock(0));
    assert.equal(await hidden.find(open(everything(), 'all')), undefined);
    assert.equal((await hidden.find(open(new Set(), 'nothing')))?.id, '0');
    assert.equal((await hidden.find(open(new Set(['0']), 'one')))?.id, '1');
  });
});

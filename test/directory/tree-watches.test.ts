import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type TreeWatch, TreeWatches } from '../../src/directory/entries/tree-watches.ts';
import { Dn } from '../../src/directory/names/dn.ts';
import type { Transaction } from '../../src/store/store.ts';
import { shippedSchema } from '../support/directory-fixture.ts';

const schema = await shippedSchema();
const keyOf = (dn: string): Uint8Array => Dn.parse(dn, schema).key;

/** A transaction as far as watches look at it. */
function transactionOf(): { readonly transaction: Transaction; settle(): void } {
  const listeners: (() => void)[] = [];
  const onSettled = (listener: () => void) => listeners.push(listener);
  return {
    transaction: { onSettled } as unknown as Transaction,
    settle: () => {
      for (const listener of listeners) {
        listener();
      }
    },
  };
}

function watchOn(watches: TreeWatches, dn: string, isSubtree: boolean): TreeWatch {
  const watch = watches.watch(keyOf(dn), isSubtree);
  assert.ok(watch !== undefined, `${dn} can be watched`);
  return watch;
}

describe('TreeWatches', () => {
  const rows = [
    { on: 'ou=a,c=JP', isSubtree: false, written: 'ou=a,c=JP', isOutdated: true },
    { on: 'ou=a,c=JP', isSubtree: true, written: 'ou=a,c=JP', isOutdated: true },
    { on: 'ou=a,c=JP', isSubtree: false, written: 'cn=x,ou=a,c=JP', isOutdated: false },
    { on: 'ou=a,c=JP', isSubtree: true, written: 'cn=x,ou=a,c=JP', isOutdated: true },
    { on: 'c=JP', isSubtree: true, written: 'cn=x,ou=a,c=JP', isOutdated: true },
    { on: '', isSubtree: true, written: 'cn=x,ou=a,c=JP', isOutdated: true },
    { on: 'ou=a,c=JP', isSubtree: true, written: 'c=JP', isOutdated: false },
    { on: 'ou=a,c=JP', isSubtree: true, written: 'ou=ab,c=JP', isOutdated: false },
    { on: 'ou=a,c=JP', isSubtree: true, written: 'ou=b,c=JP', isOutdated: false },
  ];
  for (const { on, isSubtree, written, isOutdated } of rows) {
    const what = isSubtree ? 'subtree' : 'entry';
    it(`${what} "${on}", written ${written}: ${isOutdated ? '' : 'not '}outdated`, () => {
      const watches = new TreeWatches();
      const { transaction, settle } = transactionOf();
      const watch = watchOn(watches, on, isSubtree);
      let told = 0;
      watch.onOutdated = () => {
        told += 1;
      };
      watches.written(transaction, keyOf(written));
      watches.written(transaction, keyOf(written));
      assert.equal(watch.isOutdated, isOutdated);
      assert.equal(told, isOutdated ? 1 : 0);
      assert.equal(watches.watch(keyOf(on), isSubtree) === undefined, isOutdated);
      settle();
      assert.equal(watchOn(watches, on, isSubtree).isOutdated, false);
    });
  }

  it('tell nobody who has closed', () => {
    const watches = new TreeWatches();
    const watch = watchOn(watches, 'c=JP', false);
    watch.onOutdated = () => assert.fail('closed');
    watch.close();
    watches.written(transactionOf().transaction, keyOf('c=JP'));
    assert.equal(watch.isOutdated, false);
  });

  it('take a transaction that writes very many entries for one that writes all', () => {
    const watches = new TreeWatches();
    const { transaction, settle } = transactionOf();
    const watch = watchOn(watches, 'ou=far,c=JP', false);
    for (let count = 0; count < 1_000; count += 1) {
      watches.written(transaction, keyOf(`cn=${count},c=JP`));
    }
    assert.equal(watch.isOutdated, false);
    watches.written(transaction, keyOf('cn=one more,c=JP'));
    assert.ok(watch.isOutdated);
    assert.equal(watches.watch(keyOf('ou=far,c=JP'), false), undefined);
    settle();
    watchOn(watches, 'ou=far,c=JP', false);
  });
});

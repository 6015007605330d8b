/**
 * What `certdir check` finds wrong with the generations of the CA's key: each fault, put into the store behind the
 * engine's back.
 */

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import {
  type AuthorityRecord,
  encodeAuthorityRecord,
  type KeyGeneration,
} from '../../src/ca/records/authority-record.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import { faultsOf } from '../support/ca-consistency.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';

describe('the keys of a CA that was renewed', () => {
  let bed: CaTestBed;
  let record: AuthorityRecord;

  const ends: (() => unknown)[] = [];
  before(async () => {
    bed = await CaTestBed.open({ after: (end) => ends.push(end) });
    await bed.issue();
    await bed.ca.renewal.prepare(tester);
    await bed.ca.renewal.switchOver(tester);
    await bed.issue();
    ({ record } = bed.ca.authorities);
  });
  after(async () => {
    for (const end of ends.toReversed()) {
      await end();
    }
  });

  async function found(generations: readonly KeyGeneration[]): Promise<readonly string[]> {
    const tables = new CaTables('gunma');
    const write = (value: AuthorityRecord): Promise<void> =>
      bed.store.transact('test: keys', async (transaction) => {
        transaction.put(tables.authority, encodeAuthorityRecord(value));
      });
    await write({ ...record, generations });
    const faults = await faultsOf(bed);
    await write(record);
    assert.ok(faults.every(({ code }) => code === 'CA_INCONSISTENT'));
    return faults.map(({ subject, message }) => `${subject}: ${message}`);
  }

  const changed = (
    first: Partial<KeyGeneration>,
    second: Partial<KeyGeneration>,
  ): readonly KeyGeneration[] => {
    const [one, two] = record.generations;
    assert(one !== undefined && two !== undefined);
    return [
      { ...one, ...first },
      { ...two, ...second },
    ];
  };

  it('are found to be right', async () => {
    assert.deepEqual(await found(record.generations), []);
  });

  const rows: readonly {
    readonly why: string;
    readonly make: () => readonly KeyGeneration[];
    readonly says: RegExp;
  }[] = [
    {
      why: 'none that issues',
      make: () => changed({ state: 'retired' }, { state: 'retiring' }),
      says: /authority: 0 generations of the key are current/,
    },
    {
      why: 'two that issue',
      make: () => changed({ state: 'current' }, { state: 'current' }),
      says: /authority: 2 generations of the key are current/,
    },
    {
      why: 'an older one that issues after a newer one',
      make: () => changed({ state: 'current' }, { state: 'retiring' }),
      says: /authority: an older generation of the key is in use after a newer one/,
    },
    {
      why: 'a gap in their numbers',
      make: () => changed({}, { number: 3 }),
      says: /authority: the generations of the key are not numbered/,
    },
    {
      why: 'links in the wrong places',
      make: () => {
        const { links } = record.generations[1] ?? assert.fail();
        assert(links !== undefined);
        const swapped = { oldWithNew: links.newWithOld, newWithOld: links.oldWithNew };
        return changed({}, { links: swapped });
      },
      says: /gunma-ca-2: OldWithNew is of another key/,
    },
    {
      why: 'links of the first key, which lead to nothing',
      make: () => {
        const { links } = record.generations[1] ?? assert.fail();
        assert(links !== undefined);
        return changed({ links }, {});
      },
      says: /gunma-ca-1: links lead to no older key/,
    },
    {
      why: 'a certificate that is another key’s',
      make: () => changed({}, { certificate: record.generations[0]?.certificate ?? assert.fail() }),
      says: /gunma-ca-2: its certificate is in the register under another key/,
    },
    {
      why: 'links that nobody can see',
      make: () => {
        const [one, two] = record.generations;
        assert(one !== undefined && two !== undefined);
        const { links: _hidden, ...bare } = two;
        return [one, bare];
      },
      says: /cACertificate: the CA's entry does not show/,
    },
  ];
  for (const { why, make, says } of rows) {
    it(`are not: ${why}`, async () => {
      assert.match((await found(make())).join('\n'), says);
    });
  }

  it('are not: a certificate that is missing in the CA’s entry', async () => {
    const dn = smallGunma.names.issuer;
    const values = await bed.published(dn, 'cACertificate');
    const write = (some: readonly Uint8Array[]): Promise<void> =>
      bed.store.transact('test: entry', (transaction) =>
        bed.directory.managed.replaceValues(transaction, dn, {
          description: 'cACertificate',
          values: some,
        }),
      );
    await write(values.slice(1));
    const faults = await faultsOf(bed);
    await write(values);
    assert.deepEqual(
      faults.map(({ subject }) => subject),
      ['cACertificate'],
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { CaTables } from '../../src/ca/records/ca-tables.ts';
import type { RequestRecord } from '../../src/ca/requests/request-record.ts';
import { encodeRequestRecord, parseRequestRecord } from '../../src/ca/requests/request-record.ts';
import { faultsOf } from '../support/ca-consistency.ts';
import { PeopleBed } from '../support/people-bed.ts';
import { citizen } from '../support/request-inputs.ts';

describe('what is stored of requests', () => {
  it('fits together, and what does not is found', async (t) => {
    const people = await PeopleBed.open(t);
    const { bed } = people;
    const { requests } = bed.ca;
    const reception = people.as('municipalReception');
    const open = await requests.submit({ kind: 'issue', input: citizen() }, reception);
    const { id, hash } = await requests.submit({ kind: 'issue', input: citizen() }, reception);
    await requests.examine({ id }, people.as('municipalExaminer'));
    await requests.approve({ id, hash }, people.as('municipalApprover'));
    assert.deepEqual(await faultsOf(bed), []);
    const tables = new CaTables(bed.policy.id);
    const nothing = new Uint8Array(0);
    const edited = (key: string, edit: (request: RequestRecord) => RequestRecord) => async () => {
      await bed.store.transact('test: edit', async (transaction) => {
        const bytes = (await transaction.read(tables.request(key))) ?? nothing;
        transaction.put(tables.request(key), encodeRequestRecord(edit(parseRequestRecord(bytes))));
      });
    };
    const rows = [
      {
        why: 'another input',
        key: open.id,
        edit: edited(open.id, (one) => ({ ...one, input: {} })),
      },
      { why: 'another id', key: open.id, edit: edited(open.id, (one) => ({ ...one, id: 'x' })) },
      {
        why: 'a state',
        key: open.id,
        edit: edited(open.id, (one) => ({ ...one, state: 'rejected' })),
      },
      {
        why: 'a result',
        key: id,
        edit: edited(id, (one) => ({ ...one, result: { serialNumber: '12' } })),
      },
      {
        ...{ why: 'no record', key: 'x' },
        edit: () =>
          bed.store.transact('test: edit', async (transaction) => {
            transaction.put(tables.openRequest('x'), nothing);
          }),
      },
      {
        ...{ why: 'bytes', key: open.id },
        edit: () =>
          bed.store.transact('test: edit', async (transaction) => {
            transaction.put(tables.request(open.id), Buffer.from('{}'));
          }),
      },
    ];
    for (const { why, key, edit } of rows) {
      const snapshot = bed.store.snapshot();
      const before = await snapshot.read(tables.request(key));
      await snapshot.close();
      await edit();
      assert.ok(
        (await faultsOf(bed)).some((fault) => JSON.stringify(fault).includes(key)),
        why,
      );
      await bed.store.transact('test: mend', async (transaction) => {
        if (before === undefined) {
          transaction.delete(tables.openRequest(key));
        } else {
          transaction.put(tables.request(key), before);
        }
      });
    }
    assert.deepEqual(await faultsOf(bed), []);
  });
});

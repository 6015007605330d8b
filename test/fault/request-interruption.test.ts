/**
 * The process dies at any transaction of a request's way, before it is durable or after it but before anyone is told. After the
 * restart it goes on: everybody says again what they said, and there is one request, one certificate, one record of its end.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Store } from '../../src/store/store.ts';
import { assertConsistent } from '../support/ca-consistency.ts';
import { MortalStore } from '../support/mortal-store.ts';
import { PeopleBed } from '../support/people-bed.ts';
import { citizen } from '../support/request-inputs.ts';

describe('a request whose process dies', () => {
  it('anywhere goes on after the restart, and is carried out once', async (t) => {
    const stores: MortalStore[] = [];
    const wrapStore = (store: Store): Store => {
      const mortal = new MortalStore(store);
      stores.push(mortal);
      return mortal;
    };
    const people = await PeopleBed.open(t, { wrapStore });
    const { bed } = people;
    const newest = (): MortalStore => stores.at(-1) ?? assert.fail();
    /** What the three would say over the API, with the keys of their tries. */
    const work = async (submission: { readonly input: unknown; readonly key: string }) => {
      const { requests } = bed.ca;
      const { id, hash } = await requests.submit(
        { kind: 'issue', ...submission },
        people.as('municipalReception'),
      );
      await requests.examine({ id }, people.as('municipalExaminer'));
      return await requests.approve({ id, hash }, people.as('municipalApprover'));
    };
    let made = 0;
    const next = (): { readonly input: unknown; readonly key: string } => {
      made += 1;
      return { input: citizen(), key: `key ${made}` };
    };
    const before = newest().transactions;
    await work(next());
    const count = newest().transactions - before;
    // Received, examined, approved; number reserved, certificate and end of the request in one.
    assert.equal(count, 5);
    for (const moment of ['before', 'after'] as const) {
      for (let countdown = 0; countdown < count; countdown += 1) {
        const submission = next();
        newest().arm(countdown, moment);
        const outcome: string = await work(submission).then(
          ({ state }) => state,
          (error: Error) => error.name,
        );
        // Whoever finds it done although the last answer was lost says so.
        const isDone: boolean = moment === 'after' && countdown === count - 1;
        assert.equal(outcome, isDone ? 'executed' : 'StoreError', `${moment} ${countdown}`);
        await bed.reopen();
        await bed.ca.requests.resume();
        assert.deepEqual(bed.ca.requests.interrupted, []);
        const done = await work(submission);
        assert.equal(done.state, 'executed', `${moment} ${countdown}`);
        const serialNumber = BigInt(`0x${String(done.result?.['serialNumber'])}`);
        assert.equal((await bed.ca.findCertificate(serialNumber))?.state, 'good');
      }
    }
    for (const kind of ['request.receive', 'request.done', 'certificate.issue']) {
      const ends = (await bed.records(kind)).filter(({ result }) => result === 'done');
      assert.equal(ends.length, made, kind);
    }
    await assertConsistent(bed);
  });
});

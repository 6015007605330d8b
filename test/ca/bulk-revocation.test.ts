/**
 * Many revocations: in groups of one transaction, from a file of any length, again after an interruption.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import { GROUP_SIZE, revokeInGroups } from '../../src/ca/certificates/bulk-revocation.ts';
import type { RevocationOrder } from '../../src/ca/certificates/revocation-group.ts';
import { formatSerialNumber } from '../../src/ca/certificates/serial-number.ts';
import { LocalRevocations } from '../../src/http/local-revocation-operations.ts';
import type { RevokeManyEvent } from '../../src/http/revocation-operations.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { addIssued } from '../support/ca-load.ts';
import { CaTestBed, collect, tester } from '../support/ca-test-bed.ts';

const reason = 'keyCompromise';

/** A CA with `count` certificates in the scope 10201. */
async function open(
  t: TestContext,
  count: number,
): Promise<{ readonly bed: CaTestBed; readonly serials: readonly bigint[] }> {
  const bed = await CaTestBed.open(t);
  const serials: bigint[] = [];
  const { ca, store, random } = bed;
  const onSerial = (serialNumber: bigint): void => {
    serials.push(serialNumber);
  };
  await addIssued({ ca, store, random }, await bed.issue(), { count, onSerial });
  await bed.clock.advance(2_000);
  return { bed, serials };
}

function ordersOf(serials: readonly bigint[]): readonly RevocationOrder[] {
  return serials.map((serialNumber) => ({ serialNumber, reason }));
}

async function runFile(
  bed: CaTestBed,
  text: string,
  given: string | null = reason,
): Promise<readonly RevokeManyEvent[]> {
  const operations = new LocalRevocations({
    authority: bed.ca,
    record: (event) =>
      bed.store.transact('test', (transaction) => bed.options.audit.append(transaction, event)),
  });
  const source = async function* source(): AsyncGenerator<Uint8Array> {
    // In pieces that end anywhere.
    for (let at = 0; at < text.length; at += 37) {
      yield Buffer.from(text.slice(at, at + 37));
    }
  };
  const input = { source: source(), ...(given === null ? {} : { reason: given }) };
  return await collect(operations.revokeMany(input, { name: 'tester' }));
}

describe('revocations in groups', () => {
  it('are each as if it had been revoked by itself: status, entry, record', async (t) => {
    const { bed, serials } = await open(t, GROUP_SIZE + 3);
    const run = revokeInGroups({ orders: ordersOf(serials), origin: tester }, (group) =>
      bed.ca.revokeGroup(group),
    );
    const steps = await collect(run);
    assert.deepEqual(steps.at(-1)?.tally, {
      ...{ read: GROUP_SIZE + 3, revoked: GROUP_SIZE + 3, alreadyRevoked: 0, refused: 0 },
    });
    const records = (await bed.records('certificate.revoke')).map(({ subject }) => subject);
    assert.deepEqual(records, serials.map(formatSerialNumber));
    const list = await bed.ca.publish('10201', tester);
    assert.equal(list.entryCount, GROUP_SIZE + 3);
    for (const serialNumber of serials) {
      assert.equal((await bed.ca.findCertificate(serialNumber))?.state, 'revoked');
    }
    assert.equal((await bed.ca.status()).revokedCount, GROUP_SIZE + 3);
  });

  it('go on where they were interrupted, and count what was revoked before', async (t) => {
    const { bed, serials } = await open(t, 2 * GROUP_SIZE + 5);
    const orders = ordersOf(serials);
    let groups = 0;
    const first = revokeInGroups({ orders, origin: tester }, async (group) => {
      groups += 1;
      if (groups > 1) {
        throw new Error('interrupted');
      }
      return await bed.ca.revokeGroup(group);
    });
    await assert.rejects(collect(first), { message: 'interrupted' });
    await bed.reopen();
    const second = await collect(
      revokeInGroups({ orders, origin: tester }, (group) => bed.ca.revokeGroup(group)),
    );
    assert.deepEqual(second.at(-1)?.tally, {
      ...{ read: orders.length, revoked: GROUP_SIZE + 5, alreadyRevoked: GROUP_SIZE, refused: 0 },
    });
    assert.equal((await bed.records('certificate.revoke')).length, orders.length);
  });

  it('revoke a number that is named twice once', async (t) => {
    const { bed, serials } = await open(t, 1);
    const outcome = await bed.ca.revokeGroup({
      orders: ordersOf([...serials, ...serials]),
      origin: tester,
    });
    assert.equal(outcome.revoked.length, 1);
    assert.deepEqual(
      outcome.refused.map(({ error }) => error.code),
      ['CA_ALREADY_REVOKED'],
    );
  });

  it('do not take the certificate of the CA itself', async (t) => {
    const { bed } = await open(t, 1);
    const orders = ordersOf([bed.ca.certificate.serialNumber]);
    const outcome = await bed.ca.revokeGroup({ orders, origin: tester });
    assert.deepEqual(
      outcome.refused.map(({ error }) => error.code),
      ['CA_NOT_REVOCABLE'],
    );
  });

  it('have each list that does not wait made once, at the end', async (t) => {
    const { bed, serials } = await open(t, 3);
    const urgent: string[] = [];
    bed.ca.onUrgentRevocation((scopeId) => urgent.push(scopeId));
    for (const serialNumber of serials) {
      const orders = [{ serialNumber, reason: 'cACompromise' } as const];
      await bed.ca.revokeGroup({ orders, origin: tester });
    }
    assert.deepEqual(urgent, []);
    assert.ok(bed.ca.dueScopes(bed.clock.nowMs()).includes('10201'));
    bed.ca.announceGroups();
    assert.deepEqual(urgent, ['10201']);
  });
});

describe('a file of certificates', () => {
  it('names them by number, with or without a reason, or in PEM', async (t) => {
    const { bed, serials } = await open(t, 2);
    const issued = await bed.issue();
    const [first = 0n, second = 0n] = serials.map(formatSerialNumber);
    const pem = encodePem('CERTIFICATE', issued.certificate.der);
    const events = await runFile(
      bed,
      `# stolen\r\n\r\n${first}\r\n${second}, superseded\n${pem}${first}`,
    );
    assert.deepEqual(events.at(-1), {
      ...{ kind: 'end', read: 4, revoked: 3, alreadyRevoked: 1, faults: 0 },
    });
    const reasons = (await bed.records('certificate.revoke')).map(
      ({ details }) => details?.['reason'],
    );
    assert.deepEqual(reasons, [reason, 'superseded', reason]);
    const [run] = await bed.records('certificate.revoke-many');
    assert.equal(run?.result, 'done');
    assert.match(run?.request ?? '', /^[0-9a-f]{64}$/);
  });

  it('has each fault told with its line, and the others revoked', async (t) => {
    const { bed, serials } = await open(t, 1);
    const issued = await bed.issue();
    const foreign = encodePem('CERTIFICATE', bed.ca.certificate.der);
    const lines = [
      'nonsense',
      'ABCD',
      formatSerialNumber(serials[0] ?? 0n),
      `${formatSerialNumber(issued.serialNumber)} becauseISaySo`,
      `${formatSerialNumber(issued.serialNumber)} superseded twice`,
      foreign.trimEnd(),
      '-----BEGIN CERTIFICATE-----',
    ];
    const events = await runFile(bed, lines.join('\n'));
    const faults = events.flatMap((event) =>
      event.kind === 'fault' ? [[event.line, event.code]] : [],
    );
    const pemLines = foreign.trimEnd().split('\n').length;
    assert.deepEqual(
      [...faults].sort(([left], [right]) => Number(left) - Number(right)),
      [
        [1, 'CA_SERIAL_MALFORMED'],
        [2, 'CA_SERIAL_UNKNOWN'],
        [4, 'CA_REASON_NOT_ALLOWED'],
        [5, 'HTTP_REQUEST_INVALID'],
        [6, 'CA_NOT_REVOCABLE'],
        [6 + pemLines, 'X509_PEM'],
      ],
    );
    assert.deepEqual(events.at(-1), {
      ...{ kind: 'end', read: 7, revoked: 1, alreadyRevoked: 0, faults: 6 },
    });
  });

  it('that gives another certificate under a number of ours revokes nothing', async (t) => {
    const { bed, serials } = await open(t, 1);
    const issued = await bed.issue();
    const orders = [
      { serialNumber: serials[0] ?? 0n, reason, der: Uint8Array.of(0x30, 0x00) } as const,
      { serialNumber: issued.serialNumber, reason, der: issued.certificate.der } as const,
    ];
    const outcome = await bed.ca.revokeGroup({ orders, origin: tester });
    assert.deepEqual(
      outcome.refused.map(({ error }) => error.code),
      ['CA_SERIAL_UNKNOWN'],
    );
    assert.equal(outcome.revoked.length, 1);
  });

  it('needs a reason, and one that the policy has', async (t) => {
    const { bed, serials } = await open(t, 1);
    const text = formatSerialNumber(serials[0] ?? 0n);
    const events = await runFile(bed, text, null).catch(() => []);
    assert.equal(events.find(({ kind }) => kind === 'fault')?.kind, 'fault');
    await assert.rejects(runFile(bed, text, 'certificateHold'), { code: 'CA_REASON_NOT_ALLOWED' });
    assert.equal((await bed.ca.findCertificate(serials[0] ?? 0n))?.state, 'good');
  });

  it('without lines, or with one that has no end, is refused before it fills the memory', async (t) => {
    const { bed } = await open(t, 1);
    await assert.rejects(runFile(bed, 'A'.repeat(2_000)), { code: 'HTTP_REQUEST_INVALID' });
    await assert.rejects(runFile(bed, 'x\n'.repeat(1_002)), { code: 'HTTP_REQUEST_INVALID' });
    const [run] = await bed.records('certificate.revoke-many');
    assert.equal(run?.result, 'failed');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { EntryFacts } from '../../src/ca/lists/entry-facts.ts';
import { EntryGate } from '../../src/ca/lists/entry-gate.ts';
import { EntryLook } from '../../src/ca/lists/entry-look.ts';
import { encodeRevokedEntry } from '../../src/x509/certificate-list.ts';

const SINCE_MS = Date.UTC(2026, 0, 5);
const reason = 4;

/** As many entries, each on record as it stands in the list. */
async function look(count: number): Promise<{ readonly gate: EntryGate; readonly turns: number }> {
  const name = Uint8Array.of(1);
  const gate = new EntryGate({
    ...{ scope: '10201', isFull: false, distributionPointDer: name },
    ...{ previousSequence: 0n, lastRegular: undefined },
  });
  const facts: Pick<EntryFacts, 'added'> = {
    added: async ({ serialNumber }) => ({
      ...{ serialNumber, revocationMs: SINCE_MS, reason },
      certificate: { scope: '10201', distributionPointDer: name, isOfKey: true },
      revocation: { sinceMs: SINCE_MS, reason, sequence: serialNumber },
    }),
  };
  const bytes = Buffer.concat(
    Array.from({ length: count }, (_none, index) =>
      encodeRevokedEntry({ serialNumber: BigInt(index + 1), revokedMs: SINCE_MS, reason }),
    ),
  );
  let turns = 0;
  let isOver = false;
  const tick = (): void => {
    turns += 1;
    if (!isOver) {
      setImmediate(tick);
    }
  };
  setImmediate(tick);
  const reasons = await new EntryLook(facts as EntryFacts, gate).atAdded(bytes);
  isOver = true;
  assert.equal(reasons, count === 0 ? 0 : 1 << reason);
  return { gate, turns };
}

describe('looking at the entries of a list', () => {
  for (const count of [0, 1, 511, 512, 513, 4095, 4096, 4097]) {
    it(`tells the gate of each of ${count}, in their order`, async () => {
      const { addedCount, lastSequence, faults } = (await look(count)).gate.findings();
      assert.deepEqual([addedCount, lastSequence], [count, BigInt(count)]);
      assert.deepEqual([...faults], []);
    });
  }

  it('lets others have their turn while entries are taken apart, looked up, and told', async () => {
    const { turns } = await look(4096);
    // 64 look-ups in a turn; taken apart and told 512 in a turn.
    assert.ok(turns >= 4096 / 64 + 2 * (4096 / 512) - 2, `${turns} turns`);
  });
});

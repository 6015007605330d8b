import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { compareLists } from '../../src/ca/lists/list-comparison.ts';
import { concatBytes } from '../../src/core/bytes.ts';
import { encodeRevokedEntry } from '../../src/x509/certificate-list.ts';
import { RevokedEntryCursor } from '../../src/x509/certificate-list-cursor.ts';

const revokedMs = Date.UTC(2026, 0, 5);

/** A list of serial numbers; a negative one stands for the same serial with another reason. */
function list(...numbers: readonly number[]) {
  const entries = numbers.map((number) =>
    encodeRevokedEntry({
      serialNumber: BigInt(Math.abs(number)),
      revokedMs,
      reason: number < 0 ? 3 : 1,
    }),
  );
  return { cursor: () => new RevokedEntryCursor(concatBytes(...entries)) };
}

describe('comparing two lists', () => {
  const rows = [
    { why: 'nothing changes', older: [1, 2], newer: [1, 2], added: [], dropped: [] },
    { why: 'both are empty', older: [], newer: [], added: [], dropped: [] },
    { why: 'entries come', older: [1], newer: [1, 2, 3], added: [2, 3], dropped: [] },
    { why: 'the first come', older: [], newer: [1, 2], added: [1, 2], dropped: [] },
    { why: 'the first leaves', older: [1, 2, 3], newer: [2, 3], added: [], dropped: [1] },
    { why: 'one in the middle leaves', older: [1, 2, 3], newer: [1, 3], added: [], dropped: [2] },
    { why: 'the last leaves', older: [1, 2], newer: [1], added: [], dropped: [2] },
    { why: 'all leave', older: [1, 2], newer: [], added: [], dropped: [1, 2] },
    { why: 'one leaves and one comes', older: [1, 2], newer: [2, 3], added: [3], dropped: [1] },
    {
      why: 'the last leaves and one comes',
      older: [1, 2],
      newer: [1, 3],
      added: [3],
      dropped: [2],
    },
    { why: 'an entry is altered', older: [1, 2], newer: [1, -2], added: [2], dropped: [2] },
    { why: 'two change places', older: [1, 2], newer: [2, 1], added: [1], dropped: [1] },
    { why: 'an entry is doubled', older: [1], newer: [1, 1], added: [1], dropped: [] },
  ];
  for (const { why, older, newer, added, dropped } of rows) {
    it(`sees that ${why}`, () => {
      const difference = compareLists(list(...older), list(...newer));
      assert.deepEqual(
        difference.added.map(({ serialNumber }) => serialNumber),
        added.map(BigInt),
      );
      assert.deepEqual(difference.dropped, dropped.map(BigInt));
    });
  }

  it('takes everything for new before the first list', () => {
    assert.deepEqual(compareLists(undefined, list(1, -2)), {
      added: [
        { serialNumber: 1n, revocationMs: revokedMs, reason: 1 },
        { serialNumber: 2n, revocationMs: revokedMs, reason: 3 },
      ],
      dropped: [],
    });
  });

  it('tells an entry without a reason as one without', () => {
    const entry = encodeRevokedEntry({ serialNumber: 1n, revokedMs });
    const { added } = compareLists(undefined, { cursor: () => new RevokedEntryCursor(entry) });
    assert.deepEqual(added, [{ serialNumber: 1n, revocationMs: revokedMs }]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { GateErrorCode } from '../../src/ca/errors.ts';
import type { ListFacts, PublicationFacts } from '../../src/ca/lists/gate-facts.ts';
import { checkPublication } from '../../src/ca/lists/publish-gate.ts';

const HOUR = 3_600_000;
const thisUpdateMs = Date.UTC(2026, 0, 6, 4, 0, 1);
const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');

/** A delta list with a revocation and a hold that was released: everything in order. */
const good: PublicationFacts = {
  scope: '10201',
  nowMs: thisUpdateMs + 500,
  delta: {
    base: { number: 7n, thisUpdateMs: thisUpdateMs - 4 * HOUR },
    removedCount: 1,
    removalFault: undefined,
  },
  list: {
    number: 9n,
    thisUpdateMs,
    nextUpdateMs: thisUpdateMs + 12 * HOUR,
    nextPublishMs: undefined,
    issuerDer: bytes('issuer'),
    authorityKey: { keyIdentifier: bytes('key'), issuerDer: undefined, serialNumber: undefined },
    isSignatureValid: true,
    distributionPoint: {
      isCritical: true,
      nameDer: bytes('point'),
      hasName: true,
      onlyContains: 'user',
      isLimited: false,
    },
    isDelta: true,
    deltaIndicator: { baseNumber: 7n, isCritical: true },
    entryCount: 2,
    hasEntriesField: true,
    reasons: new Set([1, 8]),
  },
  meant: { number: 9n, thisUpdateMs, entryCount: 2 },
  expected: {
    onlyContains: 'user',
    isFull: false,
    distributionPointDer: bytes('point'),
    issuerDer: bytes('issuer'),
    keyIdentifier: bytes('key'),
    certificateSerialNumber: undefined,
    allowedReasons: new Set([1]),
    validityMs: 12 * HOUR,
    nextPublishMs: undefined,
    longestWaitMs: 26 * HOUR,
  },
  stored: {
    counter: 8n,
    acknowledgedSequence: 3n,
    liveEntries: 30,
    liveInTotal: 90,
    liveInAllScopes: undefined,
    ownerId: 'us',
    isNewListArchived: true,
    isPreviousListArchived: true,
  },
  ownerId: 'us',
  previous: { thisUpdateMs: thisUpdateMs - HOUR, sequence: 2n },
  lastRegular: undefined,
  includedSequence: 3n,
  waitingSinceMs: thisUpdateMs - HOUR,
  entries: {
    addedCount: 1,
    servedCount: 0,
    oldestAddedMs: thisUpdateMs - HOUR,
    passedOverCount: 0,
    hasHolds: false,
    lastSequence: 3n,
    faults: new Map(),
  },
  isCarriedOver: true,
  entryNameDer: bytes('point'),
};

const list = (change: Partial<ListFacts>): PublicationFacts => ({
  ...good,
  list: { ...good.list, ...change },
});
const stored = (change: Partial<PublicationFacts['stored']>): PublicationFacts => ({
  ...good,
  stored: { ...good.stored, ...change },
});
const delta = (change: Partial<NonNullable<PublicationFacts['delta']>>): PublicationFacts => ({
  ...good,
  delta: {
    base: { number: 7n, thisUpdateMs: 0 },
    removedCount: 1,
    removalFault: undefined,
    ...change,
  },
});
const { distributionPoint: point } = good.list;
const { delta: _delta, ...asFull } = good;

const rows: readonly (readonly [GateErrorCode, string, PublicationFacts])[] = [
  ['CA_GATE_I1', 'a number that a full list has', stored({ counter: 9n })],
  [
    'CA_GATE_I2',
    'thisUpdate of the delta list before',
    { ...good, previous: { thisUpdateMs, sequence: 2n } },
  ],
  [
    'CA_GATE_I2',
    'thisUpdate before the full list',
    delta({ base: { number: 7n, thisUpdateMs: thisUpdateMs + 1 } }),
  ],
  ['CA_GATE_I4', 'an entry more than has changed', delta({ removedCount: 0 })],
  ['CA_GATE_I4', 'a removal of what is held', delta({ removalFault: 'held' })],
  [
    'CA_GATE_I4',
    'a revocation left out',
    { ...good, entries: { ...good.entries, lastSequence: 2n } },
  ],
  [
    'CA_GATE_I5',
    'IDP not critical',
    list({ distributionPoint: point && { ...point, isCritical: false } }),
  ],
  ['CA_GATE_I5', 'freshestCRL in a delta list', list({ freshestNameDer: bytes('point') })],
  [
    'CA_GATE_I5',
    'a full list without freshestCRL',
    { ...good, expected: { ...good.expected, hasFreshest: true } },
  ],
  [
    'CA_GATE_I6',
    'an indicator that is not critical',
    list({ deltaIndicator: { baseNumber: 7n, isCritical: false } }),
  ],
  ['CA_GATE_I6', 'another base', list({ deltaIndicator: { baseNumber: 6n, isCritical: true } })],
  ['CA_GATE_I6', 'an indicator in a full list', asFull],
  ['CA_GATE_I6', 'the validity of a full list', list({ nextUpdateMs: thisUpdateMs + 72 * HOUR })],
  ['CA_GATE_I10', 'not in the archive', stored({ isNewListArchived: false })],
  ['CA_GATE_I10', 'a base that is not in the archive', stored({ isPreviousListArchived: false })],
  ['CA_GATE_I11', 'removeFromCRL in a full list', list({ isDelta: false })],
  ['CA_GATE_I11', 'a reason that the policy does not have', list({ reasons: new Set([2, 8]) })],
  ['CA_GATE_I12', 'an empty field', list({ hasEntriesField: false })],
  ['CA_GATE_I14', 'a revocation acknowledged meanwhile', stored({ acknowledgedSequence: 4n })],
];

describe('the publish gate of delta lists (RFC 5280 §5.2.4)', () => {
  it('lets one through that is right', () => {
    assert.deepEqual(checkPublication(good), []);
  });

  for (const [code, why, facts] of rows) {
    it(`${code.replace('CA_GATE_', '')} stops ${why}`, () => {
      const stops = checkPublication(facts).filter(({ effect }) => effect === 'stop');
      assert.ok(
        stops.some((finding) => finding.code === code),
        stops.map(({ message }) => message).join('; '),
      );
    });
  }
});

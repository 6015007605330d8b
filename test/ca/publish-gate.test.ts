import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { GateErrorCode } from '../../src/ca/errors.ts';
import { EntryGate } from '../../src/ca/lists/entry-gate.ts';
import type {
  AddedEntry,
  DroppedEntry,
  PassedOverEntry,
  PublicationFacts,
} from '../../src/ca/lists/gate-facts.ts';
import { checkPublication, type GateFinding } from '../../src/ca/lists/publish-gate.ts';

const HOUR = 3_600_000;
const nowMs = Date.UTC(2026, 0, 6, 0, 0, 1, 500);
const thisUpdateMs = Date.UTC(2026, 0, 6, 0, 0, 1);
const previousMs = thisUpdateMs - 24 * HOUR;
const revokedMs = thisUpdateMs - HOUR;

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');

/** The facts with the single entries that the gate is told of one by one. */
interface Facts extends Omit<PublicationFacts, 'entries'> {
  readonly added: readonly AddedEntry[];
  readonly dropped: readonly DroppedEntry[];
  readonly passedOver: readonly PassedOverEntry[];
}

function check({ added, dropped, passedOver, ...facts }: Facts): readonly GateFinding[] {
  const { distributionPointDer, isFull } = facts.expected;
  const gate = new EntryGate({
    scope: facts.scope,
    isFull,
    distributionPointDer,
    previousSequence: facts.previous?.sequence ?? 0n,
    lastRegular: facts.lastRegular,
  });
  dropped.forEach((entry) => {
    gate.dropped(entry);
  });
  passedOver.forEach((entry) => {
    gate.passedOver(entry);
  });
  added.forEach((entry) => {
    gate.added(entry);
  });
  return checkPublication({ ...facts, entries: gate.findings() });
}

/** A list with one entry kept, one added and one dropped: everything in order. */
const good: Facts = {
  scope: '10201',
  nowMs,
  list: {
    number: 8n,
    thisUpdateMs,
    nextUpdateMs: thisUpdateMs + 72 * HOUR,
    nextPublishMs: thisUpdateMs + 24 * HOUR,
    issuerDer: bytes('issuer'),
    authorityKey: {
      keyIdentifier: bytes('key'),
      issuerDer: bytes('issuer'),
      serialNumber: 5n,
    },
    isSignatureValid: true,
    distributionPoint: {
      isCritical: true,
      nameDer: bytes('point'),
      hasName: true,
      onlyContains: 'user',
      isLimited: false,
    },
    isDelta: false,
    entryCount: 2,
    hasEntriesField: true,
    reasons: new Set([1, 3]),
  },
  meant: { number: 8n, thisUpdateMs, entryCount: 2 },
  expected: {
    onlyContains: 'user',
    isFull: false,
    distributionPointDer: bytes('point'),
    issuerDer: bytes('issuer'),
    keyIdentifier: bytes('key'),
    certificateSerialNumber: 5n,
    allowedReasons: new Set([1, 2, 3, 4, 5]),
    validityMs: 72 * HOUR,
    nextPublishMs: 24 * HOUR,
    longestWaitMs: 26 * HOUR,
  },
  stored: {
    counter: 7n,
    acknowledgedSequence: 3n,
    // The one that leaves is counted until it has left.
    liveEntries: 3,
    liveInAllScopes: 9,
    liveInTotal: 9,
    ownerId: 'us',
    isNewListArchived: true,
    isPreviousListArchived: true,
  },
  ownerId: 'us',
  previous: { thisUpdateMs: previousMs, sequence: 2n },
  lastRegular: { thisUpdateMs: previousMs, sequence: 2n },
  includedSequence: 3n,
  waitingSinceMs: revokedMs + 400,
  added: [
    {
      serialNumber: 0xa1n,
      revocationMs: revokedMs,
      reason: 1,
      certificate: { scope: '10201', distributionPointDer: bytes('point'), isOfKey: true },
      revocation: { sinceMs: revokedMs, reason: 1, sequence: 3n },
    },
  ],
  dropped: [
    {
      serialNumber: 0xa2n,
      reason: 1,
      notAfterMs: previousMs - 1000,
      sequence: 2n,
      recordedSequence: 2n,
    },
  ],
  passedOver: [],
  isCarriedOver: true,
  entryNameDer: bytes('point'),
};

type Change = (facts: Facts) => Partial<Facts>;
const list =
  (change: Partial<PublicationFacts['list']>): Change =>
  (facts) => ({ list: { ...facts.list, ...change } });
const stored =
  (change: Partial<PublicationFacts['stored']>): Change =>
  (facts) => ({ stored: { ...facts.stored, ...change } });
const point =
  (change: Partial<NonNullable<PublicationFacts['list']['distributionPoint']>>): Change =>
  (facts) => {
    const { distributionPoint } = facts.list;
    assert(distributionPoint !== undefined);
    return { list: { ...facts.list, distributionPoint: { ...distributionPoint, ...change } } };
  };
const key =
  (change: Partial<NonNullable<PublicationFacts['list']['authorityKey']>>): Change =>
  (facts) => {
    const { authorityKey } = facts.list;
    assert(authorityKey !== undefined);
    return { list: { ...facts.list, authorityKey: { ...authorityKey, ...change } } };
  };
const added =
  (change: Partial<AddedEntry>): Change =>
  (facts) => ({ added: facts.added.map((entry) => ({ ...entry, ...change })) });
const certificate =
  (change: Partial<NonNullable<AddedEntry['certificate']>>): Change =>
  (facts) => ({
    added: facts.added.map((entry) => ({
      ...entry,
      certificate: entry.certificate && { ...entry.certificate, ...change },
    })),
  });
const revocation =
  (change: Partial<NonNullable<AddedEntry['revocation']>>): Change =>
  (facts) => ({
    added: facts.added.map((entry) => ({
      ...entry,
      revocation: entry.revocation && { ...entry.revocation, ...change },
    })),
  });
/** The added entry's revocation at another time, in the list as on record. */
const revokedAt =
  (atMs: number): Change =>
  (facts) => ({
    ...revocation({ sinceMs: atMs })({ ...facts, ...added({ revocationMs: atMs })(facts) }),
    waitingSinceMs: atMs,
  });
/** A hold came in before the added entry, and was released. */
const passedOver =
  (change: Partial<PassedOverEntry>): Change =>
  (facts) => ({
    ...revocation({ sequence: 4n })(facts),
    ...stored({ acknowledgedSequence: 4n })(facts),
    includedSequence: 4n,
    passedOver: [{ serialNumber: 0xa4n, sequence: 3n, recordedSequence: undefined, ...change }],
  });
const dropped =
  (change: Partial<DroppedEntry>): Change =>
  (facts) => ({ dropped: facts.dropped.map((entry) => ({ ...entry, ...change })) });

const mutations: readonly {
  readonly code: GateErrorCode;
  readonly why: string;
  readonly change: Change;
}[] = [
  { code: 'CA_GATE_I1', why: 'the number of the last list', change: stored({ counter: 8n }) },
  { code: 'CA_GATE_I1', why: 'a number left out', change: stored({ counter: 6n }) },
  {
    code: 'CA_GATE_I2',
    why: 'thisUpdate in the future',
    change: () => ({ nowMs: thisUpdateMs - 1 }),
  },
  {
    code: 'CA_GATE_I2',
    why: 'thisUpdate of the last list',
    change: () => ({ previous: { thisUpdateMs, sequence: 2n } }),
  },
  {
    code: 'CA_GATE_I2',
    why: 'a list that is over',
    change: (facts) => ({
      ...revokedAt(thisUpdateMs + 71 * HOUR)(facts),
      nowMs: thisUpdateMs + 72 * HOUR,
    }),
  },
  {
    code: 'CA_GATE_I3',
    why: 'an entry dropped whose certificate ended with the last regular list',
    change: dropped({ notAfterMs: previousMs }),
  },
  {
    code: 'CA_GATE_I3',
    why: 'an entry dropped of no known certificate',
    change: dropped({ notAfterMs: undefined }),
  },
  {
    code: 'CA_GATE_I3',
    why: 'an entry dropped when no list came by the cadence yet',
    change: () => ({ lastRegular: undefined }),
  },
  {
    code: 'CA_GATE_I3',
    why: 'an entry dropped that the last regular list did not have',
    change: dropped({ sequence: 3n, recordedSequence: 3n }),
  },
  {
    code: 'CA_GATE_I3',
    why: 'an entry dropped of a certificate that is not revoked',
    change: dropped({ recordedSequence: undefined }),
  },
  {
    code: 'CA_GATE_I3',
    why: 'entries that are not those of the last list',
    change: () => ({ isCarriedOver: false }),
  },
  {
    code: 'CA_GATE_I3',
    why: 'a hold dropped that was not released',
    change: dropped({ reason: 6, notAfterMs: nowMs }),
  },
  {
    code: 'CA_GATE_I3',
    why: 'a revocation dropped like a hold',
    change: dropped({ recordedSequence: undefined, notAfterMs: nowMs }),
  },
  {
    code: 'CA_GATE_I4',
    why: 'a hold passed over that was not released',
    change: passedOver({ recordedSequence: 3n }),
  },
  {
    code: 'CA_GATE_I4',
    why: 'a certificate of another partition',
    change: certificate({ distributionPointDer: bytes('other') }),
  },
  {
    code: 'CA_GATE_I4',
    why: 'a certificate without a distribution point',
    change: certificate({ distributionPointDer: undefined }),
  },
  {
    code: 'CA_GATE_I4',
    why: 'a certificate that was issued into another partition',
    change: certificate({ scope: '10202' }),
  },
  {
    code: 'CA_GATE_I4',
    why: 'a certificate that the CA does not know',
    change: added({ certificate: undefined }),
  },
  {
    code: 'CA_GATE_I4',
    why: 'a certificate that is good',
    change: added({ revocation: undefined }),
  },
  { code: 'CA_GATE_I4', why: 'an entry twice', change: revocation({ sequence: 2n }) },
  {
    code: 'CA_GATE_I4',
    why: 'a revocation left out before the last, all counts right',
    change: (facts) => ({
      ...revocation({ sequence: 4n })(facts),
      ...stored({ acknowledgedSequence: 4n })(facts),
      includedSequence: 4n,
    }),
  },
  {
    code: 'CA_GATE_I4',
    why: 'the last revocation left out, all counts right',
    change: (facts) => ({
      ...stored({ acknowledgedSequence: 4n })(facts),
      includedSequence: 4n,
    }),
  },
  {
    code: 'CA_GATE_I4',
    why: 'a revocation that nobody acknowledged',
    change: (facts) => ({
      ...stored({ acknowledgedSequence: 2n })(facts),
      includedSequence: 2n,
    }),
  },
  { code: 'CA_GATE_I4', why: 'a revoked certificate left out', change: stored({ liveEntries: 4 }) },
  {
    code: 'CA_GATE_I4',
    why: 'partitions that are not the whole',
    change: stored({ liveInTotal: 10 }),
  },
  {
    code: 'CA_GATE_I5',
    why: 'an IDP in a full list',
    change: (facts) => ({ expected: { ...facts.expected, isFull: true } }),
  },
  {
    code: 'CA_GATE_I4',
    why: "a full list with another key's certificate",
    change: (facts) => ({
      ...certificate({ isOfKey: false })(facts),
      ...list({ distributionPoint: undefined })(facts),
      expected: { ...facts.expected, isFull: true },
    }),
  },
  { code: 'CA_GATE_I5', why: 'no IDP', change: list({ distributionPoint: undefined }) },
  { code: 'CA_GATE_I5', why: 'an IDP that is not critical', change: point({ isCritical: false }) },
  { code: 'CA_GATE_I5', why: 'an IDP with another name', change: point({ nameDer: bytes('x') }) },
  { code: 'CA_GATE_I5', why: 'an IDP without a name', change: point({ nameDer: undefined }) },
  { code: 'CA_GATE_I5', why: 'an IDP of CA certificates', change: point({ onlyContains: 'ca' }) },
  { code: 'CA_GATE_I5', why: 'an IDP with a limit', change: point({ isLimited: true }) },
  {
    code: 'CA_GATE_I5',
    why: 'no entry in the directory',
    change: () => ({ entryNameDer: undefined }),
  },
  {
    code: 'CA_GATE_I5',
    why: 'an entry of another name',
    change: () => ({ entryNameDer: bytes('Point') }),
  },
  { code: 'CA_GATE_I6', why: 'another issuer', change: list({ issuerDer: bytes('ISSUER') }) },
  { code: 'CA_GATE_I6', why: 'a wrong signature', change: list({ isSignatureValid: false }) },
  { code: 'CA_GATE_I6', why: 'no AKI', change: list({ authorityKey: undefined }) },
  { code: 'CA_GATE_I6', why: 'the key of another', change: key({ keyIdentifier: bytes('k') }) },
  { code: 'CA_GATE_I6', why: 'an older certificate in AKI', change: key({ serialNumber: 4n }) },
  { code: 'CA_GATE_I6', why: 'another issuer in AKI', change: key({ issuerDer: bytes('x') }) },
  { code: 'CA_GATE_I6', why: 'no issuer in AKI', change: key({ issuerDer: undefined }) },
  { code: 'CA_GATE_I6', why: 'no serial number in AKI', change: key({ serialNumber: undefined }) },
  {
    code: 'CA_GATE_I6',
    why: 'a serial number in AKI that lists do not say',
    change: (facts) => ({ expected: { ...facts.expected, certificateSerialNumber: undefined } }),
  },
  {
    code: 'CA_GATE_I6',
    why: 'another number than was meant',
    change: (facts) => ({ meant: { ...facts.meant, number: 9n } }),
  },
  {
    code: 'CA_GATE_I6',
    why: 'another beginning than was meant',
    change: (facts) => ({ meant: { ...facts.meant, thisUpdateMs: thisUpdateMs - 1000 } }),
  },
  {
    code: 'CA_GATE_I6',
    why: 'another length than was meant',
    change: (facts) => ({ meant: { ...facts.meant, entryCount: 3 } }),
  },
  {
    code: 'CA_GATE_I6',
    why: 'an end before the validity of the policy is over',
    change: list({ nextUpdateMs: thisUpdateMs + 72 * HOUR - 1000 }),
  },
  {
    code: 'CA_GATE_I6',
    why: 'an end after the validity of the policy is over',
    change: list({ nextUpdateMs: thisUpdateMs + 72 * HOUR + 1000 }),
  },
  {
    code: 'CA_GATE_I6',
    why: 'a next list announced too late',
    change: list({ nextPublishMs: thisUpdateMs + 24 * HOUR + 1000 }),
  },
  {
    code: 'CA_GATE_I6',
    why: 'a next list announced too early',
    change: list({ nextPublishMs: thisUpdateMs + 24 * HOUR - 1000 }),
  },
  {
    code: 'CA_GATE_I6',
    why: 'no next list announced where the policy wants it',
    change: list({ nextPublishMs: undefined }),
  },
  {
    code: 'CA_GATE_I6',
    why: 'a next list announced where the policy does not',
    change: (facts) => ({ expected: { ...facts.expected, nextPublishMs: undefined } }),
  },
  {
    code: 'CA_GATE_I6',
    why: 'an entry of another day than its revocation',
    change: revocation({ sinceMs: revokedMs + 1000 }),
  },
  {
    code: 'CA_GATE_I6',
    why: 'an entry of another reason than its revocation',
    change: revocation({ reason: 4 }),
  },
  {
    code: 'CA_GATE_I10',
    why: 'a list that is not archived',
    change: stored({ isNewListArchived: false }),
  },
  {
    code: 'CA_GATE_I10',
    why: 'an old list that is gone',
    change: stored({ isPreviousListArchived: false }),
  },
  { code: 'CA_GATE_I11', why: 'a hold', change: list({ reasons: new Set([1, 6]) }) },
  { code: 'CA_GATE_I11', why: 'unspecified written out', change: list({ reasons: new Set([0]) }) },
  {
    code: 'CA_GATE_I11',
    why: 'no reason where the policy wants one',
    change: list({ reasons: new Set([undefined]) }),
  },
  { code: 'CA_GATE_I11', why: 'removeFromCRL', change: list({ reasons: new Set([8]) }) },
  {
    code: 'CA_GATE_I12',
    why: 'entries without their field',
    change: list({ hasEntriesField: false }),
  },
  { code: 'CA_GATE_I13', why: 'another writer', change: stored({ ownerId: 'them' }) },
  {
    code: 'CA_GATE_I14',
    why: 'a revocation that came in between',
    change: stored({ acknowledgedSequence: 4n }),
  },
  {
    code: 'CA_GATE_I15',
    why: 'a revocation that waits and is not in the list',
    change: () => ({ waitingSinceMs: revokedMs - 1 }),
  },
];

describe('the publish gate', () => {
  it('lets a good list through', () => {
    assert.deepEqual(check(good), []);
  });

  for (const { code, why, change } of mutations) {
    it(`${code} stops ${why}, and nothing else does`, () => {
      const found = check({ ...good, ...change(good) });
      assert.deepEqual(
        found.map(({ code: stopped, effect }) => [stopped, effect]),
        [[code, 'stop']],
      );
    });
  }

  it('has a mutation for every invariant', () => {
    assert.deepEqual([...new Set(mutations.map(({ code }) => code))], [
      'CA_GATE_I1',
      'CA_GATE_I2',
      'CA_GATE_I3',
      'CA_GATE_I4',
      'CA_GATE_I5',
      'CA_GATE_I6',
      'CA_GATE_I10',
      'CA_GATE_I11',
      'CA_GATE_I12',
      'CA_GATE_I13',
      'CA_GATE_I14',
      'CA_GATE_I15',
    ] satisfies GateErrorCode[]);
  });

  it('stops an empty list with an empty field', () => {
    const empty = { ...good.list, entryCount: 0, reasons: new Set<number>() };
    const facts = {
      ...good,
      list: empty,
      meant: { ...good.meant, entryCount: 0 },
      stored: { ...good.stored, liveEntries: 1, acknowledgedSequence: 2n },
      includedSequence: 2n,
      added: [],
      waitingSinceMs: undefined,
    };
    assert.deepEqual(
      check(facts).map(({ code }) => code),
      ['CA_GATE_I12'],
    );
    assert.deepEqual(check({ ...facts, list: { ...empty, hasEntriesField: false } }), []);
  });

  const allowed: readonly { readonly why: string; readonly change: Change }[] = [
    {
      why: 'a first list',
      change: (facts) => ({
        ...revocation({ sequence: 1n })(facts),
        ...stored({ acknowledgedSequence: 1n })(facts),
        includedSequence: 1n,
        previous: undefined,
        lastRegular: undefined,
        dropped: [],
        stored: { ...facts.stored, acknowledgedSequence: 1n, liveEntries: 2 },
      }),
    },
    { why: 'thisUpdate of this very moment', change: () => ({ nowMs: thisUpdateMs }) },
    {
      why: 'the last second before the list ends',
      change: (facts) => ({
        ...revokedAt(thisUpdateMs + 71 * HOUR)(facts),
        nowMs: thisUpdateMs + 72 * HOUR - 1,
      }),
    },
    {
      why: 'removeFromCRL in a delta list',
      change: list({ isDelta: true, reasons: new Set([8]) }),
    },
    {
      why: 'entries without a reason where the policy has unspecified',
      change: (facts) => ({
        list: { ...facts.list, reasons: new Set([undefined]) },
        expected: { ...facts.expected, allowedReasons: new Set([0, 1]) },
      }),
    },
    {
      why: 'a revocation that has waited as long as it may',
      change: revokedAt(nowMs - 26 * HOUR),
    },
    {
      why: 'a list without CRL Next Publish where the policy has none',
      change: (facts) => ({
        ...list({ nextPublishMs: undefined })(facts),
        expected: { ...facts.expected, nextPublishMs: undefined },
      }),
    },
    { why: 'a released hold passed over', change: passedOver({}) },
    {
      why: 'a hold passed over that became a revocation',
      change: passedOver({ recordedSequence: 4n }),
    },
    {
      why: 'the entry of a hold dropped that was released',
      change: (facts) => ({
        ...dropped({ reason: 6, notAfterMs: nowMs, recordedSequence: undefined })(facts),
        ...stored({ liveEntries: 2 })(facts),
      }),
    },
    {
      why: 'a full list without IDP, of whatever partition its entries are',
      change: (facts) => ({
        ...certificate({ scope: '10202' })(facts),
        ...list({ distributionPoint: undefined })(facts),
        expected: { ...facts.expected, isFull: true },
      }),
    },
    {
      why: 'counts of partitions that were summed up a moment ago',
      change: stored({ liveInAllScopes: undefined }),
    },
    {
      why: 'a list that brings nothing, when nothing waits',
      change: (facts) => ({
        ...stored({ acknowledgedSequence: 2n })(facts),
        includedSequence: 2n,
        added: [],
        waitingSinceMs: undefined,
      }),
    },
  ];
  for (const { why, change } of allowed) {
    it(`lets through ${why}`, () => {
      assert.deepEqual(check({ ...good, ...change(good) }), []);
    });
  }

  it('lets a revocation out that has waited for too long, and says so (I15)', () => {
    const found = check({ ...good, ...revokedAt(nowMs - 26 * HOUR - 1)(good) });
    assert.deepEqual(
      found.map(({ code, effect }) => [code, effect]),
      [['CA_GATE_I15', 'alarm']],
    );
  });

  it('names the scope in every message', () => {
    const [finding] = check({ ...good, ownerId: 'them' });
    assert.ok(finding?.message.startsWith('10201: '));
  });
});

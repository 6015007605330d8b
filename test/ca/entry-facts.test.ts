import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { distributionPointReader, EntryFacts } from '../../src/ca/lists/entry-facts.ts';
import { Scopes } from '../../src/ca/policy/scope.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import {
  encodeCertificateRecord,
  encodeStatusRecord,
} from '../../src/ca/records/certificate-record.ts';
import { formatHex } from '../../src/core/bytes.ts';
import type { ReadView } from '../../src/store/store.ts';
import { buildCrlDistributionPoints } from '../../src/x509/distribution-point.ts';
import { type Extension, encodeExtension } from '../../src/x509/extensions.ts';
import type { GeneralName } from '../../src/x509/general-name.ts';
import { type Name, nameFromText } from '../../src/x509/name.ts';
import { gunma } from '../support/ca-test-bed.ts';
import { sampleCertificate, sampleKey } from '../support/x509-samples.ts';

const scope = new Scopes(gunma).find('10201');
const other = nameFromText('CN=other,C=JP');
const key = sampleKey('p256');
const named = (name: Name): GeneralName => ({ kind: 'directoryName', name });
const points = (...names: readonly Name[]): Extension =>
  buildCrlDistributionPoints(names.map((name) => ({ fullName: [named(name)] })));
const certificateWith = (...extensions: readonly Extension[]): Uint8Array =>
  sampleCertificate(key, { extensions });

describe("a certificate's distribution point", () => {
  const own = points(scope.distributionPoint);
  const unknown = { oid: '2.25.1', critical: false, value: encodeExtension(own) };
  const rows: readonly { why: string; extensions: Extension[]; point: Name | undefined }[] = [
    { why: 'of the scope', extensions: [own], point: scope.distributionPoint },
    {
      why: 'of the scope, critical',
      extensions: [{ ...own, critical: true }],
      point: scope.distributionPoint,
    },
    { why: 'of another scope', extensions: [points(other)], point: other },
    {
      why: 'of another scope, the bytes of this one elsewhere in it',
      extensions: [unknown, points(other)],
      point: other,
    },
    { why: 'that is not there, its bytes elsewhere', extensions: [unknown], point: undefined },
    {
      why: 'that is one of two',
      extensions: [points(scope.distributionPoint, other)],
      point: undefined,
    },
    {
      why: 'with two names',
      extensions: [
        buildCrlDistributionPoints([{ fullName: [named(scope.distributionPoint), named(other)] }]),
      ],
      point: undefined,
    },
    {
      why: 'that is a URI',
      extensions: [buildCrlDistributionPoints([{ fullName: [{ kind: 'uri', text: 'ldap:///' }] }])],
      point: undefined,
    },
  ];
  for (const { why, extensions, point } of rows) {
    it(`is read: one ${why}`, () => {
      const found = distributionPointReader(scope)(certificateWith(...extensions));
      assert.deepEqual(found && Buffer.from(found), point && Buffer.from(point.der));
    });
  }
});

describe('the facts of an entry', () => {
  const tables = new CaTables('gunma');
  const rows = new Map<string, Uint8Array>();
  const view: Pick<ReadView, 'read'> = {
    read: (rowKey) => Promise.resolve(rows.get(formatHex(rowKey))),
  };
  const entries = new EntryFacts(tables, view, scope);
  const entry = { serialNumber: 5n, revocationMs: 3000, reason: 1 };
  const certificate = encodeCertificateRecord({
    profile: 'end-entity',
    scopeId: '10202',
    generation: 1,
    issuedMs: 1000,
    notAfterMs: 9000,
    der: certificateWith(points(scope.distributionPoint)),
  });
  const setStatus = (state: 'revoked' | 'held' | 'not-delivered'): void => {
    const status = encodeStatusRecord({ state, sinceMs: 2000, reason: 4, sequence: 7n });
    rows.set(formatHex(tables.status(5n)), status);
  };

  it('say that nothing is on record', async () => {
    const { certificate: found, revocation } = await entries.added(entry);
    assert.deepEqual([found, revocation], [undefined, undefined]);
    assert.deepEqual(await entries.dropped(entry, 6n), {
      serialNumber: 5n,
      reason: 1,
      notAfterMs: undefined,
      sequence: 6n,
      recordedSequence: undefined,
    });
  });

  it('keep apart what the list says and what is on record', async () => {
    rows.set(formatHex(tables.certificate(5n)), certificate);
    setStatus('revoked');
    const added = await entries.added(entry);
    assert.equal(added.certificate?.scope, '10202');
    assert.deepEqual(
      Buffer.from(added.certificate?.distributionPointDer ?? []),
      Buffer.from(scope.distributionPoint.der),
    );
    assert.equal(added.certificate?.isOfKey, true);
    assert.deepEqual([added.revocationMs, added.reason], [3000, 1]);
    for (const [generation, isOfKey] of [
      [1, true],
      [2, false],
    ] as const) {
      const full = new EntryFacts(tables, view, { ...scope, isFull: true, generation });
      assert.equal((await full.added(entry)).certificate?.isOfKey, isOfKey);
    }
    assert.deepEqual(added.revocation, { sinceMs: 2000, reason: 4, sequence: 7n });
    assert.deepEqual(await entries.dropped(entry, 6n), {
      serialNumber: 5n,
      reason: 1,
      notAfterMs: 9000,
      sequence: 6n,
      recordedSequence: 7n,
    });
    assert.deepEqual(await entries.passedOver(5n, 6n), {
      serialNumber: 5n,
      sequence: 6n,
      recordedSequence: 7n,
    });
  });

  it('call an entry without a reason unspecified', async () => {
    assert.equal((await entries.added({ serialNumber: 5n, revocationMs: 1 })).reason, 0);
  });

  it('count a held certificate as revoked, one that was not delivered yet as not', async () => {
    setStatus('held');
    assert.notEqual((await entries.added(entry)).revocation, undefined);
    setStatus('not-delivered');
    assert.equal((await entries.added(entry)).revocation, undefined);
  });
});

/**
 * The check of a whole data folder, opened for nothing else: what it finds, and that it goes on.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';

import { Level } from 'level';

import { openCheck, openLocalOperations } from '../../src/app/local-instance.ts';
import { silentLog } from '../../src/core/log.ts';
import type { CheckReport, Progress } from '../../src/http/operations.ts';
import { initialise } from '../../src/setup/initialise.ts';
import { Keyspace } from '../../src/store/keyspace.ts';
import { openSealedValue, sealValue } from '../../src/store/level/value-checksum.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { sampleKey, sampleRequest } from '../support/x509-samples.ts';

type ByteLevel = Level<Uint8Array, Uint8Array>;
type Spoil = (value: Uint8Array, key: Uint8Array) => Uint8Array;

const operator = { name: 'tester' };

/** A bit in the middle, with the checksum left as it was. */
const flip: Spoil = (stored) => {
  const spoiled = Uint8Array.from(stored);
  const at = spoiled.length >> 1;
  spoiled[at] = (spoiled[at] ?? 0) ^ 1;
  return spoiled;
};

/** The same by somebody who can make checksums. */
const forge =
  (from: string, to: string): Spoil =>
  (stored, key) => {
    const text = Buffer.from(openSealedValue(key, stored) ?? []).toString('latin1');
    assert.ok(text.includes(from), from);
    return sealValue(key, Buffer.from(text.replace(from, to), 'latin1'));
  };

describe('a check of a data folder', () => {
  const original = join(temporaryFolder({ after }), 'data');

  before(async () => {
    await initialise({
      folder: original,
      preset: 'gunma',
      address: '127.0.0.1',
      ...{ ldapPort: 0, ldapsPort: 0, httpPort: 0 },
      passphraseFile: undefined,
      allowClearPasswords: false,
      operator,
      onProgress: () => undefined,
    });
    const { operations, close } = await openLocalOperations({ folder: original, log: silentLog });
    const { serialNumber } = await operations.issue(
      {
        request: Buffer.from(sampleRequest(sampleKey('p256', 'check'))).toString('base64'),
        municipality: '10201',
        attributes: {
          commonName: '群馬　花子',
          gender: '2',
          dateOfBirth: '1990-04-01',
          address: '群馬県前橋市大手町一丁目１番１号',
        },
      },
      operator,
    );
    await operations.revoke({ serialNumber, reason: 'superseded' }, operator);
    await close();
  });

  function copyOf(t: TestContext): string {
    const folder = join(temporaryFolder(t), 'data');
    cpSync(original, folder, { recursive: true });
    return folder;
  }

  /** Spoils the first row of a keyspace whose key or value holds the text. */
  async function spoilRow(
    folder: string,
    { keyspace, holding }: { readonly keyspace: number; readonly holding: string },
    spoil: Spoil,
  ): Promise<void> {
    const level: ByteLevel = new Level(join(folder, 'store/level'), {
      keyEncoding: 'view',
      valueEncoding: 'view',
    });
    await level.open();
    try {
      for await (const [key, value] of level.iterator()) {
        const isHolding = [key, value].some((bytes) => Buffer.from(bytes).includes(holding));
        if (key[0] === keyspace && isHolding) {
          await level.put(key, spoil(value, key), { sync: true });
          return;
        }
      }
    } finally {
      await level.close();
    }
    assert.fail(`no row with ${holding}`);
  }

  async function check(
    folder: string,
    onProgress: (progress: Progress) => void = () => undefined,
  ): Promise<CheckReport> {
    const { operations, close } = await openCheck({ folder, log: silentLog });
    try {
      return await operations.check({ isDeep: false, parts: 'all' }, onProgress);
    } finally {
      await close();
    }
  }

  const partsOf = ({ findings }: CheckReport): readonly string[] => [
    ...new Set(findings.map(({ part }) => part)),
  ];

  it('says what it has looked at, and that all is well', async (t) => {
    const folder = copyOf(t);
    // It needs neither the token nor its passphrase.
    rmSync(join(folder, 'token'), { recursive: true });
    rmSync(join(folder, 'secrets'), { recursive: true });
    const told = new Set<string>();
    const report = await check(folder, ({ what }) => told.add(what));
    assert.deepEqual(report.findings, []);
    assert.deepEqual([report.isSound, report.findingCount], [true, 0]);
    assert.deepEqual([report.certificates, report.lists], [2, 37]);
    assert.ok(report.rows > 300, String(report.rows));
    assert.ok(report.entries > 37, String(report.entries));
    assert.match(report.auditRootHash ?? '', /^[0-9a-f]{64}$/);
    assert.ok(Number(report.auditRecords) > 37);
    assert.ok(told.has('stored values') && told.has('audit records'), [...told].join());
  });

  const rows: readonly {
    readonly why: string;
    readonly row: { readonly keyspace: number; readonly holding: string };
    readonly spoil: Spoil;
    readonly parts: readonly CheckReport['findings'][number]['part'][];
    readonly code: string;
  }[] = [
    {
      why: 'an audit record with a flipped bit',
      row: { keyspace: Keyspace.auditRecord, holding: 'certificate.revoke' },
      spoil: flip,
      parts: ['store', 'audit'],
      code: 'AUDIT_RECORD_DAMAGED',
    },
    {
      why: 'an audit record that somebody has changed',
      row: { keyspace: Keyspace.auditRecord, holding: 'certificate.revoke' },
      spoil: forge('"actor":"tester"', '"actor":"nobody"'),
      parts: ['audit'],
      code: 'AUDIT_ROOT_MISMATCH',
    },
    {
      why: 'an entry of the directory with a flipped bit',
      row: { keyspace: Keyspace.entry, holding: 'Takasaki-shi CRLDP' },
      spoil: flip,
      parts: ['store', 'directory', 'ca'],
      code: 'STORE_VALUE_DAMAGED',
    },
    {
      why: 'an entry of the directory that no longer says who it is',
      row: { keyspace: Keyspace.entryUuid, holding: '' },
      spoil: (_stored, key) => sealValue(key, Buffer.from('elsewhere')),
      parts: ['directory'],
      code: 'DIRECTORY_INCONSISTENT',
    },
    {
      why: 'a record of the CA that keeps it from opening',
      row: { keyspace: Keyspace.ca, holding: 'Takasaki-shi CRLDP' },
      spoil: (_stored, key) => sealValue(key, Buffer.from('noise')),
      parts: ['ca'],
      code: 'CA_RECORD_DAMAGED',
    },
  ];
  for (const { why, row, spoil, parts, code } of rows) {
    it(`finds ${why}`, async (t) => {
      const folder = copyOf(t);
      await spoilRow(folder, row, spoil);
      const report = await check(folder);
      assert.equal(report.isSound, false);
      assert.equal(report.findingCount, report.findings.length);
      assert.deepEqual(partsOf(report), parts, JSON.stringify(report.findings));
      assert.ok(report.findings.some((finding) => finding.code === code));
    });
  }

  it('finds several things in one go', async (t) => {
    const folder = copyOf(t);
    await spoilRow(folder, { keyspace: Keyspace.auditRecord, holding: 'crl.publish' }, flip);
    await spoilRow(folder, { keyspace: Keyspace.entry, holding: 'Maebashi-shi CRLDP' }, flip);
    await spoilRow(folder, { keyspace: Keyspace.ca, holding: 'Kiryu-shi CRLDP' }, flip);
    const report = await check(folder);
    const damaged = report.findings.filter(({ part }) => part === 'store');
    assert.equal(damaged.length, 3);
    assert.deepEqual(partsOf(report), ['store', 'audit', 'directory', 'ca']);
  });
});

/**
 * A data folder that no server is using, opened to look at what is in it. The token stays closed: nothing can
 * be signed.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';

import { checkStore } from '../../src/app/check.ts';
import { checkpointFileOf } from '../../src/app/set-back.ts';
import type { AuditLog } from '../../src/audit/audit-log.ts';
import { verifyAuditLog } from '../../src/audit/audit-verification.ts';
import { openAuditLog } from '../../src/audit/merkle-audit-log.ts';
import { CertificateAuthority } from '../../src/ca/certificate-authority.ts';
import { loadPolicy, type Policy } from '../../src/ca/policy/policy.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import { CONFIGURATION_FILE, loadConfiguration } from '../../src/config/configuration.ts';
import { formatHex } from '../../src/core/bytes.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { SystemRandom } from '../../src/core/random.ts';
import { Directory, defaultIndexes } from '../../src/directory/directory.ts';
import { directoryTypes } from '../../src/directory/directory-types.ts';
import { EqualityIndex } from '../../src/directory/entries/equality-index.ts';
import { Tree } from '../../src/directory/entries/tree.ts';
import type { Caller, SearchResultEntry } from '../../src/directory/service.ts';
import { SigningError } from '../../src/signing/errors.ts';
import type { Signer } from '../../src/signing/signer.ts';
import { FIRST_KEYSPACE, Keyspace, keyOf } from '../../src/store/keyspace.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import type { Snapshot, Store } from '../../src/store/store.ts';
import { assertConsistent } from './ca-consistency.ts';
import { MemoryRows } from './memory-rows.ts';
import { postingsOf } from './postings.ts';
import { shippedSchema } from './shipped-schema.ts';

const away = (): Promise<never> =>
  Promise.reject(new SigningError('SIGNING_UNAVAILABLE', 'no token is open here'));

const absentSigner: Signer = {
  activate: away,
  deactivate: away,
  isActive: () => Promise.resolve(false),
  generate: away,
  describe: away,
  list: away,
  sign: away,
  makeSubjectKey: away,
  destroy: away,
  close: () => Promise.resolve(),
};

const looker: Caller = {
  principal: { kind: 'system', name: 'tester' },
  session: { isProtected: true, address: '', channel: 'test' },
};

export class StoppedInstance {
  readonly policy: Policy;
  readonly tables: CaTables;
  readonly store: Store;
  readonly audit: AuditLog;
  readonly directory: Directory;
  readonly ca: CertificateAuthority;
  readonly #checkpointFile: string;

  /** @throws {CertdirError} when the folder cannot be opened. */
  static async open(folder: string): Promise<StoppedInstance> {
    const configuration = await loadConfiguration(join(folder, CONFIGURATION_FILE));
    const policy = await loadPolicy(configuration.policies[0]);
    const clock = new SystemClock();
    const shared = { clock, random: new SystemRandom(), log: silentLog };
    const store = await openLevelStore({ folder: configuration.store.folder, ...shared });
    try {
      const audit = openAuditLog({ clock });
      const directory = await Directory.open({
        ...{ ...shared, store, audit, schema: shippedSchema, access: policy.access },
        suffixes: [policy.directory.suffix],
      });
      const ca = await CertificateAuthority.open({
        ...{ ...shared, policy, store, directory, audit, signer: absentSigner },
      });
      const checkpointFile = checkpointFileOf(configuration);
      return new StoppedInstance({ policy, store, audit, directory, ca }, checkpointFile);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  private constructor(
    parts: Pick<StoppedInstance, 'policy' | 'store' | 'audit' | 'directory' | 'ca'>,
    checkpointFile: string,
  ) {
    this.policy = parts.policy;
    this.tables = new CaTables(parts.policy.id);
    this.store = parts.store;
    this.audit = parts.audit;
    this.directory = parts.directory;
    this.ca = parts.ca;
    this.#checkpointFile = checkpointFile;
  }

  async close(): Promise<void> {
    await this.ca.close();
    await this.directory.close();
    await this.store.close();
  }

  /** Reads from one state. */
  async reading<T>(read: (snapshot: Snapshot) => Promise<T>): Promise<T> {
    const snapshot = this.store.snapshot();
    try {
      return await read(snapshot);
    } finally {
      await snapshot.close();
    }
  }

  /** Values of an attribute as the engine wrote them. */
  published(dn: string, attribute: string): Promise<readonly Uint8Array[]> {
    return this.reading((view) => this.directory.managed.readValues(view, dn, attribute));
  }

  /** One entry with all user attributes; undefined when it is not there. */
  async readEntry(base: string): Promise<SearchResultEntry | undefined> {
    const search = this.directory.search(
      {
        base,
        scope: 'base',
        filter: { kind: 'present', attribute: 'objectClass' },
        ...{ attributes: [], typesOnly: false, sizeLimit: 0, timeLimitMs: 0 },
      },
      looker,
    );
    try {
      for await (const entry of search) {
        return entry;
      }
      return undefined;
    } catch {
      return undefined;
    }
  }

  /** Everything fits together: the CA's records and lists, the audit log, the directory's keys. */
  async assertConsistent(): Promise<void> {
    await assertConsistent(this);
    const { store, policy } = this;
    const checkpointFile = this.#checkpointFile;
    const schema = shippedSchema;
    const checked = { store, policies: [policy], schema, checkpointFile, nowMs: 0 };
    const input = { isDeep: true, parts: 'all' } as const;
    const { findings } = await checkStore(checked, input, () => undefined);
    assert.deepEqual(findings, [], 'what the program itself would find');
    await this.reading(verifyAuditLog);
    await this.#assertActsRecorded();
    await this.reading((snapshot) => this.#assertDirectoryKeys(snapshot));
    await this.reading(assertEveryValueReadable);
  }

  /** Each certificate, revocation and list is in the audit log once. */
  async #assertActsRecorded(): Promise<void> {
    const counts = new Map<string, number>();
    await this.reading(async (snapshot) => {
      for await (const { kind, result } of this.audit.records(snapshot)) {
        const name = `${kind} ${result}`;
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
    });
    const { issuedCount, revokedCount, lists } = await this.ca.status();
    const listCount = lists.reduce(
      (sum, { published }) => sum + Number(published?.number ?? 0n),
      0,
    );
    // The CA's own certificate was made with the CA.
    assert.equal(counts.get('certificate.issue done') ?? 0, issuedCount - 1, 'issues on record');
    assert.equal(counts.get('certificate.revoke done') ?? 0, revokedCount, 'revocations on record');
    assert.equal(counts.get('crl.publish done') ?? 0, listCount, 'lists on record');
  }

  /** Entries, their places under their parents, their UUIDs and their postings say the same. */
  async #assertDirectoryKeys(snapshot: Snapshot): Promise<void> {
    const types = directoryTypes(shippedSchema);
    const indexed = defaultIndexes.map((name) => {
      const type = shippedSchema.attributeType(name);
      assert.ok(type !== undefined, name);
      return type;
    });
    const index = new EqualityIndex(indexed, shippedSchema);
    const tree = new Tree(shippedSchema, index, types);
    const expected = new MemoryRows(snapshot);
    const entries = new Set<string>();
    for await (const entry of tree.subtree(snapshot, new Uint8Array(0))) {
      entries.add(formatHex(entry.key));
      const byUuid = await tree.findUuid(snapshot, tree.uuidOf(entry));
      assert.deepEqual(byUuid && formatHex(byUuid), formatHex(entry.key), entry.dn);
      await index.update(expected, undefined, entry);
    }
    const keysOf = async (keyspace: number): Promise<string[]> => {
      const keys: string[] = [];
      const range = { gte: keyOf(keyspace), lt: keyOf(keyspace + 1) };
      for await (const key of snapshot.keys(range)) {
        keys.push(formatHex(key));
      }
      return keys;
    };
    // Behind keyspace and depth, a place is the key of its entry.
    const places = (await keysOf(Keyspace.child)).map((key) => key.slice(6));
    assert.deepEqual(places.sort(), [...entries].sort(), 'places of entries');
    assert.equal((await keysOf(Keyspace.entryUuid)).length, entries.size, 'UUIDs of entries');
    assert.deepEqual(await postingsOf(snapshot), await postingsOf(expected), 'postings');
  }
}

/** Every value has its checksum. */
async function assertEveryValueReadable(snapshot: Snapshot): Promise<void> {
  let rows = 0;
  for await (const _row of snapshot.range({ gte: Uint8Array.of(FIRST_KEYSPACE) })) {
    rows += 1;
  }
  assert.ok(rows > 0);
}

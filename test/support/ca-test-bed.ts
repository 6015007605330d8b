/**
 * A CA for one test: a real store, token, directory and audit log in a fresh folder, on simulated time and
 * seeded randomness. `reopen` closes everything and opens it again, as a restart does.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { DeliveryFolder } from '../../src/app/delivery-folder.ts';
import type { AuditLog, AuditOrigin, AuditRecord } from '../../src/audit/audit-log.ts';
import { openAuditLog } from '../../src/audit/merkle-audit-log.ts';
import type { CertificateAuthorityOptions } from '../../src/ca/authority-opening.ts';
import { CertificateAuthority } from '../../src/ca/certificate-authority.ts';
import type { IssuedCertificate } from '../../src/ca/certificates/issuance.ts';
import type { SubjectAttributes } from '../../src/ca/certificates/subject-attributes.ts';
import type { DeliveryVault } from '../../src/ca/delivery/delivery-vault.ts';
import { Municipalities } from '../../src/ca/policy/municipality.ts';
import { loadPolicy, type Policy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { silentLog } from '../../src/core/log.ts';
import { Directory } from '../../src/directory/directory.ts';
import { Schema } from '../../src/directory/schema/schema.ts';
import type { Signer } from '../../src/signing/signer.ts';
import { openSoftwareToken } from '../../src/signing/software/software-token.ts';
import { Keyspace, keyOf } from '../../src/store/keyspace.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import type { Store } from '../../src/store/store.ts';
import { SeededRandom } from './seeded-random.ts';
import { SimulatedClock } from './simulated-clock.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { sampleKey, sampleRequest } from './x509-samples.ts';

export const tester: AuditOrigin = { channel: 'cli', actor: 'tester' };

/** Gunma as it ships. */
export const gunma: Policy = await loadPolicy(shippedPolicyFile('gunma'));

/** Gunma with keys that are quick to make and three municipalities: 10201, 10202, 10203. */
export const smallGunma: Policy = {
  ...gunma,
  keys: {
    ...gunma.keys,
    authority: { ...gunma.keys.authority, type: 'ec-p256', signature: 'ecdsa-sha256' },
  },
  municipalities: new Municipalities(gunma.municipalities.list.slice(0, 3)),
};

/** The same CA exchanging no cross certificates, which live for longer than those of subscribers. */
export function withoutCross({ profiles, ...policy }: Policy): Policy {
  const { cross: _profile, ...rest } = profiles;
  return { ...policy, profiles: rest, cross: undefined };
}

const schema = await Schema.load(join(packageRoot, 'schema'));

export const hanako: SubjectAttributes = {
  commonName: '群馬　花子',
  gender: '2',
  dateOfBirth: '1990-04-01',
  address: '群馬県前橋市大手町一丁目１番１号',
};

export interface CaTestBedOptions {
  readonly policy?: Policy;
  readonly startMs?: number;
  /** Puts something between the CA and its signer. */
  readonly wrapSigner?: (signer: Signer) => Signer;
  /** The same for the store. */
  readonly wrapStore?: (store: Store) => Store;
  /** The same for what lies ready for subscribers. */
  readonly wrapVault?: (vault: DeliveryVault) => DeliveryVault;
  /** The same for the audit log. */
  readonly wrapAudit?: (audit: AuditLog) => AuditLog;
}

type Life = { after(fn: () => unknown): void };

interface Parts {
  readonly store: Store;
  readonly signer: Signer;
  readonly directory: Directory;
  readonly audit: AuditLog;
}

export class CaTestBed {
  readonly clock: SimulatedClock;
  readonly random: SeededRandom;
  readonly policy: Policy;
  readonly #folder: string;
  readonly #options: CaTestBedOptions;
  #parts: Parts;
  #authority: CertificateAuthority | undefined;
  #people = 0;

  private constructor(
    folder: string,
    options: CaTestBedOptions,
    made: { readonly parts: Parts; readonly clock: SimulatedClock; readonly random: SeededRandom },
  ) {
    this.#folder = folder;
    this.#options = options;
    this.#parts = made.parts;
    this.clock = made.clock;
    this.random = made.random;
    this.policy = options.policy ?? smallGunma;
  }

  /** An empty folder with everything but the CA. */
  static async openEmpty(life: Life, options: CaTestBedOptions = {}): Promise<CaTestBed> {
    const folder = temporaryFolder(life);
    const clock = new SimulatedClock(options.startMs);
    const random = new SeededRandom('ca');
    const parts = await openParts(folder, { options, clock, random });
    const bed = new CaTestBed(folder, options, { parts, clock, random });
    life.after(() => bed.close());
    return bed;
  }

  /** A CA with its first lists. */
  static async open(life: Life, options: CaTestBedOptions = {}): Promise<CaTestBed> {
    const bed = await CaTestBed.openEmpty(life, options);
    await bed.create();
    return bed;
  }

  get ca(): CertificateAuthority {
    if (this.#authority === undefined) {
      throw new Error('the test has no CA yet');
    }
    return this.#authority;
  }

  get store(): Store {
    return this.#parts.store;
  }

  get directory(): Directory {
    return this.#parts.directory;
  }

  get signer(): Signer {
    return this.#parts.signer;
  }

  get options(): CertificateAuthorityOptions {
    const { clock, random, policy } = this;
    const vault = this.vault;
    return { ...this.#parts, clock, random, policy, vault, log: silentLog };
  }

  /** Where keys for subscribers lie. */
  get vault(): DeliveryVault {
    const own = new DeliveryFolder(join(this.#folder, 'deliveries'));
    return this.#options.wrapVault?.(own) ?? own;
  }

  async create(): Promise<void> {
    this.#authority = await CertificateAuthority.create(this.options, { origin: tester });
  }

  /** Closes and opens everything, with another policy if one is given. */
  async reopen(policy: Policy = this.policy): Promise<void> {
    await this.restartParts(policy);
    this.#authority = await CertificateAuthority.open({ ...this.options, policy });
  }

  /** The same without opening the CA. */
  async restartParts(policy: Policy = this.policy): Promise<void> {
    await this.close();
    this.#authority = undefined;
    const { clock, random } = this;
    const options = { ...this.#options, policy };
    this.#parts = await openParts(this.#folder, { options, clock, random });
  }

  async close(): Promise<void> {
    await this.#authority?.close();
    await this.#parts.directory.close();
    await this.#parts.signer.close();
    await this.#parts.store.close();
  }

  /** A certificate for a person whom nobody else is, with a key of its own. */
  async issue(municipality = '10201'): Promise<IssuedCertificate> {
    this.#people += 1;
    return await this.ca.issue({
      profile: 'end-entity',
      csr: sampleRequest(sampleKey('p256', `person ${this.#people}`)),
      municipality,
      subjectAttributes: { ...hanako, address: `群馬県前橋市${fullWidth(this.#people)}番地` },
      origin: tester,
    });
  }

  async revoke(serialNumber: bigint, reason = 'keyCompromise'): Promise<void> {
    await this.ca.revoke({ serialNumber, reason, origin: tester });
  }

  /** A digest of everything the engine has stored, so that a test can see that nothing changed. */
  async digestOfRecords(): Promise<string> {
    const hash = createHash('sha256');
    const snapshot = this.store.snapshot();
    const gte = keyOf(Keyspace.ca);
    for await (const [key, value] of snapshot.range({ gte, lt: keyOf(Keyspace.ca + 1) })) {
      hash.update(String(key.length)).update(key).update(String(value.length)).update(value);
    }
    await snapshot.close();
    return hash.digest('hex');
  }

  /** The audit records of a kind, or all. */
  async records(kind?: string): Promise<readonly AuditRecord[]> {
    const snapshot = this.store.snapshot();
    const found: AuditRecord[] = [];
    for await (const record of this.#parts.audit.records(snapshot)) {
      if (kind === undefined || record.kind === kind) {
        found.push(record);
      }
    }
    await snapshot.close();
    return found;
  }

  /** The bytes in an attribute of an entry, as the engine wrote them. */
  async published(dn: string, attribute: string): Promise<readonly Uint8Array[]> {
    const snapshot = this.store.snapshot();
    const values = await this.directory.managed.readValues(snapshot, dn, attribute);
    await snapshot.close();
    return values;
  }
}

async function openParts(
  folder: string,
  {
    options,
    clock,
    random,
  }: {
    readonly options: CaTestBedOptions;
    readonly clock: SimulatedClock;
    readonly random: SeededRandom;
  },
): Promise<Parts> {
  const { policy = smallGunma, wrapSigner, wrapStore } = options;
  const log = silentLog;
  const opened = await openLevelStore({ folder: join(folder, 'store'), clock, log });
  const store = wrapStore?.(opened) ?? opened;
  const ownAudit = openAuditLog({ clock });
  const audit = options.wrapAudit?.(ownAudit) ?? ownAudit;
  const token = await openSoftwareToken({
    file: join(folder, 'token.json'),
    passphrase: { text: 'correct horse' },
    clock,
    random,
    create: true,
    scryptCost: 2 ** 10,
  });
  await token.activate();
  const signer = wrapSigner?.(token) ?? token;
  const directory = await Directory.open({
    ...{ store, schema, clock, random, audit, log },
    suffixes: [policy.directory.suffix],
    access: policy.access,
    passwords: policy.passwords,
  });
  return { store, signer, directory, audit };
}

function fullWidth(value: number): string {
  return String(value).replaceAll(/[0-9]/g, (digit) =>
    String.fromCodePoint(0xff10 + Number(digit)),
  );
}

/** Everything that comes, in order. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) {
    found.push(item);
  }
  return found;
}

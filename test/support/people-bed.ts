/**
 * A CA with its people: an operator for each role of the policy, and whatever else a test registers.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { OperatorIdentity } from '../../src/ca/accounts/operator-identity.ts';
import { identifyOperator } from '../../src/ca/accounts/operator-identity.ts';
import type { Acting } from '../../src/ca/requests/requests.ts';
import { Dn } from '../../src/directory/names/dn.ts';
import type { Caller } from '../../src/directory/service.ts';
import { CaTestBed, type CaTestBedOptions } from './ca-test-bed.ts';
import { attributesOf } from './directory-fixture.ts';

export const machine: Caller = {
  principal: { kind: 'system', name: 'administrator' },
  session: { isProtected: true, address: '', channel: 'cli' },
};

export interface OperatorEntry {
  readonly roles: readonly string[];
  readonly partitions?: readonly string[];
  readonly fullName?: string;
  readonly staffNumber?: string;
  readonly certificates?: readonly string[];
  /** None when left out: a certificate of its own instead, which costs no hashing. */
  readonly password?: string;
}

/** An entry of an operator as it could be made over LDAP, past every rule of registration. */
export async function addOperatorEntry(
  bed: CaTestBed,
  name: string,
  entry: OperatorEntry,
): Promise<Acting> {
  const { roles, partitions = [], fullName, staffNumber, password } = entry;
  const own = createHash('sha256').update(name).digest('hex');
  const certificates = entry.certificates ?? [own];
  const attributes = attributesOf({
    objectClass: ['applicationProcess', 'certdirOperator'],
    cn: name,
    certdirOperatorRole: [...roles],
    certdirCertificateSha256: [...certificates],
    ...(password === undefined ? {} : { userPassword: password }),
    ...(partitions.length === 0 ? {} : { certdirGrantedPartition: [...partitions] }),
    ...(fullName === undefined ? {} : { displayName: fullName }),
    ...(staffNumber === undefined ? {} : { uid: staffNumber }),
  });
  await bed.directory.add({ dn: dnOf(bed, name), attributes }, machine);
  return await acting(bed, name);
}

export function dnOf(bed: CaTestBed, name: string): string {
  return `cn=${name},${bed.policy.directory.operators}`;
}

/** Whoever has the account now. */
export async function acting(bed: CaTestBed, name: string): Promise<Acting> {
  const { directory, store, policy } = bed;
  const snapshot = store.snapshot();
  const all = await directory.accounts.operatorsBelow(snapshot, policy.directory.operators);
  await snapshot.close();
  const entryUuid = all.find((one) => one.name === name)?.entryUuid ?? '';
  const dn = Dn.parse(dnOf(bed, name), directory.schema);
  const operator = await identifyOperator(bed.options, { kind: 'entry', dn, entryUuid });
  if (operator === undefined) {
    throw new Error(`${name} is no operator`);
  }
  return actingAs(operator);
}

export function actingAs(operator: OperatorIdentity): Acting {
  return { operator, origin: { channel: 'api', actor: operator.dn } };
}

export class PeopleBed {
  readonly bed: CaTestBed;
  /** By role; offices act for 10201. */
  readonly people: Readonly<Record<string, Acting>>;

  private constructor(bed: CaTestBed, people: Readonly<Record<string, Acting>>) {
    this.bed = bed;
    this.people = people;
  }

  static async open(
    life: Parameters<typeof CaTestBed.open>[0],
    options: CaTestBedOptions = {},
  ): Promise<PeopleBed> {
    const bed = await CaTestBed.open(life, options);
    const people: Record<string, Acting> = {};
    for (const [role, { isOffice }] of Object.entries(bed.policy.people?.roles ?? {})) {
      const partitions = isOffice ? ['10201'] : [];
      people[role] = await addOperatorEntry(bed, role, { roles: [role], partitions });
    }
    return new PeopleBed(bed, people);
  }

  as(role: string): Acting {
    const person = this.people[role];
    if (person === undefined) {
      throw new Error(`the policy has no role ${role}`);
    }
    return person;
  }
}

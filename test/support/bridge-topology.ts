/**
 * Citizens and officials with two bridges between them: gunma and tokyo with the bridge of the JPKI, that with the
 * government's bridge, and that with a ministry's CA, all cross-certified, each with its repository.
 *
 * @module
 */

import { Municipalities } from '../../src/ca/policy/municipality.ts';
import type { Policy } from '../../src/ca/policy/policy.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { AttributeValues, Caller } from '../../src/directory/service.ts';
import { CaTestBed, hanako, tester } from './ca-test-bed.ts';
import {
  crossCertify,
  type Side,
  smallBca,
  smallGpki,
  smallGunma,
  smallMinistry,
  smallTokyo,
} from './cross-exchange.ts';
import { sampleKey, sampleRequest } from './x509-samples.ts';

export const sideNames = ['gunma', 'tokyo', 'bca', 'gpki', 'ministry'] as const;
export type SideName = (typeof sideNames)[number];

const few = (policy: Policy): Policy => ({
  ...policy,
  municipalities: new Municipalities(policy.municipalities.list.slice(0, 2)),
});

/** What an integrated repository shows of CAs that it does not run. */
const copies: Policy['access'] = [
  {
    who: { kind: 'anyone' },
    target: { subtree: 'C=JP' },
    attributes: [
      ...['entry', 'objectClass', 'ou', 'cn', 'cACertificate', 'crossCertificatePair'],
      'authorityRevocationList',
    ],
    rights: ['read', 'search', 'compare'],
  },
];

const policies: Readonly<Record<SideName, Policy>> = {
  gunma: { ...few(smallGunma), access: [...smallGunma.access, ...copies] },
  tokyo: few(smallTokyo),
  bca: smallBca,
  gpki: smallGpki,
  ministry: smallMinistry,
};

/** From one end to the other. */
const exchanges: readonly (readonly [SideName, SideName])[] = [
  ['gunma', 'bca'],
  ['tokyo', 'bca'],
  ['bca', 'gpki'],
  ['gpki', 'ministry'],
];

export interface Topology {
  readonly sides: Readonly<Record<SideName, Side>>;
  /** End-entity certificates. */
  readonly citizen: Uint8Array;
  readonly revokedCitizen: Uint8Array;
  readonly official: Uint8Array;
}

/** At `nowMs`, with everything published. */
export async function openTopology(
  life: { after(fn: () => unknown): void },
  nowMs: number,
): Promise<Topology> {
  const opened = new Map<SideName, Side>();
  for (const id of sideNames) {
    const bed = await CaTestBed.open(life, { policy: policies[id], startMs: nowMs });
    opened.set(id, { id, bed });
  }
  const sides = Object.fromEntries(opened) as Record<SideName, Side>;
  for (const [one, other] of exchanges) {
    await crossCertify(sides[one], sides[other]);
  }
  const citizen = await issueCitizen(sides.gunma, 'citizen');
  const revoked = await issueCitizen(sides.gunma, 'revoked citizen');
  await sides.gunma.bed.ca.revoke({ ...revoked, reason: 'keyCompromise', origin: tester });
  const { certificate: official } = await sides.ministry.bed.ca.issue({
    profile: 'official',
    csr: sampleRequest(sampleKey('p256', 'official')),
    origin: tester,
  });
  await republish(sides);
  return {
    sides,
    citizen: citizen.der,
    revokedCitizen: revoked.der,
    official: official.der,
  };
}

const administrator: Caller = {
  principal: { kind: 'system', name: 'administrator' },
  session: { isProtected: true, address: '', channel: 'cli' },
};

/** Copies what the other CAs' entries have into gunma's directory: one repository for verifiers of gunma. */
export async function integrate({ gunma, ...others }: Topology['sides']): Promise<void> {
  const { directory } = gunma.bed;
  const add = async (dn: string, attributes: readonly AttributeValues[]): Promise<void> => {
    await directory.add({ dn, attributes }, administrator);
  };
  const text = (description: string, ...values: readonly string[]): AttributeValues => ({
    description,
    values: values.map(encodeUtf8),
  });
  const unit = text('objectClass', 'organizationalUnit');
  await add('ou=Prefectural Association For JPKI,o=JPKI,c=JP', [
    unit,
    text('ou', 'Prefectural Association For JPKI'),
  ]);
  await add('o=Japanese Government,c=JP', [
    text('objectClass', 'organization'),
    text('o', 'Japanese Government'),
  ]);
  for (const { bed } of Object.values(others)) {
    const { issuer } = bed.policy.names;
    const [ou = ''] = /(?<=^OU=)[^,]+/.exec(issuer) ?? [];
    const copied = await copiesOf(bed);
    await add(issuer, [
      text('objectClass', 'organizationalUnit', 'pkiCA'),
      text('ou', ou),
      ...copied,
    ]);
  }
}

async function copiesOf(bed: CaTestBed): Promise<readonly AttributeValues[]> {
  const copied: AttributeValues[] = [];
  for (const type of ['cACertificate', 'crossCertificatePair', 'authorityRevocationList']) {
    const values = await bed.published(bed.policy.names.issuer, type);
    copied.push({ description: `${type};binary`, values });
  }
  return copied;
}

/** The copies again, as the entries are now. */
export async function refreshCopies({ gunma, ...others }: Topology['sides']): Promise<void> {
  for (const { bed } of Object.values(others)) {
    const changes = (await copiesOf(bed)).map(({ description, values }) => ({
      ...({ operation: 'replace', attribute: description, values } as const),
    }));
    await gunma.bed.directory.modify({ dn: bed.policy.names.issuer, changes }, administrator);
  }
}

/** A second later, the lists of all. */
export async function republish(sides: Topology['sides']): Promise<void> {
  for (const { bed } of Object.values(sides)) {
    await bed.clock.advance(1000);
    await bed.ca.publishAll(tester);
  }
}

async function issueCitizen(
  { bed }: Side,
  name: string,
): Promise<{ readonly serialNumber: bigint; readonly der: Uint8Array }> {
  const [municipality] = bed.policy.municipalities.list;
  const { certificate, serialNumber } = await bed.ca.issue({
    profile: 'end-entity',
    csr: sampleRequest(sampleKey('p256', name)),
    municipality: municipality?.code5 ?? '',
    subjectAttributes: { ...hanako, address: name === 'citizen' ? '群馬県前橋市' : '群馬県高崎市' },
    origin: tester,
  });
  return { serialNumber, der: certificate.der };
}

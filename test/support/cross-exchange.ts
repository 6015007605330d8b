/**
 * CAs that are cross-certified with each other, in one process on simulated time: the prefectural CAs, the bridge of the
 * JPKI, a second bridge and a ministry CA; and the steps of an exchange between two of them.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { join } from 'node:path';

import type { CrossOutcome } from '../../src/ca/bridge/cross-change.ts';
import type { ExtensionDefinition } from '../../src/ca/policy/extension-definition.ts';
import { loadPolicy, type Policy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { fromBase64 } from '../../src/ca/records/cross-record.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { type CaTestBed, smallGunma, tester } from './ca-test-bed.ts';

/** The bridge as it ships. */
export const bca: Policy = await loadPolicy(shippedPolicyFile('bca'));

/** With a key that is quick to make. */
export const smallBca: Policy = withQuickKey(bca);

export const smallTokyo: Policy = withQuickKey(await loadPolicy(shippedPolicyFile('tokyo')));

function withQuickKey(policy: Policy): Policy {
  const authority = {
    ...policy.keys.authority,
    type: 'ec-p256',
    signature: 'ecdsa-sha256',
  } as const;
  return { ...policy, keys: { ...policy.keys, authority } };
}

const government = 'OU=BridgeCA,O=Japanese Government,C=JP';
const ministry = 'OU=Ministry CA,O=Japanese Government,C=JP';
const title = { ja: '試験', en: 'test' };

/** A CA of the government: like the bridge, with other names, and peers of its own. */
function governmentCa(
  id: string,
  issuer: string,
  rest: Pick<Policy, 'cross' | 'profiles'>,
): Policy {
  const anyone = {
    who: { kind: 'anyone' },
    target: { subtree: 'O=Japanese Government,C=JP' },
    attributes: [
      ...['entry', 'objectClass', 'ou', 'cn', 'cACertificate', 'crossCertificatePair'],
      ...['authorityRevocationList', 'certificateRevocationList'],
    ],
    rights: ['read', 'search', 'compare'],
  } as const;
  return {
    ...smallBca,
    ...rest,
    id,
    names: { ...smallBca.names, issuer, issuerAlternative: 'O=日本国政府,C=JP' },
    access: [anyone],
    directory: { ...smallBca.directory, operators: `OU=Operators,${issuer}` },
    baseTreeFile: join(packageRoot, 'test/fixtures/ldif/government.ldif'),
  };
}

const { 'cross-government': toGovernment, ...commonProfiles } = smallBca.profiles;
assert(toGovernment !== undefined);
const plainCross = commonProfiles['cross-prefecture'];
assert(plainCross !== undefined);

const governmentPolicies = {
  type: 'certificatePolicies',
  critical: true,
  policies: ['government'],
} as const;

/** Within the government: its own policy. */
const withinGovernment = {
  ...plainCross,
  extensions: plainCross.extensions.map((one) =>
    one.type === 'certificatePolicies' ? governmentPolicies : one,
  ),
};

/** The government's word for the JPKI: a citizen's policy is as good as an official's. */
const toJpki = {
  ...plainCross,
  extensions: plainCross.extensions.flatMap((one): ExtensionDefinition[] =>
    one.type === 'certificatePolicies'
      ? [
          governmentPolicies,
          {
            type: 'policyMappings',
            critical: true,
            mappings: [{ issuer: 'government', subject: 'jpki' }],
          } as const,
        ]
      : [one],
  ),
};

const plainTerms = {
  maxYears: 5,
  policies: ['government'],
  mappings: [],
  leastPathLength: 0,
  nameConstraints: 'optional',
} as const;
const settings = { warningDays: [180, 90, 30, 7], connectionTest: true, approval: 'none' } as const;

export const smallGpki: Policy = governmentCa('gpki', government, {
  profiles: { ...commonProfiles, 'cross-jpki': toJpki, 'cross-ministry': withinGovernment },
  cross: {
    ...settings,
    peers: {
      bca: {
        title,
        name: bca.names.issuer,
        profile: 'cross-jpki',
        received: {
          ...plainTerms,
          policies: ['jpki'],
          mappings: [{ issuer: 'jpki', subject: 'government' }],
          leastPathLength: 1,
        },
      },
      ministry: { title, name: ministry, profile: 'cross-ministry', received: plainTerms },
    },
  },
});

const plainMinistry: Policy = governmentCa('ministry', ministry, {
  profiles: {
    ...commonProfiles,
    'cross-bridge': withinGovernment,
    official: {
      ...plainCross,
      kind: 'service',
      subject: 'CN=Official {issueId},OU=Ministry,O=Japanese Government,C=JP',
      scope: 'officials',
      validity: { years: 3, beyondIssuer: 'shorten' },
      extensions: [
        { type: 'authorityKeyIdentifier', critical: false, issuerAndSerial: false },
        { type: 'subjectKeyIdentifier', critical: false },
        { type: 'keyUsage', critical: true, usages: ['digitalSignature', 'nonRepudiation'] },
        governmentPolicies,
        { type: 'cRLDistributionPoints', critical: false },
      ],
    },
  },
  cross: {
    ...settings,
    peers: {
      gpki: { title, name: government, profile: 'cross-bridge', received: plainTerms },
    },
  },
});

/** A ministry's CA, with a profile for its officials. */
export const smallMinistry: Policy = {
  ...plainMinistry,
  keys: {
    ...plainMinistry.keys,
    authority: {
      ...plainMinistry.keys.authority,
      certificates: ['self-signed', 'link', 'cross', 'end-entity'],
    },
  },
  crl: {
    ...plainMinistry.crl,
    scopes: [
      ...plainMinistry.crl.scopes,
      {
        id: 'officials',
        partition: 'single',
        distributionPoint: `CN=CRL,${ministry}`,
      },
    ],
  },
};

export { smallGunma };

/** One CA and what the other calls it. */
export interface Side {
  readonly bed: CaTestBed;
  readonly id: string;
}

export function sha256(der: Uint8Array): string {
  return hash('sha256', der, 'hex');
}

/** `by` examines `of`'s request, made now. */
export async function bringRequest(of: Side, by: Side): Promise<void> {
  const request = await of.bed.ca.bridge.request(by.id, tester);
  const certificate = of.bed.ca.certificate.der;
  const given = { request, certificate, fingerprint: sha256(certificate) };
  await by.bed.ca.bridge.takeRequest(of.id, given, tester);
}

/** `by` reads `of`'s directory as the connection test does. */
export async function testConnection(of: Side, by: Side): Promise<void> {
  const { issuer } = of.bed.policy.names;
  const findings = await by.bed.ca.bridge.takeTest(
    of.id,
    {
      url: 'ldap://peer.example',
      certificates: await of.bed.published(issuer, 'cACertificate'),
      lists: await of.bed.published(issuer, 'authorityRevocationList'),
    },
    tester,
  );
  assert.deepEqual(findings, []);
}

export async function issueFor(of: Side, by: Side, isRenewal = false): Promise<Certificate> {
  const signing = await by.bed.ca.bridge.issue(of.id, { origin: tester, isRenewal });
  assert(signing.kind === 'issued');
  return signing.certificate;
}

/** `of` takes `by`'s certificate for it, and `by` the receipt. @returns what became of both sides. */
export async function handOver(
  certificate: Certificate,
  of: Side,
  by: Side,
): Promise<readonly [CrossOutcome, CrossOutcome]> {
  const accepted = await of.bed.ca.bridge.accept(by.id, certificate.der, { origin: tester });
  const receipt = { text: accepted.receipt, isPaper: false };
  return [accepted, await by.bed.ca.bridge.takeReceipt(of.id, receipt, tester)];
}

/** The whole exchange, both ways (gunma 4-6 to 4-8). */
export async function crossCertify(one: Side, other: Side): Promise<void> {
  await bringRequest(one, other);
  await bringRequest(other, one);
  await testConnection(one, other);
  await testConnection(other, one);
  await handOver(await issueFor(one, other), one, other);
  await handOver(await issueFor(other, one), other, one);
}

/** Values of crossCertificatePair in a CA's entry. */
export function pairsOf({ bed }: Side): Promise<readonly Uint8Array[]> {
  return bed.published(bed.policy.names.issuer, 'crossCertificatePair');
}

/** The newest certificates of the exchange as `side` has it. */
export async function newestOf(
  { bed }: Side,
  peer: string,
): Promise<{ readonly issued: Uint8Array | undefined; readonly received: Uint8Array | undefined }> {
  const { record } = await bed.ca.bridge.standing(peer);
  const [issued, received] = [record.issued.at(-1)?.der, record.received.at(-1)?.der];
  return {
    issued: issued === undefined ? undefined : fromBase64(issued),
    received: received === undefined ? undefined : fromBase64(received),
  };
}

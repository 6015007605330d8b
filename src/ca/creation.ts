/**
 * Making a CA: its first key, its self-signed certificate, its entries in the directory and the empty
 * records of its lists. Can be run again after a failure: a key or an entry that an earlier run left
 * is taken up, and there is a CA only when the last transaction is durable.
 *
 * @module
 */

import { createReadStream } from 'node:fs';

import type { AuditOrigin } from '../audit/audit-log.ts';
import { recordDigest } from '../audit/record-digest.ts';
import { formatHex } from '../core/bytes.ts';
import type { Directory } from '../directory/directory.ts';
import { type LdifRecord, readLdif } from '../directory/ldif/ldif-reader.ts';
import type { AttributeValues, Caller } from '../directory/service.ts';
import { SigningError } from '../signing/errors.ts';
import type { KeyDescription, KeyUsagePurpose } from '../signing/signer.ts';
import type { ReadView, Transaction } from '../store/store.ts';
import type { Certificate } from '../x509/certificate.ts';
import { computeKeyIdentifier } from '../x509/key-identifier.ts';
import { nameFromText } from '../x509/name.ts';
import { importVerifyingKey } from '../x509/verify-signature.ts';
import { type CaParts, type SigningAuthority, transactAsOwner } from './ca-core.ts';
import {
  type CertificateDraft,
  recordCertificate,
  reserveSerialNumber,
  signCertificate,
} from './certificates/certificate-making.ts';
import { formatSerialNumber } from './certificates/serial-number.ts';
import { CaError } from './errors.ts';
import { addScope, managedAuthorityEntry } from './lists/scope-entries.ts';
import { keyTypeOf, signatureAlgorithmOf } from './policy/policy.ts';
import type { Profile } from './policy/profile.ts';
import { CURRENT_LAYOUT, encodeAuthorityRecord } from './records/authority-record.ts';

/** What the CA's key may sign; the request is for a certificate by another CA. */
const CA_KEY_PURPOSES: readonly KeyUsagePurpose[] = ['certificate', 'crl', 'request'];
const FIRST_GENERATION = 1;

/**
 * Makes the CA of the policy in an empty store.
 *
 * @param parts With an owner that has been claimed.
 * @throws {CaError} `CA_EXISTS`; `CA_KEY_MISMATCH` when the token has a key of that name that is no
 *   key for this CA; `CA_LINT`, `CA_SIGNATURE_WRONG`.
 * @throws {DirectoryError} when the base tree is refused. @throws {SigningError}
 */
export async function createAuthority(
  parts: CaParts,
  directory: Directory,
  origin: AuditOrigin,
): Promise<void> {
  const snapshot = parts.store.snapshot();
  await refuseExisting(parts, snapshot).finally(() => snapshot.close());
  const key = await obtainKey(parts, FIRST_GENERATION);
  await loadBaseTree(parts, directory, origin);
  const profile = selfSignedProfile(parts);
  const draft = await draftCertificate(parts, { key, profile, origin });
  const authority: SigningAuthority = {
    keyLabel: key.label,
    algorithm: signatureAlgorithmOf(parts.policy.keys.authority.signature),
    reference: {
      name: draft.subject,
      keyIdentifier: computeKeyIdentifier(key.spki),
      serialNumber: draft.serialNumber,
    },
    certificate: undefined,
    verifyingKey: importVerifyingKey(draft.spki),
  };
  const certificate = await signCertificate(parts, authority, draft);
  await transactAsOwner(parts, 'ca: create', async (transaction) => {
    await writeAuthority(parts, transaction, { draft, certificate, key });
    await parts.audit.append(transaction, {
      kind: 'ca.create',
      result: 'done',
      origin,
      subject: parts.policy.id,
      after: recordDigest(certificate.der),
      details: {
        serialNumber: formatSerialNumber(draft.serialNumber),
        keyLabel: key.label,
        keyIdentifier: formatHex(authority.reference.keyIdentifier),
        scopes: parts.scopes.list.length,
      },
    });
  });
}

/** The key's name in the token: the policy's id and the generation. */
export function keyLabelOf(policyId: string, generation: number): string {
  return `${policyId}-ca-${generation}`;
}

/** Generates the key, or takes up the one that an interrupted run has generated. */
async function obtainKey(parts: CaParts, generation: number): Promise<KeyDescription> {
  const { policy, signer } = parts;
  const label = keyLabelOf(policy.id, generation);
  const type = keyTypeOf(policy.keys.authority.type);
  try {
    const { certificates } = policy.keys.authority;
    const { issuer, printable } = policy.names;
    const use = { issuer: nameFromText(issuer, { printable }).der, certificates };
    return await signer.generate({ label, type, purposes: CA_KEY_PURPOSES, use });
  } catch (error) {
    if (!(error instanceof SigningError) || error.code !== 'SIGNING_KEY_EXISTS') {
      throw error;
    }
  }
  const key = await signer.describe(label);
  const isOurs =
    JSON.stringify(key.type) === JSON.stringify(type) &&
    CA_KEY_PURPOSES.every((purpose) => key.purposes.includes(purpose));
  if (!isOurs) {
    throw new CaError(
      'CA_KEY_MISMATCH',
      `the token has a key ${label} of another type or for other purposes; use another token`,
    );
  }
  return key;
}

/** Adds what the base tree's file has and the directory lacks. */
async function loadBaseTree(
  parts: CaParts,
  directory: Directory,
  origin: AuditOrigin,
): Promise<void> {
  const caller: Caller = {
    principal: { kind: 'system', name: origin.actor },
    session: { isProtected: true, address: origin.address ?? 'local', channel: origin.channel },
  };
  for await (const record of readLdif(createReadStream(parts.policy.baseTreeFile))) {
    const snapshot = parts.store.snapshot();
    const isThere = await parts.entries
      .hasEntry(snapshot, record.dn)
      .finally(() => snapshot.close());
    if (!isThere) {
      await directory.add({ dn: record.dn, attributes: attributesOf(record) }, caller);
    }
  }
}

function attributesOf(record: LdifRecord): readonly AttributeValues[] {
  const values = new Map<string, Uint8Array[]>();
  for (const { description, value } of record.attributes) {
    const known = values.get(description);
    if (known === undefined) {
      values.set(description, [value]);
    } else {
      known.push(value);
    }
  }
  return [...values].map(([description, list]) => ({ description, values: list }));
}

function selfSignedProfile({ profiles, policy }: CaParts): Profile {
  const profile = [...profiles.values()].find(
    ({ definition }) => definition.kind === 'self-signed',
  );
  if (profile === undefined) {
    throw new CaError('CA_PROFILE_UNKNOWN', `${policy.id} has no self-signed profile`);
  }
  return profile;
}

/** Reserves the serial number, durably and recorded, and works out the rest. */
function draftCertificate(
  parts: CaParts,
  {
    key,
    profile,
    origin,
  }: {
    readonly key: KeyDescription;
    readonly profile: Profile;
    readonly origin: AuditOrigin;
  },
): Promise<CertificateDraft> {
  return transactAsOwner(parts, 'ca: reserve serial number', async (transaction) => {
    await refuseExisting(parts, transaction);
    const serialNumber = await reserveSerialNumber(parts, transaction);
    await parts.audit.append(transaction, {
      kind: 'certificate.issue.intent',
      result: 'done',
      origin,
      subject: formatSerialNumber(serialNumber),
      details: { profile: profile.name, keyLabel: key.label },
    });
    return {
      profile,
      scope: parts.scopes.of(profile.definition.scope, undefined),
      serialNumber,
      subject: profile.subject(undefined, ''),
      spki: key.spki,
      validity: profile.validity(parts.clock.nowMs(), undefined),
      subjectAttributes: undefined,
    };
  });
}

async function refuseExisting({ policy, tables }: CaParts, view: ReadView): Promise<void> {
  if ((await view.read(tables.authority)) !== undefined) {
    throw new CaError('CA_EXISTS', `the store holds the CA ${policy.id} already`);
  }
}

async function writeAuthority(
  parts: CaParts,
  transaction: Transaction,
  {
    draft,
    certificate,
    key,
  }: {
    readonly draft: CertificateDraft;
    readonly certificate: Certificate;
    readonly key: KeyDescription;
  },
): Promise<void> {
  const { entries, policy, tables, scopes, clock } = parts;
  await refuseExisting(parts, transaction);
  const caEntry = managedAuthorityEntry(policy);
  await entries.ensureEntry(transaction, caEntry);
  await entries.replaceValues(transaction, caEntry.dn, {
    description: 'cACertificate',
    values: [certificate.der],
  });
  for (const scope of scopes.list) {
    await addScope(parts, transaction, scope);
  }
  const generation = FIRST_GENERATION;
  await recordCertificate(parts, transaction, { draft, certificate, generation });
  const createdMs = clock.nowMs();
  transaction.put(
    tables.authority,
    encodeAuthorityRecord({
      layout: CURRENT_LAYOUT,
      createdMs,
      generations: [
        {
          number: generation,
          keyLabel: key.label,
          createdMs: key.createdMs,
          certificate: certificate.der,
          state: 'current',
          stateSinceMs: createdMs,
        },
      ],
    }),
  );
}

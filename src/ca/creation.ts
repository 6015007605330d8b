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
import type { KeyDescription } from '../signing/signer.ts';
import type { ReadView, Transaction } from '../store/store.ts';
import type { Certificate } from '../x509/certificate.ts';
import { type CaParts, transactAsOwner } from './ca-core.ts';
import {
  type CertificateDraft,
  recordCertificate,
  reserveSerialNumber,
  signCertificate,
} from './certificates/certificate-making.ts';
import { formatSerialNumber } from './certificates/serial-number.ts';
import { CaError } from './errors.ts';
import { obtainKey, ownProfile, signingAuthority } from './generations/authority-key.ts';
import { addScope, managedAuthorityEntry } from './lists/scope-entries.ts';
import type { Profile } from './policy/profile.ts';
import { CURRENT_LAYOUT, encodeAuthorityRecord } from './records/authority-record.ts';

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
  const profile = ownProfile(parts, 'self-signed');
  const draft = await draftCertificate(parts, { key, profile, origin });
  const authority = signingAuthority(parts, key, draft);
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
      scope: parts.scopes.of(profile.definition.scope),
      serialNumber,
      subject: profile.subject(),
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
  scopes.followGenerations([FIRST_GENERATION]);
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

/**
 * The register of certificates against itself: each certificate as the CA signed it, found under its
 * indexes, with a state that its scope knows of.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import { eachMember, everyMember } from '../../store/key-sets.ts';
import type { ReadView } from '../../store/store.ts';
import { type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { verifySignature } from '../../x509/verify-signature.ts';
import {
  digestOfSubject,
  findCertificate,
  type RegisteredCertificate,
} from '../certificates/certificate-register.ts';
import { digestOfKey } from '../certificates/issue-request.ts';
import { formatSerialNumber } from '../certificates/serial-number.ts';
import { serialNumberOfKey } from '../records/ca-tables.ts';
import {
  type ConsistencyContext,
  type ConsistencyFault,
  faultOf,
  inconsistent,
} from './consistency-fault.ts';

/** A revoked certificate, as far as lists are checked against it. */
export interface RevokedCertificate {
  readonly sequence: bigint;
  readonly revokedMs: number;
  readonly reason: number;
  readonly notAfterMs: number;
}

/** By scope and serial number. */
export type RevokedByScope = Map<string, Map<bigint, RevokedCertificate>>;

/** Checks every certificate, and gathers the revoked ones. */
export async function* findCertificateFaults(
  context: ConsistencyContext,
  revoked: RevokedByScope,
): AsyncGenerator<ConsistencyFault, void, undefined> {
  const { view, tables, tally } = context;
  let statuses = 0;
  for await (const key of view.keys(tables.certificates)) {
    const serialNumber = serialNumberOfKey(key);
    const subject = formatSerialNumber(serialNumber);
    tally.certificates += 1;
    try {
      const found = await findCertificate(view, tables, { serialNumber, nowMs: context.nowMs });
      if (found !== undefined) {
        statuses += found.status === undefined ? 0 : 1;
        for (const message of await messagesOf(context, found)) {
          yield inconsistent(subject, message);
        }
        noteRevoked(context, revoked, found);
      }
    } catch (error) {
      yield faultOf(subject, error);
    }
    await context.step();
  }
  yield* checkTables(context, statuses);
}

/** No more rows than certificates account for. */
async function* checkTables(
  { view, tables, tally, hasIndexes }: ConsistencyContext,
  statuses: number,
): AsyncGenerator<ConsistencyFault, void, undefined> {
  const subject = 'certificates';
  const kept = await countOf(view.keys(tables.statuses));
  if (kept !== statuses) {
    const message = `${kept} states are kept of ${statuses} certificates`;
    yield inconsistent(subject, message);
  }
  if (!hasIndexes) {
    const message = 'the indexes are of an older version; they are made anew when the CA is opened';
    yield inconsistent(subject, message);
    return;
  }
  const indexes = [
    ['subjects', 'subject'],
    ['public keys', 'publicKey'],
  ] as const;
  for (const [what, name] of indexes) {
    const count = await countOf(everyMember(view, tables.indexes(name)));
    if (count !== tally.certificates) {
      const message = `${count} ${what} are kept of ${tally.certificates} certificates`;
      yield inconsistent(subject, message);
    }
  }
}

async function messagesOf(
  { authorities, scopes, view, tables, tally, hasIndexes }: ConsistencyContext,
  found: RegisteredCertificate,
): Promise<readonly string[]> {
  const messages: string[] = [];
  const certificate = parseCertificate(found.der);
  // The CA's own, self-signed or a link: nobody has asked for it.
  tally.ownCertificates += equalBytes(certificate.subject.der, certificate.issuer.der) ? 1 : 0;
  if (certificate.serialNumber !== found.serialNumber) {
    messages.push('the certificate has another serial number');
  }
  if (certificate.notAfterMs !== found.notAfterMs) {
    messages.push('the record has another end of validity than the certificate');
  }
  const authority = authorities.find(({ generation }) => generation === found.generation);
  if (authority === undefined) {
    messages.push(`it is on record under key ${found.generation}, which the CA never had`);
  } else if (!isSignedWith(certificate, authority.certificate.spki, authority)) {
    messages.push("the CA's signature does not verify");
  }
  if (!scopes.list.some(({ id }) => id === found.scopeId)) {
    messages.push(`its revocation belongs into ${found.scopeId}, and there is no such list`);
  }
  if (hasIndexes) {
    const indexes = [
      ['subject', digestOfSubject(certificate.subject)],
      ['publicKey', digestOfKey(certificate.spki)],
    ] as const;
    for (const [index, digest] of indexes) {
      if (!(await hasMember(view, tables.index(index, digest), found.serialNumber))) {
        messages.push(`it is not found by its ${index === 'subject' ? 'subject' : 'public key'}`);
      }
    }
  }
  return messages;
}

function isSignedWith(
  { tbs: message, signature }: Certificate,
  spki: Uint8Array,
  { algorithm }: ConsistencyContext['authorities'][number],
): boolean {
  return verifySignature({ spki, algorithm, message, signature });
}

function noteRevoked(
  { tally }: ConsistencyContext,
  revoked: RevokedByScope,
  { serialNumber, scopeId, notAfterMs, status }: RegisteredCertificate,
): void {
  if (status?.state !== 'revoked' && status?.state !== 'held') {
    return;
  }
  tally.revoked += status.state === 'revoked' ? 1 : 0;
  const { sequence: own, sinceMs: revokedMs, reason, alsoListed = [] } = status;
  for (const { scopeId: id, sequence } of [{ scopeId, sequence: own }, ...alsoListed]) {
    const ofScope = revoked.get(id) ?? new Map<bigint, RevokedCertificate>();
    revoked.set(id, ofScope);
    ofScope.set(serialNumber, { sequence, revokedMs, reason, notAfterMs });
  }
}

async function hasMember(view: ReadView, key: Uint8Array, serialNumber: bigint): Promise<boolean> {
  for await (const member of eachMember(view, key)) {
    if (serialNumberOfKey(member) === serialNumber) {
      return true;
    }
  }
  return false;
}

async function countOf(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _item of items) {
    count += 1;
  }
  return count;
}

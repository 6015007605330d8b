/**
 * The peers of a policy, and the records of what was exchanged with each.
 *
 * @module
 */

import type { ReadView, Transaction } from '../../store/store.ts';
import { type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { type Name, nameFromText } from '../../x509/name.ts';
import { CaError } from '../errors.ts';
import type { CrossPeer } from '../policy/cross-policy.ts';
import type { Policy } from '../policy/policy.ts';
import type { CaTables } from '../records/ca-tables.ts';
import {
  type CrossRecord,
  emptyCrossRecord,
  encodeCrossRecord,
  fromBase64,
  parseCrossRecord,
} from '../records/cross-record.ts';
import type { ReceivedTerms } from './certificate-examination.ts';

/** The peers' names, in the policy's order. */
export function peerNames({ cross }: Pick<Policy, 'cross'>): readonly string[] {
  return Object.keys(cross?.peers ?? {});
}

/** @throws {CaError} `CA_CROSS_PEER_UNKNOWN` */
export function peerOf(policy: Policy, peer: string): CrossPeer {
  const peers = policy.cross?.peers ?? {};
  const found = Object.hasOwn(peers, peer) ? peers[peer] : undefined;
  if (found === undefined) {
    const known = Object.keys(peers);
    throw new CaError(
      'CA_CROSS_PEER_UNKNOWN',
      known.length === 0
        ? `${policy.id} exchanges certificates with no other CA (cross.peers in the policy)`
        : `the policy's peers are ${known.join(', ')}`,
    );
  }
  return found;
}

/** The peer's name by the policy, however its own certificate encodes it. */
export function nameOfPeer({ names }: Policy, { name }: CrossPeer): Name {
  return nameFromText(name, { printable: names.printable });
}

/** What a certificate of the peer's has to say, in object identifiers. */
export function termsOf(policy: Policy, { received }: CrossPeer): ReceivedTerms {
  const { policyIdentifiers, environment } = policy;
  const oidOf = (name: string): string => policyIdentifiers[name]?.[environment] ?? name;
  return {
    ...received,
    policies: received.policies.map(oidOf),
    mappings: received.mappings.map(({ issuer, subject }) => ({
      issuerDomain: oidOf(issuer),
      subjectDomain: oidOf(subject),
    })),
  };
}

/** @throws {CaError} `CA_RECORD_DAMAGED` */
export async function readCross(
  view: ReadView,
  tables: Pick<CaTables, 'cross'>,
  peer: string,
): Promise<CrossRecord> {
  const bytes = await view.read(tables.cross(peer));
  return bytes === undefined ? emptyCrossRecord(peer) : parseCrossRecord(bytes);
}

export function writeCross(
  transaction: Transaction,
  tables: Pick<CaTables, 'cross'>,
  record: CrossRecord,
): void {
  transaction.put(tables.cross(record.peer), encodeCrossRecord(record));
}

/** Of every peer that there ever was something with, also those that the policy has no more. */
export async function readAllCross(
  view: ReadView,
  tables: Pick<CaTables, 'crosses'>,
): Promise<readonly CrossRecord[]> {
  const records: CrossRecord[] = [];
  for await (const [, bytes] of view.range(tables.crosses)) {
    records.push(parseCrossRecord(bytes));
  }
  return records;
}

/**
 * The peer's own certificate.
 *
 * @throws {CaError} `CA_CROSS_STATE` before it was examined.
 */
export function trustedOf({ trusted, peer }: CrossRecord): Certificate {
  if (trusted === undefined) {
    throw new CaError(
      'CA_CROSS_STATE',
      `${peer} is known by name alone: examine its request and its own certificate first`,
    );
  }
  return parseCertificate(fromBase64(trusted.der));
}

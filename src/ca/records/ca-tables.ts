/**
 * Where the engine keeps what it knows: tables of one CA within the store.
 *
 *     ca ‖ table (1) ‖ policy id ‖ 0 ‖ key within the table
 *
 * The policy's id is part of every key, so that several CAs can share a store.
 *
 * @module
 */

import { decodeUtf8, encodeUtf8, prefixEnd } from '../../core/bytes.ts';
import { encodeUint64, Keyspace, keyOf } from '../../store/keyspace.ts';
import type { KeyRange } from '../../store/store.ts';
import { encodeSerialKey } from '../certificates/serial-number.ts';

/** Never given a second meaning. */
const Table = {
  authority: 0x01,
  owner: 0x02,
  counters: 0x03,
  responder: 0x04,
  service: 0x05,
  cross: 0x06,
  certificate: 0x10,
  status: 0x11,
  reservation: 0x12,
  /** The three indexes of layout 1, a row for each certificate (`index-layout.ts`). */
  formerSubject: 0x13,
  formerSubscriber: 0x14,
  formerPublicKey: 0x15,
  subject: 0x16,
  subscriber: 0x17,
  publicKey: 0x18,
  scope: 0x20,
  /** A row for each entry of a list; layouts 1 and 2 (`list-layout.ts`). */
  formerEntry: 0x21,
  archive: 0x22,
  waitingEntries: 0x23,
  ledger: 0x24,
  ledgerChunk: 0x25,
  withdrawal: 0x26,
  scopeTerms: 0x28,
  numbered: 0x29,
  deltaArchive: 0x2a,
  filling: 0x2b,
  ledgerGone: 0x2c,
  request: 0x40,
  openRequest: 0x41,
  requestKey: 0x42,
  requestSubject: 0x43,
  delivery: 0x58,
  openDelivery: 0x59,
  deliveryOrder: 0x5a,
  deliveryReference: 0x5b,
  notice: 0x5c,
  onlineRequest: 0x5d,
} as const;

const end = Uint8Array.of(0);

export const indexNames = ['subject', 'subscriber', 'publicKey'] as const;
export type IndexName = (typeof indexNames)[number];

const formerTables = {
  subject: Table.formerSubject,
  subscriber: Table.formerSubscriber,
  publicKey: Table.formerPublicKey,
} as const satisfies Record<IndexName, number>;

/** The keys of one CA. */
export class CaTables {
  readonly #id: Uint8Array;

  constructor(policyId: string) {
    this.#id = encodeUtf8(policyId);
  }

  /** The CA's keys and certificates (`authority-record.ts`). */
  get authority(): Uint8Array {
    return this.#key(Table.authority);
  }

  /** Which process writes: a random id taken at each opening (I13). */
  get owner(): Uint8Array {
    return this.#key(Table.owner);
  }

  /** How many certificates were issued and revoked (`counters-record.ts`). */
  get counters(): Uint8Array {
    return this.#key(Table.counters);
  }

  /** The delegated OCSP responder of a generation of the CA's key (`responder-record.ts`). */
  responder(generation: number): Uint8Array {
    // The first has the key that there was before there were generations.
    return generation === 1
      ? this.#key(Table.responder)
      : this.#key(Table.responder, encodeUint64(generation));
  }

  /** What ends the service, or a key's (`service-record.ts`). */
  get service(): Uint8Array {
    return this.#key(Table.service);
  }

  /** What was exchanged with a peer CA, by its name in the policy (`cross-record.ts`). */
  cross(peer: string): Uint8Array {
    return this.#key(Table.cross, encodeUtf8(peer));
  }

  get crosses(): KeyRange {
    return this.#range(Table.cross);
  }

  /** A certificate as issued; never changed (`certificate-record.ts`). */
  certificate(serialNumber: bigint): Uint8Array {
    return this.#key(Table.certificate, encodeSerialKey(serialNumber));
  }

  get certificates(): KeyRange {
    return this.#range(Table.certificate);
  }

  /** What became of it; absent while it is good (`certificate-record.ts`). */
  status(serialNumber: bigint): Uint8Array {
    return this.#key(Table.status, encodeSerialKey(serialNumber));
  }

  get statuses(): KeyRange {
    return this.#range(Table.status);
  }

  /** A serial number that was given out and whose certificate is not recorded (yet). */
  reservation(serialNumber: bigint): Uint8Array {
    return this.#key(Table.reservation, encodeSerialKey(serialNumber));
  }

  get reservations(): KeyRange {
    return this.#range(Table.reservation);
  }

  /** Serial numbers by the SHA-256 of a subject, subscriber or public key: a set (`store/key-sets.ts`). */
  index(name: IndexName, digest: Uint8Array): Uint8Array {
    return this.#key(Table[name], digest);
  }

  indexes(name: IndexName): KeyRange {
    return this.#range(Table[name]);
  }

  /** Rows of layout 1: the digest, then the serial number. */
  formerIndexes(name: IndexName): KeyRange {
    return this.#range(formerTables[name]);
  }

  /** The state of a list (`scope-record.ts`). */
  scope(scopeId: string): Uint8Array {
    return this.#key(Table.scope, encodeUtf8(scopeId));
  }

  /** What a list was when it was made (`partition-record.ts`). */
  scopeTerms(scopeId: string): Uint8Array {
    return this.#key(Table.scopeTerms, encodeUtf8(scopeId));
  }

  /** How far a family of numbered lists has come (`partition-record.ts`). */
  numbered(definitionId: string): Uint8Array {
    return this.#key(Table.numbered, encodeUtf8(definitionId));
  }

  get scopes(): KeyRange {
    return this.#range(Table.scope);
  }

  /** The scope that a key of `scopes` is about. */
  scopeIdOf(key: Uint8Array): string {
    return decodeUtf8(key.subarray(this.#key(Table.scope).length)) ?? '';
  }

  /** Rows of layouts 1 and 2: one entry, in the order of revocation. */
  formerEntry(scopeId: string, sequence: bigint): Uint8Array {
    return this.#key(Table.formerEntry, encodeUtf8(scopeId), end, encodeUint64(sequence));
  }

  formerEntries(scopeId: string): KeyRange {
    return this.#range(Table.formerEntry, encodeUtf8(scopeId), end);
  }

  get allFormerEntries(): KeyRange {
    return this.#range(Table.formerEntry);
  }

  /** Entries that no list carries yet, by the first one's number (`waiting-entries.ts`). */
  waitingEntry(scopeId: string, firstSequence: bigint): Uint8Array {
    return this.#key(Table.waitingEntries, encodeUtf8(scopeId), end, encodeUint64(firstSequence));
  }

  waitingEntries(scopeId: string): KeyRange {
    return this.#range(Table.waitingEntries, encodeUtf8(scopeId), end);
  }

  /** What is to be known of the newest list's entries (`entry-ledger.ts`). */
  ledger(scopeId: string): Uint8Array {
    return this.#key(Table.ledger, encodeUtf8(scopeId));
  }

  ledgerChunk(scopeId: string, id: bigint): Uint8Array {
    return this.#key(Table.ledgerChunk, encodeUtf8(scopeId), end, encodeUint64(id));
  }

  /** Which entries of a chunk's row are in the list no more; absent when all are. */
  ledgerGone(scopeId: string, id: bigint): Uint8Array {
    return this.#key(Table.ledgerGone, encodeUtf8(scopeId), end, encodeUint64(id));
  }

  ledgerChunks(scopeId: string): KeyRange {
    return this.#range(Table.ledgerChunk, encodeUtf8(scopeId), end);
  }

  /** Entries that the next list leaves out although their certificates have not ended (`withdrawal.ts`). */
  withdrawal(scopeId: string, sequence: bigint): Uint8Array {
    return this.#key(Table.withdrawal, encodeUtf8(scopeId), end, encodeUint64(sequence));
  }

  withdrawals(scopeId: string): KeyRange {
    return this.#range(Table.withdrawal, encodeUtf8(scopeId), end);
  }

  /** A published list by number (`archive-record.ts`). */
  archive(scopeId: string, number: bigint): Uint8Array {
    return this.#key(Table.archive, encodeUtf8(scopeId), end, encodeUint64(number));
  }

  archives(scopeId: string): KeyRange {
    return this.#range(Table.archive, encodeUtf8(scopeId), end);
  }

  /** A request with its steps (`requests/request-record.ts`). */
  request(id: string): Uint8Array {
    return this.#key(Table.request, encodeUtf8(id));
  }

  get requests(): KeyRange {
    return this.#range(Table.request);
  }

  /** A row for each request that has not ended. */
  openRequest(id: string): Uint8Array {
    return this.#key(Table.openRequest, encodeUtf8(id));
  }

  get openRequests(): KeyRange {
    return this.#range(Table.openRequest);
  }

  /** The request that a key of a submission, given as its digest, has led to. */
  requestKey(digest: Uint8Array): Uint8Array {
    return this.#key(Table.requestKey, digest);
  }

  /** Ids of requests by the SHA-256 of what they are about: a set (`store/key-sets.ts`). */
  requestSubject(digest: Uint8Array): Uint8Array {
    return this.#key(Table.requestSubject, digest);
  }

  /** The request that a key of `requests` or `openRequests` is about. */
  requestIdOf(key: Uint8Array): string {
    return decodeUtf8(key.subarray(this.#key(Table.request).length)) ?? '';
  }

  /** How far a full list was given what came before it; absent once it was (`lists/full-list-filling.ts`). */
  filling(scopeId: string): Uint8Array {
    return this.#key(Table.filling, encodeUtf8(scopeId));
  }

  /** A published delta list by number; apart, since nothing about full lists is about them (`scope-record.ts`). */
  deltaArchive(scopeId: string, number: bigint): Uint8Array {
    return this.#key(Table.deltaArchive, encodeUtf8(scopeId), end, encodeUint64(number));
  }

  deltaArchives(scopeId: string): KeyRange {
    return this.#range(Table.deltaArchive, encodeUtf8(scopeId), end);
  }

  /** A certificate on its way to whom it is for (`delivery-record.ts`). */
  delivery(serialNumber: bigint): Uint8Array {
    return this.#key(Table.delivery, encodeSerialKey(serialNumber));
  }

  get deliveries(): KeyRange {
    return this.#range(Table.delivery);
  }

  /** There while something of it is to be done. */
  openDelivery(serialNumber: bigint): Uint8Array {
    return this.#key(Table.openDelivery, encodeSerialKey(serialNumber));
  }

  get openDeliveries(): KeyRange {
    return this.#range(Table.openDelivery);
  }

  /** The serial number by the SHA-256 of the order that the delivery was made for. */
  deliveryOrder(digest: Uint8Array): Uint8Array {
    return this.#key(Table.deliveryOrder, digest);
  }

  /** The same by that of the reference that subscribers fetch it with. */
  deliveryReference(digest: Uint8Array): Uint8Array {
    return this.#key(Table.deliveryReference, digest);
  }

  /** A notice of a change that was carried out, by the SHA-256 of its id (`change-notices.ts`). */
  notice(digest: Uint8Array): Uint8Array {
    return this.#key(Table.notice, digest);
  }

  /** A signed request that was taken, by the time until which it is remembered and its SHA-256. */
  onlineRequest(untilMs: number, digest: Uint8Array): Uint8Array {
    return this.#key(Table.onlineRequest, encodeUint64(untilMs), digest);
  }

  /** Those that need not be remembered any more. */
  pastOnlineRequests(nowMs: number): KeyRange {
    return {
      gte: this.#key(Table.onlineRequest),
      lt: this.#key(Table.onlineRequest, encodeUint64(nowMs)),
    };
  }

  get onlineRequests(): KeyRange {
    return this.#range(Table.onlineRequest);
  }

  #key(table: number, ...parts: readonly Uint8Array[]): Uint8Array {
    return keyOf(Keyspace.ca, Uint8Array.of(table), this.#id, end, ...parts);
  }

  #range(table: number, ...parts: readonly Uint8Array[]): KeyRange {
    const gte = this.#key(table, ...parts);
    const lt = prefixEnd(gte);
    return lt === undefined ? { gte } : { gte, lt };
  }
}

/** The serial number that a key of a table ends with, or that a member of an index is. */
export function serialNumberOfKey(key: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(key.subarray(key.length - 20)).toString('hex')}`);
}

/** The number that a key of `waitingEntries`, `withdrawals`, `archives` … ends with. */
export function numberOfKey(key: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(key.subarray(key.length - 8)).toString('hex')}`);
}

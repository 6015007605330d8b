/**
 * Cross-certification with other CAs, such as a bridge (gunma 4-6 to 4-10, R-XC): our request to a peer, its request examined
 * and answered with a certificate, its certificate for us examined and taken, receipts both ways, and the pair of both
 * in the CA's entry. What the last step completes becomes the pair in that step's own transaction; what it replaces is
 * revoked with it.
 *
 * Every step can be taken again after a failure. What is refused is told fault by fault, and nothing of it is stored.
 *
 * Not here: how files come and go (`cli/cross-command.ts`), reading a peer's directory (`app/cross-test.ts`).
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { recordDigest } from '../../audit/record-digest.ts';
import type { ReadView, Transaction } from '../../store/store.ts';
import { type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { parseCertificationRequest } from '../../x509/csr.ts';
import { type CaCore, reading, recordFailure } from '../ca-core.ts';
import { findReason } from '../certificates/certificate-state.ts';
import type { GroupOutcome } from '../certificates/revocation-group.ts';
import { CaError } from '../errors.ts';
import { type CrossRecord, fromBase64, toBase64 } from '../records/cross-record.ts';
import { type ExaminedCertificate, examineCertificate } from './certificate-examination.ts';
import {
  type CrossChange,
  type CrossEvent,
  type CrossOutcome,
  changeCross,
} from './cross-change.ts';
import {
  assertMayIssueNow,
  type PendingCross,
  prepareCross,
  signPending,
} from './cross-issuance.ts';
import { examineReceipt, writeReceipt } from './cross-receipt.ts';
import { examineDirectory, type PeerDirectory } from './directory-examination.ts';
import { assertFlawless, type Finding } from './finding.ts';
import { findOwnerOfKey } from './key-owner.ts';
import { makeOwnRequest } from './own-request.ts';
import {
  nameOfPeer,
  peerNames,
  peerOf,
  readAllCross,
  readCross,
  termsOf,
  trustedOf,
} from './peers.ts';
import { arePairsPublished, pairEndMs, withoutPair } from './published-pairs.ts';
import { findRenewalNeeds, type RenewalNeed } from './renewal-needs.ts';
import { type ExaminedRequest, examineRequest, type PeerRequest } from './request-examination.ts';

/** A CA that this one is cross-certified with, or was (gunma 2-6-1). */
export interface CertifiedPeer {
  readonly peer: string;
  readonly title: { readonly ja: string; readonly en: string };
  /** RFC 4514 text. */
  readonly name: string;
  readonly state: 'certified' | 'cancelled';
  readonly certifiedMs: number;
  readonly cancelledMs: number | undefined;
}

/** Where the exchange with a peer stands. */
export interface PeerStanding {
  readonly peer: string;
  readonly record: CrossRecord;
  readonly needs: readonly RenewalNeed[];
}

/** What custodians approve of, and what is signed. */
export type CrossSigning =
  | { readonly kind: 'issued'; readonly certificate: Certificate }
  | { readonly kind: 'waits'; readonly pending: PendingCross };

/** Who acts, and what is done in the same transaction. */
export interface CrossAct {
  readonly origin: AuditOrigin;
  readonly within?: CrossChange['within'];
}

interface Watchers {
  /** Told what was revoked, when it is durable. */
  readonly onRevoked: (outcome: GroupOutcome) => Promise<void>;
  /** Has the lists made that this made due. */
  readonly announce: () => void;
}

export class Bridge {
  readonly #core: CaCore;
  readonly #watchers: Watchers;

  constructor(core: CaCore, watchers: Watchers) {
    this.#core = core;
    this.#watchers = watchers;
  }

  /** The peers of the policy. */
  get peers(): readonly string[] {
    return peerNames(this.#core.policy);
  }

  /** @throws {CaError} `CA_CROSS_PEER_UNKNOWN` */
  async standing(peer: string): Promise<PeerStanding> {
    peerOf(this.#core.policy, peer);
    const { store, tables } = this.#core;
    const record = await reading(store, (view) => readCross(view, tables, peer));
    return { peer, record, needs: findRenewalNeeds(this.#core, record) };
  }

  /** The CAs with which there is a pair, or was (gunma 2-6-1, R-XC 5); in the policy's order. */
  async certifiedPeers(): Promise<readonly CertifiedPeer[]> {
    const { store, tables, policy } = this.#core;
    const records = await reading(store, (view) => readAllCross(view, tables));
    return this.peers.flatMap((peer): CertifiedPeer[] => {
      const { certifiedMs, cancelledMs, pair } = records.find((one) => one.peer === peer) ?? {};
      if (certifiedMs === undefined) {
        return [];
      }
      const { title, name } = peerOf(policy, peer);
      const state = pair === undefined ? 'cancelled' : 'certified';
      return [{ peer, title, name, state, certifiedMs, cancelledMs }];
    });
  }

  /**
   * Our request to the peer, for the key that issues: PKCS#10 in DER (gunma 4-6).
   *
   * @throws {CaError} `CA_CROSS_PEER_UNKNOWN`, `CA_ISSUING_STOPPED`. @throws {SigningError}
   */
  async request(peer: string, origin: AuditOrigin): Promise<Uint8Array> {
    return await this.#recorded('cross.request', { peer, origin }, async () => {
      const { authorities, clock } = this.#core;
      const { generation } = authorities.current;
      const der = await makeOwnRequest(this.#core, peer);
      await this.#change(
        peer,
        { kind: 'cross.request', origin, after: recordDigest(der) },
        (record) => ({
          ...record,
          ourRequest: { der: toBase64(der), generation, madeMs: clock.nowMs() },
        }),
      );
      return der;
    });
  }

  /** What keeps a certificate for the peer from being issued now; stores nothing. @throws as `issue`. */
  async assertIssuable(peer: string, isRenewal: boolean): Promise<void> {
    const { record } = await this.standing(peer);
    assertMayIssueNow(this.#core, record, isRenewal);
  }

  /** What is wrong with a peer's request; stores nothing. @throws {CaError} `CA_CROSS_PEER_UNKNOWN` */
  async examine(peer: string, given: PeerRequest): Promise<ExaminedRequest> {
    const { store } = this.#core;
    return await reading(store, (view) => this.#examineIn(view, peer, given));
  }

  /**
   * Examines a peer's request and takes it, if it has no fault (gunma 4-7).
   *
   * @throws {CaError} `CA_CROSS_REFUSED`, `CA_CROSS_PEER_UNKNOWN`
   */
  async takeRequest(peer: string, given: PeerRequest, origin: AuditOrigin): Promise<void> {
    await this.#recorded('cross.examine', { peer, origin }, async () => {
      const { findings, request, certificate } = await this.examine(peer, given);
      assertFlawless('the request', findings);
      if (request === undefined || certificate === undefined) {
        throw new CaError('CA_CROSS_REFUSED', 'the request cannot be read');
      }
      const event = { kind: 'cross.examine', origin, after: recordDigest(request.der) };
      await this.#change(peer, event, async (record, transaction) => {
        // Again: a certificate with that key may have come in between.
        const again = await this.#examineIn(transaction, peer, given);
        assertFlawless('the request', again.findings);
        const nowMs = this.#core.clock.nowMs();
        const isSame = record.trusted?.der === toBase64(certificate.der);
        return {
          ...record,
          trusted: {
            der: toBase64(certificate.der),
            confirmedMs: isSame ? (record.trusted?.confirmedMs ?? nowMs) : nowMs,
          },
          request: { der: toBase64(request.der), examinedMs: nowMs },
        };
      });
    });
  }

  /**
   * The connection test (gunma 4-7): what was read in the peer's directory shows its certificate, and a list that is
   * valid.
   *
   * @returns what is wrong; then nothing is stored.
   * @throws {CaError} `CA_CROSS_STATE` before the peer's request was examined.
   */
  async takeTest(
    peer: string,
    read: PeerDirectory,
    origin: AuditOrigin,
  ): Promise<readonly Finding[]> {
    return await this.#recorded('cross.test', { peer, origin }, async () => {
      const { clock } = this.#core;
      const { record } = await this.standing(peer);
      const findings = examineDirectory(read, {
        peer: trustedOf(record),
        nowMs: clock.nowMs(),
      });
      if (findings.length === 0) {
        const tested = { atMs: clock.nowMs(), url: read.url };
        const event = { kind: 'cross.test', origin, details: { url: read.url } };
        await this.#change(peer, event, (before) => ({ ...before, tested }));
      }
      return findings;
    });
  }

  /**
   * Issues our certificate for the peer (gunma 4-7).
   *
   * @param order `isRenewal`: also when the one that it has stands and says the same.
   * @returns the certificate, or what waits for the custodians' approval.
   * @throws {CaError} `CA_CROSS_STATE` before the request was examined and the connection tested, and when there is
   *   a certificate already; `CA_ISSUING_STOPPED`, `CA_ISSUER_ENDS`, `CA_LINT`. @throws {SigningError}
   */
  async issue(
    peer: string,
    order: {
      readonly origin: AuditOrigin;
      readonly isRenewal: boolean;
      readonly within?: (transaction: Transaction, certificate: Certificate) => Promise<void>;
    },
  ): Promise<CrossSigning> {
    const { origin, within } = order;
    return await this.#recorded('cross.issue', { peer, origin }, async () => {
      peerOf(this.#core.policy, peer);
      const pending = await prepareCross(this.#core, peer, order);
      try {
        const certificate = await signPending(this.#core, peer, { pending, origin, within });
        return { kind: 'issued', certificate };
      } catch (error) {
        if (isApprovalNeeded(error)) {
          return { kind: 'waits', pending };
        }
        throw error;
      }
    });
  }

  /**
   * Takes the peer's receipt for our newest certificate (gunma 4-8): its JSON document, or a note on the paper.
   *
   * @throws {CaError} `CA_CROSS_REFUSED`, `CA_CROSS_STATE` when nothing was issued or the receipt is there.
   */
  async takeReceipt(
    peer: string,
    receipt: { readonly text: string; readonly isPaper: boolean },
    origin: AuditOrigin,
  ): Promise<CrossOutcome> {
    return await this.#recorded('cross.receipt', { peer, origin }, async () => {
      peerOf(this.#core.policy, peer);
      const event = {
        kind: 'cross.receipt',
        origin,
        after: recordDigest(Buffer.from(receipt.text)),
      };
      return await this.#change(peer, event, (record) => {
        const newest = record.issued.at(-1);
        if (
          newest === undefined ||
          newest.receipt !== undefined ||
          newest.revokedMs !== undefined
        ) {
          throw new CaError('CA_CROSS_STATE', `no certificate for ${peer} waits for a receipt`);
        }
        if (!receipt.isPaper) {
          const certificate = parseCertificate(fromBase64(newest.der));
          assertFlawless('the receipt', examineReceipt(receipt.text, certificate));
        }
        const taken = {
          ...newest,
          receipt: { atMs: this.#core.clock.nowMs(), text: receipt.text },
        };
        return { ...record, issued: [...record.issued.slice(0, -1), taken] };
      });
    });
  }

  /**
   * What is wrong with a peer's certificate for this CA; stores nothing.
   *
   * @param given DER, or text with a PEM block.
   * @throws {CaError} `CA_CROSS_PEER_UNKNOWN`, `CA_CROSS_STATE` before the peer's request was examined: its own
   *   certificate has come with that.
   */
  async examineReceived(peer: string, given: Uint8Array | string): Promise<ExaminedCertificate> {
    const { record } = await this.standing(peer);
    return this.#examineFor(record, given);
  }

  /**
   * Examines a peer's certificate for this CA and takes it, if it has no fault (gunma 4-8).
   *
   * @returns also the receipt that the peer is to be given.
   * @throws {CaError} `CA_CROSS_REFUSED`, and what `examineReceived` throws.
   */
  async accept(
    peer: string,
    given: Uint8Array | string,
    { origin, within }: CrossAct,
  ): Promise<CrossOutcome & { readonly receipt: string }> {
    return await this.#recorded('cross.accept', { peer, origin }, async () => {
      const { certificate } = await this.examineReceived(peer, given);
      const after = certificate === undefined ? {} : { after: recordDigest(certificate.der) };
      const nowMs = this.#core.clock.nowMs();
      let receipt = '';
      const outcome = await this.#change(
        peer,
        { kind: 'cross.accept', origin, ...after },
        (record) => {
          const { findings, certificate: read } = this.#examineFor(record, given);
          assertFlawless('the certificate', findings);
          if (read === undefined) {
            throw new CaError('CA_CROSS_REFUSED', 'the certificate cannot be read');
          }
          receipt = writeReceipt(read, nowMs);
          const taken = {
            der: toBase64(read.der),
            acceptedMs: nowMs,
            receipt: { atMs: nowMs, text: receipt },
          };
          return { ...record, received: [...record.received, taken] };
        },
        { within },
      );
      return { ...outcome, receipt };
    });
  }

  /**
   * Ends the cross-certification (gunma 4-10): every certificate of ours for the peer is revoked, the pair leaves the
   * CA's entry, the peer's certificates count no more; one transaction. The list that says so does not wait.
   *
   * @throws {CaError} `CA_CROSS_STATE` when there is nothing to end, `CA_REASON_NOT_ALLOWED`.
   */
  async revoke(
    peer: string,
    order: CrossAct & { readonly reason: string },
  ): Promise<{ readonly revoked: readonly string[] }> {
    const { origin } = order;
    return await this.#recorded('cross.revoke', { peer, origin }, async () => {
      const { policy, clock } = this.#core;
      peerOf(policy, peer);
      const reason = findReason(order.reason, policy.revocation.reasons);
      let revoked: readonly string[] = [];
      const event = { kind: 'cross.revoke', origin, details: { reason } };
      await this.#change(
        peer,
        event,
        (record) => {
          const nowMs = clock.nowMs();
          revoked = aliveIssued(record, nowMs);
          const isOver =
            revoked.length === 0 &&
            record.pair === undefined &&
            record.received.every(({ endedMs }) => endedMs !== undefined);
          if (isOver) {
            throw new CaError('CA_CROSS_STATE', `there is nothing with ${peer} to end`);
          }
          const received = record.received.map((one) => ({ endedMs: nowMs, ...one }));
          const { pending: _given, ourRequest: _asked, request: _theirs, ...rest } = record;
          return { ...withoutPair(rest, nowMs), received };
        },
        { revocation: () => ({ serialNumbers: revoked, reason }), within: order.within },
      );
      return { revoked };
    });
  }

  /** When something is to be done by itself, in epoch milliseconds; undefined when nothing is. */
  async dueMs(): Promise<number | undefined> {
    const { store, tables } = this.#core;
    const records = await reading(store, (view) => readAllCross(view, tables));
    const ends = records.flatMap((record) => pairEndMs(record) ?? []);
    return ends.length === 0 ? undefined : Math.min(...ends) + 1000;
  }

  /** What of all pairs has to be replaced, by peer. */
  async needs(): Promise<readonly PeerStanding[]> {
    const standings = await Promise.all(this.peers.map((peer) => this.standing(peer)));
    return standings.filter(({ needs }) => needs.length > 0);
  }

  /** Takes pairs of which a certificate has ended out of the CA's entry. */
  async dropEnded(origin: AuditOrigin): Promise<void> {
    const { store, tables, clock } = this.#core;
    const records = await reading(store, (view) => readAllCross(view, tables));
    for (const { peer, ...rest } of records) {
      const endMs = pairEndMs({ peer, ...rest });
      if (endMs !== undefined && endMs < clock.nowMs()) {
        const event = { kind: 'cross.end', origin };
        await this.#change(peer, event, (record) => withoutPair(record, clock.nowMs()));
      }
    }
  }

  /** True when the CA's entry has the pairs that the records say. */
  async isPublished(view: ReadView): Promise<boolean> {
    return await arePairsPublished(this.#core, view);
  }

  async #examineIn(view: ReadView, peer: string, given: PeerRequest): Promise<ExaminedRequest> {
    const { policy, clock } = this.#core;
    const owner = await findOwnerOfKey(this.#core, view, { ...given, peer });
    return examineRequest(given, {
      name: nameOfPeer(policy, peerOf(policy, peer)),
      nowMs: clock.nowMs(),
      owner,
    });
  }

  #examineFor(record: CrossRecord, given: Uint8Array | string): ExaminedCertificate {
    const { authorities, policy, clock } = this.#core;
    const { ourRequest, peer } = record;
    const examined = examineCertificate(given, {
      peer: trustedOf(record),
      own: authorities.current.certificate,
      formerKeys: authorities.all.map(({ certificate }) => certificate.spki),
      askedFor: ourRequest && parseCertificationRequest(fromBase64(ourRequest.der)).spki,
      terms: termsOf(policy, peerOf(policy, peer)),
      nowMs: clock.nowMs(),
      utcOffsetMs: policy.utcOffsetMs,
    });
    const der = examined.certificate && toBase64(examined.certificate.der);
    if (!record.received.some((one) => one.der === der)) {
      return examined;
    }
    const known: Finding = {
      ...{ path: 'certificate', code: 'known' },
      message: 'it was accepted before; a renewal is another certificate',
    };
    return { ...examined, findings: [...examined.findings, known] };
  }

  async #change(
    peer: string,
    event: CrossEvent,
    change: (record: CrossRecord, transaction: Transaction) => CrossRecord | Promise<CrossRecord>,
    rest: Pick<CrossChange, 'revocation' | 'within'> = {},
  ): Promise<CrossOutcome> {
    const how = { ...rest, peer, event, change };
    const { revoked, ...outcome } = await changeCross(this.#core, how);
    if (revoked !== undefined) {
      await this.#watchers.onRevoked(revoked);
      this.#watchers.announce();
    }
    return outcome;
  }

  async #recorded<T>(
    kind: string,
    { peer, origin }: { readonly peer: string; readonly origin: AuditOrigin },
    act: () => Promise<T>,
  ): Promise<T> {
    try {
      return await act();
    } catch (error) {
      await recordFailure(this.#core, { kind, origin, subject: peer.slice(0, 40) }, error);
      throw error;
    }
  }
}

function aliveIssued({ issued }: CrossRecord, nowMs: number): readonly string[] {
  return issued
    .filter(
      ({ revokedMs, der }) =>
        revokedMs === undefined && parseCertificate(fromBase64(der)).notAfterMs >= nowMs,
    )
    .map(({ serialNumber }) => serialNumber);
}

function isApprovalNeeded(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'SIGNING_APPROVAL_NEEDED';
}

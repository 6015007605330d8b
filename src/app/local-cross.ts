/**
 * Exchanging certificates with other CAs, on the CA of this process: what a person typed becomes values, the peer's
 * directory is read, custodians are asked where the policy says so.
 *
 * @module
 */

import { hash } from 'node:crypto';

import type { CrossSigning, PeerStanding } from '../ca/bridge/bridge.ts';
import { peerOf } from '../ca/bridge/peers.ts';
import { pairOf } from '../ca/bridge/published-pairs.ts';
import { type RenewalNeed, renewalCases } from '../ca/bridge/renewal-needs.ts';
import { formatSerialNumber } from '../ca/certificates/serial-number.ts';
import { CaError } from '../ca/errors.ts';
import {
  type CrossRecord,
  fromBase64,
  type IssuedCross,
  toBase64,
} from '../ca/records/cross-record.ts';
import type {
  CrossCertificateReport,
  CrossExamination,
  CrossExamineInput,
  CrossIssueReport,
  CrossNeed,
  CrossOperations,
  CrossOutcomeReport,
  CrossPeerReport,
  CrossRenewReport,
  CrossRequestReport,
} from '../http/cross-operations.ts';
import { type Operator, originOf } from '../http/operator.ts';
import { formatTime } from '../http/report-time.ts';
import type { Proposal } from '../signing/custody/approval.ts';
import { readCustody } from '../signing/custody/custody-document.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { encodePem } from '../x509/pem.ts';
import type { CaInstance } from './ca-instance.ts';
import { readPeerDirectory } from './cross-test.ts';
import type { LocalCustody } from './custody.ts';

type Surroundings = Pick<CaInstance, 'authority' | 'policy' | 'clock'> & {
  /** Undefined where the token has none. */
  readonly custodiansFile: string | undefined;
  readonly custody: Pick<LocalCustody, 'propose' | 'list'>;
};

export class LocalCross implements CrossOperations {
  readonly #parts: Surroundings;

  constructor(parts: Surroundings) {
    this.#parts = parts;
  }

  async show({ peer }: { readonly peer: string | null }): Promise<readonly CrossPeerReport[]> {
    const { bridge } = this.#parts.authority;
    const standings: PeerStanding[] = [];
    for (const one of peer === null ? bridge.peers : [peer]) {
      standings.push(await bridge.standing(one));
    }
    return standings.map((standing) => this.#reportOf(standing));
  }

  async request(
    { peer }: { readonly peer: string },
    operator: Operator,
  ): Promise<CrossRequestReport> {
    const { bridge, certificate } = this.#parts.authority;
    const der = await bridge.request(peer, originOf(operator));
    return {
      peer,
      pem: encodePem('CERTIFICATE REQUEST', der),
      sha256: sha256(der),
      certificate: {
        pem: encodePem('CERTIFICATE', certificate.der),
        sha256: sha256(certificate.der),
      },
    };
  }

  async examine(
    { peer, isTrial, fingerprint, ...files }: CrossExamineInput,
    operator: Operator,
  ): Promise<CrossExamination> {
    const { bridge } = this.#parts.authority;
    const given = {
      ...{ request: readFile(files.request), certificate: readFile(files.certificate) },
      fingerprint,
    };
    const { findings } = await bridge.examine(peer, given);
    if (!isTrial) {
      await bridge.takeRequest(peer, given, originOf(operator));
    }
    return { peer, findings, isTaken: !isTrial };
  }

  async test(
    { peer, url }: { readonly peer: string; readonly url: string | null },
    operator: Operator,
  ): Promise<CrossExamination & { readonly url: string }> {
    const { authority, policy, clock } = this.#parts;
    const { name, directory } = peerOf(policy, peer);
    const address = url ?? directory;
    if (address === undefined) {
      throw new CaError(
        'CA_CROSS_STATE',
        `where is the directory of ${peer}? Say --url, or cross.peers.${peer}.directory in the policy`,
      );
    }
    const read = await readPeerDirectory({ url: address, name }, clock);
    const findings = await authority.bridge.takeTest(peer, read, originOf(operator));
    return { peer, url: address, findings, isTaken: findings.length === 0 };
  }

  async issue({ peer }: { readonly peer: string }, operator: Operator): Promise<CrossIssueReport> {
    return await this.#issue(peer, { isRenewal: false }, operator);
  }

  async receipt(
    {
      peer,
      ...receipt
    }: { readonly peer: string; readonly text: string; readonly isPaper: boolean },
    operator: Operator,
  ): Promise<CrossOutcomeReport> {
    const { bridge } = this.#parts.authority;
    return { peer, ...(await bridge.takeReceipt(peer, receipt, originOf(operator))) };
  }

  async accept(
    input: { readonly peer: string; readonly certificate: string; readonly isTrial: boolean },
    operator: Operator,
  ): Promise<CrossExamination & CrossOutcomeReport & { readonly receipt: string | null }> {
    const { bridge } = this.#parts.authority;
    const { peer, isTrial } = input;
    const certificate = readFile(input.certificate);
    const { findings } = await bridge.examineReceived(peer, certificate);
    const examined = { peer, findings, isTaken: !isTrial };
    if (isTrial) {
      return { ...examined, isPaired: false, superseded: [], receipt: null };
    }
    return {
      ...examined,
      ...(await bridge.accept(peer, certificate, { origin: originOf(operator) })),
    };
  }

  /** What can be done at this side: our request for theirs, our certificate for ours. */
  async renew(
    { peer, cases }: { readonly peer: string; readonly cases: readonly string[] },
    operator: Operator,
  ): Promise<CrossRenewReport> {
    const { needs } = await this.#parts.authority.bridge.standing(peer);
    const unknown = cases.find((one) => !renewalCases.some((known) => known === one));
    if (unknown !== undefined) {
      throw new CaError('CA_CROSS_STATE', `${unknown} is none of ${renewalCases.join(', ')}`);
    }
    const wanted = new Set([...cases, ...(cases.length === 0 ? needs.map((one) => one.case) : [])]);
    if (wanted.size === 0) {
      throw new CaError(
        'CA_CROSS_STATE',
        `nothing exchanged with ${peer} has to be renewed yet; name a case to renew it all the same`,
      );
    }
    const theirs = wanted.has('theirs-ends') || wanted.has('theirs-changes');
    const ours = wanted.has('ours-ends') || wanted.has('ours-changes');
    return {
      peer,
      needs: needs.map(reportNeed),
      request: theirs ? await this.request({ peer }, operator) : null,
      issued: ours ? await this.#issue(peer, { isRenewal: true }, operator) : null,
    };
  }

  async revoke(
    { peer, reason }: { readonly peer: string; readonly reason: string },
    operator: Operator,
  ): Promise<{ readonly peer: string; readonly revoked: readonly string[] }> {
    const { bridge } = this.#parts.authority;
    const order = { reason, origin: originOf(operator) };
    return { peer, ...(await bridge.revoke(peer, order)) };
  }

  async #issue(
    peer: string,
    { isRenewal }: { readonly isRenewal: boolean },
    operator: Operator,
  ): Promise<CrossIssueReport> {
    const { bridge } = this.#parts.authority;
    await this.#assertApproved();
    const signing = await bridge.issue(peer, { origin: originOf(operator), isRenewal });
    if (signing.kind === 'issued') {
      const { record } = await bridge.standing(peer);
      const certificate = describe(
        { der: toBase64(signing.certificate.der) },
        stateOfIssued(record, record.issued.length - 1),
      );
      return { kind: 'issued', peer, certificate };
    }
    return await this.#propose(peer, signing, operator);
  }

  /** The policy must not say that custodians are asked where the token asks nobody. */
  async #assertApproved(): Promise<void> {
    const { policy, custodiansFile } = this.#parts;
    if (policy.cross?.approval !== 'custodians') {
      return;
    }
    const acts = custodiansFile === undefined ? [] : (await readCustody(custodiansFile)).rules.acts;
    if (!acts.includes('sign-cross')) {
      throw new CaError(
        'CA_CROSS_STATE',
        'the policy has custodians approve of each cross certificate, and the token does not ask them: ' +
          'make its custodians with --approve-cross, or set cross.approval to none',
      );
    }
  }

  /** Puts what is to be signed before the custodians; once, however often it is asked for. */
  async #propose(
    peer: string,
    { pending }: Extract<CrossSigning, { readonly kind: 'waits' }>,
    operator: Operator,
  ): Promise<CrossIssueReport> {
    const { authority, custody } = this.#parts;
    const { algorithm } = authority.authorities.of(pending.generation);
    const { sha256: digest, keyLabel: label } = pending;
    const operation = {
      act: 'sign-cross',
      label,
      purpose: 'certificate',
      algorithm,
      sha256: digest,
    };
    const known = (await custody.list()).find(({ proposal }) => {
      const { operation: open } = proposal as Proposal;
      return open.act === 'sign-cross' && open.sha256 === digest;
    });
    const { hash: of, quorum } = known ?? (await custody.propose({ operation }, operator));
    return { kind: 'waits', peer, hash: of, sha256: digest, quorum };
  }

  #reportOf({ peer, record, needs }: PeerStanding): CrossPeerReport {
    const { title, name } = peerOf(this.#parts.policy, peer);
    const { pair, trusted, request, tested, ourRequest, issued, received } = record;
    const published = pairOf(record);
    const pending = record.pending && fromBase64(record.pending.tbs);
    return {
      ...{ peer, title, name, state: stateOf(record) },
      since: time(pair?.sinceMs ?? record.cancelledMs),
      requested: time(ourRequest?.madeMs),
      examined: time(request?.examinedMs),
      tested: time(tested?.atMs),
      peerCertificate: trusted === undefined ? null : sha256(fromBase64(trusted.der)),
      issued: issued.map((one, index) => describe(one, stateOfIssued(record, index))).toReversed(),
      received: received
        .map((one, index) =>
          describe(
            one,
            index === pair?.received ? 'pair' : one.endedMs === undefined ? 'waits' : 'ended',
          ),
        )
        .toReversed(),
      pair: published === undefined ? null : toBase64(published),
      needs: needs.map(reportNeed),
      pending:
        pending === undefined || record.pending === undefined
          ? null
          : { serialNumber: record.pending.serialNumber, sha256: sha256(pending) },
    };
  }
}

/** A certificate as the record has it. */
type Kept = Pick<IssuedCross, 'der' | 'receipt'>;

function stateOf({
  pair,
  cancelledMs,
  issued,
  received,
  ourRequest,
  request,
}: CrossRecord): CrossPeerReport['state'] {
  if (pair !== undefined) {
    return 'certified';
  }
  if (cancelledMs !== undefined) {
    return 'cancelled';
  }
  const begun =
    issued.length + received.length > 0 || ourRequest !== undefined || request !== undefined;
  return begun ? 'in-exchange' : 'none';
}

function stateOfIssued(
  { pair, issued }: CrossRecord,
  index: number,
): CrossCertificateReport['state'] {
  if (index === pair?.issued) {
    return 'pair';
  }
  return issued[index]?.revokedMs === undefined ? 'waits' : 'revoked';
}

function describe(
  { der: kept, receipt }: Kept,
  state: CrossCertificateReport['state'],
): CrossCertificateReport {
  const der = fromBase64(kept);
  const { serialNumber, notBeforeMs, notAfterMs } = parseCertificate(der);
  return {
    serialNumber: formatSerialNumber(serialNumber),
    notBefore: formatTime(notBeforeMs),
    notAfter: formatTime(notAfterMs),
    sha256: sha256(der),
    state,
    pem: encodePem('CERTIFICATE', der),
    receipt: receipt?.text ?? null,
  };
}

function reportNeed({ case: name, why, endMs, withinDays }: RenewalNeed): CrossNeed {
  return { case: name, why, ends: formatTime(endMs), withinDays: withinDays ?? null };
}

function time(ms: number | undefined): string | null {
  return ms === undefined ? null : formatTime(ms);
}

function sha256(der: Uint8Array): string {
  return hash('sha256', der, 'hex');
}

/** A PEM file as it is, or base64 of DER. */
function readFile(text: string): Uint8Array | string {
  return text.includes('-----BEGIN') ? text : Uint8Array.from(Buffer.from(text, 'base64'));
}

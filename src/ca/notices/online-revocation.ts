/**
 * Revocation on line: the subscriber signs a request with the very key (gunma 3-4-1, 4-4-2-2 (1)). The message is CMS
 * SignedData around a CMC RevokeRequest; it says which certificate, why, and when it was signed, and is taken once.
 *
 * Not here: a request signed with a certificate of another CA (jlis 4.9.3.1 (1) has the subscriber's signature
 * certificate), and one from somebody whose key is not safe, which anybody could send (gunma 4-4-2-3: at the counter).
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { equalBytes, formatHex } from '../../core/bytes.ts';
import { isCertdirError } from '../../core/errors.ts';
import type { Transaction } from '../../store/store.ts';
import { parseCertificate } from '../../x509/certificate.ts';
import {
  parseSignedMessage,
  type SignedMessage,
  verifySignedMessage,
} from '../../x509/cms-signed-data.ts';
import { CrlReason, type CrlReasonName } from '../../x509/crl-extensions.ts';
import { sameName } from '../../x509/name.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import { decodePem } from '../../x509/pem.ts';
import {
  encodeRevokeRequest,
  parseRevokeRequest,
  type RevokeRequestContent,
} from '../../x509/revoke-request.ts';
import { type CaCore, reading, recordFailure } from '../ca-core.ts';
import {
  findCertificate,
  type RegisteredCertificate,
} from '../certificates/certificate-register.ts';
import type { RevocationReceipt, RevokeRequest } from '../certificates/revocation.ts';
import { formatSerialNumber } from '../certificates/serial-number.ts';
import { CaError } from '../errors.ts';
import type { OnlineRevocationPolicy } from '../policy/notice-policy.ts';

export interface OnlineRequest {
  /** CMS SignedData: DER, or text with a PEM block. */
  readonly message: Uint8Array | string;
  readonly origin: AuditOrigin;
}

/** What the subscriber is answered at once (gunma 4-4-2-2 (1)). */
export interface OnlineReceipt extends RevocationReceipt {
  /** SHA-256 of the message: what was accepted. */
  readonly messageSha256: string;
  readonly acceptedMs: number;
}

const MINUTE_MS = 60_000;
/** Clocks of subscribers are not ours. */
const AHEAD_MS = 5 * MINUTE_MS;
const MAX_TEXT_BYTES = 32_768;

export class OnlineRevocation {
  readonly #core: CaCore;
  readonly #revoke: (request: RevokeRequest) => Promise<RevocationReceipt>;

  constructor(core: CaCore, revoke: (request: RevokeRequest) => Promise<RevocationReceipt>) {
    this.#core = core;
    this.#revoke = revoke;
  }

  /**
   * What a subscriber signs to have a certificate revoked: PKIData in DER.
   *
   * @throws {CaError} `CA_NOTICE_OFF`, `CA_REASON_NOT_ALLOWED`
   */
  content(serialNumber: bigint, reason: string): Uint8Array {
    const name = findReason(reason, this.#policy());
    const issuer = this.#core.authority.reference.name;
    return encodeRevokeRequest({ issuer, serialNumber, reason: CrlReason[name] });
  }

  /**
   * Revokes the certificate whose key has signed the message. Resolves when it is durable.
   *
   * @throws {CaError} `CA_NOTICE_OFF`, `CA_REQUEST_MALFORMED`, `CA_ONLINE_FOREIGN`, `CA_ONLINE_STALE`,
   *   `CA_ONLINE_REPLAYED`, `CA_REASON_NOT_ALLOWED`, and what `Revocation.revoke` refuses.
   */
  async take({ message, origin }: OnlineRequest): Promise<OnlineReceipt> {
    let subject = '';
    try {
      const policy = this.#policy();
      const { signed, content } = readMessage(message);
      const reason = findReason(reasonOf(content), policy);
      this.#assertFresh(signed, policy);
      const certificate = await this.#certificateOf(content, signed);
      subject = formatSerialNumber(certificate.serialNumber);
      if (!(await isSignedBy(signed, certificate))) {
        throw foreign('it is not signed with the key of the certificate that it names');
      }
      const digest = createHash('sha256').update(signed.der).digest();
      await this.#assertNew(digest, { signed, policy });
      const receipt = await this.#revoke({
        ...{ serialNumber: certificate.serialNumber, reason, origin },
        within: (transaction) => this.#remember(transaction, { digest, signed, policy, origin }),
      });
      const acceptedMs = this.#core.clock.nowMs();
      return { ...receipt, messageSha256: formatHex(digest), acceptedMs };
    } catch (error) {
      await recordFailure(this.#core, { kind: 'online.revoke', origin, subject }, error);
      throw error;
    }
  }

  #policy(): OnlineRevocationPolicy {
    const { onlineRevocation } = this.#core.policy;
    if (onlineRevocation === undefined) {
      throw new CaError('CA_NOTICE_OFF', 'the policy takes no requests on line');
    }
    return onlineRevocation;
  }

  #assertFresh({ signingMs }: SignedMessage, { maxAgeMinutes }: OnlineRevocationPolicy): void {
    const ageMs = this.#core.clock.nowMs() - signingMs;
    if (ageMs > maxAgeMinutes * MINUTE_MS || ageMs < -AHEAD_MS) {
      const when = new Date(signingMs).toISOString();
      throw new CaError(
        'CA_ONLINE_STALE',
        `the request was signed at ${when}; it is taken within ${maxAgeMinutes} minutes. Check the clock and sign it anew`,
      );
    }
  }

  async #certificateOf(
    { issuer, serialNumber }: RevokeRequestContent,
    { signer, certificate: sent }: SignedMessage,
  ): Promise<RegisteredCertificate> {
    const { store, tables, clock, policy, authority } = this.#core;
    const at = { serialNumber, nowMs: clock.nowMs() };
    const found = sameName(issuer, authority.reference.name)
      ? await reading(store, (view) => findCertificate(view, tables, at))
      : undefined;
    if (found === undefined || policy.profiles[found.profile]?.kind !== 'subscriber') {
      throw foreign('it names no certificate of a subscriber of this CA');
    }
    const isOther =
      (sent !== undefined && !equalBytes(sent, found.der)) ||
      (signer.kind === 'issuer' && signer.serialNumber !== serialNumber);
    if (isOther) {
      throw foreign('it is signed with another certificate than the one that it names');
    }
    return found;
  }

  /** A revocation is final, so a second one would do no harm; but whoever sends it shall know what it is. */
  async #assertNew(
    digest: Uint8Array,
    of: { readonly signed: SignedMessage; readonly policy: OnlineRevocationPolicy },
  ): Promise<void> {
    const key = this.#core.tables.onlineRequest(untilMsOf(of), digest);
    if ((await reading(this.#core.store, async (view) => await view.read(key))) !== undefined) {
      throw new CaError('CA_ONLINE_REPLAYED', 'this very request was taken before');
    }
  }

  /** In the transaction of the revocation; for as long as its time of signing would let it pass. */
  async #remember(
    transaction: Transaction,
    {
      digest,
      signed,
      policy,
      origin,
    }: {
      readonly digest: Uint8Array;
      readonly signed: SignedMessage;
      readonly policy: OnlineRevocationPolicy;
      readonly origin: AuditOrigin;
    },
  ): Promise<void> {
    const { tables, clock, audit } = this.#core;
    const key = tables.onlineRequest(untilMsOf({ signed, policy }), digest);
    for await (const past of transaction.keys(tables.pastOnlineRequests(clock.nowMs()))) {
      transaction.delete(past);
    }
    transaction.put(key, new Uint8Array(0));
    await audit.append(transaction, {
      ...{ kind: 'online.revoke', result: 'done', origin, subject: formatHex(digest) },
      details: { signed: new Date(signed.signingMs).toISOString() },
    });
  }
}

function readMessage(message: Uint8Array | string): {
  readonly signed: SignedMessage;
  readonly content: RevokeRequestContent;
} {
  try {
    if (message.length > MAX_TEXT_BYTES) {
      throw new CaError('CA_REQUEST_MALFORMED', 'the signed request is too large');
    }
    const der = typeof message === 'string' ? decodePem(message, ['CMS', 'PKCS7']) : message;
    const signed = parseSignedMessage(der);
    if (signed.contentType !== Oid.pkiData) {
      throw new CaError(
        'CA_REQUEST_MALFORMED',
        'what was signed is no request to revoke (PKIData)',
      );
    }
    return { signed, content: parseRevokeRequest(signed.content) };
  } catch (cause) {
    if (isCertdirError(cause) && !(cause instanceof CaError)) {
      throw new CaError('CA_REQUEST_MALFORMED', cause.message, { cause });
    }
    throw cause;
  }
}

function untilMsOf({
  signed,
  policy,
}: {
  readonly signed: SignedMessage;
  readonly policy: OnlineRevocationPolicy;
}): number {
  return signed.signingMs + policy.maxAgeMinutes * MINUTE_MS;
}

async function isSignedBy(signed: SignedMessage, { der }: RegisteredCertificate): Promise<boolean> {
  try {
    return await verifySignedMessage(signed, parseCertificate(der).spki);
  } catch (error) {
    if (isCertdirError(error)) {
      return false;
    }
    throw error;
  }
}

function reasonOf({ reason }: RevokeRequestContent): string {
  return Object.entries(CrlReason).find(([, number]) => number === reason)?.[0] ?? `${reason}`;
}

function findReason(text: string, { reasons }: OnlineRevocationPolicy): CrlReasonName {
  const reason = reasons.find((name) => name === text);
  if (reason === undefined) {
    throw new CaError(
      'CA_REASON_NOT_ALLOWED',
      `on line certificates are revoked for ${reasons.join(', ')}; anything else at the counter`,
    );
  }
  return reason;
}

function foreign(message: string): CaError {
  return new CaError('CA_ONLINE_FOREIGN', `the signed request is refused: ${message}`);
}

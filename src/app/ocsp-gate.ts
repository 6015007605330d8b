/**
 * Who is answered over OCSP, and the accounts of it: everyone where the policy says public, otherwise those that may
 * read the list of the certificate's scope by the directory's access rules. One rule for both ways: whoever may
 * have the list may have a line of it.
 *
 * @module
 */

import type { AccessFacts } from '../audit/access-event.ts';
import type { AccessHandle, AccessJournal } from '../audit/access-journal.ts';
import { formatSerialNumber } from '../ca/certificates/serial-number.ts';
import type { Scope } from '../ca/policy/scope.ts';
import type { Awaitable } from '../core/awaitable.ts';
import { actorOf, type Principal } from '../directory/accounts/principal.ts';
import { DirectoryError } from '../directory/errors.ts';
import type { Filter } from '../directory/filters/filter.ts';
import type { DirectoryService, Session } from '../directory/service.ts';
import type { ToldStatus } from '../ocsp/answer.ts';
import { OcspError } from '../ocsp/errors.ts';
import type { OcspAsker, OcspGate, OcspPeer } from '../ocsp/gate.ts';
import type { OcspRefusal } from '../x509/ocsp-response.ts';

/** Facts that are remembered, so that counting the same again costs little. */
const MAX_REMEMBERED = 20_000;

/** What the access journal is told of OCSP. */
class OcspAccounts {
  readonly #journal: AccessJournal;
  readonly #handles = new Map<string, AccessHandle>();

  constructor(journal: AccessJournal) {
    this.#journal = journal;
  }

  told({ address }: OcspPeer, verifier: string, statuses: readonly ToldStatus[]): void {
    for (const { serialNumber, scopeId, status } of statuses) {
      // `address` has no spaces.
      const key = `${address} ${serialNumber} ${status} ${verifier}`;
      const handle =
        this.#handles.get(key) ??
        this.#prepare(key, {
          ...{ method: 'ocsp', verifier, address, partition: scopeId },
          // Of numbers of strangers, as much as there can be in a certificate.
          subject: formatSerialNumber(serialNumber).slice(0, 42),
          ...{ attribute: status, listNumber: '', outcome: 'provided', code: '' },
        });
      this.#journal.add(handle);
    }
  }

  /** What is malformed or comes at a bad time was no try to get at anything. */
  refused({ address }: OcspPeer, code: OcspRefusal): void {
    if (code !== 'unauthorized' && code !== 'sigRequired') {
      return;
    }
    const key = `${address} ${code}`;
    const none = { verifier: '', partition: '', subject: '', attribute: 'status', listNumber: '' };
    const handle =
      this.#handles.get(key) ??
      this.#prepare(key, { ...none, method: 'ocsp', address, outcome: 'refused', code });
    this.#journal.add(handle);
  }

  #prepare(key: string, facts: AccessFacts): AccessHandle {
    if (this.#handles.size >= MAX_REMEMBERED) {
      this.#handles.clear();
    }
    const handle = this.#journal.prepare(facts);
    this.#handles.set(key, handle);
    return handle;
  }
}

/** Everyone is told everything. */
export class PublicOcspGate implements OcspGate {
  readonly #accounts: OcspAccounts;
  readonly #askers = new WeakMap<OcspPeer, OcspAsker>();

  constructor(journal: AccessJournal) {
    this.#accounts = new OcspAccounts(journal);
  }

  admit(peer: OcspPeer): OcspAsker {
    let asker = this.#askers.get(peer);
    if (asker === undefined) {
      asker = {
        mayLearn: () => true,
        told: (statuses) => this.#accounts.told(peer, '', statuses),
      };
      this.#askers.set(peer, asker);
    }
    return asker;
  }

  refused(peer: OcspPeer, refusal: OcspRefusal): void {
    this.#accounts.refused(peer, refusal);
  }
}

const anyEntry: Filter = { kind: 'present', attribute: 'objectClass' };

/** Registered verifiers, by the certificate of their TLS connection or of their signature. */
export class VerifierOcspGate implements OcspGate {
  readonly #directory: DirectoryService;
  readonly #findScope: (scopeId: string) => Scope;
  readonly #acceptsSigned: boolean;
  readonly #accounts: OcspAccounts;
  readonly #connected = new WeakMap<OcspPeer, Promise<Principal>>();

  constructor(options: {
    readonly directory: DirectoryService;
    readonly findScope: (scopeId: string) => Scope;
    readonly acceptsSigned: boolean;
    readonly journal: AccessJournal;
  }) {
    this.#directory = options.directory;
    this.#findScope = options.findScope;
    this.#acceptsSigned = options.acceptsSigned;
    this.#accounts = new OcspAccounts(options.journal);
  }

  async admit(peer: OcspPeer, signer: Uint8Array | undefined): Promise<OcspAsker> {
    const session = { isProtected: peer.isProtected, address: peer.address, channel: 'ocsp' };
    const principal = await this.#identify(peer, signer, session);
    const verifier = actorOf(principal);
    return {
      mayLearn: (scopeId) => this.#mayLearn(scopeId, principal, { peer, session }),
      told: (statuses) => this.#accounts.told(peer, verifier, statuses),
    };
  }

  refused(peer: OcspPeer, refusal: OcspRefusal): void {
    this.#accounts.refused(peer, refusal);
  }

  #identify(peer: OcspPeer, signer: Uint8Array | undefined, session: Session): Promise<Principal> {
    if (signer !== undefined && this.#acceptsSigned) {
      return this.#bind({ ...session, clientCertificate: signer });
    }
    const { clientCertificate } = peer;
    if (clientCertificate === undefined) {
      throw this.#acceptsSigned
        ? new OcspError('OCSP_SIGNATURE_REQUIRED', 'verifiers show a certificate or sign')
        : new OcspError('OCSP_UNAUTHORIZED', 'verifiers show a certificate');
    }
    let principal = this.#connected.get(peer);
    if (principal === undefined) {
      principal = this.#bind({ ...session, clientCertificate });
      this.#connected.set(peer, principal);
      // Whoever is registered meanwhile is not kept waiting for a new connection.
      principal.catch(() => this.#connected.delete(peer));
    }
    return principal;
  }

  async #bind(session: Session): Promise<Principal> {
    try {
      return await this.#directory.bindCertificate(session);
    } catch (error) {
      throw error instanceof DirectoryError && error.code === 'DIRECTORY_INVALID_CREDENTIALS'
        ? new OcspError('OCSP_UNAUTHORIZED', 'no account has this certificate', { cause: error })
        : error;
    }
  }

  /** Asked each time: accounts, agreements and rules change, and the directory looks at all of them. */
  #mayLearn(
    scopeId: string,
    principal: Principal,
    { peer, session }: { readonly peer: OcspPeer; readonly session: Session },
  ): Awaitable<boolean> {
    if (scopeId === '') {
      const isVerifier = principal.kind === 'entry' && principal.verifier !== undefined;
      if (!isVerifier) {
        this.#accounts.refused(peer, 'unauthorized');
      }
      return isVerifier;
    }
    // The directory notes whom it refuses.
    return this.#mayRead(this.#findScope(scopeId), principal, session);
  }

  async #mayRead(scope: Scope, principal: Principal, session: Session): Promise<boolean> {
    const request = {
      base: scope.dn,
      scope: 'base',
      filter: anyEntry,
      attributes: [scope.attribute],
      typesOnly: true,
      sizeLimit: 1,
      timeLimitMs: 0,
    } as const;
    try {
      for await (const { attributes } of this.#directory.search(request, { principal, session })) {
        return attributes.length > 0;
      }
    } catch (error) {
      if (!(error instanceof DirectoryError) || error.code !== 'DIRECTORY_NO_SUCH_OBJECT') {
        throw error;
      }
    }
    return false;
  }
}

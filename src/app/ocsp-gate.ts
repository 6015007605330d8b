/**
 * Who is answered over OCSP, and the accounts of it: everyone where the policy says public, otherwise those that may
 * read the list of the certificate's scope by the directory's access rules. One rule for both ways: whoever may
 * have the list may have a line of it.
 *
 * Whether a number was ever issued is a secret of the list that it would be in, whichever that is: who may not read every
 * list is refused for numbers that were never issued as it is for those of lists it may not read.
 *
 * @module
 */

import type { AccessFacts } from '../audit/access-event.ts';
import type { AccessHandle, AccessJournal } from '../audit/access-journal.ts';
import { formatSerialNumber } from '../ca/certificates/serial-number.ts';
import type { Scopes } from '../ca/policy/scope.ts';
import type { Clock } from '../core/clock.ts';
import { actorOf, type Principal } from '../directory/accounts/principal.ts';
import type { Directory } from '../directory/directory.ts';
import { DirectoryError } from '../directory/errors.ts';
import type { Caller, Session } from '../directory/service.ts';
import type { ToldStatus } from '../ocsp/answer.ts';
import { OcspError } from '../ocsp/errors.ts';
import type { AskedCertificate, OcspAsker, OcspGate, OcspPeer } from '../ocsp/gate.ts';
import type { OcspRefusal } from '../x509/ocsp-response.ts';
import { HiddenLists } from './hidden-lists.ts';

/** Facts that are remembered, so that counting the same again costs little. */
const MAX_REMEMBERED = 20_000;
/** Those whom one answer was given to. */
const MAX_TOLD = 256;

/** The accounts' name for a list. */
export type PartitionNaming = (scopeId: string) => string;

const asItIs: PartitionNaming = (scopeId) => scopeId;

/** What the access journal is told of OCSP. */
class OcspAccounts {
  readonly #journal: AccessJournal;
  readonly #partitionOf: PartitionNaming;
  readonly #handles = new Map<string, AccessHandle>();
  /** By what was said, which is the same object when an answer is given again, and who it was said to. */
  readonly #told = new WeakMap<readonly ToldStatus[], Map<string, readonly AccessHandle[]>>();

  constructor(journal: AccessJournal, partitionOf: PartitionNaming) {
    this.#journal = journal;
    this.#partitionOf = partitionOf;
  }

  told({ address }: OcspPeer, verifier: string, statuses: readonly ToldStatus[]): void {
    // `address` has no spaces.
    const who = `${address} ${verifier}`;
    let toWhom = this.#told.get(statuses);
    if (toWhom === undefined || toWhom.size >= MAX_TOLD) {
      toWhom = new Map();
      this.#told.set(statuses, toWhom);
    }
    let handles = toWhom.get(who);
    if (handles === undefined) {
      handles = statuses.map((status) => this.#handleOf(status, { address, verifier, who }));
      toWhom.set(who, handles);
    }
    for (const handle of handles) {
      this.#journal.add(handle);
    }
  }

  #handleOf(
    { serialNumber, scopeId, status }: ToldStatus,
    { address, verifier, who }: Readonly<Record<'address' | 'verifier' | 'who', string>>,
  ): AccessHandle {
    const key = `${serialNumber} ${status} ${who}`;
    return (
      this.#handles.get(key) ??
      this.#prepare(key, {
        ...{ method: 'ocsp', verifier, address, partition: this.#partitionOf(scopeId) },
        subject: subjectOf(serialNumber),
        ...{ attribute: status, listNumber: '', outcome: 'provided', code: '' },
      })
    );
  }

  withheld(
    { address }: OcspPeer,
    verifier: string,
    { serialNumber, scopeId }: AskedCertificate,
  ): void {
    const handle = this.#journal.prepare({
      ...{
        method: 'ocsp',
        verifier,
        address,
        partition: this.#partitionOf(scopeId),
        listNumber: '',
      },
      ...{ subject: subjectOf(serialNumber), attribute: 'status' },
      ...{ outcome: 'refused', code: 'withheld' },
    });
    this.#journal.add(handle);
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

/** Of numbers of strangers, as much as there can be in a certificate. */
function subjectOf(serialNumber: bigint): string {
  return formatSerialNumber(serialNumber).slice(0, 42);
}

/** Everyone is told everything. */
export class PublicOcspGate implements OcspGate {
  readonly #accounts: OcspAccounts;
  /** By address. */
  readonly #askers = new Map<string, OcspAsker>();

  constructor(journal: AccessJournal, partitionOf: PartitionNaming = asItIs) {
    this.#accounts = new OcspAccounts(journal, partitionOf);
  }

  admit(peer: OcspPeer): OcspAsker {
    let asker = this.#askers.get(peer.address);
    if (asker === undefined) {
      if (this.#askers.size >= MAX_REMEMBERED) {
        this.#askers.clear();
      }
      asker = {
        mayLearn: () => true,
        told: (statuses) => this.#accounts.told(peer, '', statuses),
      };
      this.#askers.set(peer.address, asker);
    }
    return asker;
  }

  refused(peer: OcspPeer, refusal: OcspRefusal): void {
    this.#accounts.refused(peer, refusal);
  }
}

/** Registered verifiers, by the certificate of their TLS connection or of their signature. */
export class VerifierOcspGate implements OcspGate {
  readonly #directory: Pick<Directory, 'bindCertificate' | 'readPermissions'>;
  readonly #scopes: Scopes;
  readonly #hidden: HiddenLists;
  readonly #acceptsSigned: boolean;
  readonly #accounts: OcspAccounts;
  readonly #connected = new WeakMap<OcspPeer, Promise<Principal>>();

  constructor(options: {
    readonly directory: Pick<Directory, 'bindCertificate' | 'readPermissions'>;
    readonly scopes: Scopes;
    readonly acceptsSigned: boolean;
    readonly journal: AccessJournal;
    readonly partitionOf?: PartitionNaming;
    readonly clock: Clock;
  }) {
    this.#directory = options.directory;
    this.#scopes = options.scopes;
    this.#hidden = new HiddenLists(options.scopes.list, options.clock);
    this.#acceptsSigned = options.acceptsSigned;
    this.#accounts = new OcspAccounts(options.journal, options.partitionOf ?? asItIs);
  }

  async admit(peer: OcspPeer, signer: Uint8Array | undefined): Promise<OcspAsker> {
    const session = { isProtected: peer.isProtected, address: peer.address, channel: 'ocsp' };
    const principal = await this.#identify(peer, signer, session);
    const verifier = actorOf(principal);
    return {
      mayLearn: async (certificate) => {
        const isAllowed = await this.#mayLearn(certificate, { principal, session });
        if (!isAllowed) {
          this.#accounts.withheld(peer, verifier, certificate);
        }
        return isAllowed;
      },
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

  /**
   * Asked each time: accounts, agreements and rules change, and the directory looks at all of them. A number that was
   * never issued is looked up like one of a list that the caller may not read.
   */
  async #mayLearn({ scopeId }: AskedCertificate, caller: Caller): Promise<boolean> {
    const permissions = await this.#directory.readPermissions(caller);
    const hidden = await this.#hidden.find(permissions);
    const scope = scopeId === '' ? hidden : this.#scopes.find(scopeId);
    return scope === undefined || (await permissions.allows(scope.dn, scope.attribute));
  }
}

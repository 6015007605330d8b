/**
 * The verifiers of one CA (gunma 1-3-1 (9) to (12)): registered beforehand under an agreement, each
 * with the partitions it was granted. A verifier is an entry of the directory; what its entry grants is
 * decided there at each request, so that access ends when the agreement does.
 *
 * @module
 */

import { encodeUtf8 } from '../../core/bytes.ts';
import type { Filter } from '../../directory/filters/filter.ts';
import { formatGeneralizedTime } from '../../directory/schema/generalized-time.ts';
import type { Caller, DirectoryService, Modification } from '../../directory/service.ts';
import { CaError } from '../errors.ts';
import { startOfDayMs } from '../policy/civil-time.ts';
import type { Policy } from '../policy/policy.ts';
import { escapeValue, translating } from './account-entries.ts';
import {
  assertText,
  type CertificateChange,
  certificatesAfter,
  credentialsOf,
  invalid,
  parseDay,
  type RegisteredVerifier,
  readVerifier,
  replacing,
  type VerifierCredentials,
  valuesOf,
} from './verifier-entry.ts';

export interface VerifierRegistration extends VerifierCredentials {
  /** The value of cn below the policy's entry of verifiers. */
  readonly name: string;
  /** A key of the policy's `verifierKinds`. */
  readonly kind: string;
  readonly agreementNumber: string;
  /** First and last day of access in the policy's calendar, `YYYY-MM-DD`. */
  readonly agreementFrom: string;
  readonly agreementUntil: string;
  /** Codes of municipalities, or `*`. */
  readonly partitions: readonly string[];
}

/** What of a registration becomes another; what is left out stays. */
export interface VerifierChange {
  readonly kind?: string | undefined;
  readonly agreementNumber?: string | undefined;
  readonly agreementFrom?: string | undefined;
  readonly agreementUntil?: string | undefined;
  readonly partitions?: readonly string[] | undefined;
  /** Whether access that was ended (`disable`) begins again. */
  readonly isEnabledAgain?: boolean | undefined;
}

const DAY_MS = 86_400_000;
const verifiers: Filter = {
  kind: 'equality',
  attribute: 'objectClass',
  value: encodeUtf8('certdirVerifier'),
};

export class VerifierRegister {
  readonly #directory: DirectoryService;
  readonly #policy: Policy;

  constructor(directory: DirectoryService, policy: Policy) {
    this.#directory = directory;
    this.#policy = policy;
  }

  /**
   * Registers a verifier; durable, and recorded, when it resolves.
   *
   * @throws {CaError} `CA_VERIFIER_INVALID`, `CA_VERIFIER_EXISTS`, `CA_MUNICIPALITY_UNKNOWN`.
   */
  async add(registration: VerifierRegistration, caller: Caller): Promise<RegisteredVerifier> {
    const { kind, agreementNumber, name } = registration;
    this.#assertKind(kind);
    assertText('name', name);
    assertText('agreement number', agreementNumber);
    const { fromMs, untilMs } = this.#agreement(registration);
    const partitions = this.#partitions(registration.partitions);
    const attributes = [
      valuesOf('objectClass', 'applicationProcess', 'certdirVerifier'),
      valuesOf('cn', name),
      valuesOf('certdirVerifierKind', kind),
      valuesOf('certdirAgreementNumber', agreementNumber),
      valuesOf('certdirAgreementNotBefore', formatGeneralizedTime(fromMs)),
      valuesOf('certdirAgreementNotAfter', formatGeneralizedTime(untilMs)),
      valuesOf('certdirGrantedPartition', ...partitions),
      ...credentialsOf(registration),
    ];
    const dn = this.#dnOf(name);
    await translating(() => this.#directory.add({ dn, attributes }, caller), {
      DIRECTORY_ENTRY_EXISTS: () =>
        new CaError('CA_VERIFIER_EXISTS', `the verifier ${name} is registered already`),
      DIRECTORY_CONSTRAINT: ({ message }) => invalid(message),
    });
    return await this.find(name, caller);
  }

  /** @throws {CaError} `CA_VERIFIER_UNKNOWN`. */
  async find(name: string, caller: Caller): Promise<RegisteredVerifier> {
    const found = await translating(() => this.#search(this.#dnOf(name), 'base', caller), {
      DIRECTORY_NO_SUCH_OBJECT: () => unknownVerifier(name),
    });
    const [verifier] = found;
    if (verifier === undefined) {
      throw unknownVerifier(name);
    }
    return verifier;
  }

  /** Every registered verifier, also those whose agreement has ended. */
  async list(caller: Caller): Promise<readonly RegisteredVerifier[]> {
    const { verifiers: parent } = this.#policy.directory;
    return parent === undefined ? [] : await this.#search(parent, 'one', caller);
  }

  /**
   * Changes kind, agreement or grants: by another agreement, or because it ends earlier. What follows from it counts
   * at once, also in sessions that are open; recorded.
   *
   * @throws {CaError} `CA_VERIFIER_UNKNOWN`, `CA_VERIFIER_INVALID`, `CA_MUNICIPALITY_UNKNOWN`.
   */
  async change(name: string, change: VerifierChange, caller: Caller): Promise<RegisteredVerifier> {
    const changes = this.#changesOf(await this.find(name, caller), change);
    if (changes.length === 0) {
      throw invalid('nothing to change: name a kind, an agreement, its days or partitions');
    }
    return await this.#modify(name, changes, caller);
  }

  /**
   * Changes the certificates that a verifier authenticates with; a session by one that is gone ends. Recorded.
   *
   * @throws {CaError} `CA_VERIFIER_UNKNOWN`; `CA_VERIFIER_INVALID` for what is no certificate, one that the verifier has
   *   not, or when nothing would be left to authenticate with.
   */
  async changeCertificate(
    name: string,
    change: CertificateChange,
    caller: Caller,
  ): Promise<RegisteredVerifier> {
    const { certificates } = await this.find(name, caller);
    const left = certificatesAfter(certificates, change);
    if (left.length === 0 && !(await this.#hasPassword(name, caller))) {
      throw invalid(
        `${name} has no password, and could not authenticate any more; give it another certificate, or disable it`,
      );
    }
    return await this.#modify(name, [replacing('certdirCertificateSha256', ...left)], caller);
  }

  /**
   * Takes the entry of a verifier away whose access has ended. Records and accounts of what it was given stay under its
   * name, so a name is best not given to somebody else.
   *
   * @param nowMs The time of now, for whether its agreement is over.
   * @throws {CaError} `CA_VERIFIER_UNKNOWN`; `CA_VERIFIER_ACTIVE` while it has access.
   */
  async remove(name: string, nowMs: number, caller: Caller): Promise<RegisteredVerifier> {
    const verifier = await this.find(name, caller);
    const { isDisabled, agreementUntilMs = Number.NEGATIVE_INFINITY } = verifier;
    if (!isDisabled && nowMs < agreementUntilMs + 1000) {
      throw new CaError(
        'CA_VERIFIER_ACTIVE',
        `the agreement of ${name} is in force; disable the verifier first, or let its agreement end`,
      );
    }
    await this.#directory.delete({ dn: this.#dnOf(name) }, caller);
    return verifier;
  }

  /**
   * Ends a verifier's access at once; the entry stays for the records.
   *
   * @throws {CaError} `CA_VERIFIER_UNKNOWN`.
   */
  async disable(name: string, caller: Caller): Promise<RegisteredVerifier> {
    await this.find(name, caller);
    return await this.#modify(name, [replacing('certdirAccountDisabled', 'TRUE')], caller);
  }

  /**
   * Gives a verifier another password, e.g. when it has lost its own; recorded.
   *
   * @throws {CaError} `CA_VERIFIER_UNKNOWN`; `CA_VERIFIER_INVALID` for a password that the policy's
   *   rules refuse, or that was in use before.
   */
  async setPassword(name: string, password: string, caller: Caller): Promise<RegisteredVerifier> {
    await this.find(name, caller);
    return await this.#modify(name, [replacing('userPassword', password)], caller);
  }

  async #modify(
    name: string,
    changes: readonly Modification[],
    caller: Caller,
  ): Promise<RegisteredVerifier> {
    const request = { dn: this.#dnOf(name), changes };
    await translating(() => this.#directory.modify(request, caller), {
      DIRECTORY_CONSTRAINT: ({ message }) => invalid(message),
    });
    return await this.find(name, caller);
  }

  #changesOf(now: RegisteredVerifier, change: VerifierChange): readonly Modification[] {
    const { kind, agreementNumber, partitions, isEnabledAgain } = change;
    const changes: Modification[] = [];
    if (kind !== undefined) {
      this.#assertKind(kind);
      changes.push(replacing('certdirVerifierKind', kind));
    }
    if (agreementNumber !== undefined) {
      assertText('agreement number', agreementNumber);
      changes.push(replacing('certdirAgreementNumber', agreementNumber));
    }
    changes.push(...this.#daysAfter(now, change));
    if (partitions !== undefined) {
      changes.push(replacing('certdirGrantedPartition', ...this.#partitions(partitions)));
    }
    if (isEnabledAgain === true) {
      changes.push(replacing('certdirAccountDisabled'));
    }
    return changes;
  }

  /** The day that is not named stays, also where an entry was made with an instant instead of a day. */
  #daysAfter(now: RegisteredVerifier, change: VerifierChange): readonly Modification[] {
    const { agreementFrom, agreementUntil } = change;
    const fromMs = agreementFrom === undefined ? now.agreementFromMs : this.#firstOf(agreementFrom);
    const untilMs =
      agreementUntil === undefined ? now.agreementUntilMs : this.#lastOf(agreementUntil);
    if (fromMs !== undefined && untilMs !== undefined && untilMs < fromMs) {
      throw invalid(
        `the agreement would end at ${formatGeneralizedTime(untilMs)}, before it begins at ${formatGeneralizedTime(fromMs)}`,
      );
    }
    const at = (attribute: string, day: string | undefined, atMs: number | undefined) =>
      day === undefined || atMs === undefined
        ? []
        : [replacing(attribute, formatGeneralizedTime(atMs))];
    return [
      ...at('certdirAgreementNotBefore', agreementFrom, fromMs),
      ...at('certdirAgreementNotAfter', agreementUntil, untilMs),
    ];
  }

  async #hasPassword(name: string, caller: Caller): Promise<boolean> {
    const request = {
      base: this.#dnOf(name),
      scope: 'base',
      filter: { kind: 'present', attribute: 'userPassword' },
      attributes: ['1.1'],
      typesOnly: true,
      sizeLimit: 0,
      timeLimitMs: 0,
    } as const;
    for await (const _entry of this.#directory.search(request, caller)) {
      return true;
    }
    return false;
  }

  #dnOf(name: string): string {
    const { verifiers: parent } = this.#policy.directory;
    if (parent === undefined) {
      throw invalid(`${this.#policy.id} has no verifiers: its lists are for everyone`);
    }
    return `cn=${escapeValue(name)},${parent}`;
  }

  #assertKind(kind: string): void {
    const kinds = Object.keys(this.#policy.verifierKinds);
    if (!kinds.includes(kind)) {
      throw invalid(`the policy knows the kinds ${kinds.join(', ')}, not "${kind.slice(0, 40)}"`);
    }
  }

  #agreement({ agreementFrom, agreementUntil }: VerifierRegistration): {
    readonly fromMs: number;
    readonly untilMs: number;
  } {
    const [fromMs, untilMs] = [this.#firstOf(agreementFrom), this.#lastOf(agreementUntil)];
    if (untilMs < fromMs) {
      throw invalid(
        `the agreement ends on ${agreementUntil}, before it begins on ${agreementFrom}`,
      );
    }
    return { fromMs, untilMs };
  }

  #firstOf(day: string): number {
    return startOfDayMs(parseDay(day), this.#policy.utcOffsetMs);
  }

  #lastOf(day: string): number {
    return this.#firstOf(day) + DAY_MS - 1000;
  }

  #partitions(codes: readonly string[]): readonly string[] {
    if (codes.length === 0) {
      throw invalid('grant at least one partition, or * for all');
    }
    return [
      ...new Set(
        codes.map((code) => (code === '*' ? code : this.#policy.municipalities.find(code).code5)),
      ),
    ];
  }

  async #search(
    base: string,
    scope: 'base' | 'one',
    caller: Caller,
  ): Promise<readonly RegisteredVerifier[]> {
    const found: RegisteredVerifier[] = [];
    const request = {
      base,
      scope,
      filter: verifiers,
      attributes: ['*'],
      typesOnly: false,
      sizeLimit: 0,
      timeLimitMs: 0,
    };
    for await (const entry of this.#directory.search(request, caller)) {
      found.push(readVerifier(entry.dn, entry.attributes));
    }
    return found;
  }
}

function unknownVerifier(name: string): CaError {
  return new CaError(
    'CA_VERIFIER_UNKNOWN',
    `no verifier ${name.slice(0, 64)} is registered; certdir verifier list shows those that are`,
  );
}

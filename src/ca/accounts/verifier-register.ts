/**
 * The verifiers of one CA (gunma 1-3-1 (9) to (12)): registered beforehand under an agreement, each
 * with the partitions it was granted. A verifier is an entry of the directory; what its entry grants is
 * decided there at each request, so that access ends when the agreement does.
 *
 * @module
 */

import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import { readCredential } from '../../directory/accounts/certificate-credential.ts';
import type { Filter } from '../../directory/filters/filter.ts';
import {
  formatGeneralizedTime,
  parseGeneralizedTime,
} from '../../directory/schema/generalized-time.ts';
import type { AttributeValues, Caller, DirectoryService } from '../../directory/service.ts';
import { CaError } from '../errors.ts';
import { type CivilDay, startOfDayMs } from '../policy/civil-time.ts';
import type { Policy } from '../policy/policy.ts';
import { escapeValue, translating } from './account-entries.ts';

export interface VerifierRegistration {
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
  /** What it authenticates with: a password, a certificate (DER), or either. */
  readonly password?: string | undefined;
  readonly certificate?: Uint8Array | undefined;
}

export interface RegisteredVerifier {
  readonly dn: string;
  readonly name: string;
  readonly kind: string;
  readonly agreementNumber: string;
  /** Undefined for an entry that was made without; it has no access then. */
  readonly agreementFromMs: number | undefined;
  /** The last second of access. */
  readonly agreementUntilMs: number | undefined;
  readonly partitions: readonly string[];
  /** SHA-256 of the certificates it authenticates with, lower-case hexadecimal. */
  readonly certificates: readonly string[];
  readonly isDisabled: boolean;
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
   * Ends a verifier's access at once; the entry stays for the records.
   *
   * @throws {CaError} `CA_VERIFIER_UNKNOWN`.
   */
  async disable(name: string, caller: Caller): Promise<RegisteredVerifier> {
    await this.find(name, caller);
    const change = {
      operation: 'replace',
      attribute: 'certdirAccountDisabled',
      values: [encodeUtf8('TRUE')],
    } as const;
    await this.#directory.modify({ dn: this.#dnOf(name), changes: [change] }, caller);
    return await this.find(name, caller);
  }

  /**
   * Gives a verifier another password, e.g. when it has lost its own; recorded.
   *
   * @throws {CaError} `CA_VERIFIER_UNKNOWN`; `CA_VERIFIER_INVALID` for a password that the policy's
   *   rules refuse, or that was in use before.
   */
  async setPassword(name: string, password: string, caller: Caller): Promise<RegisteredVerifier> {
    await this.find(name, caller);
    const change = {
      operation: 'replace',
      attribute: 'userPassword',
      values: [encodeUtf8(password)],
    } as const;
    const request = { dn: this.#dnOf(name), changes: [change] };
    await translating(() => this.#directory.modify(request, caller), {
      DIRECTORY_CONSTRAINT: ({ message }) => invalid(message),
    });
    return await this.find(name, caller);
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
    const offsetMs = this.#policy.utcOffsetMs;
    const fromMs = startOfDayMs(parseDay(agreementFrom), offsetMs);
    const untilMs = startOfDayMs(parseDay(agreementUntil), offsetMs) + DAY_MS - 1000;
    if (untilMs < fromMs) {
      throw invalid(
        `the agreement ends on ${agreementUntil}, before it begins on ${agreementFrom}`,
      );
    }
    return { fromMs, untilMs };
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

function readVerifier(dn: string, attributes: readonly AttributeValues[]): RegisteredVerifier {
  const texts = (name: string): readonly string[] =>
    (attributes.find(({ description }) => description === name)?.values ?? []).map(
      (value) => decodeUtf8(value) ?? '',
    );
  const one = (name: string): string => texts(name)[0] ?? '';
  return {
    dn,
    name: one('cn'),
    kind: one('certdirVerifierKind'),
    agreementNumber: one('certdirAgreementNumber'),
    agreementFromMs: parseGeneralizedTime(one('certdirAgreementNotBefore'))?.atMs,
    agreementUntilMs: parseGeneralizedTime(one('certdirAgreementNotAfter'))?.atMs,
    partitions: texts('certdirGrantedPartition'),
    certificates: texts('certdirCertificateSha256').map((text) => text.toLowerCase()),
    isDisabled: one('certdirAccountDisabled') === 'TRUE',
  };
}

function credentialsOf({
  password,
  certificate,
}: VerifierRegistration): readonly AttributeValues[] {
  if (password === undefined && certificate === undefined) {
    throw invalid('a verifier needs a password or a certificate to authenticate with');
  }
  return [
    ...(password === undefined ? [] : [valuesOf('userPassword', password)]),
    ...(certificate === undefined
      ? []
      : [valuesOf('certdirCertificateSha256', sha256Of(certificate))]),
  ];
}

function sha256Of(certificate: Uint8Array): string {
  const credential = readCredential(certificate);
  if (credential === undefined) {
    throw invalid('the certificate cannot be read; give one X.509 certificate, PEM or DER');
  }
  return credential.sha256;
}

function valuesOf(description: string, ...texts: readonly string[]): AttributeValues {
  return { description, values: texts.map(encodeUtf8) };
}

function assertText(what: string, text: string): void {
  if (text.trim() === '' || [...text].length > 64 || /\p{Cc}/u.test(text)) {
    throw invalid(`a ${what} has 1 to 64 characters, without control characters`);
  }
}

function parseDay(text: string): CivilDay {
  const [, year = '', month = '', day = ''] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  const parsed = { year: Number(year), month: Number(month), day: Number(day) };
  const check = new Date(Date.UTC(parsed.year, parsed.month - 1, parsed.day));
  if (
    year === '' ||
    check.getUTCMonth() + 1 !== parsed.month ||
    check.getUTCDate() !== parsed.day
  ) {
    throw invalid(`"${text.slice(0, 20)}" is not a day; write it as YYYY-MM-DD`);
  }
  return parsed;
}

function invalid(message: string): CaError {
  return new CaError('CA_VERIFIER_INVALID', message);
}

function unknownVerifier(name: string): CaError {
  return new CaError(
    'CA_VERIFIER_UNKNOWN',
    `no verifier ${name.slice(0, 64)} is registered; certdir verifier list shows those that are`,
  );
}

/**
 * Making operators, closing and opening their accounts, and giving them certificates of this CA (gunma 5-2-2 ③, mic 5.2 (6)).
 *
 * Whoever does it is an operator whom the policy lets (`operators.manage`; `operators.enrol` for certificates), never for the account of the same person; or the owner of
 * the machine, who makes the first ones. One person has one account, and no roles that the policy keeps apart.
 * Whoever gives an operator a password or a certificate is on record with the account, and takes no step of a request
 * in which that account takes another (`requests/person.ts`). Accounts that are written over LDAP pass none of this: who acts is held against the policy once more when it
 * acts (`requests/duty.ts`).
 *
 * @module
 */

import { encodeUtf8 } from '../../core/bytes.ts';
import { isCertdirError } from '../../core/errors.ts';
import type { StoredOperator } from '../../directory/accounts/account-reading.ts';
import { readCredential } from '../../directory/accounts/certificate-credential.ts';
import type { Directory } from '../../directory/directory.ts';
import type { AttributeValues, Caller } from '../../directory/service.ts';
import type { Store } from '../../store/store.ts';
import { type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { parseCertificationRequest } from '../../x509/csr.ts';
import { reading } from '../ca-core.ts';
import type { RegisteredCertificate } from '../certificates/certificate-register.ts';
import type { IssuedCertificate } from '../certificates/issuance.ts';
import type { IssueRequest } from '../certificates/issue-request.ts';
import type { RevokeRequest } from '../certificates/revocation.ts';
import { CaError } from '../errors.ts';
import type { Policy } from '../policy/policy.ts';
import { Duty } from '../requests/duty.ts';
import { isSamePerson, type Person, personOf } from '../requests/person.ts';
import type { Acting } from '../requests/requests.ts';
import { escapeValue, translating } from './account-entries.ts';

/** Who registers: an operator, or whoever owns the machine. */
export type Registrar = Acting | { readonly machine: Caller };

export interface OperatorRegistrationInput {
  /** The value of cn below the policy's entry of operators. */
  readonly name: string;
  /** The person. */
  readonly fullName?: string | undefined;
  /** Tells people of one name apart. */
  readonly staffNumber?: string | undefined;
  readonly roles: readonly string[];
  /** Codes of the municipalities that an office acts for. */
  readonly partitions?: readonly string[] | undefined;
  readonly password?: string | undefined;
  /** A certificate that it authenticates with, DER; one of this CA is given by `enrol`. */
  readonly certificate?: Uint8Array | undefined;
}

export interface Enrolment {
  readonly name: string;
  /** PKCS#10: DER, or text with a PEM block. */
  readonly request: Uint8Array | string;
}

export interface Enrolled {
  readonly operator: StoredOperator;
  readonly serialNumber: bigint;
  readonly certificate: Certificate;
}

interface Parts {
  readonly policy: Policy;
  readonly store: Store;
  readonly directory: Directory;
  readonly authority: {
    issue(request: IssueRequest): Promise<IssuedCertificate>;
    revoke(request: RevokeRequest): Promise<unknown>;
    findByKey(spki: Uint8Array): Promise<readonly RegisteredCertificate[]>;
    findBySubject(subject: string): Promise<readonly RegisteredCertificate[]>;
  };
}

export class OperatorRegistration {
  readonly #parts: Parts;
  readonly #duty: Duty;
  /** One registration at a time, so that nobody is registered twice at once. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    const { policy, store, directory } = parts;
    this.#parts = parts;
    this.#duty = new Duty({ policy, store, accounts: directory.accounts });
  }

  /** Every operator, closed accounts included. */
  list(): Promise<readonly StoredOperator[]> {
    const { store, directory, policy } = this.#parts;
    return reading(store, (view) =>
      directory.accounts.operatorsBelow(view, policy.directory.operators),
    );
  }

  /**
   * Makes an operator; durable, and recorded, when it resolves.
   *
   * @throws {CaError} `CA_OPERATOR_INVALID` for a name, role, partition or password, `CA_OPERATOR_EXISTS` for a name
   *   or person that is registered, `CA_SEPARATION`, `CA_NOT_PERMITTED`.
   */
  add(input: OperatorRegistrationInput, by: Registrar): Promise<StoredOperator> {
    return this.#inTurn(async () => {
      const registrar = await this.#registrar(by);
      const attributes = this.#attributes(input);
      const draft = draftOf(input, attributes);
      this.#assertRoles(draft.roles, draft.partitions);
      await this.#assertNewPerson(draft, registrar.person);
      const dn = this.#dnOf(input.name);
      await translating(() => this.#parts.directory.add({ dn, attributes }, registrar.caller), {
        DIRECTORY_ENTRY_EXISTS: () =>
          new CaError('CA_OPERATOR_EXISTS', `there is an operator ${input.name} already`),
        DIRECTORY_CONSTRAINT: ({ message }) => invalid(message),
      });
      return await this.#find(input.name);
    });
  }

  /**
   * Closes an account at once: it acts no more, and what it has approved and was not carried out counts no more.
   *
   * @throws {CaError} `CA_OPERATOR_UNKNOWN`, `CA_NOT_PERMITTED`, `CA_SEPARATION`.
   */
  disable(name: string, by: Registrar): Promise<StoredOperator> {
    return this.#inTurn(async () => {
      const { caller } = await this.#registrar(by);
      const { dn } = await this.#find(name);
      await this.#set(dn, { certdirAccountDisabled: ['TRUE'] }, caller);
      return await this.#find(name);
    });
  }

  /**
   * Opens an account that was closed.
   *
   * @throws {CaError} `CA_OPERATOR_UNKNOWN`, `CA_OPERATOR_EXISTS` when the person has another account by now,
   *   `CA_SEPARATION`, `CA_NOT_PERMITTED`, `CA_OPERATOR_INVALID` for roles that the policy has no more.
   */
  enable(name: string, by: Registrar): Promise<StoredOperator> {
    return this.#inTurn(async () => {
      const registrar = await this.#registrar(by);
      const operator = await this.#find(name);
      this.#assertRoles(operator.roles, operator.partitions);
      await this.#assertNewPerson(operator, registrar.person);
      await this.#set(operator.dn, { certdirAccountDisabled: [] }, registrar.caller);
      return await this.#find(name);
    });
  }

  /**
   * Gives an operator who has lost it another password; one's own is changed with the old one.
   *
   * @throws {CaError} `CA_OPERATOR_UNKNOWN`, `CA_OPERATOR_INVALID` for a password that the policy's rules refuse or that
   *   was in use before, `CA_SAME_PERSON`, `CA_NOT_PERMITTED`, `CA_SEPARATION`.
   */
  setPassword(name: string, password: string, by: Registrar): Promise<StoredOperator> {
    return this.#inTurn(async () => {
      const registrar = await this.#registrar(by);
      const operator = await this.#find(name);
      this.#assertOther(operator, registrar.person);
      await translating(
        () => this.#set(operator.dn, { userPassword: [password] }, registrar.caller),
        { DIRECTORY_CONSTRAINT: ({ message }) => invalid(message) },
      );
      return await this.#find(name);
    });
  }

  /**
   * Gives an operator a certificate under the policy's profile for them. From then on the account authenticates
   * with this one; one of this CA that it had before is revoked as superseded. The same request again ends what an
   * interruption has left.
   *
   * @throws {CaError} `CA_OPERATOR_UNKNOWN`, `CA_OPERATOR_INVALID` where the policy has no profile for them or the
   *   account is closed, `CA_NOT_PERMITTED`, `CA_SEPARATION`; and what issuing refuses.
   */
  enrol({ name, request }: Enrolment, by: Registrar): Promise<Enrolled> {
    return this.#inTurn(async () => {
      const registrar = await this.#registrar(by, this.#enrolling(by));
      const operator = await this.#find(name);
      this.#assertOther(operator, registrar.person);
      if (operator.isDisabled) {
        throw invalid(`the account ${name} is closed; certdir operator enable opens it`);
      }
      const { authority } = this.#parts;
      const { origin } = registrar;
      const { ofKey, other } = await this.#standing(operator, request);
      const { serialNumber, certificate } =
        ofKey === undefined
          ? await authority.issue({
              ...{ profile: this.#profile(), csr: request, origin },
              fields: { operator: operator.name },
              ...(other === undefined ? {} : { renews: other.serialNumber }),
            })
          : // What an enrolment that was interrupted has issued.
            { serialNumber: ofKey.serialNumber, certificate: parseCertificate(ofKey.der) };
      const sha256 = sha256Of(certificate.der);
      await this.#set(operator.dn, { certdirCertificateSha256: [sha256] }, registrar.caller);
      if (other !== undefined) {
        const reason = this.#supersededReason();
        await authority.revoke({ serialNumber: other.serialNumber, reason, origin });
      }
      return { operator: await this.#find(name), serialNumber, certificate };
    });
  }

  /** The one who registers, on duty. */
  async #registrar(
    by: Registrar,
    permission: 'operators.manage' | 'operators.enrol' = 'operators.manage',
  ): Promise<{
    readonly caller: Caller;
    readonly origin: Acting['origin'];
    readonly person: Person | undefined;
  }> {
    if ('machine' in by) {
      const { principal, session } = by.machine;
      const actor = principal.kind === 'system' ? principal.name : '';
      const origin = { channel: session.channel, actor };
      return { caller: by.machine, origin, person: undefined };
    }
    const { operator, origin } = by;
    const { person } = await reading(this.#parts.store, (view) =>
      this.#duty.expect(view, operator, { permission }),
    );
    const session = { isProtected: true, address: origin.address ?? '', channel: origin.channel };
    return {
      caller: {
        principal: { kind: 'system', name: operator.dn, operatorUuid: operator.id },
        session,
      },
      origin,
      person,
    };
  }

  /** Who registers may enrol as well. */
  #enrolling(by: Registrar): 'operators.manage' | 'operators.enrol' {
    const isRegistrar =
      'machine' in by || this.#duty.people.isAllowed(by.operator.roles, 'operators.manage');
    return isRegistrar ? 'operators.manage' : 'operators.enrol';
  }

  #attributes(input: OperatorRegistrationInput): readonly AttributeValues[] {
    const { name, fullName, staffNumber, roles, password, certificate } = input;
    assertText('name', name);
    const partitions = this.#partitions(input.partitions ?? []);
    const optional: readonly (readonly [string, string | undefined])[] = [
      ['displayName', fullName],
      ['uid', staffNumber],
      ['userPassword', password],
      ['certdirCertificateSha256', certificate && sha256Of(certificate)],
    ];
    if (fullName !== undefined) {
      assertText('full name', fullName);
    }
    if (staffNumber !== undefined) {
      assertText('staff number', staffNumber);
    }
    return [
      valuesOf('objectClass', 'applicationProcess', 'certdirOperator'),
      valuesOf('cn', name),
      valuesOf('certdirOperatorRole', ...new Set(roles)),
      ...(partitions.length === 0 ? [] : [valuesOf('certdirGrantedPartition', ...partitions)]),
      ...optional.flatMap(([type, text]) => (text === undefined ? [] : [valuesOf(type, text)])),
    ];
  }

  #partitions(codes: readonly string[]): readonly string[] {
    const { municipalities } = this.#parts.policy;
    if (codes.length > 0 && municipalities === undefined) {
      throw invalid('this CA has no municipalities that an operator could act for');
    }
    return [...new Set(codes.map((code) => municipalities?.find(code).code5 ?? code))];
  }

  #assertRoles(roles: readonly string[], partitions: readonly string[]): void {
    const { people } = this.#duty;
    const known = Object.keys(people.roles);
    if (roles.length === 0) {
      throw invalid(`an operator has one role at least: ${known.join(', ')}`);
    }
    for (const role of roles) {
      const definition = Object.hasOwn(people.roles, role) ? people.roles[role] : undefined;
      if (definition === undefined) {
        throw invalid(`"${role.slice(0, 64)}" is no role here; there is ${known.join(', ')}`);
      }
      if (definition.isOffice && partitions.length === 0) {
        throw invalid(`${role} is an office's: name the municipalities that it acts for`);
      }
    }
    const together = people.separated(roles);
    if (together !== undefined) {
      const named = together.join(' and ');
      throw new CaError('CA_SEPARATION', `${named} are never one person's by the policy`);
    }
  }

  /** One person, one account; nobody registers itself. */
  async #assertNewPerson(draft: StoredOperator, registrar: Person | undefined): Promise<void> {
    this.#assertOther(draft, registrar);
    const person = personOf(draft);
    const same = (await this.list()).find(
      (other) =>
        other.entryUuid !== draft.entryUuid &&
        !other.isDisabled &&
        isSamePerson(personOf(other), person),
    );
    if (same !== undefined) {
      throw new CaError(
        'CA_OPERATOR_EXISTS',
        `this person is registered as ${same.name}; two people of one name have staff numbers (--staff-number)`,
      );
    }
  }

  #assertOther(operator: StoredOperator, registrar: Person | undefined): void {
    if (registrar !== undefined && isSamePerson(personOf(operator), registrar)) {
      throw new CaError('CA_SAME_PERSON', 'nobody registers themselves; another operator does');
    }
  }

  #profile(): string {
    const name = this.#parts.policy.people?.operatorProfile;
    if (name === undefined) {
      throw invalid(
        'the policy has no profile for certificates of operators (people.operatorProfile)',
      );
    }
    return name;
  }

  #supersededReason(): string {
    const { reasons } = this.#parts.policy.revocation;
    return reasons.includes('superseded') ? 'superseded' : (reasons[0] ?? 'unspecified');
  }

  /** An operator's certificates that are neither revoked nor past: of the key of a request, and another one. */
  async #standing(
    { name }: StoredOperator,
    request: Enrolment['request'],
  ): Promise<{
    readonly ofKey: RegisteredCertificate | undefined;
    readonly other: RegisteredCertificate | undefined;
  }> {
    const { authority, policy } = this.#parts;
    const template = policy.profiles[this.#profile()]?.subject ?? '';
    const subject = template.replaceAll('{operator}', escapeValue(name));
    const own = (await authority.findBySubject(subject)).filter(
      ({ state }) => state === 'good' || state === 'held',
    );
    const sameKey = (await authority.findByKey(keyOf(request)))[0];
    const isOfKey = (one: RegisteredCertificate): boolean =>
      one.serialNumber === sameKey?.serialNumber;
    return { ofKey: own.find(isOfKey), other: own.find((one) => !isOfKey(one)) };
  }

  async #find(name: string): Promise<StoredOperator> {
    const found = (await this.list()).find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (found === undefined) {
      throw new CaError(
        'CA_OPERATOR_UNKNOWN',
        `there is no operator ${name.slice(0, 64)}; certdir operator list shows those that there are`,
      );
    }
    return found;
  }

  async #set(
    dn: string,
    values: Readonly<Record<string, readonly string[]>>,
    caller: Caller,
  ): Promise<void> {
    const changes = Object.entries(values).map(
      ([attribute, texts]) =>
        ({ operation: 'replace', attribute, values: texts.map(encodeUtf8) }) as const,
    );
    await this.#parts.directory.modify({ dn, changes }, caller);
  }

  #dnOf(name: string): string {
    return `cn=${escapeValue(name)},${this.#parts.policy.directory.operators}`;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** @throws {CaError} `CA_REQUEST_MALFORMED` */
function keyOf(request: Enrolment['request']): Uint8Array {
  try {
    return parseCertificationRequest(request).spki;
  } catch (cause) {
    throw isCertdirError(cause)
      ? new CaError('CA_REQUEST_MALFORMED', cause.message, { cause })
      : cause;
  }
}

/** The account that there would be. */
function draftOf(
  { name, fullName, staffNumber }: OperatorRegistrationInput,
  attributes: readonly AttributeValues[],
): StoredOperator {
  const texts = (type: string): readonly string[] =>
    attributes
      .filter(({ description }) => description === type)
      .flatMap(({ values }) => values.map((value) => Buffer.from(value).toString('utf8')));
  return {
    ...{ entryUuid: '', dn: '', name, displayName: fullName },
    staffNumbers: staffNumber === undefined ? [] : [staffNumber],
    roles: texts('certdirOperatorRole'),
    partitions: texts('certdirGrantedPartition'),
    certificates: texts('certdirCertificateSha256'),
    credentialSetBy: [],
    hasPassword: false,
    isDisabled: false,
  };
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

function invalid(message: string): CaError {
  return new CaError('CA_OPERATOR_INVALID', message);
}

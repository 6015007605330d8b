/**
 * A request for a certificate, and everything about it that can be checked without looking at what has
 * been issued: the profile's demands, proof of possession, the key, names and characters.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { recordDigest } from '../../audit/record-digest.ts';
import { isCertdirError } from '../../core/errors.ts';
import type { Transaction } from '../../store/store.ts';
import { parseSubjectPublicKeyInfo, readPublicKeyBits } from '../../x509/algorithms.ts';
import type { Certificate } from '../../x509/certificate.ts';
import {
  type CertificationRequest,
  parseCertificationRequest,
  verifyProofOfPossession,
} from '../../x509/csr.ts';
import type { JpkiSubject } from '../../x509/jpki-other-name.ts';
import { assessPublicKey, keyWeaknessText } from '../../x509/key-strength.ts';
import { CaError, type CaErrorCode } from '../errors.ts';
import { type CivilDay, compareCivilDays, parseCivilDay } from '../policy/civil-time.ts';
import { leastModulusBits } from '../policy/legacy-algorithms.ts';
import type { Municipality } from '../policy/municipality.ts';
import type { PlaceholderValues } from '../policy/name-template.ts';
import type { Policy, SubjectKeyTypeName } from '../policy/policy.ts';
import { municipalityTexts, type Profile } from '../policy/profile.ts';
import type { Scope, Scopes } from '../policy/scope.ts';
import {
  checkBirthDate,
  checkCardExpiry,
  checkDnsNames,
  checkField,
  readDay,
  type Today,
} from './request-fields.ts';
import {
  AttributesRefused,
  SubjectAttributeRules,
  type SubjectAttributes,
} from './subject-attributes.ts';

export interface IssueRequest {
  /** A profile of the policy, e.g. `end-entity`. */
  readonly profile: string;
  /** PKCS#10: DER, or text with a PEM block. Its key is used; its subject and wishes are not. */
  readonly csr: Uint8Array | string;
  /** Code of five or six digits, where the profile is for a municipality. */
  readonly municipality?: string;
  /** Where the profile's list is one of several that requests choose from. */
  readonly partition?: string;
  /** Where the profile carries them, or tells subscribers apart by them. */
  readonly subjectAttributes?: SubjectAttributes;
  /** What fills the places of the profile's templates: each of its `fields`, and no other. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Where the profile's subjectAltName has them. */
  readonly dnsNames?: readonly string[];
  /** `YYYY-MM-DD`, where the validity hangs on it; that of the attributes when left out. */
  readonly birthDate?: string;
  /** The last day of the subscriber's card, `YYYY-MM-DD`, likewise. */
  readonly cardExpiry?: string;
  /**
   * Serial number of the certificate that this one replaces: of the same profile and subscriber or subject, good or held.
   * It may stand beside the new one; whoever asks sees to its revocation.
   */
  readonly renews?: bigint;
  /** Who asked, for the audit log. */
  readonly origin: AuditOrigin;
  /** What else happens in the transaction that records the certificate, or nothing does. */
  readonly within?: ((transaction: Transaction, issued: IssuedFacts) => Promise<void>) | undefined;
}

/** A certificate that is issued when the transaction is durable. */
export interface IssuedFacts {
  readonly serialNumber: bigint;
  readonly scope: Scope;
  readonly certificate: Certificate;
}

/** A request that has passed. */
export interface CheckedRequest {
  readonly profile: Profile;
  readonly scope: Scope;
  readonly municipality: Municipality | undefined;
  readonly subjectAttributes: JpkiSubject | undefined;
  /** What fills the profile's templates, but for the issue id. */
  readonly texts: PlaceholderValues;
  readonly dnsNames: readonly string[] | undefined;
  readonly birthDate: CivilDay | undefined;
  readonly cardExpiry: CivilDay | undefined;
  readonly renews: bigint | undefined;
  readonly spki: Uint8Array;
  /** SHA-256 of the request's DER, lower-case hexadecimal. */
  readonly requestDigest: string;
  /** SHA-256 of the public key's bits: what tells keys apart. */
  readonly keyDigest: Uint8Array;
  /** SHA-256 of what tells subscribers apart; undefined where more than one certificate is allowed. */
  readonly subscriberDigest: Uint8Array | undefined;
}

/** Something wrong with a request. */
export interface RequestFault {
  /** The part at fault: `['csr']`, `['fields', 'serverName']`. */
  readonly path: readonly string[];
  readonly code: CaErrorCode;
  readonly message: string;
}

/** Does one check: throws what is wrong, or notes it and goes on. */
type Attempt = <T>(path: RequestFault['path'], check: () => T) => T | undefined;

const throwing: Attempt = (_path, check) => check();

function noting(faults: RequestFault[]): Attempt {
  return (path, check) => {
    try {
      return check();
    } catch (error) {
      if (error instanceof AttributesRefused) {
        faults.push(
          ...error.findings.map((one) => ({
            ...asFault(path, one.error),
            path: [...path, one.field],
          })),
        );
      } else {
        faults.push(asFault(path, error));
      }
      return undefined;
    }
  };
}

function asFault(path: RequestFault['path'], error: unknown): RequestFault {
  if (!(error instanceof CaError)) {
    throw error;
  }
  return { path, code: error.code, message: error.message };
}

export class RequestRules {
  readonly #profiles: ReadonlyMap<string, Profile>;
  readonly #policy: Policy;
  readonly #scopes: Scopes;
  /** Undefined where no profile asks for attributes. */
  readonly #attributes: SubjectAttributeRules | undefined;

  constructor(policy: Policy, profiles: ReadonlyMap<string, Profile>, scopes: Scopes) {
    this.#profiles = profiles;
    this.#policy = policy;
    this.#scopes = scopes;
    this.#attributes =
      policy.subjectAttributes === undefined ? undefined : new SubjectAttributeRules(policy);
  }

  /**
   * Checks a request.
   *
   * @throws {CaError} `CA_PROFILE_UNKNOWN`, `CA_REQUEST_INCOMPLETE`, `CA_REQUEST_MALFORMED`,
   *   `CA_PROOF_OF_POSSESSION`, `CA_KEY_WEAK`, `CA_MUNICIPALITY_UNKNOWN`,
   *   `CA_CHARACTER_NOT_ALLOWED`, `CA_ATTRIBUTE_INVALID`, `CA_SCOPE_UNKNOWN`.
   */
  async check(request: IssueRequest, nowMs: number): Promise<CheckedRequest> {
    const profile = this.#findProfile(request.profile);
    const said = this.#said(profile, request, { nowMs, attempt: throwing });
    const csr = readRequest(request.csr);
    const { spki } = csr;
    this.#checkKey(spki);
    await assertPossession(csr);
    const { subjectAttributes } = said;
    return {
      profile,
      ...said,
      scope: this.#scopeOf(profile, request, said.municipality),
      renews: request.renews,
      spki,
      requestDigest: recordDigest(csr.der),
      keyDigest: digestOfKey(spki),
      subscriberDigest:
        profile.definition.onePerSubscriber && subjectAttributes !== undefined
          ? digestOfSubscriber(subjectAttributes)
          : undefined,
    };
  }

  /** Everything that `check` would refuse, at once and without effect; empty when it would pass. */
  async examine(request: IssueRequest, nowMs: number): Promise<readonly RequestFault[]> {
    const faults: RequestFault[] = [];
    const attempt = noting(faults);
    const profile = attempt(['profile'], () => this.#findProfile(request.profile));
    if (profile === undefined) {
      return faults;
    }
    const { municipality } = this.#said(profile, request, { nowMs, attempt });
    if (municipality !== undefined || !profile.needsMunicipality) {
      attempt(['partition'], () => this.#scopeOf(profile, request, municipality));
    }
    const csr = attempt(['csr'], () => readRequest(request.csr));
    if (csr !== undefined) {
      attempt(['csr'], () => this.#checkKey(csr.spki));
      await assertPossession(csr).catch((error: unknown) => {
        faults.push(asFault(['csr'], error));
      });
    }
    return faults;
  }

  /** What the request says in words, checked part by part. */
  #said(
    profile: Profile,
    request: IssueRequest,
    { nowMs, attempt }: { readonly nowMs: number; readonly attempt: Attempt },
  ): Pick<
    CheckedRequest,
    'municipality' | 'subjectAttributes' | 'texts' | 'dnsNames' | 'birthDate' | 'cardExpiry'
  > {
    const today = { nowMs, utcOffsetMs: this.#policy.utcOffsetMs };
    const municipality = attempt(['municipality'], () =>
      this.#municipality(profile, request.municipality),
    );
    const subjectAttributes = attempt(['subjectAttributes'], () =>
      this.#subjectAttributes(profile, request, nowMs),
    );
    checkFields(profile, request.fields ?? {}, attempt);
    const { dnsNames } = request;
    attempt(['dnsNames'], () => {
      const isNeeded = profile.needsDnsNames;
      expectGiven(profile, 'names of the DNS (dnsNames)', { isNeeded, given: dnsNames });
      if (dnsNames !== undefined) {
        checkDnsNames(dnsNames);
      }
    });
    return {
      municipality,
      subjectAttributes,
      texts: { ...request.fields, ...municipalityTexts(municipality) },
      dnsNames,
      birthDate: attempt(['birthDate'], () =>
        birthDateOf(profile, request, { ...today, subjectAttributes }),
      ),
      cardExpiry: attempt(['cardExpiry'], () => cardExpiryOf(profile, request, today)),
    };
  }

  #scopeOf(
    profile: Profile,
    { partition }: IssueRequest,
    municipality: Municipality | undefined,
  ): Scope {
    const { scope } = profile.definition;
    const isChosen = this.#policy.crl.scopes.some(({ id, by }) => id === scope && by === 'request');
    if (partition !== undefined && !isChosen) {
      expectGiven(profile, 'a list to choose (partition)', { isNeeded: false, given: partition });
    }
    return this.#scopes.of(profile.definition.scope, {
      municipality,
      profile: profile.name,
      value: partition,
    });
  }

  #findProfile(name: string): Profile {
    const profile = this.#profiles.get(name);
    if (profile === undefined || isOwn(profile)) {
      const known = [...this.#profiles.values()]
        .filter((one) => !isOwn(one))
        .map((one) => one.name);
      throw new CaError('CA_PROFILE_UNKNOWN', `profiles that can be issued: ${known.join(', ')}`);
    }
    return profile;
  }

  #municipality(profile: Profile, code: string | undefined): Municipality | undefined {
    expectGiven(profile, 'a municipality', { isNeeded: profile.needsMunicipality, given: code });
    if (code === undefined) {
      return undefined;
    }
    const found = this.#policy.municipalities.find(code);
    if (found.mergedInto !== undefined) {
      throw new CaError(
        'CA_MUNICIPALITY_UNKNOWN',
        `${found.kanji} has become part of ${found.mergedInto}; certificates are issued there`,
      );
    }
    return found;
  }

  #subjectAttributes(
    profile: Profile,
    { subjectAttributes: given }: IssueRequest,
    nowMs: number,
  ): JpkiSubject | undefined {
    const isNeeded = profile.needsSubjectAttributes;
    expectGiven(profile, "the subject's attributes", { isNeeded, given });
    return given === undefined ? undefined : this.#attributes?.check(given, nowMs);
  }

  #checkKey(spki: Uint8Array): void {
    const weaknesses = asMalformed(() => assessPublicKey(spki, leastModulusBits(this.#policy)));
    if (weaknesses.length > 0) {
      const named = weaknesses.map((weakness) => keyWeaknessText[weakness]);
      throw new CaError('CA_KEY_WEAK', `the key is refused: ${named.join('; ')}`);
    }
    const { types } = this.#policy.keys.subject;
    if (!types.some((type) => type === keyTypeName(spki))) {
      throw new CaError('CA_KEY_WEAK', `the key is refused: keys here are ${types.join(', ')}`);
    }
  }
}

/** True for certificates of CAs, which come about on other ways: with a key of this one, or in an exchange. */
function isOwn({ definition: { kind } }: Profile): boolean {
  return kind === 'self-signed' || kind === 'link' || kind === 'cross';
}

function expectGiven(
  profile: Profile,
  what: string,
  { isNeeded, given }: { readonly isNeeded: boolean; readonly given: unknown },
): void {
  if (isNeeded !== (given !== undefined)) {
    throw new CaError(
      'CA_REQUEST_INCOMPLETE',
      `the profile ${profile.name} ${isNeeded ? 'needs' : 'has no place for'} ${what}`,
    );
  }
}

function checkFields(
  profile: Profile,
  given: Readonly<Record<string, string>>,
  attempt: Attempt,
): void {
  const { fields } = profile.definition;
  for (const name of Object.keys(given)) {
    attempt(['fields', name], () => {
      if (!Object.hasOwn(fields, name)) {
        const known = Object.keys(fields).join(', ') || 'none';
        throw new CaError(
          'CA_REQUEST_INCOMPLETE',
          `the profile ${profile.name} has no field ${name.slice(0, 40)}; its fields: ${known}`,
        );
      }
    });
  }
  for (const [name, rule] of Object.entries(fields)) {
    attempt(['fields', name], () => {
      const value = Object.hasOwn(given, name) ? given[name] : undefined;
      if (value === undefined) {
        expectGiven(profile, `the field ${name}`, { isNeeded: true, given: value });
        return;
      }
      checkField(name, value, { rule, ...profile.formOf(name) });
    });
  }
}

/** The date that the request names, or else that of the attributes; both are the same where both are there. */
function birthDateOf(
  profile: Profile,
  { birthDate: given }: IssueRequest,
  { subjectAttributes, ...today }: Today & { readonly subjectAttributes: JpkiSubject | undefined },
): CivilDay | undefined {
  const ofAttributes = profile.needsBirthDate ? dayOfBirth(subjectAttributes) : undefined;
  if (given === undefined && ofAttributes !== undefined) {
    return ofAttributes;
  }
  const isNeeded = profile.needsBirthDate;
  expectGiven(profile, 'the date of birth (birthDate)', { isNeeded, given });
  if (given === undefined) {
    return undefined;
  }
  const day = readDay('birthDate', given);
  checkBirthDate(day, today);
  if (ofAttributes !== undefined && compareCivilDays(day, ofAttributes) !== 0) {
    throw new CaError(
      'CA_ATTRIBUTE_INVALID',
      'birthDate and the dateOfBirth of the attributes are different days',
    );
  }
  return day;
}

/** Undefined for one that is not known, which has no day. */
function dayOfBirth(subject: JpkiSubject | undefined): CivilDay | undefined {
  const [, year, month, day] =
    /^[0-9]([0-9]{4})([0-9]{2})([0-9]{2})$/.exec(subject?.dateOfBirth ?? '') ?? [];
  return year === undefined ? undefined : parseCivilDay(`${year}-${month}-${day}`);
}

function cardExpiryOf(
  profile: Profile,
  { cardExpiry: given }: IssueRequest,
  today: Today,
): CivilDay | undefined {
  const isNeeded = profile.needsCardExpiry;
  expectGiven(profile, "the last day of the subscriber's card (cardExpiry)", { isNeeded, given });
  if (given === undefined) {
    return undefined;
  }
  const day = readDay('cardExpiry', given);
  checkCardExpiry(day, today);
  return day;
}

function readRequest(csr: Uint8Array | string): CertificationRequest {
  return asMalformed(() => parseCertificationRequest(csr));
}

/** gunma 3-1-11: the request is signed with the key that it asks a certificate for. */
async function assertPossession(request: CertificationRequest): Promise<void> {
  const isPossessed = await verifyProofOfPossession(request).catch(throwMalformed);
  if (!isPossessed) {
    throw new CaError(
      'CA_PROOF_OF_POSSESSION',
      'the request is not signed with the key that it asks a certificate for',
    );
  }
}

function asMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    return throwMalformed(cause);
  }
}

function throwMalformed(cause: unknown): never {
  throw isCertdirError(cause)
    ? new CaError('CA_REQUEST_MALFORMED', cause.message, { cause })
    : cause;
}

/** Two encodings of one key must not pass for two keys, so only its bits count. */
export function digestOfKey(spki: Uint8Array): Uint8Array {
  return createHash('sha256').update(readPublicKeyBits(spki)).digest();
}

/** A person, as far as the statement tells persons apart: by the four attributes (gunma 2-1-2 (1)). */
export function digestOfSubscriber(subject: JpkiSubject): Uint8Array {
  const hash = createHash('sha256');
  for (const value of [subject.commonName, subject.dateOfBirth, subject.gender, subject.address]) {
    // No attribute holds U+0000, so joined values are equal only when all are.
    hash.update(value).update('\0');
  }
  return hash.digest();
}

function keyTypeName(spki: Uint8Array): SubjectKeyTypeName | undefined {
  const key = parseSubjectPublicKeyInfo(spki);
  switch (key.kind) {
    case 'rsa': {
      const { modulusBits } = key;
      return modulusBits === 1024 ||
        modulusBits === 2048 ||
        modulusBits === 3072 ||
        modulusBits === 4096
        ? `rsa-${modulusBits}`
        : undefined;
    }
    case 'ec':
      return key.curve === 'P-256' ? 'ec-p256' : 'ec-p384';
    case 'other':
      return undefined;
  }
}

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
import { parseSubjectPublicKeyInfo, readPublicKeyBits } from '../../x509/algorithms.ts';
import {
  type CertificationRequest,
  parseCertificationRequest,
  verifyProofOfPossession,
} from '../../x509/csr.ts';
import type { JpkiSubject } from '../../x509/jpki-other-name.ts';
import { assessPublicKey, keyWeaknessText } from '../../x509/key-strength.ts';
import { CaError } from '../errors.ts';
import type { Municipality } from '../policy/municipality.ts';
import type { KeyTypeName, Policy } from '../policy/policy.ts';
import type { Profile } from '../policy/profile.ts';
import type { Scope, Scopes } from '../policy/scope.ts';
import { SubjectAttributeRules, type SubjectAttributes } from './subject-attributes.ts';

export interface IssueRequest {
  /** A profile of the policy, e.g. `end-entity`. */
  readonly profile: string;
  /** PKCS#10: DER, or text with a PEM block. Its key is used; its subject and wishes are not. */
  readonly csr: Uint8Array | string;
  /** Code of five or six digits, where the profile is for a municipality. */
  readonly municipality?: string;
  /** Where the profile's list is one of several that requests choose from. */
  readonly partition?: string;
  /** Where the profile carries them. */
  readonly subjectAttributes?: SubjectAttributes;
  /** Who asked, for the audit log. */
  readonly origin: AuditOrigin;
}

/** A request that has passed. */
export interface CheckedRequest {
  readonly profile: Profile;
  readonly scope: Scope;
  readonly municipality: Municipality | undefined;
  readonly subjectAttributes: JpkiSubject | undefined;
  readonly spki: Uint8Array;
  /** SHA-256 of the request's DER, lower-case hexadecimal. */
  readonly requestDigest: string;
  /** SHA-256 of the public key's bits: what tells keys apart. */
  readonly keyDigest: Uint8Array;
  /** SHA-256 of what tells subscribers apart; undefined where more than one certificate is allowed. */
  readonly subscriberDigest: Uint8Array | undefined;
}

export class RequestRules {
  readonly #profiles: ReadonlyMap<string, Profile>;
  readonly #policy: Policy;
  readonly #scopes: Scopes;
  readonly #attributes: SubjectAttributeRules;

  constructor(policy: Policy, profiles: ReadonlyMap<string, Profile>, scopes: Scopes) {
    this.#profiles = profiles;
    this.#policy = policy;
    this.#scopes = scopes;
    this.#attributes = new SubjectAttributeRules(policy);
  }

  /**
   * Checks a request.
   *
   * @throws {CaError} `CA_PROFILE_UNKNOWN`, `CA_REQUEST_INCOMPLETE`, `CA_REQUEST_MALFORMED`,
   *   `CA_PROOF_OF_POSSESSION`, `CA_KEY_WEAK`, `CA_MUNICIPALITY_UNKNOWN`,
   *   `CA_CHARACTER_NOT_ALLOWED`, `CA_ATTRIBUTE_INVALID`.
   */
  async check(request: IssueRequest, nowMs: number): Promise<CheckedRequest> {
    const profile = this.#findProfile(request.profile);
    const municipality = this.#municipality(profile, request.municipality);
    const subjectAttributes = this.#subjectAttributes(profile, request, nowMs);
    const csr = readRequest(request.csr);
    const { spki } = csr;
    this.#checkKey(spki);
    await assertPossession(csr);
    return {
      profile,
      scope: this.#scopes.of(profile.definition.scope, {
        municipality,
        profile: profile.name,
        value: request.partition,
      }),
      municipality,
      subjectAttributes,
      spki,
      requestDigest: recordDigest(csr.der),
      keyDigest: digestOfKey(spki),
      subscriberDigest:
        profile.definition.onePerSubscriber && subjectAttributes !== undefined
          ? digestOfSubscriber(subjectAttributes)
          : undefined,
    };
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
    return given === undefined ? undefined : this.#attributes.check(given, nowMs);
  }

  #checkKey(spki: Uint8Array): void {
    const weaknesses = asMalformed(() => assessPublicKey(spki));
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

function keyTypeName(spki: Uint8Array): KeyTypeName | undefined {
  const key = parseSubjectPublicKeyInfo(spki);
  switch (key.kind) {
    case 'rsa': {
      const { modulusBits } = key;
      return modulusBits === 2048 || modulusBits === 3072 || modulusBits === 4096
        ? `rsa-${modulusBits}`
        : undefined;
    }
    case 'ec':
      return key.curve === 'P-256' ? 'ec-p256' : 'ec-p384';
    case 'other':
      return undefined;
  }
}

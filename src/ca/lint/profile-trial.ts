/**
 * A policy's profiles tried without a CA: a certificate of each is put together with names and keys of nobody and held against
 * the linter, so that a profile whose certificates would be refused is found when it is written.
 *
 * @module
 */

import type { LintFinding } from '../../core/lint-rule.ts';
import { encodeSignatureAlgorithm, type SignatureAlgorithmLike } from '../../x509/algorithms.ts';
import {
  assembleSigned,
  type Certificate,
  encodeTbsCertificate,
  parseCertificate,
} from '../../x509/certificate.ts';
import type { JpkiSubject } from '../../x509/jpki-other-name.ts';
import { computeKeyIdentifier } from '../../x509/key-identifier.ts';
import { type Name, nameFromText } from '../../x509/name.ts';
import { placeholders } from '../policy/name-template.ts';
import { type Policy, signatureAlgorithmOf } from '../policy/policy.ts';
import type { Profile, ValidityPeriod } from '../policy/profile.ts';
import type { IssuerReference } from '../policy/profile-extensions.ts';
import { type Scope, Scopes } from '../policy/scope.ts';
import { lintCertificate } from './lint.ts';
import { policyRules } from './policy-rules.ts';

export interface ProfileTrial {
  readonly profile: string;
  readonly findings: readonly LintFinding[];
  /** Departures that what the profile makes does not need. */
  readonly idleDepartures: readonly string[];
}

/** Public keys of nobody: SubjectPublicKeyInfo. */
export interface TrialKeys {
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
}

/** Their departures are not tried: without the policy nothing breaks them. */
const ofPolicy: ReadonlySet<string> = new Set(policyRules.map(({ id }) => id));

/** Every certificate begins on this day. */
const START_MS: number = Date.UTC(2026, 3, 1);
const SERIAL = 1n << 150n;
const BIRTH = { year: 1990, month: 4, day: 1 } as const;
const CARD_END = { year: 2036, month: 3, day: 31 } as const;

/** Characters of JIS X 0208 alone. */
const person: JpkiSubject = {
  commonName: '見本　花子',
  dateOfBirth: '419900401',
  gender: '2',
  address: '見本市一丁目',
  substituteCharacterOfCommonName: '00000',
  substituteCharacterOfAddress: '000000',
};

/**
 * Tries every profile.
 *
 * @param profiles Compiled from the policy.
 * @throws {X509Error} `X509_NAME`, `X509_EXTENSION` for what cannot be encoded.
 */
export function tryProfiles(
  policy: Policy,
  profiles: ReadonlyMap<string, Profile>,
  keys: TrialKeys,
): readonly ProfileTrial[] {
  const trial = new Trial(policy, keys);
  const own = [...profiles.values()].find(({ definition }) => definition.kind === 'self-signed');
  if (own === undefined) {
    return [];
  }
  const issuer = trial.certificate(own, undefined);
  return [...profiles.values()].map((profile) => {
    const { scope } = trial.of(profile);
    const one = profile === own ? issuer : trial.certificate(profile, issuer);
    const context = { issuer: profile === own ? undefined : issuer, made: { profile, scope } };
    // The key is on a curve whatever the policy takes.
    const isOfKey = ({ rule }: LintFinding): boolean => rule === 'key-usage-of-curve';
    const broken = lintCertificate(one, { issuer: context.issuer }).map(({ rule }) => rule);
    return {
      profile: profile.name,
      findings: lintCertificate(one, context).filter((finding) => !isOfKey(finding)),
      idleDepartures: Object.keys(profile.definition.departures).filter(
        (rule) => !broken.includes(rule) && !ofPolicy.has(rule),
      ),
    };
  });
}

class Trial {
  readonly #policy: Policy;
  readonly #keys: TrialKeys;
  readonly #scopes: Scopes;
  readonly #algorithm: SignatureAlgorithmLike;

  constructor(policy: Policy, keys: TrialKeys) {
    this.#policy = policy;
    this.#keys = keys;
    this.#scopes = new Scopes(policy);
    this.#algorithm = signatureAlgorithmOf(policy.keys.authority.signature);
  }

  /** The first list that the profile's certificates may go into, and what fills its templates. */
  of(profile: Profile): {
    readonly scope: Scope;
    readonly texts: Readonly<Record<string, string>>;
  } {
    const { definition } = profile;
    const [municipality] = this.#policy.municipalities.list;
    const partition = this.#policy.crl.scopes.find(({ id }) => id === definition.scope)?.values;
    const scope = this.#scopes.of(definition.scope, {
      municipality,
      profile: profile.name,
      value: partition?.[0],
    });
    const names = [...placeholders, ...Object.keys(definition.fields)];
    return { scope, texts: Object.fromEntries(names.map((name) => [name, 'a.go.jp'])) };
  }

  certificate(profile: Profile, issuer: Certificate | undefined): Certificate {
    const { scope, texts } = this.of(profile);
    const { kind } = profile.definition;
    const ownName = nameFromText(this.#policy.names.issuer, {
      printable: this.#policy.names.printable,
    });
    const spki = issuer === undefined ? this.#keys.issuer : this.#keys.subject;
    const subject: Name =
      kind === 'cross' ? nameFromText('OU=Other CA,C=JP') : profile.subject(texts);
    const reference: IssuerReference = {
      name: ownName,
      keyIdentifier: computeKeyIdentifier(this.#keys.issuer),
      serialNumber: SERIAL,
    };
    const validity = this.#validity(profile, issuer);
    const tbs = encodeTbsCertificate({
      serialNumber: SERIAL,
      algorithm: this.#algorithm,
      issuer: ownName,
      ...validity,
      subject,
      spki,
      extensions: profile.extensions({
        ...{ spki, scope, texts, issuer: reference },
        notBeforeMs: validity.notBeforeMs,
        subjectAttributes: this.#person(),
        dnsNames: ['www.go.jp'],
      }),
    });
    const algorithm = encodeSignatureAlgorithm(this.#algorithm);
    return parseCertificate(assembleSigned(tbs, algorithm, new Uint8Array(1)));
  }

  #validity(profile: Profile, issuer: Certificate | undefined): ValidityPeriod {
    if (profile.definition.validity === undefined) {
      // Of link certificates: with the older key's.
      return { notBeforeMs: START_MS, notAfterMs: issuer?.notAfterMs ?? START_MS };
    }
    const facts = { birthDate: BIRTH, cardExpiry: CARD_END };
    return profile.validity(START_MS, issuer?.notAfterMs, facts);
  }

  /** With digits of the policy. */
  #person(): JpkiSubject {
    const { genders, substituteFlags } = this.#policy.subjectAttributes ?? {};
    const [gender = person.gender] = Object.keys(genders ?? {});
    const original = substituteFlags?.original ?? '0';
    return {
      ...person,
      gender,
      substituteCharacterOfCommonName: original.repeat([...person.commonName].length),
      substituteCharacterOfAddress: original.repeat([...person.address].length),
    };
  }
}

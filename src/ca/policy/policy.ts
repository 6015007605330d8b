/**
 * A CA's policy: what its practice statement (CPS) fixes, as data. One file per CA in `cps/`; the
 * engine knows no authority by name.
 *
 * Not here: how this instance runs (addresses, folders, limits: config/configuration.ts).
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import { packageRoot } from '../../config/package-root.ts';
import { loadYamlFile } from '../../config/yaml-file.ts';
import type { AccessRule } from '../../directory/access/access-rule.ts';
import type { PasswordPolicy } from '../../directory/accounts/password-policy.ts';
import type { CertificateKind } from '../../signing/key-use.ts';
import type { KeyType, SignatureAlgorithm } from '../../signing/signer.ts';
import type { CrlReasonName } from '../../x509/crl-extensions.ts';
import type { CrossPolicy } from './cross-policy.ts';
import type { DeliveryPolicy } from './delivery-policy.ts';
import type { CharacterSet } from './jis-characters.ts';
import { Municipalities } from './municipality.ts';
import type { NoticePolicy, OnlineRevocationPolicy } from './notice-policy.ts';
import type { OcspPolicy } from './ocsp-policy.ts';
import type { PeopleDefinition } from './people-schema.ts';
import { policySchema } from './policy-schema.ts';
import type { ProfileDefinition } from './profile-definition.ts';
import type { RepositoryPolicy } from './repository-policy.ts';
import type { KeepingSchedule, RetentionClasses } from './retention.ts';

/** A text in the statement's language and in English. */
export interface LocalizedText {
  readonly ja: string;
  readonly en: string;
}

export type KeyTypeName = 'rsa-2048' | 'rsa-3072' | 'rsa-4096' | 'ec-p256' | 'ec-p384';

export type SignatureName =
  | 'rsa-pkcs1-sha256'
  | 'rsa-pkcs1-sha384'
  | 'rsa-pkcs1-sha512'
  | 'rsa-pss-sha256'
  | 'rsa-pss-sha384'
  | 'rsa-pss-sha512'
  | 'ecdsa-sha256'
  | 'ecdsa-sha384';

/** What a subject's key may be, and a CA's signature: with legacy algorithms where the policy allows them. */
export type SubjectKeyTypeName = KeyTypeName | 'rsa-1024';
export type AuthoritySignatureName = SignatureName | 'rsa-pkcs1-sha1';

/** A list of revocations, or a family of them: which certificates, and where it is published. */
export interface ScopeDefinition {
  /**
   * The name that profiles and commands use. The lists of `municipality` have its codes instead, those of other
   * families `<id>-<value>`, `<id>-<number>` or `<id>-<generation>`.
   */
  readonly id: string;
  /**
   * `authority`: CA certificates, as authorityRevocationList, in the CA's own entry when no point is named.
   * `single`: end-entity certificates, one list.
   * `municipality`: one list per municipality.
   * `attribute`: one list for each value of what `by` says.
   * `count`: one list after the other; the next is opened when one has what `opens` says.
   * `full`: every certificate of a key generation once more, beside the other lists, in the CA's own entry.
   */
  readonly partition: 'authority' | 'single' | 'municipality' | 'attribute' | 'count' | 'full';
  /** Name template of the distribution point; absent for `full`. */
  readonly distributionPoint?: string | undefined;
  /**
   * Of `authority` and `single`: false where neither certificates nor lists name the point, so that verifiers take the
   * list for every certificate of the issuer (RFC 5280 §6.3.3). Without a distributionPoint it is in the CA's own entry.
   */
  readonly namesPoint?: boolean | undefined;
  /**
   * Of `attribute`: the prefecture of the certificate's municipality, its profile, or what the request names (one of
   * `values`). All are fixed when the certificate is issued.
   */
  readonly by?: 'prefecture' | 'profile' | 'request' | undefined;
  readonly values?: readonly string[] | undefined;
  /** Of `count`: how much a list has when certificates go to the next one. */
  readonly opens?: ListCapacity | undefined;
  /** Certificates that are issued go elsewhere; the list goes on for those that have its point. */
  readonly closed?: boolean | undefined;
  /**
   * Paths of the public repository at which the list is, too: templates with `{scope}`; of `full` the first is the
   * first generation's, the second the second's.
   */
  readonly httpPaths?: readonly string[] | undefined;
}

/** Whichever comes first. */
export interface ListCapacity {
  readonly certificates?: number | undefined;
  /** Revocations, those included whose certificates have ended since. */
  readonly entries?: number | undefined;
}

/**
 * When within a period lists come out.
 * `after-last`: a period after the one before.
 * `spread`: each list at a moment of its own, so that the load is level.
 * `at`: all at set times of the policy's clock, `HH:MM`.
 */
export type CrlTiming = 'after-last' | 'spread' | { readonly at: readonly string[] };

export interface CrlAtEachRevocation {
  /** How long revocations gather before their list is made. */
  readonly coalesceSeconds: number;
  /** How long a revocation may wait for its list before that is an alarm. */
  readonly alarmMinutes: number;
}

export interface CrlDelta {
  /** From one delta list to the next, at the most; less than from one full list to the next. */
  readonly periodHours: number;
  /** From thisUpdate to nextUpdate of a delta list. */
  readonly validityHours: number;
}

/** An object identifier for production and the one for tests of the same thing. */
export interface PolicyIdentifier {
  readonly production: string;
  /** Absent where the statement prints none; then there is no test environment. */
  readonly test?: string | undefined;
}

/** Which attributes of persons are taken (gunma 3-1-7, 3-1-8, 4-2-2). */
export interface SubjectAttributePolicy {
  readonly characterSets: readonly CharacterSet[];
  /** Longest name and address, in characters. */
  readonly maxNameCharacters: number;
  readonly maxAddressCharacters: number;
  /** The digits that may stand for the gender. */
  readonly genders: Readonly<Record<string, string>>;
  /** The digits of a substitute flag: the original, and a substitute. */
  readonly substituteFlags: { readonly original: string; readonly substitute: string };
}

/** What the file says; texts as written. */
export interface PolicyFile {
  readonly formatVersion: 1;
  /** Lower-case name of the preset; names the CA's records in the store, so it never changes. */
  readonly id: string;
  readonly title: LocalizedText;
  readonly statement: {
    readonly title: string;
    readonly version: string;
    readonly date: string;
  };
  readonly names: {
    /** Issuer of every certificate and list; also the CA's entry in the directory. */
    readonly issuer: string;
    /** The issuer in the statement's language, for alternative names. */
    readonly issuerAlternative?: string | undefined;
    /** Attributes written as PrintableString; the others are UTF8String. */
    readonly printable: readonly string[];
  };
  readonly directory: {
    /** The suffix of the tree that holds the CA's entry. */
    readonly suffix: string;
    /**
     * The tops of what of the tree is this CA's alone; its own entry when left out. Beside other CAs of a server its access
     * rules hold there and nowhere else.
     */
    readonly subtrees?: readonly string[] | undefined;
    /** LDIF file with the entries around the CA's own. */
    readonly baseTree: string;
    /** Parent of the registered verifiers' entries; absent where nobody is registered. */
    readonly verifiers?: string | undefined;
    /** Parent of the operators' entries. */
    readonly operators: string;
  };
  /** Offset from UTC of the calendar that days are counted in, e.g. `+09:00`. */
  readonly utcOffset: string;
  /** A file of them, where certificates or lists are of municipalities. */
  readonly municipalities?: string | undefined;
  /** SHA-1 and RSA of 1024 bits can be chosen, which statements print and nobody should use (`legacy-algorithms.ts`). */
  readonly allowLegacyAlgorithms: boolean;
  readonly keys: {
    /** Of keys that are made from now on: one in use stays what its certificate says. */
    readonly authority: {
      readonly type: KeyTypeName;
      readonly signature: AuthoritySignatureName;
      /** The key signs certificates for so long; then it is renewed. */
      readonly renewAfterYears?: number | undefined;
      /** It is renewed before its certificate lives on for less than the longest certificate that it issues. */
      readonly renewForLongest: boolean;
      /** What it may sign beside lists, fixed when it is made. */
      readonly certificates: readonly CertificateKind[];
    };
    readonly subject: { readonly types: readonly SubjectKeyTypeName[] };
  };
  /** What requests say of persons; absent where no profile asks for it. */
  readonly subjectAttributes?: SubjectAttributePolicy | undefined;
  /** Which column of `policyIdentifiers` certificates carry. */
  readonly environment: 'production' | 'test';
  readonly policyIdentifiers: Readonly<Record<string, PolicyIdentifier>>;
  readonly profiles: Readonly<Record<string, ProfileDefinition>>;
  readonly revocation: {
    readonly reasons: readonly CrlReasonName[];
    /** Whether certificates are ever held. */
    /** Whether certificates are held, and then released, revoked, or held until they end. */
    readonly hold: 'never' | 'until-expiry';
  };
  readonly crl: {
    /** From one list to the next, at the most. */
    readonly periodHours: number;
    /** From one list to the next, at the least, unless something does not wait; see `cadence.ts`. */
    readonly earliestHours?: number | undefined;
    /** Which moment of the period. */
    readonly timing: CrlTiming;
    /** Every revocation has its list published; nothing where it is left out. */
    readonly atEachRevocation?: CrlAtEachRevocation | undefined;
    /** From thisUpdate to nextUpdate. */
    readonly validityHours: number;
    /** Reasons whose list does not wait for the cadence. */
    readonly atOnceReasons: readonly CrlReasonName[];
    /** Age of a list at which an operator is warned, and at which it is an emergency. */
    readonly warningAgeHours: number;
    readonly alarmAgeHours: number;
    /** What every published list has left, or it is an alarm (I7); a third of the validity when left out. */
    readonly leastRemainingHours?: number | undefined;
    /** Lists name the serial number of the certificate of the key that signs, beside its identifier. */
    readonly issuerAndSerial: boolean;
    /** Write the extension CRL Next Publish. */
    readonly nextPublish: boolean;
    /** Delta lists between the full ones (RFC 5280 §5.2.4); none where it is left out. */
    readonly delta?: CrlDelta | undefined;
    readonly scopes: readonly ScopeDefinition[];
  };
  /** Answers about single certificates; none where it is left out. */
  readonly ocsp?: OcspPolicy | undefined;
  /** CAs that this one is cross-certified with; none where it is left out. */
  readonly cross?: CrossPolicy | undefined;
  /** How certificates and keys made for subscribers get to them, by profile. */
  readonly deliveries?: DeliveryPolicy | undefined;
  /** Changes that municipalities give notice of, and what they mean. */
  readonly notices?: NoticePolicy | undefined;
  /** Requests that subscribers sign; none are taken where it is left out. */
  readonly onlineRevocation?: OnlineRevocationPolicy | undefined;
  /** Kinds of verifiers that can be registered, by the value of certdirVerifierKind. */
  readonly verifierKinds: Readonly<Record<string, LocalizedText>>;
  readonly access: readonly AccessRule[];
  /** Profiles whose certificates' subjects are published by name, with those whose certificates were revoked. */
  readonly publishedNames: readonly string[];
  /** Roles, what each may do, and how requests go; without it there are no requests. */
  readonly people?: PeopleDefinition | undefined;
  /** Passwords of every account in the directory. */
  readonly passwords: PasswordPolicy;
  /** What is kept, and for how long. */
  readonly retention: RetentionClasses;
  /** When it is looked at and copied. */
  readonly keeping: KeepingSchedule;
  /** The audit log. */
  readonly audit: {
    /** Roles (certdirOperatorRole) whose holders review the log and remove records. */
    readonly auditorRoles: readonly string[];
    /** Whether everybody may fetch the tree's hashes; records are never public. */
    readonly publicTiles: boolean;
  };
  /** Where the statement has things on the Web. */
  readonly repository?: RepositoryPolicy | undefined;
  /** File with the statement's clauses, for the conformance report (cps/statement.ts); a CA runs without it. */
  readonly clauses?: string | undefined;
}

/** A policy ready for use. */
export interface Policy extends Omit<PolicyFile, 'municipalities' | 'utcOffset'> {
  readonly municipalities: Municipalities;
  readonly utcOffsetMs: number;
  /** Absolute path of the base tree. */
  readonly baseTreeFile: string;
  /** Absolute path of the file with the clauses. */
  readonly clausesFile: string | undefined;
}

/** The policy files that ship with the program, by preset name. */
export function shippedPolicyFile(preset: string): string {
  return join(packageRoot, 'cps', `${basename(preset)}.yaml`);
}

/**
 * Reads and checks a policy.
 *
 * @param file Path of the YAML file. The files it names are looked for beside it, and when they are
 *   not there among those that ship with the program, so that a policy can be copied alone.
 * @throws {ConfigError} `CONFIG_UNREADABLE`, `CONFIG_SYNTAX`, `CONFIG_INVALID`; the message names
 *   line, path, the wrong value and what is allowed.
 */
export async function loadPolicy(file: string): Promise<Policy> {
  const { municipalities, utcOffset, ...rest } = await loadYamlFile(file, policySchema);
  const beside = (name: string, shipped: string): string => {
    const own = resolve(dirname(file), name);
    return existsSync(own) ? own : join(packageRoot, shipped, basename(name));
  };
  return {
    ...rest,
    municipalities:
      municipalities === undefined
        ? new Municipalities([])
        : await Municipalities.load(beside(municipalities, 'cps')),
    utcOffsetMs: parseUtcOffset(utcOffset),
    baseTreeFile: beside(rest.directory.baseTree, 'ldif'),
    clausesFile: rest.clauses === undefined ? undefined : beside(rest.clauses, 'cps/clauses'),
  };
}

function parseUtcOffset(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const [hours = '0', minutes = '0'] = text.slice(1).split(':');
  return sign * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

/** The signer's words for a key type. */
export function keyTypeOf(name: KeyTypeName): KeyType {
  switch (name) {
    case 'rsa-2048':
      return { kind: 'rsa', modulusBits: 2048 };
    case 'rsa-3072':
      return { kind: 'rsa', modulusBits: 3072 };
    case 'rsa-4096':
      return { kind: 'rsa', modulusBits: 4096 };
    case 'ec-p256':
      return { kind: 'ec', curve: 'P-256' };
    case 'ec-p384':
      return { kind: 'ec', curve: 'P-384' };
  }
}

/** The signer's words for a signature algorithm. */
export function signatureAlgorithmOf(name: AuthoritySignatureName): SignatureAlgorithm {
  const cut = name.lastIndexOf('-');
  return {
    scheme: name.slice(0, cut) as SignatureAlgorithm['scheme'],
    digest: name.slice(cut + 1) as SignatureAlgorithm['digest'],
  };
}

/**
 * Profiles compiled for issuing: what is the same in every certificate of a profile is encoded once,
 * issuing fills in the rest.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { buildIssuerAltName, buildSubjectAltName } from '../../x509/alternative-name.ts';
import { buildAuthorityInfoAccess } from '../../x509/authority-information-access.ts';
import { buildBasicConstraints } from '../../x509/basic-constraints.ts';
import { buildCertificatePolicies } from '../../x509/certificate-policies.ts';
import { buildCrlDistributionPoints } from '../../x509/distribution-point.ts';
import type { Extension } from '../../x509/extensions.ts';
import { buildJpkiOtherNames, type JpkiSubject } from '../../x509/jpki-other-name.ts';
import {
  buildAuthorityKeyIdentifier,
  buildSubjectKeyIdentifier,
  computeKeyIdentifier,
} from '../../x509/key-identifier.ts';
import { buildExtendedKeyUsage, buildKeyUsage, buildOcspNoCheck } from '../../x509/key-usage.ts';
import type { Name } from '../../x509/name.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import { CaError } from '../errors.ts';
import { endOfYearsMs } from './civil-time.ts';
import { buildConstraint } from './constraint-extensions.ts';
import type { Municipality } from './municipality.ts';
import { NameTemplate, placeholdersIn, renderName } from './name-template.ts';
import type { Policy } from './policy.ts';
import type { ExtensionDefinition, ProfileDefinition } from './profile-definition.ts';
import type { Scope } from './scope.ts';

/** The key that signs, as certificates and lists refer to it. */
export interface IssuerReference {
  readonly name: Name;
  readonly keyIdentifier: Uint8Array;
  /** Serial number of the issuer's own certificate. */
  readonly serialNumber: bigint;
}

/** What differs from certificate to certificate. */
export interface CertificateFacts {
  readonly spki: Uint8Array;
  readonly scope: Scope;
  /** In the self-signed certificate: itself. */
  readonly issuer: IssuerReference;
  readonly subjectAttributes?: JpkiSubject;
  /** Where the subject is a CA that has one of its own for its key; otherwise it is worked out (RFC 5280 §4.2.1.2). */
  readonly subjectKeyIdentifier?: Uint8Array;
}

export interface ValidityPeriod {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** A part of a certificate: constant, or made from its facts. */
type ExtensionSource = Extension | ((facts: CertificateFacts) => Extension);

export class Profile {
  readonly name: string;
  readonly definition: ProfileDefinition;
  /** True when a request of this profile must name a municipality. */
  readonly needsMunicipality: boolean;
  /** True when it must bring the subject's attributes. */
  readonly needsSubjectAttributes: boolean;
  /** True when the subject's name is made unique by an issue id. */
  readonly needsIssueId: boolean;
  readonly #policy: Policy;
  readonly #subject: NameTemplate;
  readonly #sources: readonly ExtensionSource[];

  constructor(name: string, definition: ProfileDefinition, policy: Policy) {
    const places = placeholdersIn(definition.subject ?? '');
    const scope = policy.crl.scopes.find(({ id }) => id === definition.scope);
    this.name = name;
    this.definition = definition;
    this.needsMunicipality =
      scope?.partition === 'municipality' ||
      scope?.by === 'prefecture' ||
      places.includes('municipality') ||
      places.includes('prefecture');
    this.needsSubjectAttributes =
      definition.onePerSubscriber ||
      definition.extensions.some(
        (one) => one.type === 'subjectAltName' && one.content === 'subjectAttributes',
      );
    this.needsIssueId = places.includes('issueId');
    this.#policy = policy;
    const { issuer, printable } = policy.names;
    this.#subject = new NameTemplate(definition.subject ?? issuer, printable);
    this.#sources = definition.extensions.map((one) => compileExtension(one, policy));
  }

  /** The subject's name; the issuer's own for self-signed and link certificates. Not for `cross`. */
  subject(municipality: Municipality | undefined, issueId: string): Name {
    return this.#subject.render({
      ...(municipality === undefined
        ? {}
        : { municipality: municipality.dnName, prefecture: municipality.dnPrefecture }),
      issueId,
    });
  }

  /** The extensions in the profile's order. */
  extensions(facts: CertificateFacts): readonly Extension[] {
    return this.#sources.map((source) => (typeof source === 'function' ? source(facts) : source));
  }

  /**
   * From now, in whole seconds, for the profile's years; never past the issuer.
   *
   * @param issuerEndMs The issuer's notAfter; undefined for the self-signed certificate.
   * @throws {CaError} `CA_ISSUER_ENDS` when the issuer has ended, or ends sooner than the profile
   *   allows.
   */
  validity(nowMs: number, issuerEndMs: number | undefined): ValidityPeriod {
    const { validity } = this.definition;
    assert(validity !== undefined, `${this.name} has a validity of its own`);
    const { years, beyondIssuer } = validity;
    const notBeforeMs = Math.floor(nowMs / 1000) * 1000;
    const wantedMs = endOfYearsMs(notBeforeMs, years, this.#policy.utcOffsetMs);
    if (issuerEndMs === undefined || wantedMs <= issuerEndMs) {
      return { notBeforeMs, notAfterMs: wantedMs };
    }
    if (issuerEndMs <= notBeforeMs || beyondIssuer === 'refuse') {
      const end = new Date(issuerEndMs).toISOString();
      throw new CaError(
        'CA_ISSUER_ENDS',
        `the CA's certificate ends ${end}, too soon for ${years} years; renew the CA's key first`,
      );
    }
    return { notBeforeMs, notAfterMs: issuerEndMs };
  }
}

/** Every profile of a policy by name. */
export function compileProfiles(policy: Policy): ReadonlyMap<string, Profile> {
  return new Map(
    Object.entries(policy.profiles).map(([name, definition]) => [
      name,
      new Profile(name, definition, policy),
    ]),
  );
}

function compileExtension(definition: ExtensionDefinition, policy: Policy): ExtensionSource {
  const { critical } = definition;
  switch (definition.type) {
    case 'subjectKeyIdentifier':
      return ({ spki, subjectKeyIdentifier = computeKeyIdentifier(spki) }) =>
        buildSubjectKeyIdentifier(subjectKeyIdentifier, critical);
    case 'authorityKeyIdentifier': {
      const { issuerAndSerial } = definition;
      const referTo = onceFor((issuer: IssuerReference) =>
        buildIssuerReference(issuer, { issuerAndSerial, critical }),
      );
      return ({ issuer }) => referTo(issuer);
    }
    case 'keyUsage':
      return buildKeyUsage(definition.usages, critical);
    case 'extendedKeyUsage': {
      const purposes = definition.purposes.map((purpose) => Oid[purpose]);
      return buildExtendedKeyUsage(purposes, critical);
    }
    case 'basicConstraints': {
      const { ca: isCa, pathLength } = definition;
      const constraints = { isCa, ...(pathLength === undefined ? {} : { pathLength }) };
      return buildBasicConstraints(constraints, critical);
    }
    case 'certificatePolicies': {
      const policies = definition.policies.map((name) => ({ oid: policyOid(policy, name) }));
      return buildCertificatePolicies(policies, critical);
    }
    case 'subjectAltName':
      return definition.content === 'issuerAlternative'
        ? buildSubjectAltName([alternativeName(policy)], critical)
        : ({ subjectAttributes }) => {
            assert(subjectAttributes !== undefined, 'the profile needs the subject’s attributes');
            return buildSubjectAltName(buildJpkiOtherNames(subjectAttributes), critical);
          };
    case 'issuerAltName':
      return buildIssuerAltName([alternativeName(policy)], critical);
    case 'cRLDistributionPoints': {
      const pointTo = onceFor((scope: Scope) => buildDistributionPoint(scope, critical));
      return ({ scope }) => pointTo(scope);
    }
    case 'authorityInfoAccess':
      return buildAuthorityInfoAccess(
        { ocsp: policy.ocsp?.url, caIssuers: policy.ocsp?.caIssuersUrl },
        critical,
      );
    case 'ocspNoCheck':
      return buildOcspNoCheck(critical);
    case 'policyMappings':
    case 'policyConstraints':
    case 'inhibitAnyPolicy':
    case 'nameConstraints':
      return buildConstraint(definition, {
        policyOid: (name) => policyOid(policy, name),
        printable: policy.names.printable,
      });
  }
}

/** Remembers what was made of each object, for as long as that is there. */
function onceFor<Subject extends object>(
  make: (subject: Subject) => Extension,
): (subject: Subject) => Extension {
  const made = new WeakMap<Subject, Extension>();
  return (subject) => {
    let extension = made.get(subject);
    if (extension === undefined) {
      extension = make(subject);
      made.set(subject, extension);
    }
    return extension;
  };
}

/** authorityKeyIdentifier for a certificate or list signed by `issuer`. */
export function buildIssuerReference(
  issuer: IssuerReference,
  options: { readonly issuerAndSerial: boolean; readonly critical: boolean },
): Extension {
  const { keyIdentifier, name, serialNumber } = issuer;
  const pair = options.issuerAndSerial
    ? { issuer: [{ kind: 'directoryName' as const, name }], serialNumber }
    : {};
  return buildAuthorityKeyIdentifier({ keyIdentifier, ...pair }, options.critical);
}

function buildDistributionPoint(scope: Scope, critical: boolean): Extension {
  const fullName = [{ kind: 'directoryName' as const, name: scope.distributionPoint }];
  return buildCrlDistributionPoints([{ fullName }], critical);
}

function policyOid({ policyIdentifiers, environment }: Policy, name: string): string {
  const identifier = policyIdentifiers[name];
  assert(identifier !== undefined, `policy identifier ${name} passed validation`);
  return identifier[environment];
}

function alternativeName({ names }: Policy): {
  readonly kind: 'directoryName';
  readonly name: Name;
} {
  assert(names.issuerAlternative !== undefined, 'names.issuerAlternative passed validation');
  return { kind: 'directoryName', name: renderName(names.issuerAlternative, {}, names.printable) };
}

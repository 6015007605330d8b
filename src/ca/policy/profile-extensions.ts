/**
 * The extensions of a profile compiled for issuing: what is the same in every certificate is encoded once, the rest
 * is made from a certificate's facts.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { buildIssuerAltName, buildSubjectAltName } from '../../x509/alternative-name.ts';
import { buildAuthorityInfoAccess } from '../../x509/authority-information-access.ts';
import { buildBasicConstraints } from '../../x509/basic-constraints.ts';
import {
  buildCertificatePolicies,
  type PolicyInformation,
} from '../../x509/certificate-policies.ts';
import { buildCrlDistributionPoints, buildFreshestCrl } from '../../x509/distribution-point.ts';
import type { Extension } from '../../x509/extensions.ts';
import type { GeneralName } from '../../x509/general-name.ts';
import { buildJpkiOtherNames, type JpkiSubject } from '../../x509/jpki-other-name.ts';
import {
  buildAuthorityKeyIdentifier,
  buildSubjectKeyIdentifier,
  computeKeyIdentifier,
} from '../../x509/key-identifier.ts';
import {
  buildExtendedKeyUsage,
  buildKeyUsage,
  buildNetscapeCertType,
  buildOcspNoCheck,
} from '../../x509/key-usage.ts';
import type { Name } from '../../x509/name.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import { buildPrivateKeyUsagePeriod } from '../../x509/private-key-usage-period.ts';
import { sameTimeAfterYearsMs } from './civil-time.ts';
import { buildConstraint } from './constraint-extensions.ts';
import {
  type AlternativeNameSource,
  type CertificatePolicyReference,
  type ExtensionDefinition,
  keyPurposeNames,
  sourcesOf,
} from './extension-definition.ts';
import { type PlaceholderValues, renderName, renderText } from './name-template.ts';
import type { Policy } from './policy.ts';
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
  readonly notBeforeMs: number;
  readonly subjectAttributes?: JpkiSubject | undefined;
  /** Where the subject is a CA that has one of its own for its key; otherwise it is worked out (RFC 5280 §4.2.1.2). */
  readonly subjectKeyIdentifier?: Uint8Array | undefined;
  /** What fills the places of the profile's templates. */
  readonly texts?: PlaceholderValues | undefined;
  readonly dnsNames?: readonly string[] | undefined;
}

/** A part of a certificate: constant, or made from its facts. */
export type ExtensionSource = Extension | ((facts: CertificateFacts) => Extension);

/** @param printable Attributes of names in templates that are written as PrintableString. */
export function compileExtension(
  definition: ExtensionDefinition,
  policy: Policy,
  printable: readonly string[],
): ExtensionSource {
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
      const purposes = definition.purposes.map(purposeOid);
      return buildExtendedKeyUsage(purposes, critical);
    }
    case 'basicConstraints': {
      const { ca: isCa, pathLength } = definition;
      const constraints = { isCa, ...(pathLength === undefined ? {} : { pathLength }) };
      return buildBasicConstraints(constraints, critical);
    }
    case 'certificatePolicies': {
      const policies = definition.policies.map((one) => policyInformation(policy, one));
      return buildCertificatePolicies(policies, critical);
    }
    case 'subjectAltName':
      return compileNames(sourcesOf(definition), policy, {
        printable,
        build: (names) => buildSubjectAltName(names, critical),
      });
    case 'issuerAltName':
      return compileNames(sourcesOf(definition), policy, {
        printable,
        build: (names) => buildIssuerAltName(names, critical),
      });
    case 'freshestCRL': {
      const pointTo = onceFor((scope: Scope) => buildFreshestDistributionPoint(scope));
      return ({ scope }) => pointTo(scope);
    }
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
    case 'netscapeCertType':
      return buildNetscapeCertType(definition.types, critical);
    case 'privateKeyUsagePeriod':
      return ({ notBeforeMs }) => {
        const { years } = definition;
        const notAfterMs = sameTimeAfterYearsMs(notBeforeMs, years, policy.utcOffsetMs);
        return buildPrivateKeyUsagePeriod({ notBeforeMs, notAfterMs }, critical);
      };
    case 'policyMappings':
    case 'policyConstraints':
    case 'inhibitAnyPolicy':
    case 'nameConstraints':
      return buildConstraint(definition, {
        policyOid: (name) => policyOid(policy, name),
        printable: policy.names.printable,
      });
    case 'other':
      return { oid: definition.oid, critical, value: Buffer.from(definition.der, 'hex') };
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

/** freshestCRL of certificates and full lists: delta lists lie where full ones do. */
export function buildFreshestDistributionPoint({ distributionPoint }: Scope): Extension {
  return buildFreshestCrl([{ fullName: [{ kind: 'directoryName', name: distributionPoint }] }]);
}

function purposeOid(purpose: string): string {
  const name = keyPurposeNames.find((known) => known === purpose);
  return name === undefined ? purpose : Oid[name];
}

function policyInformation(
  policy: Policy,
  reference: string | CertificatePolicyReference,
): PolicyInformation {
  const { id, cpsUri, userNotice } =
    typeof reference === 'string' ? { id: reference } : { ...reference };
  return {
    oid: policyOid(policy, id),
    ...(cpsUri === undefined ? {} : { cpsUri }),
    ...(userNotice === undefined ? {} : { userNotice }),
  };
}

function policyOid({ policyIdentifiers, environment }: Policy, name: string): string {
  const identifier = policyIdentifiers[name];
  const oid = identifier?.[environment];
  assert(oid !== undefined, `policy identifier ${name} passed validation`);
  return oid;
}

/** Made once when all its names are the same in every certificate. */
function compileNames(
  sources: readonly AlternativeNameSource[],
  policy: Policy,
  {
    printable,
    build,
  }: {
    readonly printable: readonly string[];
    readonly build: (names: readonly GeneralName[]) => Extension;
  },
): ExtensionSource {
  if (sources.every((source) => source === 'issuerAlternative')) {
    return build([alternativeName(policy)]);
  }
  return (facts) =>
    build(sources.flatMap((source) => namesOf(source, facts, { policy, printable })));
}

function namesOf(
  source: AlternativeNameSource,
  { subjectAttributes, dnsNames = [], texts = {} }: CertificateFacts,
  { policy, printable }: { readonly policy: Policy; readonly printable: readonly string[] },
): readonly GeneralName[] {
  switch (source) {
    case 'subjectAttributes':
      assert(subjectAttributes !== undefined, 'the profile needs the subject’s attributes');
      return buildJpkiOtherNames(subjectAttributes);
    case 'issuerAlternative':
      return [alternativeName(policy)];
    case 'dnsNames':
      return dnsNames.map((text) => ({ kind: 'dnsName', text }));
  }
  if ('directoryName' in source) {
    const name = renderName(source.directoryName, texts, printable);
    return [{ kind: 'directoryName', name }];
  }
  if ('dnsName' in source) {
    return [{ kind: 'dnsName', text: renderText(source.dnsName, texts) }];
  }
  return 'rfc822Name' in source
    ? [{ kind: 'rfc822Name', text: renderText(source.rfc822Name, texts) }]
    : [{ kind: 'uri', text: renderText(source.uri, texts) }];
}

function alternativeName({ names }: Policy): {
  readonly kind: 'directoryName';
  readonly name: Name;
} {
  assert(names.issuerAlternative !== undefined, 'names.issuerAlternative passed validation');
  return { kind: 'directoryName', name: renderName(names.issuerAlternative, {}, names.printable) };
}

/**
 * What can be wrong with the profiles of a policy beyond the shape of each value: lists that cannot carry them, templates
 * that are none, names that lead nowhere.
 *
 * @module
 */

import { DerReader } from '../../asn1/der-reader.ts';
import { isCertdirError } from '../../core/errors.ts';
import { constraintFaults, isConstraint } from './constraint-extensions.ts';
import {
  type AlternativeNameSource,
  type ExtensionDefinition,
  sourcesOf,
  templateOf,
} from './extension-definition.ts';
import { type Placeholder, placeholders, placeholdersIn } from './name-template.ts';
import type { PolicyFile, ScopeDefinition } from './policy.ts';
import type { ProfileDefinition } from './profile-definition.ts';
import { type PolicyFault, placeFaults, templateFaults } from './template-faults.ts';

type Path = PolicyFault['path'];

/** Every fault, in the order of the profiles. */
export function profileFaults(policy: PolicyFile): readonly PolicyFault[] {
  return Object.entries(policy.profiles).flatMap(([name, profile]) =>
    faultsOf(policy, name, profile),
  );
}

function faultsOf(policy: PolicyFile, name: string, profile: ProfileDefinition): PolicyFault[] {
  const path = ['profiles', name];
  const allowed = placesOf(profile);
  const faults: PolicyFault[] = [
    ...scopeFaults(policy, profile, [...path, 'scope']),
    ...attributeFaults(policy, profile, path),
    ...unusedFieldFaults(profile, path),
    ...freshestFaults(policy, profile, path),
  ];
  if (profile.subject !== undefined) {
    const { subject: text, printable } = profile;
    faults.push(
      ...templateFaults(policy, { path: [...path, 'subject'], text, allowed, printable }),
    );
  }
  for (const [index, extension] of profile.extensions.entries()) {
    const at = { path: [...path, 'extensions', index], allowed, printable: profile.printable };
    faults.push(...extensionFaults(policy, extension, at));
  }
  return faults;
}

/** Places of a profile's templates: what certdir fills, and its fields. */
function placesOf({ kind, subject, fields }: ProfileDefinition): readonly string[] {
  if (subject === undefined) {
    return [];
  }
  const own: readonly Placeholder[] = kind === 'subscriber' ? placeholders : ['issueId'];
  return [...own, ...Object.keys(fields)];
}

function scopeFaults(policy: PolicyFile, profile: ProfileDefinition, path: Path): PolicyFault[] {
  const scope = policy.crl.scopes.find(({ id }) => id === profile.scope);
  const fits = scopePartitionsFor(profile);
  if (scope !== undefined && fits.includes(scope.partition)) {
    return [];
  }
  const ids = policy.crl.scopes.filter(({ partition }) => fits.includes(partition));
  const message = `is the id of a scope for such certificates: ${ids.map(({ id }) => id).join(', ')}`;
  return [{ path, message }];
}

/** Which lists may carry a profile's revocations: IDP says CA or user certificates, never both. */
function scopePartitionsFor(profile: ProfileDefinition): readonly ScopeDefinition['partition'][] {
  const isCa = profile.extensions.some((one) => one.type === 'basicConstraints' && one.ca);
  if (isCa) {
    return ['authority'];
  }
  const any = ['single', 'attribute', 'count'] as const;
  return profile.kind === 'subscriber' ? [...any, 'municipality'] : any;
}

/** Profiles that ask for what the policy has no rules for. */
function attributeFaults(
  policy: PolicyFile,
  profile: ProfileDefinition,
  path: Path,
): PolicyFault[] {
  const needsAttributes =
    profile.onePerSubscriber ||
    profile.extensions.some(
      (one) => one.type === 'subjectAltName' && sourcesOf(one).includes('subjectAttributes'),
    );
  const faults: PolicyFault[] = [];
  if (needsAttributes && policy.subjectAttributes === undefined) {
    faults.push({ path, message: "needs the policy's subjectAttributes" });
  }
  const scope = policy.crl.scopes.find(({ id }) => id === profile.scope);
  const places = placeholdersIn(profile.subject ?? '');
  const needsMunicipality =
    scope?.partition === 'municipality' ||
    scope?.by === 'prefecture' ||
    places.includes('municipality') ||
    places.includes('prefecture');
  if (needsMunicipality && policy.municipalities === undefined) {
    faults.push({ path, message: "needs the policy's municipalities" });
  }
  return faults;
}

/** What a request must give goes somewhere. */
function unusedFieldFaults(profile: ProfileDefinition, path: Path): PolicyFault[] {
  const names = profile.extensions.flatMap((one) =>
    one.type === 'subjectAltName' || one.type === 'issuerAltName' ? sourcesOf(one) : [],
  );
  const used = [profile.subject, ...names.map(templateOf)].flatMap((text) =>
    placeholdersIn(text ?? ''),
  );
  return Object.keys(profile.fields).flatMap((field) =>
    used.includes(field)
      ? []
      : [
          {
            path: [...path, 'fields', field],
            message: `stands as {${field}} in the subject or in an alternative name`,
          },
        ],
  );
}

/** RFC 5280 §4.2.1.15: it points to delta lists, which there have to be. */
function freshestFaults(policy: PolicyFile, profile: ProfileDefinition, path: Path): PolicyFault[] {
  const scope = policy.crl.scopes.find(({ id }) => id === profile.scope);
  const hasDeltas = policy.crl.delta !== undefined && scope?.partition !== 'authority';
  const message =
    "needs crl.delta, and a scope of users' certificates: there are no delta lists to point to";
  return profile.extensions.flatMap((one, index) =>
    one.type !== 'freshestCRL' || hasDeltas
      ? []
      : [{ path: [...path, 'extensions', index], message }],
  );
}

interface Place {
  readonly path: Path;
  readonly allowed: readonly string[];
  readonly printable: readonly string[] | undefined;
}

function extensionFaults(
  policy: PolicyFile,
  extension: ExtensionDefinition,
  at: Place,
): PolicyFault[] {
  const { path } = at;
  if (isConstraint(extension)) {
    const policyNames = Object.keys(policy.policyIdentifiers);
    return constraintFaults(extension, { policyNames }).map((fault) => ({
      ...fault,
      path: [...path, ...fault.path],
    }));
  }
  switch (extension.type) {
    case 'certificatePolicies': {
      const known = Object.keys(policy.policyIdentifiers);
      return extension.policies.flatMap((one, index) =>
        known.includes(typeof one === 'string' ? one : one.id)
          ? []
          : [
              {
                path: [...path, 'policies', index],
                message: `is a name in policyIdentifiers: ${known.join(', ')}`,
              },
            ],
      );
    }
    case 'authorityInfoAccess':
      return policy.ocsp?.url === undefined && policy.ocsp?.caIssuersUrl === undefined
        ? [{ path: [...path, 'type'], message: 'needs ocsp.url or ocsp.caIssuersUrl' }]
        : [];
    case 'subjectAltName':
    case 'issuerAltName':
      return sourcesOf(extension).flatMap((source) =>
        alternativeNameFaults(policy, source, { ...at, path: [...path, 'content'] }),
      );
    case 'other':
      return isDer(extension.der)
        ? []
        : [{ path: [...path, 'der'], message: 'is one DER element in hexadecimal' }];
    default:
      return [];
  }
}

function alternativeNameFaults(
  policy: PolicyFile,
  source: AlternativeNameSource,
  { path, allowed, printable }: Place,
): PolicyFault[] {
  if (source === 'issuerAlternative') {
    return policy.names.issuerAlternative === undefined
      ? [{ path, message: 'needs names.issuerAlternative' }]
      : [];
  }
  const text = templateOf(source);
  if (text === undefined) {
    return [];
  }
  const template = { path, text, allowed, printable };
  return typeof source === 'object' && 'directoryName' in source
    ? templateFaults(policy, template)
    : placeFaults(template);
}

function isDer(hex: string): boolean {
  try {
    const reader = new DerReader(Buffer.from(hex, 'hex'));
    reader.readElement();
    reader.expectEnd();
    return true;
  } catch (error) {
    if (!isCertdirError(error)) {
      throw error;
    }
    return false;
  }
}

/**
 * Certificate profiles as a policy writes them (R-CERT 1): who the subject is, how long the
 * certificate lives, which list will carry its revocation, and every extension in its order with its
 * criticality.
 *
 * Not here: turning a definition into bytes (`profile.ts`).
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';
import { type KeyUsageName, keyUsageNames } from '../../x509/key-usage.ts';
import type {
  ConstraintDefinition,
  MappingDefinition,
  SubtreeDefinition,
} from './constraint-extensions.ts';

/** Extended key usages that have a name here; others are written as OIDs. */
export const keyPurposeNames = [
  'serverAuth',
  'clientAuth',
  'codeSigning',
  'emailProtection',
  'timeStamping',
  'ocspSigning',
] as const;

export type KeyPurposeName = (typeof keyPurposeNames)[number];

export type ExtensionDefinition = { readonly critical: boolean } & (
  | { readonly type: 'subjectKeyIdentifier' | 'ocspNoCheck' }
  /** keyIdentifier always; issuer and serial number of the issuer's certificate if asked for. */
  | { readonly type: 'authorityKeyIdentifier'; readonly issuerAndSerial: boolean }
  | { readonly type: 'keyUsage'; readonly usages: readonly KeyUsageName[] }
  | { readonly type: 'extendedKeyUsage'; readonly purposes: readonly KeyPurposeName[] }
  | {
      readonly type: 'basicConstraints';
      readonly ca: boolean;
      readonly pathLength?: number | undefined;
    }
  /** `policies` are names of the policy's `policyIdentifiers`. */
  | { readonly type: 'certificatePolicies'; readonly policies: readonly string[] }
  /** The six JPKI otherNames of the subject's attributes, or one directoryName. */
  | {
      readonly type: 'subjectAltName';
      readonly content: 'subjectAttributes' | 'issuerAlternative';
    }
  | { readonly type: 'issuerAltName'; readonly content: 'issuerAlternative' }
  /** The distribution point of the scope that the certificate belongs to. */
  | { readonly type: 'cRLDistributionPoints' }
  /** The policy's `ocsp.url` and `ocsp.caIssuersUrl`. */
  | { readonly type: 'authorityInfoAccess' }
  /** What another CA may vouch for; with `cross`. */
  | ConstraintDefinition
);

/** How long a certificate lives. */
export interface ValidityRule {
  /** Counted from the day of issue, that day included; ends 23:59:59 in the policy's time zone. */
  readonly years: number;
  /** When that lies beyond the issuer's own end: end with the issuer, or refuse. */
  readonly beyondIssuer: 'shorten' | 'refuse';
}

/**
 * When a link certificate begins: with the key of the older or the newer generation, or when it is made. It ends with
 * the older generation's self-signed certificate.
 */
export interface LinkBeginnings {
  readonly oldWithNew: 'old-key' | 'new-key' | 'issue';
  readonly newWithOld: 'new-key' | 'issue';
}

export interface ProfileDefinition {
  /**
   * `self-signed`: the CA's own; subject and issuer are the policy's issuer name.
   * `link`: two generations of the CA's key for each other (RFC 9810 §4.4), both under that name.
   * `cross`: for another CA, whose name and key the request for it brings (`ca/bridge`).
   * `subscriber`: for a person named by a municipality, with the subject's attributes.
   * `service`: for a server of the CA itself.
   */
  readonly kind: 'self-signed' | 'link' | 'cross' | 'subscriber' | 'service';
  /** Name template; absent for `self-signed`, `link` and `cross`. */
  readonly subject?: string | undefined;
  /** A scope of the policy: the list that carries revocations of these certificates. */
  readonly scope: string;
  /** Absent for `link`, which has `begins`. */
  readonly validity?: ValidityRule | undefined;
  readonly begins?: LinkBeginnings | undefined;
  /** A subscriber holds one valid certificate at most (R-CERT 5). */
  readonly onePerSubscriber: boolean;
  readonly extensions: readonly ExtensionDefinition[];
}

const critical = z.boolean();
/** RFC 5280 leaves no choice for these. */
const alwaysCritical = z.literal(true);
const certificates = z.int().min(0).max(16);
const text = z.string().min(1).max(1024);

export const mappingSchema: z.ZodType<MappingDefinition> = strictObject({
  issuer: text,
  subject: text,
});

const subtree: z.ZodType<SubtreeDefinition> = z.union([
  strictObject({ directoryName: text }),
  strictObject({ dnsName: text }),
  strictObject({ rfc822Name: text }),
  strictObject({ uri: text }),
]);
const subtrees = z.array(subtree).min(1).max(100);

const extension: z.ZodType<ExtensionDefinition> = z.discriminatedUnion('type', [
  strictObject({ type: z.literal('subjectKeyIdentifier'), critical }),
  strictObject({
    type: z.literal('authorityKeyIdentifier'),
    critical,
    issuerAndSerial: z.boolean(),
  }),
  strictObject({
    type: z.literal('keyUsage'),
    critical,
    usages: z.array(z.enum(keyUsageNames)).min(1),
  }),
  strictObject({
    type: z.literal('extendedKeyUsage'),
    critical,
    purposes: z.array(z.enum(keyPurposeNames)).min(1),
  }),
  strictObject({
    type: z.literal('basicConstraints'),
    critical,
    ca: z.boolean(),
    pathLength: z.int().min(0).max(16).optional(),
  }),
  strictObject({
    type: z.literal('certificatePolicies'),
    critical,
    policies: z.array(z.string()).min(1),
  }),
  strictObject({
    type: z.literal('subjectAltName'),
    critical,
    content: z.enum(['subjectAttributes', 'issuerAlternative']),
  }),
  strictObject({
    type: z.literal('issuerAltName'),
    critical,
    content: z.literal('issuerAlternative'),
  }),
  strictObject({ type: z.literal('cRLDistributionPoints'), critical }),
  strictObject({ type: z.literal('authorityInfoAccess'), critical }),
  strictObject({ type: z.literal('ocspNoCheck'), critical }),
  strictObject({
    type: z.literal('policyMappings'),
    critical,
    mappings: z.array(mappingSchema).min(1).max(100),
  }),
  strictObject({
    type: z.literal('policyConstraints'),
    critical: alwaysCritical,
    requireExplicitPolicy: certificates.optional(),
    inhibitPolicyMapping: certificates.optional(),
  }),
  strictObject({ type: z.literal('inhibitAnyPolicy'), critical: alwaysCritical, certificates }),
  strictObject({
    type: z.literal('nameConstraints'),
    critical: alwaysCritical,
    permitted: subtrees.optional(),
    excluded: subtrees.optional(),
  }),
]);

export const profileSchema: z.ZodType<ProfileDefinition> = strictObject({
  kind: z.enum(['self-signed', 'link', 'cross', 'subscriber', 'service']),
  subject: z.string().min(1).optional(),
  scope: z.string(),
  validity: strictObject({
    years: z.int().min(1).max(30),
    beyondIssuer: z.enum(['shorten', 'refuse']),
  }).optional(),
  begins: strictObject({
    oldWithNew: z.enum(['old-key', 'new-key', 'issue']),
    newWithOld: z.enum(['new-key', 'issue']),
  }).optional(),
  onePerSubscriber: z.boolean().default(false),
  extensions: z.array(extension).min(1),
}).superRefine((profile, context) => {
  const problem = (path: readonly (string | number)[], message: string): void => {
    context.addIssue({ code: 'custom', path: [...path], message });
  };
  const isLink = profile.kind === 'link';
  const isForCa = profile.kind === 'self-signed' || profile.kind === 'cross' || isLink;
  if (isForCa !== (profile.subject === undefined)) {
    problem(
      ['subject'],
      'stands in every profile except those of kind self-signed, link and cross',
    );
  }
  if (isLink !== (profile.validity === undefined)) {
    problem(['validity'], 'stands in every profile except the one of kind link');
  }
  if (isLink !== (profile.begins !== undefined)) {
    problem(['begins'], 'stands in the profile of kind link, and in no other');
  }
  if (profile.onePerSubscriber && profile.kind !== 'subscriber') {
    problem(['onePerSubscriber'], 'is for profiles of kind subscriber');
  }
  const seen = new Set<string>();
  for (const [index, { type }] of profile.extensions.entries()) {
    if (seen.has(type)) {
      problem(['extensions', index, 'type'], 'each extension once (RFC 5280 4.2)');
    }
    seen.add(type);
  }
  for (const [index, one] of profile.extensions.entries()) {
    const isAttributes = one.type === 'subjectAltName' && one.content === 'subjectAttributes';
    if (isAttributes && profile.kind !== 'subscriber') {
      problem(['extensions', index, 'content'], 'is for profiles of kind subscriber');
    }
  }
});

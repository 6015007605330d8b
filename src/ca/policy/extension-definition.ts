/**
 * The extensions of a profile as a policy writes them, each with its criticality (R-CERT 1).
 *
 * Not here: turning a definition into bytes (`profile-extensions.ts`).
 *
 * @module
 */

import { z } from 'zod';

import { isOid } from '../../asn1/oid.ts';
import { strictObject } from '../../config/strict-object.ts';
import {
  type KeyUsageName,
  keyUsageNames,
  type NetscapeCertTypeName,
  netscapeCertTypeNames,
} from '../../x509/key-usage.ts';
import { Oid } from '../../x509/object-identifiers.ts';
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

/** A policy by its name in `policyIdentifiers`, with what RFC 5280 §4.2.1.4 lets stand beside it. */
export interface CertificatePolicyReference {
  readonly id: string;
  readonly cpsUri?: string | undefined;
  readonly userNotice?: string | undefined;
}

/**
 * Names of an alternative name. Templates have the places of the profile's subject.
 *
 * `subjectAttributes`: the six JPKI otherNames. `issuerAlternative`: `names.issuerAlternative` as directoryName.
 * `dnsNames`: those of the request.
 */
export type AlternativeNameSource =
  | 'subjectAttributes'
  | 'issuerAlternative'
  | 'dnsNames'
  | { readonly dnsName: string }
  | { readonly rfc822Name: string }
  | { readonly directoryName: string }
  | { readonly uri: string };

export type ExtensionDefinition = { readonly critical: boolean } & (
  | { readonly type: 'subjectKeyIdentifier' | 'ocspNoCheck' }
  /** keyIdentifier always; issuer and serial number of the issuer's certificate if asked for. */
  | { readonly type: 'authorityKeyIdentifier'; readonly issuerAndSerial: boolean }
  | { readonly type: 'keyUsage'; readonly usages: readonly KeyUsageName[] }
  /** Names, or OIDs. */
  | { readonly type: 'extendedKeyUsage'; readonly purposes: readonly string[] }
  | {
      readonly type: 'basicConstraints';
      readonly ca: boolean;
      readonly pathLength?: number | undefined;
    }
  /** Names of the policy's `policyIdentifiers`, with or without qualifiers. */
  | {
      readonly type: 'certificatePolicies';
      readonly policies: readonly (string | CertificatePolicyReference)[];
    }
  | {
      readonly type: 'subjectAltName' | 'issuerAltName';
      readonly content: AlternativeNameSource | readonly AlternativeNameSource[];
    }
  /** The distribution point of the scope that the certificate belongs to. */
  | { readonly type: 'cRLDistributionPoints' }
  /** The same name again: delta lists are in the same entry (RFC 5280 §4.2.1.15). */
  | { readonly type: 'freshestCRL' }
  /** The policy's `ocsp.url` and `ocsp.caIssuersUrl`. */
  | { readonly type: 'authorityInfoAccess' }
  /** Netscape's certificate type, which older statements print. */
  | { readonly type: 'netscapeCertType'; readonly types: readonly NetscapeCertTypeName[] }
  /** From notBefore for so many years, where the key signs for less than its certificate lives (RFC 3280 §4.2.1.4). */
  | { readonly type: 'privateKeyUsagePeriod'; readonly years: number }
  /** Any other: its value, DER in hexadecimal. */
  | { readonly type: 'other'; readonly oid: string; readonly der: string }
  /** What another CA may vouch for; with `cross`. */
  | ConstraintDefinition
);

const critical = z.boolean();
/** RFC 5280 leaves no choice for these. */
const alwaysCritical = z.literal(true);
const certificates = z.int().min(0).max(16);
const text = z.string().min(1).max(1024);
const oid = z.string().refine(isOid, 'a dotted object identifier, e.g. 1.3.6.1.5.5.7.3.1');
const uri = z.string().regex(/^[a-z][a-z0-9+.-]*:[\x21-\x7e]{1,500}$/, 'a URI in ASCII');

/** In characters (RFC 5280 §4.2.1.4). */
const MAX_NOTICE = 200;

const policyReference = z.union([
  z.string(),
  strictObject({
    id: z.string(),
    cpsUri: uri.optional(),
    userNotice: z.string().min(1).max(MAX_NOTICE).optional(),
  }),
]);

const alternativeName: z.ZodType<AlternativeNameSource> = z.union(
  [
    z.enum(['subjectAttributes', 'issuerAlternative', 'dnsNames']),
    strictObject({ dnsName: text }),
    strictObject({ rfc822Name: text }),
    strictObject({ directoryName: text }),
    strictObject({ uri: text }),
  ],
  'is subjectAttributes, issuerAlternative, dnsNames, or { dnsName | rfc822Name | directoryName | uri: template }',
);

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

const content = z.union([alternativeName, z.array(alternativeName).min(1).max(16)]);

export const extensionSchema: z.ZodType<ExtensionDefinition> = z.discriminatedUnion('type', [
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
    purposes: z.array(z.union([z.enum(keyPurposeNames), oid])).min(1),
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
    policies: z.array(policyReference).min(1),
  }),
  strictObject({ type: z.literal('subjectAltName'), critical, content }),
  strictObject({ type: z.literal('issuerAltName'), critical, content }),
  strictObject({ type: z.literal('cRLDistributionPoints'), critical }),
  strictObject({ type: z.literal('freshestCRL'), critical: z.literal(false) }),
  strictObject({ type: z.literal('authorityInfoAccess'), critical }),
  strictObject({ type: z.literal('ocspNoCheck'), critical }),
  strictObject({
    type: z.literal('netscapeCertType'),
    critical,
    types: z.array(z.enum(netscapeCertTypeNames)).min(1),
  }),
  strictObject({
    type: z.literal('privateKeyUsagePeriod'),
    critical,
    years: z.int().min(1).max(30),
  }),
  strictObject({
    type: z.literal('other'),
    critical,
    oid,
    der: z.string().regex(/^([0-9a-fA-F]{2}){2,4096}$/, 'DER in hexadecimal'),
  }),
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

/** What stands in an alternative name. */
export function sourcesOf(
  definition: Extract<ExtensionDefinition, { readonly type: 'subjectAltName' | 'issuerAltName' }>,
): readonly AlternativeNameSource[] {
  const { content: named } = definition;
  return Array.isArray(named) ? named : [named as AlternativeNameSource];
}

/** The template of a source that has one. */
export function templateOf(source: AlternativeNameSource): string | undefined {
  return typeof source === 'string' ? undefined : Object.values(source)[0];
}

/** The extension's object identifier. */
export function extensionOid(definition: ExtensionDefinition): string {
  switch (definition.type) {
    case 'other':
      return definition.oid;
    case 'freshestCRL':
      return Oid.freshestCrl;
    default:
      return Oid[definition.type];
  }
}

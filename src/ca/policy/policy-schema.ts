/**
 * The schema of policy files: what each value may be, and that names used in one place exist in
 * the other. Every message says what is allowed.
 *
 * @module
 */

import { z } from 'zod';

import { isOid } from '../../asn1/oid.ts';
import { strictObject } from '../../config/strict-object.ts';
import { CrlReason, type CrlReasonName } from '../../x509/crl-extensions.ts';
import { accessRuleSchema } from './access-rule-schema.ts';
import { crossSchema } from './cross-policy.ts';
import { deliveriesSchema } from './delivery-policy.ts';
import { noticesSchema, onlineRevocationSchema } from './notice-policy.ts';
import { ocspSchema } from './ocsp-policy.ts';
import { passwordsSchema } from './passwords-schema.ts';
import { peopleSchema } from './people-schema.ts';
import type { PolicyFile, ScopeDefinition } from './policy.ts';
import { findPolicyFaults } from './policy-faults.ts';
import { profileSchema } from './profile-definition.ts';
import { repositorySchema } from './repository-policy.ts';
import { keepingSchema, retentionSchema } from './retention.ts';

const name = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'lower-case letters, digits and hyphens');
const text = z.string().min(1);
const hours = z
  .int()
  .min(1)
  .max(24 * 366);
const years = z.int().min(1).max(100);
const localized = strictObject({ ja: text, en: text });

/** A record with at least one entry whose keys follow a pattern. */
function recordOf<T>(
  keys: z.ZodType<string, string>,
  values: z.ZodType<T>,
): z.ZodType<Record<string, T>> {
  return z
    .record(keys, values)
    .refine((record) => Object.keys(record).length > 0, 'needs at least one entry');
}

const oid = z.string().refine(isOid, 'a dotted object identifier, e.g. 1.2.392.200149.8.5.1.1.10');

const scope: z.ZodType<ScopeDefinition> = strictObject({
  id: name,
  partition: z.enum(['authority', 'single', 'municipality', 'attribute', 'count', 'full']),
  distributionPoint: text.optional(),
  namesPoint: z.boolean().optional(),
  by: z.enum(['prefecture', 'profile', 'request']).optional(),
  values: z.array(name).min(1).max(10_000).optional(),
  opens: strictObject({
    certificates: z.int().min(1).max(1e9).optional(),
    entries: z.int().min(1).max(1e9).optional(),
  }).optional(),
  closed: z.boolean().optional(),
  httpPaths: z
    .array(z.string().regex(/^(\/[A-Za-z0-9._~{}-]+)+$/, 'a path, e.g. /repository2/CRL.crl'))
    .min(1)
    .max(100)
    .optional(),
});

const reasonNames = Object.keys(CrlReason).filter(
  (reason) => reason !== 'removeFromCRL',
) as CrlReasonName[];

/** What a CA's key may sign beside lists; src/signing/key-use.ts says how they are told apart. */
const certificateKinds = ['self-signed', 'link', 'cross', 'end-entity'] as const;

const keyTypes = z.enum(['rsa-2048', 'rsa-3072', 'rsa-4096', 'ec-p256', 'ec-p384']);

const signatures = z.enum([
  'rsa-pkcs1-sha256',
  'rsa-pkcs1-sha384',
  'rsa-pkcs1-sha512',
  'rsa-pss-sha256',
  'rsa-pss-sha384',
  'rsa-pss-sha512',
  'ecdsa-sha256',
  'ecdsa-sha384',
]);

const digit = z.string().regex(/^[0-9]$/, 'one digit in quotes');

const subjectAttributes = strictObject({
  characterSets: z.array(z.enum(['JIS X 0208', 'JIS X 0212'])).min(1),
  maxNameCharacters: z.int().min(1).max(1024),
  maxAddressCharacters: z.int().min(1).max(1024),
  genders: recordOf(digit, text),
  substituteFlags: strictObject({ original: digit, substitute: digit }),
});

const timeOfDay = z
  .string()
  .regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, 'a time in quotes, e.g. "03:00"');

const timing = z.union(
  [z.enum(['after-last', 'spread']), strictObject({ at: z.array(timeOfDay).min(1).max(96) })],
  'is after-last, spread, or { at: ["03:00"] }',
);

const atEachRevocation = strictObject({
  coalesceSeconds: z.int().min(0).max(3600),
  alarmMinutes: z
    .int()
    .min(1)
    .max(24 * 60)
    .default(15),
});

const crl = strictObject({
  periodHours: hours,
  earliestHours: hours.optional(),
  timing: timing.default('after-last'),
  atEachRevocation: atEachRevocation.optional(),
  validityHours: hours,
  atOnceReasons: z.array(z.enum(reasonNames)),
  warningAgeHours: hours,
  alarmAgeHours: hours,
  leastRemainingHours: hours.optional(),
  nextPublish: z.boolean(),
  issuerAndSerial: z.boolean().default(true),
  delta: strictObject({ periodHours: hours, validityHours: hours }).optional(),
  scopes: z.array(scope).min(1),
});

export const policySchema: z.ZodType<PolicyFile> = strictObject({
  formatVersion: z.literal(1),
  id: name,
  title: localized,
  statement: strictObject({
    title: text,
    version: text,
    date: z.iso.date('a date as YYYY-MM-DD in quotes'),
  }),
  names: strictObject({
    issuer: text,
    issuerAlternative: text.optional(),
    printable: z.array(text),
  }),
  directory: strictObject({
    suffix: text,
    subtrees: z.array(text).min(1).max(16).optional(),
    baseTree: text,
    verifiers: text.optional(),
    operators: text,
  }),
  utcOffset: z
    .string()
    .regex(/^[+-](0[0-9]|1[0-4]):[0-5][0-9]$/, 'an offset in quotes, e.g. "+09:00"'),
  municipalities: text.optional(),
  allowLegacyAlgorithms: z.boolean().default(false),
  keys: strictObject({
    authority: strictObject({
      type: keyTypes,
      signature: z.enum([...signatures.options, 'rsa-pkcs1-sha1']),
      renewAfterYears: years.optional(),
      renewForLongest: z.boolean().default(false),
      certificates: z
        .array(z.enum(certificateKinds))
        .min(1)
        .default([...certificateKinds]),
    }),
    subject: strictObject({ types: z.array(z.enum([...keyTypes.options, 'rsa-1024'])).min(1) }),
  }),
  subjectAttributes: subjectAttributes.optional(),
  environment: z.enum(['production', 'test']),
  policyIdentifiers: z
    .record(text, strictObject({ production: oid, test: oid.optional() }))
    .default({}),
  profiles: recordOf(name, profileSchema),
  revocation: strictObject({
    reasons: z.array(z.enum(reasonNames)).min(1),
    hold: z.enum(['never', 'until-expiry']),
  }),
  crl,
  ocsp: ocspSchema({ keyTypes, signatures }).optional(),
  cross: crossSchema.optional(),
  deliveries: deliveriesSchema.optional(),
  notices: noticesSchema.optional(),
  onlineRevocation: onlineRevocationSchema.optional(),
  repository: repositorySchema.optional(),
  verifierKinds: z
    .record(
      z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'letters, digits and hyphens'),
      localized,
    )
    .default({}),
  access: z.array(accessRuleSchema).min(1),
  publishedNames: z.array(name).max(64).default([]),
  people: peopleSchema.optional(),
  passwords: passwordsSchema,
  retention: retentionSchema,
  keeping: keepingSchema.default({ monthlyExport: false }),
  audit: strictObject({
    auditorRoles: z.array(text).min(1),
    publicTiles: z.boolean(),
  }).default({ auditorRoles: ['auditor'], publicTiles: false }),
  clauses: z
    .string('the path of the file with the clauses, e.g. clauses/gunma.yaml')
    .min(1)
    .optional(),
}).superRefine((policy, context) => {
  for (const { path, message } of findPolicyFaults(policy)) {
    context.addIssue({ code: 'custom', path: [...path], message });
  }
});

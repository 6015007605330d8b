/**
 * Certificate profiles as a policy writes them (R-CERT 1): who the subject is, how long the
 * certificate lives, which list will carry its revocation, and every extension in its order with its
 * criticality.
 *
 * Not here: the extensions themselves (`extension-definition.ts`), validity (`validity-rule.ts`), turning a definition
 * into bytes (`profile.ts`).
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';
import { type ExtensionDefinition, extensionSchema, sourcesOf } from './extension-definition.ts';
import { placeholders } from './name-template.ts';
import { type ValidityRule, validitySchema } from './validity-rule.ts';

/** A text that a request gives for a place of the profile's templates. */
export interface FieldDefinition {
  readonly minCharacters: number;
  readonly maxCharacters: number;
  /** What it looks like as a whole: a regular expression, Unicode. */
  readonly pattern?: string | undefined;
  /** What people are told when it looks otherwise. */
  readonly hint?: string | undefined;
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
   * `service`: for servers, the CA's own and others, for programs and staff; whom it is for is in the request's fields.
   */
  readonly kind: 'self-signed' | 'link' | 'cross' | 'subscriber' | 'service';
  /** Name template; absent for `self-signed`, `link` and `cross`. */
  readonly subject?: string | undefined;
  /** Attributes of the subject written as PrintableString; `names.printable` when left out. */
  readonly printable?: readonly string[] | undefined;
  /** Further places of its templates, by their names: what a request must give. */
  readonly fields: Readonly<Record<string, FieldDefinition>>;
  /** A scope of the policy: the list that carries revocations of these certificates. */
  readonly scope: string;
  /** Absent for `link`, which has `begins`. */
  readonly validity?: ValidityRule | undefined;
  readonly begins?: LinkBeginnings | undefined;
  /** A subscriber holds one valid certificate at most (R-CERT 5). */
  readonly onePerSubscriber: boolean;
  /** `on-receipt`: the certificate counts for nothing until somebody has confirmed that it was handed over. */
  readonly delivery: 'at-once' | 'on-receipt';
  readonly extensions: readonly ExtensionDefinition[];
  /** Rules of the linter (docs/lint.md) that its certificates break because the statement says so, each with the reason. */
  readonly departures: Readonly<Record<string, string>>;
}

const fieldName = z
  .string()
  .regex(/^[a-z][A-Za-z0-9]{0,31}$/, 'a lower-case letter, then letters and digits')
  .refine((name) => !placeholders.some((taken) => taken === name), 'is a name that certdir fills');

const pattern = z.string().max(512).refine(isPattern, 'a regular expression that JavaScript reads');

const fieldSchema: z.ZodType<FieldDefinition> = strictObject({
  minCharacters: z.int().min(1).max(1024).default(1),
  maxCharacters: z.int().min(1).max(1024),
  pattern: pattern.optional(),
  hint: z.string().min(1).max(200).optional(),
}).refine(({ minCharacters, maxCharacters }) => minCharacters <= maxCharacters, {
  path: ['minCharacters'],
  message: 'is not more than maxCharacters',
});

function isPattern(text: string): boolean {
  try {
    new RegExp(text, 'u');
    return true;
  } catch {
    return false;
  }
}

export const profileSchema: z.ZodType<ProfileDefinition> = strictObject({
  kind: z.enum(['self-signed', 'link', 'cross', 'subscriber', 'service']),
  subject: z.string().min(1).optional(),
  printable: z.array(z.string()).optional(),
  fields: z.record(fieldName, fieldSchema).default({}),
  scope: z.string(),
  validity: validitySchema.optional(),
  begins: strictObject({
    oldWithNew: z.enum(['old-key', 'new-key', 'issue']),
    newWithOld: z.enum(['new-key', 'issue']),
  }).optional(),
  onePerSubscriber: z.boolean().default(false),
  delivery: z.enum(['at-once', 'on-receipt']).default('at-once'),
  extensions: z.array(extensionSchema).min(1),
  departures: z.record(z.string().regex(/^[a-z0-9-]+$/), z.string().min(1).max(200)).default({}),
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
  if (profile.delivery === 'on-receipt' && profile.kind !== 'subscriber') {
    problem(['delivery'], 'on-receipt is for profiles of kind subscriber');
  }
  const rule = profile.validity;
  const isOfPerson = rule?.untilBirthday !== undefined || rule?.notBeyond !== undefined;
  if (isOfPerson && profile.kind !== 'subscriber') {
    problem(['validity'], 'birthdays and cards are for profiles of kind subscriber');
  }
  if (profile.subject === undefined && profile.printable !== undefined) {
    problem(
      ['printable'],
      'is for profiles that have a subject; names.printable says it for the CA',
    );
  }
  if (profile.subject === undefined && Object.keys(profile.fields).length > 0) {
    problem(['fields'], 'are for profiles that have a subject');
  }
  const seen = new Set<string>();
  for (const [index, one] of profile.extensions.entries()) {
    const id = one.type === 'other' ? one.oid : one.type;
    if (seen.has(id)) {
      problem(['extensions', index, 'type'], 'each extension once (RFC 5280 4.2)');
    }
    seen.add(id);
    if (one.type !== 'subjectAltName' && one.type !== 'issuerAltName') {
      continue;
    }
    const isAttributes = sourcesOf(one).includes('subjectAttributes');
    if (isAttributes && (profile.kind !== 'subscriber' || one.type === 'issuerAltName')) {
      problem(['extensions', index, 'content'], 'is for subjectAltName of kind subscriber');
    }
    if (profile.subject === undefined && sourcesOf(one).includes('dnsNames')) {
      problem(['extensions', index, 'content'], 'dnsNames are for profiles that have a subject');
    }
  }
});

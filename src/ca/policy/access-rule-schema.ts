/**
 * Access rules in a policy file. They have the shape of `directory/access/access-rule.ts`; whether the names
 * in them mean anything is found when the directory compiles them against its schema.
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';
import type { AccessRight, AccessRule } from '../../directory/access/access-rule.ts';

const text = z.string().min(1);

const rights = [
  'disclose',
  'search',
  'compare',
  'read',
  'add',
  'delete',
  'write',
  'auth',
  'manage',
] as const satisfies readonly AccessRight[];

const subject = z.discriminatedUnion('kind', [
  strictObject({ kind: z.enum(['anyone', 'anonymous', 'authenticated', 'self']) }),
  strictObject({ kind: z.enum(['dn', 'group']), dn: text }),
  strictObject({
    kind: z.literal('verifier'),
    kinds: z.array(text).min(1).exactOptional(),
    partitionGranted: z.literal(true).exactOptional(),
  }),
  strictObject({ kind: z.literal('operator'), roles: z.array(text).min(1).exactOptional() }),
]);

const target = strictObject({
  entry: text.exactOptional(),
  subtree: text.exactOptional(),
  entryClass: text.exactOptional(),
  filter: text.exactOptional(),
});

export const accessRuleSchema: z.ZodType<AccessRule> = strictObject({
  name: text.exactOptional(),
  target: target.exactOptional(),
  attributes: z.union([z.literal('*'), z.array(text).min(1)]).exactOptional(),
  who: subject,
  tls: z.union([z.literal(true), z.literal('client')], 'true or client').exactOptional(),
  address: z.array(text).min(1).exactOptional(),
  rights: z.array(z.enum(rights)),
});

/**
 * The people of a CA as its statement names them (gunma 5-2-1, jlis 5.2.1, secom 5.2.1, mic 5.2), as data of the policy:
 * roles, what each may do, which are never one person's, and how many people a request passes.
 *
 * Not here: what does not fit together (`people-faults.ts`), what it comes to (`people.ts`).
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';
import {
  otherPermissions,
  type Permission,
  permissions,
  type RequestKindName,
  type RequestStep,
  requestKindNames,
  requestSteps,
} from './permissions.ts';

export interface RoleDefinition {
  readonly ja: string;
  readonly en: string;
  /** Whoever has it acts for the partitions of its account alone, e.g. a municipality's. */
  readonly isOffice: boolean;
}

/** How requests of one kind go. */
export interface RequestRoute {
  /**
   * In the order of `requestSteps`, `receive` first. Nobody takes two steps of one request. Without `execute` the
   * last step carries it out.
   */
  readonly steps: readonly RequestStep[];
  /** So many different people at least; a promise of the statement that the steps have to keep. */
  readonly persons?: number | undefined;
  /** How many people approve, where `approve` is a step. */
  readonly approvals: number;
  /** How many people carry it out together, where `execute` is a step: all but the last one say yes. */
  readonly executors: number;
  /** How long an approval counts. */
  readonly approvalHours: number;
}

export interface PeopleDefinition {
  /** By the value of certdirOperatorRole. */
  readonly roles: Readonly<Record<string, RoleDefinition>>;
  /** Nobody has a permission that is not here. */
  readonly permissions: Readonly<Partial<Record<Permission, readonly string[]>>>;
  /** Of each of these sets of roles a person has one at most. */
  readonly separate: readonly (readonly string[])[];
  /** The kinds of requests that this CA takes. */
  readonly requests: Readonly<Partial<Record<RequestKindName, RequestRoute>>>;
  /** The profile of operators' own certificates, with the one field `operator`; none are issued where it is left out. */
  readonly operatorProfile?: string | undefined;
}

const text = z.string().min(1).max(200);
const roleName = z
  .string()
  .regex(/^[a-z][A-Za-z0-9-]{0,63}$/, 'letters, digits and hyphens, a lower-case letter first');

const role = z
  .strictObject(
    { ja: text, en: text, office: z.boolean().default(false) },
    {
      error: (issue) =>
        issue.code === 'unrecognized_keys' ? 'allowed: ja, en, office' : undefined,
    },
  )
  .transform(({ office, ...title }): RoleDefinition => ({ ...title, isOffice: office }));

const permissionHint = `is no permission; there is request.<kind>.<step> with the kinds ${requestKindNames.join(', ')} and the steps ${requestSteps.join(', ')}, and ${otherPermissions.join(', ')}`;

const count = z.int().min(1).max(9);

const route: z.ZodType<RequestRoute> = strictObject({
  steps: z.array(z.enum(requestSteps)).min(1).max(requestSteps.length),
  persons: z.int().min(1).max(20).optional(),
  approvals: count.default(1),
  executors: count.default(1),
  approvalHours: z
    .int()
    .min(1)
    .max(24 * 90)
    .default(72),
});

export const peopleSchema: z.ZodType<PeopleDefinition> = strictObject({
  roles: z
    .record(roleName, role)
    .refine((roles) => Object.keys(roles).length > 0, 'needs at least one role'),
  permissions: z.partialRecord(z.enum(permissions), z.array(roleName).min(1), {
    error: (issue) => (String(issue.code) === 'unrecognized_keys' ? permissionHint : undefined),
  }),
  separate: z.array(z.array(roleName).min(2)).default([]),
  requests: z.partialRecord(z.enum(requestKindNames), route, {
    error: (issue) =>
      String(issue.code) === 'unrecognized_keys'
        ? `kinds of requests: ${requestKindNames.join(', ')}`
        : undefined,
  }),
  operatorProfile: z.string().min(1).optional(),
});

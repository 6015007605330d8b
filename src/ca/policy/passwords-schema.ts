/**
 * The schema of a policy's rules for passwords.
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';
import type { PasswordPolicy } from '../../directory/accounts/password-policy.ts';

const days = z.int().min(1).max(36_500);
const seconds = z.int().min(1).max(86_400);

const ageing = strictObject({
  accounts: z.array(z.enum(['operator', 'verifier'])).min(1),
  maxAgeDays: days,
  warningDays: days,
}).refine(({ warningDays, maxAgeDays }) => warningDays < maxAgeDays, {
  path: ['warningDays'],
  message: 'is shorter than maxAgeDays',
});

const delays = strictObject({
  freeFailures: z.int().min(1).max(100),
  firstSeconds: seconds,
  maxSeconds: seconds,
}).refine(({ firstSeconds, maxSeconds }) => firstSeconds <= maxSeconds, {
  path: ['maxSeconds'],
  message: 'is at least firstSeconds',
});

export const passwordsSchema: z.ZodType<PasswordPolicy> = strictObject({
  minCharacters: z.int().min(8).max(128),
  characterKinds: z.array(z.enum(['upperCase', 'lowerCase', 'digit', 'symbol'])),
  refuseNames: z.boolean(),
  history: z.int().min(0).max(24),
  ageing: ageing.optional(),
  delays,
});

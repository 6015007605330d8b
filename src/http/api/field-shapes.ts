/**
 * Shapes of fields that many operations have.
 *
 * @module
 */

import { z } from 'zod';

export const instant: z.ZodString = z.string().describe('RFC 3339, in UTC.');

/** RFC 3339, or a day. */
export const givenTime: z.ZodString = z
  .string()
  .max(40)
  .regex(/^\d{4}-\d{2}-\d{2}/, '2026-01-05 or 2026-01-05T09:00:00+09:00');

export const serialNumber: z.ZodString = z
  .string()
  .regex(/^[0-9A-Fa-f]{1,40}$/, '1 to 40 hexadecimal digits')
  .describe('Hexadecimal.');

/** A name of an account: what stands in its cn. */
export const accountName: z.ZodString = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\p{Cc}]*$/u, 'no control characters');

export const password: z.ZodString = z.string().min(1).max(1_000);

/** What is certain to change nothing in what it names: a code of a list, a municipality, a kind. */
export const code: z.ZodString = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[\w.*-]+$/, 'letters, digits, dots and hyphens');

/** A number of a record or list. */
export const ordinal: z.ZodString = z.string().regex(/^\d{1,18}$/, '1 to 18 digits');

/** Bytes as base64 (RFC 4648 §4). */
export function base64(maxBytes: number): z.ZodString {
  return z
    .string()
    .min(4)
    .max(Math.ceil(maxBytes / 3) * 4)
    .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'base64');
}

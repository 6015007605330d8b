/**
 * Shapes of fields that many operations have.
 *
 * @module
 */

import { z } from 'zod';

export const instant: z.ZodString = z.string().describe('RFC 3339, in UTC.');

export const serialNumber: z.ZodString = z
  .string()
  .regex(/^[0-9A-Fa-f]{1,40}$/, '1 to 40 hexadecimal digits')
  .describe('Hexadecimal.');

/** What the CA tells of a certificate. */
export const certificateFacts: z.ZodObject = z.strictObject({
  serialNumber: z.string(),
  profile: z.string(),
  subject: z.string(),
  state: z.string().describe('`good`, `revoked`, `expired`, `held` or `not-delivered`.'),
  notBefore: instant,
  notAfter: instant,
  partition: z.string(),
  revokedAt: instant.nullable().describe('Since when it is revoked, or held.'),
  reason: z.string().nullable(),
  certificate: z.string().describe('PEM.'),
  sha256Fingerprint: z.string(),
});

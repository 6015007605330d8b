/**
 * `api` of `certdir.yaml`: where operators' programs reach the CAs over HTTPS, and how much of it each may have.
 *
 * @module
 */

import { z } from 'zod';

export interface ApiConfiguration {
  readonly address: string;
  readonly port: number;
  /** What TLS shows; LDAP's when they are left out. */
  readonly certificateFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly sessions: {
    /** From the last use to the end. */
    readonly idleMinutes: number;
    /** From the beginning to the end in any case. */
    readonly absoluteMinutes: number;
    readonly perOperator: number;
    readonly total: number;
  };
  readonly limits: {
    readonly connections: number;
    readonly bodyBytes: number;
    /** Calls in a minute, of an operator and of an address; as many again at once after a rest. */
    readonly operatorCallsPerMinute: number;
    readonly addressCallsPerMinute: number;
    /** How long the answer to a request with an Idempotency-Key is kept, and how many at most. */
    readonly keptAnswerHours: number;
    readonly keptAnswers: number;
  };
}

export const apiSchema: z.ZodType<ApiConfiguration> = z
  .strictObject({
    address: z.string().min(1),
    port: z.int().min(0).max(65_535),
    certificateFile: z.string().min(1).optional(),
    keyFile: z.string().min(1).optional(),
    sessions: z
      .strictObject({
        idleMinutes: z.int().min(1).max(1_440).default(15),
        absoluteMinutes: z.int().min(1).max(1_440).default(480),
        perOperator: z.int().min(1).max(1_000).default(5),
        total: z.int().min(1).max(100_000).default(10_000),
      })
      .prefault({}),
    limits: z
      .strictObject({
        connections: z.int().min(1).max(100_000).default(1_000),
        bodyBytes: z
          .int()
          .min(1_024)
          .max(64 * 1024 * 1024)
          .default(1024 * 1024),
        operatorCallsPerMinute: z.int().min(1).max(1_000_000).default(600),
        addressCallsPerMinute: z.int().min(1).max(1_000_000).default(1_200),
        keptAnswerHours: z.int().min(1).max(720).default(24),
        keptAnswers: z.int().min(1).max(10_000_000).default(100_000),
      })
      .prefault({}),
  })
  .refine(
    ({ certificateFile, keyFile }) => (certificateFile === undefined) === (keyFile === undefined),
    { message: 'give certificateFile and keyFile, or neither to show what LDAP shows' },
  );

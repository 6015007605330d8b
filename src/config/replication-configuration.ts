/**
 * `replication` and `standby` in certdir.yaml: the two ends of a warm standby. Both know each other by the SHA-256 of
 * their certificates.
 *
 * @module
 */

import { z } from 'zod';

export interface ReplicationConfiguration {
  readonly address: string;
  readonly port: number;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** SHA-256 of the certificates of those who may read the journal, lower-case hexadecimal. */
  readonly clients: readonly string[];
  /** Nothing is acknowledged before `standby` has made it durable. */
  readonly synchronous: boolean;
  /** One of `clients`; the only one when left out. */
  readonly standby?: string | undefined;
  readonly timeoutSeconds: number;
  /** What happens when the standby does not answer in time. */
  readonly onTimeout: 'stop' | 'continue';
}

export interface StandbyConfiguration {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** SHA-256 of the primary's certificate, lower-case hexadecimal. */
  readonly primary: string;
}

/** As `openssl x509 -fingerprint -sha256` writes it, or without colons. */
const fingerprint: z.ZodType<string> = z
  .string()
  .transform((text) => text.replaceAll(':', '').toLowerCase())
  .pipe(z.string().regex(/^[0-9a-f]{64}$/, 'SHA-256 of a certificate: 64 hexadecimal digits'));

const file = z.string().min(1);

export const replicationSchema: z.ZodType<ReplicationConfiguration> = z
  .strictObject({
    address: z.string().min(1).describe('address to listen on'),
    port: z.int().min(0).max(65535),
    certificateFile: file,
    keyFile: file,
    clients: z.array(fingerprint).min(1).max(16),
    synchronous: z.boolean().default(false),
    standby: fingerprint.optional(),
    timeoutSeconds: z.number().min(0.1).max(600).default(10),
    onTimeout: z.enum(['stop', 'continue']).default('stop'),
  })
  .refine(({ clients, standby }) => standby === undefined || clients.includes(standby), {
    path: ['standby'],
    error: 'the standby must be one of clients',
  })
  .refine(
    ({ clients, standby, synchronous }) =>
      !synchronous || standby !== undefined || clients.length === 1,
    { path: ['standby'], error: 'with several clients, say which one is waited for' },
  );

export const standbySchema: z.ZodType<StandbyConfiguration> = z.strictObject({
  certificateFile: file,
  keyFile: file,
  primary: fingerprint,
});

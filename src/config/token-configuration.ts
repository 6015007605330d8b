/**
 * `token:` of `certdir.yaml`: where the CA's keys are kept.
 *
 * @module
 */

import { resolve } from 'node:path';
import { z } from 'zod';

export interface SoftwareTokenConfiguration {
  readonly kind: 'software';
  readonly file: string;
  readonly passphraseFile?: string | undefined;
  /** Custodians open the token instead of a file or a person. */
  readonly custodiansFile?: string | undefined;
}

export interface Pkcs11TokenConfiguration {
  readonly kind: 'pkcs11';
  /** The vendor's library. */
  readonly module: string;
  readonly tokenLabel?: string | undefined;
  readonly tokenSerial?: string | undefined;
  readonly pinFile?: string | undefined;
  /** Custodians open the token instead of a file or a person. */
  readonly custodiansFile?: string | undefined;
  /** What each key is for. */
  readonly register: string;
  readonly sessions: number;
  readonly environment: Readonly<Record<string, string>>;
}

export type TokenConfiguration = SoftwareTokenConfiguration | Pkcs11TokenConfiguration;

const MAX_SESSIONS = 64;

const pkcs11: z.ZodType<Pkcs11TokenConfiguration> = z
  .strictObject({
    kind: z.literal('pkcs11'),
    module: z.string().min(1),
    tokenLabel: z.string().min(1).max(32).optional(),
    tokenSerial: z.string().min(1).max(16).optional(),
    pinFile: z.string().min(1).optional(),
    custodiansFile: z.string().min(1).optional(),
    register: z.string().min(1).default('token/key-register.json'),
    sessions: z.int().min(1).max(MAX_SESSIONS).default(8),
    environment: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(4096))
      .default({}),
  })
  .refine(({ tokenLabel, tokenSerial }) => tokenLabel !== undefined || tokenSerial !== undefined, {
    message: 'name the token by tokenLabel, by tokenSerial or by both',
  });

/** One way to open it, or a person at the terminal. */
const oneOpening = (token: TokenConfiguration): boolean =>
  secretFileOf(token) === undefined || token.custodiansFile === undefined;

export const tokenConfigurationSchema: z.ZodType<TokenConfiguration> = z
  .union([
    z.strictObject({
      kind: z.literal('software'),
      file: z.string().min(1),
      passphraseFile: z.string().min(1).optional(),
      custodiansFile: z.string().min(1).optional(),
    }),
    pkcs11,
  ])
  .refine(oneOpening, {
    message: 'custodiansFile stands in place of passphraseFile or pinFile, not beside it',
  });

/**
 * `audit.token`: a token of the audit log's own. It signs at every minute and every restart, with nobody asked, so that what
 * happens while the CA's token is locked is signed too.
 */
export const auditTokenSchema: z.ZodType<TokenConfiguration> = tokenConfigurationSchema.refine(
  (token) => secretFileOf(token) !== undefined,
  {
    message:
      'the audit token is opened by passphraseFile or pinFile, not by custodians or a person',
  },
);

/** The file with what opens the token, if there is one. */
export function secretFileOf(token: TokenConfiguration): string | undefined {
  return token.kind === 'software' ? token.passphraseFile : token.pinFile;
}

/** True when two tokens would write one file. */
export function shareFile(one: TokenConfiguration, other: TokenConfiguration): boolean {
  const fileOf = (token: TokenConfiguration): string =>
    token.kind === 'software' ? token.file : token.register;
  return fileOf(one) === fileOf(other);
}

/** The same with absolute paths. @param folder Of the configuration. */
export function withAbsolutePaths(token: TokenConfiguration, folder: string): TokenConfiguration {
  const at = (path: string): string => resolve(folder, path);
  const { custodiansFile } = token;
  const custody = custodiansFile === undefined ? {} : { custodiansFile: at(custodiansFile) };
  if (token.kind === 'software') {
    const { passphraseFile } = token;
    return {
      ...token,
      ...custody,
      file: at(token.file),
      ...(passphraseFile === undefined ? {} : { passphraseFile: at(passphraseFile) }),
    };
  }
  const { pinFile } = token;
  return {
    ...token,
    ...custody,
    module: at(token.module),
    register: at(token.register),
    ...(pinFile === undefined ? {} : { pinFile: at(pinFile) }),
  };
}

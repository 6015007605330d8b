/**
 * `certdir.yaml`: how one instance runs. Read once at start, validated whole, then passed on as plain
 * values; no other file reads it and nothing reads the environment. What the CA promises is not
 * here but in its policy (`cps/`).
 *
 * @module
 */

import { dirname, resolve } from 'node:path';
import { z } from 'zod';

import type { LogLevel } from '../core/log.ts';
import { loadYamlFile } from './yaml-file.ts';

type LdapLimitName =
  | 'anonymousPduBytes'
  | 'boundPduBytes'
  | 'connections'
  | 'connectionsPerAddress'
  | 'pendingOperations'
  | 'pendingBytes'
  | 'runningOperations'
  | 'outputBytes'
  | 'totalOutputBytes'
  | 'answerCacheBytes'
  | 'idleMs'
  | 'requestMs'
  | 'writeStallMs'
  | 'tlsHandshakeMs'
  | 'closeMs'
  | 'selectedAttributes'
  | 'attributes'
  | 'values'
  | 'controls';

type DirectoryLimitName = 'maxSizeLimit' | 'maxTimeLimitMs' | 'maxLookThrough' | 'maxImportBytes';

export interface ListenerConfiguration {
  readonly address: string;
  readonly port: number;
  readonly tls: 'none' | 'starttls' | 'ldaps';
}

/** Settings that are left out keep the defaults of src/ldap/limits.ts, which says what each means. */
export type LdapLimitsConfiguration = Readonly<Partial<Record<LdapLimitName, number | undefined>>>;

/** Likewise, with the defaults of src/directory/directory-limits.ts. */
export type DirectoryLimitsConfiguration = Readonly<
  Partial<Record<DirectoryLimitName, number | undefined>>
>;

interface FileConfiguration {
  readonly formatVersion: 1;
  readonly policy: string;
  readonly store: {
    readonly folder: string;
    readonly cacheMiB: number;
    readonly writeBufferMiB: number;
  };
  readonly token: {
    readonly kind: 'software';
    readonly file: string;
    readonly passphraseFile?: string | undefined;
  };
  readonly directory: {
    readonly schemaFolder?: string | undefined;
    readonly limits: DirectoryLimitsConfiguration;
  };
  readonly ldap: {
    readonly listeners: readonly ListenerConfiguration[];
    readonly certificateFile?: string | undefined;
    readonly keyFile?: string | undefined;
    readonly allowClearPasswords: boolean;
    readonly limits: LdapLimitsConfiguration;
  };
  readonly http?: { readonly address: string; readonly port: number } | undefined;
  readonly log: {
    readonly level: LogLevel;
    readonly format: 'json' | 'text' | 'auto';
  };
}

/** The validated configuration; every path in it is absolute. */
export interface Configuration extends FileConfiguration {
  /** The data folder: where certdir.yaml lies. */
  readonly folder: string;
}

const port = z.int().min(0).max(65535).describe('TCP port; 0 lets the system choose');
const address = z.string().min(1).describe('address to listen on, e.g. 127.0.0.1, 0.0.0.0 or ::');

const listener = z.strictObject({
  address,
  port,
  tls: z.enum(['none', 'starttls', 'ldaps']),
});

const bytes = (max: number): z.ZodInt => z.int().min(1024).max(max);
const count = (max: number): z.ZodInt => z.int().min(1).max(max);
const milliseconds = z.int().min(100).max(86_400_000);

const ldapLimits: z.ZodType<LdapLimitsConfiguration> = z
  .strictObject({
    anonymousPduBytes: bytes(67_108_864),
    boundPduBytes: bytes(268_435_456),
    connections: count(100_000),
    connectionsPerAddress: count(100_000),
    pendingOperations: count(10_000),
    pendingBytes: bytes(268_435_456),
    runningOperations: count(1_000),
    outputBytes: bytes(268_435_456),
    totalOutputBytes: bytes(17_179_869_184),
    answerCacheBytes: bytes(17_179_869_184),
    idleMs: milliseconds,
    requestMs: milliseconds,
    writeStallMs: milliseconds,
    tlsHandshakeMs: milliseconds,
    closeMs: milliseconds,
    selectedAttributes: count(65_536),
    attributes: count(1_000_000),
    values: count(1_000_000),
    controls: count(1_000),
  } satisfies Record<LdapLimitName, z.ZodType<number>>)
  .partial();

const directoryLimits: z.ZodType<DirectoryLimitsConfiguration> = z
  .strictObject({
    maxSizeLimit: count(10_000_000),
    maxTimeLimitMs: milliseconds,
    maxLookThrough: count(100_000_000),
    maxImportBytes: bytes(17_179_869_184),
  } satisfies Record<DirectoryLimitName, z.ZodType<number>>)
  .partial();

const configurationSchema: z.ZodType<FileConfiguration> = z.strictObject({
  formatVersion: z.literal(1),
  /** The CA's policy, beside this file. */
  policy: z.string().min(1),
  store: z
    .strictObject({
      folder: z.string().min(1).default('store'),
      cacheMiB: z.int().min(8).max(65_536).default(64),
      writeBufferMiB: z.int().min(1).max(1_024).default(16),
    })
    .prefault({}),
  token: z.strictObject({
    kind: z.literal('software'),
    file: z.string().min(1),
    passphraseFile: z.string().min(1).optional(),
  }),
  directory: z
    .strictObject({
      /** Folder of the schema; the program's own when it is left out. */
      schemaFolder: z.string().min(1).optional(),
      limits: directoryLimits.default({}),
    })
    .prefault({}),
  ldap: z.strictObject({
    listeners: z.array(listener).min(1),
    certificateFile: z.string().min(1).optional(),
    keyFile: z.string().min(1).optional(),
    /** Lets password binds through on clear connections. Only for trials on the loopback. */
    allowClearPasswords: z.boolean().default(false),
    limits: ldapLimits.default({}),
  }),
  http: z.strictObject({ address, port }).optional(),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
      format: z.enum(['json', 'text', 'auto']).default('auto'),
    })
    .prefault({}),
});

/** The name of the configuration in a data folder. */
export const CONFIGURATION_FILE = 'certdir.yaml';

/**
 * Reads the configuration.
 *
 * @param file Path of `certdir.yaml`; paths in it are relative to its folder.
 * @throws {ConfigError} `CONFIG_UNREADABLE`, `CONFIG_SYNTAX`, `CONFIG_INVALID`.
 */
export async function loadConfiguration(file: string): Promise<Configuration> {
  const raw = await loadYamlFile(file, configurationSchema);
  const folder = dirname(resolve(file));
  const at = (path: string): string => resolve(folder, path);
  const { passphraseFile } = raw.token;
  const { certificateFile, keyFile } = raw.ldap;
  const { schemaFolder } = raw.directory;
  return {
    ...raw,
    folder,
    policy: at(raw.policy),
    store: { ...raw.store, folder: at(raw.store.folder) },
    token: {
      ...raw.token,
      file: at(raw.token.file),
      ...(passphraseFile === undefined ? {} : { passphraseFile: at(passphraseFile) }),
    },
    directory: {
      ...raw.directory,
      ...(schemaFolder === undefined ? {} : { schemaFolder: at(schemaFolder) }),
    },
    ldap: {
      ...raw.ldap,
      ...(certificateFile === undefined ? {} : { certificateFile: at(certificateFile) }),
      ...(keyFile === undefined ? {} : { keyFile: at(keyFile) }),
    },
  };
}

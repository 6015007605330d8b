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
import { type ApiConfiguration, apiSchema } from './api-configuration.ts';
import { type DocumentSettings, documentsSchema } from './document-settings.ts';
import { ConfigError } from './errors.ts';
import {
  type DirectoryLimitsConfiguration,
  directoryLimitsSchema,
  type LdapLimitsConfiguration,
  ldapLimitsSchema,
} from './limit-settings.ts';
import {
  type ReplicationConfiguration,
  replicationSchema,
  type StandbyConfiguration,
  standbySchema,
} from './replication-configuration.ts';
import {
  auditTokenSchema,
  shareFile,
  type TokenConfiguration,
  tokenConfigurationSchema,
  withAbsolutePaths,
} from './token-configuration.ts';
import { loadYamlFile } from './yaml-file.ts';

export interface ListenerConfiguration {
  readonly address: string;
  readonly port: number;
  readonly tls: 'none' | 'starttls' | 'ldaps';
}

interface FileConfiguration {
  readonly formatVersion: 1;
  /** Where there is one CA: its policy. */
  readonly policy?: string | undefined;
  /** A policy for each CA. */
  readonly policies?: readonly string[] | undefined;
  readonly store: {
    readonly folder: string;
    readonly cacheMiB: number;
    readonly writeBufferMiB: number;
    readonly journal: {
      /** From a segment's seal until it may be removed; all are kept when it is left out. */
      readonly keepDays?: number | undefined;
      /** Only what is in a backup that was verified is removed. */
      readonly keepUntilBackedUp: boolean;
    };
  };
  readonly token: TokenConfiguration;
  readonly directory: {
    readonly schemaFolder?: string | undefined;
    readonly schemaExtensions?: string | undefined;
    readonly indexes: readonly string[];
    readonly limits: DirectoryLimitsConfiguration;
  };
  readonly ldap: {
    readonly listeners: readonly ListenerConfiguration[];
    readonly certificateFile?: string | undefined;
    readonly keyFile?: string | undefined;
    readonly allowClearPasswords: boolean;
    readonly limits: LdapLimitsConfiguration;
  };
  readonly http?:
    | {
        readonly address: string;
        readonly port: number;
        /** HTTPS beside it, where verifiers show who they are. */
        readonly tlsPort?: number | undefined;
        /** Practice statements and the like. */
        readonly documents: readonly DocumentSettings[];
      }
    | undefined;
  /** Where OCSP is answered beside the public repository. */
  readonly ocsp?:
    | { readonly address: string; readonly port: number; readonly tls: boolean }
    | undefined;
  /** Where operators' programs reach the CAs over HTTPS. */
  readonly api?: ApiConfiguration | undefined;
  /** A registered verifier, as which the server reads its own lists back over LDAP. */
  readonly readback?: { readonly verifier: string; readonly passwordFile: string } | undefined;
  readonly metrics?: { readonly address: string; readonly port: number } | undefined;
  /** Gives the journal to standbys. */
  readonly replication?: ReplicationConfiguration | undefined;
  /** How this folder's standby shows itself to its primary. */
  readonly standby?: StandbyConfiguration | undefined;
  readonly access: {
    /** The access journal's files. */
    readonly folder: string;
    /** From an access to the sync that covers it, at most. */
    readonly syncMs: number;
  };
  readonly audit: {
    /** Where the last checkpoint is kept outside the store. */
    readonly folder: string;
    /** The log's name in its checkpoints. */
    readonly origin?: string | undefined;
    /** Where the log's key is kept; with the CA's keys when it is left out. */
    readonly token?: TokenConfiguration | undefined;
  };
  /** Where keys and files for subscribers lie until they are fetched; in no backup and on no standby. */
  readonly deliveries: { readonly folder: string };
  /** Where the server adds backups by itself. */
  readonly backup?:
    | { readonly folder: string; readonly passphraseFile?: string | undefined }
    | undefined;
  /** Where the server writes every month of the archive. */
  readonly archive?: { readonly folder: string } | undefined;
  readonly log: {
    readonly level: LogLevel;
    readonly format: 'json' | 'text' | 'auto';
  };
}

/** The validated configuration; every path in it is absolute. */
export interface Configuration extends Omit<FileConfiguration, 'policy' | 'policies'> {
  /** The data folder: where certdir.yaml lies. */
  readonly folder: string;
  /** The policy of each CA, at least one. What they share goes by the name of the first. */
  readonly policies: readonly [string, ...string[]];
}

/** So many CAs are more than anybody runs. */
const MAX_POLICIES = 64;

const port = z.int().min(0).max(65535).describe('TCP port; 0 lets the system choose');
const address = z.string().min(1).describe('address to listen on, e.g. 127.0.0.1, 0.0.0.0 or ::');

const listener = z.strictObject({
  address,
  port,
  tls: z.enum(['none', 'starttls', 'ldaps']),
});

const configurationSchema: z.ZodType<FileConfiguration> = z.strictObject({
  formatVersion: z.literal(1),
  /** The CA's policy, beside this file; of several CAs, one each. */
  policy: z.string().min(1).optional(),
  policies: z.array(z.string().min(1)).min(1).max(MAX_POLICIES).optional(),
  store: z
    .strictObject({
      folder: z.string().min(1).default('store'),
      cacheMiB: z.int().min(8).max(65_536).default(64),
      writeBufferMiB: z.int().min(1).max(1_024).default(16),
      journal: z
        .strictObject({
          keepDays: z.int().min(1).max(36_500).optional(),
          keepUntilBackedUp: z.boolean().default(true),
        })
        .prefault({}),
    })
    .prefault({}),
  token: tokenConfigurationSchema,
  directory: z
    .strictObject({
      /** Folder of the schema; the program's own when it is left out. */
      schemaFolder: z.string().min(1).optional(),
      /** Folder of schema files that are read beside those. */
      schemaExtensions: z.string().min(1).optional(),
      /** Attribute types to index beside those that always are. */
      indexes: z.array(z.string().min(1).max(200)).max(100).default([]),
      limits: directoryLimitsSchema.default({}),
    })
    .prefault({}),
  ldap: z.strictObject({
    listeners: z.array(listener).min(1),
    certificateFile: z.string().min(1).optional(),
    keyFile: z.string().min(1).optional(),
    /** Lets password binds through on clear connections. Only for trials on the loopback. */
    allowClearPasswords: z.boolean().default(false),
    limits: ldapLimitsSchema.default({}),
  }),
  http: z
    .strictObject({
      address,
      port,
      tlsPort: port.optional(),
      documents: documentsSchema.default([]),
    })
    .optional(),
  /** Under TLS with the certificate and key of LDAP, where verifiers show their own. */
  ocsp: z.strictObject({ address, port, tls: z.boolean().default(false) }).optional(),
  api: apiSchema.optional(),
  /** Figures for Prometheus; nobody asks who reads them. */
  metrics: z.strictObject({ address: address.default('127.0.0.1'), port }).optional(),
  readback: z
    .strictObject({ verifier: z.string().min(1), passwordFile: z.string().min(1) })
    .optional(),
  replication: replicationSchema.optional(),
  standby: standbySchema.optional(),
  access: z
    .strictObject({
      folder: z.string().min(1).default('access'),
      syncMs: z.int().min(10).max(1_000).default(500),
    })
    .prefault({}),
  audit: z
    .strictObject({
      folder: z.string().min(1).default('audit'),
      origin: z
        .string()
        .regex(/^[^\s+]{1,200}$/, 'a name without spaces and +, e.g. ca.example.jp/audit')
        .optional(),
      token: auditTokenSchema.optional(),
    })
    .prefault({}),
  backup: z
    .strictObject({ folder: z.string().min(1), passphraseFile: z.string().min(1).optional() })
    .optional(),
  deliveries: z.strictObject({ folder: z.string().min(1).default('deliveries') }).prefault({}),
  archive: z.strictObject({ folder: z.string().min(1) }).optional(),
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
  const { policy, policies, ...raw } = await loadYamlFile(file, configurationSchema);
  const folder = dirname(resolve(file));
  const at = (path: string): string => resolve(folder, path);
  const { certificateFile, keyFile } = raw.ldap;
  const { schemaFolder, schemaExtensions } = raw.directory;
  const withFiles = <T extends { certificateFile: string; keyFile: string }>(part: T): T => ({
    ...part,
    certificateFile: at(part.certificateFile),
    keyFile: at(part.keyFile),
  });
  const token = withAbsolutePaths(raw.token, folder);
  const auditToken =
    raw.audit.token === undefined ? undefined : withAbsolutePaths(raw.audit.token, folder);
  if (auditToken !== undefined && shareFile(token, auditToken)) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${file}: audit.token and token name one file; leave audit.token out to have both keys in one token`,
    );
  }
  return {
    ...raw,
    folder,
    ...(raw.replication === undefined ? {} : { replication: withFiles(raw.replication) }),
    ...(raw.standby === undefined ? {} : { standby: withFiles(raw.standby) }),
    ...(raw.api === undefined ? {} : { api: apiPaths(raw.api, at) }),
    ...(raw.http === undefined ? {} : { http: httpPaths(raw.http, at) }),
    policies: policyFiles({ policy, policies }, file, at),
    store: { ...raw.store, folder: at(raw.store.folder) },
    access: { ...raw.access, folder: at(raw.access.folder) },
    deliveries: { folder: at(raw.deliveries.folder) },
    audit: {
      ...raw.audit,
      folder: at(raw.audit.folder),
      ...(auditToken === undefined ? {} : { token: auditToken }),
    },
    ...(raw.readback === undefined
      ? {}
      : { readback: { ...raw.readback, passwordFile: at(raw.readback.passwordFile) } }),
    ...(raw.backup === undefined ? {} : { backup: backupPaths(raw.backup, at) }),
    ...(raw.archive === undefined ? {} : { archive: { folder: at(raw.archive.folder) } }),
    token,
    directory: {
      ...raw.directory,
      ...(schemaFolder === undefined ? {} : { schemaFolder: at(schemaFolder) }),
      ...(schemaExtensions === undefined ? {} : { schemaExtensions: at(schemaExtensions) }),
    },
    ldap: {
      ...raw.ldap,
      ...(certificateFile === undefined ? {} : { certificateFile: at(certificateFile) }),
      ...(keyFile === undefined ? {} : { keyFile: at(keyFile) }),
    },
  };
}

function apiPaths(api: ApiConfiguration, at: (path: string) => string): ApiConfiguration {
  const { certificateFile, keyFile } = api;
  return certificateFile === undefined || keyFile === undefined
    ? api
    : { ...api, certificateFile: at(certificateFile), keyFile: at(keyFile) };
}

function httpPaths(
  http: NonNullable<FileConfiguration['http']>,
  at: (path: string) => string,
): NonNullable<FileConfiguration['http']> {
  const documents = http.documents.map((one) => ({ ...one, file: at(one.file) }));
  return { ...http, documents };
}

function policyFiles(
  { policy, policies = [] }: Pick<FileConfiguration, 'policy' | 'policies'>,
  file: string,
  at: (path: string) => string,
): Configuration['policies'] {
  const [first, ...others] = policy === undefined ? policies : [policy, ...policies];
  if (first === undefined || (policy !== undefined && policies.length > 0)) {
    throw new ConfigError(
      'CONFIG_INVALID',
      `${file}: name the policy of each CA in policies, e.g. policies: [policy.yaml]; policy may stand for it where there is one`,
    );
  }
  return [at(first), ...others.map(at)];
}

function backupPaths(
  { folder, passphraseFile }: NonNullable<FileConfiguration['backup']>,
  at: (path: string) => string,
): NonNullable<FileConfiguration['backup']> {
  return {
    folder: at(folder),
    ...(passphraseFile === undefined ? {} : { passphraseFile: at(passphraseFile) }),
  };
}

/**
 * The API of a server: its CAs as the routes see them, and the listener.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';

import { escapeValue } from '../ca/accounts/account-entries.ts';
import { readSecretFile } from '../config/secret-file.ts';
import type { ClosingStack } from '../core/closing-stack.ts';
import { formatError } from '../core/errors.ts';
import type { ApiAuthority } from '../http/api/api-authority.ts';
import { apiRoutes } from '../http/api/api-routes.ts';
import { openApiServer } from '../http/api/api-server.ts';
import type { PeopleRules } from '../http/api/operator-identity.ts';
import type { Operations } from '../http/operations.ts';
import { LdapError } from '../ldap/errors.ts';
import type { TlsCredentials } from '../ldap/tls-credentials.ts';
import { failureKinds } from './failure-kinds.ts';
import { type Instance, programVersion } from './instance.ts';

const MINUTE_MS = 60_000;

/**
 * Starts the API where the configuration wants it.
 *
 * @param tls What LDAP shows.
 * @returns its URLs.
 */
export async function openApi(
  instance: Instance,
  operations: Operations,
  { tls, closing }: { readonly tls: TlsCredentials | undefined; readonly closing: ClosingStack },
): Promise<readonly string[]> {
  const { configuration, clock, random, log } = instance;
  const { api } = configuration;
  if (api === undefined) {
    return [];
  }
  const { sessions, limits } = api;
  const server = await openApiServer({
    routes: apiRoutes,
    authorities: [apiAuthority(instance, operations)],
    address: api.address,
    port: api.port,
    tls: (await ownCredentials(api)) ?? tls ?? noCredentials(),
    sessions: {
      idleMs: sessions.idleMinutes * MINUTE_MS,
      absoluteMs: sessions.absoluteMinutes * MINUTE_MS,
      perOperator: sessions.perOperator,
      total: sessions.total,
    },
    maxBodyBytes: limits.bodyBytes,
    maxConnections: limits.connections,
    failureKinds,
    version: programVersion,
    ...{ clock, random },
    log: log.with({ component: 'api' }),
  });
  closing.push(server, { name: 'API', close: (opened) => opened.close() });
  return [server.url];
}

async function ownCredentials({
  certificateFile,
  keyFile,
}: NonNullable<Instance['configuration']['api']>): Promise<TlsCredentials | undefined> {
  if (certificateFile === undefined || keyFile === undefined) {
    return undefined;
  }
  try {
    return {
      certificate: await readFile(certificateFile, 'utf8'),
      key: await readSecretFile(keyFile),
    };
  } catch (cause) {
    throw new LdapError('LDAP_TLS_CREDENTIALS', formatError(cause), { cause });
  }
}

function noCredentials(): never {
  throw new LdapError(
    'LDAP_TLS_CREDENTIALS',
    'api needs certificateFile and keyFile, or those of ldap, in certdir.yaml',
  );
}

/** A CA as the routes see it. */
export function apiAuthority(
  { policy, directory }: Pick<Instance, 'policy' | 'directory'>,
  operations: Operations,
): ApiAuthority {
  return {
    id: policy.id,
    title: policy.title,
    directory,
    people: peopleRules(policy),
    operatorDn: (name) => `cn=${escapeValue(name)},${policy.directory.operators}`,
    operations,
  };
}

/** Whoever has a role may do everything but what is the auditors'. */
function peopleRules({ id, audit }: Instance['policy']): PeopleRules {
  return {
    identify: ({ dn, operatorRoles = [] }, method) =>
      operatorRoles.length === 0
        ? undefined
        : {
            ca: id,
            name: dn.format(),
            dn: dn.format(),
            roles: operatorRoles,
            partitions: [],
            method,
          },
    mayDo: ({ roles }, permission) =>
      !permission.startsWith('audit.') || roles.some((role) => audit.auditorRoles.includes(role)),
  };
}

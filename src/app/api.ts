/**
 * The API of a server: its CAs as the routes see them, and the listener.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';

import { escapeValue } from '../ca/accounts/account-entries.ts';
import { People } from '../ca/policy/people.ts';
import { readSecretFile } from '../config/secret-file.ts';
import { decodeUtf8 } from '../core/bytes.ts';
import type { ClosingStack } from '../core/closing-stack.ts';
import { formatError } from '../core/errors.ts';
import { Dn } from '../directory/names/dn.ts';
import type { ApiAuthority } from '../http/api/api-authority.ts';
import { apiRoutes } from '../http/api/api-routes.ts';
import { openApiServer } from '../http/api/api-server.ts';
import type { PeopleRules } from '../http/api/operator-identity.ts';
import type { Operations } from '../http/operations.ts';
import { LdapError } from '../ldap/errors.ts';
import type { TlsCredentials } from '../ldap/tls-credentials.ts';
import type { CaInstance, Instance } from './ca-instance.ts';
import { failureKinds } from './failure-kinds.ts';
import { programVersion } from './instance.ts';
import type { InstanceOperations } from './instance-operations.ts';
import { StoredAnswers } from './kept-answers.ts';

const MINUTE_MS = 60_000;

/**
 * Starts the API where the configuration wants it.
 *
 * @param tls What LDAP shows.
 * @returns its URLs.
 */
export async function openApi(
  instance: Instance,
  operations: InstanceOperations,
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
    authorities: instance.cas.map((ca) => apiAuthority(ca, operations.of(ca))),
    address: api.address,
    port: api.port,
    tls: (await ownCredentials(api)) ?? tls ?? noCredentials(),
    sessions: {
      idleMs: sessions.idleMinutes * MINUTE_MS,
      absoluteMs: sessions.absoluteMinutes * MINUTE_MS,
      perOperator: sessions.perOperator,
      total: sessions.total,
    },
    operatorCalls: limits.operatorCallsPerMinute,
    addressCalls: limits.addressCallsPerMinute,
    keptAnswers: new StoredAnswers({
      ...{ store: instance.store, clock, random },
      keptHours: limits.keptAnswerHours,
      maxKept: limits.keptAnswers,
    }),
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
  { policy, directory }: Pick<CaInstance, 'policy' | 'directory'>,
  operations: Operations,
): ApiAuthority {
  return {
    id: policy.id,
    title: policy.title,
    directory,
    people: peopleRules(policy, directory),
    operatorDn: (name) => `cn=${escapeValue(name)},${policy.directory.operators}`,
    operations,
  };
}

function peopleRules(
  policy: CaInstance['policy'],
  directory: Pick<CaInstance['directory'], 'schema'>,
): PeopleRules {
  const people = new People(policy);
  const operators = Dn.parse(policy.directory.operators, directory.schema);
  return {
    identify: async ({ dn, entryUuid: id, operatorRoles: roles, certificate }) => {
      const isOurs = roles !== undefined && dn.parent()?.equals(operators) === true;
      const name = decodeUtf8(dn.rdn?.pairs[0]?.value ?? new Uint8Array(0));
      if (!isOurs || name === undefined) {
        return undefined;
      }
      const method = certificate === undefined ? 'password' : 'certificate';
      return { ca: policy.id, id, name, dn: dn.format(), roles, partitions: [], method };
    },
    mayDo: ({ ca, roles }, permission) =>
      ca === policy.id &&
      people.separated(roles) === undefined &&
      people.isAllowed(roles, permission),
    isBound: ({ roles }, permission) => people.isBound(roles, permission),
  };
}

/**
 * The API of a server: its CAs as the routes see them, and the listener.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';

import type { AccessFacts } from '../audit/access-event.ts';
import type { AccessJournal } from '../audit/access-journal.ts';
import { escapeValue } from '../ca/accounts/account-entries.ts';
import { identifyOperator } from '../ca/accounts/operator-identity.ts';
import { reading } from '../ca/ca-core.ts';
import { Duty } from '../ca/requests/duty.ts';
import { readSecretFile } from '../config/secret-file.ts';
import type { ClosingStack } from '../core/closing-stack.ts';
import { formatError } from '../core/errors.ts';
import { Dn } from '../directory/names/dn.ts';
import type { ApiAuthority, CertificateLook } from '../http/api/api-authority.ts';
import { apiRoutes } from '../http/api/api-routes.ts';
import { openApiServer } from '../http/api/api-server.ts';
import type { ApiStatistics } from '../http/api/call-counts.ts';
import type { PeopleRules } from '../http/api/people-rules.ts';
import type { Operations } from '../http/operations.ts';
import { LdapError } from '../ldap/errors.ts';
import type { TlsCredentials } from '../ldap/tls-credentials.ts';
import type { CaInstance, Instance } from './ca-instance.ts';
import { failureKinds } from './failure-kinds.ts';
import { programVersion } from './instance.ts';
import type { InstanceOperations } from './instance-operations.ts';
import { StoredAnswers } from './kept-answers.ts';

const MINUTE_MS = 60_000;

export interface OpenedApi {
  /** Its URLs. */
  readonly endpoints: readonly string[];
  /** Undefined where there is none. */
  readonly statistics: (() => ApiStatistics) | undefined;
}

/**
 * Starts the API where the configuration wants it.
 *
 * @param tls What LDAP shows.
 */
export async function openApi(
  instance: Instance,
  operations: InstanceOperations,
  { tls, closing }: { readonly tls: TlsCredentials | undefined; readonly closing: ClosingStack },
): Promise<OpenedApi> {
  const { configuration, clock, random, log } = instance;
  const { api } = configuration;
  if (api === undefined) {
    return { endpoints: [], statistics: undefined };
  }
  const { sessions, limits } = api;
  const server = await openApiServer({
    routes: apiRoutes,
    authorities: instance.cas.map((ca) =>
      apiAuthority(ca, operations.of(ca), instance.auditing.journal),
    ),
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
  // With a path, so that it is no other listener's address.
  return { endpoints: [`${server.url}/api`], statistics: () => server.statistics };
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
  ca: Pick<CaInstance, 'policy' | 'directory' | 'store' | 'audit' | 'authority'>,
  operations: Operations,
  journal: Pick<AccessJournal, 'prepare' | 'add'>,
): ApiAuthority {
  const { policy, directory, authority } = ca;
  return {
    id: policy.id,
    title: policy.title,
    directory,
    people: peopleRules(ca),
    operatorDn: (name) => `cn=${escapeValue(name)},${policy.directory.operators}`,
    nameKey: (dn) => Dn.parse(dn, directory.schema).key,
    operations,
    requests: authority.requests,
    subscribers: authority,
    est: {
      ...{ policy, requests: authority.requests },
      certificates: () =>
        reading(ca.store, (view) =>
          directory.managed.readValues(view, policy.names.issuer, 'cACertificate'),
        ),
      findCertificate: (serialNumber) => authority.findCertificate(serialNumber),
    },
    operators: authority.operators,
    recordRefusal: async ({ operationId, permission, code, origin }) => {
      await ca.store.transact('api: a call is refused', (transaction) =>
        ca.audit.append(transaction, {
          ...{ kind: 'api.call', result: 'refused', origin, subject: operationId },
          details: { ca: policy.id, permission, code },
        }),
      );
    },
    accesses: { looked: (look) => journal.add(journal.prepare(factsOf(look))) },
  };
}

function factsOf({
  operator,
  address,
  serialNumber,
  partition,
  ...look
}: CertificateLook): AccessFacts {
  return {
    ...{ method: 'api', verifier: operator, address, partition },
    ...{ subject: serialNumber, attribute: look.isWithheld ? 'status' : look.state },
    ...{ listNumber: '', outcome: look.isWithheld ? 'refused' : 'provided' },
    code: look.isWithheld ? 'withheld' : '',
  };
}

function peopleRules(parts: Pick<CaInstance, 'policy' | 'directory' | 'store'>): PeopleRules {
  const { policy, store, directory } = parts;
  const duty = new Duty({ policy, store, accounts: directory.accounts });
  const { people } = duty;
  return {
    identify: (principal) => identifyOperator(parts, principal),
    expect: async (identity, permission) => {
      await reading(store, (view) => duty.expect(view, identity, { permission }));
    },
    permissionsOf: ({ roles }) =>
      people.separated(roles) === undefined ? people.permissionsOf(roles) : [],
    reaches: ({ roles, partitions }, permission, partition) =>
      (partitions.length === 0 && !people.isBound(roles, permission)) ||
      partitions.some((one) => one === partition || one === '*'),
  };
}

/**
 * Operations carried out by the API of a server, as the operator of a session: what of them the API offers. The same
 * commands go to it with `--session` and to the data folder's socket without, where the machine's owner works.
 *
 * @module
 */

import type { ApiRoute } from '../http/api/api-route.ts';
import { apiRoutes } from '../http/api/api-routes.ts';
import type { AuditOperations } from '../http/audit-operations.ts';
import type { CeremonyOperations } from '../http/ceremony-operations.ts';
import type { CrossOperations } from '../http/cross-operations.ts';
import type { Operations } from '../http/operations.ts';
import type { OperatorOperations } from '../http/operator-operations.ts';
import type { VerifierOperations } from '../http/verifier-operations.ts';
import type { ApiConnection } from './api-connection.ts';
import { UsageError } from './usage-error.ts';

/** What goes with a call of an operation. */
export interface OperationInput {
  readonly params?: Readonly<Record<string, string>>;
  /** What is undefined is left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
}

/**
 * Carries out an operation by its name.
 *
 * @throws {UsageError} for a name that is none, or parameters of its path that are not there.
 */
export function invoke<T>(
  { call }: ApiConnection,
  operationId: string,
  { params = {}, query = {}, body }: OperationInput = {},
): Promise<T> {
  const route = apiRoutes.find((one) => one.operationId === operationId);
  if (route === undefined) {
    throw new UsageError(`there is no operation ${operationId}; see certdir api list`);
  }
  const path = filledPath(route, params);
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) {
      search.set(name, String(value));
    }
  }
  return call<T>({
    method: route.method,
    path: search.size === 0 ? path : `${path}?${search}`,
    ...(body === undefined ? {} : { body }),
  });
}

function filledPath(
  { path, operationId }: ApiRoute,
  params: Readonly<Record<string, string>>,
): string {
  return path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
    const value = params[name];
    if (value === undefined) {
      throw new UsageError(`${operationId} needs --set ${name}=…`);
    }
    return encodeURIComponent(value);
  });
}

/** Everything else is refused: it is for the owner of the machine. */
export function apiOperations(connection: ApiConnection): Operations {
  const run = <T>(operationId: string, input?: OperationInput): Promise<T> =>
    invoke<T>(connection, operationId, input);
  return offered<Operations>({
    audit: offered<AuditOperations>(auditOperations(run)),
    ceremonies: offered<CeremonyOperations>({
      list: async () => (await run<{ ceremonies: never[] }>('listCeremonies')).ceremonies,
      show: (params) => run('showCeremony', { params }),
    }),
    cross: offered<CrossOperations>(crossOperations(run)),
    operators: offered<OperatorOperations>(operatorOperations(run)),
    verifiers: offered<VerifierOperations>(verifierOperations(run)),
    operatorList: async () => {
      const { operators } = await run<{ operators: readonly object[] }>('listOperators');
      // When passwords end is told by the account itself alone.
      return operators.map((one) => ({ ...one, passwordEnds: null })) as never;
    },
    findCertificates: async (query) => {
      if ('serialNumber' in query) {
        return [await run('showCertificate', { params: { serialNumber: query.serialNumber } })];
      }
      const operationId =
        'publicKey' in query ? 'findCertificatesOfKey' : 'findCertificatesOfSubscriber';
      return (await run<{ certificates: never[] }>(operationId, { body: query })).certificates;
    },
    publish: async (body) =>
      (await run<{ published: never[] }>('publishLists', { body })).published,
  });
}

type Run = <T>(operationId: string, input?: OperationInput) => Promise<T>;

function auditOperations(run: Run): Partial<AuditOperations> {
  return {
    list: async (query) =>
      (await run<{ records: never[] }>('listRecords', { query: { ...query } })).records,
    prove: (params) => run('proveRecord', { params }),
    checkpoint: () => run('showCheckpoint'),
    provisions: (params) => run('reportProvisions', { params }),
  };
}

/** Issuing, accepting and ending are requests: `certdir request submit cross-issue …`. */
function crossOperations(run: Run): Partial<CrossOperations> {
  return {
    show: async ({ peer }) =>
      peer === null
        ? (await run<{ peers: never[] }>('listCrossPeers')).peers
        : [await run('showCrossPeer', { params: { peer } })],
    request: (params) => run('makeCrossRequest', { params: { ...params } }),
    examine: ({ peer, ...body }) => run('examineCrossRequest', { params: { peer }, body }),
    test: ({ peer }) => run('testCrossConnection', { params: { peer } }),
    receipt: ({ peer, ...body }) => run('takeCrossReceipt', { params: { peer }, body }),
  };
}

function operatorOperations(run: Run): Partial<OperatorOperations> {
  return {
    add: (body) => run('addOperator', { body }),
    disable: (params) => run('disableOperator', { params }),
    enable: (params) => run('enableOperator', { params }),
    enrol: ({ name, request }) => run('enrolOperator', { params: { name }, body: { request } }),
  };
}

function verifierOperations(run: Run): Partial<VerifierOperations> {
  return {
    add: (body) => run('addVerifier', { body }),
    list: async () => (await run<{ verifiers: never[] }>('listVerifiers')).verifiers,
    change: ({ name, ...body }) => run('changeVerifier', { params: { name }, body }),
    password: ({ name, ...body }) => run('setVerifierPassword', { params: { name }, body }),
    certificate: ({ name, ...body }) =>
      run('changeVerifierCertificate', { params: { name }, body }),
    disable: ({ name }) => run('disableVerifier', { params: { name } }),
    remove: ({ name }) => run('removeVerifier', { params: { name } }),
  };
}

/** The parts that are there; whatever else is asked for says that it is not offered. */
function offered<T extends object>(parts: Partial<T>): T {
  return new Proxy(parts, {
    get: (target, name) =>
      name in target || name === 'then' ? Reflect.get(target, name) : notOffered(String(name)),
  }) as T;
}

/** An operation, or a group of them. */
function notOffered(name: string): unknown {
  const refuse = (): never => {
    throw new UsageError(
      `"${name}" is not for operators over the API; the machine's owner does it without --session`,
    );
  };
  return new Proxy(refuse, { get: () => refuse, apply: refuse });
}

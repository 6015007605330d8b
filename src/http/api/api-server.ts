/**
 * The API: the routes of `api-routes.ts` over HTTPS, for every CA of the server below `/api/v1/<ca>`.
 *
 * In this order a call is looked at: does the path exist, who calls, may they, is what they ask well-formed (every
 * fault at once). Answers are JSON, failures problem details (`problem.ts`).
 *
 * Not here: what the operations do (families of routes), the control socket of the machine's administrator.
 *
 * @module
 */

import { createServer } from 'node:https';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';

import type { Clock } from '../../core/clock.ts';
import { formatError } from '../../core/errors.ts';
import type { FailureKind } from '../../core/failure-kind.ts';
import type { Log } from '../../core/log.ts';
import type { RandomSource } from '../../core/random.ts';
import { sourceOf } from '../../directory/access/address-range.ts';
import { HttpError, type HttpErrorCode } from '../errors.ts';
import { addEst } from '../est/est-routes.ts';
import { listenAt } from '../listening.ts';
import type { ApiAuthority } from './api-authority.ts';
import type { ApiRoute, ApiService } from './api-route.ts';
import { Authentication } from './authentication.ts';
import { CallBudget } from './call-budget.ts';
import { type ApiStatistics, CallCounts } from './call-counts.ts';
import { assertWithin, callRoute } from './call-handling.ts';
import { Idempotency, type KeptAnswers } from './idempotency.ts';
import { API_BASE, describeApi } from './openapi.ts';
import { type Problem, problemOf, TryLater } from './problem.ts';
import { type SessionLimits, Sessions } from './sessions.ts';

export interface ApiServerOptions {
  readonly routes: readonly ApiRoute[];
  readonly authorities: readonly ApiAuthority[];
  readonly address: string;
  readonly port: number;
  /** PEM. */
  readonly tls: { readonly certificate: string; readonly key: string };
  readonly sessions: SessionLimits;
  /** Calls in a minute. */
  readonly operatorCalls: number;
  readonly addressCalls: number;
  readonly keptAnswers: KeptAnswers;
  readonly maxBodyBytes: number;
  readonly maxConnections: number;
  /** The kinds of failures of all codes. */
  readonly failureKinds: ReadonlyMap<string, FailureKind>;
  /** Of the program. */
  readonly version: string;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Log;
}

export interface ApiServer {
  /** `https://address:port`, with the port that was really taken. */
  readonly url: string;
  readonly statistics: ApiStatistics;
  close(): Promise<void>;
}

/** What the handling of a call works with. */
export interface ApiParts extends ApiServerOptions {
  readonly authentication: Authentication;
  readonly service: ApiService;
  readonly idempotency: Idempotency;
  readonly budgets: { readonly operator: CallBudget; readonly address: CallBudget };
}

const REQUEST_TIMEOUT_MS = 30_000;
const HEADERS_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_MS = 60_000;

/**
 * Starts the API.
 *
 * @throws {HttpError} `HTTP_ADDRESS_IN_USE`, `HTTP_LISTEN_FAILED`.
 */
export async function openApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { authorities, routes, version } = options;
  const sessions = new Sessions({ ...options, limits: options.sessions });
  const authentication = new Authentication(sessions);
  const { clock, log, keptAnswers } = options;
  const parts: ApiParts = {
    ...options,
    authentication,
    service: serviceOf(sessions, options),
    idempotency: new Idempotency(keptAnswers, (error) =>
      log.error('an answer was not kept for retries', { error: formatError(error) }),
    ),
    budgets: {
      operator: new CallBudget(clock, options.operatorCalls),
      address: new CallBudget(clock, options.addressCalls),
    },
  };
  const server = makeServer(options);
  const counts = new CallCounts();
  server.addHook('onResponse', async (_request, reply) => counts.count(reply.statusCode));
  addSafeguards(server, parts);
  const description = JSON.stringify(describeApi(routes, version));
  server.get('/api/openapi.json', async (_request, reply) =>
    reply.type('application/json').send(description),
  );
  const byId = new Map(authorities.map((ca) => [ca.id, ca]));
  for (const route of routes) {
    server.route<{ Params: { ca: string } }>({
      method: route.method,
      url: frameworkPath(route.path),
      // The framework's own HEAD routes would need answers of their own in the description.
      exposeHeadRoute: false,
      handler: async (request, reply) => {
        const ca = byId.get(request.params.ca);
        if (ca === undefined) {
          throw notFound();
        }
        return await callRoute(parts, { route, ca, request, reply });
      },
    });
  }
  refuseOtherMethods(server, routes);
  await addEst(server, parts);
  const url = await listenAt(server, { ...options, setting: 'api' });
  // The framework does not know what its server speaks.
  return {
    url: url.replace(/^http:/, 'https:'),
    get statistics() {
      const { calls } = counts;
      return { calls, replayed: parts.idempotency.replayed, sessions: sessions.count };
    },
    close: () => server.close(),
  };
}

function makeServer({ tls, maxBodyBytes, maxConnections }: ApiServerOptions): FastifyInstance {
  return fastify({
    logger: false,
    bodyLimit: maxBodyBytes,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error, _request, reply) => {
      void sendProblem(reply, problemOf(fromFramework(error) ?? error, new Map()));
    },
    serverFactory: (handler) => {
      const server = createServer(
        {
          ...{ cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2', honorCipherOrder: true },
          // Whose it is, and whether that suffices, is for the directory to say.
          ...{ requestCert: true, rejectUnauthorized: false },
          // Without one, TLS cannot resume sessions that client certificates belong to.
          sessionIdContext: 'certdir api',
          requestTimeout: REQUEST_TIMEOUT_MS,
          headersTimeout: HEADERS_TIMEOUT_MS,
          keepAliveTimeout: KEEP_ALIVE_MS,
        },
        handler,
      );
      server.maxConnections = maxConnections;
      return server;
    },
  });
}

/** Nothing of the API is kept by caches, shown in frames or taken for something else. */
const safeguards = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
} as const;

function addSafeguards(server: FastifyInstance, { failureKinds, log, budgets }: ApiParts): void {
  server.addHook('onRequest', async (request, reply) => {
    reply.headers(safeguards);
    assertWithin(budgets.address.take(sourceOf(request.raw.socket.remoteAddress ?? '')));
  });
  server.setErrorHandler((error, request, reply) => {
    const known = fromFramework(error) ?? error;
    const problem = problemOf(known, failureKinds);
    if (problem.status >= 500) {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const { method } = request;
      const route = request.routeOptions.url ?? '';
      log.error('API call failed', { method, route, error: formatError(error), detail });
    }
    if (problem.status === 401) {
      reply.header('www-authenticate', 'Bearer realm="certdir"');
    }
    if (known instanceof TryLater) {
      reply.header('retry-after', String(known.afterSeconds));
    }
    void sendProblem(reply, problem);
  });
  server.setNotFoundHandler(() => {
    throw notFound();
  });
}

function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .status(problem.status)
    .headers(safeguards)
    .type('application/problem+json')
    .send(JSON.stringify(problem));
}

function notFound(): HttpError {
  return new HttpError('HTTP_NOT_FOUND', 'there is nothing at this path');
}

function frameworkPath(path: string): string {
  return `${API_BASE}/:ca${path.replaceAll(/\{(\w+)\}/g, ':$1')}`;
}

/** A path that is there, asked with a method that it does not know (RFC 9110 §15.5.6). */
function refuseOtherMethods(server: FastifyInstance, routes: readonly ApiRoute[]): void {
  const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'];
  for (const path of new Set(routes.map((route) => route.path))) {
    const known: string[] = routes.filter((route) => route.path === path).map((one) => one.method);
    server.route({
      method: methods.filter((method) => !known.includes(method)),
      url: frameworkPath(path),
      exposeHeadRoute: false,
      handler: async (_request, reply) => {
        reply.header('allow', known.join(', '));
        throw new HttpError('HTTP_METHOD', `this path knows ${known.join(', ')}`);
      },
    });
  }
}

const codeOfStatus: Readonly<Record<number, HttpErrorCode>> = {
  400: 'HTTP_BODY_MALFORMED',
  404: 'HTTP_NOT_FOUND',
  413: 'HTTP_BODY_TOO_LARGE',
  414: 'HTTP_NOT_FOUND',
  415: 'HTTP_MEDIA_TYPE',
};

/** The framework's own refusals, by their status. */
function fromFramework(error: unknown): HttpError | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || error instanceof HttpError) {
    return undefined;
  }
  const code = codeOfStatus[Number(error.statusCode)];
  return code && new HttpError(code, error.message, { cause: error });
}

function serviceOf(
  sessions: Sessions,
  { sessions: limits, clock, failureKinds }: ApiServerOptions,
): ApiService {
  return {
    openSession: (ca, principal) => ({
      token: sessions.open(ca, principal),
      expiresMs: clock.nowMs() + limits.absoluteMs,
      idleMs: limits.idleMs,
    }),
    problemOf: (error) => problemOf(error, failureKinds),
    closeSession: (token) => sessions.close(token),
    closeSessionsOf: (nameKey) => sessions.closeAllOf(nameKey),
  };
}

/** A call as it came. */
export interface IncomingCall {
  readonly route: ApiRoute;
  readonly ca: ApiAuthority;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

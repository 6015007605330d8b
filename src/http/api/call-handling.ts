/**
 * One call, from the request to the answer: who, whether they may, what they ask, and how it went.
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { formatHex } from '../../core/bytes.ts';
import { formatError, isCertdirError } from '../../core/errors.ts';
import { anonymous } from '../../directory/accounts/principal.ts';
import { HttpError } from '../errors.ts';
import type { OperatorCall } from './api-route.ts';
import type { ApiParts, IncomingCall } from './api-server.ts';
import { type Authenticated, connectionOf } from './authentication.ts';
import { checkParts } from './field-check.ts';
import { statusOf, TryLater } from './problem.ts';

/**
 * Carries out a call.
 *
 * @returns what is to be sent.
 * @throws whatever went wrong, for the server's error handler.
 */
export async function callRoute(parts: ApiParts, incoming: IncomingCall): Promise<unknown> {
  const { route, ca, request, reply } = incoming;
  const authenticated = await authenticate(parts, incoming);
  if (authenticated !== undefined) {
    await assertMay(parts, incoming, authenticated);
  }
  const checked = checkParts(route, {
    params: withoutCa(request.params),
    query: request.query,
    body: request.body,
  });
  const session = connectionOf(request.raw.socket);
  const call = {
    ...checked,
    ca,
    caller: authenticated?.caller ?? { principal: anonymous, session },
    identity: authenticated?.identity,
    origin: originOf(authenticated?.identity.dn ?? 'anonymous', session.address),
    sessionToken: authenticated?.sessionToken,
    service: parts.service,
  };
  // A route for operators is not called without one.
  const work = async (operationKey: string): Promise<unknown> => {
    const answer = await route.handle({ ...call, operationKey } as OperatorCall);
    // What is not described is not given out.
    return route.answer?.parse(answer);
  };
  const answer = await onceIfAsked(parts, incoming, { authenticated, work });
  const { status = 200 } = route;
  return route.answer === undefined
    ? reply.status(status === 200 ? 204 : status).send()
    : reply.status(status).send(answer);
}

const IDEMPOTENCY_HEADER = 'idempotency-key';

/** What changes something and has a key is done once; sessions are nobody's to give again. */
async function onceIfAsked(
  { idempotency, random }: ApiParts,
  { route, ca, request, reply }: IncomingCall,
  {
    authenticated,
    work,
  }: {
    readonly authenticated: Authenticated | undefined;
    readonly work: (operationKey: string) => Promise<unknown>;
  },
): Promise<unknown> {
  const key = request.headers[IDEMPOTENCY_HEADER];
  if (key === undefined || authenticated === undefined || route.method === 'GET') {
    return await work(formatHex(random.bytes(16)));
  }
  const { identity } = authenticated;
  const parts = [request.params, request.query, request.body ?? null];
  const asked = { route, ca: ca.id, account: identity.id, key: String(key), parts };
  const { answer, isReplayed } = await idempotency.once(asked, work);
  if (isReplayed) {
    reply.header('idempotency-replayed', 'true');
  }
  return answer;
}

async function authenticate(
  { authentication, budgets }: ApiParts,
  { route, ca, request }: IncomingCall,
): Promise<Authenticated | undefined> {
  if (route.access === 'public') {
    return undefined;
  }
  const { socket } = request.raw;
  const found = await authentication.identify(ca, {
    socket,
    authorization: request.headers.authorization,
  });
  if (found === undefined) {
    throw new HttpError(
      'HTTP_UNAUTHENTICATED',
      'this needs a session (openSession) or a client certificate',
    );
  }
  assertWithin(budgets.operator.take(`${ca.id} ${found.identity.id}`));
  return found;
}

/** @throws {CaError} `CA_NOT_PERMITTED`, `CA_SEPARATION`; on record then. */
async function assertMay(
  { log }: ApiParts,
  { route, ca }: IncomingCall,
  authenticated: Authenticated,
): Promise<void> {
  const { access, operationId } = route;
  if (typeof access !== 'object') {
    return;
  }
  const { identity, caller } = authenticated;
  const { permission } = access;
  try {
    await ca.people.expect(identity, permission);
  } catch (error) {
    if (isCertdirError(error) && statusOf(error.code, undefined) === 403) {
      const origin = originOf(identity.dn, caller.session.address);
      const refused = { operationId, permission, code: error.code, origin };
      await ca.recordRefusal(refused).catch((failure: unknown) => {
        log.error('a refused call is not on record', { operationId, error: formatError(failure) });
      });
    }
    throw error;
  }
}

function originOf(actor: string, address: string): AuditOrigin {
  return { channel: 'api', actor, address };
}

/** @throws {TryLater} `HTTP_TOO_MANY_REQUESTS`. */
export function assertWithin(waitSeconds: number): void {
  if (waitSeconds > 0) {
    throw new TryLater('HTTP_TOO_MANY_REQUESTS', 'too many calls; slow down', waitSeconds);
  }
}

function withoutCa(params: unknown): unknown {
  const { ca: _ca, ...rest } = params as Record<string, unknown>;
  return rest;
}

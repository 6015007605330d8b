/**
 * An operation of the API: everything that the router, the description (`openapi.ts`) and clients know of it, in one
 * object. Families of routes are files of their own (`certificate-routes.ts`, …), listed in `api-routes.ts`.
 *
 * @module
 */

import type { z } from 'zod';

import type { AuditOrigin } from '../../audit/audit-log.ts';
import type { OperatorIdentity } from '../../ca/accounts/operator-identity.ts';
import type { Permission } from '../../ca/policy/permissions.ts';
import type { EntryPrincipal } from '../../directory/accounts/principal.ts';
import type { Caller } from '../../directory/service.ts';
import type { ApiAuthority } from './api-authority.ts';
import type { Problem } from './problem.ts';

/**
 * Who may call: anyone; any operator who has authenticated, what it may do being decided by what it calls (the person
 * at a step of a request); or whoever the policy gives the permission.
 */
export type RouteAccess = 'public' | 'operator' | { readonly permission: Permission };

/** Shapes of what is asked. Objects are strict: an unknown field is a fault. */
export interface RouteShapes {
  /** Of the path, all texts. */
  readonly params?: z.ZodObject | undefined;
  /** Of the query, all texts; use `z.coerce` or `z.stringbool` for others. */
  readonly query?: z.ZodObject | undefined;
  /** JSON. */
  readonly body?: z.ZodType | undefined;
}

/** One call, checked. */
export interface ApiCall<P = unknown, Q = unknown, B = unknown> {
  readonly ca: ApiAuthority;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** As which the directory's own rules apply. */
  readonly caller: Caller;
  /** For audit records. */
  readonly origin: AuditOrigin;
  /** 32 hexadecimal digits: the same for every try of one request with an Idempotency-Key, otherwise new. */
  readonly operationKey: string;
  /** The session that the call came with, for its end. */
  readonly sessionToken: string | undefined;
  readonly service: ApiService;
}

/** What belongs to the interface itself and not to a CA. */
export interface ApiService {
  /** @throws {TryLater} `HTTP_TOO_MANY_SESSIONS`. */
  openSession(
    ca: string,
    principal: EntryPrincipal,
  ): { readonly token: string; readonly expiresMs: number; readonly idleMs: number };
  closeSession(token: string): void;
  /** What would be told of a failure. */
  problemOf(error: unknown): Problem;
  /** Ends every session of an account, e.g. when its password has changed. @param nameKey See `Dn.key`. */
  closeSessionsOf(nameKey: Uint8Array): void;
}

/** A call by somebody. */
export interface OperatorCall<P = unknown, Q = unknown, B = unknown> extends ApiCall<P, Q, B> {
  readonly identity: OperatorIdentity;
}

interface RouteFacts {
  /** Unique, camelCase: the name of the function in clients. */
  readonly operationId: string;
  /** The part of the interface that it belongs to, e.g. `certificates`. */
  readonly family: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/api/v1/<ca>`, with `{name}` for parameters. */
  readonly path: string;
  /** One line. */
  readonly summary: string;
  /** What one should know beyond that; CommonMark. */
  readonly description?: string;
  /** Of the answer when all went well; 200 when left out. */
  readonly status?: 200 | 201 | 202 | 204;
  /** Shape of the answer, which has nothing beside it: fields that are not described are left out. Without it there is no body. */
  readonly answer?: z.ZodType;
  /** What the description says of the body, where what is called finds its faults itself. */
  readonly describedBody?: z.ZodType;
  /** Codes of the errors that a client should be ready for, beside those of every operation. */
  readonly errors?: readonly string[];
  readonly examples?: { readonly body?: unknown; readonly answer?: unknown };
  /**
   * True: done again with the same `operationKey` it comes to the same, also after a crash in the middle. Otherwise a
   * request whose answer was lost in a crash is refused when it is sent again (`HTTP_OUTCOME_UNKNOWN`).
   */
  readonly isRepeatable?: boolean;
  /** True for answers with secrets: they are given once and never kept for a retry. */
  readonly isSecret?: boolean;
}

/** An operation with the shapes of its parts erased: what the router works with. */
export interface ApiRoute extends RouteFacts, RouteShapes {
  readonly access: RouteAccess;
  handle(call: ApiCall): Promise<unknown>;
}

type Params = z.ZodObject;
type Query = z.ZodObject;
type Body = z.ZodType;

interface Definition<P extends Params, Q extends Query, B extends Body, C> extends RouteFacts {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** @returns the answer, of the shape of `answer`. */
  handle(call: C): Promise<unknown>;
}

/** A route for operators. The handler's call has the types of the shapes. */
export function operatorRoute<P extends Params, Q extends Query, B extends Body>(
  definition: Definition<P, Q, B, OperatorCall<z.output<P>, z.output<Q>, z.output<B>>> & {
    readonly permission: Permission | 'operator';
  },
): ApiRoute {
  const { permission, ...rest } = definition;
  const access = permission === 'operator' ? permission : { permission };
  return { ...rest, access } as ApiRoute;
}

/** A route for anyone. */
export function publicRoute<P extends Params, Q extends Query, B extends Body>(
  definition: Definition<P, Q, B, ApiCall<z.output<P>, z.output<Q>, z.output<B>>>,
): ApiRoute {
  return { ...definition, access: 'public' } as ApiRoute;
}

/**
 * Errors of the web side.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export type HttpErrorCode =
  /** The address or socket is taken by another process. */
  | 'HTTP_ADDRESS_IN_USE'
  | 'HTTP_LISTEN_FAILED'
  /** The control socket's path is longer than the system allows. */
  | 'HTTP_SOCKET_PATH'
  /** A request to the control socket that its schema does not allow. */
  | 'HTTP_REQUEST_INVALID'
  /** A running server was to read files for an LDIF import. */
  | 'HTTP_FILES_REFUSED'
  /** No server answers on the control socket. */
  | 'HTTP_SERVER_UNREACHABLE'
  /** The server went away in the middle of an answer. */
  | 'HTTP_ANSWER_CUT'
  /** The primary does not have this standby's certificate among `replication.clients`. */
  | 'HTTP_CLIENT_REFUSED'
  /** The server of the journal has another certificate than the one that was named. */
  | 'HTTP_PEER_UNPROVEN'
  /** API: nobody is proven by what the request shows. */
  | 'HTTP_UNAUTHENTICATED'
  /** API: whoever is proven may not do that. */
  | 'HTTP_FORBIDDEN'
  /** API: there is nothing at this path. */
  | 'HTTP_NOT_FOUND'
  /** API: the path knows other methods. */
  | 'HTTP_METHOD'
  /** API: the request or its body cannot be read. */
  | 'HTTP_BODY_MALFORMED'
  | 'HTTP_BODY_TOO_LARGE'
  /** API: a body of another media type than application/json. */
  | 'HTTP_MEDIA_TYPE'
  /** API: fields are not as the description of the API wants them; each fault is in `errors`. */
  | 'HTTP_FIELDS_INVALID'
  /** API: more than the limits of an operator or an address. */
  | 'HTTP_TOO_MANY_REQUESTS'
  | 'HTTP_TOO_MANY_SESSIONS'
  /** API: the idempotency key belongs to another request. */
  | 'HTTP_KEY_REUSED'
  /** API: the first request with this idempotency key is not done yet. */
  | 'HTTP_KEY_IN_WORK'
  /** API: the first request with this idempotency key was cut off by a stop of the server. */
  | 'HTTP_OUTCOME_UNKNOWN'
  /** API: it was done; the answer held secrets, or was too long to be kept. */
  | 'HTTP_ANSWER_NOT_KEPT'
  /** The server met an error it has no code for; its log has the details. */
  | 'HTTP_INTERNAL';

export class HttpError extends CertdirError<HttpErrorCode> {}

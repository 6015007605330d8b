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
  /** The server met an error it has no code for; its log has the details. */
  | 'HTTP_INTERNAL';

export class HttpError extends CertdirError<HttpErrorCode> {}

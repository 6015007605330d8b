/**
 * Why a server does not listen, in words for whoever wrote the configuration.
 *
 * @module
 */

import { HttpError } from './errors.ts';

/** Where a server was to listen, and the section of certdir.yaml that says so. */
export interface ListeningPlace {
  readonly address: string;
  readonly port: number;
  /** `http`, `metrics`, `ocsp`, `replication`. */
  readonly setting: string;
}

/** @returns `HTTP_ADDRESS_IN_USE` or `HTTP_LISTEN_FAILED`, for the caller to throw. */
export function listeningError(
  cause: unknown,
  { address, port, setting }: ListeningPlace,
): HttpError {
  const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
  return isTaken
    ? new HttpError(
        'HTTP_ADDRESS_IN_USE',
        `port ${port} on ${address} is taken; stop the other program or change ${setting}.port in certdir.yaml`,
        { cause },
      )
    : new HttpError(
        'HTTP_LISTEN_FAILED',
        `cannot listen on ${address} port ${port}: set an address of this machine under ${setting}.address`,
        { cause },
      );
}

/**
 * Has one of the framework's servers listen.
 *
 * @returns Its URL.
 * @throws {HttpError} `HTTP_ADDRESS_IN_USE`, `HTTP_LISTEN_FAILED`.
 */
export async function listenAt(
  server: { listen(at: { readonly host: string; readonly port: number }): Promise<string> },
  place: ListeningPlace,
): Promise<string> {
  try {
    return await server.listen({ host: place.address, port: place.port });
  } catch (cause) {
    throw listeningError(cause, place);
  }
}

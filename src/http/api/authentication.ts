/**
 * Who makes a call: the account of the TLS client certificate (SHA-256 of it, as in LDAP's EXTERNAL bind), or the session
 * whose token the call carries. Either is read anew when an account has changed: a disabled operator's calls are refused
 * from that moment on.
 *
 * A certificate of this CA that was revoked, or is held, proves nobody.
 *
 * A token decides where there is one; a certificate beside it is not looked at.
 *
 * @module
 */

import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { OperatorIdentity } from '../../ca/accounts/operator-identity.ts';
import { equalBytes } from '../../core/bytes.ts';
import { isCertdirError } from '../../core/errors.ts';
import { CredentialsRefused } from '../../directory/accounts/credentials.ts';
import {
  anonymous,
  type EntryPrincipal,
  type Principal,
} from '../../directory/accounts/principal.ts';
import type { Caller, Session } from '../../directory/service.ts';
import { parseCertificate } from '../../x509/certificate.ts';
import { HttpError } from '../errors.ts';
import type { ApiAuthority } from './api-authority.ts';
import type { Sessions } from './sessions.ts';

/** Who calls, and as whom the directory's rules apply. */
export interface Authenticated {
  readonly identity: OperatorIdentity;
  readonly caller: Caller;
  readonly sessionToken: string | undefined;
}

/** What a request shows of its maker. */
export interface Shown {
  readonly socket: Socket;
  readonly authorization: string | undefined;
}

/** What the directory is told of the connection. */
export function connectionOf(socket: Socket): Session {
  const address = socket.remoteAddress ?? '';
  const clientCertificate =
    socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.raw : undefined;
  return {
    isProtected: true,
    address,
    channel: 'api',
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
  };
}

export class Authentication {
  readonly #sessions: Sessions;
  /** Of a connection's certificate, by CA; a refusal holds as long as the connection. */
  readonly #byCertificate = new WeakMap<Socket, Map<string, Promise<Principal>>>();

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  /**
   * @returns undefined where the request shows nothing at all.
   * @throws {HttpError} `HTTP_UNAUTHENTICATED` for a token or certificate that proves nobody.
   */
  async identify(ca: ApiAuthority, shown: Shown): Promise<Authenticated | undefined> {
    const session = connectionOf(shown.socket);
    if (shown.authorization !== undefined) {
      return await this.#byToken(ca, shown.authorization, session);
    }
    if (session.clientCertificate === undefined) {
      return undefined;
    }
    const principal = await this.#ofCertificate(ca, shown.socket, session);
    await assertStanding(ca, session.clientCertificate);
    return await this.#asOperator(ca, principal, session);
  }

  async #byToken(
    ca: ApiAuthority,
    authorization: string,
    session: Session,
  ): Promise<Authenticated> {
    const [, token] = /^Bearer +([\w-]{20,100})$/i.exec(authorization) ?? [];
    const open = token === undefined ? undefined : this.#sessions.use(token);
    if (token === undefined || open === undefined || open.ca !== ca.id) {
      throw unauthenticated('the session has ended, or there never was one; open a new one');
    }
    try {
      const found = await this.#asOperator(ca, open.principal, session);
      return { ...found, sessionToken: token };
    } catch (error) {
      this.#sessions.close(token);
      throw error;
    }
  }

  async #ofCertificate(ca: ApiAuthority, socket: Socket, session: Session): Promise<Principal> {
    const known = this.#byCertificate.get(socket) ?? new Map<string, Promise<Principal>>();
    this.#byCertificate.set(socket, known);
    const bound = known.get(ca.id) ?? ca.directory.bindCertificate(session);
    known.set(ca.id, bound);
    try {
      return await bound;
    } catch (error) {
      if (isCertdirError(error) && error.code === 'DIRECTORY_INVALID_CREDENTIALS') {
        throw unauthenticated('no account authenticates with this client certificate');
      }
      known.delete(ca.id);
      throw error;
    }
  }

  async #asOperator(
    ca: ApiAuthority,
    principal: Principal,
    session: Session,
  ): Promise<Authenticated> {
    const caller = await ca.directory.refreshed({ principal, session });
    const identity =
      caller.principal.kind === 'entry' ? await ca.people.identify(caller.principal) : undefined;
    if (identity === undefined) {
      throw unauthenticated('the account is no operator of this CA, or may no longer be used');
    }
    return { identity, caller, sessionToken: undefined };
  }
}

/** The directory knows no revocation: a certificate of this CA counts while it is good, which is asked at each call. */
async function assertStanding(ca: ApiAuthority, der: Uint8Array): Promise<void> {
  const { serialNumber } = parseCertificate(der);
  const found = await ca.est.findCertificate(serialNumber);
  if (found !== undefined && equalBytes(found.der, der) && found.state !== 'good') {
    throw unauthenticated('this client certificate is revoked, or held');
  }
}

/**
 * Proves an operator by its password, as a bind does: throttled, recorded, the same answer whatever was wrong.
 *
 * @param name The value of cn, or a distinguished name.
 * @throws {HttpError} `HTTP_UNAUTHENTICATED`. @throws {DirectoryError} `DIRECTORY_BUSY`.
 */
export async function proveByPassword(
  ca: ApiAuthority,
  { name, password }: { readonly name: string; readonly password: string },
  session: Session,
): Promise<{ readonly identity: OperatorIdentity; readonly principal: EntryPrincipal }> {
  const principal = await bound(ca, { dn: accountDn(ca, name), password, session });
  const identity = principal.kind === 'entry' ? await ca.people.identify(principal) : undefined;
  if (principal.kind !== 'entry' || identity === undefined) {
    throw unauthenticated(WRONG);
  }
  return { identity, principal };
}

/** The name of the account that somebody names: by a distinguished name, or its last part. */
export function accountDn(ca: ApiAuthority, name: string): string {
  return name.includes('=') ? name : ca.operatorDn(name);
}

/**
 * Changes the password of an operator who gives the old one, expired or not; throttled and recorded like a bind.
 *
 * @throws {HttpError} `HTTP_UNAUTHENTICATED`. @throws {DirectoryError} `DIRECTORY_CONSTRAINT`, `DIRECTORY_BUSY`.
 */
export async function changeOwnPassword(
  ca: ApiAuthority,
  change: { readonly name: string; readonly oldPassword: string; readonly newPassword: string },
  session: Session,
): Promise<void> {
  await refusingAlike(() =>
    ca.directory.changePassword(
      {
        dn: accountDn(ca, change.name),
        oldPassword: Buffer.from(change.oldPassword, 'utf8'),
        newPassword: Buffer.from(change.newPassword, 'utf8'),
      },
      { principal: anonymous, session },
    ),
  );
}

const WRONG = 'name or password is wrong, or the account may not be used';

async function bound(
  ca: ApiAuthority,
  { dn, password, session }: { dn: string; password: string; session: Session },
): Promise<Principal> {
  return await refusingAlike(async () =>
    // An empty password would be an anonymous bind, which proves nobody.
    password === ''
      ? anonymous
      : await ca.directory.bind(dn, Buffer.from(password, 'utf8'), session),
  );
}

/** Whatever is wrong with name, password or account comes to the same. */
async function refusingAlike<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CredentialsRefused && error.record?.['reason'] === 'expired') {
      throw unauthenticated('the password has expired; give it another one (changePassword)');
    }
    const isWrong =
      isCertdirError(error) &&
      ['DIRECTORY_INVALID_CREDENTIALS', 'DIRECTORY_DN_SYNTAX'].includes(error.code);
    throw isWrong ? unauthenticated(WRONG) : error;
  }
}

function unauthenticated(message: string): HttpError {
  return new HttpError('HTTP_UNAUTHENTICATED', message);
}

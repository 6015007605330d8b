/**
 * What of the CA's lists can be downloaded over HTTP, and by which name.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { escapeValue } from '../ca/accounts/account-entries.ts';
import type { Scope } from '../ca/policy/scope.ts';
import { isCertdirError } from '../core/errors.ts';
import type { DownloadableList, DownloadableLists } from '../http/list-download.ts';
import { type ListHandler, makeListHandler } from '../http/list-download.ts';
import { computeKeyIdentifier } from '../x509/key-identifier.ts';
import type { CaInstance } from './ca-instance.ts';

/** Where the entry of a list has its delta list. */
const DELTA = 'deltaRevocationList';

type HandlerParts = Pick<CaInstance, 'authority' | 'directory' | 'policy' | 'log'> & {
  /** Of all CAs; this one is alone when they are left out. */
  readonly policies?: readonly unknown[];
  readonly configuration: { readonly ldap: { readonly allowClearPasswords: boolean } };
};

/** Asks the handler of each CA; none may take a path of another (`policy-neighbours.ts`). */
export function listHandlers(cas: readonly CaInstance[]): ListHandler {
  const handlers = cas.map((ca) => listHandler(ca));
  return (request, response) => handlers.some((handler) => handler(request, response));
}

/** The handler for the listeners of an instance. */
export function listHandler(instance: HandlerParts): ListHandler {
  const { directory, policy, policies = [policy], configuration, log } = instance;
  return makeListHandler({
    directory,
    lists: downloadableLists(instance),
    accountDn: (user) =>
      user.includes('=')
        ? user
        : `cn=${escapeValue(user)},${policy.directory.verifiers ?? policy.directory.suffix}`,
    ...(policies.length > 1 ? { prefix: `/${policy.id}` } : {}),
    allowClearPasswords: configuration.ldap.allowClearPasswords,
    log: log.with({ component: 'http' }),
  });
}

function downloadableLists({ authority, policy }: HandlerParts): DownloadableLists {
  const scopeOf = (scopeId: string): Scope | undefined => {
    try {
      return authority.scopes.find(scopeId);
    } catch (error) {
      if (isCertdirError(error) && error.code === 'CA_SCOPE_UNKNOWN') {
        return undefined;
      }
      throw error;
    }
  };
  const find = (scopeId: string): DownloadableList | undefined => {
    const scope = scopeOf(scopeId);
    return scope && downloadable(scope);
  };
  return {
    find,
    findDelta: (scopeId) => {
      const list = find(scopeId);
      return list && { ...list, attribute: DELTA };
    },
    findByPath: (path) => {
      const scope = authority.scopes.list.find(({ httpPaths }) => httpPaths.includes(path));
      return scope && downloadable(scope);
    },
    whole: () => {
      const lists = authority.scopes.list.filter(({ onlyContains }) => onlyContains === 'user');
      const [only] = lists.length === 1 ? lists : lists.filter(({ isFull }) => isFull).slice(-1);
      return only && downloadable(only);
    },
    newest: async ({ scopeId, attribute }) =>
      attribute === DELTA
        ? await authority.deltas.onShow(scopeId)
        : (await authority.listArchivedSince(scopeId, Number.POSITIVE_INFINITY)).at(-1),
    issuerHash: sha1(authority.certificate.subject.der),
    keyHashes: () => [sha1(computeKeyIdentifier(authority.certificate.spki))],
    caDn: policy.names.issuer,
  };
}

function downloadable({ id, dn, attribute }: Scope): DownloadableList {
  return { scopeId: id, dn, attribute };
}

/** RFC 4387 knows no other. */
function sha1(bytes: Uint8Array): Uint8Array {
  return createHash('sha1').update(bytes).digest();
}

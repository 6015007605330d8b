/**
 * Who else could authenticate as an operator: by whom each credential of the account was set, where that was another
 * operator. Kept in `certdirCredentialSetBy`, which is written with every change of userPassword and
 * certdirCertificateSha256, by whatever road it comes, and by nothing else.
 *
 * - `password#entryUUID` until the owner changes the password, or another road sets it;
 * - `SHA-256#entryUUID` of a certificate, which the owner does not shed: it stays, whatever the owner writes, until
 *   somebody else takes the certificate away.
 *
 * What the machine's administrator sets is nobody's. Only operators' entries have it.
 *
 * Not here: what follows from it (the CA's requests).
 *
 * @module
 */

import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import type { DirectoryTypes } from '../directory-types.ts';
import type { Entry } from '../entries/entry.ts';
import type { AttributeType } from '../schema/schema-model.ts';
import type { Principal } from './principal.ts';

const PASSWORD = 'password';

export interface CredentialChange {
  /** Undefined for a new entry. */
  readonly before: Entry | undefined;
  /** With its entryUUID. */
  readonly after: Entry;
  readonly principal: Principal;
}

/** The entry as it is after the change, with who set what up to date. */
export function stampCredentialSetters(
  { before, after, principal }: CredentialChange,
  types: DirectoryTypes,
): Entry {
  if (after.attribute(types.operatorRole) === undefined) {
    return after;
  }
  // Whoever makes an account an operator's answers for the credentials that it has already.
  const isNew = before?.attribute(types.operatorRole) === undefined;
  const was = isNew ? new Map<string, string>() : credentialsOf(before, types);
  const now = credentialsOf(after, types);
  const actor = actorUuid(principal);
  const isOwner = actor !== undefined && textsOf(after, types.entryUuid).includes(actor);
  const isSame = (credential: string): boolean =>
    now.has(credential) && now.get(credential) === was.get(credential);
  const records = before === undefined ? [] : textsOf(before, types.credentialSetBy);
  const kept = records.filter((record) => {
    const credential = credentialOf(record);
    return isSame(credential) || (isOwner && credential !== PASSWORD);
  });
  const set = actor === undefined || isOwner ? [] : [...now.keys()].filter((one) => !isSame(one));
  const next = [...kept, ...set.map((one) => `${one}#${actor}`)];
  return after.withBundle({
    ...{ type: types.credentialSetBy, options: [] },
    values: [...new Set(next)].map(encodeUtf8),
  });
}

/** entryUUIDs of the operators who set a credential, of values of `certdirCredentialSetBy`. */
export function credentialSetters(records: readonly string[]): readonly string[] {
  return [...new Set(records.map((record) => record.slice(record.indexOf('#') + 1)))];
}

function credentialOf(record: string): string {
  return record.slice(0, record.indexOf('#'));
}

/** What an entry can authenticate with, by what its record is called. */
function credentialsOf(entry: Entry, types: DirectoryTypes): ReadonlyMap<string, string> {
  const passwords = textsOf(entry, types.userPassword);
  const certificates = textsOf(entry, types.certificateSha256).map((text) => text.toLowerCase());
  return new Map([
    ...(passwords.length === 0 ? [] : [[PASSWORD, passwords.join('\n')] as const]),
    ...certificates.map((sha256) => [sha256, sha256] as const),
  ]);
}

/** entryUUID of the operator who acts, directly or through the program. */
function actorUuid(principal: Principal): string | undefined {
  switch (principal.kind) {
    case 'entry':
      return principal.entryUuid;
    case 'system':
      return principal.operatorUuid;
    case 'anonymous':
      return undefined;
  }
}

function textsOf(entry: Entry, type: AttributeType): readonly string[] {
  return entry.values(type).map((value) => decodeUtf8(value) ?? '');
}

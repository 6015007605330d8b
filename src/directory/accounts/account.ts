/**
 * Accounts: entries that someone binds as, read into what the access rules ask of a principal.
 * certdirVerifier and certdirOperator are auxiliary classes (schema/certdir.ldif); an entry may be
 * both, or only have a userPassword.
 *
 * @module
 */

import { decodeUtf8 } from '../../core/bytes.ts';
import type { DirectoryTypes } from '../directory-types.ts';
import type { Entry } from '../entries/entry.ts';
import type { Dn } from '../names/dn.ts';
import { parseGeneralizedTime } from '../schema/generalized-time.ts';
import type { AttributeType } from '../schema/schema-model.ts';
import type { EntryPrincipal, VerifierGrant } from './principal.ts';

/** True when the entry decides what someone may do: a change of it changes principals. */
export function isAccount(entry: Entry, types: DirectoryTypes): boolean {
  const { userPassword, certificateSha256, verifierKind, operatorRole } = types;
  return [userPassword, certificateSha256, verifierKind, operatorRole].some((type) =>
    entry.attributes.some((attribute) => attribute.type === type),
  );
}

/** True unless the account is disabled, or is a verifier's outside the dates of its agreement. */
export function isUsable(entry: Entry, types: DirectoryTypes, nowMs: number): boolean {
  const grant = readVerifier(entry, types);
  return !isDisabled(entry, types) && (grant === undefined || isInForce(grant, nowMs));
}

/** What is neither true nor false closes the account. */
export function isDisabled(entry: Entry, types: DirectoryTypes): boolean {
  return textsOf(entry, types.accountDisabled).some((text) => text !== 'FALSE');
}

/** An agreement has a first and a last day: without both there is none. */
export function isInForce({ notBeforeMs, notAfterMs }: VerifierGrant, nowMs: number): boolean {
  return (
    notBeforeMs !== undefined &&
    notAfterMs !== undefined &&
    nowMs >= notBeforeMs &&
    nowMs <= notAfterMs
  );
}

/** What the entry makes of whoever has proved to be it. */
export function readPrincipal(entry: Entry, dn: Dn, types: DirectoryTypes): EntryPrincipal {
  const verifier = readVerifier(entry, types);
  const operatorRoles = textsOf(entry, types.operatorRole);
  return {
    kind: 'entry',
    dn,
    entryUuid: textsOf(entry, types.entryUuid)[0] ?? '',
    ...(verifier === undefined ? {} : { verifier }),
    ...(operatorRoles.length === 0 ? {} : { operatorRoles }),
  };
}

function readVerifier(entry: Entry, types: DirectoryTypes): VerifierGrant | undefined {
  const [kind] = textsOf(entry, types.verifierKind);
  if (kind === undefined) {
    return undefined;
  }
  const [agreementNumber] = textsOf(entry, types.agreementNumber);
  const notBeforeMs = timeOf(entry, types.agreementNotBefore);
  const notAfterMs = timeOf(entry, types.agreementNotAfter);
  return {
    kind,
    partitions: new Set(textsOf(entry, types.grantedPartition)),
    ...(agreementNumber === undefined ? {} : { agreementNumber }),
    ...(notBeforeMs === undefined ? {} : { notBeforeMs }),
    ...(notAfterMs === undefined ? {} : { notAfterMs }),
  };
}

function textsOf(entry: Entry, type: AttributeType): readonly string[] {
  return entry.values(type).map((value) => decodeUtf8(value) ?? '');
}

/** A time that cannot be read closes the account rather than opening it. */
function timeOf(entry: Entry, type: AttributeType): number | undefined {
  const [text] = textsOf(entry, type);
  return text === undefined ? undefined : (parseGeneralizedTime(text)?.atMs ?? Number.NaN);
}

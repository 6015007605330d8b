/**
 * Whom an access rule is for, with its names resolved: what can be said of a caller without an entry
 * (kind, name, group, role, agreement, TLS, address) and what it takes an entry for (`self`, granted
 * partitions). The answer is why it is not for this caller, for explanations.
 *
 * @module
 */

import { decodeUtf8, equalBytes } from '../../core/bytes.ts';
import { isInForce } from '../accounts/account.ts';
import { memberKey } from '../accounts/group-members.ts';
import type { EntryPrincipal } from '../accounts/principal.ts';
import type { Entry } from '../entries/entry.ts';
import { DirectoryError } from '../errors.ts';
import type { AttributeType } from '../schema/schema-model.ts';
import type { AccessRule, AccessSubject, TlsLevel } from './access-rule.ts';
import { AddressRange, type PeerAddress } from './address-range.ts';
import { type RuleContext, type RuleRealm, ruleError } from './rule-items.ts';
import { parseRuleDn } from './rule-target.ts';

/** A caller as far as a rule looks at it. */
export interface CallerFacts {
  /** Undefined for anonymous. */
  readonly principal: EntryPrincipal | undefined;
  readonly isProtected: boolean;
  readonly address: PeerAddress;
  readonly nowMs: number;
}

/** Why a rule is not for a caller, whatever the entry. */
export type CallerMismatch =
  | 'clear'
  | 'noClientCertificate'
  | 'address'
  | 'bound'
  | 'notBound'
  | 'otherName'
  | 'notMember'
  | 'notVerifier'
  | 'noAgreement'
  | 'agreementNotBegun'
  | 'agreementEnded'
  | 'otherVerifierKind'
  | 'notOperator'
  | 'otherRealm'
  | 'otherRole';

/** Why a rule is not for a caller when it comes to one entry. */
export type CallerEntryMismatch = 'notSelf' | 'partitionNotGranted';

export class RuleSubject {
  readonly #who: AccessSubject;
  /** The key of the name, the group's as `memberKey` has it. */
  readonly #whoKey: Uint8Array | undefined;
  readonly #tls: TlsLevel | undefined;
  readonly #addresses: readonly AddressRange[] | undefined;
  readonly #partitionCode: AttributeType | undefined;
  readonly #realm: RuleRealm | undefined;
  /** The key of the group that it asks for membership in. */
  readonly groupKey: string | undefined;

  constructor(rule: Pick<AccessRule, 'who' | 'tls' | 'address'>, context: RuleContext) {
    const { who } = rule;
    this.#who = who;
    this.#whoKey =
      who.kind === 'dn' || who.kind === 'group' ? parseRuleDn(who.dn, context) : undefined;
    this.groupKey =
      who.kind === 'group' && this.#whoKey !== undefined ? memberKey(this.#whoKey) : undefined;
    this.#realm = context.realm;
    this.#tls = rule.tls;
    this.#addresses = rule.address?.map((text) => parseRange(text, context));
    this.#partitionCode = context.schema.attributeType('certdirPartitionCode');
  }

  /** What is asked of the caller beyond `mismatch`, when an entry is at hand. */
  get comparesCallerWithEntry(): 'name' | 'partitions' | undefined {
    if (this.#who.kind === 'self') {
      return 'name';
    }
    return this.#who.kind === 'verifier' && this.#who.partitionGranted ? 'partitions' : undefined;
  }

  /** Undefined when it is for this caller. Who it is comes before how it has come. */
  mismatch(caller: CallerFacts): CallerMismatch | undefined {
    return this.#principalMismatch(caller) ?? this.#sessionMismatch(caller);
  }

  /** For a caller without `mismatch`. */
  mismatchOn(entry: Entry, principal: EntryPrincipal | undefined): CallerEntryMismatch | undefined {
    const who = this.#who;
    if (who.kind === 'self') {
      return principal !== undefined && equalBytes(principal.dn.key, entry.key)
        ? undefined
        : 'notSelf';
    }
    return who.kind === 'verifier' && who.partitionGranted && !this.#isGranted(entry, principal)
      ? 'partitionNotGranted'
      : undefined;
  }

  #sessionMismatch(caller: CallerFacts): CallerMismatch | undefined {
    if (this.#tls !== undefined && !caller.isProtected) {
      return 'clear';
    }
    if (this.#tls === 'client' && caller.principal?.certificate === undefined) {
      return 'noClientCertificate';
    }
    return this.#addresses?.some((range) => range.has(caller.address)) === false
      ? 'address'
      : undefined;
  }

  #principalMismatch(caller: CallerFacts): CallerMismatch | undefined {
    const { principal } = caller;
    const who = this.#who;
    if (principal === undefined) {
      return who.kind === 'anyone' || who.kind === 'anonymous' ? undefined : 'notBound';
    }
    switch (who.kind) {
      case 'anonymous':
        return 'bound';
      case 'anyone':
        return undefined;
      case 'authenticated':
      case 'self':
        return this.#realmMismatch(principal);
      case 'dn':
        return this.#whoKey !== undefined && equalBytes(principal.dn.key, this.#whoKey)
          ? undefined
          : 'otherName';
      case 'group':
        return this.groupKey !== undefined && principal.groups?.has(this.groupKey) === true
          ? undefined
          : 'notMember';
      case 'verifier':
        return this.#realmMismatch(principal) ?? verifierMismatch(who, principal, caller.nowMs);
      case 'operator':
        return this.#realmMismatch(principal) ?? operatorMismatch(who, principal);
    }
  }

  /** Roles and agreements are those that this CA has given. */
  #realmMismatch({ dn }: EntryPrincipal): 'otherRealm' | undefined {
    return this.#realm?.has(dn.key) === false ? 'otherRealm' : undefined;
  }

  #isGranted(entry: Entry, principal: EntryPrincipal | undefined): boolean {
    const granted = principal?.verifier?.partitions;
    if (granted === undefined || this.#partitionCode === undefined) {
      return false;
    }
    const codes = entry.values(this.#partitionCode).map(decodeUtf8);
    return codes.some((code) => code !== undefined && (granted.has('*') || granted.has(code)));
  }
}

function verifierMismatch(
  who: AccessSubject & { readonly kind: 'verifier' },
  principal: EntryPrincipal,
  nowMs: number,
): CallerMismatch | undefined {
  const grant = principal.verifier;
  if (grant === undefined) {
    return 'notVerifier';
  }
  if (!isInForce(grant, nowMs)) {
    const { notBeforeMs = Number.NaN, notAfterMs = Number.NaN } = grant;
    if (Number.isNaN(notBeforeMs) || Number.isNaN(notAfterMs)) {
      return 'noAgreement';
    }
    return nowMs > notAfterMs ? 'agreementEnded' : 'agreementNotBegun';
  }
  return who.kinds === undefined || who.kinds.includes(grant.kind)
    ? undefined
    : 'otherVerifierKind';
}

function operatorMismatch(
  who: AccessSubject & { readonly kind: 'operator' },
  { operatorRoles }: EntryPrincipal,
): CallerMismatch | undefined {
  if (operatorRoles === undefined) {
    return 'notOperator';
  }
  return who.roles === undefined || who.roles.some((role) => operatorRoles.includes(role))
    ? undefined
    : 'otherRole';
}

function parseRange(text: string, context: RuleContext): AddressRange {
  try {
    return AddressRange.parse(text);
  } catch (cause) {
    throw ruleError(
      cause instanceof DirectoryError ? cause.message : String(cause),
      context,
      cause,
    );
  }
}

/**
 * Who a request is made for. A principal is made by a successful bind (`credentials.ts`) or by
 * trusted code of this process; what it may do is decided by `access.ts`.
 *
 * @module
 */

import { encodeUtf8 } from '../../core/bytes.ts';
import { createRdn, type Dn } from '../names/dn.ts';
import type { SchemaLookup } from '../schema/schema-model.ts';

/**
 * What makes an entry a verifier: kind, agreement and the partitions it was granted. Texts are compared
 * exactly, in their case as well: a doubtful grant grants nothing.
 */
export interface VerifierGrant {
  /** The value of certdirVerifierKind. */
  readonly kind: string;
  readonly agreementNumber?: string;
  /** First instant at which the agreement holds; it never does when undefined. */
  readonly notBeforeMs?: number;
  /** Last instant at which the agreement holds; it never does when undefined. */
  readonly notAfterMs?: number;
  /** Partition codes; `*` grants every partition. */
  readonly partitions: ReadonlySet<string>;
}

/** The key of a group's name. */
export type GroupKey = string;

/** A certificate that someone authenticated with. */
export interface CertificateCredential {
  /** Of its DER, lower-case hexadecimal. */
  readonly sha256: string;
  readonly notBeforeMs: number;
  /** The last instant of its validity. */
  readonly notAfterMs: number;
}

/** Someone with an entry of their own. */
export interface EntryPrincipal {
  readonly kind: 'entry';
  readonly dn: Dn;
  readonly entryUuid: string;
  readonly verifier?: VerifierGrant;
  /** The values of certdirOperatorRole. */
  readonly operatorRoles?: readonly string[];
  /** Of the groups that access rules name, those it is a member of, by key (`group-members.ts`). */
  readonly groups?: ReadonlySet<GroupKey>;
  /** Present when it was a certificate that proved who this is: the rights end with it. */
  readonly certificate?: CertificateCredential;
}

/** This program itself, or a person with the rights of the data directory's owner. Bound by no rule. */
export interface SystemPrincipal {
  readonly kind: 'system';
  /** For records, e.g. `ca` or `root@socket`. */
  readonly name: string;
  /** entryUUID of the operator for whom the program does it; nobody's when undefined. */
  readonly operatorUuid?: string;
}

export type Principal = { readonly kind: 'anonymous' } | EntryPrincipal | SystemPrincipal;

/** Nobody: every connection before a bind and after a failed one. */
export const anonymous: Principal = { kind: 'anonymous' };

/** The authorisation identity of RFC 4532 (`dn:…`, empty for anonymous, `u:…` for the system). */
export function authorizationIdentity(principal: Principal): string {
  switch (principal.kind) {
    case 'anonymous':
      return '';
    case 'entry':
      return `dn:${principal.dn.text}`;
    case 'system':
      return `u:${principal.name}`;
  }
}

/** The principal's name for audit records. */
export function actorOf(principal: Principal): string {
  switch (principal.kind) {
    case 'anonymous':
      return 'anonymous';
    case 'entry':
      return principal.dn.format();
    case 'system':
      return principal.name;
  }
}

/** A principal as creatorsName and modifiersName show it: a distinguished name, empty for anonymous. */
export function actorName(principal: Principal, schema: SchemaLookup): string {
  const cn = schema.attributeType('cn');
  if (principal.kind === 'system' && cn !== undefined) {
    return createRdn([{ type: cn, value: encodeUtf8(principal.name) }], schema).text;
  }
  return principal.kind === 'entry' ? principal.dn.format() : '';
}

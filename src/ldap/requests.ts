/**
 * The requests of RFC 4511 as values. What the directory takes as it is has the directory's own
 * shape; the rest is here.
 *
 * Not here: reading them from bytes (request-decoder.ts).
 *
 * @module
 */

import { applicationTag } from '../asn1/tags.ts';
import type {
  AddRequest,
  CompareRequest,
  DeleteRequest,
  ModifyRequest,
  RenameRequest,
  SearchRequest,
} from '../directory/service.ts';

/** `protocolOp` tags of requests (RFC 4511 §4.2 to §4.12). */
export const RequestTag = {
  bind: applicationTag(0, 'constructed'),
  unbind: applicationTag(2, 'primitive'),
  search: applicationTag(3, 'constructed'),
  modify: applicationTag(6, 'constructed'),
  add: applicationTag(8, 'constructed'),
  delete: applicationTag(10, 'primitive'),
  modifyDn: applicationTag(12, 'constructed'),
  compare: applicationTag(14, 'constructed'),
  abandon: applicationTag(16, 'primitive'),
  extended: applicationTag(23, 'constructed'),
} as const;

/** `protocolOp` tags of responses. */
export const ResponseTag = {
  bind: applicationTag(1, 'constructed'),
  searchEntry: applicationTag(4, 'constructed'),
  searchDone: applicationTag(5, 'constructed'),
  modify: applicationTag(7, 'constructed'),
  add: applicationTag(9, 'constructed'),
  delete: applicationTag(11, 'constructed'),
  modifyDn: applicationTag(13, 'constructed'),
  compare: applicationTag(15, 'constructed'),
  extended: applicationTag(24, 'constructed'),
} as const;

/** RFC 4511 §4.2. A choice of authentication that is not known has only its tag. */
export type BindAuthentication =
  | { readonly kind: 'simple'; readonly password: Uint8Array }
  | { readonly kind: 'sasl'; readonly mechanism: string; readonly credentials?: Uint8Array }
  | { readonly kind: 'unknown' };

export interface BindRequest {
  readonly version: number;
  readonly name: string;
  readonly authentication: BindAuthentication;
}

/** RFC 4511 §4.12. */
export interface ExtendedRequest {
  readonly name: string;
  readonly value?: Uint8Array;
}

export type LdapRequest =
  | { readonly kind: 'bind'; readonly bind: BindRequest }
  | { readonly kind: 'unbind' }
  | { readonly kind: 'search'; readonly search: SearchRequest }
  | { readonly kind: 'modify'; readonly modify: ModifyRequest }
  | { readonly kind: 'add'; readonly add: AddRequest }
  | { readonly kind: 'delete'; readonly delete: DeleteRequest }
  | { readonly kind: 'modifyDn'; readonly rename: RenameRequest }
  | { readonly kind: 'compare'; readonly compare: CompareRequest }
  | { readonly kind: 'abandon'; readonly messageId: number }
  | { readonly kind: 'extended'; readonly extended: ExtendedRequest };

export type RequestKind = LdapRequest['kind'];

/** What changes the connection itself; everything else is an operation beside others. */
type ConnectionRequest = Extract<LdapRequest, { readonly kind: 'bind' | 'unbind' | 'abandon' }>;

export type OperationRequest = Exclude<LdapRequest, ConnectionRequest>;

/** RFC 4511 §4.1.11. */
export interface Control {
  readonly type: string;
  readonly isCritical: boolean;
  readonly value?: Uint8Array;
}

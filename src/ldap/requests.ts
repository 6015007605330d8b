/**
 * The requests of RFC 4511 as values. What the directory takes as it is has the directory's own
 * shape; the rest is here.
 *
 * Not here: reading them from bytes (request-decoder.ts).
 *
 * @module
 */

import type {
  AddRequest,
  CompareRequest,
  DeleteRequest,
  ModifyRequest,
  RenameRequest,
  SearchRequest,
} from '../directory/service.ts';

/** `protocolOp` tags of requests (RFC 4511 §4.2 to §4.12), `[APPLICATION n]`. */
export const RequestTag = {
  bind: 0x60,
  unbind: 0x42,
  search: 0x63,
  modify: 0x66,
  add: 0x68,
  delete: 0x4a,
  modifyDn: 0x6c,
  compare: 0x6e,
  abandon: 0x50,
  extended: 0x77,
} as const;

/** `protocolOp` tags of responses. */
export const ResponseTag = {
  bind: 0x61,
  searchEntry: 0x64,
  searchDone: 0x65,
  searchReference: 0x73,
  modify: 0x67,
  add: 0x69,
  delete: 0x6b,
  modifyDn: 0x6d,
  compare: 0x6f,
  extended: 0x78,
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

/** What changes an entry. */
export const changeKinds: ReadonlySet<RequestKind> = new Set([
  'modify',
  'add',
  'delete',
  'modifyDn',
] as const);

/** RFC 4511 §4.1.11. */
export interface Control {
  readonly type: string;
  readonly isCritical: boolean;
  readonly value?: Uint8Array;
}

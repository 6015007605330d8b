/**
 * Reads LDAPMessages of clients (RFC 4511 §4) from whole BER elements as framing.ts cuts them.
 *
 * Byte arrays in the result are views of the message. Every list is counted against a limit while
 * it is read, and nothing here calls itself. Components that a later extension may have put behind
 * the known ones of a SEQUENCE are passed over (RFC 4511 §4).
 *
 * Two kinds of failure: `LDAP_MALFORMED` means that the bytes are no message, and the connection has
 * to end (RFC 4511 §4.1.1); everything else is the answer to this one request.
 *
 * @module
 */

import { BerReader } from '../asn1/ber-reader.ts';
import { BerError } from '../asn1/errors.ts';
import { isOid } from '../asn1/oid.ts';
import { contextTag, Tag } from '../asn1/tags.ts';
import type { AttributeValues, Modification, SearchScope } from '../directory/service.ts';
import { LdapError } from './errors.ts';
import { decodeFilter } from './filter-decoder.ts';
import type { LdapLimits } from './limits.ts';
import {
  type BindAuthentication,
  type Control,
  type LdapRequest,
  type RequestKind,
  RequestTag,
} from './requests.ts';
import { decodeSelection } from './selection-decoder.ts';
import { passTrailing } from './trailing-components.ts';

/** What of a message is known before its operation is read. */
export interface Envelope {
  /** 1 to 2^31 - 1. */
  readonly messageId: number;
  readonly kind: RequestKind;
  /** Stands at `protocolOp`. */
  readonly reader: BerReader;
  /** The whole message, in which `reader` reads. */
  readonly bytes: Uint8Array;
}

export interface DecodedRequest {
  readonly request: LdapRequest;
  readonly controls: readonly Control[];
}

const CONTROLS_TAG = contextTag(0, 'constructed');
const SIMPLE_TAG = contextTag(0, 'primitive');
const SASL_TAG = contextTag(3, 'constructed');
const NEW_SUPERIOR_TAG = contextTag(0, 'primitive');
const REQUEST_NAME_TAG = contextTag(0, 'primitive');
const REQUEST_VALUE_TAG = contextTag(1, 'primitive');

const CONTEXT_CLASS = 0x80;
const CLASS_MASK = 0xc0;

const kindOfTag: ReadonlyMap<number | undefined, RequestKind> = new Map([
  [RequestTag.bind, 'bind'],
  [RequestTag.unbind, 'unbind'],
  [RequestTag.search, 'search'],
  [RequestTag.modify, 'modify'],
  [RequestTag.add, 'add'],
  [RequestTag.delete, 'delete'],
  [RequestTag.modifyDn, 'modifyDn'],
  [RequestTag.compare, 'compare'],
  [RequestTag.abandon, 'abandon'],
  [RequestTag.extended, 'extended'],
]);

/**
 * Reads the message's identity: without it no answer can be given.
 *
 * @throws {LdapError} `LDAP_MALFORMED`.
 */
export function decodeEnvelope(pdu: Uint8Array): Envelope {
  return withLdapErrors(() => {
    const outer = new BerReader(pdu);
    const reader = outer.readConstructed();
    outer.expectEnd();
    const messageId = reader.readInteger();
    const kind = kindOfTag.get(reader.peekTag());
    if (messageId < 1 || kind === undefined) {
      throw malformed('no message id above zero, or no request of a client');
    }
    return { messageId, kind, reader, bytes: pdu };
  }, true);
}

/**
 * Reads the rest of a message.
 *
 * @throws {LdapError} `LDAP_MALFORMED`; `LDAP_FIELD`, `LDAP_TOO_MANY_PARTS`.
 * @throws {DirectoryError} `DIRECTORY_FILTER_LIMIT`.
 */
export function decodeRequest(envelope: Envelope, limits: LdapLimits): DecodedRequest {
  return withLdapErrors(() => {
    const { reader, kind } = envelope;
    const request = operationDecoders[kind](reader, limits);
    const controls = reader.peekTag() === CONTROLS_TAG ? decodeControls(reader, limits) : [];
    passTrailing(reader, CONTROLS_TAG);
    return { request, controls };
  }, false);
}

/** Text that is no UTF-8 and numbers of more than 32 bits are values, not structure. */
function withLdapErrors<T>(decode: () => T, isStructureOnly: boolean): T {
  try {
    return decode();
  } catch (cause) {
    if (!(cause instanceof BerError)) {
      throw cause;
    }
    const isValue = cause.code === 'BER_STRING' || cause.code === 'BER_RANGE';
    const code = isValue && !isStructureOnly ? 'LDAP_FIELD' : 'LDAP_MALFORMED';
    throw new LdapError(code, cause.message, { cause });
  }
}

const operationDecoders: {
  readonly [kind in RequestKind]: (reader: BerReader, limits: LdapLimits) => LdapRequest;
} = {
  bind: decodeBind,
  unbind: (reader) => {
    reader.readNull(RequestTag.unbind);
    return { kind: 'unbind' };
  },
  search: decodeSearch,
  modify: decodeModify,
  add: decodeAdd,
  delete: (reader) => ({ kind: 'delete', delete: { dn: reader.readUtf8(RequestTag.delete) } }),
  modifyDn: decodeModifyDn,
  compare: decodeCompare,
  abandon: (reader) => ({ kind: 'abandon', messageId: reader.readInteger(RequestTag.abandon) }),
  extended: decodeExtended,
};

function decodeBind(outer: BerReader): LdapRequest {
  const reader = outer.readConstructed(RequestTag.bind);
  const version = reader.readInteger();
  const name = reader.readUtf8();
  const authentication = decodeAuthentication(reader);
  passTrailing(reader);
  return { kind: 'bind', bind: { version, name, authentication } };
}

function decodeAuthentication(reader: BerReader): BindAuthentication {
  const tag = reader.peekTag();
  if (tag === SIMPLE_TAG) {
    return { kind: 'simple', password: reader.readOctetString(SIMPLE_TAG) };
  }
  if (tag === SASL_TAG) {
    const sasl = reader.readConstructed(SASL_TAG);
    const mechanism = sasl.readUtf8();
    const credentials =
      sasl.peekTag() === Tag.octetString ? { credentials: sasl.readOctetString() } : {};
    passTrailing(sasl);
    return { kind: 'sasl', mechanism, ...credentials };
  }
  if (tag === undefined || (tag & CLASS_MASK) !== CONTEXT_CLASS) {
    throw malformed('a bind without authentication');
  }
  reader.skip();
  return { kind: 'unknown' };
}

const scopes: readonly SearchScope[] = ['base', 'one', 'subtree'];

function decodeSearch(outer: BerReader, limits: LdapLimits): LdapRequest {
  const reader = outer.readConstructed(RequestTag.search);
  const base = reader.readUtf8();
  const scope = scopes[reader.readEnumerated()];
  const derefAliases = reader.readEnumerated();
  const sizeLimit = reader.readInteger();
  const timeLimitS = reader.readInteger();
  const typesOnly = reader.readBoolean();
  if (scope === undefined) {
    throw field('the scope of a search is baseObject, singleLevel or wholeSubtree');
  }
  if (derefAliases < 0 || derefAliases > 3) {
    throw field('derefAliases is not one of its four values');
  }
  if (sizeLimit < 0 || timeLimitS < 0) {
    throw field('a limit of a search is below zero');
  }
  const filter = decodeFilter(reader, limits);
  const attributes = decodeSelection(reader.readConstructed(), limits);
  passTrailing(reader);
  const timeLimitMs = timeLimitS * 1000;
  return {
    kind: 'search',
    search: { base, scope, filter, attributes, typesOnly, sizeLimit, timeLimitMs },
  };
}

const modifyOperations: readonly Modification['operation'][] = [
  'add',
  'delete',
  'replace',
  'increment',
];

function decodeModify(outer: BerReader, limits: LdapLimits): LdapRequest {
  const reader = outer.readConstructed(RequestTag.modify);
  const dn = reader.readUtf8();
  const list = reader.readConstructed();
  const changes: Modification[] = [];
  const budget = new ValueBudget(limits);
  while (!list.isAtEnd) {
    budget.takeAttribute();
    const change = list.readConstructed();
    const operation = modifyOperations[change.readEnumerated()];
    if (operation === undefined) {
      throw field('a change is add, delete, replace or increment');
    }
    const { description, values } = decodeAttribute(change, budget);
    if (operation === 'increment' && values.length !== 1) {
      throw field('an increment has exactly one value');
    }
    passTrailing(change);
    changes.push({ operation, attribute: description, values });
  }
  passTrailing(reader);
  return { kind: 'modify', modify: { dn, changes } };
}

function decodeAdd(outer: BerReader, limits: LdapLimits): LdapRequest {
  const reader = outer.readConstructed(RequestTag.add);
  const dn = reader.readUtf8();
  const list = reader.readConstructed();
  const attributes: AttributeValues[] = [];
  const budget = new ValueBudget(limits);
  while (!list.isAtEnd) {
    budget.takeAttribute();
    const attribute = decodeAttribute(list, budget);
    if (attribute.values.length === 0) {
      throw field('an attribute to be added has no value');
    }
    attributes.push(attribute);
  }
  passTrailing(reader);
  return { kind: 'add', add: { dn, attributes } };
}

/** Counts attributes and values of one request while they are read. */
class ValueBudget {
  readonly #limits: LdapLimits;
  #attributes = 0;
  #values = 0;

  constructor(limits: LdapLimits) {
    this.#limits = limits;
  }

  takeAttribute(): void {
    this.#attributes += 1;
    if (this.#attributes > this.#limits.attributes) {
      throw tooMany(`more than ${this.#limits.attributes} attributes or changes`);
    }
  }

  takeValue(): void {
    this.#values += 1;
    if (this.#values > this.#limits.values) {
      throw tooMany(`more than ${this.#limits.values} values`);
    }
  }
}

function decodeAttribute(outer: BerReader, budget: ValueBudget): AttributeValues {
  const reader = outer.readConstructed();
  const description = reader.readUtf8();
  const set = reader.readConstructed(Tag.set);
  const values: Uint8Array[] = [];
  while (!set.isAtEnd) {
    budget.takeValue();
    values.push(set.readOctetString());
  }
  passTrailing(reader);
  return { description, values };
}

function decodeModifyDn(outer: BerReader): LdapRequest {
  const reader = outer.readConstructed(RequestTag.modifyDn);
  const dn = reader.readUtf8();
  const newRdn = reader.readUtf8();
  const deleteOldRdn = reader.readBoolean();
  const newSuperior =
    reader.peekTag() === NEW_SUPERIOR_TAG ? { newSuperior: reader.readUtf8(NEW_SUPERIOR_TAG) } : {};
  passTrailing(reader, NEW_SUPERIOR_TAG);
  return { kind: 'modifyDn', rename: { dn, newRdn, deleteOldRdn, ...newSuperior } };
}

function decodeCompare(outer: BerReader): LdapRequest {
  const reader = outer.readConstructed(RequestTag.compare);
  const dn = reader.readUtf8();
  const assertion = reader.readConstructed();
  const attribute = assertion.readUtf8();
  const value = assertion.readOctetString();
  passTrailing(assertion);
  passTrailing(reader);
  return { kind: 'compare', compare: { dn, attribute, value } };
}

function decodeExtended(outer: BerReader): LdapRequest {
  const reader = outer.readConstructed(RequestTag.extended);
  const name = reader.readUtf8(REQUEST_NAME_TAG);
  const value =
    reader.peekTag() === REQUEST_VALUE_TAG
      ? { value: reader.readOctetString(REQUEST_VALUE_TAG) }
      : {};
  passTrailing(reader, REQUEST_VALUE_TAG);
  return { kind: 'extended', extended: { name, ...value } };
}

function decodeControls(outer: BerReader, limits: LdapLimits): readonly Control[] {
  const list = outer.readConstructed(CONTROLS_TAG);
  const controls: Control[] = [];
  while (!list.isAtEnd) {
    if (controls.length === limits.controls) {
      throw tooMany(`more than ${limits.controls} controls`);
    }
    controls.push(decodeControl(list.readConstructed()));
  }
  return controls;
}

function decodeControl(reader: BerReader): Control {
  const type = reader.readUtf8();
  const isCritical = reader.peekTag() === Tag.boolean && reader.readBoolean();
  const value = reader.peekTag() === Tag.octetString ? { value: reader.readOctetString() } : {};
  passTrailing(reader, Tag.boolean);
  if (!isOid(type)) {
    throw field('the type of a control is not an object identifier');
  }
  return { type, isCritical, ...value };
}

function malformed(message: string): LdapError {
  return new LdapError('LDAP_MALFORMED', message);
}

function field(message: string): LdapError {
  return new LdapError('LDAP_FIELD', message);
}

function tooMany(message: string): LdapError {
  return new LdapError('LDAP_TOO_MANY_PARTS', message);
}

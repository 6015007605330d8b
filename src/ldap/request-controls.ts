/**
 * Request controls (RFC 4511 §4.1.11): which are known, on which operations, and what they say.
 *
 * A control that is unknown or does not belong to the operation is passed over, or refuses the request
 * when it is critical. One that is known and in its place is obeyed whether critical or not, and then
 * its value must be right to the last octet; what RFC 4511 §5.1 asks of LDAP's own encoding beyond BER is
 * not asked of a BOOLEAN within it (python3-ldap sends 01 for true).
 *
 * @module
 */

import { BerReader } from '../asn1/ber-reader.ts';
import { BerError } from '../asn1/errors.ts';
import { contextTag } from '../asn1/tags.ts';
import type { Filter } from '../directory/filters/filter.ts';
import type { PageWish, SortKey, SortWish } from '../directory/service.ts';
import { LdapError } from './errors.ts';
import { decodeFilter, decodeValueFilters } from './filter-decoder.ts';
import type { LdapLimits } from './limits.ts';
import type { Control, RequestKind } from './requests.ts';
import { decodeSelection } from './selection-decoder.ts';

const ORDERING_RULE_TAG = contextTag(0, 'primitive');
const REVERSE_ORDER_TAG = contextTag(1, 'primitive');

export const ControlOid = {
  /** RFC 4528. */
  assertion: '1.3.6.1.1.12',
  /** RFC 4527. */
  preRead: '1.3.6.1.1.13.1',
  postRead: '1.3.6.1.1.13.2',
  /** RFC 2696. */
  pagedResults: '1.2.840.113556.1.4.319',
  /** RFC 2891; request and response have a type each. */
  sortRequest: '1.2.840.113556.1.4.473',
  sortResponse: '1.2.840.113556.1.4.474',
  /** RFC 3876. */
  matchedValues: '1.2.826.0.1.3344810.2.3',
  /** RFC 3296. */
  manageDsaIt: '2.16.840.1.113730.3.4.2',
  /** RFC 3672. */
  subentries: '1.3.6.1.4.1.4203.1.10.1',
} as const;

/** What the controls of one request ask for; each field as the directory's requests have it. */
export interface RequestControls {
  readonly assertion?: Filter;
  readonly preRead?: readonly string[];
  readonly postRead?: readonly string[];
  readonly page?: PageWish;
  readonly sort?: SortWish;
  readonly matchedValues?: readonly Filter[];
  readonly manageDsaIt?: boolean;
  readonly subentries?: boolean;
}

interface KnownControl {
  readonly operations: ReadonlySet<RequestKind>;
  readonly read: (value: ControlValue) => RequestControls;
}

const onEntries: ReadonlySet<RequestKind> = new Set([
  'search',
  'compare',
  'add',
  'modify',
  'delete',
  'modifyDn',
]);

const onSearch: ReadonlySet<RequestKind> = new Set(['search']);

const knownControls: ReadonlyMap<string, KnownControl> = new Map<string, KnownControl>([
  [ControlOid.assertion, { operations: onEntries, read: readAssertion }],
  [
    ControlOid.preRead,
    {
      operations: new Set<RequestKind>(['modify', 'delete', 'modifyDn']),
      read: (value) => ({ preRead: value.selection() }),
    },
  ],
  [
    ControlOid.postRead,
    {
      operations: new Set<RequestKind>(['add', 'modify', 'modifyDn']),
      read: (value) => ({ postRead: value.selection() }),
    },
  ],
  [ControlOid.pagedResults, { operations: onSearch, read: readPage }],
  [ControlOid.sortRequest, { operations: onSearch, read: readSort }],
  [ControlOid.matchedValues, { operations: onSearch, read: readMatchedValues }],
  [ControlOid.manageDsaIt, { operations: onEntries, read: readManageDsaIt }],
  [
    ControlOid.subentries,
    {
      operations: onSearch,
      read: (value) => ({ subentries: value.element((reader) => reader.readLooseBoolean()) }),
    },
  ],
]);

/** Controls that are obeyed wherever they make sense; what the root DSE lists. */
export const supportedControls: readonly string[] = [...knownControls.keys()];

/** What a request without controls asks for with them. */
export const noRequestControls: RequestControls = {};

/**
 * Reads what the controls of a request ask for.
 *
 * @throws {LdapError} `LDAP_CRITICAL_CONTROL`; `LDAP_FIELD` for a value that is not the control's, or
 *   a control given twice; `LDAP_TOO_MANY_PARTS`.
 * @throws {DirectoryError} `DIRECTORY_FILTER_LIMIT`.
 */
export function readControls(
  kind: RequestKind,
  controls: readonly Control[],
  limits: LdapLimits,
): RequestControls {
  if (controls.length === 0) {
    return noRequestControls;
  }
  const seen = new Set<string>();
  let asked = noRequestControls;
  for (const control of controls) {
    const known = knownControls.get(control.type);
    if (known === undefined || !known.operations.has(kind)) {
      refuseCritical(control);
      continue;
    }
    if (seen.has(control.type)) {
      throw new LdapError('LDAP_FIELD', 'a control stands twice');
    }
    seen.add(control.type);
    asked = { ...asked, ...readValue(() => known.read(new ControlValue(control, limits))) };
  }
  return asked;
}

function refuseCritical(control: Control): void {
  if (control.isCritical) {
    throw new LdapError('LDAP_CRITICAL_CONTROL', 'a critical control is not known here');
  }
}

/** Bytes within a control are no reason to end the connection: its envelope was whole. */
function readValue<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const isMalformed = cause instanceof LdapError && cause.code === 'LDAP_MALFORMED';
    if (isMalformed || cause instanceof BerError) {
      throw new LdapError('LDAP_FIELD', 'the value of a control is not what it must be', { cause });
    }
    throw cause;
  }
}

/** The value of one control. */
class ControlValue {
  readonly #value: Uint8Array | undefined;
  readonly isCritical: boolean;
  readonly limits: LdapLimits;

  constructor({ value, isCritical }: Control, limits: LdapLimits) {
    this.#value = value;
    this.isCritical = isCritical;
    this.limits = limits;
  }

  /** One element, read by `decode`, and nothing behind it. */
  element<T>(decode: (reader: BerReader) => T): T {
    if (this.#value === undefined) {
      throw new LdapError('LDAP_FIELD', 'a control lacks its value');
    }
    const reader = new BerReader(this.#value);
    const decoded = decode(reader);
    reader.expectEnd();
    return decoded;
  }

  expectNothing(): void {
    if (this.#value !== undefined) {
      throw new LdapError('LDAP_FIELD', 'a control that has no value comes with one');
    }
  }

  /** RFC 4511 §4.5.1 AttributeSelection. */
  selection(): readonly string[] {
    return this.element((reader) => decodeSelection(reader.readConstructed(), this.limits));
  }
}

function readAssertion(value: ControlValue): RequestControls {
  return { assertion: value.element((reader) => decodeFilter(reader, value.limits)) };
}

/** RFC 2696 §2. */
function readPage(value: ControlValue): RequestControls {
  return value.element((outer) => {
    const reader = outer.readConstructed();
    const size = reader.readInteger();
    const cookie = reader.readOctetString();
    reader.expectEnd();
    if (size < 0) {
      throw new LdapError('LDAP_FIELD', 'the size of a page is below zero');
    }
    return { page: { size, cookie } };
  });
}

/** RFC 2891 §1.1. */
function readSort(value: ControlValue): RequestControls {
  return value.element((outer) => {
    const list = outer.readConstructed();
    const keys: SortKey[] = [];
    while (!list.isAtEnd) {
      if (keys.length === value.limits.selectedAttributes) {
        throw new LdapError('LDAP_TOO_MANY_PARTS', 'too many keys to sort by');
      }
      keys.push(readSortKey(list.readConstructed()));
    }
    if (keys.length === 0) {
      throw new LdapError('LDAP_FIELD', 'there is no key to sort by');
    }
    return { sort: { keys, isCritical: value.isCritical } };
  });
}

function readSortKey(reader: BerReader): SortKey {
  const attribute = reader.readUtf8();
  const rule =
    reader.peekTag() === ORDERING_RULE_TAG ? { rule: reader.readUtf8(ORDERING_RULE_TAG) } : {};
  const isReverse =
    reader.peekTag() === REVERSE_ORDER_TAG && reader.readLooseBoolean(REVERSE_ORDER_TAG);
  reader.expectEnd();
  return { attribute, ...rule, isReverse };
}

/** RFC 3876 §2. */
function readMatchedValues(value: ControlValue): RequestControls {
  const matchedValues = value.element((reader) =>
    decodeValueFilters(reader.readConstructed(), value.limits),
  );
  return { matchedValues };
}

function readManageDsaIt(value: ControlValue): RequestControls {
  value.expectNothing();
  return { manageDsaIt: true };
}

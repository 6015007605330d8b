/**
 * Request controls (RFC 4511 §4.1.11): which are known, on which operations, and what they say.
 *
 * A control that is unknown or does not belong to the operation is passed over, or refuses the request
 * when it is critical. One that is known and in its place is obeyed whether critical or not, and then
 * its value must be right to the last octet.
 *
 * @module
 */

import { BerReader } from '../asn1/ber-reader.ts';
import { BerError } from '../asn1/errors.ts';
import type { Filter } from '../directory/filter.ts';
import { LdapError } from './errors.ts';
import { decodeFilter } from './filter-decoder.ts';
import type { LdapLimits } from './limits.ts';
import type { Control, RequestKind } from './requests.ts';
import { decodeSelection } from './selection-decoder.ts';

export const ControlOid = {
  /** RFC 4528. */
  assertion: '1.3.6.1.1.12',
  /** RFC 4527. */
  preRead: '1.3.6.1.1.13.1',
  postRead: '1.3.6.1.1.13.2',
} as const;

/** What the controls of one request ask for; each field as the directory's requests have it. */
export interface RequestControls {
  readonly assertion?: Filter;
  readonly preRead?: readonly string[];
  readonly postRead?: readonly string[];
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
]);

/** Controls that are obeyed wherever they make sense; what the root DSE lists. */
export const supportedControls: readonly string[] = [...knownControls.keys()];

const none: RequestControls = {};

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
    return none;
  }
  const seen = new Set<string>();
  let asked = none;
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
  readonly limits: LdapLimits;

  constructor({ value }: Control, limits: LdapLimits) {
    this.#value = value;
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

  /** RFC 4511 §4.5.1 AttributeSelection. */
  selection(): readonly string[] {
    return this.element((reader) => decodeSelection(reader.readConstructed(), this.limits));
  }
}

function readAssertion(value: ControlValue): RequestControls {
  return { assertion: value.element((reader) => decodeFilter(reader, value.limits.filter)) };
}

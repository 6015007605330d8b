/**
 * LDAP requests as bytes, written by hand from RFC 4511 and not with the code under test.
 *
 * @module
 */

type Part = Uint8Array | string | readonly Part[];

function flatten(part: Part): Buffer {
  if (typeof part === 'string') {
    return Buffer.from(part, 'utf8');
  }
  return part instanceof Uint8Array ? Buffer.from(part) : Buffer.concat(part.map(flatten));
}

/** An element with a minimal length. */
export function tlv(tag: number, ...parts: readonly Part[]): Buffer {
  const content = flatten(parts);
  return Buffer.concat([Buffer.from([tag]), lengthBytes(content.length), content]);
}

/** A length in the shortest form, or padded to `formBytes` length bytes behind 0x80 + formBytes. */
export function lengthBytes(length: number, formBytes?: number): Buffer {
  if (formBytes === undefined && length < 0x80) {
    return Buffer.from([length]);
  }
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) {
    bytes.unshift(rest % 256);
  }
  while (bytes.length < (formBytes ?? 1)) {
    bytes.unshift(0);
  }
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

export function int(value: number, tag = 0x02): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  do {
    bytes.unshift(Number(rest & 0xffn));
    rest >>= 8n;
  } while (!((rest === 0n && (bytes[0] ?? 0) < 0x80) || (rest === -1n && (bytes[0] ?? 0) >= 0x80)));
  return tlv(tag, Uint8Array.from(bytes));
}

export const enumerated = (value: number): Buffer => int(value, 0x0a);
export const octets = (value: Uint8Array | string): Buffer => tlv(0x04, value);
export const bool = (value: boolean): Buffer => tlv(0x01, Uint8Array.of(value ? 0xff : 0));

export interface ControlBytes {
  readonly type: string;
  readonly isCritical?: boolean;
  readonly value?: Uint8Array;
}

export function message(
  messageId: number,
  operation: Uint8Array,
  controls?: readonly ControlBytes[],
): Buffer {
  const list = controls?.map(({ type, isCritical, value }) =>
    tlv(
      0x30,
      octets(type),
      isCritical === undefined ? [] : bool(isCritical),
      value === undefined ? [] : octets(value),
    ),
  );
  return tlv(0x30, int(messageId), operation, list === undefined ? [] : tlv(0xa0, list));
}

export function bindOperation(name = '', password: Uint8Array | string = '', version = 3): Buffer {
  return tlv(0x60, int(version), octets(name), tlv(0x80, password));
}

export function saslBindOperation(mechanism: string, credentials?: Uint8Array): Buffer {
  const sasl = tlv(0xa3, octets(mechanism), credentials === undefined ? [] : octets(credentials));
  return tlv(0x60, int(3), octets(''), sasl);
}

export const unbindOperation: Buffer = Buffer.from([0x42, 0x00]);

export interface SearchBytes {
  readonly base?: string;
  readonly scope?: number;
  readonly derefAliases?: number;
  readonly sizeLimit?: number;
  readonly timeLimitS?: number;
  readonly typesOnly?: boolean;
  readonly filter?: Uint8Array;
  readonly attributes?: readonly string[];
}

export const present = (attribute: string): Buffer => tlv(0x87, attribute);
export const equality = (attribute: string, value: string): Buffer =>
  tlv(0xa3, octets(attribute), octets(value));

export function searchOperation(search: SearchBytes = {}): Buffer {
  return tlv(
    0x63,
    octets(search.base ?? ''),
    enumerated(search.scope ?? 0),
    enumerated(search.derefAliases ?? 0),
    int(search.sizeLimit ?? 0),
    int(search.timeLimitS ?? 0),
    bool(search.typesOnly ?? false),
    search.filter ?? present('objectClass'),
    tlv(0x30, ...(search.attributes ?? []).map(octets)),
  );
}

export interface AttributeBytes {
  readonly type: string;
  readonly values: readonly (Uint8Array | string)[];
}

export function attributeBytes({ type, values }: AttributeBytes): Buffer {
  return tlv(0x30, octets(type), tlv(0x31, values.map(octets)));
}

export function addOperation(dn: string, attributes: readonly AttributeBytes[]): Buffer {
  return tlv(0x68, octets(dn), tlv(0x30, attributes.map(attributeBytes)));
}

export interface ChangeBytes extends AttributeBytes {
  /** 0 add, 1 delete, 2 replace, 3 increment. */
  readonly operation: number;
}

export function modifyOperation(dn: string, changes: readonly ChangeBytes[]): Buffer {
  const list = changes.map((change) =>
    tlv(0x30, enumerated(change.operation), attributeBytes(change)),
  );
  return tlv(0x66, octets(dn), tlv(0x30, list));
}

export const deleteOperation = (dn: string): Buffer => tlv(0x4a, dn);

export interface ModifyDnBytes {
  readonly dn: string;
  readonly newRdn: string;
  readonly deleteOldRdn?: boolean;
  readonly newSuperior?: string;
}

export function modifyDnOperation(rename: ModifyDnBytes): Buffer {
  return tlv(
    0x6c,
    octets(rename.dn),
    octets(rename.newRdn),
    bool(rename.deleteOldRdn ?? false),
    rename.newSuperior === undefined ? [] : tlv(0x80, rename.newSuperior),
  );
}

export function compareOperation(
  dn: string,
  attribute: string,
  value: Uint8Array | string,
): Buffer {
  return tlv(0x6e, octets(dn), tlv(0x30, octets(attribute), octets(value)));
}

export const abandonOperation = (messageId: number): Buffer => int(messageId, 0x50);

export function extendedOperation(name: string, value?: Uint8Array): Buffer {
  return tlv(0x77, tlv(0x80, name), value === undefined ? [] : tlv(0x81, value));
}

export const START_TLS_OID = '1.3.6.1.4.1.1466.20037';
export const WHO_AM_I_OID = '1.3.6.1.4.1.4203.1.11.3';
export const NOTICE_OF_DISCONNECTION_OID = '1.3.6.1.4.1.1466.20036';

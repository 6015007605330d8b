/**
 * LDAP responses read from bytes, strictly and not with the code under test: minimal lengths,
 * nothing behind the last field.
 *
 * @module
 */

import assert from 'node:assert/strict';

export type AnswerKind =
  | 'bind'
  | 'entry'
  | 'searchDone'
  | 'searchReference'
  | 'modify'
  | 'add'
  | 'delete'
  | 'modifyDn'
  | 'compare'
  | 'extended';

const kinds: ReadonlyMap<number, AnswerKind> = new Map([
  [0x61, 'bind'],
  [0x64, 'entry'],
  [0x65, 'searchDone'],
  [0x73, 'searchReference'],
  [0x67, 'modify'],
  [0x69, 'add'],
  [0x6b, 'delete'],
  [0x6d, 'modifyDn'],
  [0x6f, 'compare'],
  [0x78, 'extended'],
]);

/** An entry has `dn` and `attributes`, everything else a result. */
export interface LdapAnswer {
  readonly messageId: number;
  readonly kind: AnswerKind;
  /** -1 in an entry. */
  readonly resultCode: number;
  readonly matchedDn: string;
  readonly diagnosticMessage: string;
  readonly dn: string;
  readonly attributes: ReadonlyMap<string, readonly Buffer[]>;
  readonly responseName: string | undefined;
  readonly responseValue: Buffer | undefined;
  readonly controls: readonly AnswerControl[];
  /** URIs of a referral result or of a search reference. */
  readonly uris: readonly string[];
}

export interface AnswerControl {
  readonly type: string;
  readonly value: Buffer | undefined;
}

interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

class Reader {
  #offset = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  next(expectedTag?: number): Element {
    const header = headerAt(this.#bytes, this.#offset);
    assert.ok(header !== undefined, 'a whole header');
    const { tag, contentStart, contentLength } = header;
    assert.ok(contentStart + contentLength <= this.#bytes.length, 'a whole element');
    if (expectedTag !== undefined) {
      assert.equal(tag, expectedTag);
    }
    this.#offset = contentStart + contentLength;
    return { tag, content: this.#bytes.subarray(contentStart, this.#offset) };
  }

  optional(tag: number): Element | undefined {
    return !this.isAtEnd && this.#bytes[this.#offset] === tag ? this.next(tag) : undefined;
  }

  end(): void {
    assert.ok(this.isAtEnd, 'nothing behind the last field');
  }
}

interface Header {
  readonly tag: number;
  readonly contentStart: number;
  readonly contentLength: number;
}

function headerAt(bytes: Buffer, offset: number): Header | undefined {
  if (bytes.length - offset < 2) {
    return undefined;
  }
  const tag = bytes.readUInt8(offset);
  const first = bytes.readUInt8(offset + 1);
  if (first < 0x80) {
    return { tag, contentStart: offset + 2, contentLength: first };
  }
  const size = first & 0x7f;
  assert.ok(size >= 1 && size <= 4, 'a definite length of up to four bytes');
  if (bytes.length - offset < 2 + size) {
    return undefined;
  }
  const contentLength = bytes.readUIntBE(offset + 2, size);
  assert.ok(contentLength >= (size === 1 ? 0x80 : 256 ** (size - 1)), 'a minimal length');
  return { tag, contentStart: offset + 2 + size, contentLength };
}

/** How long the message at the start of `bytes` is; undefined while that cannot be told. */
export function answerLength(bytes: Buffer): number | undefined {
  const header = headerAt(bytes, 0);
  return header && header.contentStart + header.contentLength;
}

/** Reads one whole message. */
export function parseAnswer(bytes: Buffer): LdapAnswer {
  const outer = new Reader(bytes);
  const message = new Reader(outer.next(0x30).content);
  outer.end();
  const id = message.next(0x02).content;
  const operation = message.next();
  const controls = parseControls(message.optional(0xa0));
  message.end();
  const kind = kinds.get(operation.tag);
  assert.ok(kind !== undefined, `a response, not tag ${operation.tag}`);
  const base = {
    messageId: id.readIntBE(0, id.length),
    kind,
    resultCode: -1,
    matchedDn: '',
    diagnosticMessage: '',
    dn: '',
    attributes: new Map<string, readonly Buffer[]>(),
    responseName: undefined,
    responseValue: undefined,
    controls,
    uris: [],
  };
  const fields = new Reader(operation.content);
  if (kind === 'searchReference') {
    return { ...base, uris: parseUris(fields) };
  }
  return { ...base, ...(kind === 'entry' ? parseEntry(fields) : parseResult(fields, kind)) };
}

function parseResult(fields: Reader, kind: AnswerKind): Partial<LdapAnswer> {
  const code = fields.next(0x0a).content;
  const result = {
    resultCode: code.readIntBE(0, code.length),
    matchedDn: fields.next(0x04).content.toString('utf8'),
    diagnosticMessage: fields.next(0x04).content.toString('utf8'),
    uris: parseReferral(fields.optional(0xa3)),
  };
  if (kind !== 'extended') {
    fields.end();
    return result;
  }
  const responseName = fields.optional(0x8a)?.content.toString('utf8');
  const responseValue = fields.optional(0x8b)?.content;
  fields.end();
  return { ...result, responseName, responseValue };
}

function parseReferral(referral: Element | undefined): readonly string[] {
  return referral === undefined ? [] : parseUris(new Reader(referral.content));
}

/** At least one. */
function parseUris(reader: Reader): readonly string[] {
  const uris: string[] = [];
  do {
    uris.push(reader.next(0x04).content.toString('utf8'));
  } while (!reader.isAtEnd);
  return uris;
}

/** A list of controls is not empty, and none of ours is critical. */
function parseControls(list: Element | undefined): readonly AnswerControl[] {
  const controls: AnswerControl[] = [];
  if (list !== undefined) {
    const reader = new Reader(list.content);
    do {
      const control = new Reader(reader.next(0x30).content);
      const type = control.next(0x04).content.toString('utf8');
      controls.push({ type, value: control.optional(0x04)?.content });
      control.end();
    } while (!reader.isAtEnd);
  }
  return controls;
}

/** The value of a paged results control (RFC 2696). */
export function parsePage(value: Buffer | undefined): {
  readonly size: number;
  readonly cookie: Buffer;
} {
  assert.ok(value !== undefined, 'a page control with a value');
  const outer = new Reader(value);
  const fields = new Reader(outer.next(0x30).content);
  outer.end();
  const size = fields.next(0x02).content;
  const cookie = fields.next(0x04).content;
  fields.end();
  return { size: size.readIntBE(0, size.length), cookie };
}

/** The value of a sort response control (RFC 2891). */
export function parseSortResult(value: Buffer | undefined): {
  readonly result: number;
  readonly attribute: string | undefined;
} {
  assert.ok(value !== undefined, 'a sort result with a value');
  const outer = new Reader(value);
  const fields = new Reader(outer.next(0x30).content);
  outer.end();
  const result = fields.next(0x0a).content;
  const attribute = fields.optional(0x80)?.content.toString('utf8');
  fields.end();
  return { result: result.readIntBE(0, result.length), attribute };
}

/** A SearchResultEntry alone, as a control of RFC 4527 carries it. */
export function parseReadEntry(value: Buffer): Pick<LdapAnswer, 'dn' | 'attributes'> {
  const outer = new Reader(value);
  const fields = new Reader(outer.next(0x64).content);
  outer.end();
  return parseEntry(fields);
}

function parseEntry(fields: Reader): Pick<LdapAnswer, 'dn' | 'attributes'> {
  const dn = fields.next(0x04).content.toString('utf8');
  const list = new Reader(fields.next(0x30).content);
  fields.end();
  const attributes = new Map<string, readonly Buffer[]>();
  while (!list.isAtEnd) {
    const attribute = new Reader(list.next(0x30).content);
    const name = attribute.next(0x04).content.toString('utf8');
    const set = new Reader(attribute.next(0x31).content);
    attribute.end();
    const values: Buffer[] = [];
    while (!set.isAtEnd) {
      values.push(set.next(0x04).content);
    }
    assert.ok(!attributes.has(name), 'each description once');
    attributes.set(name, values);
  }
  return { dn, attributes };
}

/**
 * Conditional requests (RFC 9110 §13) and ranges (§14) for one representation: what a GET or HEAD is answered, from the
 * request's headers alone.
 *
 * Of several ranges in one request the whole is given, as §14.2 allows: nobody needs pieces of a list that are no prefix
 * or rest of it.
 *
 * @module
 */

import type { IncomingHttpHeaders } from 'node:http';

/** What there is to be given. */
export interface Representation {
  /** A strong entity tag with its quotes. */
  readonly tag: string;
  /** Whole seconds. */
  readonly lastModifiedMs: number;
  readonly byteLength: number;
}

export type ConditionalOutcome =
  | { readonly kind: 'whole' }
  /** 206: bytes `start` to `end`, `end` not included. */
  | { readonly kind: 'part'; readonly start: number; readonly end: number }
  /** 304 */
  | { readonly kind: 'unchanged' }
  /** 412 */
  | { readonly kind: 'precondition-failed' }
  /** 416 */
  | { readonly kind: 'range-unsatisfiable' };

/** @param method Ranges are for GET alone. */
export function evaluateConditions(
  method: string,
  headers: IncomingHttpHeaders,
  representation: Representation,
): ConditionalOutcome {
  // In the order of RFC 9110 §13.2.2.
  const ifMatch = headers['if-match'];
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, representation.tag, 'strong')) {
      return { kind: 'precondition-failed' };
    }
  } else if (isModifiedSince(headers['if-unmodified-since'], representation) === true) {
    return { kind: 'precondition-failed' };
  }
  const ifNoneMatch = headers['if-none-match'];
  const isKnown =
    ifNoneMatch === undefined
      ? isModifiedSince(headers['if-modified-since'], representation) === false
      : matches(ifNoneMatch, representation.tag, 'weak');
  if (isKnown) {
    return { kind: 'unchanged' };
  }
  const { range } = headers;
  return method === 'GET' && range !== undefined && isRangeWanted(headers, representation)
    ? evaluateRange(range, representation.byteLength)
    : { kind: 'whole' };
}

/** RFC 9110 §13.1.1, §13.1.2: a list of tags, or `*`. */
function matches(header: string, tag: string, comparison: 'strong' | 'weak'): boolean {
  if (header.trim() === '*') {
    return true;
  }
  return header
    .split(',')
    .map((one) => one.trim())
    .some((one) => one === tag || (comparison === 'weak' && one === `W/${tag}`));
}

/** @returns undefined without a date that can be read, which is then as if it were not there. */
function isModifiedSince(
  header: string | undefined,
  { lastModifiedMs }: Representation,
): boolean | undefined {
  const sinceMs = header === undefined ? Number.NaN : Date.parse(header);
  return Number.isNaN(sinceMs) ? undefined : lastModifiedMs > sinceMs;
}

/** RFC 9110 §13.1.5: only if it is still the same. */
function isRangeWanted(headers: IncomingHttpHeaders, representation: Representation): boolean {
  const condition = headers['if-range'];
  if (typeof condition !== 'string') {
    return true;
  }
  return condition.startsWith('"') || condition.startsWith('W/')
    ? condition === representation.tag
    : Date.parse(condition) === representation.lastModifiedMs;
}

/** RFC 9110 §14.1.2. What is no range of bytes is as if it were not there. */
function evaluateRange(header: string, byteLength: number): ConditionalOutcome {
  const [, first = '', last = ''] = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(header) ?? [];
  if (first === '' && last === '') {
    return { kind: 'whole' };
  }
  if (first === '') {
    const suffix = Math.min(Number(last), byteLength);
    return suffix === 0
      ? { kind: 'range-unsatisfiable' }
      : { kind: 'part', start: byteLength - suffix, end: byteLength };
  }
  const start = Number(first);
  const end = last === '' ? byteLength : Math.min(Number(last) + 1, byteLength);
  if (last !== '' && Number(last) < start) {
    return { kind: 'whole' };
  }
  return start >= byteLength ? { kind: 'range-unsatisfiable' } : { kind: 'part', start, end };
}

/**
 * Whether whoever asks takes gzip (RFC 9110 §12.5.3).
 *
 * @param header Accept-Encoding.
 */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  const codings = new Map<string, number>();
  for (const one of String(header ?? '').split(',')) {
    const [coding = '', ...parameters] = one.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='));
    codings.set(coding, weight === undefined ? 1 : Number(weight.slice(2)));
  }
  return (codings.get('gzip') ?? codings.get('x-gzip') ?? codings.get('*') ?? 0) > 0;
}

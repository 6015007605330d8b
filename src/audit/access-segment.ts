/**
 * A segment of the access journal while it is written: which facts have which number in it.
 *
 * @module
 */

import { createHash, type Hash } from 'node:crypto';

import { FrameBuffer } from './access-encoding.ts';
import type { AccessFacts } from './access-event.ts';
import type { MonthSpan } from './civil-month.ts';

/**
 * Different refused facts in one segment, a minute's: whoever asks for invented names could fill the disk otherwise.
 * What comes on top is counted by verifier, method and reason alone.
 */
const MAX_REFUSED_FACTS = 1_000;

/** Facts with their number in a segment; the number holds for that segment alone. */
export interface Numbered {
  segment: Segment | undefined;
  number: number;
  readonly facts: AccessFacts;
}

export interface Segment {
  readonly month: MonthSpan;
  readonly known: Numbered[];
  readonly counts: number[];
  readonly hash: Hash;
  buffer: FrameBuffer;
  isBegun: boolean;
  accesses: number;
  bytes: number;
  refusedFacts: number;
  /** What counts refused facts beyond {@link MAX_REFUSED_FACTS}. */
  readonly coarse: Map<string, Numbered>;
}

export function newSegment(month: MonthSpan): Segment {
  return {
    month,
    known: [],
    counts: [],
    hash: createHash('sha256'),
    buffer: new FrameBuffer(),
    isBegun: false,
    accesses: 0,
    bytes: 0,
    refusedFacts: 0,
    coarse: new Map(),
  };
}

/** The facts with their number in the segment, or those that stand for them. */
export function numbered(segment: Segment, handle: Numbered): Numbered {
  const { facts } = handle;
  if (facts.outcome === 'refused') {
    if (segment.refusedFacts >= MAX_REFUSED_FACTS) {
      return coarse(segment, facts);
    }
    segment.refusedFacts += 1;
  }
  return define(segment, handle);
}

function coarse(segment: Segment, { method, verifier, code }: AccessFacts): Numbered {
  const key = `${method} ${code} ${verifier}`;
  const known = segment.coarse.get(key);
  if (known !== undefined) {
    return known;
  }
  const nothing = { address: '', partition: '', subject: '', attribute: '', listNumber: '' };
  const facts: AccessFacts = { method, verifier, code, outcome: 'refused', ...nothing };
  const handle = define(segment, { segment: undefined, number: 0, facts });
  segment.coarse.set(key, handle);
  return handle;
}

function define(segment: Segment, handle: Numbered): Numbered {
  handle.segment = segment;
  handle.number = segment.known.push(handle) - 1;
  segment.counts.push(0);
  segment.buffer.define(handle.facts);
  return handle;
}

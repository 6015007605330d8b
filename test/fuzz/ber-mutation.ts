/**
 * Mutations of BER and DER that keep the structure around what they change: elements are exchanged, doubled,
 * left out, wrapped, retagged and emptied, and the lengths above them are made to fit again, so that a
 * reader comes as far as the change. Sometimes a length is made to lie.
 *
 * @module
 */

import { concatBytes } from '../../src/core/bytes.ts';
import { lengthBytes } from '../support/ldap-request-bytes.ts';
import type { FuzzRandom } from './fuzz-target.ts';
import { choose } from './sequence-random.ts';

interface Element {
  readonly tag: number;
  /** Elements within, or octets. */
  readonly content: readonly Element[] | Uint8Array;
  /** Written instead of the true length. */
  readonly lie?: Uint8Array;
}

const MAX_DEPTH = 40;
const MAX_ELEMENTS = 4096;
const MAX_BYTES = 128 * 1024;

const tags = [
  0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0c, 0x13, 0x16, 0x17, 0x18, 0x1e, 0x24, 0x30, 0x31,
  0x42, 0x4a, 0x50, 0x60, 0x63, 0x66, 0x68, 0x6c, 0x6e, 0x77, 0x80, 0x81, 0x82, 0x83, 0x84, 0x87,
  0x8a, 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa9, 0x1f, 0x3f,
];

const lies = [
  '80',
  '81ff',
  '8200ff',
  '83ffffff',
  '84ffffffff',
  '847fffffff',
  '8500ffffffff',
  'ff',
  '7f',
].map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')));

const contents: readonly Uint8Array[] = [
  ...[
    '',
    '00',
    '80',
    'ff',
    '7fffffff',
    '80000000',
    '00ffffffff',
    '7f'.repeat(16),
    '8001',
    '2a8648',
  ],
  ...[
    'c3',
    'eda080',
    'f4908080',
    '5f5f70726f746f5f5f',
    '322e352e342e3339',
    '2a',
    '2b',
    '40706b694341',
  ],
].map((hex) => Uint8Array.from(Buffer.from(hex, 'hex')));

/** Another tree of elements; undefined when the seed is none. */
export function mutateBer(
  random: FuzzRandom,
  seed: Uint8Array,
  other: Uint8Array = seed,
): Uint8Array | undefined {
  const roots = parseElements(seed, 0);
  if (roots === undefined) {
    return undefined;
  }
  const donor = parseElements(other, 0) ?? roots;
  let mutated = roots;
  for (let rounds = 1 + random.below(3); rounds > 0; rounds -= 1) {
    const at = random.below(countElements(mutated));
    mutated = changeAt(mutated, { at }, (element) => change(random, element, donor));
    if (countElements(mutated) > MAX_ELEMENTS) {
      break;
    }
  }
  return encodeElements(mutated).subarray(0, MAX_BYTES);
}

function change(random: FuzzRandom, element: Element, donor: readonly Element[]): Element[] {
  switch (random.below(11)) {
    case 0:
      return [];
    case 1:
      return [element, element];
    case 2:
      return repeat(random, element);
    case 3:
      return [{ ...element, tag: choose(random, tags) }];
    case 4:
      return [{ tag: choose(random, tags), content: [element] }];
    case 5:
      return [{ ...element, lie: choose(random, lies) }];
    case 6:
      return [{ tag: element.tag, content: choose(random, contents) }];
    case 7:
      return [elementOf(donor, random.below(countElements(donor)))];
    case 8:
      return [nest(random, element)];
    case 9:
      return isTree(element)
        ? [{ ...element, content: [...element.content].reverse() }]
        : [{ ...element, content: random.bytes(random.below(40)) }];
    default:
      return [element, elementOf(donor, random.below(countElements(donor)))];
  }
}

function repeat(random: FuzzRandom, element: Element): Element[] {
  const fits = Math.ceil(MAX_BYTES / Math.max(1, encodeElements([element]).length));
  return Array<Element>(Math.min(fits, 1 << random.below(9))).fill(element);
}

function isTree(element: Element): element is Element & { readonly content: readonly Element[] } {
  return Array.isArray(element.content);
}

/** The element within many of its like. */
function nest(random: FuzzRandom, element: Element): Element {
  let nested = element;
  const tag = (element.tag & 0x20) === 0 ? choose(random, [0x30, 0xa0, 0xa1, 0xa2]) : element.tag;
  for (let levels = 1 << random.below(8); levels > 0; levels -= 1) {
    nested = { tag, content: [nested] };
  }
  return nested;
}

/** Counts as it goes down; `at` becomes negative behind the element that was meant. */
function changeAt(
  elements: readonly Element[],
  place: { at: number },
  make: (element: Element) => readonly Element[],
): readonly Element[] {
  const changed: Element[] = [];
  for (const element of elements) {
    const isMeant = place.at === 0;
    place.at -= 1;
    if (isMeant) {
      changed.push(...make(element));
    } else if (place.at >= 0 && isTree(element)) {
      changed.push({ ...element, content: changeAt(element.content, place, make) });
    } else {
      changed.push(element);
    }
  }
  return changed;
}

function countElements(elements: readonly Element[]): number {
  return elements.reduce(
    (sum, element) => sum + 1 + (isTree(element) ? countElements(element.content) : 0),
    0,
  );
}

function elementOf(elements: readonly Element[], at: number): Element {
  let found: Element | undefined;
  changeAt(elements, { at }, (element) => {
    found = element;
    return [element];
  });
  return found ?? { tag: 0x05, content: new Uint8Array(0) };
}

/** Elements up to the end; undefined when there is anything else. */
function parseElements(bytes: Uint8Array, depth: number): readonly Element[] | undefined {
  const elements: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0;
    const first = bytes[at + 1];
    const more = first !== undefined && first > 0x80 ? first - 0x80 : 0;
    if (first === undefined || first === 0x80 || more > 4 || elements.length === MAX_ELEMENTS) {
      return undefined;
    }
    const start = at + 2 + more;
    const length =
      more === 0
        ? first
        : bytes.subarray(at + 2, start).reduce((sum, octet) => sum * 256 + octet, 0);
    const end = start + length;
    if (end > bytes.length) {
      return undefined;
    }
    const content = bytes.subarray(start, end);
    elements.push({ tag, content: innerElements(tag, content, depth) ?? content });
    at = end;
  }
  return elements;
}

/** Constructed elements hold others, and some octet and bit strings do as well. */
function innerElements(
  tag: number,
  content: Uint8Array,
  depth: number,
): readonly Element[] | undefined {
  if (depth === MAX_DEPTH || content.length < 2 || ((tag & 0x20) === 0 && tag !== 0x04)) {
    return undefined;
  }
  return parseElements(content, depth + 1);
}

function encodeElements(elements: readonly Element[]): Uint8Array {
  return concatBytes(
    ...elements.flatMap((element) => {
      const { tag, content, lie } = element;
      const bytes = isTree(element) ? encodeElements(element.content) : (content as Uint8Array);
      return [Uint8Array.of(tag), lie ?? lengthBytes(bytes.length), bytes];
    }),
  );
}

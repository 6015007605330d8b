/**
 * nameConstraints (RFC 5280 §4.2.1.10): the name spaces that the subjects below a CA lie in.
 *
 * Not here: whether a name lies in one; see directory/certificates/name-space.ts.
 *
 * @module
 */

import type { DerReader } from '../asn1/der-reader.ts';
import { encodeElement, encodeInteger, encodeSequence, retag } from '../asn1/der-writer.ts';
import { contextTag } from '../asn1/tags.ts';
import { X509Error } from './errors.ts';
import { type Extension, parseExtensionValue } from './extensions.ts';
import { encodeGeneralName, type GeneralName, readGeneralName } from './general-name.ts';
import { Oid } from './object-identifiers.ts';

export interface GeneralSubtree {
  readonly base: GeneralName;
  /** Levels below the base at which the subtree begins; RFC 5280 allows 0 alone, the default. */
  readonly minimum?: number;
  /** Levels below the base at which it ends; no end when absent, as RFC 5280 demands. */
  readonly maximum?: number;
}

/** At least one of the two. */
export interface NameConstraints {
  readonly permitted?: readonly GeneralSubtree[];
  readonly excluded?: readonly GeneralSubtree[];
}

const ConstraintTag = {
  permitted: contextTag(0, 'constructed'),
  excluded: contextTag(1, 'constructed'),
  minimum: contextTag(0, 'primitive'),
  maximum: contextTag(1, 'primitive'),
} as const;

/** @throws {X509Error} `X509_EXTENSION` when a list is empty, or neither is given. */
export function buildNameConstraints(constraints: NameConstraints, critical = true): Extension {
  const { permitted, excluded } = constraints;
  if (permitted === undefined && excluded === undefined) {
    throw new X509Error('X509_EXTENSION', 'nameConstraints must say something');
  }
  const value = encodeSequence(
    ...encodeSubtrees(ConstraintTag.permitted, permitted),
    ...encodeSubtrees(ConstraintTag.excluded, excluded),
  );
  return { oid: Oid.nameConstraints, critical, value };
}

function encodeSubtrees(
  tag: number,
  subtrees: readonly GeneralSubtree[] | undefined,
): readonly Uint8Array[] {
  if (subtrees === undefined) {
    return [];
  }
  if (subtrees.length === 0) {
    throw new X509Error('X509_EXTENSION', 'a list of subtrees needs at least one');
  }
  return [encodeElement(tag, ...subtrees.map(encodeSubtree))];
}

function encodeSubtree({ base, minimum = 0, maximum }: GeneralSubtree): Uint8Array {
  return encodeSequence(
    encodeGeneralName(base),
    // X.690 §11.5: the default is not written.
    ...(minimum === 0 ? [] : [retag(ConstraintTag.minimum, encodeInteger(minimum))]),
    ...(maximum === undefined ? [] : [retag(ConstraintTag.maximum, encodeInteger(maximum))]),
  );
}

/** @throws {X509Error} `X509_EXTENSION` */
export function parseNameConstraints(value: Uint8Array): NameConstraints {
  return parseExtensionValue('nameConstraints', value, (outer) => {
    const reader = outer.readConstructed();
    const permitted = readSubtrees(ConstraintTag.permitted, reader);
    const excluded = readSubtrees(ConstraintTag.excluded, reader);
    reader.expectEnd();
    if (permitted === undefined && excluded === undefined) {
      throw new X509Error('X509_EXTENSION', 'malformed nameConstraints: it says nothing');
    }
    return {
      ...(permitted === undefined ? {} : { permitted }),
      ...(excluded === undefined ? {} : { excluded }),
    };
  });
}

function readSubtrees(tag: number, reader: DerReader): readonly GeneralSubtree[] | undefined {
  if (reader.peekTag() !== tag) {
    return undefined;
  }
  const list = reader.readConstructed(tag);
  const subtrees: GeneralSubtree[] = [];
  do {
    subtrees.push(readSubtree(list.readConstructed()));
  } while (!list.isAtEnd);
  return subtrees;
}

function readSubtree(reader: DerReader): GeneralSubtree {
  const base = readGeneralName(reader);
  const distance = (tag: number): number | undefined =>
    reader.peekTag() === tag ? reader.readSmallInteger(tag) : undefined;
  const minimum = distance(ConstraintTag.minimum);
  const maximum = distance(ConstraintTag.maximum);
  reader.expectEnd();
  return {
    base,
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
  };
}

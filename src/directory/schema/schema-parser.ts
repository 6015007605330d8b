/**
 * Schema descriptions as text (RFC 4512 §4.1): `( oid NAME 'name' … )`. Parsed, nothing resolved.
 *
 * The fields may stand in any order, as files in the wild have them, but none twice and none that is
 * unknown, extensions (`X-…`) apart.
 *
 * @module
 */

import { DirectoryError } from '../errors.ts';
import type { AttributeUsage, ObjectClassKind } from './schema-model.ts';

interface DescriptionHead {
  readonly oid: string;
  readonly names: readonly string[];
  readonly description: string | undefined;
  readonly isObsolete: boolean;
}

/** RFC 4512 §4.1.2. */
export interface AttributeTypeDescription extends DescriptionHead {
  readonly superior: string | undefined;
  readonly equality: string | undefined;
  readonly ordering: string | undefined;
  readonly substring: string | undefined;
  readonly syntax: string | undefined;
  readonly isSingleValue: boolean;
  readonly isCollective: boolean;
  readonly isNoUserModification: boolean;
  readonly usage: AttributeUsage;
}

/** RFC 4512 §4.1.1. */
export interface ObjectClassDescription extends DescriptionHead {
  readonly superiors: readonly string[];
  readonly classKind: ObjectClassKind;
  readonly must: readonly string[];
  readonly may: readonly string[];
}

/** What may follow a keyword. */
type FieldShape = 'flag' | 'oid' | 'oids' | 'syntax' | 'names' | 'text' | 'word';

const headFields: readonly (readonly [string, FieldShape])[] = [
  ['NAME', 'names'],
  ['DESC', 'text'],
  ['OBSOLETE', 'flag'],
];

const attributeTypeFields: ReadonlyMap<string, FieldShape> = new Map<string, FieldShape>([
  ...headFields,
  ['SUP', 'oid'],
  ['EQUALITY', 'oid'],
  ['ORDERING', 'oid'],
  ['SUBSTR', 'oid'],
  ['SYNTAX', 'syntax'],
  ['SINGLE-VALUE', 'flag'],
  ['COLLECTIVE', 'flag'],
  ['NO-USER-MODIFICATION', 'flag'],
  ['USAGE', 'word'],
]);

const objectClassFields: ReadonlyMap<string, FieldShape> = new Map<string, FieldShape>([
  ...headFields,
  ['SUP', 'oids'],
  ['ABSTRACT', 'flag'],
  ['STRUCTURAL', 'flag'],
  ['AUXILIARY', 'flag'],
  ['MUST', 'oids'],
  ['MAY', 'oids'],
]);

const usages: ReadonlyMap<string, AttributeUsage> = new Map(
  (['userApplications', 'directoryOperation', 'distributedOperation', 'dSAOperation'] as const).map(
    (usage) => [usage.toLowerCase(), usage],
  ),
);

/** No name or OID comes near it. */
const MAX_OID_LENGTH = 1024;
const numericOid = /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+$/;
const descriptor = /^[a-zA-Z][a-zA-Z0-9-]*$/;

/** RFC 4512 §1.4 `numericoid`. */
export function isNumericOid(text: string): boolean {
  return text.length <= MAX_OID_LENGTH && numericOid.test(text);
}

/** RFC 4512 §1.4 `descr`. */
export function isDescriptor(text: string): boolean {
  return text.length <= MAX_OID_LENGTH && descriptor.test(text);
}

/**
 * Parses an attribute type description.
 *
 * @throws {DirectoryError} `DIRECTORY_SCHEMA_SYNTAX`.
 */
export function parseAttributeTypeDescription(text: string): AttributeTypeDescription {
  const { oid, fields } = new DescriptionScanner(text).read(attributeTypeFields);
  const usage = usages.get((fields.get('USAGE')?.[0] ?? 'userApplications').toLowerCase());
  if (usage === undefined) {
    throw syntaxError('USAGE is none of those that RFC 4512 §4.1.2 lists');
  }
  return {
    ...headOf(oid, fields),
    superior: fields.get('SUP')?.[0],
    equality: fields.get('EQUALITY')?.[0],
    ordering: fields.get('ORDERING')?.[0],
    substring: fields.get('SUBSTR')?.[0],
    syntax: fields.get('SYNTAX')?.[0],
    isSingleValue: fields.has('SINGLE-VALUE'),
    isCollective: fields.has('COLLECTIVE'),
    isNoUserModification: fields.has('NO-USER-MODIFICATION'),
    usage,
  };
}

/**
 * Parses an object class description.
 *
 * @throws {DirectoryError} `DIRECTORY_SCHEMA_SYNTAX`.
 */
export function parseObjectClassDescription(text: string): ObjectClassDescription {
  const { oid, fields } = new DescriptionScanner(text).read(objectClassFields);
  const kinds = (['ABSTRACT', 'STRUCTURAL', 'AUXILIARY'] as const).filter((kind) =>
    fields.has(kind),
  );
  if (kinds.length > 1) {
    throw syntaxError(`${kinds.join(' and ')} exclude each other`);
  }
  const kind = kinds[0]?.toLowerCase() as ObjectClassKind | undefined;
  return {
    ...headOf(oid, fields),
    superiors: fields.get('SUP') ?? [],
    classKind: kind ?? 'structural',
    must: fields.get('MUST') ?? [],
    may: fields.get('MAY') ?? [],
  };
}

/**
 * The numeric OID that a description of any kind starts with.
 *
 * @returns undefined when the text does not start like a description.
 */
export function firstComponentOf(description: string): string | undefined {
  const first = /^\( *([0-9.]+)(?= )/.exec(description)?.[1];
  return first !== undefined && isNumericOid(first) ? first : undefined;
}

type Fields = ReadonlyMap<string, readonly string[]>;

function headOf(oid: string, fields: Fields): DescriptionHead {
  return {
    oid,
    names: fields.get('NAME') ?? [],
    description: fields.get('DESC')?.[0],
    isObsolete: fields.has('OBSOLETE'),
  };
}

function syntaxError(reason: string): DirectoryError {
  return new DirectoryError('DIRECTORY_SCHEMA_SYNTAX', reason);
}

interface Token {
  readonly kind: 'mark' | 'quoted' | 'word';
  readonly text: string;
}

const tokenShape = / +|([()$])|'([^']*)'|([^ ()$']+)/gy;

/** One description, token by token. */
class DescriptionScanner {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  read(shapes: ReadonlyMap<string, FieldShape>): { readonly oid: string; readonly fields: Fields } {
    this.#expectMark('(');
    const oid = this.#next('word');
    if (!isNumericOid(oid)) {
      throw syntaxError('the description does not start with a numeric OID');
    }
    const fields = new Map<string, readonly string[]>();
    while (!this.#skipMark(')')) {
      const keyword = this.#next('word');
      const shape = keyword.startsWith('X-') ? 'names' : shapes.get(keyword);
      if (shape === undefined) {
        throw syntaxError(`"${keyword}" is not a keyword here`);
      }
      if (fields.has(keyword)) {
        throw syntaxError(`${keyword} is given twice`);
      }
      fields.set(keyword, this.#readField(keyword, shape));
    }
    if (this.#at !== this.#tokens.length) {
      throw syntaxError('something follows the closing parenthesis');
    }
    return { oid, fields };
  }

  #readField(keyword: string, shape: FieldShape): readonly string[] {
    switch (shape) {
      case 'flag':
        return [];
      case 'word':
        return [this.#next('word')];
      case 'text':
        return [unquote(this.#next('quoted'))];
      case 'names':
        return this.#readNames(keyword);
      case 'oid':
        return [this.#readOid()];
      case 'syntax':
        return [this.#readSyntax()];
      case 'oids':
        return this.#readOids();
    }
  }

  #readNames(keyword: string): readonly string[] {
    const names: string[] = [];
    if (this.#skipMark('(')) {
      while (!this.#skipMark(')')) {
        names.push(this.#next('quoted'));
      }
    } else {
      names.push(this.#next('quoted'));
    }
    if (keyword === 'NAME' && !(names.length > 0 && names.every(isDescriptor))) {
      throw syntaxError('NAME is not a list of names');
    }
    return names;
  }

  #readOid(): string {
    const oid = this.#next('word');
    if (!isNumericOid(oid) && !isDescriptor(oid)) {
      throw syntaxError(`"${oid}" is neither a name nor an OID`);
    }
    return oid;
  }

  /** `noidlen`: the length is a hint (RFC 4512 §4.1.2) and dropped. */
  #readSyntax(): string {
    const oid = /^([0-9.]+)(?:\{\d+\})?$/.exec(this.#next('word'))?.[1];
    if (oid === undefined || !isNumericOid(oid)) {
      throw syntaxError('SYNTAX is not a numeric OID');
    }
    return oid;
  }

  #readOids(): readonly string[] {
    if (!this.#skipMark('(')) {
      return [this.#readOid()];
    }
    const oids = [this.#readOid()];
    while (!this.#skipMark(')')) {
      this.#expectMark('$');
      oids.push(this.#readOid());
    }
    return oids;
  }

  #next(kind: 'quoted' | 'word'): string {
    const token = this.#tokens[this.#at];
    if (token?.kind !== kind) {
      const wanted = kind === 'quoted' ? 'a quoted text' : 'a word';
      const found = token === undefined ? 'the end' : `"${token.text}"`;
      throw syntaxError(`${wanted} is missing before ${found}`);
    }
    this.#at += 1;
    return token.text;
  }

  #skipMark(mark: string): boolean {
    const token = this.#tokens[this.#at];
    const isThere = token?.kind === 'mark' && token.text === mark;
    this.#at += isThere ? 1 : 0;
    return isThere;
  }

  #expectMark(mark: string): void {
    if (!this.#skipMark(mark)) {
      throw syntaxError(`"${mark}" is missing`);
    }
  }
}

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let end = 0;
  for (const match of text.matchAll(tokenShape)) {
    const [all, mark, quoted, word] = match;
    end = match.index + all.length;
    if (mark !== undefined) {
      tokens.push({ kind: 'mark', text: mark });
    } else if (quoted !== undefined) {
      tokens.push({ kind: 'quoted', text: quoted });
    } else if (word !== undefined) {
      tokens.push({ kind: 'word', text: word });
    }
  }
  if (end !== text.length) {
    throw syntaxError('a quoted text does not end');
  }
  return tokens;
}

/** RFC 4512 §4.1 `qdstring`: `\27` is a quote, `\5C` a backslash. */
function unquote(text: string): string {
  return text.replace(/\\27/g, "'").replace(/\\5[cC]/g, '\\');
}

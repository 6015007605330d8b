/**
 * What an LDIF record of an entry becomes before it is written: a checked entry without the server's own
 * stamps, and where in the file it stands.
 *
 * From trusted callers operational attributes are kept as they are in the file (entryUUID, creators and
 * times); what is computed, and who manages an entry, is not.
 *
 * @module
 */

import type { PasswordValues } from '../accounts/password-values.ts';
import { gatherAttributes } from '../changes/new-entry.ts';
import { checkNameLength, type DirectoryCore } from '../directory-core.ts';
import { type Attribute, Entry } from '../entries/entry.ts';
import { checkEntryRules, withNamingValues } from '../entries/entry-rules.ts';
import type { ValueOrigin } from '../entries/value-rules.ts';
import { DirectoryError } from '../errors.ts';
import { Dn, parseRdn, type Rdn } from '../names/dn.ts';
import { firstComma } from '../names/dn-parser.ts';
import type { Schema } from '../schema/schema.ts';
import type { AttributeType } from '../schema/schema-model.ts';
import type { Caller } from '../service.ts';
import type { LdifRecord } from './ldif-reader.ts';

const MAX_PARENTS = 1_000;
/** Deeper names, or longer ones, are parsed as a whole each time, with the bounds of a whole. */
const MAX_SHARED_DEPTH = 32;
const MAX_SHARED_LENGTH = 4_096;

export interface EntryDraft {
  readonly line: number;
  readonly dn: Dn;
  readonly entry: Entry;
}

export class LdifDrafts {
  readonly #core: DirectoryCore;
  readonly #passwords: PasswordValues;
  readonly #caller: Caller;
  readonly #parents = new Map<string, Dn>();
  readonly #origin: ValueOrigin;
  /** Attributes that are never taken from a file. */
  readonly #dropped: ReadonlySet<AttributeType>;
  #hasClearPasswords = false;

  constructor(core: DirectoryCore, passwords: PasswordValues, caller: Caller) {
    const { types } = core;
    this.#core = core;
    this.#passwords = passwords;
    this.#caller = caller;
    this.#origin = caller.principal.kind === 'system' ? 'trusted' : 'client';
    this.#dropped = new Set([
      types.managedBy,
      types.entryDn,
      types.subschemaSubentry,
      types.hasSubordinates,
      types.numSubordinates,
      types.contextCsn,
    ]);
  }

  /** A record so far had a password that was not a hash. */
  get hasClearPasswords(): boolean {
    return this.#hasClearPasswords;
  }

  /**
   * Checks all that can be told of a record alone, and hashes clear passwords.
   *
   * @returns a promise only where a password is hashed.
   * @throws {DirectoryError} whatever an entry is refused for; the message starts with `line N`.
   */
  make(record: LdifRecord): EntryDraft | Promise<EntryDraft> {
    try {
      return this.#make(record);
    } catch (error) {
      throw atLine(record.line, error);
    }
  }

  #make(record: LdifRecord): EntryDraft | Promise<EntryDraft> {
    const { schema } = this.#core;
    const dn = this.#parseName(record.dn);
    const rdn = namingOf(dn);
    checkNameLength(this.#core, dn.key);
    const attributes = gatherFrom(record, schema, this.#origin).filter(
      ({ type }) => !this.#dropped.has(type),
    );
    const named = withNamingValues(new Entry(dn.text, dn.key, attributes), rdn, schema);
    if (!named.attributes.some(({ type }) => this.#passwords.isPassword(type))) {
      return this.#check(record, dn, named);
    }
    return this.#passwords.hashAll(named, this.#caller).then(
      (hashed) => {
        this.#hasClearPasswords ||= !hasSameValues(named.attributes, hashed);
        return this.#check(record, dn, named.withAttributes(hashed));
      },
      (error: unknown) => {
        throw atLine(record.line, error);
      },
    );
  }

  /** `Dn.parse`, with the names above remembered: neighbours in a file share them. */
  #parseName(text: string): Dn {
    const { schema } = this.#core;
    const comma = firstComma(text);
    if (comma < 0 || text.length > MAX_SHARED_LENGTH) {
      return Dn.parse(text, schema);
    }
    const above = text.slice(comma + 1);
    let parent = this.#parents.get(above);
    if (parent === undefined) {
      const whole = Dn.parse(text, schema);
      parent = Dn.parse(above, schema);
      if (this.#parents.size >= MAX_PARENTS) {
        this.#parents.clear();
      }
      // A name may have so many parts, which only the whole shows.
      if (parent.depth < MAX_SHARED_DEPTH) {
        this.#parents.set(above, parent);
      }
      return whole;
    }
    return parent.childAs(parseRdn(text.slice(0, comma), schema), text);
  }

  #check({ line }: LdifRecord, dn: Dn, entry: Entry): EntryDraft {
    return { line, dn, entry: checkEntryRules(entry, this.#core, { rdn: dn.rdn }) };
  }
}

/** Whether nothing was hashed: hashes that were brought are left as they are. */
function hasSameValues(left: readonly Attribute[], right: readonly Attribute[]): boolean {
  return left.every(({ values }, index) =>
    values.every((value, at) => right[index]?.values[at] === value),
  );
}

/** What is thrown about a record says where the record is. */
export async function onLine<T>(line: number, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw atLine(line, error);
  }
}

/** The same error with its place in front, when it is the directory's and has none yet. */
export function atLine(line: number, error: unknown): unknown {
  if (!(error instanceof DirectoryError) || error.message.startsWith('line ')) {
    return error;
  }
  const { matchedDn } = error;
  const message = `line ${line}: ${error.message}`;
  return new DirectoryError(error.code, message, { cause: error, matchedDn });
}

/** The record's attributes; an error that one value alone makes says where that value is. */
function gatherFrom(record: LdifRecord, schema: Schema, origin: ValueOrigin): readonly Attribute[] {
  const given = record.attributes.map(({ description, value }) => ({
    description,
    values: [value],
  }));
  try {
    return gatherAttributes(given, schema, origin);
  } catch (error) {
    for (const [index, each] of given.entries()) {
      try {
        gatherAttributes([each], schema, origin);
      } catch (cause) {
        throw atLine(record.attributes[index]?.line ?? record.line, cause);
      }
    }
    throw error;
  }
}

function namingOf(dn: Dn): Rdn {
  const { rdn } = dn;
  if (rdn === undefined) {
    throw new DirectoryError('DIRECTORY_NAMING', 'the root of the tree is not an entry to add');
  }
  return rdn;
}

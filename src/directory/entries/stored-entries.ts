/**
 * Entries as they are stored, read from any state without an open directory: for looking at a store whose
 * directory may not open.
 *
 * @module
 */

import { isCertdirError } from '../../core/errors.ts';
import { Keyspace, keyOf } from '../../store/keyspace.ts';
import type { ReadView } from '../../store/store.ts';
import { directoryTypes } from '../directory-types.ts';
import { Dn } from '../names/dn.ts';
import type { Schema } from '../schema/schema.ts';
import type { Entry } from './entry.ts';
import { EqualityIndex } from './equality-index.ts';
import { loadValues } from './large-values.ts';
import { Tree } from './tree.ts';
import { resolveWritable } from './value-rules.ts';

/** An entry that cannot be read, or whose name leads elsewhere. */
export interface EntryFault {
  readonly code: string;
  /** Its name where that can be read, otherwise what its key says, root first. */
  readonly subject: string;
  readonly message: string;
}

export class StoredEntries {
  readonly #schema: Schema;
  readonly #tree: Tree;

  constructor(schema: Schema) {
    this.#schema = schema;
    // Nothing is written, so that no index is kept.
    const index = new EqualityIndex([], schema);
    const { entryUuid } = directoryTypes(schema);
    this.#tree = new Tree(schema, index, { entryUuid });
  }

  /**
   * The values of one attribute; empty when it is not there.
   *
   * @throws {CertdirError} when the entry or a value cannot be read.
   */
  async readValues(
    view: ReadView,
    name: string,
    description: string,
  ): Promise<readonly Uint8Array[]> {
    const { type, options } = resolveWritable(description, this.#schema, 'trusted');
    const entry = await this.#tree.read(view, Dn.parse(name, this.#schema).key);
    const attribute = entry?.attribute(type, options);
    return attribute === undefined ? [] : await loadValues(view, attribute);
  }

  /**
   * Reads every entry with all its values.
   *
   * @param onEntry Called after each; what it returns is waited for.
   */
  async *findFaults(
    view: ReadView,
    onEntry: () => Promise<void>,
  ): AsyncGenerator<EntryFault, void, undefined> {
    const range = { gte: keyOf(Keyspace.entry), lt: keyOf(Keyspace.entry + 1) };
    for await (const stored of view.keys(range)) {
      const key = stored.subarray(1);
      let subject = readableKey(key);
      try {
        const entry = await this.#tree.read(view, key);
        if (entry !== undefined) {
          subject = entry.dn;
          await this.#loadAll(view, entry);
          const named = await this.#tree.findUuid(view, this.#tree.uuidOf(entry));
          if (named === undefined || Buffer.compare(named, key) !== 0) {
            const message = 'its entryUUID leads to another entry, or to none';
            yield { code: 'DIRECTORY_INCONSISTENT', subject, message };
          }
        }
      } catch (error) {
        if (!isCertdirError(error)) {
          throw error;
        }
        yield { code: error.code, subject, message: error.message };
      }
      await onEntry();
    }
  }

  async #loadAll(view: ReadView, entry: Entry): Promise<void> {
    for (const attribute of entry.attributes) {
      await loadValues(view, attribute);
    }
  }
}

/** Between the parts of a key there are control characters. */
function readableKey(key: Uint8Array): string {
  return Buffer.from(key)
    .toString('utf8')
    .replaceAll(/\p{Cc}+$/gu, '')
    .replaceAll(/\p{Cc}+/gu, ' / ');
}

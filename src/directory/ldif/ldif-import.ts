/**
 * Import of entries as LDIF, all or none. What is small is read, checked and hashed first, held in memory, and
 * then written in one transaction; what is larger than that goes through a bulk load of the store
 * (`bulk-import.ts`). Readers are not disturbed; other writers wait for the last part only.
 *
 * Not here: the text form (`ldif-reader.ts`), what a record becomes (`ldif-draft.ts`).
 *
 * @module
 */

import { createHash, type Hash } from 'node:crypto';

import type { AuditEvent } from '../../audit/audit-log.ts';
import { formatHex } from '../../core/bytes.ts';
import { randomUuid } from '../../core/random.ts';
import type { Transaction } from '../../store/store.ts';
import { authoriseAdd } from '../access/change-access.ts';
import type { Credentials } from '../accounts/credentials.ts';
import type { PasswordValues } from '../accounts/password-values.ts';
import { actorName, actorOf } from '../accounts/principal.ts';
import { asDirectoryError } from '../changes/change-runner.ts';
import { stampChange } from '../changes/change-stamp.ts';
import { stampCreated } from '../changes/entry-stamp.ts';
import { type DirectoryCore, suffixOf } from '../directory-core.ts';
import { DirectoryError } from '../errors.ts';
import { EventLoopTurn } from '../event-loop-turn.ts';
import { Dn } from '../names/dn.ts';
import type { Caller } from '../service.ts';
import { BulkImport } from './bulk-import.ts';
import { atLine, type EntryDraft, LdifDrafts, onLine } from './ldif-draft.ts';
import { type LdifReading, type LdifRecord, readLdifPages } from './ldif-reader.ts';

export interface ImportProgress {
  readonly phase: 'read' | 'write';
  /** Entries done in this phase. */
  readonly entries: number;
  /** Entries in all; known once everything is read. */
  readonly total?: number;
}

export interface ImportOptions {
  readonly onProgress?: (progress: ImportProgress) => void;
  /** How values that are given as URLs are read; refused when left out. */
  readonly readUrl?: LdifReading['readUrl'];
}

/** Entries between two reports. */
const ENTRIES_PER_REPORT = 100;

/** An import under way. */
interface Import {
  readonly caller: Caller;
  readonly hash: Hash;
  readonly onProgress: (progress: ImportProgress) => void;
  readonly turn: EventLoopTurn;
  /** Entries read. */
  entries: number;
  /** Of the first entry, for the record of the import. */
  subject: string;
  /** A digest of the file would let them be tried out (`request-digest.ts`). */
  hasClearPasswords: boolean;
}

const blank = { entries: 0, subject: '', hasClearPasswords: false } as const;

export class LdifImport {
  readonly #core: DirectoryCore;
  readonly #passwords: PasswordValues;
  readonly #credentials: Credentials;

  constructor(core: DirectoryCore, passwords: PasswordValues, credentials: Credentials) {
    this.#core = core;
    this.#passwords = passwords;
    this.#credentials = credentials;
  }

  /** See `Directory.importLdif`. */
  async run(
    source: AsyncIterable<Uint8Array>,
    caller: Caller,
    { onProgress = () => undefined, readUrl }: ImportOptions = {},
  ): Promise<number> {
    const turn = new EventLoopTurn(this.#core.clock);
    const hash = createHash('sha256');
    const state: Import = { caller, hash, onProgress, turn, ...blank };
    const destination = new Destination(this.#core, caller);
    const pages = readLdifPages(hashed(source, hash), {
      turn,
      ...(readUrl === undefined ? {} : { readUrl }),
    });
    try {
      await this.#read(pages, state, destination);
      if (destination.bulk === undefined) {
        await this.#write(destination.gathered, state);
      } else {
        await this.#finish(destination.bulk, state);
      }
    } catch (error) {
      throw asDirectoryError(error);
    } finally {
      await destination.bulk?.discard();
    }
    this.#core.counters.writes += state.entries;
    onProgress({ phase: 'write', entries: state.entries, total: state.entries });
    return state.entries;
  }

  async #read(
    pages: AsyncIterable<readonly LdifRecord[]>,
    state: Import,
    destination: Destination,
  ): Promise<void> {
    const drafts = new LdifDrafts(this.#core, this.#passwords, state.caller);
    for await (const page of pages) {
      for (const record of page) {
        const made = drafts.make(record);
        const draft = made instanceof Promise ? await made : made;
        if (state.entries === 0) {
          state.subject = draft.dn.format();
        }
        state.entries += 1;
        if (state.entries % ENTRIES_PER_REPORT === 0) {
          state.onProgress({ phase: 'read', entries: state.entries });
        }
        const wait = destination.add(draft, record) ?? state.turn.yieldIfDue();
        if (wait !== undefined) {
          await wait;
        }
      }
    }
    state.hasClearPasswords = drafts.hasClearPasswords;
    state.onProgress({ phase: 'read', entries: state.entries });
  }

  async #finish(bulk: BulkImport, state: Import): Promise<void> {
    const { entries, onProgress } = state;
    try {
      await bulk.finish(this.#eventOf(state), (done, total) => {
        onProgress({
          phase: 'write',
          entries: Math.floor((entries * done) / total),
          total: entries,
        });
      });
    } finally {
      this.#credentials.manyChanged();
    }
  }

  async #write(drafts: readonly EntryDraft[], state: Import): Promise<void> {
    const { store, audit } = this.#core;
    const { caller, turn, onProgress } = state;
    try {
      await store.transact('directory: import', async (transaction) => {
        for (const [index, draft] of drafts.entries()) {
          await onLine(draft.line, () => this.#writeOne(transaction, draft, caller));
          await turn.yieldIfDue();
          if (index % ENTRIES_PER_REPORT === ENTRIES_PER_REPORT - 1) {
            onProgress({ phase: 'write', entries: index + 1, total: drafts.length });
          }
        }
        await audit.append(transaction, this.#eventOf(state));
      });
    } finally {
      for (const { entry } of drafts) {
        this.#credentials.entryChanged(undefined, entry);
      }
    }
  }

  #eventOf({ caller, entries, subject, hash, hasClearPasswords }: Import): AuditEvent {
    const { principal, session } = caller;
    return {
      kind: 'directory.import',
      result: 'done',
      origin: { channel: session.channel, actor: actorOf(principal), address: session.address },
      subject,
      ...(hasClearPasswords ? {} : { request: formatHex(hash.copy().digest()) }),
      details: { entries },
    };
  }

  async #writeOne(transaction: Transaction, draft: EntryDraft, caller: Caller): Promise<void> {
    const { tree, types, policy, clock, random, schema } = this.#core;
    const nowMs = clock.nowMs();
    const access = policy.forCaller(caller, nowMs);
    await authoriseAdd(this.#core, draft.entry, { view: transaction, access, dn: draft.dn });
    const suffix = suffixOf(this.#core, draft.dn) ?? Dn.root;
    const entry = stampCreated(draft.entry, types, {
      sequence: await stampChange(transaction, suffix.key, nowMs),
      nowMs,
      actorName: actorName(caller.principal, schema),
      entryUuid: randomUuid(random),
    });
    if ((await tree.findUuid(transaction, tree.uuidOf(entry))) !== undefined) {
      throw new DirectoryError('DIRECTORY_CONSTRAINT', 'another entry has this entryUUID');
    }
    await tree.write(transaction, entry);
  }
}

/** Where drafts go: into memory while there is room, then into a bulk load. */
class Destination {
  readonly #core: DirectoryCore;
  readonly #caller: Caller;
  gathered: EntryDraft[] = [];
  bulk: BulkImport | undefined;
  #bytes = 0;

  constructor(core: DirectoryCore, caller: Caller) {
    this.#core = core;
    this.#caller = caller;
  }

  /** @returns undefined when nothing has to be waited for. */
  add(draft: EntryDraft, record: LdifRecord): Promise<void> | undefined {
    if (this.bulk !== undefined) {
      return this.bulk.add(draft);
    }
    this.gathered.push(draft);
    this.#bytes += sizeOf(record);
    return this.#bytes > this.#core.limits.importMemoryBytes
      ? this.#moveToBulk(draft.line)
      : undefined;
  }

  async #moveToBulk(line: number): Promise<void> {
    const { principal } = this.#caller;
    // Only for whoever may do everything: nobody is asked whether each entry may be added.
    if (principal.kind !== 'system') {
      const limit = this.#core.limits.importMemoryBytes;
      const message = `more than ${limit} bytes in one import; split the file`;
      throw atLine(line, new DirectoryError('DIRECTORY_LDIF_LIMIT', message));
    }
    const turn = new EventLoopTurn(this.#core.clock);
    const drafts = this.gathered;
    this.gathered = [];
    this.bulk = await BulkImport.begin(this.#core, this.#caller);
    for (const draft of drafts) {
      await (this.bulk.add(draft) ?? turn.yieldIfDue());
    }
  }
}

function sizeOf(record: LdifRecord): number {
  return record.attributes.reduce(
    (sum, { description, value }) => sum + description.length + value.length,
    record.dn.length,
  );
}

async function* hashed(
  source: AsyncIterable<Uint8Array>,
  hash: { update(chunk: Uint8Array): unknown },
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}

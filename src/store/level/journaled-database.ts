/**
 * LevelDB behind its journal: every group of rows is made durable in the journal, then applied.
 *
 * Not here: opening (`store-opening.ts`).
 *
 * @module
 */

import { formatError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { StoreError } from '../errors.ts';
import type {
  AppendedGroup,
  DurableSegment,
  Journal,
  JournalPosition,
} from '../journal/journal.ts';
import type { JournalFeed } from '../journal/journal-feed.ts';
import type { RecordDraft } from '../journal/journal-record.ts';
import { replay } from '../journal/journal-replay.ts';
import { encodeRows, isLargeRow } from '../journal/journal-rows.ts';
import { appliedRow, checkpointRow, readJournalKeeping } from './index-position.ts';
import type { LevelDatabase } from './level-database.ts';
import type { Row } from './sorted-rows.ts';
import { checkTable } from './table-check.ts';

/** A journal whose segments do not change any more, up to `end`. */
export interface SealedJournal {
  readonly folder: string;
  readonly storeId: Uint8Array;
  readonly end: JournalPosition;
  /** The last record of what was retired: the first segment goes on from there. */
  readonly retired: JournalPosition;
}

async function* recordsOf(
  rows: readonly Row[],
  pages: AsyncIterable<readonly Row[]>,
): AsyncGenerator<RecordDraft, void, undefined> {
  yield* encodeRows(rows);
  for await (const page of pages) {
    yield* encodeRows(page);
  }
}

interface JournaledDetails {
  readonly storeFolder: string;
  readonly journalFolder: string;
  readonly storeId: Uint8Array;
  readonly log: Log;
  readonly feed: JournalFeed | undefined;
}

/** An open index with its journal. Writes come one after another. */
export class JournaledDatabase {
  /** For reading. */
  readonly database: LevelDatabase;
  readonly storeFolder: string;
  readonly journalFolder: string;
  readonly storeId: Uint8Array;
  readonly #journal: Journal;
  readonly #log: Log;
  readonly #feed: JournalFeed | undefined;
  /** The last group that was applied. */
  #applied: JournalPosition;
  #checkpoint: JournalPosition;
  #checkpointing: Promise<void> | undefined;
  #sealedSegments = 0;
  #failure: unknown;
  #tableCheck: Promise<void> = Promise.resolve();
  #isClosing = false;
  #refusal: StoreError | undefined;

  constructor(
    database: LevelDatabase,
    journal: Journal,
    { storeFolder, journalFolder, storeId, log, feed }: JournaledDetails,
  ) {
    this.database = database;
    this.storeFolder = storeFolder;
    this.journalFolder = journalFolder;
    this.storeId = storeId;
    this.#journal = journal;
    this.#log = log;
    this.#feed = feed;
    this.#applied = journal.end;
    this.#checkpoint = journal.end;
  }

  /** The last durable record. */
  get end(): JournalPosition {
    return this.#journal.end;
  }

  /** What the next record goes on from: the hash of the last one, or that of the head behind it. */
  get chainHash(): Uint8Array {
    return this.#journal.chainHash;
  }

  get durableSegment(): DurableSegment | undefined {
    return this.#journal.durableSegment;
  }

  /** False once something has failed, or writes are refused. */
  get isWritable(): boolean {
    return this.#failure === undefined;
  }

  /** Why every write is refused, though nothing has failed. */
  get refusal(): StoreError | undefined {
    return this.#refusal;
  }

  /** From now on every write fails with this. What is being written is not acknowledged either. */
  refuseWrites(error: StoreError): void {
    this.#refusal ??= error;
    this.#failure ??= error;
  }

  /** Makes all rows durable, then visible. After a failure nothing is written any more. */
  async write(group: readonly Row[]): Promise<void> {
    await this.#guard(async () => {
      const appended = await this.#journal.append(group);
      this.#applied = appended.end;
      await this.#replicated();
      await this.database.write(this.#indexRows(group, appended));
    });
    this.#checkpointBehindSeal();
  }

  /** A large value stays where the journal has it; the index is told the place. */
  #indexRows(group: readonly Row[], { end, places }: AppendedGroup): readonly Row[] {
    const rows = places.length === 0 ? group : group.filter((row) => !isLargeRow(row));
    return [...rows, ...places, appliedRow(this.storeId, end)];
  }

  #checkpointBehindSeal(): void {
    if (this.#journal.sealedSegments > this.#sealedSegments) {
      this.#sealedSegments = this.#journal.sealedSegments;
      this.#checkpointing ??= this.#guard(() => this.#makeCheckpoint()).catch(() => undefined);
    }
  }

  /** What is durable here may be acknowledged when those who must have it have it too. */
  async #replicated(): Promise<void> {
    if (this.#feed !== undefined) {
      this.#feed.published(this.#applied);
      await this.#feed.confirm(this.#applied);
      if (this.#failure !== undefined) {
        throw this.#failure;
      }
    }
  }

  /** Begins a segment that is copied from elsewhere; see `Journal.beginCopy`. */
  async beginCopy(head: Uint8Array): Promise<void> {
    await this.#guard(() => this.#journal.beginCopy(head));
  }

  /** Adds a record of a group that is copied; nothing of it is durable or visible yet. */
  async copyRecord(record: Uint8Array): Promise<void> {
    await this.#guard(() => this.#journal.copyRecord(record));
  }

  /**
   * Makes the copied group durable, then visible.
   *
   * @param rows What is in it; undefined when that was too much to keep: it is read again.
   */
  async settleCopy(
    end: JournalPosition,
    { rows, isSeal }: { readonly rows: readonly Row[] | undefined; readonly isSeal: boolean },
  ): Promise<void> {
    if (rows === undefined) {
      await this.#checkpointing;
    }
    await this.#guard(async () => {
      await this.#journal.settleCopy(end, isSeal);
      if (rows === undefined) {
        const index = { storeId: this.storeId, applied: end, checkpoint: this.#checkpoint };
        await replay({ journalFolder: this.journalFolder, index, end }, this.database);
      }
      this.#applied = end;
      await this.database.write([...(rows ?? []), appliedRow(this.storeId, end)]);
    });
    this.#checkpointBehindSeal();
  }

  /**
   * Makes rows and whatever `pages` give behind them durable as one group, then puts them
   * into the index. They are read twice and must be the same.
   */
  async writeLoad(
    rows: Iterable<Row>,
    pages: () => AsyncIterable<readonly Row[]>,
    onRows: (count: number) => void,
  ): Promise<void> {
    const group = [...rows];
    await this.#checkpointing;
    await this.#guard(async () => {
      const appended = await this.#journal.appendRecords(recordsOf(group, pages()));
      this.#applied = appended.end;
      await this.#replicated();
      await this.database.write(this.#indexRows(group, appended));
      let written = Promise.resolve();
      for await (const page of pages()) {
        // One batch is written while the next page is read; a later batch must not overtake it.
        await written;
        written = this.database.write(page);
        written.catch(() => undefined);
        onRows(page.length);
      }
      await written;
      // Nobody should have to replay a load.
      await this.#makeCheckpoint();
    });
  }

  /** Seals the journal's last segment. Nothing else may be written meanwhile. */
  async seal(): Promise<SealedJournal> {
    await this.#guard(() => this.#journal.seal());
    const { end } = this.#journal;
    // There is nothing in a seal to apply.
    this.#applied = end;
    this.#feed?.published(end);
    const { retired } = readJournalKeeping(this.database, this.storeId);
    return { folder: this.journalFolder, storeId: this.storeId, end, retired };
  }

  /** Makes rows of the index itself durable that are no part of the journal. */
  async noteMarks(rows: readonly Row[]): Promise<void> {
    await this.#guard(async () => {
      await this.database.write(rows);
      await this.database.flush();
      // A flush that failed says so here.
      await this.database.write(rows);
    });
  }

  /** Verifies tables while the store is in use, and raises an alarm for each that is damaged. */
  checkTables(tables: readonly string[]): void {
    this.#tableCheck = this.#checkTables(tables);
  }

  async #checkTables(tables: readonly string[]): Promise<void> {
    for (const table of tables) {
      if (this.#isClosing) {
        return;
      }
      await checkTable(table).catch((error: unknown) => {
        this.#log.error('a table of the index is damaged', { cause: formatError(error) });
      });
    }
  }

  /** Leaves an index that needs no replay, unless something has failed. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#tableCheck;
    await this.#checkpointing;
    try {
      if (this.#failure === undefined && this.#checkpoint !== this.#applied) {
        await this.#makeCheckpoint();
      }
    } catch (error) {
      // The journal has everything; opening replays it.
      this.#log.warn('the index could not be brought up to date', { cause: formatError(error) });
    }
    await this.#journal.close();
    await this.database.close();
  }

  async #makeCheckpoint(): Promise<void> {
    const position = this.#applied;
    await this.database.flush();
    await this.database.write([checkpointRow(this.storeId, position)]);
    // Out of LevelDB's log again: beside an older list of tables it would speak of tables that are not there.
    await this.database.flush();
    this.#checkpoint = position;
    this.#checkpointing = undefined;
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    try {
      await work();
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
  }
}

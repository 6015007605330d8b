/**
 * LevelDB behind its journal: every group of rows is made durable in the journal, then applied. Opening
 * finds out what the index may lack and replays it.
 *
 * @module
 */

import { rm } from 'node:fs/promises';

import type { Clock } from '../core/clock.ts';
import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { SystemRandom } from '../core/random.ts';
import { clearLoadFolder } from './bulk-load.ts';
import { reportDroppedRecords } from './dropped-records.ts';
import { StoreError } from './errors.ts';
import {
  appliedRow,
  checkpointRow,
  readIndexKnowledge,
  readJournalKeeping,
} from './index-position.ts';
import { type DurableSegment, Journal, type JournalPosition, NEW_CHAIN } from './journal.ts';
import { checkFolderOf } from './journal-check.ts';
import type { JournalFeed } from './journal-feed.ts';
import { makeFolder, type OpenAppendFile, removeTemporaryFiles } from './journal-file.ts';
import { SEGMENT_HEAD_BYTES, STORE_ID_BYTES } from './journal-record.ts';
import { replay } from './journal-replay.ts';
import { encodeRows } from './journal-rows.ts';
import {
  findJournalEnd,
  type IndexKnowledge,
  type JournalEnd,
  settleJournalEnd,
} from './journal-scan.ts';
import type { OpenLevelDatabase } from './level-database.ts';
import { type LevelDatabase, type LevelSizes, openLevelDatabase } from './level-database.ts';
import type { Row } from './sorted-rows.ts';
import { assertRole, readFence, type StoreRole } from './standby-marks.ts';
import {
  formatRow,
  openFailed,
  prepareStoreFolder,
  readStoreFormat,
  STORE_FORMAT,
  type StoreFolder,
  writeFormatFile,
} from './store-format.ts';
import { copyIntoJournal } from './store-upgrade.ts';
import { checkTable } from './table-check.ts';

export interface JournaledOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly sizes: LevelSizes;
  readonly openDatabase?: OpenLevelDatabase | undefined;
  /** How segments are opened for writing; fault tests put something in between. */
  readonly openJournalFile?: OpenAppendFile | undefined;
  /** A segment is sealed when it has this much; 64 MiB when left out. */
  readonly segmentBytes?: number | undefined;
  /** Writes as another writer than before: after a restore. The epoch of the journal's records is raised. */
  readonly isNewWriter?: boolean | undefined;
  /** Who opens it; `primary` when left out. */
  readonly role?: StoreRole | undefined;
  /** Of a new store; a random one when left out. */
  readonly bornAs?: Uint8Array | undefined;
  /** Gives the journal to standbys. */
  readonly feed?: JournalFeed | undefined;
  /** So much of LevelDB's tables is verified before the store is opened, the rest afterwards; 256 MiB. */
  readonly tableCheckBytes?: number | undefined;
}

const TABLE_CHECK_BYTES = 256 * 1024 * 1024;

/**
 * Opens index and journal of a folder, making both where there are none.
 *
 * @throws {StoreError} `STORE_LOCKED`, `STORE_FORMAT`, `STORE_DAMAGED`, `STORE_OPEN_FAILED`,
 *   `STORE_JOURNAL_DAMAGED`, `STORE_JOURNAL_BEHIND`, `STORE_JOURNAL_FOREIGN`, `STORE_INDEX_BEHIND`.
 */
export async function openJournaledDatabase(options: JournaledOptions): Promise<JournaledDatabase> {
  const place = await prepareStoreFolder(options.folder);
  const open = options.openDatabase ?? openLevelDatabase;
  const database = await open(place.levelFolder, options.sizes, place.format === undefined);
  try {
    return await new Opening(options, place, database).run();
  } catch (error) {
    await database.close();
    throw error instanceof StoreError ? error : openFailed(options.folder, error);
  }
}

class Opening {
  readonly #options: JournaledOptions;
  readonly #place: StoreFolder;
  readonly #database: LevelDatabase;

  constructor(options: JournaledOptions, place: StoreFolder, database: LevelDatabase) {
    this.#options = options;
    this.#place = place;
    this.#database = database;
  }

  async run(): Promise<JournaledDatabase> {
    const { folder } = this.#options;
    const database = this.#database;
    const { levelFolder } = this.#place;
    const format = await readStoreFormat(folder, database, this.#place.format);
    await reportDroppedRecords(levelFolder, this.#options.log, format === STORE_FORMAT);
    await makeFolder(this.#place.journalFolder);
    await clearLoadFolder(folder);
    await rm(checkFolderOf(this.#place.journalFolder), { recursive: true, force: true });
    await removeTemporaryFiles(this.#place.journalFolder);
    const opened =
      format === undefined
        ? await this.#bear()
        : format === STORE_FORMAT
          ? await this.#goOn()
          : await this.#upgrade();
    if (this.#place.format !== STORE_FORMAT) {
      await writeFormatFile(folder);
    }
    return opened;
  }

  /** A new store. */
  async #bear(): Promise<JournaledDatabase> {
    const found = await findJournalEnd(this.#place.journalFolder, undefined);
    if (found !== undefined) {
      throw new StoreError(
        'STORE_DAMAGED',
        `${this.#place.journalFolder} holds a journal without its index. Make the index: certdir store rebuild`,
      );
    }
    const storeId = this.#options.bornAs ?? new SystemRandom().bytes(STORE_ID_BYTES);
    await this.#notePosition(storeId, NEW_CHAIN);
    return this.#opened({ storeId, ...newJournal });
  }

  /** A store of the format before the journal. */
  async #upgrade(): Promise<JournaledDatabase> {
    const { folder, clock, log } = this.#options;
    if (this.#place.format === STORE_FORMAT) {
      throw new StoreError(
        'STORE_INDEX_BEHIND',
        `The index in ${folder} is from before its journal. Make it anew: certdir store rebuild`,
      );
    }
    const { journalFolder } = this.#place;
    await this.#assertUnfinishedUpgrade();
    const storeId = new SystemRandom().bytes(STORE_ID_BYTES);
    const end = await copyIntoJournal({ journalFolder, storeId, clock }, this.#database);
    await this.#settle(storeId, end);
    log.info('the store has been given a journal', { folder, records: end.sequence });
    return await this.#goOn();
  }

  /** A journal beside an index without one may only be what an interrupted upgrade has left: one group. */
  async #assertUnfinishedUpgrade(): Promise<void> {
    const found = await findJournalEnd(this.#place.journalFolder, undefined);
    const isOneGroup =
      found?.lastGroup === undefined || found.lastGroup.start === SEGMENT_HEAD_BYTES;
    if (found !== undefined && (!isOneGroup || found.segment === undefined)) {
      throw new StoreError(
        'STORE_JOURNAL_FOREIGN',
        `The index in ${this.#options.folder} is from before there was a journal, and a journal stands beside ` +
          'it. Nothing was changed. Put files of one time together, or make the index anew: certdir store rebuild',
      );
    }
  }

  async #goOn(): Promise<JournaledDatabase> {
    const { folder, log } = this.#options;
    const { journalFolder } = this.#place;
    const index = readIndexKnowledge(this.#database);
    if (index === undefined) {
      throw new StoreError(
        'STORE_DAMAGED',
        `The index in ${folder} has lost its place in the journal. Make it anew: certdir store rebuild`,
      );
    }
    const end =
      (await findJournalEnd(journalFolder, index)) ?? withoutSegments(journalFolder, index);
    await assertRole(folder, this.#options.role ?? 'primary', end.end.epoch);
    if (end.torn !== undefined) {
      const { path, start, end: size } = end.torn;
      log.warn('the journal’s end was torn while it was written, and is cut', {
        segment: path,
        offset: start,
        bytes: size - start,
      });
    }
    await settleJournalEnd(end);
    if (end.end.sequence > index.checkpoint.sequence) {
      const groups = await replay({ journalFolder, index, end: end.end }, this.#database);
      await this.#settle(index.storeId, end.end);
      log.info('the index was brought up to its journal', { folder, groups });
    }
    const unchecked = await this.#checkTables();
    const epoch =
      this.#options.isNewWriter === true
        ? Math.max(end.end.epoch, await readFence(folder)) + 1
        : end.end.epoch;
    return this.#opened({ ...end, end: { ...end.end, epoch } }, unchecked);
  }

  /** @returns the tables that there are too many of to be looked at before the store is opened. */
  async #checkTables(): Promise<readonly string[]> {
    const tables = this.#database.tables();
    let bytes = 0;
    for (const [at, table] of tables.entries()) {
      if (bytes >= (this.#options.tableCheckBytes ?? TABLE_CHECK_BYTES)) {
        return tables.slice(at);
      }
      bytes += await checkTable(table);
    }
    return [];
  }

  /** Writes that the index is whole up to a position, durably. */
  async #settle(storeId: Uint8Array, position: JournalPosition): Promise<void> {
    await this.#database.flush();
    await this.#notePosition(storeId, position);
  }

  async #notePosition(storeId: Uint8Array, position: JournalPosition): Promise<void> {
    const rows = [appliedRow(storeId, position), checkpointRow(storeId, position)];
    await this.#database.write([formatRow(), ...rows]);
    await this.#database.flush();
  }

  #opened(
    { storeId, end, chainHash, segment }: Omit<JournalEnd, 'lastGroup' | 'torn'>,
    unchecked: readonly string[] = [],
  ): JournaledDatabase {
    const { clock, log, segmentBytes, feed, openJournalFile: openFile } = this.#options;
    const folder = this.#place.journalFolder;
    const chain = { storeId, end, chainHash, segment };
    const journal = new Journal({ folder, clock, segmentBytes, openFile, ...chain });
    const details = {
      storeFolder: this.#options.folder,
      journalFolder: folder,
      storeId,
      log,
      feed,
    };
    const opened = new JournaledDatabase(this.#database, journal, details);
    feed?.attach(opened);
    opened.checkTables(unchecked);
    return opened;
  }
}

const newJournal = { end: NEW_CHAIN, chainHash: NEW_CHAIN.hash, segment: undefined };

function withoutSegments(folder: string, { storeId, applied }: IndexKnowledge): JournalEnd {
  if (applied.sequence > 0) {
    throw new StoreError(
      'STORE_JOURNAL_BEHIND',
      `${folder} has no segment, and the index has applied ${applied.sequence} records. Put the segments ` +
        'back; without them: certdir store rebuild --journal keeps what the index has',
    );
  }
  return { storeId, ...newJournal, lastGroup: undefined, torn: undefined };
}

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
): AsyncGenerator<Uint8Array, void, undefined> {
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
  async write(rows: Iterable<Row>): Promise<void> {
    const group = [...rows];
    await this.#guard(async () => {
      this.#applied = await this.#journal.append(group);
      await this.#replicated();
      group.push(appliedRow(this.storeId, this.#applied));
      await this.database.write(group);
    });
    this.#checkpointBehindSeal();
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
      this.#applied = await this.#journal.appendRecords(recordsOf(group, pages()));
      await this.#replicated();
      group.push(appliedRow(this.storeId, this.#applied));
      await this.database.write(group);
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

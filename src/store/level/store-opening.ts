/**
 * Opens index and journal of a folder together: finds out what the index may lack, and replays it.
 *
 * @module
 */

import { rm } from 'node:fs/promises';

import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { SystemRandom } from '../../core/random.ts';
import { clearLoadFolder } from '../bulk/bulk-load.ts';
import { StoreError } from '../errors.ts';
import { Journal, type JournalPosition, NEW_CHAIN } from '../journal/journal.ts';
import { checkFolderOf } from '../journal/journal-check.ts';
import type { JournalFeed } from '../journal/journal-feed.ts';
import { makeFolder, type OpenAppendFile, removeTemporaryFiles } from '../journal/journal-file.ts';
import { SEGMENT_HEAD_BYTES, STORE_ID_BYTES } from '../journal/journal-record.ts';
import { replay } from '../journal/journal-replay.ts';
import {
  findJournalEnd,
  type IndexKnowledge,
  type JournalEnd,
  settleJournalEnd,
} from '../journal/journal-scan.ts';
import { assertRole, readFence, type StoreRole } from '../standby/standby-marks.ts';
import { reportDroppedRecords } from './dropped-records.ts';
import { appliedRow, checkpointRow, readIndexKnowledge } from './index-position.ts';
import { JournaledDatabase } from './journaled-database.ts';
import type { OpenLevelDatabase } from './level-database.ts';
import { type LevelDatabase, type LevelSizes, openLevelDatabase } from './level-database.ts';
import {
  FORMAT_WITHOUT_JOURNAL,
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
    const hasJournal = format !== undefined && format !== FORMAT_WITHOUT_JOURNAL;
    await reportDroppedRecords(levelFolder, this.#options.log, hasJournal);
    await makeFolder(this.#place.journalFolder);
    await clearLoadFolder(folder);
    await rm(checkFolderOf(this.#place.journalFolder), { recursive: true, force: true });
    await removeTemporaryFiles(this.#place.journalFolder);
    const opened =
      format === undefined
        ? await this.#bear()
        : hasJournal
          ? await this.#goOn()
          : await this.#upgrade();
    if (hasJournal && format !== STORE_FORMAT) {
      // Before anything is written that an earlier version would take for damage.
      await opened.noteMarks([formatRow()]);
    }
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
    if (this.#place.format !== undefined && this.#place.format !== FORMAT_WITHOUT_JOURNAL) {
      throw new StoreError(
        'STORE_INDEX_BEHIND',
        `The index in ${folder} is from before its journal. Make it anew: certdir store rebuild`,
      );
    }
    const { journalFolder } = this.#place;
    await this.#assertUnfinishedUpgrade();
    const storeId = new SystemRandom().bytes(STORE_ID_BYTES);
    const { end } = await copyIntoJournal({ journalFolder, storeId, clock }, this.#database);
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

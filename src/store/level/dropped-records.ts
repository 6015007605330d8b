/**
 * LevelDB drops what it cannot read in its write-ahead log when it opens, and says so in its own
 * text log alone. The journal has the rows and puts them back; in a store without one acknowledged rows may be
 * among them. An operator must hear of both: a disk that loses bits will lose more.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { formatError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';

/** LevelDB 1.20, `DBImpl::RecoverLogFile`; its text log begins anew at each opening. */
const DROPPED = /dropping (\d+) bytes/g;

/** Raises an alarm when LevelDB, just opened in `levelFolder`, has dropped anything. */
export async function reportDroppedRecords(
  levelFolder: string,
  log: Log,
  hasJournal: boolean,
): Promise<void> {
  let text: string;
  try {
    text = await readFile(join(levelFolder, 'LOG'), 'latin1');
  } catch (error) {
    log.warn('what the database reported at opening cannot be read', { cause: formatError(error) });
    return;
  }
  let records = 0;
  let bytes = 0;
  for (const [, count] of text.matchAll(DROPPED)) {
    records += 1;
    bytes += Number(count);
  }
  const found = { folder: levelFolder, records, bytes };
  if (records > 0 && hasJournal) {
    log.warn('the index had damaged or torn records in its log; the journal has them', found);
  } else if (records > 0) {
    log.error('the database has dropped damaged records; compare with the last backup', found);
  }
}

/**
 * LevelDB drops what it cannot read in its write-ahead log when it opens, and says so in its own
 * text log alone. Acknowledged rows may be among it, so an operator must hear of it.
 *
 * Not a refusal: the end of a log torn by a power cut, which nobody was promised, looks the same.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { formatError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';

/** LevelDB 1.20, `DBImpl::RecoverLogFile`; its text log begins anew at each opening. */
const DROPPED = /dropping (\d+) bytes/g;

/** Raises an alarm when LevelDB, just opened in `levelFolder`, has dropped anything. */
export async function reportDroppedRecords(levelFolder: string, log: Log): Promise<void> {
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
  if (records > 0) {
    log.error('the database has dropped damaged records; compare with the last backup', {
      folder: levelFolder,
      records,
      bytes,
    });
  }
}

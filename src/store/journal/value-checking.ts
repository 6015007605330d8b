/**
 * Reading a journal with every large value compared with its name, which the chain of hashes alone does not do.
 *
 * @module
 */

import { journalDamaged } from './journal-scan.ts';
import { LargeValueCheck } from './large-record.ts';
import type { JournalRecord } from './segment-reader.ts';

/**
 * Gives records on as they come.
 *
 * @throws {StoreError} `STORE_JOURNAL_DAMAGED` behind a large value that is not what its name says.
 */
export async function* withValuesChecked(
  folder: string,
  records: AsyncIterable<JournalRecord>,
): AsyncGenerator<JournalRecord, void, undefined> {
  const check = new LargeValueCheck();
  for await (const record of records) {
    if (!check.take(record.header, record.payload)) {
      const { sequence } = record.header;
      const why = `the large value at record ${sequence} is not what its name says`;
      throw journalDamaged(folder, record.offset, why);
    }
    yield record;
  }
}

/**
 * Answers that are too long to be held: rows as they come, to standard output. For people a line each, with
 * `--json` one document whose last field is the array of the rows.
 *
 * @module
 */

import { once } from 'node:events';

/**
 * Writes a document.
 *
 * @param head Fields of the document before the rows; with `--json` only.
 * @param rows In pages.
 */
export async function writeRows<Row>(
  { isJson }: { readonly isJson: boolean },
  {
    head,
    name,
    rows,
  }: {
    readonly head: Readonly<Record<string, unknown>>;
    readonly name: string;
    readonly rows: AsyncIterable<readonly Row[]>;
  },
  format: (row: Row) => string,
): Promise<void> {
  if (!isJson) {
    for await (const page of rows) {
      await write(page.map((row) => `${format(row)}\n`).join(''));
    }
    return;
  }
  const fields = Object.entries(head).map(
    ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)},\n `,
  );
  await write(`{${fields.join('')}${JSON.stringify(name)}: [`);
  let isFirst = true;
  for await (const page of rows) {
    for (const row of page) {
      await write(`${isFirst ? '' : ','}\n  ${JSON.stringify(row)}`);
      isFirst = false;
    }
  }
  await write('\n]}\n');
}

/** Waits while whoever reads is behind. */
async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) {
    await once(process.stdout, 'drain');
  }
}

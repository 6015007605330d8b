/**
 * Writes src/ca/jis-repertoire.ts: the characters of JIS X 0208 and JIS X 0212, cell by cell, as
 * `iconv` of GNU libc maps EUC-JP to Unicode.
 *
 * Run once, by hand: `node scripts/make-jis-repertoire.mjs`. The result is checked in, so that what a
 * certificate may hold never depends on the machine, its libc or its ICU.
 */

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const target = new URL('../src/ca/jis-repertoire.ts', import.meta.url);

/** One row (94 cells) of a 94 x 94 set; unassigned cells are left out. */
function rowText(prefix, row) {
  const cells = [];
  for (let cell = 1; cell <= 94; cell += 1) {
    const bytes = Buffer.from([...prefix, 0xa0 + row, 0xa0 + cell]);
    try {
      cells.push(
        execFileSync('iconv', ['-f', 'EUC-JP', '-t', 'UTF-8'], {
          input: bytes,
          stdio: ['pipe', 'pipe', 'ignore'],
        }).toString('utf8'),
      );
    } catch {
      // iconv ends with an error for an unassigned cell.
    }
  }
  return cells.join('');
}

function rows(prefix) {
  return Array.from({ length: 94 }, (_, index) => rowText(prefix, index + 1)).filter(
    (text) => text !== '',
  );
}

/** Single quotes as the formatter wants them, except around a text that has one. */
function literal(text) {
  const escaped = text.replaceAll('\\', '\\\\');
  return escaped.includes("'") ? `"${escaped}"` : `'${escaped}'`;
}

function table(name, comment, prefix) {
  const lines = rows(prefix).map((text) => `  ${literal(text)},\n`);
  return `/** ${comment} */\nexport const ${name}: readonly string[] = [\n${lines.join('')}];\n`;
}

writeFileSync(
  target,
  `/**
 * The characters of JIS X 0208:1997 and JIS X 0212-1990, one string per row of the code table, made by
 * scripts/make-jis-repertoire.mjs. Not to be edited, and not to be normalised: U+212B stays U+212B.
 *
 * @module
 */

${table('jisX0208Rows', 'JIS X 0208: 6,879 characters.', [])}
${table('jisX0212Rows', 'JIS X 0212: 6,067 characters.', [0x8f])}`,
);

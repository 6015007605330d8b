/**
 * Test files that share a process. Starting Node and loading the program takes a quarter of a second of processor time,
 * more than most files need for their tests; those that start no program of their own run a dozen to a process, one file
 * after the other. Every test still reports under its own file.
 *
 * @module
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Folders of `test/` whose files start programs, measure memory or wait for signals: a process each. */
const apart: ReadonlySet<string> = new Set([
  'app',
  'cli',
  'docs',
  'fault',
  'fuzz',
  'interop',
  'setup',
  'story',
]);

const FILES_PER_GROUP = 12;

/**
 * Files that wait for something while they are loaded run apart too: the tests of those before them have begun by then,
 * and Node 20 takes what comes out of a promise that a test has made for a part of that test.
 *
 * @param sources Paths below the package, e.g. `test/asn1/oid.test.ts`.
 * @param folder The package.
 */
export function groupSources(
  sources: readonly string[],
  folder: string,
): readonly (readonly string[])[] {
  const groups: string[][] = [];
  const byFolder = new Map<string, string[]>();
  for (const source of sources) {
    const below = source.split(/[\\/]/)[1] ?? '';
    if (apart.has(below) || waitsWhenLoaded(join(folder, source))) {
      groups.push([source]);
    } else {
      byFolder.set(below, [...(byFolder.get(below) ?? []), source]);
    }
  }
  for (const files of byFolder.values()) {
    const count = Math.ceil(files.length / FILES_PER_GROUP);
    // Dealt out in turn, so that neighbours, which tend to be alike in cost, part.
    for (let group = 0; group < count; group += 1) {
      groups.push(files.filter((_, index) => index % count === group));
    }
  }
  return groups;
}

/** Code that is not in a function begins at the margin here. */
function waitsWhenLoaded(file: string): boolean {
  return /^[^\s/*].*\bawait\b/m.test(readFileSync(file, 'utf8'));
}

/**
 * Writes what `node --test` is given: the file itself for a group of one, otherwise one that loads the group.
 *
 * @param folder Emptied first.
 * @param groups Compiled files, as absolute paths.
 */
export function writeEntries(
  folder: string,
  groups: readonly (readonly string[])[],
): readonly string[] {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return groups.map((files, index) => {
    const [first] = files;
    if (first !== undefined && files.length === 1) {
      return first;
    }
    const entry = join(folder, `${index}-${basename(first ?? 'none', '.test.js')}.test.js`);
    const lines = files.map((file) => `import ${JSON.stringify(pathToFileURL(file).href)};`);
    writeFileSync(entry, `${lines.join('\n')}\n`);
    return entry;
  });
}

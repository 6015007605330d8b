/**
 * Where the program's own data folders (schema, ldif, cps) lie.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findPackageRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) {
      return folder;
    }
    if (folder === dirname(folder)) {
      throw new Error(`no package.json above ${from}: the installation is incomplete`);
    }
  }
}

/** The folder of package.json, from the sources as well as from the compiled tree. */
export const packageRoot: string = findPackageRoot(dirname(fileURLToPath(import.meta.url)));

/**
 * The test command behind `npm test`: installs the outside programs that the interop tests need
 * where it may (Debian, root), says what it will skip where it may not, then runs every compiled
 * test file that has a source, so that a file deleted from the sources does not go on passing. Files that start no
 * program share processes (test/support/test-groups.ts).
 *
 *     npm test                          everything
 *     npm test -- test/ldap             the files below a folder, or single files
 *     npm test -- --long                the long runs too
 *     npm test -- --verbose             every test by name
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { packageRoot } from '../src/config/package-root.ts';
import {
  hasTool,
  isEverythingExpected,
  mayInstallPackages,
  outsideTools,
} from './support/outside-tool.ts';
import { groupSources, writeEntries } from './support/test-groups.ts';

function testSources(under: string): string[] {
  const path = join(packageRoot, under);
  if (!existsSync(path)) {
    throw new Error(`${under}: no such file or folder`);
  }
  if (!statSync(path).isDirectory()) {
    return [under];
  }
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => join(under, name))
    .sort();
}

/** @returns false when something is missing where nothing may be skipped. */
function installMissingTools(): boolean {
  const missing = outsideTools.filter((tool) => !hasTool(tool.command));
  if (missing.length === 0) {
    return true;
  }
  const packages = missing.map((tool) => tool.debianPackage);
  if (mayInstallPackages()) {
    installPackages(packages);
  }
  const absent = missing.filter((tool) => !hasTool(tool.command));
  if (absent.length > 0) {
    const names = absent.map((tool) => tool.command).join(', ');
    const install = `apt-get install ${absent.map((tool) => tool.debianPackage).join(' ')}`;
    const verdict = isEverythingExpected() ? 'fail here, where nothing is skipped' : 'be skipped';
    process.stdout.write(`Tests that need ${names} will ${verdict}; to run them: ${install}\n`);
  }
  return absent.length === 0 || !isEverythingExpected();
}

function installPackages(packages: readonly string[]): void {
  process.stdout.write(`Installing what the tests need: ${packages.join(' ')}\n`);
  // At run level 1 Debian's packages start none of their servers.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const options = { env, stdio: 'ignore' as const };
  const install = ['install', '-y', '--no-install-recommends'];
  spawnSync('apt-get', ['update'], options);
  if (spawnSync('apt-get', [...install, ...packages], options).status !== 0) {
    // One that is not there keeps all others out.
    for (const name of packages) {
      spawnSync('apt-get', [...install, name], options);
    }
  }
}

/** pkcs11js is compiled at install; where there was no compiler then, it is tried again with one. */
function compilePkcs11js(): void {
  if (isLoadable('pkcs11js') || !mayInstallPackages()) {
    return;
  }
  installPackages(['g++', 'make', 'python3']);
  spawnSync('npm', ['rebuild', 'pkcs11js'], { cwd: packageRoot, stdio: 'ignore' });
  if (!isLoadable('pkcs11js')) {
    spawnSync('npm', ['install', '--include=optional'], { cwd: packageRoot, stdio: 'ignore' });
  }
}

function isLoadable(name: string): boolean {
  return (
    spawnSync(process.execPath, ['-e', `require('${name}')`], { cwd: packageRoot }).status === 0
  );
}

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      long: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
    },
  });
  const sources = (positionals.length === 0 ? ['test'] : positionals).flatMap(testSources);
  if (sources.length === 0) {
    process.stderr.write('No test file there.\n');
    return 1;
  }
  if (!installMissingTools()) {
    return 1;
  }
  compilePkcs11js();
  const compiled = groupSources(sources, packageRoot).map((group) =>
    group.map((source) => join(packageRoot, 'dist', source.replace(/\.ts$/, '.js'))),
  );
  const entries = writeEntries(join(packageRoot, 'dist/test-groups'), compiled);
  const briefly = join(packageRoot, 'dist/test/support/brief-reporter.js');
  const reporter = values.verbose ? 'spec' : briefly;
  const env = { ...process.env, ...(values.long ? { CERTDIR_TEST_LONG: '1' } : {}) };
  const { status } = spawnSync(
    process.execPath,
    [
      '--test',
      `--test-concurrency=${availableParallelism()}`,
      `--test-reporter=${reporter}`,
      '--enable-source-maps',
      ...entries,
    ],
    { cwd: packageRoot, env, stdio: 'inherit' },
  );
  return status ?? 1;
}

process.exitCode = main();

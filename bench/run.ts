/**
 * The command behind `npm run bench`: runs benchmarks one after another, each in a process of its own.
 *
 *     npm run bench                              everything
 *     npm run bench -- crl search                some
 *     npm run --silent bench -- crl --json       one JSON document, by the names of the benchmarks
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const programs = [
  'certificates',
  'crl',
  'revocation',
  'compromise',
  'search',
  'ldap',
  'connections',
  'ldif',
  'store',
  'signer',
  'ocsp',
  'reads',
  'audit',
] as const;
type Program = (typeof programs)[number];

const usage = `usage: npm run bench -- [${programs.join('|')}]… [--json]`;

/** Where a benchmark's own limit did not end it. */
const TIMEOUT_MS = 300_000;

const isProgram = (name: string): name is Program => (programs as readonly string[]).includes(name);

/** @returns What it printed where `isJson`, otherwise nothing: it prints itself. */
function run(program: Program, isJson: boolean): string {
  const entry = new URL(`./${program}${extname(import.meta.url)}`, import.meta.url);
  const { status, signal, stdout } = spawnSync(
    process.execPath,
    [fileURLToPath(entry), ...(isJson ? ['--json'] : [])],
    {
      stdio: ['ignore', isJson ? 'pipe' : 'inherit', 'inherit'],
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
      // As bin/certdir sets it for the program itself.
      env: { UV_THREADPOOL_SIZE: String(Math.max(8, 2 * availableParallelism())), ...process.env },
    },
  );
  if (status !== 0) {
    throw new Error(`bench ${program} ended with ${status ?? signal}`);
  }
  return stdout ?? '';
}

function main(): number {
  let chosen: { readonly values: { readonly json: boolean }; readonly positionals: string[] };
  try {
    chosen = parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false } },
    });
  } catch {
    chosen = { values: { json: false }, positionals: ['?'] };
  }
  const { values, positionals } = chosen;
  if (!positionals.every(isProgram)) {
    process.stderr.write(`${usage}\n`);
    return 64;
  }
  const wanted = positionals.length === 0 ? programs : positionals.filter(isProgram);
  const documents: Record<string, unknown> = {};
  for (const program of wanted) {
    const printed = run(program, values.json);
    if (values.json) {
      documents[program] = JSON.parse(printed);
    } else {
      process.stdout.write('\n');
    }
  }
  if (values.json) {
    process.stdout.write(`${JSON.stringify(documents, undefined, 2)}\n`);
  }
  return 0;
}

try {
  process.exitCode = main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

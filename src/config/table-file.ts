/**
 * The reader of tables that people write: one row a line, values between commas, the first row names the columns, lines
 * that begin with # are for people. There is no quoting, so a value has no comma.
 *
 * For what is long and has one shape: the nation's 1,741 municipalities take 310 ms of processor time to parse as YAML.
 * What has structure is YAML (`yaml-file.ts`).
 *
 * @module
 */

import { readFile, stat } from 'node:fs/promises';
import type { z } from 'zod';

import { ConfigError } from './errors.ts';

const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_REPORTED_ISSUES = 20;

/**
 * Reads and validates a table.
 *
 * @param file Path, as it shall stand in messages.
 * @param schema Of the rows: objects with the columns' names; a value left empty is absent.
 * @throws {ConfigError} `CONFIG_UNREADABLE`, `CONFIG_SYNTAX`, `CONFIG_INVALID`, with file and line.
 */
export async function loadTableFile<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  return parseTable(await readText(file), file, schema);
}

/** Validates a table's text. */
export function parseTable<T>(text: string, file: string, schema: z.ZodType<T>): T {
  const lines = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== '' && !line.startsWith('#'));
  const [first, ...others] = lines;
  const columns = first?.line.split(',') ?? [];
  const rows = others.map(({ line, number }) => {
    if (line.includes('"')) {
      throw syntax(file, number, 'values stand between commas, without quotes');
    }
    const values = line.split(',');
    if (values.length !== columns.length) {
      const wanted = columns.join(',');
      throw syntax(
        file,
        number,
        `${values.length} values for ${columns.length} columns: ${wanted}`,
      );
    }
    return Object.fromEntries(
      columns.flatMap((column, index) => {
        const value = values[index] ?? '';
        return value === '' ? [] : [[column, value] as const];
      }),
    );
  });
  const result = schema.safeParse(rows);
  if (result.success) {
    return result.data;
  }
  const told = result.error.issues.slice(0, MAX_REPORTED_ISSUES).map(({ path, message }) => {
    const [row, column] = path;
    const at = others[Number(row)]?.number ?? first?.number ?? 1;
    return `${file}:${at}: ${column === undefined ? '' : `${String(column)}: `}${message}`;
  });
  throw new ConfigError('CONFIG_INVALID', told.join('\n'));
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) {
      throw new ConfigError('CONFIG_SYNTAX', `${file}: larger than ${MAX_FILE_BYTES} bytes`);
    }
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof ConfigError) {
      throw cause;
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError('CONFIG_UNREADABLE', `${file}: ${reason}`, { cause });
  }
}

function syntax(file: string, line: number, what: string): ConfigError {
  return new ConfigError('CONFIG_SYNTAX', `${file}:${line}: ${what}`);
}

/**
 * The one reader of YAML that people write: configuration and policies. Raw text becomes a
 * valid-only value here or an error that names file, line, path, what was found and what is
 * allowed. Unknown keys are refused by the schemas (`z.strictObject`); YAML aliases are refused
 * because a few of them can blow up to gigabytes.
 *
 * @module
 */

import { readFile, stat } from 'node:fs/promises';
import { type Document, isAlias, isNode, LineCounter, parseDocument, visit } from 'yaml';
import type { z } from 'zod';

import { ConfigError } from './errors.ts';

/** No policy or configuration comes near this. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_REPORTED_ISSUES = 20;

/**
 * Reads and validates a YAML file.
 *
 * @param file Path, as it shall stand in messages.
 * @throws {ConfigError} `CONFIG_UNREADABLE`, `CONFIG_SYNTAX`, `CONFIG_INVALID`.
 */
export async function loadYamlFile<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  return parseYaml(await readText(file), file, schema);
}

/**
 * Validates YAML text.
 *
 * @param file The name that stands in messages.
 */
export function parseYaml<T>(text: string, file: string, schema: z.ZodType<T>): T {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const at = lines.linePos(problem.pos[0]);
    const what = problem.message.split('\n')[0] ?? problem.code;
    throw new ConfigError('CONFIG_SYNTAX', `${file}:${at.line}:${at.col}: ${what}`);
  }
  refuseAliases(document, lines, file);
  const result = schema.safeParse(document.toJS());
  if (result.success) {
    return result.data;
  }
  const told = flatten(result.error.issues).map((issue) =>
    describeIssue(issue, { document, lines, file }),
  );
  const shown = told.slice(0, MAX_REPORTED_ISSUES);
  if (told.length > shown.length) {
    shown.push(`… and ${told.length - shown.length} more`);
  }
  throw new ConfigError('CONFIG_INVALID', shown.join('\n'));
}

/**
 * Where something stands that was read before, for a fault that is found later, when what the file says is
 * put to use: `file:line:column: path.to.it`.
 *
 * @throws {ConfigError} `CONFIG_UNREADABLE`.
 */
export async function locateInYamlFile(
  file: string,
  path: readonly PropertyKey[],
): Promise<string> {
  const lines = new LineCounter();
  const document = parseDocument(await readText(file), { lineCounter: lines });
  const at = positionOf(path, { document, lines, file });
  return `${file}:${at.line}:${at.col}: ${path.map(String).join('.')}`;
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) {
      throw new ConfigError(
        'CONFIG_SYNTAX',
        `${file}: ${size} bytes; at most ${MAX_FILE_BYTES} are read`,
      );
    }
    return await readFile(file, 'utf8');
  } catch (cause) {
    if (cause instanceof ConfigError) {
      throw cause;
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError('CONFIG_UNREADABLE', `${file} cannot be read: ${reason}`, { cause });
  }
}

function refuseAliases(document: Document.Parsed, lines: LineCounter, file: string): void {
  visit(document, {
    Alias: (_key, node) => {
      const at = isAlias(node) && node.range ? lines.linePos(node.range[0]) : { line: 1, col: 1 };
      throw new ConfigError(
        'CONFIG_SYNTAX',
        `${file}:${at.line}:${at.col}: YAML aliases are not allowed here; write the value out`,
      );
    },
  });
}

type Issue = z.core.$ZodIssue;

/** A union's issues are those of the arm that came furthest, not "invalid input". */
function flatten(issues: readonly Issue[]): Issue[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'invalid_union' || issue.errors.length === 0) {
      return [issue];
    }
    const arms = [...issue.errors].sort((a, b) => deepest(b) - deepest(a) || a.length - b.length);
    return flatten(arms[0] ?? []).map((inner) => ({
      ...inner,
      path: [...issue.path, ...inner.path],
    }));
  });
}

function deepest(issues: readonly Issue[]): number {
  return Math.max(0, ...issues.map((issue) => issue.path.length));
}

interface Source {
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
  readonly file: string;
}

function describeIssue(issue: Issue, source: Source): string {
  const path =
    issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
  const at = positionOf(path, source);
  const where = path.length === 0 ? '(top)' : path.map(String).join('.');
  return `${source.file}:${at.line}:${at.col}: ${where}: ${issue.message}${foundAt(path, source)}`;
}

/** The scalar that stands there, so that a message shows the wrong value beside what is allowed. */
function foundAt(path: readonly PropertyKey[], { document }: Source): string {
  const value: unknown = document.getIn(path);
  const isScalar = ['string', 'number', 'boolean'].includes(typeof value);
  const text = isScalar ? JSON.stringify(value) : '';
  return text === '' || text.length > 80 ? '' : `; found ${text}`;
}

/** Where the deepest part of the path that the text has stands. */
function positionOf(
  path: readonly PropertyKey[],
  { document, lines }: Source,
): { readonly line: number; readonly col: number } {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) {
      return lines.linePos(node.range[0]);
    }
  }
  return { line: 1, col: 1 };
}

/**
 * A reporter for `node --test`: one line a file, every failure whole, what was skipped and counts at the end. Leaves
 * the results by name in `dist/test-results.json`.
 *
 * @module
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { inspect } from 'node:util';

import { packageRoot } from '../../src/config/package-root.ts';

/** As far as it is used here; Node hands over more. */
interface TestEvent {
  readonly type: string;
  readonly data: {
    readonly name?: string;
    readonly file?: string;
    readonly message?: string;
    readonly skip?: string | boolean;
    readonly todo?: string | boolean;
    readonly details?: {
      readonly type?: string;
      readonly duration_ms?: number;
      readonly error?: { readonly cause?: unknown; readonly failureType?: string };
    };
  };
}

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  durationMs: number;
}

const none = (): Counts => ({ passed: 0, failed: 0, skipped: 0, durationMs: 0 });

// biome-ignore lint/style/noDefaultExport: Node looks for a reporter in the default export.
export default async function* report(
  source: AsyncIterable<TestEvent>,
): AsyncGenerator<string, void, undefined> {
  const total = none();
  const failures: string[] = [];
  const skipped: string[] = [];
  const results = new ResultsFile();
  let counts = none();
  let file = '';
  for await (const event of source) {
    const { type, data } = event;
    const isResult = type === 'test:pass' || type === 'test:fail';
    const isSkipped = data.skip !== undefined && data.skip !== false;
    if (isResult) {
      results.note(event, isSkipped);
    }
    const isHook = data.details?.error?.failureType === 'hookFailed';
    if (!isResult || (data.details?.type === 'suite' && !isSkipped && !isHook)) {
      continue;
    }
    const name = nameOf(data.file);
    if (name !== file) {
      yield formatFile(file, counts);
      add(total, counts);
      counts = none();
      file = name;
    }
    count(counts, event);
    if (isSkipped) {
      skipped.push(`${file}: ${data.name ?? ''}: ${data.skip}\n`);
    }
    if (type === 'test:fail' && data.todo === undefined) {
      const failure = formatFailure(file, event);
      failures.push(failure);
      yield failure;
    }
  }
  yield formatFile(file, counts);
  add(total, counts);
  if (failures.length > 1) {
    yield `\n${failures.length} failures again:\n${failures.join('')}`;
  }
  if (skipped.length > 0) {
    yield `\nSkipped:\n${skipped.join('')}`;
  }
  results.write();
  yield `\n${total.passed} passed, ${total.failed} failed${formatSkipped(total)}\n`;
}

type Verdict = 'passed' | 'failed' | 'skipped';

/**
 * What became of each test and group of tests, for `certdir cps report`. A run of some files leaves the results of the
 * others as they were.
 */
class ResultsFile {
  readonly #file = join(packageRoot, 'dist/test-results.json');
  readonly #files: Record<string, Record<string, Verdict>> = {};

  note({ type, data }: TestEvent, isSkipped: boolean): void {
    const file = nameOf(data.file);
    this.#files[file] ??= {};
    const verdicts = this.#files[file];
    const { name = '' } = data;
    // A name that stands twice in a file has passed when both have.
    if (type === 'test:fail' && data.todo === undefined) {
      verdicts[name] = 'failed';
    } else if (isSkipped) {
      verdicts[name] ??= 'skipped';
    } else if (verdicts[name] !== 'failed') {
      verdicts[name] = 'passed';
    }
  }

  write(): void {
    const before = existsSync(this.#file)
      ? (JSON.parse(readFileSync(this.#file, 'utf8')) as { readonly files: object })
      : { files: {} };
    const files = { ...before.files, ...this.#files };
    const finishedAt = new Date().toISOString();
    writeFileSync(this.#file, JSON.stringify({ finishedAt, files }));
  }
}

/** The source that a compiled test came from. */
function nameOf(file: string | undefined): string {
  const path = relative(packageRoot, file ?? '');
  return path.replace(/^(dist|\.scratch\/[^/]+)\//, '').replace(/\.js$/, '.ts');
}

function count(counts: Counts, { type, data }: TestEvent): void {
  counts.durationMs += data.details?.duration_ms ?? 0;
  if (data.skip !== undefined && data.skip !== false) {
    counts.skipped += 1;
  } else if (type === 'test:pass') {
    counts.passed += 1;
  } else {
    counts.failed += 1;
  }
}

function add(total: Counts, counts: Counts): void {
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
}

function formatFile(file: string, counts: Counts): string {
  if (file === '') {
    return '';
  }
  const verdict = counts.failed > 0 ? 'FAIL' : 'ok  ';
  const seconds = (counts.durationMs / 1000).toFixed(1);
  return `${verdict} ${file}  ${counts.passed + counts.failed} tests${formatSkipped(counts)}, ${seconds} s\n`;
}

function formatSkipped({ skipped }: Counts): string {
  return skipped > 0 ? `, ${skipped} skipped` : '';
}

function formatFailure(file: string, { data }: TestEvent): string {
  const error = data.details?.error;
  const text = inspect(error?.cause ?? error, { depth: 3 });
  return `\nnot ok ${file}: ${data.name ?? ''}\n${text.replaceAll(/^/gm, '    ')}\n\n`;
}

/**
 * How a command answers. The answer goes to standard output, once: for people as text, with
 * `--json` as one JSON document. Everything else (progress, log, errors) goes to standard error.
 *
 * @module
 */

import type { OnProgress } from '../http/operations.ts';
import { openProgressBar } from './progress-bar.ts';

export interface Output {
  readonly isJson: boolean;
  /** The command's answer; `text` is asked for only when people read. */
  answer(value: unknown, text: () => string): void;
  /** A remark to people; nothing with `--json`. */
  note(text: string): void;
  /** Shows progress of long work on a terminal; call `stop` when it is over. */
  progress(): { readonly onProgress: OnProgress; stop(): void };
}

/** The output of this process. */
export function openOutput(options: { readonly isJson: boolean }): Output {
  const { isJson } = options;
  return {
    isJson,
    answer: (value, text) => {
      process.stdout.write(`${isJson ? JSON.stringify(value, null, 2) : text()}\n`);
    },
    note: (text) => {
      if (!isJson) {
        process.stderr.write(`${text}\n`);
      }
    },
    progress: () => (isJson || !process.stderr.isTTY ? silentProgress : openProgressBar()),
  };
}

const silentProgress = { onProgress: () => undefined, stop: () => undefined };

/** Aligned columns with a header line. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) =>
    Math.max(...lines.map((line) => displayWidth(line[column] ?? ''))),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - displayWidth(cell)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Terminal cells: East Asian wide characters take two. */
function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(
        character,
      )
        ? 2
        : 1;
  }
  return width;
}

/**
 * The thread that sorts what a bulk load has put and writes it, so that neither holds the event loop.
 *
 * @module
 */

import { parentPort } from 'node:worker_threads';

import { formatError } from '../../core/errors.ts';
import { type RunFile, writeRun } from './run-file.ts';
import { sortRows } from './run-rows.ts';

/** One run to be written. The arrays change hands and come back. */
export interface RunOrder {
  readonly file: string;
  readonly rows: Uint8Array<ArrayBuffer>;
  readonly starts: Uint32Array<ArrayBuffer>;
  /** How many of the starts are set. */
  readonly count: number;
}

export interface RunAnswer {
  readonly rows: Uint8Array<ArrayBuffer>;
  readonly starts: Uint32Array<ArrayBuffer>;
  readonly outcome: { readonly run: RunFile } | { readonly failure: string };
}

const port = parentPort;
port?.on('message', ({ file, rows, starts, count }: RunOrder) => {
  const answer: RunAnswer = {
    rows,
    starts,
    outcome: outcomeOf(file, rows, starts.subarray(0, count)),
  };
  port.postMessage(answer, [rows.buffer, starts.buffer]);
});

function outcomeOf(file: string, rows: Uint8Array, starts: Uint32Array): RunAnswer['outcome'] {
  try {
    sortRows(rows, starts);
    return { run: writeRun(file, rows, starts) };
  } catch (error) {
    return { failure: formatError(error) };
  }
}

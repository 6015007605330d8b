/**
 * What `recover confirm` sends over the control socket, where lists are larger than a JSON body may be: one line of
 * JSON, then the lists as they are, each as long as the line says.
 *
 * @module
 */

import { asBuffer, decodeUtf8, encodeUtf8 } from '../core/bytes.ts';
import { HttpError } from './errors.ts';
import type { RecoverInput } from './operations.ts';

const MAX_BYTES = 512 * 1024 * 1024;

interface TransferHead extends Omit<RecoverInput, 'lists'> {
  readonly lengths: readonly number[];
}

/** The parts of a transfer, in order. */
export function writeRecovery({ lists, ...rest }: RecoverInput): readonly Uint8Array[] {
  const head: TransferHead = { ...rest, lengths: lists.map((list) => list.length) };
  return [encodeUtf8(`${JSON.stringify(head)}\n`), ...lists];
}

/** @throws {HttpError} `HTTP_REQUEST_INVALID` when it is not what {@link writeRecovery} writes. */
export async function readRecovery(body: AsyncIterable<Uint8Array>): Promise<RecoverInput> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    bytes += part.length;
    if (bytes > MAX_BYTES) {
      throw invalid(`more than ${MAX_BYTES} bytes`);
    }
    parts.push(part);
  }
  const all = Buffer.concat(parts);
  const end = all.indexOf(0x0a);
  const { lengths, ...rest } = parseHead(all.subarray(0, Math.max(0, end)));
  const lists: Uint8Array[] = [];
  let at = end + 1;
  for (const length of lengths) {
    lists.push(asBuffer(all).subarray(at, at + length));
    at += length;
  }
  if (at !== all.length) {
    throw invalid('its lists are not as long as it says');
  }
  return { ...rest, lists };
}

function parseHead(bytes: Uint8Array): TransferHead {
  let head: Partial<TransferHead> | null;
  try {
    head = JSON.parse(decodeUtf8(bytes) ?? '') as Partial<TransferHead> | null;
  } catch {
    throw invalid('its first line is no JSON');
  }
  const { lengths, numbers, coversRest, acceptsMissing, checkpoints } = head ?? {};
  const isRight =
    isListOf(lengths, (length) => Number.isSafeInteger(length) && Number(length) >= 0) &&
    isListOf(numbers, isNumber) &&
    isListOf(checkpoints, (note) => typeof note === 'string') &&
    typeof coversRest === 'boolean' &&
    typeof acceptsMissing === 'boolean';
  if (!isRight || !lengths || !numbers || !checkpoints) {
    throw invalid('its first line lacks something');
  }
  return { lengths, numbers, coversRest, acceptsMissing, checkpoints };
}

function isListOf(value: unknown, isOne: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isOne);
}

function isNumber(value: unknown): boolean {
  const { scope, number } = (value ?? {}) as {
    readonly scope?: unknown;
    readonly number?: unknown;
  };
  return typeof scope === 'string' && typeof number === 'string' && /^\d{1,48}$/.test(number);
}

function invalid(why: string): HttpError {
  return new HttpError(
    'HTTP_REQUEST_INVALID',
    `what is sent to recover-confirm is not right: ${why}`,
  );
}

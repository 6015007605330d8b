/**
 * Verifies LevelDB's table files (google/leveldb, doc/table_format.md): every byte of a table is in a block with a
 * CRC-32C, in the last 48 bytes, or between them, which must not be.
 *
 * LevelDB does not look at these checksums when it reads through classic-level. A changed bit could hide a row,
 * or, in the filter, make one look absent (docs/decisions/0002).
 *
 * @module
 */

import { open } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { asBuffer } from '../../core/bytes.ts';
import { StoreError } from '../errors.ts';
import { crc32c } from '../journal/crc32c.ts';
import { isMissing } from '../journal/journal-file.ts';
import { decompressSnappy, readVarint } from './snappy.ts';

const FOOTER_BYTES = 48;
/** Two varints of a footer's handles are padded to this. */
const HANDLES_BYTES = 40;
const MAGIC = 0xdb4775248b80fb57n;
/** Kind of compression (1), masked CRC-32C (4). */
const TRAILER_BYTES = 5;
const MASK_DELTA = 0xa282ead8;
const SNAPPY = 1;
/** LevelDB makes tables of 2 MiB, and one of a write buffer. */
const MAX_TABLE_BYTES = 1024 * 1024 * 1024;
const BYTES_PER_TURN = 1024 * 1024;

interface Handle {
  readonly offset: number;
  readonly size: number;
}

/**
 * Reads all of a table.
 *
 * @returns its size; 0 when LevelDB has removed it meanwhile.
 * @throws {StoreError} `STORE_DAMAGED` when a byte of it is not what was written.
 */
export async function checkTable(path: string): Promise<number> {
  const bytes = await readWhole(path);
  if (bytes === undefined) {
    return 0;
  }
  const blocks = readFooter(bytes);
  if (blocks === undefined) {
    throw damaged(path, bytes.length - FOOTER_BYTES);
  }
  const { meta, index } = blocks;
  const inside: Handle[] = [meta, index];
  for (const block of [meta, index]) {
    const handles = isIntact(bytes, block) ? readHandles(bytes, block) : undefined;
    if (handles === undefined) {
      throw damaged(path, block.offset);
    }
    inside.push(...handles);
  }
  await checkBlocks(path, bytes, inside);
  return bytes.length;
}

/** Every block, and that nothing lies between them. */
async function checkBlocks(
  path: string,
  bytes: Uint8Array,
  blocks: readonly Handle[],
): Promise<void> {
  let end = 0;
  let turn = 0;
  for (const block of [...blocks].sort((left, right) => left.offset - right.offset)) {
    if (block.offset !== end || !isIntact(bytes, block)) {
      throw damaged(path, end);
    }
    end = block.offset + block.size + TRAILER_BYTES;
    if (end - turn > BYTES_PER_TURN) {
      turn = end;
      await nextTurn();
    }
  }
  if (end + FOOTER_BYTES !== bytes.length) {
    throw damaged(path, end);
  }
}

function readFooter(
  bytes: Uint8Array,
): { readonly meta: Handle; readonly index: Handle } | undefined {
  if (bytes.length < FOOTER_BYTES) {
    return undefined;
  }
  const footer = bytes.subarray(bytes.length - FOOTER_BYTES);
  const meta = readHandle(footer, 0);
  const index = meta && readHandle(footer, meta.end);
  if (
    meta === undefined ||
    index === undefined ||
    asBuffer(footer).readBigUInt64LE(HANDLES_BYTES) !== MAGIC ||
    footer.subarray(index.end, HANDLES_BYTES).some((byte) => byte !== 0)
  ) {
    return undefined;
  }
  return { meta, index };
}

function readHandle(
  bytes: Uint8Array,
  at: number,
): (Handle & { readonly end: number }) | undefined {
  const offset = readVarint(bytes, at);
  const size = offset && readVarint(bytes, offset.end);
  return size && { offset: offset.value, size: size.value, end: size.end };
}

function isIntact(bytes: Uint8Array, { offset, size }: Handle): boolean {
  const end = offset + size;
  if (end + TRAILER_BYTES > bytes.length - FOOTER_BYTES) {
    return false;
  }
  const sum = crc32c(bytes.subarray(offset, end + 1));
  const masked = (((sum >>> 15) | (sum << 17)) + MASK_DELTA) >>> 0;
  return asBuffer(bytes).readUInt32LE(end + 1) === masked;
}

/** The values of a block whose values are handles, as those of the index and of the index of filters. */
function readHandles(bytes: Uint8Array, { offset, size }: Handle): readonly Handle[] | undefined {
  const stored = bytes.subarray(offset, offset + size);
  const block = bytes[offset + size] === SNAPPY ? decompressSnappy(stored) : stored;
  if (block === undefined || block.length < 4) {
    return undefined;
  }
  const restarts = asBuffer(block).readUInt32LE(block.length - 4);
  const end = block.length - 4 * (restarts + 1);
  const handles: Handle[] = [];
  for (let at = 0; at < end; ) {
    const shared = readVarint(block, at);
    const rest = shared && readVarint(block, shared.end);
    const value = rest && readVarint(block, rest.end);
    const handle = value && readHandle(block, value.end + rest.value);
    if (handle === undefined) {
      return undefined;
    }
    handles.push(handle);
    at = value === undefined ? end : value.end + (rest?.value ?? 0) + value.value;
  }
  return handles;
}

async function readWhole(path: string): Promise<Uint8Array | undefined> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  });
  if (handle === undefined) {
    return undefined;
  }
  try {
    const { size } = await handle.stat();
    if (size > MAX_TABLE_BYTES) {
      throw damaged(path, 0);
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

function damaged(path: string, offset: number): StoreError {
  return new StoreError(
    'STORE_DAMAGED',
    `${path} is damaged at or behind byte ${offset}. Nothing was changed. Make the index anew from the ` +
      'journal: certdir store rebuild',
  );
}

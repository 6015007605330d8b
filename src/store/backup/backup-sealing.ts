/**
 * Files of a backup, encrypted or not: AES-256-GCM under a key that scrypt (RFC 7914) makes of a passphrase.
 *
 *     `certdir-sealed 1` and a line feed (17) ‖ nonce (12) ‖ ciphertext ‖ tag (16)
 *
 * The name of the file in the backup is authenticated with it, so that files cannot change places.
 *
 * @module
 */

import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  scrypt,
  timingSafeEqual,
} from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

import { encodeUtf8, equalBytes, formatHex, parseHex } from '../../core/bytes.ts';
import { formatError } from '../../core/errors.ts';
import type { RandomSource } from '../../core/random.ts';
import { StoreError } from '../errors.ts';

const MAGIC = encodeUtf8('certdir-sealed 1\n');
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const CHUNK_BYTES = 1024 * 1024;
/** 64 MiB of memory, a few tenths of a second. */
const COST = { N: 65_536, r: 8, p: 1 };

/** How the key is made, kept beside what it seals. */
export interface SealingParameters {
  readonly kdf: 'scrypt';
  readonly N: number;
  readonly r: number;
  readonly p: number;
  /** Hexadecimal. */
  readonly salt: string;
  /** Tells another passphrase from a damaged file. */
  readonly check: string;
}

/** The key of a backup. */
export interface BackupKey {
  readonly bytes: Uint8Array;
  readonly parameters: SealingParameters;
}

/** A key from a passphrase, with a salt of its own. */
export async function makeBackupKey(passphrase: string, random: RandomSource): Promise<BackupKey> {
  const salt = formatHex(random.bytes(16));
  const bytes = await deriveKey(passphrase, { ...COST, salt });
  return { bytes, parameters: { kdf: 'scrypt', ...COST, salt, check: checkOf(bytes) } };
}

/** @throws {StoreError} `STORE_BACKUP_PASSPHRASE` when it is another passphrase. */
export async function openBackupKey(
  passphrase: string | undefined,
  parameters: SealingParameters,
): Promise<BackupKey> {
  if (passphrase === undefined) {
    throw new StoreError(
      'STORE_BACKUP_PASSPHRASE',
      'The backup is encrypted: give the file with its passphrase (--passphrase-file)',
    );
  }
  const bytes = await deriveKey(passphrase, parameters);
  const [made, kept] = [encodeUtf8(checkOf(bytes)), encodeUtf8(parameters.check)];
  if (made.length !== kept.length || !timingSafeEqual(made, kept)) {
    throw new StoreError(
      'STORE_BACKUP_PASSPHRASE',
      'The backup was encrypted with another passphrase',
    );
  }
  return { bytes, parameters };
}

function deriveKey(
  passphrase: string,
  { N, r, p, salt }: Pick<SealingParameters, 'N' | 'r' | 'p' | 'salt'>,
): Promise<Uint8Array> {
  const saltBytes = parseHex(salt) ?? new Uint8Array(0);
  const isBounded = N <= COST.N * 16 && r <= 16 && p <= 4;
  return new Promise((resolve, reject) => {
    if (!isBounded) {
      reject(
        new StoreError('STORE_BACKUP_DAMAGED', 'The parameters of the encryption are not ours'),
      );
      return;
    }
    const options = { N, r, p, maxmem: 256 * N * r };
    scrypt(passphrase.normalize('NFC'), saltBytes, KEY_BYTES, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

function checkOf(key: Uint8Array): string {
  return createHmac('sha256', key).update('certdir backup').digest('hex').slice(0, 16);
}

/** A file as it is and as it is stored. */
export interface CopiedFile {
  readonly bytes: number;
  readonly sha256: string;
  readonly storedBytes: number;
  readonly storedSha256: string;
}

interface Cipher {
  update(bytes: Uint8Array): Uint8Array;
  final(): Uint8Array;
}

const plain: Cipher = { update: (bytes) => bytes, final: () => new Uint8Array(0) };

/** Copies a file into a backup, durably, encrypted when there is a key. */
export async function sealFile(
  [source, target]: readonly [source: string, target: string],
  sealing: {
    readonly name: string;
    readonly key: BackupKey | undefined;
    readonly random: RandomSource;
  },
): Promise<CopiedFile> {
  const { name, key, random } = sealing;
  if (key === undefined) {
    return await copy([source, target], {
      cipher: plain,
      head: new Uint8Array(0),
      skip: 0,
      cut: 0,
    });
  }
  const nonce = random.bytes(NONCE_BYTES);
  const gcm = createCipheriv('aes-256-gcm', key.bytes, nonce).setAAD(encodeUtf8(name));
  const cipher: Cipher = {
    update: (bytes) => gcm.update(bytes),
    final: () => Buffer.concat([gcm.final(), gcm.getAuthTag()]),
  };
  const head = Buffer.concat([MAGIC, nonce]);
  return await copy([source, target], { cipher, head, skip: 0, cut: 0 });
}

/**
 * Copies a file out of a backup, or reads it only, where there is no target.
 *
 * @throws {StoreError} `STORE_BACKUP_DAMAGED` when it was not sealed so under this key and name.
 */
export async function unsealFile(
  [source, target]: readonly [source: string, target: string | undefined],
  { name, key }: { readonly name: string; readonly key: BackupKey | undefined },
): Promise<CopiedFile> {
  if (key === undefined) {
    return await copy([source, target], {
      cipher: plain,
      head: new Uint8Array(0),
      skip: 0,
      cut: 0,
    });
  }
  const { nonce, tag } = await readFrame(source);
  const gcm = createDecipheriv('aes-256-gcm', key.bytes, nonce)
    .setAAD(encodeUtf8(name))
    .setAuthTag(tag);
  const skip = MAGIC.length + NONCE_BYTES;
  try {
    const { sha256, bytes, storedSha256, storedBytes } = await copy([source, target], {
      ...{ cipher: gcm, head: new Uint8Array(0), skip, cut: TAG_BYTES },
    });
    // What was read is what is stored; what came out is what it was.
    return { sha256: storedSha256, bytes: storedBytes, storedSha256: sha256, storedBytes: bytes };
  } catch (cause) {
    if (cause instanceof Error && /authenticate/.test(cause.message)) {
      throw new StoreError('STORE_BACKUP_DAMAGED', `${source} is not what was written`, { cause });
    }
    throw cause;
  }
}

async function readFrame(
  source: string,
): Promise<{ readonly nonce: Uint8Array; readonly tag: Uint8Array }> {
  const handle = await open(source, 'r');
  try {
    const { size } = await handle.stat();
    const head = new Uint8Array(MAGIC.length + NONCE_BYTES);
    const tag = new Uint8Array(TAG_BYTES);
    await handle.read(head, 0, head.length, 0);
    await handle.read(tag, 0, tag.length, Math.max(0, size - TAG_BYTES));
    if (size < head.length + TAG_BYTES || !equalBytes(head.subarray(0, MAGIC.length), MAGIC)) {
      throw new StoreError(
        'STORE_BACKUP_DAMAGED',
        `${source} is not an encrypted file of a backup`,
      );
    }
    return { nonce: head.subarray(MAGIC.length), tag };
  } finally {
    await handle.close();
  }
}

interface Copying {
  readonly cipher: Cipher;
  /** Stands before what the cipher gives. */
  readonly head: Uint8Array;
  /** Bytes of the source that are left out, at its beginning and at its end. */
  readonly skip: number;
  readonly cut: number;
}

async function copy(
  [source, target]: readonly [source: string, target: string | undefined],
  { cipher, head, skip, cut }: Copying,
): Promise<CopiedFile> {
  const [input, output] = [createHash('sha256'), createHash('sha256')];
  const from = await open(source, 'r');
  const into =
    target === undefined
      ? undefined
      : await open(target, 'w', 0o600).catch(async (error: unknown) => {
          await from.close();
          throw error;
        });
  let [read, written] = [0, 0];
  const write = async (bytes: Uint8Array): Promise<void> => {
    output.update(bytes);
    await (into && writeAll(into, bytes));
    written += bytes.length;
  };
  try {
    await write(head);
    const end = (await from.stat()).size - cut;
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let at = skip; at < end; ) {
      const { bytesRead } = await from.read(buffer, 0, Math.min(CHUNK_BYTES, end - at), at);
      if (bytesRead === 0) {
        throw new StoreError('STORE_BACKUP_FAILED', `${source} became shorter while it was read`);
      }
      const bytes = buffer.subarray(0, bytesRead);
      input.update(bytes);
      await write(cipher.update(bytes));
      at += bytesRead;
      read += bytesRead;
    }
    await write(cipher.final());
    await into?.sync();
  } finally {
    await from.close();
    await into?.close();
  }
  const [sha256, storedSha256] = [input.digest('hex'), output.digest('hex')];
  return { bytes: read, sha256, storedBytes: written, storedSha256 };
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at);
    at += bytesWritten;
  }
}

/** SHA-256 and length of a file; undefined when there is none. */
export async function hashFile(
  path: string,
): Promise<{ readonly bytes: number; readonly sha256: string } | undefined> {
  const handle = await open(path, 'r').catch(() => undefined);
  if (handle === undefined) {
    return undefined;
  }
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of handle.createReadStream({ autoClose: false })) {
      hash.update(chunk as Uint8Array);
      bytes += (chunk as Uint8Array).length;
    }
    return { bytes, sha256: hash.digest('hex') };
  } catch (cause) {
    throw new StoreError('STORE_BACKUP_FAILED', `${path} cannot be read: ${formatError(cause)}`, {
      cause,
    });
  } finally {
    await handle.close();
  }
}

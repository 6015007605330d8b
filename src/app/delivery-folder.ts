/**
 * The folder in which keys and files for subscribers lie (`ca/delivery/delivery-vault.ts`): a folder for each CA, a file
 * for each, for the owner's eyes alone.
 *
 * What is erased is overwritten and removed. Disks and file systems that write elsewhere than they read keep what was
 * there for a while: whoever must be sure has the folder on an encrypted disk, or in memory (tmpfs), where it is gone with
 * the machine.
 *
 * @module
 */

import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { readIfThere, replaceFile, syncFolder } from '../audit/durable-file.ts';
import type { DeliveryVault } from '../ca/delivery/delivery-vault.ts';

const namePattern = /^[0-9a-f]{40}\.(key|pin|p12)$/;
/** What was being written when the program ended. */
const draftPattern = /^[0-9a-f]{40}\.(key|pin|p12)\.new$/;

export class DeliveryFolder implements DeliveryVault {
  readonly #folder: string;

  /** @param folder Absolute path; made with the first thing that is laid into it. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await replaceFile(this.#path(name), bytes);
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    return await readIfThere(this.#path(name));
  }

  async erase(name: string): Promise<void> {
    await overwrite(this.#path(name));
    await overwrite(`${this.#path(name)}.new`);
  }

  async names(): Promise<readonly string[]> {
    const found = await readdir(this.#folder).catch((error: unknown) => {
      if (isMissing(error)) {
        return [];
      }
      throw error;
    });
    const drafts = found.filter((name) => draftPattern.test(name)).map((name) => name.slice(0, -4));
    return [...new Set([...found.filter((name) => namePattern.test(name)), ...drafts])];
  }

  #path(name: string): string {
    if (!namePattern.test(name)) {
      throw new TypeError(`no name of the vault: ${name}`);
    }
    return join(this.#folder, name);
  }
}

async function overwrite(file: string): Promise<void> {
  try {
    const handle = await open(file, 'r+');
    try {
      const { size } = await handle.stat();
      await handle.write(Buffer.alloc(size), 0, size, 0);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rm(file);
    await syncFolder(join(file, '..'));
  } catch (error) {
    if (!isMissing(error)) {
      throw error;
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

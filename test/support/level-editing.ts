/**
 * Changes rows of a store's index behind its back, with good checksums.
 *
 * @module
 */

import { join } from 'node:path';

import { Level } from 'level';

import { sealValue } from '../../src/store/level/value-checksum.ts';

/** @param folder The store's, which nobody has open. */
export async function editLevel(folder: string, key: Uint8Array, value: Uint8Array): Promise<void> {
  const level = new Level<Uint8Array, Uint8Array>(join(folder, 'level'), {
    keyEncoding: 'view',
    valueEncoding: 'view',
  });
  await level.open();
  await level.put(key, sealValue(key, value));
  await level.close();
}

/**
 * Export as LDIF: a subtree from one snapshot, parents before their children, operational attributes
 * that are stored included, so that an import elsewhere keeps identities and times.
 *
 * For the program and its owner: nothing is withheld, password hashes included.
 *
 * @module
 */

import type { ReadView } from '../store/store.ts';
import { formatAttributeDescription } from './attribute-description.ts';
import { type DirectoryCore, noSuchObject } from './directory-core.ts';
import { Dn } from './dn.ts';
import type { Entry } from './entry.ts';
import { EventLoopTurn } from './event-loop-turn.ts';
import { loadValues } from './large-values.ts';
import { formatLdifRecord, ldifHeader } from './ldif-writer.ts';
import type { AttributeValues } from './service.ts';

/** See `Directory.exportLdif`. */
export async function* exportLdif(
  core: DirectoryCore,
  base: string,
): AsyncGenerator<string, void, undefined> {
  const baseKey = Dn.parse(base, core.schema).key;
  const turn = new EventLoopTurn(core.clock);
  const snapshot = core.store.snapshot();
  try {
    if (baseKey.length > 0 && (await core.tree.read(snapshot, baseKey)) === undefined) {
      throw noSuchObject();
    }
    yield ldifHeader;
    for await (const entry of core.tree.subtree(snapshot, baseKey)) {
      yield formatLdifRecord(entry.dn, await attributesOf(entry, snapshot));
      await turn.yieldIfDue();
    }
  } finally {
    await snapshot.close();
  }
}

async function attributesOf(entry: Entry, view: ReadView): Promise<readonly AttributeValues[]> {
  const attributes: AttributeValues[] = [];
  for (const attribute of entry.attributes) {
    const description = formatAttributeDescription(attribute.type, attribute.options);
    attributes.push({ description, values: await loadValues(view, attribute) });
  }
  return attributes;
}

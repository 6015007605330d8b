/**
 * What one caller may read, for services that give out by other ways what the directory has in an entry: the same
 * decision as that of a search for the entry with this attribute, whether the attribute has a value or not.
 *
 * Not here: accounts. Nobody is told of these questions; whoever asks keeps its own.
 *
 * @module
 */

import type { DirectoryCore } from '../directory-core.ts';
import { readVisible } from '../directory-core.ts';
import { Dn } from '../names/dn.ts';
import type { Caller } from '../service.ts';

export interface ReadPermissions {
  /** Callers with the same text may read the same, but for what they see of themselves; undefined for the program. */
  readonly eyes: string | undefined;
  /**
   * Whether the caller sees the entry and may read the attribute there.
   *
   * @param dn Of the entry (RFC 4514); one that is not there may not be read.
   * @throws {DirectoryError} `DIRECTORY_DN_SYNTAX`
   */
  allows(dn: string, attribute: string): Promise<boolean>;
}

/** @param caller As it stands at this instant (`Credentials.refresh`). */
export function readPermissionsOf(core: DirectoryCore, caller: Caller): ReadPermissions {
  const access = core.policy.forCaller(caller, core.clock.nowMs());
  return {
    eyes: access.audience()?.name,
    allows: async (dn, attribute) => {
      const type = core.schema.attributeType(attribute);
      const view = core.store.snapshot();
      try {
        const visible = await readVisible(core, Dn.parse(dn, core.schema), {
          ...{ view, access },
          isOften: true,
        });
        return type !== undefined && visible?.access.allows('read', type) === true;
      } finally {
        await view.close();
      }
    },
  };
}

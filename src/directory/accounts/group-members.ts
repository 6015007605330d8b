/**
 * Who is in the groups that access rules name: groupOfNames by `member`, groupOfUniqueNames by `uniqueMember`
 * (RFC 4519 §3.5, §3.6). A group is read once and its members remembered until the entry is written again.
 *
 * A uniqueMember with a UID names someone who is told apart from the entry of that name, and is passed
 * over. Members that are groups themselves do not pass their membership on.
 *
 * @module
 */

import { decodeUtf8 } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import type { ReadView, Store } from '../../store/store.ts';
import type { Entry } from '../entries/entry.ts';
import { loadValues } from '../entries/large-values.ts';
import type { Tree } from '../entries/tree.ts';
import type { TreeWatch } from '../entries/tree-watches.ts';
import { DirectoryError } from '../errors.ts';
import { EventLoopTurn } from '../event-loop-turn.ts';
import { Dn } from '../names/dn.ts';
import type { SchemaLookup } from '../schema/schema-model.ts';
import { splitOptionalUid } from '../schema/syntax.ts';
import type { GroupKey } from './principal.ts';

/** The key of a name as a text, for sets of them. */
export function memberKey(key: Uint8Array): GroupKey {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

/** Members as they have been since the watch began, as long as it is not outdated. */
interface KnownGroup {
  readonly watch: TreeWatch;
  readonly members: Promise<ReadonlySet<string>>;
}

export interface GroupMembersOptions {
  readonly store: Store;
  readonly tree: Tree;
  readonly schema: SchemaLookup;
  readonly clock: Clock;
  /** The groups that matter. */
  readonly groups: ReadonlySet<GroupKey>;
}

const memberTypes = [
  { className: 'groupOfNames', typeName: 'member' },
  { className: 'groupOfUniqueNames', typeName: 'uniqueMember' },
] as const;

const noGroups: ReadonlySet<GroupKey> = new Set();

export class GroupMembers {
  readonly #options: GroupMembersOptions;
  readonly #known = new Map<GroupKey, KnownGroup>();

  constructor(options: GroupMembersOptions) {
    this.#options = options;
  }

  /** Calls back whenever a change of one of the groups is done, before its maker learns of it. */
  onChanged(listener: () => void): void {
    const { groups, tree } = this.#options;
    for (const group of groups) {
      tree.watches.follow(Buffer.from(group, 'latin1'), listener);
    }
  }

  /** Of the groups that matter, those that the entry with this key is a member of, at this moment. */
  async groupsOf(entryKey: Uint8Array): Promise<ReadonlySet<GroupKey>> {
    const { groups } = this.#options;
    if (groups.size === 0) {
      return noGroups;
    }
    const found = new Set<GroupKey>();
    const member = memberKey(entryKey);
    for (const group of groups) {
      if ((await this.#members(group)).has(member)) {
        found.add(group);
      }
    }
    return found;
  }

  async #members(group: GroupKey): Promise<ReadonlySet<string>> {
    for (;;) {
      const known = this.#known.get(group);
      const current = known?.watch.isOutdated === false ? known : this.#watch(group);
      if (current === undefined) {
        // Somebody is writing the group. What is read now holds until that is done.
        return await this.#read(group);
      }
      const members = await current.members;
      if (!current.watch.isOutdated) {
        return members;
      }
    }
  }

  #watch(group: GroupKey): KnownGroup | undefined {
    const watch = this.#options.tree.watches.watch(Buffer.from(group, 'latin1'), false);
    if (watch === undefined) {
      return undefined;
    }
    const known = { watch, members: this.#read(group) };
    this.#known.set(group, known);
    known.members.catch(() => {
      watch.outdate();
    });
    return known;
  }

  async #read(group: GroupKey): Promise<ReadonlySet<string>> {
    const { store, tree, clock } = this.#options;
    const members = new Set<string>();
    const turn = new EventLoopTurn(clock);
    const view = store.snapshot();
    try {
      const entry = await tree.read(view, Buffer.from(group, 'latin1'));
      for (const text of entry === undefined ? [] : await this.#memberTexts(entry, view)) {
        const name = this.#keyOf(text);
        if (name !== undefined) {
          members.add(name);
        }
        await turn.yieldIfDue();
      }
      return members;
    } finally {
      await view.close();
    }
  }

  async #memberTexts(entry: Entry, view: ReadView): Promise<readonly string[]> {
    const { schema } = this.#options;
    const objectClass = schema.attributeType('objectClass');
    const classes = objectClass === undefined ? [] : entry.values(objectClass);
    const texts: string[] = [];
    for (const { className, typeName } of memberTypes) {
      const wanted = schema.objectClass(className);
      const type = schema.attributeType(typeName);
      const attribute = type && entry.attribute(type);
      const isGroup = classes.some((value) => {
        const found = schema.objectClass(decodeUtf8(value) ?? '');
        return wanted !== undefined && found?.chain.has(wanted) === true;
      });
      if (isGroup && attribute !== undefined) {
        const values = await loadValues(view, attribute);
        texts.push(...values.flatMap((value) => plainName(value, typeName)));
      }
    }
    return texts;
  }

  /** Undefined for a name that the schema does not understand. */
  #keyOf(text: string): string | undefined {
    try {
      return memberKey(Dn.parse(text, this.#options.schema).key);
    } catch (error) {
      if (error instanceof DirectoryError) {
        return undefined;
      }
      throw error;
    }
  }
}

/** The name in the value, unless a UID goes with it. */
function plainName(value: Uint8Array, typeName: 'member' | 'uniqueMember'): readonly string[] {
  const text = decodeUtf8(value);
  if (text === undefined) {
    return [];
  }
  if (typeName === 'member') {
    return [text];
  }
  const { name, uid } = splitOptionalUid(text);
  return uid === '' ? [name] : [];
}

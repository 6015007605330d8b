/**
 * Accounts as the rest of the program looks at them, from a snapshot or within a transaction of its own: whatever is
 * decided there by what an account is, is decided by what it is at that very moment.
 *
 * Not here: who may see accounts (`access.ts`); nothing of what is read leaves the program by itself.
 *
 * @module
 */

import { decodeUtf8 } from '../../core/bytes.ts';
import type { ReadView } from '../../store/store.ts';
import type { DirectoryCore } from '../directory-core.ts';
import type { Entry } from '../entries/entry.ts';
import { Dn } from '../names/dn.ts';
import { isDisabled } from './account.ts';
import { credentialSetters } from './credential-setters.ts';

/** An operator's entry. */
export interface StoredOperator {
  readonly entryUuid: string;
  /** As its maker wrote it. */
  readonly dn: string;
  /** The first value of cn. */
  readonly name: string;
  /** The first value of displayName: the person. */
  readonly displayName: string | undefined;
  /** The values of uid: staff numbers. */
  readonly staffNumbers: readonly string[];
  readonly roles: readonly string[];
  readonly partitions: readonly string[];
  /** SHA-256 of the certificates it authenticates with, lower-case hexadecimal. */
  readonly certificates: readonly string[];
  /** entryUUIDs of other operators who set the password or a certificate. */
  readonly credentialSetBy: readonly string[];
  readonly hasPassword: boolean;
  readonly isDisabled: boolean;
}

export class AccountReading {
  readonly #core: DirectoryCore;
  readonly #revision: () => number;

  /** @param revision See {@link AccountReading.revision}. */
  constructor(core: DirectoryCore, revision: () => number) {
    this.#core = core;
    this.#revision = revision;
  }

  /** Another number after every committed change of an account: what was read before may be out of date. */
  get revision(): number {
    return this.#revision();
  }

  /** The operator with this entryUUID, whatever its entry is called by now; undefined when there is none. */
  async operator(view: ReadView, entryUuid: string): Promise<StoredOperator | undefined> {
    const { tree } = this.#core;
    const key = await tree.findUuid(view, entryUuid);
    const entry = key && (await tree.read(view, key));
    return entry && this.#read(entry);
  }

  /** The operators directly below an entry. */
  async operatorsBelow(view: ReadView, name: string): Promise<readonly StoredOperator[]> {
    const { tree, schema } = this.#core;
    const found: StoredOperator[] = [];
    for await (const entry of tree.children(view, Dn.parse(name, schema).key)) {
      const operator = this.#read(entry);
      if (operator !== undefined) {
        found.push(operator);
      }
    }
    return found;
  }

  /** Whether a name is directly below another, however both are written. */
  isDirectlyBelow(name: string, parent: string): boolean {
    const { schema } = this.#core;
    return Dn.parse(name, schema).parent()?.equals(Dn.parse(parent, schema)) === true;
  }

  #read(entry: Entry): StoredOperator | undefined {
    const { types, schema, tree } = this.#core;
    const texts = (name: string): readonly string[] => {
      const type = schema.attributeType(name);
      return type === undefined ? [] : entry.values(type).map((value) => decodeUtf8(value) ?? '');
    };
    const roles = texts('certdirOperatorRole');
    if (roles.length === 0) {
      return undefined;
    }
    return {
      entryUuid: tree.uuidOf(entry),
      dn: entry.dn,
      name: texts('cn')[0] ?? '',
      displayName: texts('displayName')[0],
      staffNumbers: texts('uid'),
      roles,
      partitions: texts('certdirGrantedPartition'),
      certificates: texts('certdirCertificateSha256').map((text) => text.toLowerCase()),
      credentialSetBy: credentialSetters(texts('certdirCredentialSetBy')),
      hasPassword: texts('userPassword').length > 0,
      isDisabled: isDisabled(entry, types),
    };
  }
}

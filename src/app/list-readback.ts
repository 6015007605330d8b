/**
 * I8: every list that came out is read back over LDAP, through our own listener and a client that is not ours (ldapjs, in a
 * thread of its own): by whoever has not bound, and by a registered verifier where the configuration names one. Each has
 * to be given exactly the newest lists that the policy's rules grant it, byte for byte, and no others.
 *
 * A list that does not come back as it was published is read again, and after some tries made anew, once: it cannot be
 * withdrawn, because the one before it is gone, and no list at all would be worse (I7). One that is given to somebody who
 * may not have it is an alarm at once.
 *
 * The verifier is an ordinary one, registered and agreed with like all others, listed among them, and counted in the
 * provision report; nobody has access by other means.
 *
 * @module
 */

import { formatHex } from '../core/bytes.ts';
import { formatError } from '../core/errors.ts';
import type { EntryLists } from '../readback/ldap-thread.ts';
import type { Job } from '../scheduler/job.ts';
import type { BrokenInvariants } from './broken-invariants.ts';
import type { CaInstance } from './ca-instance.ts';

/** Who reads. */
export interface ListReader {
  /** Undefined for who has not bound. */
  readonly account: string | undefined;
  /** What the rules take the connection for. */
  readonly tls: 'none' | 'tls';
  readonly address: string;
  /** What the entries of these names hold, for this reader. */
  read(names: readonly string[]): Promise<readonly EntryLists[]>;
}

export interface ListReadbackOptions {
  readonly authority: Pick<CaInstance['authority'], 'scopes' | 'listArchivedSince'> & {
    readonly deltas: Pick<CaInstance['authority']['deltas'], 'onShow'>;
  };
  readonly directory: Pick<CaInstance['directory'], 'explainAccess'>;
  readonly clock: CaInstance['clock'];
  readonly log: CaInstance['log'];
  readonly broken: BrokenInvariants;
  readonly readers: readonly ListReader[];
  /** Makes a list anew. */
  readonly republish: (scopeId: string) => Promise<unknown>;
}

/** Lists are gathered for so long, since a thread and a connection are made for each run. */
const GATHER_MS = 2_000;
const PER_CONNECTION = 64;
/** Failed tries before a list is made anew. */
const TRIES = 3;

/** A list, full or delta, that is out. */
interface Published {
  readonly id: string;
  readonly dn: string;
  readonly attribute: string;
  readonly sha256: string | undefined;
}

export class ListReadback {
  readonly #options: ListReadbackOptions;
  /** Scopes to read, with the failed tries so far. */
  readonly #waiting = new Map<string, number>();
  readonly #remade = new Set<string>();
  #dueMs = 0;

  constructor(options: ListReadbackOptions) {
    this.#options = options;
  }

  /** A list came out. */
  note(scopeId: string): void {
    if (this.#waiting.size === 0) {
      this.#dueMs = this.#options.clock.nowMs() + GATHER_MS;
    }
    this.#waiting.set(scopeId, this.#waiting.get(scopeId) ?? 0);
  }

  /** Fails, and is run again, while a list does not come back as it should. */
  get job(): Job {
    return {
      name: 'read lists back',
      nextDueMs: async () => (this.#waiting.size === 0 ? undefined : this.#dueMs),
      run: (signal) => this.#run(signal),
    };
  }

  async #run(signal: AbortSignal): Promise<void> {
    const scopeIds = [...this.#waiting.keys()];
    const failed: string[] = [];
    for (let at = 0; at < scopeIds.length && !signal.aborted; at += PER_CONNECTION) {
      failed.push(...(await this.#readSome(scopeIds.slice(at, at + PER_CONNECTION))));
    }
    // Those that were followed by others meanwhile come again, a while later.
    this.#dueMs = this.#options.clock.nowMs() + GATHER_MS;
    if (failed.length > 0) {
      throw new Error(`${failed.length} lists were not read back as published (I8)`);
    }
  }

  /** @returns those that failed. */
  async #readSome(scopeIds: readonly string[]): Promise<readonly string[]> {
    const before = await this.#facts(scopeIds);
    const problems = new Map<string, string>();
    for (const reader of this.#options.readers) {
      try {
        await this.#compare(reader, before, problems);
      } catch (error) {
        for (const { id } of before) {
          problems.set(id, formatError(error));
        }
      }
    }
    const after = hashesOf(await this.#facts(scopeIds));
    const failed: string[] = [];
    for (const [id, hashes] of hashesOf(before)) {
      // Of one that was followed by another meanwhile nothing is known; it is read again.
      if (after.get(id) === hashes && (await this.#settle(id, problems.get(id)))) {
        failed.push(id);
      }
    }
    return failed;
  }

  /** @returns true when it has to be read again. */
  async #settle(scopeId: string, problem: string | undefined): Promise<boolean> {
    const { broken, log, republish } = this.#options;
    if (problem === undefined) {
      this.#waiting.delete(scopeId);
      this.#remade.delete(scopeId);
      broken.clear('I8', scopeId);
      log.debug('invariant I8 holds: the list was read back as published', { scope: scopeId });
      return false;
    }
    const tries = (this.#waiting.get(scopeId) ?? 0) + 1;
    this.#waiting.set(scopeId, tries);
    broken.raise({ invariant: 'I8', scopeId, level: 'error', message: problem });
    if (tries >= TRIES && !this.#remade.has(scopeId)) {
      this.#remade.add(scopeId);
      await republish(scopeId).catch((error: unknown) =>
        log.error('a list that was not read back cannot be made anew', {
          ...{ scope: scopeId, error: formatError(error) },
        }),
      );
    }
    return true;
  }

  async #facts(scopeIds: readonly string[]): Promise<readonly Published[]> {
    const { authority } = this.#options;
    // Whatever stands in the same entries is read with them.
    const names = new Set(scopeIds.map((id) => authority.scopes.find(id).dn));
    const facts: Published[] = [];
    for (const { id, dn, attribute } of authority.scopes.list.filter((one) => names.has(one.dn))) {
      const [newest] = (await authority.listArchivedSince(id, Number.POSITIVE_INFINITY)).slice(-1);
      facts.push({ id, dn, attribute, sha256: newest && formatHex(newest.sha256) });
      const delta = await authority.deltas.onShow(id);
      if (delta !== undefined) {
        const sha256 = formatHex(delta.sha256);
        facts.push({ id, dn, attribute: 'deltaRevocationList', sha256 });
      }
    }
    return facts;
  }

  async #compare(
    reader: ListReader,
    lists: readonly Published[],
    problems: Map<string, string>,
  ): Promise<void> {
    const who = reader.account ?? 'anonymous';
    const names = [...new Set(lists.map(({ dn }) => dn))];
    const entries = new Map((await reader.read(names)).map((entry) => [entry.name, entry.hashes]));
    for (const name of names) {
      const given = new Set(entries.get(name));
      for (const { id, attribute, sha256 } of lists.filter(({ dn }) => dn === name)) {
        const isGranted = await this.#isGranted(reader, name, attribute);
        const isThere = sha256 !== undefined && given.delete(sha256);
        if (isGranted && !isThere) {
          problems.set(id, `${who} is not given the newest list, or another one`);
        } else if (!isGranted && isThere) {
          problems.set(id, `${who} is given a list that it may not have`);
        }
      }
      for (const { id } of given.size > 0 ? lists.filter(({ dn }) => dn === name) : []) {
        problems.set(id, `${who} is given a list that is not the newest`);
      }
    }
  }

  /** By the rules alone, without a request that would be counted. */
  async #isGranted(reader: ListReader, on: string, attribute: string): Promise<boolean> {
    const { account, tls, address } = reader;
    const question = { on, attribute, tls, address };
    const { items } = await this.#options.directory.explainAccess(
      account === undefined ? question : { ...question, as: account },
    );
    return items.some(({ rights }) =>
      rights.some(({ right, isGranted }) => right === 'read' && isGranted),
    );
  }
}

/** What of each scope is out. */
function hashesOf(lists: readonly Published[]): ReadonlyMap<string, string> {
  const hashes = new Map<string, string>();
  for (const { id, sha256 = '' } of lists) {
    hashes.set(id, `${hashes.get(id) ?? ''} ${sha256}`);
  }
  return hashes;
}

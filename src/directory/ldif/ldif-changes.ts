/**
 * Carries out a file of changes (RFC 2849): all in one transaction, or each by itself, going on behind those
 * that are refused. Every change is subject to the same rules as over LDAP, and has its own audit record.
 *
 * Not here: the text form (`ldif-reader.ts`, `ldif-change.ts`), the changes (`directory-writer.ts`).
 *
 * @module
 */

import type { Transaction } from '../../store/store.ts';
import type { PasswordValues } from '../accounts/password-values.ts';
import type { ChangeRunner } from '../changes/change-runner.ts';
import { asDirectoryError } from '../changes/change-runner.ts';
import { DirectoryWriter } from '../changes/directory-writer.ts';
import { JoinedChanges } from '../changes/joined-changes.ts';
import type { DirectoryCore } from '../directory-core.ts';
import { DirectoryError } from '../errors.ts';
import { EventLoopTurn } from '../event-loop-turn.ts';
import type { Caller } from '../service.ts';
import {
  type LdifChange,
  type LdifControl,
  parseLdifChange,
  type ReadLdifControls,
} from './ldif-change.ts';
import { atLine, onLine } from './ldif-draft.ts';
import { type LdifReading, readLdif } from './ldif-reader.ts';

export interface ChangesOptions {
  /** All changes or none; held in memory, within a limit. Otherwise each by itself, and all are tried. */
  readonly isAtomic: boolean;
  /** Told of changes carried out, or tried. */
  readonly onProgress?: (changes: number) => void;
  /** What `control` lines ask for; critical ones are refused when left out. */
  readonly readControls?: ReadLdifControls;
  readonly readUrl?: LdifReading['readUrl'];
}

/** A change that was refused while others were carried out. */
export interface RefusedChange {
  readonly line: number;
  readonly code: string;
  readonly message: string;
}

export interface ChangesOutcome {
  /** Changes carried out. */
  readonly changes: number;
  readonly refusedCount: number;
  /** The first of those that were refused. */
  readonly refused: readonly RefusedChange[];
}

const MAX_REFUSALS_TOLD = 100;

export class LdifChanges {
  readonly #core: DirectoryCore;
  readonly #passwords: PasswordValues;
  readonly #runner: ChangeRunner;

  constructor(core: DirectoryCore, passwords: PasswordValues, runner: ChangeRunner) {
    this.#core = core;
    this.#passwords = passwords;
    this.#runner = runner;
  }

  /** See `Directory.changeByLdif`. */
  async run(
    source: AsyncIterable<Uint8Array>,
    caller: Caller,
    options: ChangesOptions,
  ): Promise<ChangesOutcome> {
    return options.isAtomic
      ? await this.#runTogether(source, caller, options)
      : await this.#runEach(source, caller, options);
  }

  async *#changes(
    source: AsyncIterable<Uint8Array>,
    { readControls = refuseCritical, readUrl }: ChangesOptions,
  ): AsyncGenerator<{ readonly change: LdifChange; readonly bytes: number }, void, undefined> {
    const turn = new EventLoopTurn(this.#core.clock);
    const records = readLdif(source, {
      holds: 'changes',
      turn,
      ...(readUrl === undefined ? {} : { readUrl }),
    });
    for await (const record of records) {
      const bytes = record.attributes.reduce(
        (sum, { description, value }) => sum + description.length + value.length,
        record.dn.length,
      );
      yield { change: parseLdifChange(record, readControls), bytes };
    }
  }

  async #runTogether(
    source: AsyncIterable<Uint8Array>,
    caller: Caller,
    options: ChangesOptions,
  ): Promise<ChangesOutcome> {
    const limit = this.#core.limits.importMemoryBytes;
    const changes: LdifChange[] = [];
    let held = 0;
    for await (const { change, bytes } of this.#changes(source, options)) {
      held += bytes;
      if (held > limit) {
        const message =
          `more than ${limit} bytes of changes that are carried out together; split the file, or let ` +
          'each change stand for itself (--continue)';
        throw atLine(change.line, new DirectoryError('DIRECTORY_LDIF_LIMIT', message));
      }
      changes.push(change);
    }
    if (changes.length > 0) {
      await this.#commit(changes, caller, options);
    }
    return { changes: changes.length, refusedCount: 0, refused: [] };
  }

  async #commit(
    changes: readonly LdifChange[],
    caller: Caller,
    { onProgress }: ChangesOptions,
  ): Promise<void> {
    const turn = new EventLoopTurn(this.#core.clock);
    let joined: JoinedChanges | undefined;
    const body = async (transaction: Transaction): Promise<void> => {
      joined = new JoinedChanges(this.#runner, transaction);
      const writer = new DirectoryWriter(this.#core, this.#passwords, joined);
      for (const [index, change] of changes.entries()) {
        await onLine(change.line, () => carryOut(writer, change, caller));
        onProgress?.(index + 1);
        await turn.yieldIfDue();
      }
    };
    try {
      await this.#core.store.transact('directory: changes of a file', body);
    } catch (error) {
      throw asDirectoryError(error);
    } finally {
      joined?.settled();
    }
  }

  async #runEach(
    source: AsyncIterable<Uint8Array>,
    caller: Caller,
    options: ChangesOptions,
  ): Promise<ChangesOutcome> {
    const writer = new DirectoryWriter(this.#core, this.#passwords, this.#runner);
    const refused: RefusedChange[] = [];
    let [done, refusedCount] = [0, 0];
    for await (const { change } of this.#changes(source, options)) {
      try {
        await carryOut(writer, change, caller);
        done += 1;
      } catch (error) {
        if (!isRefusal(error)) {
          throw atLine(change.line, error);
        }
        refusedCount += 1;
        if (refused.length < MAX_REFUSALS_TOLD) {
          refused.push({ line: change.line, code: error.code, message: error.message });
        }
      }
      options.onProgress?.(done + refusedCount);
    }
    return { changes: done, refusedCount, refused };
  }
}

async function carryOut(
  writer: DirectoryWriter,
  change: LdifChange,
  caller: Caller,
): Promise<void> {
  switch (change.kind) {
    case 'add':
      await writer.add(change.request, caller);
      return;
    case 'delete':
      await writer.delete(change.request, caller);
      return;
    case 'modify':
      await writer.modify(change.request, caller);
      return;
    case 'modifyDn':
      await writer.rename(change.request, caller);
  }
}

/** What is wrong with this change alone; without a store that takes writes none can be carried out. */
function isRefusal(error: unknown): error is DirectoryError {
  return error instanceof DirectoryError && error.code !== 'DIRECTORY_UNAVAILABLE';
}

function refuseCritical(_kind: string, controls: readonly LdifControl[]): Record<string, never> {
  if (controls.some(({ isCritical }) => isCritical)) {
    throw new DirectoryError('DIRECTORY_LDIF_CONTROL', 'a critical control is not known here');
  }
  return {};
}

/**
 * Import of LDIF content records: read, checked and hashed first, held in memory within a limit, then
 * written in one transaction, all or none. Readers are not disturbed; other writers wait for the last
 * part only.
 *
 * From trusted callers operational attributes are kept as they are in the file (entryUUID, creators and
 * times); what is computed, and who manages an entry, is not.
 *
 * Not here: the text form (`ldif-reader.ts`).
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { formatHex } from '../core/bytes.ts';
import { randomUuid } from '../core/random.ts';
import type { Transaction } from '../store/store.ts';
import { authoriseAdd } from './change-access.ts';
import { asDirectoryError } from './change-runner.ts';
import { stampChange } from './change-stamp.ts';
import type { Credentials } from './credentials.ts';
import { type DirectoryCore, suffixOf } from './directory-core.ts';
import { Dn, type Rdn } from './dn.ts';
import { type Attribute, Entry } from './entry.ts';
import { checkEntryRules, withNamingValues } from './entry-rules.ts';
import { stampCreated } from './entry-stamp.ts';
import { DirectoryError } from './errors.ts';
import { EventLoopTurn } from './event-loop-turn.ts';
import { type LdifRecord, readLdif } from './ldif-reader.ts';
import { gatherAttributes } from './new-entry.ts';
import type { PasswordValues } from './password-values.ts';
import { actorName, actorOf } from './principal.ts';
import type { Schema } from './schema.ts';
import type { AttributeType } from './schema-model.ts';
import type { Caller } from './service.ts';
import type { ValueOrigin } from './value-rules.ts';

export interface ImportProgress {
  readonly phase: 'read' | 'write';
  /** Entries done in this phase. */
  readonly entries: number;
  /** Entries in all; known once everything is read. */
  readonly total?: number;
}

interface Draft {
  readonly line: number;
  readonly dn: Dn;
  readonly entry: Entry;
}

/** Entries written between two reports. */
const ENTRIES_PER_REPORT = 100;

export class LdifImport {
  readonly #core: DirectoryCore;
  readonly #passwords: PasswordValues;
  readonly #credentials: Credentials;
  /** Attributes that are never taken from a file. */
  readonly #dropped: ReadonlySet<AttributeType>;

  constructor(core: DirectoryCore, passwords: PasswordValues, credentials: Credentials) {
    const { types } = core;
    this.#core = core;
    this.#passwords = passwords;
    this.#credentials = credentials;
    this.#dropped = new Set([
      types.managedBy,
      types.entryDn,
      types.subschemaSubentry,
      types.hasSubordinates,
      types.numSubordinates,
      types.contextCsn,
    ]);
  }

  /** See `Directory.importLdif`. */
  async run(
    source: AsyncIterable<Uint8Array>,
    caller: Caller,
    onProgress: (progress: ImportProgress) => void = () => undefined,
  ): Promise<number> {
    const hash = createHash('sha256');
    const drafts: Draft[] = [];
    const turn = new EventLoopTurn(this.#core.clock);
    let bytes = 0;
    for await (const record of readLdif(hashed(source, hash))) {
      bytes += sizeOf(record);
      if (bytes > this.#core.limits.maxImportBytes) {
        throw atLine(
          record.line,
          new DirectoryError(
            'DIRECTORY_LDIF_LIMIT',
            `more than ${this.#core.limits.maxImportBytes} bytes in one import; split the file`,
          ),
        );
      }
      drafts.push(await onLine(record.line, () => this.#draft(record, caller)));
      onProgress({ phase: 'read', entries: drafts.length });
      await turn.yieldIfDue();
    }
    await this.#write(drafts, caller, { digest: formatHex(hash.digest()), onProgress });
    return drafts.length;
  }

  async #draft(record: LdifRecord, caller: Caller): Promise<Draft> {
    const { schema, limits } = this.#core;
    const origin: ValueOrigin = caller.principal.kind === 'system' ? 'trusted' : 'client';
    const dn = Dn.parse(record.dn, schema);
    const rdn = namingOf(dn);
    if (dn.key.length > limits.maxNameBytes) {
      throw new DirectoryError('DIRECTORY_CONSTRAINT', 'the distinguished name is too long');
    }
    const attributes = gatherFrom(record, schema, origin).filter(
      ({ type }) => !this.#dropped.has(type),
    );
    const named = withNamingValues(new Entry(dn.text, dn.key, attributes), rdn, schema);
    const hashed = named.withAttributes(await this.#passwords.hashAll(named, caller));
    return { line: record.line, dn, entry: checkEntryRules(hashed, this.#core, { rdn }) };
  }

  async #write(
    drafts: readonly Draft[],
    caller: Caller,
    report: { readonly digest: string; readonly onProgress: (progress: ImportProgress) => void },
  ): Promise<void> {
    const { store, audit } = this.#core;
    const { principal, session } = caller;
    const turn = new EventLoopTurn(this.#core.clock);
    try {
      await store.transact('directory: import', async (transaction) => {
        for (const [index, draft] of drafts.entries()) {
          await onLine(draft.line, () => this.#writeOne(transaction, draft, caller));
          await turn.yieldIfDue();
          if (index % ENTRIES_PER_REPORT === ENTRIES_PER_REPORT - 1) {
            report.onProgress({ phase: 'write', entries: index + 1, total: drafts.length });
          }
        }
        await audit.append(transaction, {
          kind: 'directory.import',
          result: 'done',
          origin: {
            channel: session.channel,
            actor: actorOf(principal),
            address: session.address,
          },
          subject: drafts[0]?.dn.format() ?? '',
          request: report.digest,
          details: { entries: drafts.length },
        });
      });
    } catch (error) {
      throw asDirectoryError(error);
    }
    this.#core.counters.writes += drafts.length;
    for (const { entry } of drafts) {
      this.#credentials.entryChanged(undefined, entry);
    }
    report.onProgress({ phase: 'write', entries: drafts.length, total: drafts.length });
  }

  async #writeOne(transaction: Transaction, draft: Draft, caller: Caller): Promise<void> {
    const { tree, types, policy, clock, random, schema } = this.#core;
    const nowMs = clock.nowMs();
    const access = policy.forCaller(caller, nowMs);
    await authoriseAdd(this.#core, draft.entry, { view: transaction, access, dn: draft.dn });
    const suffix = suffixOf(this.#core, draft.dn) ?? Dn.root;
    const entry = stampCreated(draft.entry, types, {
      sequence: await stampChange(transaction, suffix.key, nowMs),
      nowMs,
      actorName: actorName(caller.principal, schema),
      entryUuid: randomUuid(random),
    });
    if ((await tree.findUuid(transaction, tree.uuidOf(entry))) !== undefined) {
      throw new DirectoryError('DIRECTORY_CONSTRAINT', 'another entry has this entryUUID');
    }
    await tree.write(transaction, entry);
  }
}

/** The record's attributes; an error that one value alone makes says where that value is. */
function gatherFrom(record: LdifRecord, schema: Schema, origin: ValueOrigin): readonly Attribute[] {
  const given = record.attributes.map(({ description, value }) => ({
    description,
    values: [value],
  }));
  try {
    return gatherAttributes(given, schema, origin);
  } catch (error) {
    for (const [index, each] of given.entries()) {
      try {
        gatherAttributes([each], schema, origin);
      } catch (cause) {
        const line = record.attributes[index]?.line ?? record.line;
        throw cause instanceof DirectoryError ? atLine(line, cause) : cause;
      }
    }
    throw error;
  }
}

function namingOf(dn: Dn): Rdn {
  const { rdn } = dn;
  if (rdn === undefined) {
    throw new DirectoryError('DIRECTORY_NAMING', 'the root of the tree is not an entry to add');
  }
  return rdn;
}

/** What is thrown about a record says where the record is. */
async function onLine<T>(line: number, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw error instanceof DirectoryError ? atLine(line, error) : error;
  }
}

function atLine(line: number, cause: DirectoryError): DirectoryError {
  if (cause.message.startsWith('line ')) {
    return cause;
  }
  const { matchedDn } = cause;
  return new DirectoryError(cause.code, `line ${line}: ${cause.message}`, { cause, matchedDn });
}

function sizeOf(record: LdifRecord): number {
  return record.attributes.reduce(
    (sum, { description, value }) => sum + description.length + value.length,
    record.dn.length,
  );
}

async function* hashed(
  source: AsyncIterable<Uint8Array>,
  hash: { update(chunk: Uint8Array): unknown },
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}

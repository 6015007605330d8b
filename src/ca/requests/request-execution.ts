/**
 * Carrying out what people have agreed on, once.
 *
 * A request is `executing` from the last step on, durably. Its effect ends it in a transaction of its own where the kind
 * can (`RequestContext.complete`), otherwise right after it. What is refused goes back to whoever took the last step; what
 * fails because something is away for now stays `executing` and is tried again.
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { recordDigest } from '../../audit/record-digest.ts';
import { formatError, isCertdirError } from '../../core/errors.ts';
import { isPassing } from '../../signing/errors.ts';
import type { Transaction } from '../../store/store.ts';
import { type CaCore, reading, transactAsOwner } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import type { JsonObject, JsonValue } from './canonical-json.ts';
import type { KindRegister } from './kind-register.ts';
import type { RequestContext } from './request-kind.ts';
import { withoutLastStep } from './request-progress.ts';
import { contentHash, type RequestRecord } from './request-record.ts';
import type { RequestStore } from './request-store.ts';

const MAX_MESSAGE_CHARACTERS = 500;

export class RequestExecution {
  readonly #core: CaCore;
  readonly #rows: RequestStore;
  readonly #kinds: KindRegister;
  /** Ids of requests that have to go on. */
  readonly #interrupted = new Set<string>();
  /** What is under way here: nothing is carried out by two at a time. */
  readonly #running = new Map<string, Promise<RequestRecord>>();

  constructor(
    core: CaCore,
    { rows, kinds }: { readonly rows: RequestStore; readonly kinds: KindRegister },
  ) {
    this.#core = core;
    this.#rows = rows;
    this.#kinds = kinds;
  }

  /** Carries out an `executing` request, with the password that it takes, if any. Resolves when it is on record that it was. */
  run(request: RequestRecord, origin: AuditOrigin, password?: Uint8Array): Promise<RequestRecord> {
    const running = this.#running.get(request.id);
    if (running !== undefined) {
      return running;
    }
    this.#interrupted.add(request.id);
    const run = this.#run(request, { origin, password }).finally(() => {
      this.#running.delete(request.id);
    });
    this.#running.set(request.id, run);
    return run;
  }

  get interrupted(): readonly string[] {
    return [...this.#interrupted].filter((id) => !this.#running.has(id));
  }

  /** Finds out what the program has left behind. */
  async open(): Promise<void> {
    await reading(this.#core.store, async (view) => {
      for await (const request of this.#rows.all(view, { isOpen: true })) {
        if (request.state === 'executing') {
          this.#interrupted.add(request.id);
        }
      }
    });
  }

  async resume(): Promise<void> {
    const errors: unknown[] = [];
    for (const id of this.interrupted) {
      const request = await reading(this.#core.store, (view) => this.#rows.read(view, id));
      const actor = request.steps.at(-1)?.person.dn ?? 'certdir';
      try {
        await this.run(request, { channel: 'system', actor });
      } catch (error) {
        this.#note(request, error);
        errors.push(...(this.#interrupted.has(id) ? [error] : []));
      }
    }
    if (errors.length > 0) {
      throw errors[0];
    }
  }

  /** Waits for what is under way. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  #note({ id }: RequestRecord, error: unknown): void {
    this.#core.log.warn('a request could not be carried out', { id, error: formatError(error) });
  }

  async #run(
    request: RequestRecord,
    { origin, password }: Pick<RequestContext, 'origin' | 'password'>,
  ): Promise<RequestRecord> {
    const { id, input } = request;
    const { kind } = this.#kinds.of(request);
    let ended: RequestRecord | undefined;
    const context: RequestContext = {
      requestId: id,
      origin,
      password,
      complete: async (transaction, result) => {
        ended = await this.#end(transaction, id, { result, origin });
      },
    };
    try {
      const result = await kind.execute(kind.schema.parse(input), context);
      ended ??= await transactAsOwner(this.#core, 'ca: end a request', (transaction) =>
        this.#end(transaction, id, { result, origin }),
      );
      this.#interrupted.delete(id);
      return ended;
    } catch (error) {
      return await this.#failed(id, { error, origin });
    }
  }

  /** @throws {CaError} `CA_REQUEST_STATE` unless it is being carried out. */
  async #end(
    transaction: Transaction,
    id: string,
    { result, origin }: { readonly result: JsonObject; readonly origin: AuditOrigin },
  ): Promise<RequestRecord> {
    const request = await this.#rows.read(transaction, id);
    if (request.state !== 'executing') {
      throw new CaError('CA_REQUEST_STATE', `${id} is ${request.state}; it is not carried out`);
    }
    const endedMs = this.#core.clock.nowMs();
    const ended: RequestRecord = { ...request, state: 'executed', result, endedMs };
    const row = this.#rows.write(transaction, ended);
    await this.#core.audit.append(transaction, {
      ...{ kind: 'request.done', result: 'done', origin, subject: id },
      request: contentHash(ended),
      after: recordDigest(row),
      details: { kind: ended.kind, ...flat(result) },
    });
    return ended;
  }

  async #failed(
    id: string,
    { error, origin }: { readonly error: unknown; readonly origin: AuditOrigin },
  ): Promise<RequestRecord> {
    const request = await reading(this.#core.store, (view) => this.#rows.read(view, id));
    if (request.state === 'executed') {
      // What came after its effect went wrong; that it was carried out stands.
      this.#interrupted.delete(id);
      this.#note(request, error);
      return request;
    }
    if (!isPassing(error)) {
      const { policy, clock } = this.#core;
      await transactAsOwner(this.#core, 'ca: a request failed', async (transaction) => {
        const before = await this.#rows.read(transaction, id);
        const { route } = this.#kinds.of(before);
        const code = isCertdirError(error) ? error.code : 'UNEXPECTED';
        const message = formatError(error).slice(0, MAX_MESSAGE_CHARACTERS);
        const failed: RequestRecord = {
          ...before,
          state: stateBefore(route.steps),
          steps: [...withoutLastStep(before.steps, route)],
          failure: { atMs: clock.nowMs(), code, message },
        };
        const row = this.#rows.write(transaction, failed);
        await this.#core.audit.append(transaction, {
          ...{ kind: 'request.done', origin, subject: id, after: recordDigest(row) },
          result: error instanceof CaError ? 'refused' : 'failed',
          details: { kind: before.kind, code, policy: policy.id },
        });
      });
      this.#interrupted.delete(id);
    }
    throw error;
  }
}

function stateBefore(steps: readonly string[]): RequestRecord['state'] {
  const states = { receive: 'received', examine: 'examined', approve: 'approved' } as const;
  const last = steps.at(-2);
  return states[last as keyof typeof states] ?? 'submitted';
}

/** Facts for a record: what a result says in one word each. */
function flat(result: JsonObject): Record<string, string | number | boolean> {
  const entries = Object.entries(result).filter(
    (entry): entry is [string, Extract<JsonValue, string | number | boolean>] =>
      typeof entry[1] === 'number' ||
      typeof entry[1] === 'boolean' ||
      (typeof entry[1] === 'string' && entry[1].length <= 128),
  );
  return Object.fromEntries(entries);
}

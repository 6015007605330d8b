/**
 * Requests on their way through people: received, examined, approved, carried out, each step by somebody else
 * (gunma 5-2-2, mic 5.2; R-ROLE 2). The record of a request and the audit record of a step are one transaction.
 *
 * Whoever decides says by its hash what is decided on; before anything is done it is worked out again. Carrying out ends the
 * request in the transaction of its effect where it can, so that an interruption anywhere leaves either nothing done, or
 * all of it on record; a request that was interrupted before goes on (`resume`).
 *
 * Not here: what a kind of request is and does (`request-kind.ts`), how far one has come (`request-progress.ts`),
 * custodians' quorums over keys (`signing/custody`).
 *
 * @module
 */

import type { AuditEvent, AuditOrigin } from '../../audit/audit-log.ts';
import { recordDigest } from '../../audit/record-digest.ts';
import type { ReadView, Transaction } from '../../store/store.ts';
import type { OperatorIdentity } from '../accounts/operator-identity.ts';
import { type CaCore, reading, recordFailure, transactAsOwner } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import { type RequestStep, stepPermission } from '../policy/permissions.ts';
import { digestOfJson, formatCanonicalJson, type JsonObject } from './canonical-json.ts';
import { Duty, type OnDuty } from './duty.ts';
import { checkInput, RequestInvalidError } from './findings.ts';
import { KindRegister } from './kind-register.ts';
import { RequestExecution } from './request-execution.ts';
import type { RequestKind } from './request-kind.ts';
import { type RequestFilter, RequestListing } from './request-listing.ts';
import { admit, type Progress, progressOf, stateOf } from './request-progress.ts';
import { contentHash, hasEnded, type RequestRecord } from './request-record.ts';
import { type RequestReport, reportOf } from './request-report.ts';
import { RequestStore } from './request-store.ts';

/** Who acts, and by which way. */
export interface Acting {
  readonly operator: OperatorIdentity;
  readonly origin: AuditOrigin;
}

/** Somebody from outside, as the front end knows who it is. */
export interface Applying {
  readonly applicant: string;
  readonly origin: AuditOrigin;
}

export interface Submission {
  readonly kind: string;
  readonly input: unknown;
  /** Of whoever receives it. */
  readonly note?: string | undefined;
  /** The same key again gives the same request back: a retry is no second one. At most 200 characters. */
  readonly key?: string | undefined;
}

export interface StepOrder {
  readonly id: string;
  /** `hash` of the report that was decided on; approvers and executors say it. */
  readonly hash?: string | undefined;
  /** What carrying it out takes and no record may have: of the file with a key. Of the last step; the others ignore it. */
  readonly password?: Uint8Array | undefined;
  readonly note?: string | undefined;
}

const kinds = {
  receive: 'request.receive',
  examine: 'request.examine',
  approve: 'request.approve',
  execute: 'request.execute',
} as const satisfies Record<RequestStep, string>;

const MAX_INPUT_BYTES = 96 * 1024;
const MAX_NOTE_CHARACTERS = 1_000;
const MAX_KEY_CHARACTERS = 200;
export class Requests {
  readonly #core: CaCore;
  readonly #duty: Duty;
  readonly #rows: RequestStore;
  readonly #kinds: KindRegister;
  readonly #execution: RequestExecution;
  readonly #listing: RequestListing;

  constructor(core: CaCore) {
    this.#core = core;
    this.#duty = new Duty(core);
    this.#rows = new RequestStore(core.tables);
    this.#kinds = new KindRegister(this.#duty.people);
    this.#execution = new RequestExecution(core, { rows: this.#rows, kinds: this.#kinds });
    this.#listing = new RequestListing(core, {
      ...{ duty: this.#duty, rows: this.#rows },
      report: (request, from) => this.#report(request, from),
    });
  }

  /** Makes a kind known. @throws {RangeError} for one that is known. */
  register<I>(kind: RequestKind<I>): void {
    this.#kinds.register(kind);
  }

  /**
   * Takes a request: from an operator, who receives it with that, or from an applicant, so that somebody has to. Durable when it
   * resolves.
   *
   * @throws {CaError} `CA_REQUEST_KIND`, `CA_REQUEST_INVALID` (a `RequestInvalidError` with all that is wrong),
   *   `CA_REQUEST_CONFLICT`, `CA_NOT_PERMITTED`, `CA_SEPARATION`, `CA_PARTITION_FOREIGN`.
   */
  async submit(submission: Submission, by: Acting | Applying): Promise<RequestReport> {
    const { origin } = by;
    try {
      const { kind, route } = this.#kinds.find(submission.kind);
      assertBounds(submission);
      const received = { kind: kind.name, input: submission.input as JsonObject };
      // What was right when it came first may have come true since, and would be refused as a second one.
      const known = await reading(this.#core.store, (view) =>
        this.#submitted(view, submission.key, received),
      );
      if (known !== undefined) {
        return await this.#goOn(known, origin);
      }
      const input = await checkInput(kind, submission.input);
      const subjects = kind.subjects?.(input) ?? [];
      if (!('operator' in by)) {
        await this.#assertNothingOpen(kind.name, subjects);
      }
      const partition = (await kind.partition?.(input)) ?? null;
      const asked = { ...received, partition };
      const record = await transactAsOwner(this.#core, 'ca: submit', async (transaction) => {
        const before = await this.#submitted(transaction, submission.key, asked);
        if (before !== undefined) {
          return before;
        }
        const { policy, clock, random } = this.#core;
        const nowMs = clock.nowMs();
        const { utcOffsetMs } = policy;
        const id = await this.#rows.drawId(transaction, { nowMs, utcOffsetMs, random });
        const fresh = freshRecord({ ...asked, id, ca: policy.id, nowMs }, by);
        await this.#rows.index(transaction, id, { key: submission.key, subjects });
        if (!('operator' in by)) {
          return await this.#put(transaction, fresh, { kind: 'request.submit', origin });
        }
        const permission = stepPermission(kind.name, 'receive');
        const { person } = await this.#duty.expect(transaction, by.operator, {
          permission,
          partition,
        });
        const taken = withStep(fresh, {
          ...{ step: 'receive', decision: 'yes', person, note: submission.note ?? '' },
          ...{ method: by.operator.method, atMs: nowMs, hash: contentHash(fresh) },
        });
        const progress = progressOf(taken, { route, nowMs, isStanding: () => true });
        const accepted = { ...taken, state: stateOf(progress, route) };
        return await this.#put(transaction, accepted, { kind: 'request.receive', origin });
      });
      return await this.#goOn(record, origin);
    } catch (error) {
      const event = { kind: 'request.submit', origin, subject: submission.kind.slice(0, 40) };
      await recordFailure(this.#core, event, error);
      throw error;
    }
  }

  /** Receives what an applicant has submitted. @throws {CaError} as `approve`. */
  receive(order: StepOrder, by: Acting): Promise<RequestReport> {
    return this.#take('receive', order, by);
  }

  /** @throws {CaError} as `approve`. */
  examine(order: StepOrder, by: Acting): Promise<RequestReport> {
    return this.#take('examine', order, by);
  }

  /**
   * Takes the next step. The last one carries the request out, and resolves when that is durable. Taken again by the same
   * operator it answers how things stand.
   *
   * @throws {CaError} `CA_REQUEST_UNKNOWN`, `CA_REQUEST_STATE` when it is not the step's turn, `CA_REQUEST_CHANGED` when the hash is
   *   of something else, `CA_REQUEST_INVALID` when it has come to be wrong, `CA_NOT_PERMITTED`, `CA_SEPARATION`,
   *   `CA_SAME_PERSON`, `CA_PARTITION_FOREIGN`; and whatever carrying it out throws.
   */
  approve(order: StepOrder & { readonly hash: string }, by: Acting): Promise<RequestReport> {
    return this.#take('approve', order, by);
  }

  /** Carries out, or has one that was interrupted go on. @throws {CaError} as `approve`. */
  execute(order: StepOrder & { readonly hash: string }, by: Acting): Promise<RequestReport> {
    return this.#take('execute', order, by);
  }

  /** Says no, in the place of the next step. @throws {CaError} as `approve`. */
  async reject(order: StepOrder, by: Acting): Promise<RequestReport> {
    const record = await this.#recorded('request.reject', order, by, async (transaction) => {
      const { request, progress } = await this.#open(transaction, order.id);
      const step = progress.next ?? lastRejected(request);
      if (step === undefined) {
        throw new CaError('CA_REQUEST_STATE', `${request.id} is ${request.state}`);
      }
      return await this.#decide(transaction, {
        ...{ request, progress, order, by },
        ...{ step, decision: 'no' },
      });
    });
    return await this.#report(record);
  }

  /**
   * Takes a request back before it is carried out: whoever may receive such requests, e.g. for the applicant.
   *
   * @throws {CaError} `CA_REQUEST_UNKNOWN`, `CA_REQUEST_STATE`, `CA_NOT_PERMITTED`, `CA_SEPARATION`,
   *   `CA_PARTITION_FOREIGN`.
   */
  async withdraw(order: StepOrder, by: Acting): Promise<RequestReport> {
    const record = await this.#recorded('request.withdraw', order, by, async (transaction) => {
      const request = await this.#rows.read(transaction, order.id);
      const { person } = await this.#expect(transaction, request, { by, step: 'receive' });
      if (request.state === 'withdrawn') {
        return request;
      }
      if (hasEnded(request) || request.state === 'executing') {
        throw new CaError('CA_REQUEST_STATE', `${request.id} is ${request.state}`);
      }
      const atMs = this.#core.clock.nowMs();
      const withdrawn: RequestRecord = {
        ...withStep(request, {
          ...{ step: 'withdraw', decision: 'yes', person, note: order.note ?? '', atMs },
          ...{ method: by.operator.method, hash: contentHash(request) },
        }),
        state: 'withdrawn',
        endedMs: atMs,
      };
      const { origin } = by;
      return await this.#put(transaction, withdrawn, { kind: 'request.withdraw', origin });
    });
    return await this.#report(record);
  }

  /** One request. @throws {CaError} `CA_REQUEST_UNKNOWN` also for who may not see it, `CA_NOT_PERMITTED`, `CA_SEPARATION`. */
  show(id: string, operator: OperatorIdentity): Promise<RequestReport> {
    return this.#listing.show(id, operator);
  }

  /** Requests that the operator may see, oldest first. @throws {CaError} `CA_NOT_PERMITTED`, `CA_SEPARATION`. */
  list(filter: RequestFilter, operator: OperatorIdentity): Promise<readonly RequestReport[]> {
    return this.#listing.list(filter, operator);
  }

  /** What an end of the program has interrupted, or something that was away for a while; `resume` has it go on. */
  get interrupted(): readonly string[] {
    return this.#execution.interrupted;
  }

  /** To be called once, when all kinds are registered. */
  async open(): Promise<void> {
    await this.#execution.open();
  }

  /**
   * Has everything go on that is interrupted. What is refused goes back to whoever took the last step.
   *
   * @throws what the first that could not go on has met, when all were tried.
   */
  async resume(): Promise<void> {
    await this.#execution.resume();
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    await this.#execution.settle();
  }

  async #take(step: RequestStep, order: StepOrder, by: Acting): Promise<RequestReport> {
    const record = await this.#recorded(kinds[step], order, by, async (transaction) => {
      const { request, progress } = await this.#open(transaction, order.id);
      return await this.#decide(transaction, {
        ...{ request, progress, order, by, step },
        decision: 'yes',
      });
    });
    return await this.#goOn(record, by.origin, order.password);
  }

  /** A refusal is on record too. */
  async #recorded(
    kind: string,
    { id, note = '' }: StepOrder,
    { origin }: Acting,
    act: (transaction: Transaction) => Promise<RequestRecord>,
  ): Promise<RequestRecord> {
    try {
      assertNote(note);
      if (kind !== 'request.reject' && kind !== 'request.withdraw') {
        await this.#checkAgain(id);
      }
      return await transactAsOwner(this.#core, `ca: ${kind}`, act);
    } catch (error) {
      await recordFailure(this.#core, { kind, origin, subject: id.slice(0, 40) }, error);
      throw error;
    }
  }

  /** Time has gone by: what was right when it came need not be so any more. */
  async #checkAgain(id: string): Promise<void> {
    const request = await reading(this.#core.store, (view) => this.#rows.read(view, id));
    if (!hasEnded(request) && request.state !== 'executing') {
      await checkInput(this.#kinds.find(request.kind).kind, request.input);
    }
  }

  async #decide(
    transaction: Transaction,
    wanted: {
      readonly request: RequestRecord;
      readonly progress: Progress;
      readonly order: StepOrder;
      readonly by: Acting;
      readonly step: RequestStep;
      readonly decision: 'yes' | 'no';
    },
  ): Promise<RequestRecord> {
    const { request, progress, order, by, step, decision } = wanted;
    const { person } = await this.#expect(transaction, request, { by, step });
    const hash = contentHash(request);
    if (order.hash !== undefined && order.hash !== hash) {
      throw new CaError(
        'CA_REQUEST_CHANGED',
        `the hash is of something else than ${request.id} asks for; look at it again`,
      );
    }
    if (request.state === 'executing' && step === 'execute') {
      return request;
    }
    if (admit(request, progress, { step, decision, person }) === 'again') {
      return request;
    }
    const { origin, operator } = by;
    const atMs = this.#core.clock.nowMs();
    const taken = withStep(request, {
      ...{ step, decision, person, note: order.note ?? '', atMs, hash },
      method: operator.method,
    });
    if (decision === 'no') {
      const rejected: RequestRecord = { ...taken, state: 'rejected', endedMs: atMs };
      return await this.#put(transaction, rejected, {
        ...{ kind: 'request.reject', origin },
        details: { step },
      });
    }
    const { route } = this.#kinds.of(request);
    const after = await this.#progress(transaction, taken);
    const next = { ...taken, state: stateOf(after, route), failure: null };
    return await this.#put(transaction, next, { kind: kinds[step], origin });
  }

  async #open(
    view: ReadView,
    id: string,
  ): Promise<{ readonly request: RequestRecord; readonly progress: Progress }> {
    const request = await this.#rows.read(view, id);
    return { request, progress: await this.#progress(view, request) };
  }

  async #progress(view: ReadView, request: RequestRecord): Promise<Progress> {
    const { route } = this.#kinds.of(request);
    const standing = new Set<string>();
    for (const { step, person } of request.steps) {
      if (step !== 'withdraw') {
        const permission = stepPermission(request.kind, step);
        const account = await this.#core.accounts.operator(view, person.account);
        const mayStill =
          account !== undefined &&
          !account.isDisabled &&
          this.#duty.people.isAllowed(account.roles, permission);
        if (mayStill) {
          standing.add(`${step} ${person.account}`);
        }
      }
    }
    return progressOf(request, {
      route,
      nowMs: this.#core.clock.nowMs(),
      isStanding: ({ step, person }) => standing.has(`${step} ${person.account}`),
    });
  }

  #expect(
    view: ReadView,
    { kind, partition }: RequestRecord,
    { by, step }: { readonly by: Acting; readonly step: RequestStep },
  ): Promise<OnDuty> {
    const permission = stepPermission(kind, step);
    return this.#duty.expect(view, by.operator, { permission, partition });
  }

  /**
   * People look at what applicants send, and nobody sends them more than one at a time about the same thing. Of several that
   * come in one moment more than one may pass.
   *
   * @throws {CaError} `CA_REQUEST_CONFLICT`
   */
  async #assertNothingOpen(kind: string, subjects: readonly string[]): Promise<void> {
    await reading(this.#core.store, async (view) => {
      for (const subject of subjects) {
        for await (const request of this.#rows.about(view, subject)) {
          if (request.kind === kind && !hasEnded(request)) {
            throw new CaError(
              'CA_REQUEST_CONFLICT',
              `${request.id} asks for the same and is not decided on yet; wait, or have it withdrawn`,
            );
          }
        }
      }
    });
  }

  /** What the same submission has led to before. */
  async #submitted(
    view: ReadView,
    key: string | undefined,
    asked: Pick<RequestRecord, 'kind' | 'input'>,
  ): Promise<RequestRecord | undefined> {
    const before = key === undefined ? undefined : await this.#rows.findByKey(view, key);
    if (before === undefined) {
      return undefined;
    }
    const isSame =
      before.kind === asked.kind && digestOfJson(before.input) === digestOfJson(asked.input);
    if (!isSame) {
      throw new CaError(
        'CA_REQUEST_CONFLICT',
        `the key of this submission was used for ${before.id}, which asks for something else`,
      );
    }
    return before;
  }

  async #put(
    transaction: Transaction,
    request: RequestRecord,
    event: Pick<AuditEvent, 'kind' | 'origin' | 'details'>,
  ): Promise<RequestRecord> {
    const row = this.#rows.write(transaction, request);
    await this.#core.audit.append(transaction, {
      ...event,
      result: 'done',
      subject: request.id,
      request: contentHash(request),
      after: recordDigest(row),
      details: { kind: request.kind, state: request.state, ...event.details },
    });
    return request;
  }

  /** Carries out what all steps were taken of. */
  async #goOn(
    request: RequestRecord,
    origin: AuditOrigin,
    password?: Uint8Array,
  ): Promise<RequestReport> {
    return await this.#report(
      request.state === 'executing'
        ? await this.#execution.run(request, origin, password)
        : request,
    );
  }

  #report(
    request: RequestRecord,
    from: { readonly view?: ReadView; readonly isDiscreet?: boolean } = {},
  ): Promise<RequestReport> {
    const report = async (view: ReadView): Promise<RequestReport> =>
      reportOf(request, {
        found: this.#kinds.of(request),
        progress: await this.#progress(view, request).catch(noneIfChanged),
        policy: this.#core.policy,
        isDiscreet: from.isDiscreet === true,
      });
    return from.view === undefined ? reading(this.#core.store, report) : report(from.view);
  }
}

/** What was changed goes no further, and can be looked at and withdrawn. */
function noneIfChanged(error: unknown): Progress {
  if (error instanceof CaError && error.code === 'CA_REQUEST_CHANGED') {
    return { next: undefined, missing: 0, counted: [] };
  }
  throw error;
}

function freshRecord(
  asked: Pick<RequestRecord, 'kind' | 'input' | 'partition' | 'id' | 'ca'> & {
    readonly nowMs: number;
  },
  by: Acting | Applying,
): RequestRecord {
  const { nowMs, ...rest } = asked;
  const applicant = 'applicant' in by ? by.applicant.slice(0, MAX_KEY_CHARACTERS) : null;
  return {
    ...rest,
    ...{ version: 1, submittedMs: nowMs, applicant, state: 'submitted', steps: [] },
    ...{ result: null, failure: null, endedMs: null },
  };
}

function withStep(request: RequestRecord, step: RequestRecord['steps'][number]): RequestRecord {
  return { ...request, steps: [...request.steps, step] };
}

/** So that a rejection that is sent twice is answered twice. */
function lastRejected({ steps }: RequestRecord): RequestStep | undefined {
  const last = steps.at(-1);
  return last?.decision === 'no' && last.step !== 'withdraw' ? last.step : undefined;
}

function assertBounds({ input, note = '', key }: Submission): void {
  assertNote(note);
  const isKey = key === undefined || (key.length > 0 && key.length <= MAX_KEY_CHARACTERS);
  if (!isKey) {
    const message = `the key of a submission has 1 to ${MAX_KEY_CHARACTERS} characters`;
    throw new CaError('CA_REQUEST_CONFLICT', message);
  }
  assertJson(input);
}

function assertNote(note: string): void {
  if ([...note].length > MAX_NOTE_CHARACTERS) {
    throw invalid('/note', `a note has at most ${MAX_NOTE_CHARACTERS} characters`);
  }
}

/** What is kept is what came, so it has to be JSON, and not too much of it. */
function assertJson(input: unknown): void {
  let length: number;
  try {
    length = formatCanonicalJson(input as JsonObject).length;
  } catch (cause) {
    throw invalid('', cause instanceof Error ? cause.message : 'the input is no JSON');
  }
  if (length > MAX_INPUT_BYTES) {
    throw invalid('', `the input has at most ${MAX_INPUT_BYTES} characters`);
  }
}

function invalid(path: string, message: string): RequestInvalidError {
  return new RequestInvalidError([{ path, code: 'FIELD_FORM', message }]);
}

/**
 * Requests against a naive model: whoever does whatever in whatever order, at any time, disabled and enabled in between, what happens
 * is what the model says. One person has two accounts.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import type { PeopleDefinition } from '../../src/ca/policy/people-schema.ts';
import { type RequestStep, requestSteps } from '../../src/ca/policy/permissions.ts';
import type { Policy } from '../../src/ca/policy/policy.ts';
import type { RequestKind } from '../../src/ca/requests/request-kind.ts';
import type { Acting, Requests } from '../../src/ca/requests/requests.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import { CaTestBed, smallGunma } from '../support/ca-test-bed.ts';
import { addOperatorEntry, machine } from '../support/people-bed.ts';
import { openRequests, toyKind } from '../support/toy-requests.ts';

const HOUR_MS = 3_600_000;
const approvalHours = 24;
const needed = { receive: 1, examine: 1, approve: 2, execute: 2 } as const;
const title = { ja: '役', en: 'role', isOffice: false };

const people: PeopleDefinition = {
  roles: { desk: { ...title, isOffice: true }, examiner: title, head: title, hand: title },
  permissions: {
    'request.revoke.receive': ['desk', 'hand'],
    'request.revoke.examine': ['examiner', 'hand'],
    'request.revoke.approve': ['head'],
    'request.revoke.execute': ['hand', 'desk'],
    'operators.manage': ['head'],
  },
  separate: [['examiner', 'head']],
  requests: { revoke: { steps: requestSteps, approvals: 2, executors: 2, approvalHours } },
};
const policy: Policy = { ...smallGunma, people };
const may: Readonly<Record<RequestStep, readonly string[]>> = {
  receive: ['desk', 'hand'],
  examine: ['examiner', 'hand'],
  approve: ['head'],
  execute: ['hand', 'desk'],
};

/** Accounts; `human` is who has it. Number 8 is the second account of human 3, whom it divides. */
const accounts = [
  { human: 0, roles: ['desk'], partitions: ['10201'] },
  { human: 1, roles: ['desk', 'hand'], partitions: ['10201'] },
  { human: 2, roles: ['examiner'], partitions: [] },
  { human: 3, roles: ['examiner', 'hand'], partitions: [] },
  { human: 4, roles: ['head', 'hand'], partitions: [] },
  { human: 5, roles: ['head'], partitions: [] },
  { human: 6, roles: ['head', 'desk'], partitions: ['10201'] },
  { human: 7, roles: ['desk', 'examiner'], partitions: ['10202'] },
  { human: 3, roles: ['head'], partitions: [] },
  { human: 5, roles: ['hand'], partitions: [] },
  { human: 8, roles: ['head'], partitions: [] },
  { human: 9, roles: ['examiner'], partitions: [] },
  { human: 10, roles: ['desk'], partitions: ['10201', '10202'] },
  { human: 11, roles: ['head'], partitions: [] },
] as const;

type Act =
  | { readonly kind: 'submit'; readonly by: number | undefined }
  | {
      readonly kind: RequestStep | 'reject' | 'withdraw';
      readonly by: number;
      readonly on: number;
      readonly hash: 'right' | 'wrong';
    }
  /** Somebody who may takes the step whose turn it is, so that requests come to something. */
  | { readonly kind: 'next'; readonly by: number; readonly on: number }
  | { readonly kind: 'close' | 'open'; readonly by: number }
  | { readonly kind: 'wait'; readonly hours: number };

const byAny = fc.nat({ max: accounts.length - 1 });
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('submit' as const),
      by: fc.option(byAny, { nil: undefined }),
    }),
  },
  {
    weight: 45,
    arbitrary: fc.record({
      kind: fc.constant('next' as const),
      by: fc.nat({ max: 100 }),
      on: fc.nat({ max: 2 }),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        ...requestSteps,
        ...requestSteps,
        ...requestSteps,
        'reject',
        'withdraw',
      ),
      by: byAny,
      on: fc.nat({ max: 2 }),
      hash: fc.constantFrom('right', 'right', 'right', 'right', 'right', 'wrong'),
    }) as fc.Arbitrary<Act>,
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('close', 'open'),
      by: byAny,
    }) as fc.Arbitrary<Act>,
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), hours: fc.nat({ max: 12 }) }),
  },
);

interface Vote {
  readonly step: RequestStep;
  readonly account: number;
  readonly atMs: number;
}

class ModelRequest {
  votes: Vote[] = [];
  end: 'executed' | 'rejected' | 'withdrawn' | undefined;
  no: { readonly step: RequestStep; readonly account: number } | undefined;
}

class Model {
  nowMs = 0;
  readonly closed = new Set<number>();
  readonly requests: ModelRequest[] = [];

  /** Open, undivided, with the role, and of the municipality. */
  isFit(account: number, step: RequestStep): boolean {
    const own = accounts[account];
    assert.ok(own !== undefined);
    const roles: readonly string[] = accounts.flatMap((one, index) =>
      one.human === own.human && !this.closed.has(index) ? [...one.roles] : [],
    );
    const isDivided = roles.includes('examiner') && roles.includes('head');
    const partitions: readonly string[] = own.partitions;
    const hasRole = own.roles.some((role) => may[step].includes(role));
    const isAway = partitions.length > 0 && !partitions.includes('10201');
    return !this.closed.has(account) && !isDivided && hasRole && !isAway;
  }

  counted(request: ModelRequest): readonly Vote[] {
    return request.votes.filter(
      ({ step, account, atMs }) =>
        step === 'receive' ||
        step === 'examine' ||
        (this.nowMs < atMs + approvalHours * HOUR_MS && !this.closed.has(account)),
    );
  }

  next(request: ModelRequest): RequestStep | undefined {
    return request.end === undefined
      ? requestSteps.find(
          (step) =>
            this.counted(request).filter((vote) => vote.step === step).length < needed[step],
        )
      : undefined;
  }

  submit(account: number | undefined): boolean {
    if (account !== undefined && !this.isFit(account, 'receive')) {
      return false;
    }
    const request = new ModelRequest();
    if (account !== undefined) {
      request.votes.push({ step: 'receive', account, atMs: this.nowMs });
    }
    this.requests.push(request);
    return true;
  }

  step(request: ModelRequest, step: RequestStep, account: number): boolean {
    if (!this.isFit(account, step)) {
      return false;
    }
    const own = request.votes.filter((vote) => vote.step === step && vote.account === account);
    if (own.some((vote) => request.end === 'executed' || this.counted(request).includes(vote))) {
      return true;
    }
    if (!this.isFree(request, step, account)) {
      return false;
    }
    request.votes.push({ step, account, atMs: this.nowMs });
    if (this.next(request) === undefined) {
      request.end = 'executed';
    }
    return true;
  }

  reject(request: ModelRequest, account: number): boolean {
    if (request.end === 'rejected') {
      const { no } = request;
      return no !== undefined && no.account === account && this.isFit(account, no.step);
    }
    const step = this.next(request);
    if (step === undefined || !this.isFit(account, step) || !this.isFree(request, step, account)) {
      return false;
    }
    request.end = 'rejected';
    request.no = { step, account };
    return true;
  }

  withdraw(request: ModelRequest, account: number): boolean {
    if (!this.isFit(account, 'receive')) {
      return false;
    }
    if (request.end === undefined) {
      request.end = 'withdrawn';
    }
    return request.end === 'withdrawn';
  }

  /** It is the step's turn, and the human has taken no other and this one not either. */
  isFree(request: ModelRequest, step: RequestStep, account: number): boolean {
    const counted = this.counted(request);
    const human = accounts[account]?.human;
    return (
      this.next(request) === step &&
      request.votes.every(
        (vote) =>
          accounts[vote.account]?.human !== human ||
          (vote.step === step && !counted.includes(vote)),
      )
    );
  }
}

describe('requests', () => {
  it('go as a naive model says, and each is carried out once at most', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const staff: Acting[] = [];
    for (const [index, { human, roles, partitions }] of accounts.entries()) {
      const entry = { roles, partitions, fullName: `human ${human}` };
      staff.push(await addOperatorEntry(bed, `account ${index}`, entry));
    }
    const done: string[] = [];
    const kind = toyKind('revoke', (id) => done.push(id)) as RequestKind<unknown>;
    const requests = await openRequests(bed, [kind]);
    const property = fc.asyncProperty(
      fc.array(act, { minLength: 30, maxLength: 80 }),
      async (acts) => {
        await play(acts, { bed, requests, staff });
      },
    );
    await fc.assert(property, { numRuns: 50, seed: 20_261_121 });
    assert.equal(new Set(done).size, done.length, 'nothing is carried out twice');
    assert.ok(done.length > 10, `${done.length} are carried out`);
  });
});

interface World {
  readonly bed: CaTestBed;
  readonly requests: Requests;
  readonly staff: readonly Acting[];
}

async function play(acts: readonly Act[], world: World): Promise<void> {
  const { bed, requests, staff } = world;
  const model = new Model();
  const made: { readonly id: string; readonly hash: string }[] = [];
  const of = (index: number): Acting => {
    const one = staff[index];
    assert.ok(one !== undefined);
    return one;
  };
  for (const one of acts) {
    switch (one.kind) {
      case 'wait':
        await bed.clock.advance(one.hours * HOUR_MS);
        model.nowMs += one.hours * HOUR_MS;
        break;
      case 'close':
      case 'open':
        await setClosed(bed, of(one.by), one.kind === 'close');
        model.closed[one.kind === 'close' ? 'add' : 'delete'](one.by);
        break;
      case 'submit': {
        const by =
          one.by === undefined ? { applicant: 'somebody', origin: of(0).origin } : of(one.by);
        const report = await tried(requests.submit({ kind: 'revoke', input: { number: 1 } }, by));
        assert.equal(report !== undefined, model.submit(one.by), `submit by ${one.by}`);
        made.push(...(report === undefined ? [] : [report]));
        break;
      }
      default:
        await playStep(guided(one, model), { ...world, model, made });
    }
  }
  for (const index of model.closed) {
    await setClosed(bed, of(index), false);
  }
}

type StepAct = Extract<Act, { readonly on: number; readonly hash: string }>;

/** Said in full: which step, by whom of those who may. */
function guided(act: Extract<Act, { readonly on: number }>, model: Model): StepAct {
  if (act.kind !== 'next') {
    return act;
  }
  const request = model.requests[act.on];
  const step = (request && model.next(request)) ?? 'receive';
  const fit = accounts
    .map((_, index) => index)
    .filter(
      (index) => model.isFit(index, step) && (!request || model.isFree(request, step, index)),
    );
  return { kind: step, by: fit[act.by % fit.length] ?? 0, on: act.on, hash: 'right' };
}

interface Played extends World {
  readonly model: Model;
  readonly made: readonly { readonly id: string; readonly hash: string }[];
}

async function playStep(one: StepAct, { model, made, requests, staff }: Played): Promise<void> {
  const [request, known, by] = [made[one.on], model.requests[one.on], staff[one.by]];
  if (request === undefined || known === undefined || by === undefined) {
    return;
  }
  const hash = one.hash === 'right' ? request.hash : '0'.repeat(64);
  const isExpected = expected(one, model, known);
  const report = await tried(requests[one.kind]({ id: request.id, hash }, by));
  assert.equal(report !== undefined, isExpected, JSON.stringify(one));
  if (report !== undefined) {
    assert.equal(report.next, model.next(known) ?? null);
    assert.equal(report.endedMs !== null, known.end !== undefined);
    assert.ok(known.end === undefined || report.state === known.end);
  }
}

function expected(one: StepAct, model: Model, known: ModelRequest): boolean {
  switch (one.kind) {
    case 'withdraw':
      return model.withdraw(known, one.by);
    case 'reject':
      return one.hash === 'right' && model.reject(known, one.by);
    default:
      return one.hash === 'right' && model.step(known, one.kind, one.by);
  }
}

async function tried<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    assert.ok(isCertdirError(error), String(error));
    return undefined;
  }
}

async function setClosed(bed: CaTestBed, { operator }: Acting, isClosed: boolean): Promise<void> {
  const values = isClosed ? [Buffer.from('TRUE')] : [];
  const change = { operation: 'replace', attribute: 'certdirAccountDisabled', values } as const;
  await bed.directory.modify({ dn: operator.dn, changes: [change] }, machine);
}

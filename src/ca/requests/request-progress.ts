/**
 * How far a request has come: pure functions of its record, of how its kind goes and of the moment.
 *
 * A step is taken when enough people have said yes to it. A yes of an approver or executor counts for the policy's
 * time, and while the one who gave it may still give it; what was received and examined stays so.
 *
 * @module
 */

import { CaError } from '../errors.ts';
import { peopleAt } from '../policy/people.ts';
import type { RequestRoute } from '../policy/people-schema.ts';
import { type RequestStep, requestSteps } from '../policy/permissions.ts';
import { isSamePerson, isSetByOther, type Person } from './person.ts';
import {
  contentHash,
  hasEnded,
  type RequestRecord,
  type RequestState,
  type StepEntry,
} from './request-record.ts';

export interface Progress {
  /** The step that somebody has to take; undefined when all are taken, or the request has ended. */
  readonly next: RequestStep | undefined;
  /** How many more people it takes. */
  readonly missing: number;
  /** Whose yes counts. */
  readonly counted: readonly StepEntry[];
}

export interface ProgressView {
  readonly route: RequestRoute;
  readonly nowMs: number;
  /** Whether the one who took the step may still take it. */
  readonly isStanding: (entry: StepEntry) => boolean;
}

const HOUR_MS = 3_600_000;

const states = {
  receive: 'received',
  examine: 'examined',
  approve: 'approved',
  execute: 'executing',
} as const satisfies Record<RequestStep, RequestState>;

/** @throws {CaError} `CA_REQUEST_CHANGED` when somebody has said yes to something else. */
export function progressOf(request: RequestRecord, view: ProgressView): Progress {
  assertUnchanged(request);
  const counted = request.steps.filter((entry) => doesCount(entry, view));
  if (hasEnded(request) || request.state === 'executing') {
    return { next: undefined, missing: 0, counted };
  }
  for (const step of view.route.steps) {
    const missing =
      peopleAt(view.route, step) - counted.filter((entry) => entry.step === step).length;
    if (missing > 0) {
      return { next: step, missing, counted };
    }
  }
  return { next: undefined, missing: 0, counted };
}

/** What a request is called when these steps are taken, of one that has not ended. */
export function stateOf({ next }: Pick<Progress, 'next'>, { steps }: RequestRoute): RequestState {
  if (next === undefined) {
    return 'executing';
  }
  const last = steps[steps.indexOf(next) - 1];
  return last === undefined ? 'submitted' : states[last];
}

function doesCount(entry: StepEntry, { route, nowMs, isStanding }: ProgressView): boolean {
  if (entry.decision !== 'yes') {
    return false;
  }
  return (
    entry.step === 'receive' ||
    entry.step === 'examine' ||
    (nowMs < entry.atMs + route.approvalHours * HOUR_MS && isStanding(entry))
  );
}

/** Every decision names what it was about. What is there must be just that. */
function assertUnchanged(request: RequestRecord): void {
  const hash = contentHash(request);
  if (request.steps.some((entry) => entry.hash !== hash)) {
    throw new CaError(
      'CA_REQUEST_CHANGED',
      `what ${request.id} asks for is not what was decided on; withdraw it and submit it anew`,
    );
  }
}

/** What somebody wants to do with a request. */
export interface Decision {
  readonly step: RequestStep;
  readonly decision: 'yes' | 'no';
  readonly person: Person;
}

/**
 * Whether somebody may take a step now.
 *
 * @returns `again` when the same account has taken it already, and that still counts: nothing is to be done.
 * @throws {CaError} `CA_REQUEST_STATE` when it is not the step's turn, `CA_SAME_PERSON` for who took another step, or set a
 *   credential of whoever did, or had one set by them.
 */
export function admit(
  request: RequestRecord,
  progress: Progress,
  wanted: Decision,
): 'new' | 'again' {
  if (isRepeated(request, progress, wanted)) {
    return 'again';
  }
  if (hasEnded(request)) {
    throw new CaError('CA_REQUEST_STATE', `${request.id} was ${request.state} already`);
  }
  if (progress.next !== wanted.step) {
    const now =
      progress.next === undefined ? 'it is being carried out' : `now comes: ${progress.next}`;
    throw new CaError('CA_REQUEST_STATE', `${wanted.step} has to wait, or is done; ${now}`);
  }
  for (const entry of request.steps) {
    const isOther = entry.step !== wanted.step || progress.counted.includes(entry);
    if (entry.step === 'withdraw' || !isOther) {
      continue;
    }
    if (isSetByOther(entry.person, wanted.person)) {
      throw new CaError(
        'CA_SAME_PERSON',
        `${entry.person.name} took the step ${entry.step} of ${request.id}, and one of ${entry.person.name} and ${wanted.person.name} has set the password or certificate of the other; somebody else takes this one`,
      );
    }
    if (isSamePerson(entry.person, wanted.person)) {
      throw new CaError(
        'CA_SAME_PERSON',
        `${entry.person.name} took the step ${entry.step} of ${request.id}; somebody else takes this one`,
      );
    }
  }
  return 'new';
}

function isRepeated(
  request: RequestRecord,
  { counted }: Progress,
  { step, decision, person }: Decision,
): boolean {
  return request.steps.some(
    (entry) =>
      entry.step === step &&
      entry.decision === decision &&
      entry.person.account === person.account &&
      (decision === 'no' || request.state === 'executed' || counted.includes(entry)),
  );
}

/** The steps when carrying a request out has failed: whoever took the last one takes it again, or nobody does. */
export function withoutLastStep(
  steps: readonly StepEntry[],
  { steps: route }: RequestRoute,
): readonly StepEntry[] {
  const last = requestSteps.filter((step) => route.includes(step)).at(-1);
  return steps.map((entry) =>
    entry.step === last && entry.decision === 'yes' ? { ...entry, decision: 'void' } : entry,
  );
}

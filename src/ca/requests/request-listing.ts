/**
 * Requests for people to look at: one, or those that have some things in common; each only for who may see it.
 *
 * @module
 */

import { WorkSlices } from '../../audit/work-slices.ts';
import type { StoredOperator } from '../../directory/accounts/account-reading.ts';
import type { ReadView } from '../../store/store.ts';
import type { OperatorIdentity } from '../accounts/operator-identity.ts';
import { type CaCore, reading } from '../ca-core.ts';
import { type Permission, type RequestKindName, stepPermission } from '../policy/permissions.ts';
import type { Duty } from './duty.ts';
import { isSamePerson, isSetByOther, personOf } from './person.ts';
import { hasEnded, type RequestRecord, type RequestState } from './request-record.ts';
import type { RequestReport } from './request-report.ts';
import { type RequestStore, unknownRequest } from './request-store.ts';

export interface RequestFilter {
  /** `open`: those that have not ended. */
  readonly state?: RequestState | 'open' | undefined;
  readonly kind?: RequestKindName | undefined;
  /** What it is about, as its kind names it, e.g. `serial:0A1B…`. */
  readonly subject?: string | undefined;
  /** Only those whose next step the operator may take. */
  readonly isMine?: boolean | undefined;
  /** Behind the request with this id. */
  readonly after?: string | undefined;
  /** At most so many; 100 when left out. */
  readonly limit?: number | undefined;
}

const MAX_LISTED = 1_000;
const DEFAULT_LISTED = 100;
/** Parsing its record and working its hash out anew, a quarter of a millisecond, as bytes. */
const WORK_OF_A_REQUEST = 8_192;
/** A listing looks at so many requests for one page. */
const MAX_LOOKED_AT = 20_000;

interface Parts {
  readonly duty: Duty;
  readonly rows: RequestStore;
  readonly report: (
    request: RequestRecord,
    from: { readonly view: ReadView; readonly isDiscreet: boolean },
  ) => Promise<RequestReport>;
}

export class RequestListing {
  readonly #core: Pick<CaCore, 'store'>;
  readonly #duty: Duty;
  readonly #rows: RequestStore;
  readonly #report: Parts['report'];

  constructor(core: Pick<CaCore, 'store'>, { duty, rows, report }: Parts) {
    this.#core = core;
    this.#duty = duty;
    this.#rows = rows;
    this.#report = report;
  }

  /** One request. @throws {CaError} `CA_REQUEST_UNKNOWN` also for who may not see it, `CA_NOT_PERMITTED`, `CA_SEPARATION`. */
  show(id: string, operator: OperatorIdentity): Promise<RequestReport> {
    return reading(this.#core.store, async (view) => {
      const account = await this.#duty.account(view, operator);
      const request = await this.#rows.read(view, id);
      if (!this.#maySee(account, request)) {
        throw unknownRequest(id);
      }
      return await this.#reportTo(account, request, view);
    });
  }

  /** Requests that the operator may see, oldest first. @throws {CaError} `CA_NOT_PERMITTED`, `CA_SEPARATION`. */
  list(filter: RequestFilter, operator: OperatorIdentity): Promise<readonly RequestReport[]> {
    return reading(this.#core.store, async (view) => {
      const account = await this.#duty.account(view, operator);
      const limit = Math.min(filter.limit ?? DEFAULT_LISTED, MAX_LISTED);
      const found: RequestReport[] = [];
      const slices = new WorkSlices();
      let lookedAt = 0;
      for await (const request of this.#candidates(view, filter)) {
        lookedAt += 1;
        await slices.add(WORK_OF_A_REQUEST);
        if (fits(request, filter) && this.#maySee(account, request)) {
          const report = await this.#reportTo(account, request, view);
          if (filter.isMine !== true || this.#isNextOf(account, report)) {
            found.push(report);
          }
        }
        if (found.length === limit || lookedAt === MAX_LOOKED_AT) {
          break;
        }
      }
      return found;
    });
  }

  #candidates(view: ReadView, filter: RequestFilter): AsyncIterable<RequestRecord> {
    const { subject, state, after } = filter;
    if (subject !== undefined) {
      return this.#rows.about(view, subject);
    }
    const isOpen = state === 'open' || filter.isMine === true;
    return this.#rows.all(view, { isOpen, after });
  }

  #maySee(account: StoredOperator, request: RequestRecord): boolean {
    return this.#mayOneOf(account, request, 'requests.read');
  }

  /** What a request says of persons is for those who have a step in it, and for who may see what certificates say of them. */
  #reportTo(
    account: StoredOperator,
    request: RequestRecord,
    view: ReadView,
  ): Promise<RequestReport> {
    const isDiscreet = !this.#mayOneOf(account, request, 'subscribers.read');
    return this.#report(request, { view, isDiscreet });
  }

  /** Whether it has a step in requests of this kind, or this permission. */
  #mayOneOf(
    account: StoredOperator,
    { kind, partition }: RequestRecord,
    other: Permission,
  ): boolean {
    const steps = this.#duty.people.route(kind)?.steps ?? [];
    return [other, ...steps.map((step) => stepPermission(kind, step))].some(
      (permission) =>
        this.#duty.people.isAllowed(account.roles, permission) &&
        this.#duty.actsFor(account, permission, partition),
    );
  }

  /** Nobody's next step is on a request of which they took another one, or somebody whose credential they set, or who set theirs. */
  #isNextOf(account: StoredOperator, { next, kind, partition, steps }: RequestReport): boolean {
    if (next === null) {
      return false;
    }
    const permission = stepPermission(kind, next);
    const person = personOf(account);
    const hasTaken = steps.some(
      (entry) =>
        entry.step !== next &&
        (isSamePerson(entry.person, person) || isSetByOther(entry.person, person)),
    );
    return (
      !hasTaken &&
      this.#duty.people.isAllowed(account.roles, permission) &&
      this.#duty.actsFor(account, permission, partition)
    );
  }
}

function fits(request: RequestRecord, { state, kind, subject, after }: RequestFilter): boolean {
  return (
    (kind === undefined || request.kind === kind) &&
    (state === undefined || (state === 'open' ? !hasEnded(request) : request.state === state)) &&
    (subject === undefined || after === undefined || request.id > after)
  );
}

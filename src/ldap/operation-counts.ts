/**
 * How many requests of each kind came and were answered, with which results, and which deadlines cut
 * connections: counters of a server since it was opened.
 *
 * @module
 */

import type { Deadline } from './deadlines.ts';
import type { RequestKind } from './requests.ts';

/** What has come of requests of one kind. */
export interface OperationCount {
  readonly initiated: number;
  /** Answered, carried out without an answer (unbind, abandon), or given up. */
  readonly completed: number;
}

export interface OperationStatistics {
  readonly operations: Readonly<Record<RequestKind, OperationCount>>;
  /** By result code, of all kinds. */
  readonly results: ReadonlyMap<number, number>;
  /** Connections that were cut, by what they were late with. */
  readonly deadlines: Readonly<Record<Deadline, number>>;
}

interface Count {
  initiated: number;
  completed: number;
}

const none = (): Count => ({ initiated: 0, completed: 0 });

export class OperationCounts {
  readonly #operations: Readonly<Record<RequestKind, Count>> = {
    bind: none(),
    unbind: none(),
    search: none(),
    modify: none(),
    add: none(),
    delete: none(),
    modifyDn: none(),
    compare: none(),
    abandon: none(),
    extended: none(),
  };
  readonly #results = new Map<number, number>();
  readonly #deadlines = { idle: 0, header: 0, request: 0, write: 0, handshake: 0, close: 0 };

  get statistics(): OperationStatistics {
    return {
      operations: copyOf(this.#operations),
      results: new Map(this.#results),
      deadlines: { ...this.#deadlines },
    };
  }

  initiated(kind: RequestKind): void {
    this.#operations[kind].initiated += 1;
  }

  /** @param resultCode Undefined when there was no answer. */
  completed(kind: RequestKind, resultCode: number | undefined): void {
    this.#operations[kind].completed += 1;
    if (resultCode !== undefined) {
      this.#results.set(resultCode, (this.#results.get(resultCode) ?? 0) + 1);
    }
  }

  expired(deadline: Deadline): void {
    this.#deadlines[deadline] += 1;
  }
}

function copyOf(operations: Readonly<Record<RequestKind, Count>>): Record<RequestKind, Count> {
  const copy = { ...operations };
  for (const [kind, count] of Object.entries(operations)) {
    copy[kind as RequestKind] = { ...count };
  }
  return copy;
}

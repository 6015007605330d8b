/**
 * What became of calls, counted.
 *
 * @module
 */

/**
 * `unauthenticated`, `forbidden` and `limited` are 401, 403 and 429, `refused` any other fault of the call, `unavailable` 503,
 * `failed` a fault inside.
 */
export const callOutcomes = [
  'done',
  'unauthenticated',
  'forbidden',
  'limited',
  'refused',
  'unavailable',
  'failed',
] as const;

export type CallOutcome = (typeof callOutcomes)[number];

export interface ApiStatistics {
  readonly calls: Readonly<Record<CallOutcome, number>>;
  readonly replayed: number;
  readonly sessions: number;
}

const byStatus: ReadonlyMap<number, CallOutcome> = new Map([
  [401, 'unauthenticated'],
  [403, 'forbidden'],
  [429, 'limited'],
  [503, 'unavailable'],
]);

export class CallCounts {
  readonly #calls: Record<CallOutcome, number> = {
    ...{ done: 0, unauthenticated: 0, forbidden: 0, limited: 0 },
    ...{ refused: 0, unavailable: 0, failed: 0 },
  };

  get calls(): Readonly<Record<CallOutcome, number>> {
    return { ...this.#calls };
  }

  count(status: number): void {
    const other = status >= 500 ? 'failed' : 'refused';
    this.#calls[status < 400 ? 'done' : (byStatus.get(status) ?? other)] += 1;
  }
}

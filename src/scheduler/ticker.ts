/**
 * When to look whether something is due. A tick carries nothing: what is due is computed from facts, so a
 * tick too many or too few does no harm.
 *
 * @module
 */

export interface Ticker {
  /** Calls `onTick` again and again until stopped. Started once. */
  start(onTick: () => void): void;
  stop(): void;
}

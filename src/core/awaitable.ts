/**
 * A result that may be at hand already. Waiting for a promise costs a turn of the microtask queue and a few
 * objects; on the way of a search there are a dozen places where nearly always nothing has to be waited
 * for.
 *
 *     const found = view.read(key);
 *     const bytes = found instanceof Promise ? await found : found;
 *
 * @module
 */

/** The value, or a promise of it. `await` takes both. */
export type Awaitable<T> = T | Promise<T>;

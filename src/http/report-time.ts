/**
 * Times in reports.
 *
 * @module
 */

/** RFC 3339 in UTC, to the second. */
export function formatTime(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}

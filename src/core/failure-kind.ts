/**
 * What a person or a client can do about a failure.
 *
 * @module
 */

/**
 * `refused`: what was asked for is wrong or not allowed; `absent`: what it names is not there; `conflict`: it does not
 * fit what there is now; `unavailable`: later it may go; `configuration`, `damaged` and `failed` are for whoever runs
 * the program.
 */
export type FailureKind =
  | 'failed'
  | 'usage'
  | 'configuration'
  | 'refused'
  | 'absent'
  | 'conflict'
  | 'unavailable'
  | 'damaged';

/**
 * Who works at this machine.
 *
 * @module
 */

/** The person at the terminal as the audit log shall name them. */
export interface Operator {
  readonly name: string;
}

/**
 * What a CA's policy wants of passwords, as plain data: how good they must be, how long they hold, and
 * how long a guesser waits.
 *
 * Not here: the rules at work (`password-quality.ts`, `password-ageing.ts`, `guess-throttle.ts`).
 *
 * @module
 */

export type CharacterKind = 'upperCase' | 'lowerCase' | 'digit' | 'symbol';

/** Accounts whose passwords age. Entries that are neither keep theirs. */
export type AgeingAccount = 'operator' | 'verifier';

export interface PasswordPolicy {
  readonly minCharacters: number;
  /** Each must occur. */
  readonly characterKinds: readonly CharacterKind[];
  /** Refuses passwords that are little more than the account's own name. */
  readonly refuseNames: boolean;
  /** How many of the last passwords, the one in use included, may not be chosen again. */
  readonly history: number;
  /** Undefined: passwords hold for ever. */
  readonly ageing?: PasswordAgeing | undefined;
  readonly delays: GuessDelays;
}

export interface PasswordAgeing {
  readonly accounts: readonly AgeingAccount[];
  readonly maxAgeDays: number;
  /** The last days of a password's life are announced. */
  readonly warningDays: number;
}

/**
 * After `freeFailures` wrong passwords for one account from one address the next try waits
 * `firstSeconds`, and twice as long after each further one, up to `maxSeconds`.
 */
export interface GuessDelays {
  readonly freeFailures: number;
  readonly firstSeconds: number;
  readonly maxSeconds: number;
}

/** Any password, for ever; guessers wait all the same. */
export const lenientPasswordPolicy: PasswordPolicy = {
  minCharacters: 1,
  characterKinds: [],
  refuseNames: false,
  history: 0,
  delays: { freeFailures: 5, firstSeconds: 1, maxSeconds: 300 },
};

/**
 * One access rule with its names resolved: which callers, entries and attributes it fits, and what
 * it grants.
 *
 * @module
 */

import type { EntryPrincipal } from '../accounts/principal.ts';
import type { Entry } from '../entries/entry.ts';
import type { AccessRight, AccessRule } from './access-rule.ts';
import { type AccessItem, needed, type RuleContext, RuleItems } from './rule-items.ts';
import { type CallerEntryMismatch, RuleSubject } from './rule-subject.ts';
import { RuleTarget, type TargetMismatch } from './rule-target.ts';

const disclose = 1;
const search = 2;
const compare = 4;
const read = 8;
const add = 16;
const remove = 32;
const auth = 64;
const manage = 128;

/** A right is there when all of its bits are. */
export const rightBits: Readonly<Record<AccessRight, number>> = {
  ...{ disclose, search, compare, read, add, auth, manage },
  delete: remove,
  write: add | remove,
};

const allBits = 255;
/** What `*` does not give on secrets. */
const lookingBits = search | compare | read;
const secretNames: ReadonlySet<string> = new Set(['userPassword', 'certdirPasswordHistory']);

/** What rules may grant on entries that are several CAs'. */
const commonRights: readonly AccessRight[] = ['disclose', 'search', 'compare', 'read'];

/** Why a rule that fits a caller does not fit an entry. */
export type EntryMismatch = CallerEntryMismatch | TargetMismatch;

export class CompiledRule {
  /** Its place in the list, from 1. */
  readonly number: number;
  /** Whose list that is; empty where there is one. */
  readonly realm: string;
  /** As the configuration has it. */
  readonly source: AccessRule;
  readonly subject: RuleSubject;
  readonly #rights: number;
  readonly #target: RuleTarget;
  readonly #items: RuleItems;
  /** This rule with nothing granted. */
  readonly #denying: CompiledRule | undefined;

  constructor(rule: AccessRule, context: RuleContext) {
    this.number = context.number;
    this.realm = context.realm?.name ?? '';
    this.source = rule;
    this.#rights = rule.rights.reduce((bits, right) => bits | bitsOf(right, context), 0);
    this.subject = new RuleSubject(rule, context);
    this.#target = new RuleTarget(rule.target ?? {}, context);
    this.#items = new RuleItems(rule.attributes ?? '*', context);
    const mayBeUndecided = this.#target.hasFilter && this.#rights !== 0;
    this.#denying = mayBeUndecided ? new CompiledRule({ ...rule, rights: [] }, context) : undefined;
  }

  /** The rule on entries of no realm: changing them and binding as them is nobody's. */
  static onCommonEntries(rule: AccessRule, context: RuleContext): CompiledRule {
    const looking = rule.rights.includes('manage')
      ? commonRights
      : rule.rights.filter((right) => commonRights.includes(right));
    return new CompiledRule({ ...rule, rights: looking }, context);
  }

  /** Target, `self` and granted partition, for a caller that fits; undefined when it fits the entry. */
  mismatchOn(
    entry: Entry,
    principal: EntryPrincipal | undefined,
  ): EntryMismatch | 'undecided' | undefined {
    return this.subject.mismatchOn(entry, principal) ?? this.#target.mismatch(entry);
  }

  /**
   * What stands in this rule's place for one entry: the rule itself, undefined when it does not fit, or
   * where nobody can tell a rule that grants nothing. A denial must not be passed over for want of
   * knowing, nor a right be given.
   */
  asAppliedTo(entry: Entry, principal: EntryPrincipal | undefined): CompiledRule | undefined {
    const mismatch = this.mismatchOn(entry, principal);
    if (mismatch === undefined) {
      return this;
    }
    return mismatch === 'undecided' ? (this.#denying ?? this) : undefined;
  }

  covers(item: AccessItem): boolean {
    return this.#items.has(item);
  }

  /** The rights as bits, for an item that is covered. */
  rightsOn(item: AccessItem): number {
    return this.withholdsSecret(item) ? this.#rights & ~lookingBits : this.#rights;
  }

  /** True for a secret that the rule covers without naming it: nobody may look at it. */
  withholdsSecret(item: AccessItem): boolean {
    const isSecret = typeof item === 'object' && secretNames.has(item.name);
    return isSecret && !this.#items.names(item);
  }
}

function bitsOf(right: AccessRight, context: RuleContext): number {
  const bits = needed(
    Object.hasOwn(rightBits, right) ? rightBits[right] : undefined,
    `right ${String(right)} does not exist; there are ${Object.keys(rightBits).join(', ')}`,
    context,
  );
  if (right === 'manage') {
    return allBits;
  }
  return right === 'auth' ? bits : bits | disclose;
}

/**
 * Access control: the rules of `access-rule.ts`, compiled once against the schema and asked for
 * every entry and attribute. All decisions are made on attribute type objects, so that no spelling
 * of a name, no option and no subtype passes a rule.
 *
 * What may not be seen is as if it were not there; it is for the callers of this module to ask
 * before anything they say depends on it.
 *
 * @module
 */

import type { AccessRight, AccessRule } from './access-rule.ts';
import type { Audience } from './audience.ts';
import { CompiledRule, rightBit } from './compiled-rule.ts';
import type { Entry } from './entry.ts';
import type { EntryPrincipal } from './principal.ts';
import type { AccessItem } from './rule-items.ts';
import type { SchemaLookup } from './schema-model.ts';
import type { Caller } from './service.ts';

/** What one caller may do with one entry. */
export interface EntryAccess {
  allows(right: AccessRight, item: AccessItem): boolean;
}

/** What one caller may do, at one instant. */
export interface CallerAccess {
  on(entry: Entry): EntryAccess;
  /** All callers who may do the same at this instant; undefined for the program itself. */
  audience(): Audience | undefined;
}

/** Everything, for the program itself. */
const everything: EntryAccess = { allows: () => true };

/** Access to what is public by nature: the root DSE and the subschema entry. */
export const publicAccess: EntryAccess = {
  allows: (right) =>
    right === 'disclose' || right === 'search' || right === 'compare' || right === 'read',
};

export class AccessPolicy {
  readonly #rules: readonly CompiledRule[];

  private constructor(rules: readonly CompiledRule[]) {
    this.#rules = rules;
  }

  /**
   * Resolves every name in the rules.
   *
   * @throws {DirectoryError} `DIRECTORY_ACCESS_RULE` with the rule's number (from 1) for a name,
   *   filter or DN that means nothing.
   */
  static compile(rules: readonly AccessRule[], schema: SchemaLookup): AccessPolicy {
    return new AccessPolicy(
      rules.map((rule, index) => new CompiledRule(rule, { number: index + 1, schema })),
    );
  }

  /** @param nowMs Agreements of verifiers are checked against this instant. */
  forCaller(caller: Caller, nowMs: number): CallerAccess {
    if (caller.principal.kind === 'system') {
      return { on: () => everything, audience: () => undefined };
    }
    const principal = caller.principal.kind === 'entry' ? caller.principal : undefined;
    const rules = this.#rules.filter((rule) =>
      rule.fitsCaller({ principal, isProtected: caller.session.isProtected, nowMs }),
    );
    return {
      on: (entry) => new RuledAccess(rules, entry, principal),
      audience: () => this.#audience(rules, principal),
    };
  }

  /** The rules that fit, and whatever else of the caller they look at (`CompiledRule.fitsEntry`). */
  #audience(rules: readonly CompiledRule[], principal: EntryPrincipal | undefined): Audience {
    let name = '';
    let hasPartitions = false;
    let hasOwnRights = false;
    for (const rule of rules) {
      name += `${this.#rules.indexOf(rule)} `;
      hasPartitions ||= rule.comparesCallerWithEntry === 'partitions';
      hasOwnRights ||= rule.comparesCallerWithEntry === 'name';
    }
    if (hasPartitions) {
      name += namePartitions(principal?.verifier?.partitions);
    }
    return hasOwnRights && principal !== undefined ? { name, ownKey: principal.dn.key } : { name };
  }
}

/** Codes cannot run into one another. */
function namePartitions(partitions: ReadonlySet<string> = new Set()): string {
  return JSON.stringify([...partitions].sort());
}

class RuledAccess implements EntryAccess {
  readonly #candidates: readonly CompiledRule[];
  readonly #entry: Entry;
  readonly #principal: EntryPrincipal | undefined;
  /** The candidates that fit the entry; worked out when first asked. */
  #rules: readonly CompiledRule[] | undefined;

  constructor(
    candidates: readonly CompiledRule[],
    entry: Entry,
    principal: EntryPrincipal | undefined,
  ) {
    this.#candidates = candidates;
    this.#entry = entry;
    this.#principal = principal;
  }

  allows(right: AccessRight, item: AccessItem): boolean {
    this.#rules ??= this.#candidates.filter((rule) => rule.fitsEntry(this.#entry, this.#principal));
    const decisive = this.#rules.find((rule) => rule.covers(item));
    return decisive !== undefined && (decisive.rightsOn(item) & rightBit[right]) !== 0;
  }
}

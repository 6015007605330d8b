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

import { isInForce } from '../accounts/account.ts';
import { lenientPasswordPolicy } from '../accounts/password-policy.ts';
import type { EntryPrincipal, GroupKey, Principal } from '../accounts/principal.ts';
import type { Entry } from '../entries/entry.ts';
import { type Realm, Realms } from '../realms.ts';
import type { SchemaLookup } from '../schema/schema-model.ts';
import type { Caller, Session } from '../service.ts';
import type { AccessRight, AccessRule } from './access-rule.ts';
import { PeerAddress } from './address-range.ts';
import type { Audience } from './audience.ts';
import { CompiledRule, rightBits } from './compiled-rule.ts';
import type { AccessItem } from './rule-items.ts';
import type { CallerFacts } from './rule-subject.ts';

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

/** The rules for entries of one realm, or of none. */
interface RuleList {
  readonly realm: Realm | undefined;
  readonly rules: readonly CompiledRule[];
}

export class AccessPolicy {
  readonly realms: Realms;
  /** The groups that rules ask for membership in. */
  readonly groups: ReadonlySet<GroupKey>;
  /** One list for each realm; for entries of none the last. */
  readonly #lists: readonly RuleList[];
  /** What was found for the last caller of a session, who is most often the next one too. */
  readonly #known = new WeakMap<Session, RuledCaller>();

  private constructor(realms: Realms, lists: readonly RuleList[]) {
    this.realms = realms;
    this.#lists = lists;
    const rules = lists.flatMap((list) => list.rules);
    this.groups = new Set(rules.flatMap(({ subject: { groupKey } }) => groupKey ?? []));
  }

  /**
   * Resolves every name in the rules of a tree that is one realm.
   *
   * @throws {AccessRuleError} `DIRECTORY_ACCESS_RULE` with the rule's number (from 1) for a name, filter,
   *   address or DN that means nothing.
   */
  static compile(rules: readonly AccessRule[], schema: SchemaLookup): AccessPolicy {
    const whole = { name: '', subtrees: [''], access: rules, passwords: lenientPasswordPolicy };
    return AccessPolicy.ofRealms(new Realms([whole], schema), schema);
  }

  /** The same for each realm. */
  static ofRealms(realms: Realms, schema: SchemaLookup): AccessPolicy {
    const compiled = realms.all.map((realm) => {
      const rules = realm.access.map(
        (rule, index) => new CompiledRule(rule, { number: index + 1, schema, realm }),
      );
      return { realm, rules };
    });
    const common = realms.all.flatMap((realm) =>
      realm.access.map((rule, index) =>
        CompiledRule.onCommonEntries(rule, { number: index + 1, schema, realm }),
      ),
    );
    return new AccessPolicy(realms, [...compiled, { realm: undefined, rules: common }]);
  }

  /** Those that are looked at for an entry, in order. */
  rulesOn(entryKey: Uint8Array): readonly CompiledRule[] {
    return listOn(this.#lists, entryKey)?.rules ?? [];
  }

  /** @param nowMs Agreements of verifiers are checked against this instant. */
  forCaller({ principal, session }: Caller, nowMs: number): CallerAccess {
    if (principal.kind === 'system') {
      return unlimitedAccess;
    }
    const known = this.#known.get(session);
    if (known?.isStillFor(principal, nowMs) === true) {
      return known;
    }
    const found = new RuledCaller(this.#lists, { principal, session }, nowMs);
    this.#known.set(session, found);
    return found;
  }
}

function listOn(lists: readonly RuleList[], entryKey: Uint8Array): RuleList | undefined {
  return lists.find(({ realm }) => realm === undefined || realm.has(entryKey));
}

/** The program's own. */
export const unlimitedAccess: CallerAccess = { on: () => everything, audience: () => undefined };

/** What rules look at in a caller that is not the program itself. */
export function factsOf({ principal, session }: Caller, nowMs: number): CallerFacts {
  return {
    principal: principal.kind === 'entry' ? principal : undefined,
    isProtected: session.isProtected,
    address: new PeerAddress(session.address),
    nowMs,
  };
}

/**
 * The rules that fit one caller. They stay the same for the same session and principal until the
 * agreement of a verifier begins or ends.
 */
class RuledCaller implements CallerAccess {
  readonly #asked: Principal;
  readonly #principal: EntryPrincipal | undefined;
  readonly #wasInForce: boolean;
  readonly #lists: readonly RuleList[];
  #audience: Audience | undefined;

  /** What the root DSE says to the caller's connection alone. */
  readonly #offered: string;

  constructor(lists: readonly RuleList[], caller: Caller, nowMs: number) {
    const facts = factsOf(caller, nowMs);
    this.#asked = caller.principal;
    this.#offered = caller.session.saslMechanisms?.join(' ') ?? '';
    this.#principal = facts.principal;
    this.#wasInForce = isGrantInForce(facts.principal, facts.nowMs);
    this.#lists = lists.map(({ realm, rules }) => ({
      realm,
      rules: rules.filter(({ subject }) => subject.mismatch(facts) === undefined),
    }));
  }

  isStillFor(principal: Principal, nowMs: number): boolean {
    return this.#asked === principal && this.#wasInForce === isGrantInForce(this.#principal, nowMs);
  }

  on(entry: Entry): EntryAccess {
    const rules = listOn(this.#lists, entry.key)?.rules ?? [];
    return new RuledAccess(rules, entry, this.#principal);
  }

  audience(): Audience {
    if (this.#audience === undefined) {
      const audience = audienceOf(this.#lists, this.#principal);
      this.#audience = { ...audience, name: `${audience.name} ${this.#offered}` };
    }
    return this.#audience;
  }
}

function isGrantInForce(principal: EntryPrincipal | undefined, nowMs: number): boolean {
  const grant = principal?.verifier;
  return grant !== undefined && isInForce(grant, nowMs);
}

/** The rules that fit, and whatever else of the caller they look at (`RuleSubject.mismatchOn`). */
function audienceOf(lists: readonly RuleList[], principal: EntryPrincipal | undefined): Audience {
  const rules = lists.flatMap((list) => list.rules);
  const compared = new Set(rules.map(({ subject }) => subject.comparesCallerWithEntry));
  // The rules on entries of no realm are the same once more.
  const own = lists.filter(({ realm }) => realm !== undefined);
  const numbers = own
    .map((list) => list.rules.map(({ number }) => `${number} `).join(''))
    .join('/');
  const name = compared.has('partitions')
    ? numbers + namePartitions(principal?.verifier?.partitions)
    : numbers;
  return compared.has('name') && principal !== undefined
    ? { name, ownKey: principal.dn.key }
    : { name };
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
    this.#rules ??= this.#fitting();
    const decisive = this.#rules.find((rule) => rule.covers(item));
    const wanted = rightBits[right];
    return decisive !== undefined && (decisive.rightsOn(item) & wanted) === wanted;
  }

  #fitting(): readonly CompiledRule[] {
    const fitting: CompiledRule[] = [];
    for (const candidate of this.#candidates) {
      const applied = candidate.asAppliedTo(this.#entry, this.#principal);
      if (applied !== undefined) {
        fitting.push(applied);
      }
    }
    return fitting;
  }
}

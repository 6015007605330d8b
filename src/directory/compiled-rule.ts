/**
 * One access rule with its names resolved: which callers, entries and attributes it fits, and what
 * it grants.
 *
 * @module
 */

import { decodeUtf8, equalBytes } from '../core/bytes.ts';
import type { AccessRight, AccessRule, AccessSubject, AccessTarget } from './access-rule.ts';
import { isInForce } from './account.ts';
import { Dn } from './dn.ts';
import type { Entry } from './entry.ts';
import { isKeyWithin } from './key-range.ts';
import type { EntryPrincipal } from './principal.ts';
import { RuleFilter } from './rule-filter.ts';
import { type AccessItem, needed, type RuleContext, RuleItems, ruleError } from './rule-items.ts';
import type { AttributeType, ObjectClass, SchemaLookup } from './schema-model.ts';

export const rightBit: Readonly<Record<AccessRight, number>> = {
  disclose: 1,
  search: 2,
  compare: 4,
  read: 8,
  write: 16,
  auth: 32,
  manage: 64,
};

const allBits = 127;
/** What `*` does not give on secrets. */
const lookingBits = rightBit.search | rightBit.compare | rightBit.read;
const secretNames: ReadonlySet<string> = new Set(['userPassword', 'certdirPasswordHistory']);

/** A caller as far as a rule looks at it. */
export interface CallerFacts {
  /** Undefined for anonymous. */
  readonly principal: EntryPrincipal | undefined;
  readonly isProtected: boolean;
  readonly nowMs: number;
}

export class CompiledRule {
  readonly #rights: number;
  readonly #tls: boolean;
  readonly #who: AccessSubject;
  readonly #whoKey: Uint8Array | undefined;
  readonly #target: CompiledTarget;
  readonly #items: RuleItems;
  readonly #partitionCode: AttributeType | undefined;

  constructor(rule: AccessRule, context: RuleContext) {
    this.#rights = rule.rights.reduce((bits, right) => bits | bitsOf(right, context), 0);
    this.#tls = rule.tls === true;
    this.#who = rule.who;
    this.#whoKey = rule.who.kind === 'dn' ? parseDn(rule.who.dn, context) : undefined;
    this.#target = new CompiledTarget(rule.target ?? {}, context);
    this.#items = new RuleItems(rule.attributes ?? '*', context);
    this.#partitionCode = context.schema.attributeType('certdirPartitionCode');
  }

  /** What the rule asks of the caller beyond `fitsCaller`, when an entry is at hand. */
  get comparesCallerWithEntry(): 'name' | 'partitions' | undefined {
    if (this.#who.kind === 'self') {
      return 'name';
    }
    return this.#who.kind === 'verifier' && this.#who.partitionGranted ? 'partitions' : undefined;
  }

  /** All that can be said of the caller without an entry. */
  fitsCaller(caller: CallerFacts): boolean {
    if (this.#tls && !caller.isProtected) {
      return false;
    }
    const { principal } = caller;
    const who = this.#who;
    switch (who.kind) {
      case 'anyone':
        return true;
      case 'authenticated':
      case 'self':
        return principal !== undefined;
      case 'dn':
        return (
          principal !== undefined &&
          this.#whoKey !== undefined &&
          equalBytes(principal.dn.key, this.#whoKey)
        );
      case 'verifier':
        return isVerifier(who, caller);
      case 'operator':
        return isOperator(who, principal);
    }
  }

  /** Target, `self` and granted partition, for a caller that fits. */
  fitsEntry(entry: Entry, principal: EntryPrincipal | undefined): boolean {
    const who = this.#who;
    if (who.kind === 'self' && !(principal && equalBytes(principal.dn.key, entry.key))) {
      return false;
    }
    if (who.kind === 'verifier' && who.partitionGranted && !this.#isGranted(entry, principal)) {
      return false;
    }
    return this.#target.fits(entry);
  }

  covers(item: AccessItem): boolean {
    return this.#items.has(item);
  }

  /** The rights as bits, for an item that is covered. */
  rightsOn(item: AccessItem): number {
    const isSecret = typeof item === 'object' && secretNames.has(item.name);
    return isSecret && !this.#items.names(item) ? this.#rights & ~lookingBits : this.#rights;
  }

  #isGranted(entry: Entry, principal: EntryPrincipal | undefined): boolean {
    const granted = principal?.verifier?.partitions;
    if (granted === undefined || this.#partitionCode === undefined) {
      return false;
    }
    const codes = entry.values(this.#partitionCode).map(decodeUtf8);
    return codes.some((code) => code !== undefined && (granted.has('*') || granted.has(code)));
  }
}

class CompiledTarget {
  readonly #entryKey: Uint8Array | undefined;
  readonly #baseKey: Uint8Array | undefined;
  readonly #entryClass: ObjectClass | undefined;
  readonly #objectClass: AttributeType | undefined;
  readonly #filter: RuleFilter | undefined;
  readonly #schema: SchemaLookup;

  constructor(target: AccessTarget, context: RuleContext) {
    const { schema } = context;
    this.#schema = schema;
    this.#entryKey = target.entry === undefined ? undefined : parseDn(target.entry, context);
    this.#baseKey = target.subtree === undefined ? undefined : parseDn(target.subtree, context);
    if (target.entryClass !== undefined) {
      this.#entryClass = schema.objectClass(target.entryClass);
      this.#objectClass = schema.attributeType('objectClass');
      needed(this.#entryClass, `object class ${target.entryClass} is not defined`, context);
    }
    this.#filter = target.filter === undefined ? undefined : compileFilter(target.filter, context);
  }

  fits(entry: Entry): boolean {
    return (
      (this.#entryKey === undefined || equalBytes(entry.key, this.#entryKey)) &&
      (this.#baseKey === undefined || isKeyWithin(entry.key, this.#baseKey)) &&
      (this.#entryClass === undefined || this.#hasClass(entry, this.#entryClass)) &&
      (this.#filter === undefined || this.#filter.fits(entry))
    );
  }

  #hasClass(entry: Entry, wanted: ObjectClass): boolean {
    const values = this.#objectClass === undefined ? [] : entry.values(this.#objectClass);
    return values.some((value) => {
      const name = decodeUtf8(value);
      return name !== undefined && this.#schema.objectClass(name)?.chain.has(wanted) === true;
    });
  }
}

function isVerifier(
  who: AccessSubject & { readonly kind: 'verifier' },
  { principal, nowMs }: CallerFacts,
): boolean {
  const grant = principal?.verifier;
  return (
    grant !== undefined &&
    isInForce(grant, nowMs) &&
    (who.kinds === undefined || who.kinds.includes(grant.kind))
  );
}

function isOperator(
  who: AccessSubject & { readonly kind: 'operator' },
  principal: EntryPrincipal | undefined,
): boolean {
  const roles = principal?.operatorRoles;
  return (
    roles !== undefined &&
    (who.roles === undefined || who.roles.some((role) => roles.includes(role)))
  );
}

function bitsOf(right: AccessRight, context: RuleContext): number {
  const bit = needed(
    Object.hasOwn(rightBit, right) ? rightBit[right] : undefined,
    `right ${String(right)} does not exist`,
    context,
  );
  if (right === 'manage') {
    return allBits;
  }
  return right === 'auth' ? bit : bit | rightBit.disclose;
}

function compileFilter(text: string, context: RuleContext): RuleFilter {
  let filter: RuleFilter;
  try {
    filter = new RuleFilter(text, context.schema);
  } catch (cause) {
    throw ruleError(`${text} is not a filter`, context, cause);
  }
  if (filter.problem !== undefined) {
    throw ruleError(`${text} ${filter.problem}`, context);
  }
  return filter;
}

function parseDn(text: string, context: RuleContext): Uint8Array {
  try {
    return Dn.parse(text, context.schema).key;
  } catch (cause) {
    throw ruleError(`${text} is not a distinguished name`, context, cause);
  }
}

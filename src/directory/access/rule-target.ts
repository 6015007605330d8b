/**
 * Which entries an access rule is about, with its names resolved. The answer is why it is not about an
 * entry, for explanations.
 *
 * @module
 */

import { decodeUtf8, equalBytes } from '../../core/bytes.ts';
import type { Entry } from '../entries/entry.ts';
import { isKeyWithin } from '../entries/key-range.ts';
import { Dn } from '../names/dn.ts';
import type { AttributeType, ObjectClass, SchemaLookup } from '../schema/schema-model.ts';
import type { AccessTarget } from './access-rule.ts';
import { RuleFilter } from './rule-filter.ts';
import { needed, type RuleContext, ruleError } from './rule-items.ts';

/**
 * Why a rule is not about an entry. `undecided` is another thing: whether it is cannot be told from the
 * entry, because the filter looks at values that are kept apart from it.
 */
export type TargetMismatch = 'otherEntry' | 'outsideSubtree' | 'otherClass' | 'filter';

export class RuleTarget {
  readonly #entryKey: Uint8Array | undefined;
  readonly #baseKey: Uint8Array | undefined;
  readonly #entryClass: ObjectClass | undefined;
  readonly #objectClass: AttributeType | undefined;
  readonly #filter: RuleFilter | undefined;
  readonly #schema: SchemaLookup;

  constructor(target: AccessTarget, context: RuleContext) {
    const { schema } = context;
    this.#schema = schema;
    this.#entryKey = target.entry === undefined ? undefined : parseRuleDn(target.entry, context);
    this.#baseKey = target.subtree === undefined ? undefined : parseRuleDn(target.subtree, context);
    if (target.entryClass !== undefined) {
      this.#entryClass = schema.objectClass(target.entryClass);
      this.#objectClass = schema.attributeType('objectClass');
      needed(this.#entryClass, `object class ${target.entryClass} is not defined`, context);
    }
    this.#filter = target.filter === undefined ? undefined : compileFilter(target.filter, context);
  }

  /** Whether it may be undecided. */
  get hasFilter(): boolean {
    return this.#filter !== undefined;
  }

  /** Undefined when it is about this entry. */
  mismatch(entry: Entry): TargetMismatch | 'undecided' | undefined {
    if (this.#entryKey !== undefined && !equalBytes(entry.key, this.#entryKey)) {
      return 'otherEntry';
    }
    if (this.#baseKey !== undefined && !isKeyWithin(entry.key, this.#baseKey)) {
      return 'outsideSubtree';
    }
    if (this.#entryClass !== undefined && !this.#hasClass(entry, this.#entryClass)) {
      return 'otherClass';
    }
    return this.#filter === undefined ? undefined : this.#filterMismatch(entry, this.#filter);
  }

  #filterMismatch(entry: Entry, filter: RuleFilter): 'filter' | 'undecided' | undefined {
    const decision = filter.decide(entry);
    return decision === undefined ? 'undecided' : decision ? undefined : 'filter';
  }

  #hasClass(entry: Entry, wanted: ObjectClass): boolean {
    const values = this.#objectClass === undefined ? [] : entry.values(this.#objectClass);
    return values.some((value) => {
      const name = decodeUtf8(value);
      return name !== undefined && this.#schema.objectClass(name)?.chain.has(wanted) === true;
    });
  }
}

function compileFilter(text: string, context: RuleContext): RuleFilter {
  let filter: RuleFilter;
  try {
    filter = new RuleFilter(text, context.schema);
  } catch (cause) {
    throw ruleError(`${text} is not a filter (RFC 4515)`, context, cause);
  }
  if (filter.problem !== undefined) {
    throw ruleError(`${text} ${filter.problem}`, context);
  }
  return filter;
}

/** The key of a name in a rule. */
export function parseRuleDn(text: string, context: RuleContext): Uint8Array {
  try {
    return Dn.parse(text, context.schema).key;
  } catch (cause) {
    throw ruleError(`${text} is not a distinguished name (RFC 4514)`, context, cause);
  }
}

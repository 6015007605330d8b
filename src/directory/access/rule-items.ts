/**
 * What an access rule says of attributes: a set of types, `entry` and `children`, from the words of the
 * configuration.
 *
 * @module
 */

import { DirectoryError } from '../errors.ts';
import { parseAttributeDescription } from '../schema/attribute-description.ts';
import type { AttributeType, SchemaLookup } from '../schema/schema-model.ts';

/** An attribute, the entry as such, or its place as a parent. */
export type AccessItem = AttributeType | 'entry' | 'children';

/** What the words of a rule are understood with. */
export interface RuleContext {
  /** The rule's place in the list, from 1, for messages. */
  readonly number: number;
  readonly schema: SchemaLookup;
  /** Whose rule it is; accounts elsewhere are nobody to it. */
  readonly realm?: RuleRealm | undefined;
}

/** What a rule looks at of its realm (`realms.ts`). */
export interface RuleRealm {
  readonly name: string;
  has(key: Uint8Array): boolean;
}

/** Attribute types, `entry` and `children`; subtypes are worked out once each. */
export class RuleItems {
  readonly #isEverything: boolean;
  readonly #named = new Set<AttributeType>();
  readonly #ofClasses = new Set<AttributeType>();
  readonly #words = new Set<string>();
  readonly #known = new Map<AttributeType, boolean>();

  constructor(attributes: readonly string[] | '*', context: RuleContext) {
    this.#isEverything = attributes === '*';
    for (const text of attributes === '*' ? [] : attributes) {
      this.#add(text, context);
    }
  }

  has(item: AccessItem): boolean {
    if (this.#isEverything) {
      return true;
    }
    if (typeof item === 'string') {
      return this.#words.has(item);
    }
    let isMember = this.#known.get(item);
    if (isMember === undefined) {
      isMember =
        this.#words.has(item.isOperational ? '+' : '*') ||
        this.names(item) ||
        isAmong(item, this.#ofClasses);
      this.#known.set(item, isMember);
    }
    return isMember;
  }

  /** True when the type or one above it was named, not only included by a sign or a class. */
  names(type: AttributeType): boolean {
    return isAmong(type, this.#named);
  }

  #add(text: string, context: RuleContext): void {
    if (text === 'entry' || text === 'children' || text === '*' || text === '+') {
      this.#words.add(text);
      return;
    }
    if (text.startsWith('@')) {
      const objectClass = context.schema.objectClass(text.slice(1));
      const { must, may } = needed(objectClass, `object class ${text} is not defined`, context);
      for (const type of [...must, ...may]) {
        this.#ofClasses.add(type);
      }
      return;
    }
    const { type, options, isBinary } = parseAttributeDescription(text, context.schema);
    const isPlain = options.length === 0 && !isBinary;
    this.#named.add(
      needed(isPlain ? type : undefined, `attribute ${text} is not defined`, context),
    );
  }
}

/** The type itself or one that it is derived from. */
function isAmong(type: AttributeType, types: ReadonlySet<AttributeType>): boolean {
  for (let at: AttributeType | undefined = type; at !== undefined; at = at.superior) {
    if (types.has(at)) {
      return true;
    }
  }
  return false;
}

export function needed<T>(value: T | undefined, problem: string, context: RuleContext): T {
  if (value === undefined) {
    throw ruleError(problem, context);
  }
  return value;
}

/** A rule that means nothing, and which it is. */
export class AccessRuleError extends DirectoryError {
  /** From 1. */
  readonly ruleNumber: number;
  /** What is wrong, as a phrase without the number. */
  readonly problem: string;
  /** Whose rule it is; empty where there is one realm. */
  readonly realm: string;

  constructor(problem: string, { number, realm }: Omit<RuleContext, 'schema'>, cause?: unknown) {
    const whose = realm === undefined || realm.name === '' ? '' : ` of ${realm.name}`;
    super('DIRECTORY_ACCESS_RULE', `access rule ${number}${whose}: ${problem}`, { cause });
    this.ruleNumber = number;
    this.realm = realm?.name ?? '';
    this.problem = problem;
  }
}

export function ruleError(problem: string, context: RuleContext, cause?: unknown): AccessRuleError {
  return new AccessRuleError(problem, context, cause);
}

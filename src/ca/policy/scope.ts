/**
 * The revocation lists of one CA, worked out from its policy and what was opened since: the ARL, single lists, one for
 * each municipality or other value, numbered ones that are opened one after the other, and full lists beside them. A
 * certificate's scope is fixed when it is issued and written into its CRLDP.
 *
 * @module
 */

import { formatName, type Name } from '../../x509/name.ts';
import { CaError } from '../errors.ts';
import type { Municipality } from './municipality.ts';
import { type PlaceholderValues, renderName } from './name-template.ts';
import type { Policy, ScopeDefinition } from './policy.ts';

/** One list. */
export interface Scope {
  /** `arl`, `operations`, a municipality's code, `crl-2`: unique in the CA, and never another's. */
  readonly id: string;
  readonly definition: ScopeDefinition;
  readonly municipality?: Municipality;
  /** Of a partition by attribute. */
  readonly value?: string;
  /** Of a partition by count: 1, 2, 3, … */
  readonly number?: number;
  /** The generation of the CA's key that the list is of; undefined for one that is of all of them. */
  readonly generation?: number;
  /** The name in CRLDP and IDP, and of the entry that holds the list; of a full list the CA's. */
  readonly distributionPoint: Name;
  /** Whether certificates and lists say it. */
  readonly isNamed: boolean;
  /** The same as text, for the directory. */
  readonly dn: string;
  /** The attribute of the entry that holds the list. */
  readonly attribute: 'certificateRevocationList' | 'authorityRevocationList';
  /** What IDP says (RFC 5280 §5.2.5); a full list has none. */
  readonly onlyContains: 'user' | 'ca';
  /** Beside the partitions, with the entries of all of them, in the CA's own entry and without IDP. */
  readonly isFull: boolean;
  /** Where else it is in the public repository. */
  readonly httpPaths: readonly string[];
}

/**
 * True for lists that have delta lists beside them where the policy has any: those of users' certificates with an entry of
 * their own. The CA's entry has one attribute for the delta lists of all that lie in it.
 */
export function hasDelta(
  { attribute, isFull, isNamed }: Scope,
  { crl }: Pick<Policy, 'crl'>,
): boolean {
  // A list's freshestCRL says the point of its delta list.
  return crl.delta !== undefined && attribute === 'certificateRevocationList' && !isFull && isNamed;
}

/** What of a certificate says to which list it belongs. */
export interface PartitionFacts {
  readonly municipality?: Municipality | undefined;
  /** The name of its profile. */
  readonly profile?: string | undefined;
  /** What the request names. */
  readonly value?: string | undefined;
}

/** Told of lists that come and go while the CA is open. */
export interface ScopeListener {
  readonly opened: (scope: Scope) => void;
  readonly closed: (scope: Scope) => void;
}

type ScopePolicy = Pick<Policy, 'names' | 'crl' | 'municipalities' | 'profiles'>;

export class Scopes {
  /**
   * In the policy's order, municipalities in the order of their file; numbered and full lists behind them as they are
   * opened. The same array always.
   */
  readonly list: readonly Scope[];
  readonly #list: Scope[];
  readonly #policy: ScopePolicy;
  readonly #byId = new Map<string, Scope>();
  /** Municipalities' lists by their six digits. */
  readonly #byCode6 = new Map<string, Scope>();
  /** By the definition's id and what `partOf` says; of numbered lists the first, of full lists none. */
  readonly #byPart = new Map<string, Scope>();
  #listener: ScopeListener = { opened: () => undefined, closed: () => undefined };

  constructor(policy: ScopePolicy) {
    this.#policy = policy;
    this.#list = [];
    this.list = this.#list;
    for (const scope of policy.crl.scopes.flatMap((definition) => this.#made(definition))) {
      this.#add(scope);
    }
  }

  /** Replaces the listener before. */
  listen(listener: ScopeListener): void {
    this.#listener = listener;
  }

  /**
   * Finds a scope by its id, or by a municipality's six digits.
   *
   * @throws {CaError} `CA_SCOPE_UNKNOWN`
   */
  find(id: string): Scope {
    const scope = this.#byId.get(id) ?? this.#byCode6.get(id);
    if (scope === undefined) {
      const others = this.list.filter(({ municipality }) => municipality === undefined);
      throw new CaError(
        'CA_SCOPE_UNKNOWN',
        `there is no list "${id.slice(0, 40)}"; lists are ${others.map((one) => one.id).join(', ')}` +
          ' and the codes of the municipalities',
      );
    }
    return scope;
  }

  /**
   * The scope of a certificate: the profile names a definition, the rest follows from the facts. Of numbered lists the
   * first; which one it is, is decided when the certificate is issued (`lists/list-opening.ts`).
   *
   * @throws {CaError} `CA_SCOPE_UNKNOWN`
   */
  of(definitionId: string, facts: PartitionFacts = {}): Scope {
    const definition = this.#policy.crl.scopes.find(({ id }) => id === definitionId);
    const part = definition && partOf(definition, facts);
    const scope = part === undefined ? undefined : this.#byPart.get(`${definitionId}\0${part}`);
    if (scope === undefined) {
      const { values } = definition ?? {};
      throw new CaError(
        'CA_SCOPE_UNKNOWN',
        values === undefined
          ? `the policy has no list for ${definitionId}`
          : `name one of the partitions of ${definitionId}: ${values.join(', ')}`,
      );
    }
    return scope;
  }

  /** A numbered list of a definition by count, opened or not. */
  numbered(definition: ScopeDefinition, number: number): Scope {
    const id = `${definition.id}-${number}`;
    return (
      this.#byId.get(id) ?? {
        ...this.#make(id, definition, { number: String(number) }),
        number,
      }
    );
  }

  /** Takes in a list that was made in the store. */
  open(scope: Scope): void {
    if (!this.#byId.has(scope.id)) {
      this.#add(scope);
      this.#listener.opened(scope);
    }
  }

  /** The full lists that a key generation of this number has, opened or not. */
  fullOf(generation: number): readonly Scope[] {
    return this.#policy.crl.scopes
      .filter(({ partition }) => partition === 'full')
      .map((definition) => {
        const id = `${definition.id}-${generation}`;
        const httpPath = definition.httpPaths?.[generation - 1];
        return (
          this.#byId.get(id) ?? {
            ...this.#make(id, definition, {}),
            generation,
            httpPaths: httpPath === undefined ? [] : [httpPath],
          }
        );
      });
  }

  /** Opens the full lists of these generations, and closes those of all others. */
  followGenerations(generations: readonly number[]): void {
    for (const scope of this.#list.filter(({ isFull }) => isFull)) {
      if (!generations.includes(scope.generation ?? 0)) {
        this.#list.splice(this.#list.indexOf(scope), 1);
        this.#byId.delete(scope.id);
        this.#listener.closed(scope);
      }
    }
    for (const scope of generations.flatMap((generation) => this.fullOf(generation))) {
      this.open(scope);
    }
  }

  #add(scope: Scope): void {
    this.#list.push(scope);
    this.#byId.set(scope.id, scope);
    const { definition, municipality, value: ownValue, isFull } = scope;
    if (municipality !== undefined) {
      this.#byCode6.set(municipality.code6, scope);
    }
    const key = `${definition.id}\0${municipality?.code5 ?? ownValue ?? ''}`;
    if (!isFull && !this.#byPart.has(key)) {
      this.#byPart.set(key, scope);
    }
  }

  /** What the policy alone says. */
  #made(definition: ScopeDefinition): readonly Scope[] {
    const { id, partition } = definition;
    switch (partition) {
      case 'authority':
      case 'single':
        return [this.#make(id, definition, {})];
      case 'municipality':
        return this.#policy.municipalities.list.map((municipality) => ({
          ...this.#make(municipality.code5, definition, {
            municipality: municipality.dnName,
            prefecture: municipality.dnPrefecture,
          }),
          municipality,
        }));
      case 'attribute':
        return valuesOf(definition, this.#policy).map((value) => ({
          ...this.#make(`${id}-${slugOf(value)}`, definition, { value }),
          value,
        }));
      case 'count':
        return [this.numbered(definition, 1)];
      case 'full':
        return [];
    }
  }

  #make(id: string, definition: ScopeDefinition, values: PlaceholderValues): Scope {
    const { issuer, printable } = this.#policy.names;
    const template = definition.distributionPoint ?? issuer;
    const distributionPoint = renderName(template, values, printable);
    const isAuthority = definition.partition === 'authority';
    return {
      id,
      definition,
      distributionPoint,
      isNamed: definition.namesPoint !== false,
      dn: formatName(distributionPoint),
      attribute: isAuthority ? 'authorityRevocationList' : 'certificateRevocationList',
      onlyContains: isAuthority ? 'ca' : 'user',
      isFull: definition.partition === 'full',
      httpPaths: (definition.httpPaths ?? []).map((path) => path.replaceAll('{scope}', id)),
    };
  }
}

/** The values of a partition by attribute. */
export function valuesOf(
  definition: ScopeDefinition,
  { municipalities, profiles }: Pick<ScopePolicy, 'municipalities' | 'profiles'>,
): readonly string[] {
  switch (definition.by) {
    case 'prefecture':
      return [...new Set(municipalities.list.map(({ dnPrefecture }) => dnPrefecture))];
    case 'profile':
      return Object.entries(profiles)
        .filter(([, { scope }]) => scope === definition.id)
        .map(([profile]) => profile);
    default:
      return definition.values ?? [];
  }
}

function slugOf(value: string): string {
  return value.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}

/** Which of a definition's lists certificates of these facts go into; undefined when the facts do not say. */
function partOf(
  { partition, by }: ScopeDefinition,
  { municipality, profile, value }: PartitionFacts,
): string | undefined {
  if (partition === 'municipality') {
    return municipality?.code5;
  }
  switch (partition === 'attribute' ? by : undefined) {
    case 'prefecture':
      return municipality?.dnPrefecture;
    case 'profile':
      return profile;
    case 'request':
      return value;
    default:
      return '';
  }
}

/**
 * The revocation lists of one CA, worked out from its policy: the ARL, single lists, and one list per
 * municipality. A certificate's scope is fixed when it is issued and written into its CRLDP.
 *
 * @module
 */

import { formatName, type Name } from '../../x509/name.ts';
import { CaError } from '../errors.ts';
import type { Municipality } from './municipality.ts';
import { renderName } from './name-template.ts';
import type { Policy, ScopeDefinition } from './policy.ts';

/** One list. */
export interface Scope {
  /** `arl`, `operations`, a municipality's code: unique in the CA, and never another's. */
  readonly id: string;
  readonly definition: ScopeDefinition;
  readonly municipality?: Municipality;
  /** The generation of the CA's key that the list is of; undefined for one that is of all of them. */
  readonly generation?: number;
  /** The name in CRLDP and IDP, and of the entry that holds the list. */
  readonly distributionPoint: Name;
  /** The same as text, for the directory. */
  readonly dn: string;
  /** The attribute of the entry that holds the list. */
  readonly attribute: 'certificateRevocationList' | 'authorityRevocationList';
  /** What IDP says (RFC 5280 §5.2.5). */
  readonly onlyContains: 'user' | 'ca';
  /** Beside the partitions, with the entries of all of them, in the CA's own entry and without IDP. */
  readonly isFull: boolean;
}

export class Scopes {
  /** In the policy's order, municipalities in the order of their file. */
  readonly list: readonly Scope[];
  readonly #byId: ReadonlyMap<string, Scope>;

  constructor(policy: Pick<Policy, 'names' | 'crl' | 'municipalities'>) {
    const { printable, issuer } = policy.names;
    this.list = policy.crl.scopes.flatMap((definition) => {
      const template = definition.distributionPoint ?? issuer;
      if (definition.partition !== 'municipality') {
        return [makeScope(definition.id, definition, renderName(template, {}, printable))];
      }
      return policy.municipalities.list.map((municipality) => {
        const values = {
          municipality: municipality.dnName,
          prefecture: municipality.dnPrefecture,
        };
        return {
          ...makeScope(municipality.code5, definition, renderName(template, values, printable)),
          municipality,
        };
      });
    });
    this.#byId = new Map(this.list.map((scope) => [scope.id, scope]));
  }

  /**
   * Finds a scope by its id, or by a municipality's six digits.
   *
   * @throws {CaError} `CA_SCOPE_UNKNOWN`
   */
  find(id: string): Scope {
    const scope =
      this.#byId.get(id) ?? this.list.find(({ municipality }) => municipality?.code6 === id);
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

  /** The scope of a certificate: the profile names a definition, the subject its municipality. */
  of(definitionId: string, municipality: Municipality | undefined): Scope {
    const scope = this.list.find(
      ({ definition, municipality: own }) =>
        definition.id === definitionId &&
        (definition.partition !== 'municipality' || own?.code5 === municipality?.code5),
    );
    if (scope === undefined) {
      throw new CaError('CA_SCOPE_UNKNOWN', `the policy has no list for ${definitionId}`);
    }
    return scope;
  }
}

function makeScope(id: string, definition: ScopeDefinition, distributionPoint: Name): Scope {
  const isAuthority = definition.partition === 'authority';
  return {
    id,
    definition,
    distributionPoint,
    dn: formatName(distributionPoint),
    attribute: isAuthority ? 'authorityRevocationList' : 'certificateRevocationList',
    onlyContains: isAuthority ? 'ca' : 'user',
    isFull: false,
  };
}

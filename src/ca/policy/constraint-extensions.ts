/**
 * The extensions by which a CA bounds what another CA may vouch for in its name, as a policy writes them: policyMappings,
 * policyConstraints, inhibitAnyPolicy, nameConstraints (RFC 5280 §4.2.1.5, .10, .11, .14). Policies are named as in
 * `policyIdentifiers`, those of the other CA as well.
 *
 * @module
 */

import type { Extension } from '../../x509/extensions.ts';
import type { GeneralName } from '../../x509/general-name.ts';
import { nameFromText } from '../../x509/name.ts';
import { buildNameConstraints } from '../../x509/name-constraints.ts';
import { buildInhibitAnyPolicy, buildPolicyConstraints } from '../../x509/policy-constraints.ts';
import { buildPolicyMappings } from '../../x509/policy-mappings.ts';

/** Names in `policyIdentifiers`: ours, and the other CA's that is as good. */
export interface MappingDefinition {
  readonly issuer: string;
  readonly subject: string;
}

/** One name space, written in the way of its kind; a directory name as RFC 4514 writes it. */
export type SubtreeDefinition =
  | { readonly directoryName: string }
  | { readonly dnsName: string }
  | { readonly rfc822Name: string }
  | { readonly uri: string };

export type ConstraintDefinition =
  | { readonly type: 'policyMappings'; readonly mappings: readonly MappingDefinition[] }
  | {
      readonly type: 'policyConstraints';
      readonly requireExplicitPolicy?: number | undefined;
      readonly inhibitPolicyMapping?: number | undefined;
    }
  | { readonly type: 'inhibitAnyPolicy'; readonly certificates: number }
  | {
      readonly type: 'nameConstraints';
      readonly permitted?: readonly SubtreeDefinition[] | undefined;
      readonly excluded?: readonly SubtreeDefinition[] | undefined;
    };

const types: ReadonlySet<string> = new Set([
  'policyMappings',
  'policyConstraints',
  'inhibitAnyPolicy',
  'nameConstraints',
] satisfies ConstraintDefinition['type'][]);

export function isConstraint<T extends { readonly type: string }>(
  extension: T | ConstraintDefinition,
): extension is ConstraintDefinition {
  return types.has(extension.type);
}

/** What is wrong with one, beyond the shape; each with the setting within the extension. */
export function constraintFaults(
  definition: ConstraintDefinition,
  { policyNames }: { readonly policyNames: readonly string[] },
): readonly { readonly path: readonly (string | number)[]; readonly message: string }[] {
  switch (definition.type) {
    case 'policyMappings':
      return definition.mappings.flatMap((pair, index) =>
        (['issuer', 'subject'] as const).flatMap((side) =>
          policyNames.includes(pair[side])
            ? []
            : [
                {
                  path: ['mappings', index, side],
                  message: `is a name in policyIdentifiers: ${policyNames.join(', ')}`,
                },
              ],
        ),
      );
    case 'policyConstraints': {
      const { requireExplicitPolicy, inhibitPolicyMapping } = definition;
      return requireExplicitPolicy === undefined && inhibitPolicyMapping === undefined
        ? [{ path: [], message: 'says requireExplicitPolicy or inhibitPolicyMapping' }]
        : [];
    }
    case 'nameConstraints':
      return nameFaults(definition);
    case 'inhibitAnyPolicy':
      return [];
  }
}

function nameFaults({
  permitted,
  excluded,
}: Extract<ConstraintDefinition, { readonly type: 'nameConstraints' }>): {
  readonly path: readonly (string | number)[];
  readonly message: string;
}[] {
  if (permitted === undefined && excluded === undefined) {
    return [{ path: [], message: 'says permitted or excluded' }];
  }
  return Object.entries({ permitted, excluded }).flatMap(([list, members = []]) =>
    members.flatMap((member, index) => {
      try {
        buildNameConstraints({ permitted: [{ base: generalName(member, []) }] });
        return [];
      } catch {
        return [{ path: [list, index], message: 'is no name of this kind' }];
      }
    }),
  );
}

/**
 * @param policyOid The object identifier of a name in `policyIdentifiers`.
 * @param printable Short names of the attributes written as PrintableString.
 */
export function buildConstraint(
  definition: ConstraintDefinition & { readonly critical: boolean },
  {
    policyOid,
    printable,
  }: {
    readonly policyOid: (name: string) => string;
    readonly printable: readonly string[];
  },
): Extension {
  const { critical: isCritical } = definition;
  switch (definition.type) {
    case 'policyMappings': {
      const mappings = definition.mappings.map(({ issuer, subject }) => ({
        issuerDomain: policyOid(issuer),
        subjectDomain: policyOid(subject),
      }));
      return buildPolicyMappings(mappings, isCritical);
    }
    case 'policyConstraints': {
      const { requireExplicitPolicy, inhibitPolicyMapping } = definition;
      const constraints = {
        ...(requireExplicitPolicy === undefined ? {} : { requireExplicitPolicy }),
        ...(inhibitPolicyMapping === undefined ? {} : { inhibitPolicyMapping }),
      };
      return buildPolicyConstraints(constraints, isCritical);
    }
    case 'inhibitAnyPolicy':
      return buildInhibitAnyPolicy(definition.certificates, isCritical);
    case 'nameConstraints': {
      const { permitted, excluded } = definition;
      const bases = (members: readonly SubtreeDefinition[]): { base: GeneralName }[] =>
        members.map((member) => ({ base: generalName(member, printable) }));
      const constraints = {
        ...(permitted === undefined ? {} : { permitted: bases(permitted) }),
        ...(excluded === undefined ? {} : { excluded: bases(excluded) }),
      };
      return buildNameConstraints(constraints, isCritical);
    }
  }
}

function generalName(member: SubtreeDefinition, printable: readonly string[]): GeneralName {
  if ('directoryName' in member) {
    return { kind: 'directoryName', name: nameFromText(member.directoryName, { printable }) };
  }
  if ('dnsName' in member) {
    return { kind: 'dnsName', text: member.dnsName };
  }
  return 'uri' in member
    ? { kind: 'uri', text: member.uri }
    : { kind: 'rfc822Name', text: member.rfc822Name };
}

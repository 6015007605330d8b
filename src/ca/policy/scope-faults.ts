/**
 * What can be wrong with the lists of a policy.
 *
 * @module
 */

import type { Placeholder } from './name-template.ts';
import type { PolicyFile, ScopeDefinition } from './policy.ts';
import { type PolicyFault, templateFaults } from './template-faults.ts';

/** Of each scope, then of all together. */
export function findScopeFaults(policy: PolicyFile): readonly PolicyFault[] {
  return [
    ...policy.crl.scopes.flatMap((scope, index) => scopeFaults(policy, scope, index)),
    ...scopeSetFaults(policy),
  ];
}

type ScopeFault = readonly [setting: keyof ScopeDefinition, message: string];

function scopeFaults(policy: PolicyFile, scope: ScopeDefinition, index: number): PolicyFault[] {
  const path = ['crl', 'scopes', index];
  const { partition, distributionPoint } = scope;
  const faults = [...settingFaults(scope), ...httpPathFaults(scope)].map(
    ([setting, message]): PolicyFault => ({ path: [...path, setting], message }),
  );
  if (distributionPoint === undefined) {
    return faults;
  }
  const [needed, ...others] = placeholdersOf[partition];
  const allowed = [needed, ...others].filter((place) => place !== undefined);
  const point = [...path, 'distributionPoint'];
  faults.push(...templateFaults(policy, { path: point, text: distributionPoint, allowed }));
  if (needed !== undefined && !distributionPoint.includes(`{${needed}}`)) {
    const message = `needs {${needed}}, or all partitions would share one point`;
    faults.push({ path: point, message });
  }
  return faults;
}

/** In the distribution point; the first tells the lists of a family apart. */
const placeholdersOf: Readonly<Record<ScopeDefinition['partition'], readonly Placeholder[]>> = {
  authority: [],
  single: [],
  municipality: ['municipality', 'prefecture'],
  attribute: ['value'],
  count: ['number'],
  full: [],
};

function settingFaults(scope: ScopeDefinition): readonly ScopeFault[] {
  const { partition, distributionPoint, namesPoint = true, by, values, opens, closed } = scope;
  const faults: ScopeFault[] = [];
  const isInAuthority = partition === 'full' || partition === 'authority';
  const isMissing = distributionPoint === undefined;
  const mayBeUnnamed = partition === 'authority' || partition === 'single';
  if (!namesPoint && !mayBeUnnamed) {
    faults.push(['namesPoint', 'false is for scopes of partition authority and single']);
  } else if (isMissing ? !isInAuthority && namesPoint : partition === 'full') {
    const rule =
      'stands in every scope but those of partition full; in authority, and where namesPoint is false, it may be missing';
    faults.push(['distributionPoint', rule]);
  }
  if ((partition === 'attribute') !== (by !== undefined)) {
    faults.push(['by', 'stands in scopes of partition attribute and nowhere else']);
  }
  if ((by === 'request') !== (values !== undefined)) {
    faults.push(['values', 'stands where by is request and nowhere else']);
  }
  if (values !== undefined && new Set(values).size < values.length) {
    faults.push(['values', 'each value once']);
  }
  const hasCapacity = opens?.certificates !== undefined || opens?.entries !== undefined;
  if ((partition === 'count') !== hasCapacity) {
    faults.push([
      'opens',
      'says certificates or entries in scopes of partition count, and stands nowhere else',
    ]);
  }
  if (closed === true && isInAuthority) {
    faults.push(['closed', `has no meaning where partition is ${partition}`]);
  }
  return faults;
}

function httpPathFaults({ partition, httpPaths = [] }: ScopeDefinition): readonly ScopeFault[] {
  const isFamily = partition !== 'authority' && partition !== 'single' && partition !== 'full';
  return httpPaths.flatMap((path): readonly ScopeFault[] => {
    const rest = path.replaceAll('{scope}', '');
    const isRight = !/[{}]/.test(rest) && (!isFamily || rest !== path);
    const isOwn = !/^\/(crl|certificates|pairs|audit|ocsp|search-crls)(\/|$)/.test(path);
    return [
      ...(isRight
        ? []
        : [['httpPaths', isFamily ? 'need {scope}' : 'have no place but {scope}'] as const]),
      ...(isOwn ? [] : [['httpPaths', 'are not below what the repository has itself'] as const]),
    ];
  });
}

function scopeSetFaults({ crl, profiles }: PolicyFile): PolicyFault[] {
  const faults: PolicyFault[] = [];
  const authorities = crl.scopes.filter(({ partition }) => partition === 'authority').length;
  if (authorities !== 1) {
    faults.push({
      path: ['crl', 'scopes'],
      message: `has exactly one scope of partition authority, not ${authorities}`,
    });
  }
  for (const [index, { id, partition, closed }] of crl.scopes.entries()) {
    const earlier = crl.scopes.slice(0, index);
    const path = ['crl', 'scopes', index];
    if (earlier.some((scope) => scope.id === id)) {
      faults.push({ path: [...path, 'id'], message: 'each id once' });
    }
    const family = crl.scopes.find(
      (scope) => hasNumberedIds(scope) && id.startsWith(`${scope.id}-`),
    );
    if (family !== undefined) {
      const message = `could be the name of a list of ${family.id}; choose another`;
      faults.push({ path: [...path, 'id'], message });
    }
    const isOnce = partition === 'municipality' || partition === 'full';
    if (isOnce && earlier.some((scope) => scope.partition === partition)) {
      faults.push({ path: [...path, 'partition'], message: `${partition} stands once` });
    }
    if (crl.scopes[index]?.namesPoint === false) {
      faults.push(...unnamedFaults(crl.scopes, index));
    }
    const users = Object.entries(profiles).filter(([, { scope }]) => scope === id);
    if (closed === true && users.length > 0) {
      const names = users.map(([name]) => name).join(', ');
      const message = `certificates of ${names} still go there; name another scope in the profile`;
      faults.push({ path: [...path, 'closed'], message });
    }
  }
  return faults;
}

/** A list that names no point is the only one of its kind that verifiers can take. */
function unnamedFaults(scopes: readonly ScopeDefinition[], index: number): PolicyFault[] {
  const { partition } = scopes[index] ?? {};
  const isCa = partition === 'authority';
  const others = scopes.filter(
    ({ partition: theirs }, at) =>
      at !== index && theirs !== 'full' && (theirs === 'authority') === isCa,
  );
  const hasFull = scopes.some((one) => one.partition === 'full');
  if (!isCa && hasFull && scopes[index]?.distributionPoint === undefined) {
    const message = "says where the list is: the full lists are in the CA's own entry";
    return [{ path: ['crl', 'scopes', index, 'distributionPoint'], message }];
  }
  return others.length === 0
    ? []
    : [
        {
          path: ['crl', 'scopes', index, 'namesPoint'],
          message: `is false where there is one list; there is ${others.map(({ id }) => id).join(', ')} as well`,
        },
      ];
}

function hasNumberedIds({ partition }: ScopeDefinition): boolean {
  return partition === 'attribute' || partition === 'count' || partition === 'full';
}

/**
 * What can be wrong with the people of a policy: roles that nobody declared, a permission that nobody has, sides of a
 * separation that may do the same, requests that cannot pass through different hands.
 *
 * @module
 */

import type { PeopleDefinition, RequestRoute } from './people-schema.ts';
import {
  isActing,
  type Permission,
  type RequestKindName,
  requestSteps,
  stepPermission,
} from './permissions.ts';
import type { PolicyFile } from './policy.ts';
import type { PolicyFault } from './template-faults.ts';

/** Every fault; none for a policy that does not speak of people. */
export function peopleFaults(policy: PolicyFile): readonly PolicyFault[] {
  const { people } = policy;
  if (people === undefined) {
    return [];
  }
  return [
    ...roleFaults(policy, people),
    ...permissionFaults(policy, people),
    ...separationFaults(policy, people),
    ...profileFaults(policy, people),
    ...Object.entries(people.requests).flatMap(([kind, route]) => routeFaults(kind, route)),
  ];
}

/** Roles are declared here before anything else speaks of them. */
function roleFaults({ access, audit }: PolicyFile, people: PeopleDefinition): PolicyFault[] {
  const used: (readonly [PolicyFault['path'], readonly string[]])[] = [
    ...Object.entries(people.permissions).map(
      ([name, roles]) => [['people', 'permissions', name], roles] as const,
    ),
    ...people.separate.map((roles, index) => [['people', 'separate', index], roles] as const),
    ...access.map(
      ({ who }, index) =>
        [
          ['access', index, 'who', 'roles'],
          who.kind === 'operator' ? (who.roles ?? []) : [],
        ] as const,
    ),
    [['audit', 'auditorRoles'], audit.auditorRoles],
  ];
  const known = Object.keys(people.roles);
  return used.flatMap(([path, roles]) =>
    roles.flatMap((role, index) =>
      known.includes(role)
        ? []
        : [{ path: [...path, index], message: `is a role of people.roles: ${known.join(', ')}` }],
    ),
  );
}

function permissionFaults({ audit }: PolicyFile, people: PeopleDefinition): PolicyFault[] {
  const faults: PolicyFault[] = [];
  const used = new Set<string>(
    Object.entries(people.requests).flatMap(([kind, { steps }]) =>
      steps.map((step) => stepPermission(kind as RequestKindName, step)),
    ),
  );
  for (const name of used) {
    if (people.permissions[name as Permission] === undefined) {
      const message = 'is missing: a step of people.requests that nobody may take';
      faults.push({ path: ['people', 'permissions', name], message });
    }
  }
  for (const name of Object.keys(people.permissions)) {
    if (name.startsWith('request.') && !used.has(name)) {
      const message = 'is for a step that people.requests does not have';
      faults.push({ path: ['people', 'permissions', name], message });
    }
  }
  const registrars = people.permissions['operators.manage'] ?? [];
  if (registrars.length === 0) {
    const message = 'is missing: nobody could register operators';
    faults.push({ path: ['people', 'permissions', 'operators.manage'], message });
  }
  const reviewers = people.permissions['audit.review'] ?? [];
  if (!isSameSet(reviewers, audit.auditorRoles)) {
    const message = `has the roles of audit.auditorRoles: ${audit.auditorRoles.join(', ')}`;
    faults.push({ path: ['people', 'permissions', 'audit.review'], message });
  }
  return faults;
}

function separationFaults({ access }: PolicyFile, people: PeopleDefinition): PolicyFault[] {
  const faults: PolicyFault[] = [];
  const first = firstOperatorRoles({ access, people });
  for (const [index, set] of people.separate.entries()) {
    const path = ['people', 'separate', index];
    if (new Set(set).size < set.length) {
      faults.push({ path, message: 'names each role once' });
      continue;
    }
    for (const [name, roles] of Object.entries(people.permissions)) {
      const shared = set.filter((role) => roles.includes(role));
      if (shared.length > 1 && isActing(name as Permission)) {
        const message = `keeps ${shared.join(' and ')} apart, and people.permissions.${name} is for both`;
        faults.push({ path, message });
      }
    }
    const atFirst = set.filter((role) => first.includes(role));
    if (atFirst.length > 1) {
      const message = `keeps ${atFirst.join(' and ')} apart, and the first operator has both: each manages by access or registers operators`;
      faults.push({ path, message });
    }
  }
  return faults;
}

/**
 * The first account holds every role that manages something over LDAP. With it the others are registered: where none of
 * these roles may do that, which takes no rule of access, it holds those of `operators.manage` as well.
 */
export function firstOperatorRoles({
  access,
  people,
}: Pick<PolicyFile, 'access' | 'people'>): readonly string[] {
  const managing = access.flatMap(({ who, rights }) =>
    who.kind === 'operator' && rights.includes('manage') ? (who.roles ?? []) : [],
  );
  const registrars = people?.permissions['operators.manage'] ?? [];
  const isRegistrar = managing.some((role) => registrars.includes(role));
  return [...new Set(isRegistrar ? managing : [...registrars, ...managing])];
}

/** Operators' certificates are for a name alone. */
function profileFaults(
  { profiles }: PolicyFile,
  { operatorProfile }: PeopleDefinition,
): PolicyFault[] {
  const path = ['people', 'operatorProfile'];
  if (operatorProfile === undefined) {
    return [];
  }
  const profile = Object.hasOwn(profiles, operatorProfile) ? profiles[operatorProfile] : undefined;
  const isFit = profile?.kind === 'service' && Object.keys(profile.fields).join() === 'operator';
  return isFit
    ? []
    : [{ path, message: 'is a profile of kind service with the field operator and no other' }];
}

function routeFaults(kind: string, route: RequestRoute): PolicyFault[] {
  const path = ['people', 'requests', kind];
  const { steps, approvals, executors, persons } = route;
  const inOrder = requestSteps.filter((step) => steps.includes(step));
  if (inOrder.join() !== steps.join() || steps[0] !== 'receive') {
    const message = `begins with receive and has each step once, in the order ${requestSteps.join(', ')}`;
    return [{ path: [...path, 'steps'], message }];
  }
  const faults: PolicyFault[] = [];
  if (approvals > 1 && !steps.includes('approve')) {
    faults.push({ path: [...path, 'approvals'], message: 'needs the step approve' });
  }
  if (executors > 1 && !steps.includes('execute')) {
    faults.push({ path: [...path, 'executors'], message: 'needs the step execute' });
  }
  const people = peopleNeeded(route);
  if (persons !== undefined && persons > people) {
    const message = `is more than the ${people} who take the steps: name more steps, approvals or executors`;
    faults.push({ path: [...path, 'persons'], message });
  }
  return faults;
}

/** How many different people a request of this kind passes. */
export function peopleNeeded({ steps, approvals, executors }: RequestRoute): number {
  const extra =
    (steps.includes('approve') ? approvals - 1 : 0) +
    (steps.includes('execute') ? executors - 1 : 0);
  return steps.length + extra;
}

function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  return left.every((one) => right.includes(one)) && right.every((one) => left.includes(one));
}

/**
 * The people of a policy, ready to be asked: who may do what, who may be one person, how a request goes.
 *
 * @module
 */

import type { PeopleDefinition, RequestRoute, RoleDefinition } from './people-schema.ts';
import {
  type Permission,
  permissions,
  type RequestKindName,
  type RequestStep,
  requestKindNames,
} from './permissions.ts';
import type { Policy } from './policy.ts';

/** A policy that does not speak of people: nobody may do anything, and there are no requests. */
const nobody: PeopleDefinition = { roles: {}, permissions: {}, separate: [], requests: {} };

export class People {
  readonly #definition: PeopleDefinition;

  constructor({ people = nobody }: Pick<Policy, 'people'>) {
    this.#definition = people;
  }

  /** Every role, by name. */
  get roles(): Readonly<Record<string, RoleDefinition>> {
    return this.#definition.roles;
  }

  /** The kinds of requests that this CA takes. */
  get kinds(): readonly RequestKindName[] {
    return requestKindNames.filter((kind) => this.#definition.requests[kind] !== undefined);
  }

  /** The roles that have a permission; none when nobody has it. */
  rolesWith(permission: Permission): readonly string[] {
    return this.#definition.permissions[permission] ?? [];
  }

  isAllowed(roles: readonly string[], permission: Permission): boolean {
    const holders = this.rolesWith(permission);
    return roles.some((role) => holders.includes(role));
  }

  /** Everything that these roles may do. */
  permissionsOf(roles: readonly string[]): readonly Permission[] {
    return permissions.filter((permission) => this.isAllowed(roles, permission));
  }

  /** Roles among these that are never one person's; undefined when there are none. */
  separated(roles: readonly string[]): readonly string[] | undefined {
    return this.#definition.separate
      .map((set) => set.filter((role) => roles.includes(role)))
      .find((together) => together.length > 1);
  }

  /** True when a permission was given for offices: whoever acts by these roles alone acts for its own partitions. */
  isBound(roles: readonly string[], permission: Permission): boolean {
    const used = this.rolesWith(permission).filter((role) => roles.includes(role));
    return used.every((role) => this.roles[role]?.isOffice === true);
  }

  /** How requests of a kind go; undefined when this CA does not take them. */
  route(kind: RequestKindName): RequestRoute | undefined {
    return this.#definition.requests[kind];
  }
}

/** How many different people take a step. */
export function peopleAt({ approvals, executors }: RequestRoute, step: RequestStep): number {
  switch (step) {
    case 'approve':
      return approvals;
    case 'execute':
      return executors;
    case 'receive':
    case 'examine':
      return 1;
  }
}

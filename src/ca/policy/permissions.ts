/**
 * Everything that a policy can allow its roles: the steps of requests by their kind, and what is done without a
 * request. The list is closed, so that a permission that is misspelt is a fault of the policy and not one
 * that nobody has.
 *
 * Not here: which roles have which permission (`people.ts`), what clients may do to entries over LDAP (the policy's
 * `access`).
 *
 * @module
 */

/** What can be asked of a CA in writing. */
export const requestKindNames = [
  'issue',
  'renew',
  'revoke',
  'hold',
  'release',
  'deliver',
  'discard',
  'cross-issue',
  'cross-accept',
  'cross-revoke',
] as const;

export type RequestKindName = (typeof requestKindNames)[number];

export function isRequestKindName(text: string): text is RequestKindName {
  return requestKindNames.some((name) => name === text);
}

/** What people do with a request, in this order; a policy may leave steps out. */
export const requestSteps = ['receive', 'examine', 'approve', 'execute'] as const;

export type RequestStep = (typeof requestSteps)[number];

export const otherPermissions = [
  /** See requests, all but their steps of one's own. */
  'requests.read',
  'certificates.read',
  /** See what certificates say of persons. */
  'subscribers.read',
  'certificates.download',
  'lists.publish',
  'verifiers.manage',
  /** Register operators, close their accounts, and have certificates issued to them. */
  'operators.manage',
  /** Have certificates issued to operators who are registered. */
  'operators.enrol',
  'deliveries.manage',
  'cross.manage',
  'audit.read',
  /** Review the audit log, and remove what was reviewed. */
  'audit.review',
  /** Who was provided with what. */
  'accounts.read',
  'notices.manage',
] as const;

export type OtherPermission = (typeof otherPermissions)[number];

export type Permission = `request.${RequestKindName}.${RequestStep}` | OtherPermission;

/** Every permission there is. */
export const permissions: readonly Permission[] = [
  ...requestKindNames.flatMap((kind) => requestSteps.map((step) => stepPermission(kind, step))),
  ...otherPermissions,
];

const known: ReadonlySet<string> = new Set(permissions);

export function isPermission(text: string): text is Permission {
  return known.has(text);
}

export function stepPermission(kind: RequestKindName, step: RequestStep): Permission {
  return `request.${kind}.${step}`;
}

/** True for what changes something, as against looking at it: two sides of a separation never share it. */
export function isActing(permission: Permission): boolean {
  return !permission.endsWith('.read') && permission !== 'certificates.download';
}

/**
 * The controls of LDIF change records: those of LDAP that a file of changes has a use for. What a control
 * would send back has nobody to be sent to.
 *
 * @module
 */

import type { ReadLdifControls } from '../directory/ldif/ldif-change.ts';
import { LdapError } from '../ldap/errors.ts';
import { defaultLdapLimits } from '../ldap/limits.ts';
import { ControlOid, readControls } from '../ldap/request-controls.ts';

const obeyed: ReadonlySet<string> = new Set([ControlOid.assertion, ControlOid.manageDsaIt]);

/** @throws {LdapError} `LDAP_CRITICAL_CONTROL`, `LDAP_FIELD`, `LDAP_TOO_MANY_PARTS`. */
export const readLdifControls: ReadLdifControls = (kind, controls) => {
  const refused = controls.find(({ type, isCritical }) => isCritical && !obeyed.has(type));
  if (refused !== undefined) {
    throw new LdapError(
      'LDAP_CRITICAL_CONTROL',
      `the critical control ${refused.type} is not obeyed in LDIF`,
    );
  }
  return readControls(
    kind,
    controls.filter(({ type }) => obeyed.has(type)),
    defaultLdapLimits,
  );
};

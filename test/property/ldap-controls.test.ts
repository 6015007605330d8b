/** Values of controls: whatever the bytes, they are read or refused, and never end the connection. */

import assert from 'node:assert/strict';
import { it } from 'node:test';

import fc from 'fast-check';

import { DirectoryError } from '../../src/directory/errors.ts';
import { LdapError } from '../../src/ldap/errors.ts';
import { defaultLdapLimits } from '../../src/ldap/limits.ts';
import { readControls, supportedControls } from '../../src/ldap/request-controls.ts';
import {
  assertionControl,
  matchedValuesControl,
  pagedControl,
  preReadControl,
  sortControl,
  subentriesControl,
} from '../support/ldap-control-bytes.ts';
import { equality, present } from '../support/ldap-request-bytes.ts';

const kind = fc.constantFrom('search', 'compare', 'add', 'modify', 'delete', 'modifyDn', 'bind');
const right = [
  assertionControl(equality('cn', 'x')),
  preReadControl('cn', '*'),
  pagedControl(100, Buffer.from('cookie')),
  sortControl({ attribute: 'cn', rule: '2.5.13.3', isReverse: true }),
  matchedValuesControl(present('cn'), equality('sn', 'x')),
  subentriesControl(true),
].map(({ value }) => value ?? Buffer.alloc(0));

/** A right value of some control, a few octets of it other ones. */
const damaged = fc
  .tuple(
    fc.constantFrom(...right),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
    fc.nat({ max: 3 }),
  )
  .map(([value, changes, cut]) => {
    const bytes = Buffer.from(value);
    for (const [at, octet] of changes) {
      bytes[at % bytes.length] = octet;
    }
    return bytes.subarray(0, bytes.length - cut);
  });

const refusals = new Set(['LDAP_FIELD', 'LDAP_CRITICAL_CONTROL', 'LDAP_TOO_MANY_PARTS']);

it('any octets are read, or refused as the field of one request', () => {
  const outcomes = { read: 0, refused: 0 };
  fc.assert(
    fc.property(
      kind,
      fc.constantFrom(...supportedControls, '1.2.3'),
      fc.boolean(),
      fc.option(fc.oneof(damaged, fc.uint8Array({ maxLength: 40 })), { nil: undefined }),
      (operation, type, isCritical, value) => {
        const control = { type, isCritical, ...(value === undefined ? {} : { value }) };
        try {
          readControls(operation, [control], defaultLdapLimits);
          outcomes.read += 1;
        } catch (error) {
          outcomes.refused += 1;
          const isRefusal = error instanceof LdapError && refusals.has(error.code);
          assert.ok(isRefusal || error instanceof DirectoryError, String(error));
        }
      },
    ),
    { seed: 4511, numRuns: 5000 },
  );
  assert.ok(outcomes.read > 500 && outcomes.refused > 500);
});

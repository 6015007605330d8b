import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { BerError } from '../../src/asn1/errors.ts';
import { DirectoryError, type DirectoryErrorCode } from '../../src/directory/errors.ts';
import { LdapError, type LdapErrorCode } from '../../src/ldap/errors.ts';
import { ResultCode, resultOfError } from '../../src/ldap/result-codes.ts';

describe('resultOfError', () => {
  const directory: readonly [DirectoryErrorCode, number][] = [
    ['DIRECTORY_DN_SYNTAX', 34],
    ['DIRECTORY_INVALID_SYNTAX', 21],
    ['DIRECTORY_UNDEFINED_TYPE', 17],
    ['DIRECTORY_INAPPROPRIATE_MATCHING', 18],
    ['DIRECTORY_CONSTRAINT', 19],
    ['DIRECTORY_VALUE_EXISTS', 20],
    ['DIRECTORY_NO_SUCH_ATTRIBUTE', 16],
    ['DIRECTORY_NO_SUCH_OBJECT', 32],
    ['DIRECTORY_ENTRY_EXISTS', 68],
    ['DIRECTORY_OBJECT_CLASS', 65],
    ['DIRECTORY_OBJECT_CLASS_MODS', 69],
    ['DIRECTORY_NAMING', 64],
    ['DIRECTORY_NOT_ON_NON_LEAF', 66],
    ['DIRECTORY_NOT_ON_RDN', 67],
    ['DIRECTORY_FILTER_LIMIT', 11],
    ['DIRECTORY_MANAGED_ATTRIBUTE', 53],
    ['DIRECTORY_INVALID_CREDENTIALS', 49],
    ['DIRECTORY_ACCESS_DENIED', 50],
    ['DIRECTORY_BUSY', 51],
    ['DIRECTORY_SIZE_LIMIT', 4],
    ['DIRECTORY_TIME_LIMIT', 3],
    ['DIRECTORY_LOOK_THROUGH_LIMIT', 11],
    ['DIRECTORY_UNAVAILABLE', 52],
  ];
  for (const [code, resultCode] of directory) {
    it(`tells ${code} as ${resultCode}, with its message`, () => {
      const result = resultOfError(new DirectoryError(code, 'why'));
      assert.deepEqual(result, { resultCode, matchedDn: '', diagnosticMessage: 'why' });
    });
  }

  const own: readonly [LdapErrorCode, number][] = [
    ['LDAP_MALFORMED', 2],
    ['LDAP_PDU_TOO_LARGE', 2],
    ['LDAP_FIELD', 2],
    ['LDAP_TOO_MANY_PARTS', 11],
    ['LDAP_CRITICAL_CONTROL', 12],
    ['LDAP_UNKNOWN_EXTENSION', 2],
    ['LDAP_AUTH_METHOD', 7],
    ['LDAP_CLEAR_PASSWORD', 13],
    ['LDAP_EMPTY_PASSWORD', 53],
    ['LDAP_EMPTY_NAME', 49],
    ['LDAP_START_TLS_STATE', 1],
    ['LDAP_START_TLS_UNAVAILABLE', 2],
    ['LDAP_BUSY', 51],
    ['LDAP_SHUTDOWN', 52],
  ];
  for (const [code, resultCode] of own) {
    it(`tells ${code} as ${resultCode}`, () => {
      assert.equal(resultOfError(new LdapError(code, 'why')).resultCode, resultCode);
    });
  }

  it('carries the matched name of an object that is not there', () => {
    const error = new DirectoryError('DIRECTORY_NO_SUCH_OBJECT', 'why', { matchedDn: 'dc=x' });
    assert.equal(resultOfError(error).matchedDn, 'dc=x');
  });

  const secret = 'path and password';
  const unknown: readonly unknown[] = [
    new Error(secret),
    new BerError('BER_TAG', secret),
    new DirectoryError('DIRECTORY_ENTRY_DAMAGED', secret),
    new LdapError('LDAP_TLS_CREDENTIALS', secret),
    secret,
    undefined,
  ];
  for (const error of unknown) {
    it(`tells nothing of ${error instanceof Error ? error.name : typeof error} but other(80)`, () => {
      const result = resultOfError(error);
      assert.equal(result.resultCode, ResultCode.other);
      assert.ok(!result.diagnosticMessage.includes(secret));
    });
  }
});

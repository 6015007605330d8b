import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { referralUri } from '../../src/directory/search/referral-uri.ts';

const objectDn = 'ou=People,o=MNN,c=WW';

describe('referralUri (RFC 3296 §5)', () => {
  const rows = [
    { ref: 'ldap://b/OU=People,O=MNN,C=US', uri: 'ldap://b/OU=People,O=MNN,C=US' },
    { ref: 'ldap://b/o=x', scope: 'sub', uri: 'ldap://b/o=x??sub' },
    { ref: 'ldap://b/o=x', scope: 'base', uri: 'ldap://b/o=x??base' },
    { ref: 'ldap://b/o=x', below: 'cn=M', uri: 'ldap://b/cn=M,o=x' },
    { ref: 'ldap://b/o=x', below: 'cn=M,ou=N', scope: 'one', uri: 'ldap://b/cn=M,ou=N,o=x??one' },
    { ref: 'ldap://b', uri: 'ldap://b/ou=People,o=MNN,c=WW' },
    { ref: 'ldap://b/', scope: 'sub', uri: 'ldap://b/ou=People,o=MNN,c=WW??sub' },
    { ref: 'ldap:///', uri: 'ldap:///ou=People,o=MNN,c=WW' },
    { ref: 'ldap://b:1389/o=x', uri: 'ldap://b:1389/o=x' },
    { ref: 'LDAPS://[::1]:636/o=x', uri: 'LDAPS://[::1]:636/o=x' },
    { ref: 'ldap://b/o=x a label', uri: 'ldap://b/o=x' },
    { ref: ' ldap://b/o=x\tlabel', uri: 'ldap://b/o=x' },
    { ref: 'ldap://b/o=x?cn,sn?one?(cn=a)', uri: 'ldap://b/o=x' },
    { ref: 'ldap://b/o=x?cn?one?(cn=a)', scope: 'sub', uri: 'ldap://b/o=x??sub' },
    { ref: 'ldap://b/o=x????!bindname=cn=m', uri: 'ldap://b/o=x????!bindname=cn=m' },
    { ref: 'ldap://b/o=x??sub??!e', scope: 'base', uri: 'ldap://b/o=x??base??!e' },
    { ref: 'ldap://b/o=a%20b', below: 'cn=c?d#e', uri: 'ldap://b/cn=c%3fd%23e,o=a%20b' },
    { ref: 'ldap://b/o=%E6%97%A5', uri: 'ldap://b/o=%E6%97%A5' },
    { ref: 'ldap://b/o=%zz', scope: 'sub', uri: 'ldap://b/o=%zz' },
    { ref: 'https://b/x?y z', below: 'cn=M', uri: 'https://b/x?y' },
    { ref: '', uri: '' },
  ] as const;
  for (const { ref, uri, ...target } of rows) {
    it(`${ref} with ${JSON.stringify(target)}: ${uri}`, () => {
      assert.equal(referralUri(ref, { objectDn, below: '', ...target }), uri);
    });
  }
});

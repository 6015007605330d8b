import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { decodePasswordModify, encodeGeneratedPassword } from '../../src/ldap/password-modify.ts';
import { bindOperation, extendedOperation, tlv } from '../support/ldap-request-bytes.ts';
import { LdapTestServer } from '../support/ldap-test-server.ts';

const PASSWORD_MODIFY_OID = '1.3.6.1.4.1.4203.1.11.1';

const bytes = (text: string): Buffer => Buffer.from(text);
const full = tlv(0x30, tlv(0x80, 'cn=a'), tlv(0x81, 'old'), tlv(0x82, 'new'));

describe('the value of Password Modify (RFC 3062 §2)', () => {
  const rows = [
    { why: 'no value', value: undefined, expected: {} },
    { why: 'no field', value: tlv(0x30), expected: {} },
    {
      why: 'every field',
      value: full,
      expected: { dn: 'cn=a', oldPassword: bytes('old'), newPassword: bytes('new') },
    },
    {
      why: 'a new password alone',
      value: tlv(0x30, tlv(0x82, 'new')),
      expected: { newPassword: bytes('new') },
    },
    {
      why: 'empty fields',
      value: tlv(0x30, tlv(0x80), tlv(0x81), tlv(0x82)),
      expected: { dn: '', oldPassword: bytes(''), newPassword: bytes('') },
    },
    {
      why: 'an authorisation identity for a name',
      value: tlv(0x30, tlv(0x80, 'dn:cn=a')),
      expected: { dn: 'cn=a' },
    },
  ];
  for (const { why, value, expected } of rows) {
    it(`is read: ${why}`, () => {
      assert.deepEqual(decodePasswordModify(value), expected);
    });
  }

  const refused = [
    { why: 'an empty value', value: bytes('') },
    { why: 'no sequence', value: tlv(0x04, 'x') },
    { why: 'half of one', value: full.subarray(0, -1) },
    { why: 'bytes behind it', value: Buffer.concat([full, bytes('x')]) },
    { why: 'fields in another order', value: tlv(0x30, tlv(0x82, 'new'), tlv(0x81, 'old')) },
    { why: 'a field twice', value: tlv(0x30, tlv(0x82, 'new'), tlv(0x82, 'new')) },
    { why: 'a user name', value: tlv(0x30, tlv(0x80, 'u:a')) },
    { why: 'an identity that is no UTF-8', value: tlv(0x30, tlv(0x80, Buffer.of(0xff))) },
  ];
  for (const { why, value } of refused) {
    it(`is refused: ${why}`, () => {
      assert.throws(() => decodePasswordModify(value), { code: 'LDAP_FIELD' });
    });
  }

  it('carries back what was made up', () => {
    assert.deepEqual(
      Buffer.from(encodeGeneratedPassword(bytes('made up'))),
      tlv(0x30, tlv(0x80, 'made up')),
    );
  });
});

describe('Password Modify over a connection', () => {
  const operation = extendedOperation(PASSWORD_MODIFY_OID, full);

  it('reaches the directory with the caller, and is answered without name and value', async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    await client.ask(bindOperation('cn=admin', 'x'));
    const answer = await client.ask(operation);
    assert.deepEqual(
      [answer.kind, answer.resultCode, answer.responseName, answer.responseValue],
      ['extended', 0, undefined, undefined],
    );
    const call = opened.directory.calls.at(-1);
    assert.deepEqual([call?.operation, call?.as], ['changePassword', 'cn=admin']);
    assert.deepEqual(call?.request, {
      dn: 'cn=a',
      oldPassword: bytes('old'),
      newPassword: bytes('new'),
    });
  });

  it('brings the password that was made up', async (t) => {
    const opened = await LdapTestServer.open(t);
    opened.directory.onChangePassword = async () => bytes('made up');
    const client = await opened.connect();
    const answer = await client.ask(extendedOperation(PASSWORD_MODIFY_OID));
    assert.deepEqual(answer.responseValue, tlv(0x30, tlv(0x80, 'made up')));
  });

  it('is refused in clear, with nothing asked of the directory', async (t) => {
    const opened = await LdapTestServer.open(t, { allowClearPasswords: false });
    const client = await opened.connect();
    assert.equal((await client.ask(operation)).resultCode, 13);
    assert.equal(opened.directory.calls.length, 0);
  });

  it('is taken under TLS', async (t) => {
    const opened = await LdapTestServer.open(t, { mode: 'ldaps', allowClearPasswords: false });
    const client = await opened.connectTls();
    assert.equal((await client.ask(operation)).resultCode, 0);
  });
});

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';

import type { AuditRecord } from '../../src/audit/audit-log.ts';
import { suffix, system } from '../support/directory-fixture.ts';
import { assertionControl } from '../support/ldap-control-bytes.ts';
import { manager, type ServedDirectory, serveDirectory } from '../support/ldap-directory-client.ts';
import {
  addOperation,
  bindOperation,
  type ControlBytes,
  deleteOperation,
  equality,
  extendedOperation,
  message,
  modifyDnOperation,
  modifyOperation,
  present,
  tlv,
} from '../support/ldap-request-bytes.ts';

const court = `cn=Court,${suffix}`;
const role = [
  { type: 'objectClass', values: ['organizationalRole', 'simpleSecurityObject'] },
  { type: 'cn', values: ['Court'] },
];
const hashedRole = [...role.slice(1), { type: 'objectClass', values: ['organizationalRole'] }];

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Sends an operation as the manager, on a connection of its own. */
async function send(
  { opened }: ServedDirectory,
  operation: Uint8Array,
  controls?: readonly ControlBytes[],
): Promise<{ readonly digest: string; readonly resultCode: number }> {
  const client = await opened.connect();
  assert.equal((await client.ask(bindOperation(manager, 'right'))).resultCode, 0);
  const { resultCode, messageId } = await client.ask(operation, controls);
  return { digest: sha256(message(messageId, operation, controls)), resultCode };
}

async function lastRecord({ records }: ServedDirectory): Promise<AuditRecord | undefined> {
  return (await records()).at(-1);
}

describe("the digest of an LDAP request in its change's record", () => {
  const open = { type: 'description', values: ['one'] };
  const changes: readonly {
    readonly kind: string;
    readonly operation: Uint8Array;
    readonly controls?: readonly ControlBytes[];
  }[] = [
    { kind: 'directory.add', operation: addOperation(court, hashedRole) },
    {
      kind: 'directory.modify',
      operation: modifyOperation(court, [{ operation: 0, ...open }]),
      controls: [assertionControl(present('cn'))],
    },
    {
      kind: 'directory.rename',
      operation: modifyDnOperation({ dn: court, newRdn: 'cn=High Court', deleteOldRdn: true }),
    },
    { kind: 'directory.delete', operation: deleteOperation(`cn=High Court,${suffix}`) },
  ];

  it('is SHA-256 over the whole message, beside the digests before and after', async (t) => {
    const served = await serveDirectory(t);
    for (const { kind, operation, controls } of changes) {
      const { digest, resultCode } = await send(served, operation, controls);
      assert.equal(resultCode, 0, kind);
      const record = await lastRecord(served);
      assert.deepEqual([record?.kind, record?.request], [kind, digest]);
      assert.equal(record?.before === undefined, kind === 'directory.add');
      assert.equal(record?.after === undefined, kind === 'directory.delete');
    }
  });

  it('is that of a request of more than 4 MiB as well', async (t) => {
    const served = await serveDirectory(t);
    await send(served, addOperation(court, hashedRole));
    const value = 'x'.repeat(1_000_000);
    const values = ['1', '2', '3', '4', '5'].map((end) => value + end);
    const change = { operation: 0, type: 'description', values };
    const { digest, resultCode } = await send(served, modifyOperation(court, [change]));
    assert.equal(resultCode, 0);
    assert.equal((await lastRecord(served))?.request, digest);
  });

  it('is in the record of a refusal', async (t) => {
    const served = await serveDirectory(t);
    const operation = deleteOperation(suffix);
    assert.equal((await served.client.ask(operation)).resultCode, 50);
    const record = await lastRecord(served);
    assert.equal(record?.result, 'refused');
    assert.equal(record.request, sha256(message(1, operation)));
  });

  it('is left out where nothing came over a wire', async (t) => {
    const served = await serveDirectory(t);
    await served.directory.delete({ dn: manager }, system);
    const record = await lastRecord(served);
    assert.equal(record?.kind, 'directory.delete');
    assert.equal(record.request, undefined);
  });
});

describe('a request that a guess at a password could be tried on has no digest', () => {
  const secret = { type: 'userPassword', values: ['correct horse'] };
  const guess = equality('userPassword', 'correct horse');
  const harmless = modifyOperation(court, [{ operation: 0, type: 'description', values: ['x'] }]);
  const rows: readonly {
    readonly why: string;
    readonly operation: Uint8Array;
    readonly controls?: readonly ControlBytes[];
  }[] = [
    { why: 'an add', operation: addOperation(`cn=New,${suffix}`, newRole(secret)) },
    { why: 'a new value', operation: modifyOperation(court, [{ operation: 2, ...secret }]) },
    {
      why: 'an old value, by OID',
      operation: modifyOperation(court, [
        { operation: 1, type: '2.5.4.35', values: ['first'] },
        { operation: 0, ...secret },
      ]),
    },
    {
      why: 'an assertion within others',
      operation: harmless,
      controls: [assertionControl(tlv(0xa1, tlv(0xa2, guess), present('cn')))],
    },
    {
      why: 'an assertion on what is not known here',
      operation: harmless,
      controls: [assertionControl(tlv(0xa1, present('cn'), equality('secret', 'x')))],
    },
    {
      why: 'an assertion on any attribute',
      operation: harmless,
      controls: [assertionControl(tlv(0xa1, present('cn'), anyAttribute('x')))],
    },
    {
      why: 'Password Modify (RFC 3062)',
      operation: extendedOperation(
        '1.3.6.1.4.1.4203.1.11.1',
        tlv(0x30, tlv(0x80, court), tlv(0x82, 'correct horse')),
      ),
    },
  ];
  for (const { why, operation, controls } of rows) {
    it(why, async (t) => {
      const served = await serveDirectory(t);
      await served.directory.add(
        {
          dn: court,
          attributes: [...role, { type: 'userPassword', values: ['first'] }].map(
            ({ type, values }) => ({
              description: type,
              values: values.map((text) => Buffer.from(text)),
            }),
          ),
        },
        system,
      );
      const before = (await served.records()).length;
      assert.equal((await send(served, operation, controls)).resultCode, 0);
      const records = await served.records();
      assert.equal(records.length, before + 1);
      assert.equal(records.at(-1)?.request, undefined);
      assert.notEqual(records.at(-1)?.after, undefined);
    });
  }
});

function newRole(secret: { readonly type: string; readonly values: readonly string[] }) {
  return [...role.slice(0, 1), { type: 'cn', values: ['New'] }, secret];
}

/** An extensible filter that names a rule and no attribute (RFC 4511 §4.5.1.7.7). */
function anyAttribute(value: string): Buffer {
  return tlv(0xa9, tlv(0x81, 'caseIgnoreMatch'), tlv(0x83, value));
}

/**
 * Requests that are deep, wide or long: each meets a limit while it is read, is answered, and the connection
 * goes on.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { defaultLdapLimits } from '../../src/ldap/limits.ts';
import {
  addOperation,
  bindOperation,
  compareOperation,
  equality,
  lengthBytes,
  message,
  modifyOperation,
  octets,
  present,
  searchOperation,
  tlv,
} from '../support/ldap-request-bytes.ts';
import { LdapTestServer } from '../support/ldap-test-server.ts';

const ADMIN_LIMIT_EXCEEDED = 11;
const MANY = 100_000;

/** `depth` negations around a present filter. */
function nested(depth: number): Buffer {
  const item = present('cn');
  const headers: Buffer[] = [];
  let length = item.length;
  for (let level = 0; level < depth; level += 1) {
    const header = Buffer.concat([Buffer.of(0xa2), lengthBytes(length)]);
    headers.push(header);
    length += header.length;
  }
  return Buffer.concat([...headers.reverse(), item]);
}

const times = (count: number, part: Uint8Array): Buffer => Buffer.concat(Array(count).fill(part));

const attributes = (count: number): { type: string; values: string[] }[] =>
  Array.from({ length: count }, (_none, index) => ({ type: `a${index}`, values: ['v'] }));

/** Both sides of a limit: what passes it and what does not. */
const bounds: readonly {
  readonly what: string;
  readonly limit: number;
  readonly of: (count: number) => Buffer;
}[] = [
  {
    what: 'levels of a filter',
    limit: defaultLdapLimits.filterDepth,
    of: (count) => searchOperation({ filter: nested(count - 1) }),
  },
  {
    what: 'parts of a filter',
    limit: defaultLdapLimits.filterNodes,
    of: (count) => searchOperation({ filter: tlv(0xa1, times(count - 1, equality('cn', 'v'))) }),
  },
  {
    what: 'pieces of a substring',
    limit: defaultLdapLimits.filterNodes - 1,
    of: (count) =>
      searchOperation({
        filter: tlv(0xa4, octets('cn'), tlv(0x30, times(count, tlv(0x81, 'x')))),
      }),
  },
  {
    what: 'attributes of a selection',
    limit: defaultLdapLimits.selectedAttributes,
    of: (count) => searchOperation({ attributes: Array(count).fill('cn') }),
  },
  {
    what: 'attributes of an add',
    limit: defaultLdapLimits.attributes,
    of: (count) => addOperation('cn=a', attributes(count)),
  },
  {
    what: 'values of an add',
    limit: defaultLdapLimits.values,
    of: (count) => addOperation('cn=a', [{ type: 'cn', values: Array(count).fill('v') }]),
  },
  {
    what: 'changes of a modify',
    limit: defaultLdapLimits.attributes,
    of: (count) =>
      modifyOperation(
        'cn=a',
        attributes(count).map((attribute) => ({ ...attribute, operation: 0 })),
      ),
  },
];

describe('reliability LDAP row 3: deep and wide requests', () => {
  for (const { what, limit, of } of bounds) {
    it(`${what}: ${limit} pass, one more and ${MANY} do not`, async (t) => {
      const opened = await LdapTestServer.open(t);
      const client = await opened.connect();
      await client.ask(bindOperation('cn=a', 'x'));
      const codes: unknown[] = [];
      for (const count of [limit, limit + 1, MANY]) {
        const answers = await client.request(of(count));
        codes.push(answers.at(-1)?.resultCode);
      }
      assert.deepEqual(codes, [0, ADMIN_LIMIT_EXCEEDED, ADMIN_LIMIT_EXCEEDED]);
      assert.equal(opened.directory.calls.length, 2, 'the bind, and what is within the limit');
    });
  }

  it(`controls: ${defaultLdapLimits.controls} pass, one more and ${MANY} do not`, async (t) => {
    const opened = await LdapTestServer.open(t);
    const client = await opened.connect();
    await client.ask(bindOperation('cn=a', 'x'));
    const codes: unknown[] = [];
    for (const count of [defaultLdapLimits.controls, defaultLdapLimits.controls + 1, MANY]) {
      const controls = Array.from({ length: count }, (_none, index) => ({ type: `1.2.${index}` }));
      client.send(message(50, compareOperation('cn=a', 'cn', 'v'), controls));
      codes.push((await client.next()).resultCode);
    }
    assert.deepEqual(codes, [6, ADMIN_LIMIT_EXCEEDED, ADMIN_LIMIT_EXCEEDED]);
  });
});

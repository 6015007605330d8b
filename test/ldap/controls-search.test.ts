/** Paged results, sorting and matched values over the wire. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { suffix } from '../support/directory-fixture.ts';
import { type AnswerControl, parsePage, parseSortResult } from '../support/ldap-answers.ts';
import {
  manageDsaItControl,
  matchedValuesControl,
  pagedControl,
  type SortKeyBytes,
  sortControl,
  subentriesControl,
} from '../support/ldap-control-bytes.ts';
import { manager, type ServedDirectory, serveDirectory } from '../support/ldap-directory-client.ts';
import {
  bindOperation,
  type ControlBytes,
  deleteOperation,
  equality,
  octets,
  present,
  searchOperation,
  tlv,
} from '../support/ldap-request-bytes.ts';
import type { LdapTestClient } from '../support/ldap-test-client.ts';

const names = ['d', 'b', 'e', 'a', 'c'];
const persons = {
  base: suffix,
  scope: 1,
  filter: equality('objectClass', 'person'),
  attributes: ['cn', 'description'],
};

async function servePersons(t: Parameters<typeof serveDirectory>[0]): Promise<ServedDirectory> {
  const served = await serveDirectory(t);
  for (const name of names) {
    const description = [`of ${name}`, 'person'];
    await served.add(`cn=${name},${suffix}`, { objectClass: 'person', sn: 'x', description });
  }
  return served;
}

interface Found {
  /** The letters of the persons found. */
  readonly letters: string;
  readonly resultCode: number;
  readonly controls: readonly AnswerControl[];
}

async function find(
  client: LdapTestClient,
  controls: readonly ControlBytes[],
  search: Parameters<typeof searchOperation>[0] = {},
): Promise<Found> {
  const answers = await client.request(searchOperation({ ...persons, ...search }), controls);
  const last = answers.at(-1);
  assert.ok(last);
  assert.ok(answers.slice(0, -1).every((entry) => entry.controls.length === 0));
  const letters = answers.slice(0, -1).map(({ dn }) => dn.charAt(3));
  return { letters: letters.join(''), resultCode: last.resultCode, controls: last.controls };
}

function cookieOf({ controls }: Found): Buffer {
  const control = controls.find(({ type }) => type === '1.2.840.113556.1.4.319');
  return parsePage(control?.value).cookie;
}

describe('paged results (RFC 2696)', () => {
  it('go on from page to page, also over another connection', async (t) => {
    const { client, opened } = await servePersons(t);
    const one = await find(client, [pagedControl(2)]);
    assert.deepEqual([one.letters, one.resultCode], ['ab', 0]);
    const other = await opened.connect();
    const two = await find(other, [pagedControl(2, cookieOf(one))]);
    assert.deepEqual([two.letters, two.resultCode], ['cd', 0]);
    const three = await find(client, [pagedControl(2, cookieOf(two))]);
    assert.deepEqual([three.letters, three.resultCode], ['e', 0]);
    assert.equal(cookieOf(three).length, 0);
  });

  it('a cookie does not pass from the anonymous to the manager, nor back', async (t) => {
    const served = await servePersons(t);
    const bound = await served.connectAsManager();
    const clients = [served.client, bound];
    for (const owner of clients) {
      const cookie = cookieOf(await find(owner, [pagedControl(1)]));
      for (const client of clients) {
        const { resultCode, letters, controls } = await find(client, [pagedControl(1, cookie)]);
        assert.deepEqual([resultCode, letters], client === owner ? [0, 'b'] : [53, '']);
        assert.equal(controls.length, client === owner ? 1 : 0);
      }
    }
  });

  it('a rebind on the same connection ends the search', async (t) => {
    const { client } = await servePersons(t);
    const cookie = cookieOf(await find(client, [pagedControl(1)]));
    assert.equal((await client.ask(bindOperation(manager, 'right'))).resultCode, 0);
    assert.equal((await find(client, [pagedControl(1, cookie)])).resultCode, 53);
  });

  it('nonsense for a cookie is refused', async (t) => {
    const { client } = await servePersons(t);
    const found = await find(client, [pagedControl(1, Buffer.from('nonsense'))]);
    assert.deepEqual(found, { letters: '', resultCode: 53, controls: [] });
  });

  it('the size limit of the request holds over all pages', async (t) => {
    const { client } = await servePersons(t);
    const search = { sizeLimit: 3 };
    const one = await find(client, [pagedControl(2)], search);
    const two = await find(client, [pagedControl(2, cookieOf(one))], search);
    assert.deepEqual([two.letters, two.resultCode, two.controls], ['c', 4, []]);
  });

  it('a page of 0 ends the search', async (t) => {
    const { client } = await servePersons(t);
    const one = await find(client, [pagedControl(2)]);
    const end = await find(client, [pagedControl(0, cookieOf(one))]);
    assert.deepEqual([end.letters, end.resultCode, cookieOf(end).length], ['', 0, 0]);
  });

  it('a search that fails has no page', async (t) => {
    const { client } = await servePersons(t);
    const { resultCode, controls } = await find(client, [pagedControl(2)], { base: 'c=XX' });
    assert.deepEqual([resultCode, controls], [32, []]);
  });
});

describe('sorting (RFC 2891)', () => {
  const rows: readonly { readonly keys: readonly SortKeyBytes[]; readonly expected: string }[] = [
    { keys: [{ attribute: 'cn' }], expected: 'abcde' },
    { keys: [{ attribute: 'cn', isReverse: true }], expected: 'edcba' },
    { keys: [{ attribute: 'cn', isReverse: false }], expected: 'abcde' },
    { keys: [{ attribute: 'cn', rule: '2.5.13.6', isReverse: true }], expected: 'edcba' },
    {
      keys: [{ attribute: 'sn' }, { attribute: 'cn', isReverse: true }],
      expected: 'edcba',
    },
  ];
  for (const { keys, expected } of rows) {
    it(`${JSON.stringify(keys)}: ${expected}`, async (t) => {
      const { client } = await servePersons(t);
      const { letters, resultCode, controls } = await find(client, [sortControl(...keys)]);
      assert.deepEqual([letters, resultCode], [expected, 0]);
      assert.deepEqual(
        controls.map(({ type, value }) => [type, parseSortResult(value)]),
        [['1.2.840.113556.1.4.474', { result: 0, attribute: undefined }]],
      );
    });
  }

  const refused = [
    { key: { attribute: 'nonsense' }, result: 16 },
    { key: { attribute: 'cn', rule: 'caseIgnoreMatch' }, result: 18 },
    { key: { attribute: 'seeAlso' }, result: 18 },
  ];
  for (const { key, result } of refused) {
    it(`${JSON.stringify(key)}: ${result}, and nothing when critical`, async (t) => {
      const { client } = await servePersons(t);
      const control = sortControl(key);
      const critical = await find(client, [control]);
      assert.deepEqual([critical.letters, critical.resultCode], ['', 12]);
      const lenient = await find(client, [{ ...control, isCritical: false }]);
      assert.deepEqual([lenient.letters, lenient.resultCode], ['abcde', 0]);
      for (const { controls } of [critical, lenient]) {
        const expected = { result, attribute: key.attribute };
        assert.deepEqual(
          controls.map(({ value }) => parseSortResult(value)),
          [expected],
        );
      }
    });
  }

  it('goes with pages', async (t) => {
    const { client } = await servePersons(t);
    const sorted = sortControl({ attribute: 'cn', isReverse: true });
    let letters = '';
    let cookie: Buffer = Buffer.alloc(0);
    do {
      const found = await find(client, [pagedControl(2, cookie), sorted]);
      letters += `${found.letters} `;
      cookie = cookieOf(found);
    } while (cookie.length > 0);
    assert.equal(letters, 'ed cb a ');
  });
});

describe('matched values (RFC 3876)', () => {
  const valuesOf = async (client: LdapTestClient, item: Uint8Array): Promise<unknown> => {
    const search = { ...persons, filter: equality('cn', 'a') };
    const [entry] = await client.request(searchOperation(search), [matchedValuesControl(item)]);
    return [...(entry?.attributes ?? [])].map(([name, values]) => [name, values.map(String)]);
  };
  const rows = [
    { what: 'equality', item: equality('description', 'person'), expected: ['person'] },
    { what: 'presence', item: present('description'), expected: ['of a', 'person'] },
    {
      what: 'a beginning',
      item: tlv(0xa4, octets('description'), tlv(0x30, tlv(0x80, 'of'))),
      expected: ['of a'],
    },
    {
      what: 'a rule',
      item: tlv(0xa9, tlv(0x81, '2.5.13.2'), tlv(0x82, 'description'), tlv(0x83, 'PERSON')),
      expected: ['person'],
    },
  ];
  for (const { what, item, expected } of rows) {
    it(`${what} selects values; an attribute without any comes with an empty set`, async (t) => {
      const { client } = await servePersons(t);
      assert.deepEqual(await valuesOf(client, item), [
        ['description', expected],
        ['cn', []],
      ]);
    });
  }
});

describe('referral objects (RFC 3296)', () => {
  const elsewhere = `ou=Elsewhere,${suffix}`;
  const uri = 'ldap://b.example/ou=X,o=Y';

  async function serveReferral(t: Parameters<typeof serveDirectory>[0]): Promise<ServedDirectory> {
    const served = await servePersons(t);
    const objectClass = ['referral', 'extensibleObject'];
    await served.add(elsewhere, { objectClass, ref: [uri, 'ldaps://c.example'] });
    return served;
  }

  it('in scope are search references, before the result, each time', async (t) => {
    const { client } = await serveReferral(t);
    for (let time = 0; time < 3; time += 1) {
      const answers = await client.request(searchOperation(persons));
      assert.deepEqual(
        answers.slice(-2).map(({ kind }) => kind),
        ['searchReference', 'searchDone'],
      );
      const { uris } = answers.at(-2) ?? { uris: [] };
      assert.deepEqual(uris, [`${uri}??base`, `ldaps://c.example/${elsewhere}??base`]);
      assert.equal(answers.at(-1)?.resultCode, 0);
      assert.equal(answers.filter(({ kind }) => kind === 'entry').length, names.length);
    }
  });

  it('as a target are a referral result', async (t) => {
    const served = await serveReferral(t);
    const client = await served.connectAsManager();
    const below = `cn=x,${elsewhere}`;
    const answer = await client.ask(deleteOperation(below));
    assert.equal(answer.resultCode, 10);
    assert.deepEqual(answer.uris, ['ldap://b.example/cn=x,ou=X,o=Y', `ldaps://c.example/${below}`]);
  });

  it('with manageDsaIT are entries', async (t) => {
    const served = await serveReferral(t);
    const client = await served.connectAsManager();
    const search = searchOperation({ base: elsewhere, attributes: ['ref'] });
    const [entry, end] = await client.request(search, [manageDsaItControl]);
    assert.deepEqual(entry?.attributes.get('ref')?.map(String), [uri, 'ldaps://c.example']);
    assert.equal(end?.resultCode, 0);
    const deleted = await client.ask(deleteOperation(elsewhere), [manageDsaItControl]);
    assert.equal(deleted.resultCode, 0);
  });
});

describe('subentries (RFC 3672)', () => {
  it('are seen when they are asked for, and then alone', async (t) => {
    const { client, add } = await servePersons(t);
    await add(`cn=Sub,${suffix}`, { objectClass: 'subentry', subtreeSpecification: '{ }' });
    const search = { filter: present('objectClass') };
    const visible = await find(client, [subentriesControl(true)], search);
    assert.deepEqual([visible.letters, visible.controls], ['S', []]);
    const others = await find(client, [subentriesControl(false)], search);
    const plain = await find(client, [], search);
    assert.deepEqual(others, plain);
    assert.ok(!plain.letters.includes('S'));
  });
});

/**
 * Controls on the wire (RFC 4511 §4.1.11): which request they belong to, what a wrong value does, what
 * comes back. What they mean is the directory's; see test/directory.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { supportedControls } from '../../src/ldap/request-controls.ts';
import { suffix } from '../support/directory-fixture.ts';
import { type AnswerControl, parseReadEntry } from '../support/ldap-answers.ts';
import {
  assertionControl,
  manageDsaItControl,
  matchedValuesControl,
  pagedControl,
  postReadControl,
  preReadControl,
  sortControl,
  subentriesControl,
} from '../support/ldap-control-bytes.ts';
import { manager, serveDirectory } from '../support/ldap-directory-client.ts';
import {
  addOperation,
  bindOperation,
  bool,
  type ControlBytes,
  compareOperation,
  deleteOperation,
  equality,
  extendedOperation,
  int,
  modifyDnOperation,
  modifyOperation,
  octets,
  present,
  searchOperation,
  tlv,
  WHO_AM_I_OID,
} from '../support/ldap-request-bytes.ts';

const child = `cn=child,${suffix}`;
const role = [
  { type: 'objectClass', values: ['organizationalRole'] },
  { type: 'description', values: ['one'] },
];
const redescribe = { operation: 2, type: 'description', values: ['two'] };

/** One request of every kind that is answered, and its result when nothing hinders it. */
const operations = {
  bind: { operation: bindOperation(), done: 0 },
  search: { operation: searchOperation({ base: child, attributes: ['cn'] }), done: 0 },
  compare: { operation: compareOperation(child, 'description', 'one'), done: 6 },
  add: { operation: addOperation(`cn=new,${suffix}`, role), done: 0 },
  modify: { operation: modifyOperation(child, [redescribe]), done: 0 },
  delete: { operation: deleteOperation(child), done: 0 },
  modifyDn: { operation: modifyDnOperation({ dn: child, newRdn: 'cn=other' }), done: 0 },
  extended: { operation: extendedOperation(WHO_AM_I_OID), done: 0 },
} as const;
type Kind = keyof typeof operations;
const kinds = Object.keys(operations) as Kind[];

interface ControlFacts {
  readonly name: string;
  readonly control: ControlBytes;
  readonly belongsTo: readonly Kind[];
  /** Values that are not the control's. */
  readonly wrong: readonly (Uint8Array | undefined)[];
}

const sequence = tlv(0x30, octets('cn'));
const controls: readonly ControlFacts[] = [
  {
    name: 'assertion',
    control: assertionControl(present('objectClass')),
    belongsTo: ['search', 'compare', 'add', 'modify', 'delete', 'modifyDn'],
    wrong: [
      undefined,
      Buffer.alloc(0),
      Buffer.concat([present('objectClass'), present('objectClass')]),
      present('objectClass').subarray(0, 5),
      tlv(0x30, octets('x')),
      tlv(0xa2),
    ],
  },
  {
    name: 'pre-read',
    control: preReadControl('cn'),
    belongsTo: ['modify', 'delete', 'modifyDn'],
    wrong: [
      undefined,
      Buffer.alloc(0),
      octets('cn'),
      Buffer.concat([sequence, sequence]),
      tlv(0x30, tlv(0x02, Uint8Array.of(1))),
    ],
  },
  {
    name: 'post-read',
    control: postReadControl('cn'),
    belongsTo: ['add', 'modify', 'modifyDn'],
    wrong: [undefined, Buffer.alloc(0), octets('cn'), tlv(0x30, octets(Uint8Array.of(0xff)))],
  },
  {
    name: 'paged results',
    control: pagedControl(10),
    belongsTo: ['search'],
    wrong: [
      undefined,
      Buffer.alloc(0),
      int(10),
      tlv(0x30, int(10)),
      tlv(0x30, octets('')),
      tlv(0x30, int(-1), octets('')),
      tlv(0x30, int(2 ** 31), octets('')),
      tlv(0x30, int(10), octets(''), octets('')),
      Buffer.concat([tlv(0x30, int(10), octets('')), int(1)]),
    ],
  },
  {
    name: 'sorting',
    control: sortControl({ attribute: 'cn' }),
    belongsTo: ['search'],
    wrong: [
      undefined,
      Buffer.alloc(0),
      tlv(0x30),
      tlv(0x30, octets('cn')),
      tlv(0x30, tlv(0x30)),
      tlv(0x30, tlv(0x30, octets('cn'), octets('x'))),
      tlv(0x30, tlv(0x30, octets('cn'), tlv(0x81, Uint8Array.of(0xff)), tlv(0x80, 'x'))),
      tlv(0x30, tlv(0x30, octets('cn'), tlv(0x81, Uint8Array.of(0xff, 0xff)))),
      tlv(0x30, tlv(0x30, octets(Uint8Array.of(0xff)))),
    ],
  },
  {
    name: 'matched values',
    control: matchedValuesControl(present('cn')),
    belongsTo: ['search'],
    wrong: [
      undefined,
      Buffer.alloc(0),
      tlv(0x30),
      present('cn'),
      tlv(0x30, tlv(0xa0, present('cn'))),
      tlv(0x30, tlv(0xa1, present('cn'))),
      tlv(0x30, tlv(0xa2, present('cn'))),
      tlv(0x30, tlv(0xa9, tlv(0x82, 'cn'), tlv(0x83, 'x'), tlv(0x84, Uint8Array.of(0xff)))),
      tlv(0x30, tlv(0x30, octets('x'))),
    ],
  },
  {
    name: 'manageDsaIT',
    control: manageDsaItControl,
    belongsTo: ['search', 'compare', 'add', 'modify', 'delete', 'modifyDn'],
    wrong: [Buffer.alloc(0), Buffer.from([1, 1, 0xff])],
  },
  {
    name: 'subentries',
    control: subentriesControl(false),
    belongsTo: ['search'],
    wrong: [
      undefined,
      Buffer.alloc(0),
      Buffer.from([1, 0]),
      Buffer.from([1, 1, 0, 0]),
      int(1),
      tlv(0x30, bool(true)),
    ],
  },
];

type Served = Awaited<ReturnType<typeof serveDirectory>>;

async function serveChild(t: Parameters<typeof serveDirectory>[0]): Promise<Served> {
  const served = await serveDirectory(t);
  await served.add(child, { objectClass: 'organizationalRole', description: 'one' });
  return served;
}

/** The result code of a request with these controls, asked by the manager. */
async function resultOf(
  t: Parameters<typeof serveDirectory>[0],
  kind: Kind,
  given: readonly ControlBytes[],
): Promise<number> {
  const client = await (await serveChild(t)).connectAsManager();
  return (await client.request(operations[kind].operation, given)).at(-1)?.resultCode ?? -1;
}

it('the tests know every control that the root DSE lists', async (t) => {
  const { client } = await serveDirectory(t);
  const [rootDse] = await client.request(searchOperation({ attributes: ['supportedControl'] }));
  const listed = (rootDse?.attributes.get('supportedControl') ?? []).map(String).sort();
  assert.deepEqual(listed, controls.map(({ control }) => control.type).sort());
  assert.deepEqual(listed, [...supportedControls].sort());
});

for (const { name, control, belongsTo, wrong } of controls) {
  describe(`the ${name} control`, () => {
    for (const kind of kinds) {
      const belongs = belongsTo.includes(kind);
      it(`on ${kind}: ${belongs ? 'obeyed' : 'refused when critical, else passed over'}`, async (t) => {
        const critical = await resultOf(t, kind, [{ ...control, isCritical: true }]);
        assert.equal(critical, belongs ? operations[kind].done : 12);
        const other = await resultOf(t, kind, [{ ...control, isCritical: false }]);
        assert.equal(other, operations[kind].done);
      });
    }

    const [first] = belongsTo;
    assert.ok(first);
    for (const [index, value] of wrong.entries()) {
      it(`a wrong value (${index}) is a protocol error, critical or not`, async (t) => {
        for (const isCritical of [true, false]) {
          const bytes = value === undefined ? {} : { value };
          const given = { type: control.type, isCritical, ...bytes };
          assert.equal(await resultOf(t, first, [given]), 2);
        }
      });
    }

    it('given twice is a protocol error', async (t) => {
      assert.equal(await resultOf(t, first, [control, control]), 2);
    });

    it('a wrong value does not matter where the control does not belong', async (t) => {
      const given = { type: control.type, isCritical: false, value: Buffer.from('nonsense') };
      assert.equal(await resultOf(t, 'extended', [given, given]), 0);
    });
  });
}

describe('a BOOLEAN in a control value (RFC 4511 §5.1, X.690 §8.2.2)', () => {
  const rows = [
    { name: 'subentries', type: subentriesControl(true).type, value: Buffer.from([1, 1, 1]) },
    {
      name: 'sorting',
      type: sortControl({ attribute: 'cn' }).type,
      value: tlv(0x30, tlv(0x30, octets('cn'), tlv(0x81, Uint8Array.of(1)))),
    },
  ];
  for (const { name, type, value } of rows) {
    it(`${name}: true is any byte but 00, as clients send it`, async (t) => {
      assert.equal(await resultOf(t, 'search', [{ type, isCritical: true, value }]), 0);
    });
  }
});

describe('assertion (RFC 4528)', () => {
  for (const kind of ['search', 'compare', 'add', 'modify', 'delete', 'modifyDn'] as const) {
    it(`that is false lets ${kind} end with assertionFailed`, async (t) => {
      const given = [assertionControl(equality('description', 'other'), false)];
      assert.equal(await resultOf(t, kind, given), 122);
    });
  }

  it('is held to the limits of filters', async (t) => {
    let filter = present('cn');
    for (let depth = 0; depth < 40; depth += 1) {
      filter = tlv(0xa2, filter);
    }
    assert.equal(await resultOf(t, 'search', [assertionControl(filter)]), 11);
  });
});

describe('pre-read and post-read (RFC 4527)', () => {
  const readOf = (given: readonly AnswerControl[]): unknown =>
    given.map(({ type, value }) => {
      const { dn, attributes } = parseReadEntry(value ?? Buffer.alloc(0));
      const texts = [...attributes].map(([name, values]) => [name, values.map(String)]);
      return { type, dn, ...Object.fromEntries(texts) };
    });

  it('come back with the result, the entry as a SearchResultEntry', async (t) => {
    const client = await (await serveChild(t)).connectAsManager();
    const given = [postReadControl('description'), preReadControl('description', 'cn')];
    const answer = await client.ask(modifyOperation(child, [redescribe]), given);
    assert.equal(answer.resultCode, 0);
    assert.deepEqual(readOf(answer.controls), [
      { type: '1.3.6.1.1.13.1', dn: child, description: ['one'], cn: ['child'] },
      { type: '1.3.6.1.1.13.2', dn: child, description: ['two'] },
    ]);
  });

  it('carry a large value whole', async (t) => {
    const client = await (await serveChild(t)).connectAsManager();
    const large = Buffer.alloc(300_000, 'x');
    const change = { ...redescribe, values: [large] };
    const given = [postReadControl('description')];
    const { controls: answered } = await client.ask(modifyOperation(child, [change]), given);
    const { attributes } = parseReadEntry(answered[0]?.value ?? Buffer.alloc(0));
    assert.ok(attributes.get('description')?.[0]?.equals(large));
  });

  it('do not come with a change that failed, nor with one that nobody asked to read', async (t) => {
    const client = await (await serveChild(t)).connectAsManager();
    const failed = await client.ask(
      modifyOperation(child, [{ ...redescribe, operation: 0, values: ['one'] }]),
      [preReadControl('cn'), postReadControl('cn')],
    );
    assert.equal(failed.resultCode, 20);
    assert.deepEqual(failed.controls, []);
    assert.deepEqual((await client.ask(modifyOperation(child, [redescribe]))).controls, []);
  });

  it('of what may not be read nothing comes back: a password', async (t) => {
    const access = [
      { attributes: ['userPassword'], who: { kind: 'dn', dn: manager }, rights: ['write'] },
      { who: { kind: 'anyone' }, rights: ['read', 'write'] },
    ] as const;
    const { client } = await serveDirectory(t, { access });
    const given = [preReadControl('userPassword', 'cn', '*'), postReadControl('userPassword')];
    const change = { operation: 2, type: 'description', values: ['x'] };
    const answer = await client.ask(modifyOperation(manager, [change]), given);
    const [pre, post] = readOf(answer.controls) as readonly Record<string, unknown>[];
    assert.ok(pre?.['cn']);
    assert.equal(pre?.['userPassword'], undefined);
    assert.deepEqual(Object.keys(post ?? {}), ['type', 'dn']);
  });
});

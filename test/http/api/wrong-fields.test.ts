/**
 * Fields as people get them wrong: one clear fault for each, all of them at once, and nothing stored.
 */

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import { ApiBed } from '../../support/api-bed.ts';
import type { ApiAnswer } from '../../support/api-client.ts';
import { sampleKey, sampleRequest } from '../../support/x509-samples.ts';

type Fields = Readonly<Record<string, unknown>>;

interface Operation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly role: string;
  readonly right: Fields;
  /** Field, what is wrong with it, where the fault is said to be. */
  readonly wrong: readonly (readonly [field: string, value: unknown, pointer: string])[];
}

const absent = Symbol('absent');
const request = Buffer.from(sampleRequest(sampleKey('p256', 'wrong fields'))).toString('base64');

const attributes = {
  ...{ commonName: '群馬　太郎', gender: '1', dateOfBirth: '1980-05-05' },
  address: '群馬県前橋市大手町二丁目１２番１号',
};
const issue = { request, municipality: '10201', attributes };

const operations: readonly Operation[] = [
  {
    ...{ name: 'openSession', method: 'POST', path: '/sessions', role: 'reception' },
    right: { name: 'nobody', password: 'x' },
    wrong: [
      ['name', absent, '#/name'],
      ['name', '', '#/name'],
      ['name', 7, '#/name'],
      ['name', 'x'.repeat(1_001), '#/name'],
      ['password', null, '#/password'],
      ['user', 'x', '#/user'],
    ],
  },
  {
    ...{ name: 'addVerifier', method: 'POST', path: '/verifiers', role: 'manager' },
    right: {
      ...{ name: 'tsukuba', kind: 'signatureVerifier', agreementNumber: '2026-12' },
      ...{ agreementFrom: '2026-04-01', agreementUntil: '2027-03-31', partitions: ['*'] },
      password: 'correct horse battery',
    },
    wrong: [
      ['name', 'line\nbreak', '#/name'],
      ['kind', 'two words', '#/kind'],
      ['agreementNumber', '', '#/agreementNumber'],
      ['agreementFrom', '1 April', '#/agreementFrom'],
      ['agreementUntil', 20270331, '#/agreementUntil'],
      ['partitions', [], '#/partitions'],
      ['partitions', ['10201', ''], '#/partitions/1'],
      ['certificate', '-----BEGIN', '#/certificate'],
      ['colour', 'red', '#/colour'],
    ],
  },
  {
    ...{ name: 'publishLists', method: 'POST', path: '/lists/publish', role: 'seniorOperator' },
    right: { scopes: ['arl'] },
    wrong: [
      ['scopes', absent, '#/scopes'],
      ['scopes', [], '#/scopes'],
      ['scopes', ['a b'], '#/scopes/0'],
    ],
  },
  {
    ...{ name: 'submitRequest', method: 'POST', path: '/requests', role: 'municipalReception' },
    right: { kind: 'issue', input: issue },
    wrong: [
      ['kind', absent, '#/kind'],
      ['input', 'text', '#/input'],
      ['note', 'x'.repeat(1_001), '#/note'],
      ['input', { ...issue, request: 'AAAA' }, '#/input/request'],
      ['input', { ...issue, municipality: '13101' }, '#/input/municipality'],
      ['input', { ...issue, extra: 1 }, '#/input/extra'],
      [
        'input',
        { ...issue, attributes: { ...attributes, gender: 'male' } },
        '#/input/attributes/gender',
      ],
      [
        'input',
        { ...issue, attributes: { ...attributes, dateOfBirth: '1980-13-01' } },
        '#/input/attributes/dateOfBirth',
      ],
      [
        'input',
        { ...issue, attributes: { ...attributes, commonName: '😀' } },
        '#/input/attributes/commonName',
      ],
      [
        'input',
        { ...issue, attributes: { ...attributes, address: '' } },
        '#/input/attributes/address',
      ],
    ],
  },
];

interface Fault {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

function faultsOf({ body }: ApiAnswer): readonly Fault[] {
  return (body as { readonly errors?: readonly Fault[] }).errors ?? [];
}

async function open(t: TestContext, role: string) {
  const bed = await ApiBed.open(t);
  const client = bed.clientCertificate();
  const office = role.startsWith('municipal') ? { partitions: ['10201'] } : {};
  await bed.operator('taro', [role], { certificate: client, ...office });
  return { bed, client };
}

function withField(fields: Fields, name: string, value: unknown): Fields {
  const { [name]: _before, ...rest } = fields;
  return value === absent ? rest : { ...rest, [name]: value };
}

describe('wrong fields', () => {
  for (const { name, method, path, role, right, wrong } of operations) {
    it(`of ${name} are told one by one and all at once, and nothing is stored`, async (t) => {
      const { bed, client } = await open(t, role);
      const before = await bed.ca.digestOfRecords();
      for (const [field, value, pointer] of wrong) {
        const body = withField(right, field, value);
        const answer = await bed.ask({ method, path, body, client });
        const what = `${field}: ${JSON.stringify(value)} -> ${answer.text}`;
        assert.equal(answer.status, 422, what);
        const [{ code, detail } = { code: '', detail: '' }, ...others] = faultsOf(answer);
        assert.deepEqual([faultsOf(answer)[0]?.pointer, others], [pointer, []], what);
        assert.match(code, /^[a-z-]+$|^[A-Z][A-Z_0-9]+$/, what);
        assert.ok(detail.length > 3 && detail.length < 500, what);
      }
      // The last of each field that is not the input, whose faults are found after its envelope's.
      const chosen = new Map(
        wrong.filter(([field]) => field !== 'input').map((one) => [one[0], one] as const),
      );
      let body = right;
      for (const [field, value] of chosen.values()) {
        body = withField(body, field, value);
      }
      const answer = await bed.ask({ method, path, body, client });
      const told = faultsOf(answer).map((fault) => fault.pointer);
      const expected = [...chosen.values()].map(([, , pointer]) => pointer);
      assert.deepEqual(told.sort(), expected.sort(), answer.text);
      assert.equal(await bed.ca.digestOfRecords(), before);
    });
  }
});

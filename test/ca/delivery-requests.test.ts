import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import type { Policy } from '../../src/ca/policy/policy.ts';
import { RequestInvalidError } from '../../src/ca/requests/findings.ts';
import type { Acting } from '../../src/ca/requests/requests.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { hanako, smallGunma } from '../support/ca-test-bed.ts';
import { cardPolicy, sampleCard } from '../support/delivery-policies.ts';
import { PeopleBed } from '../support/people-bed.ts';
import { sampleKey, sampleRequest } from '../support/x509-samples.ts';

/** Cards, with the people of gunma doing what they do at J-LIS. */
function withPeople(policy: Policy): Policy {
  const { people } = smallGunma;
  assert.ok(people !== undefined);
  const offices = ['municipalReception'];
  const route = { ...people.requests['issue'], steps: ['receive'], persons: 1 };
  return {
    ...policy,
    people: {
      ...people,
      permissions: {
        ...people.permissions,
        'request.deliver.receive': offices,
        'request.discard.receive': offices,
      },
      requests: {
        ...people.requests,
        deliver: route,
        discard: route,
      },
    } as unknown as Policy['people'],
  };
}

async function open(t: TestContext): Promise<{ people: PeopleBed; office: Acting }> {
  const people = await PeopleBed.open(t, { policy: withPeople(cardPolicy) });
  return { people, office: people.as('municipalReception') };
}

const transportKey = (): string => encodePem('PUBLIC KEY', sampleCard().spki);
const csr = (label: string): string =>
  Buffer.from(sampleRequest(sampleKey('p256', label))).toString('base64');

describe('requests without a PKCS#10, about renewal and about deliveries', () => {
  it('are refused with one finding for each fault, and nothing is stored', async (t) => {
    const { people, office } = await open(t);
    const { ca } = people.bed;
    const whole = { municipality: '10201', attributes: hanako, transportKey: transportKey() };
    const order = await ca.delivery.prepare({
      order: 'a',
      transportKey: sampleCard().spki,
      issue: {
        ...{ profile: 'end-entity', municipality: '10201', subjectAttributes: hanako },
        origin: office.origin,
      },
    });
    const { serialNumber } = order;
    const other = { ...whole, attributes: { ...hanako, commonName: '群馬　太郎' } };
    const rows: readonly [string, string, object, readonly string[]][] = [
      [
        'issue',
        'no key at all',
        { ...other, transportKey: undefined },
        ['/request CA_DELIVERY_INVALID'],
      ],
      [
        'issue',
        'a card key that is none',
        { ...other, transportKey: 'AAAA' },
        ['/transportKey CA_DELIVERY_INVALID'],
      ],
      [
        'issue',
        'two keys',
        { ...whole, request: csr('two') },
        ['/attributes CA_CERTIFICATE_EXISTS', '/transportKey FIELD_UNKNOWN'],
      ],
      [
        'issue',
        'a card key that is none, and a municipality that is none',
        { ...other, transportKey: 'AAAA', municipality: '99999' },
        ['/municipality CA_MUNICIPALITY_UNKNOWN', '/transportKey CA_DELIVERY_INVALID'],
      ],
      ['issue', 'somebody who has one', whole, ['/attributes CA_CERTIFICATE_EXISTS']],
      [
        'renew',
        'a number that is none',
        { serialNumber: 'xyz' },
        ['/serialNumber CA_SERIAL_MALFORMED'],
      ],
      ['renew', 'a number of nobody', { serialNumber: '77' }, ['/serialNumber CA_SERIAL_UNKNOWN']],
      ['renew', 'one that is not delivered', { serialNumber }, ['/serialNumber CA_RENEWS_OTHER']],
      ['renew', 'no number', { request: csr('x') }, ['/serialNumber FIELD_MISSING']],
      [
        'renew',
        'a field that is none',
        { serialNumber, profile: 'x' },
        ['/profile FIELD_UNKNOWN', '/serialNumber CA_RENEWS_OTHER'],
      ],
      [
        'deliver',
        'a number of nobody',
        { serialNumber: '77' },
        ['/serialNumber CA_DELIVERY_UNKNOWN'],
      ],
      ['deliver', 'two lines', { serialNumber, receivedBy: 'a\nb' }, ['/receivedBy FIELD_FORM']],
      ['deliver', 'an empty line', { serialNumber, receipt: ' ' }, ['/receipt FIELD_FORM']],
      ['discard', 'a number that is none', { serialNumber: '' }, ['/serialNumber FIELD_TOO_SHORT']],
    ];
    const before = await people.bed.digestOfRecords();
    for (const [kind, why, input, expected] of rows) {
      const given = JSON.parse(JSON.stringify(input)) as object;
      const error = await ca.requests.submit({ kind, input: given }, office).then(
        () => undefined,
        (refused: unknown) => refused,
      );
      assert.ok(error instanceof RequestInvalidError, `${kind}: ${why}: ${String(error)}`);
      const found = error.findings.map(({ path, code }) => `${path} ${code}`).sort();
      assert.deepEqual(found, [...expected].sort(), `${kind}: ${why}`);
      assert.equal(await people.bed.digestOfRecords(), before, why);
    }
  });

  it('end with what they are about, once', async (t) => {
    const { people, office } = await open(t);
    const { requests, delivery } = people.bed.ca;
    const [examiner, approver] = [people.as('municipalExaminer'), people.as('municipalApprover')];
    const input = { municipality: '10201', attributes: hanako, transportKey: transportKey() };
    const { id } = await requests.submit({ kind: 'issue', input }, office);
    const { hash } = await requests.examine({ id }, examiner);
    const done = await requests.approve({ id, hash }, approver);
    assert.equal(done.state, 'executed');
    const serialNumber = String(done.result?.['serialNumber']);
    const received = await requests.submit(
      { kind: 'deliver', input: { serialNumber, receivedBy: '花子' } },
      office,
    );
    assert.equal(received.state, 'executed');
    const record = await delivery.find(BigInt(`0x${serialNumber}`));
    assert.equal(record?.receipt?.from, '花子');
    for (const kind of ['deliver', 'discard']) {
      await assert.rejects(requests.submit({ kind, input: { serialNumber } }, office), {
        code: 'CA_REQUEST_INVALID',
      });
    }
    assert.deepEqual(await people.bed.vault.names(), []);
  });
});

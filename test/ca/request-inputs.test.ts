/**
 * Every field of every request wrong in each way a person gets it wrong: one clear message for each fault, all at once, and nothing
 * is stored.
 */

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import type { Policy } from '../../src/ca/policy/policy.ts';
import { RequestInvalidError } from '../../src/ca/requests/findings.ts';
import { CaTestBed, hanako, smallGunma, tester } from '../support/ca-test-bed.ts';
import { citizen } from '../support/request-inputs.ts';
import { sampleKey, sampleRequest } from '../support/x509-samples.ts';

/** Gunma that holds certificates as well. */
const policy: Policy = {
  ...smallGunma,
  revocation: { ...smallGunma.revocation, hold: 'until-expiry' },
  people: {
    ...expectPeople(smallGunma),
    requests: {
      ...expectPeople(smallGunma).requests,
      hold: { steps: ['receive'], approvals: 1, executors: 1, approvalHours: 72 },
      release: { steps: ['receive'], approvals: 1, executors: 1, approvalHours: 72 },
    },
  },
};

function expectPeople({ people }: Policy): NonNullable<Policy['people']> {
  assert.ok(people !== undefined);
  return people;
}

interface Row {
  readonly why: string;
  readonly input: unknown;
  /** Places and codes, in any order. */
  readonly faults: readonly string[];
}

const applicant = { applicant: 'tester', origin: tester };

async function check(
  t: TestContext,
  bed: CaTestBed,
  { kind, rows }: { readonly kind: string; readonly rows: readonly Row[] },
): Promise<void> {
  const before = await bed.digestOfRecords();
  for (const { why, input, faults } of rows) {
    await t.test(why, async () => {
      const error = await bed.ca.requests.submit({ kind, input }, applicant).then(
        () => assert.fail('it is taken'),
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof RequestInvalidError, String(error));
      const found = error.findings.map(({ path, code }) => `${path} ${code}`);
      assert.deepEqual(found.sort(), [...faults].sort());
      for (const { message } of error.findings) {
        assert.ok(message.length > 10 || message === 'is missing', message);
        assert.doesNotMatch(message, /undefined|\[object|NaN/);
      }
    });
  }
  assert.equal(await bed.digestOfRecords(), before, 'nothing is stored');
}

describe('an input with faults', () => {
  it('of issue', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const good = citizen();
    const { attributes } = good;
    const taken = citizen();
    const key = sampleKey('p256', 'taken');
    await bed.ca.issue({
      ...{ profile: 'end-entity', csr: sampleRequest(key), municipality: '10201' },
      ...{ subjectAttributes: taken.attributes, origin: tester },
    });
    const sameKey = Buffer.from(sampleRequest(key)).toString('base64');
    const broken = Buffer.from(good.request, 'base64');
    broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1;
    const rows: readonly Row[] = [
      {
        why: 'nothing',
        input: {},
        faults: [
          '/request FIELD_MISSING',
          '/municipality CA_REQUEST_INCOMPLETE',
          '/attributes CA_REQUEST_INCOMPLETE',
        ],
      },
      { why: 'no object', input: [], faults: [' FIELD_TYPE'] },
      {
        why: 'an unknown field',
        input: { ...good, munincipality: '10201' },
        faults: ['/munincipality FIELD_UNKNOWN'],
      },
      {
        why: 'a number for a code',
        input: { ...good, municipality: 10201 },
        faults: ['/municipality FIELD_TYPE'],
      },
      {
        why: 'a municipality of another prefecture',
        input: { ...good, municipality: '13101' },
        faults: ['/municipality CA_MUNICIPALITY_UNKNOWN'],
      },
      {
        why: 'a municipality by its name',
        input: { ...good, municipality: '前橋市' },
        faults: ['/municipality CA_MUNICIPALITY_UNKNOWN'],
      },
      {
        why: 'no municipality',
        input: { request: good.request, attributes },
        faults: ['/municipality CA_REQUEST_INCOMPLETE'],
      },
      {
        why: 'an empty request',
        input: { ...good, request: '' },
        faults: ['/request FIELD_TOO_SHORT'],
      },
      {
        why: 'text for a request',
        input: { ...good, request: 'my request' },
        faults: ['/request CA_REQUEST_MALFORMED'],
      },
      {
        why: 'half a request',
        input: { ...good, request: good.request.slice(0, 100) },
        faults: ['/request CA_REQUEST_MALFORMED'],
      },
      {
        why: 'a certificate for a request',
        input: {
          ...good,
          request: '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n',
        },
        faults: ['/request CA_REQUEST_MALFORMED'],
      },
      {
        why: 'a request signed by somebody else',
        input: { ...good, request: broken.toString('base64') },
        faults: ['/request CA_PROOF_OF_POSSESSION'],
      },
      {
        why: 'a key that is in a certificate',
        input: { ...good, request: sameKey },
        faults: ['/request CA_KEY_REUSED'],
      },
      {
        why: 'a person who has a certificate (4-2-3)',
        input: { ...good, attributes: taken.attributes },
        faults: ['/attributes CA_CERTIFICATE_EXISTS'],
      },
      {
        why: 'an unknown profile',
        input: { ...good, profile: 'enduser' },
        faults: ['/profile CA_PROFILE_UNKNOWN'],
      },
      {
        why: "the CA's own profile",
        input: { ...good, profile: 'self-signed' },
        faults: ['/profile CA_PROFILE_UNKNOWN'],
      },
      {
        why: 'the profile of operators',
        input: { ...good, profile: 'operator', fields: { operator: 'x' } },
        faults: [
          '/profile CA_PROFILE_UNKNOWN',
          '/municipality CA_REQUEST_INCOMPLETE',
          '/attributes CA_REQUEST_INCOMPLETE',
        ],
      },
      {
        why: 'a partition where there is nothing to choose',
        input: { ...good, partition: 'north' },
        faults: ['/partition CA_REQUEST_INCOMPLETE'],
      },
      {
        why: 'a field that the profile has not',
        input: { ...good, fields: { serverName: 'a' } },
        faults: ['/fields/serverName CA_REQUEST_INCOMPLETE'],
      },
      {
        why: 'names of the DNS',
        input: { ...good, dnsNames: ['www.example.jp'] },
        faults: ['/dnsNames CA_REQUEST_INCOMPLETE'],
      },
      {
        why: 'no names of the DNS in a list',
        input: { ...good, dnsNames: [] },
        faults: ['/dnsNames FIELD_TOO_SHORT', '/dnsNames CA_REQUEST_INCOMPLETE'].slice(0, 1),
      },
      {
        why: 'a card that the profile does not look at',
        input: { ...good, cardExpiry: '2030-01-01' },
        faults: ['/cardExpiry CA_REQUEST_INCOMPLETE'],
      },
      {
        why: 'no attributes',
        input: { request: good.request, municipality: '10201' },
        faults: ['/attributes CA_REQUEST_INCOMPLETE'],
      },
      {
        why: 'no name',
        input: { ...good, attributes: { ...attributes, commonName: undefined } },
        faults: ['/attributes/commonName FIELD_MISSING'],
      },
      {
        why: 'an empty name',
        input: { ...good, attributes: { ...attributes, commonName: '' } },
        faults: ['/attributes/commonName CA_ATTRIBUTE_INVALID'],
      },
      {
        why: 'a character that is in neither set',
        input: { ...good, attributes: { ...attributes, commonName: '髙橋' } },
        faults: ['/attributes/commonName CA_CHARACTER_NOT_ALLOWED'],
      },
      {
        why: 'ASCII in an address',
        input: { ...good, attributes: { ...attributes, address: 'Maebashi 1' } },
        faults: ['/attributes/address CA_CHARACTER_NOT_ALLOWED'],
      },
      {
        why: 'a very long address',
        input: { ...good, attributes: { ...attributes, address: '前'.repeat(1_001) } },
        faults: ['/attributes/address FIELD_TOO_LONG'],
      },
      {
        why: 'a long address',
        input: { ...good, attributes: { ...attributes, address: '前'.repeat(201) } },
        faults: ['/attributes/address CA_ATTRIBUTE_INVALID'],
      },
      {
        why: 'a gender in words',
        input: { ...good, attributes: { ...attributes, gender: '女' } },
        faults: ['/attributes/gender CA_ATTRIBUTE_INVALID'],
      },
      {
        why: 'a birthday that is none',
        input: { ...good, attributes: { ...attributes, dateOfBirth: '1990-02-30' } },
        faults: ['/attributes/dateOfBirth CA_ATTRIBUTE_INVALID'],
      },
      {
        why: 'a birthday to come',
        input: { ...good, attributes: { ...attributes, dateOfBirth: '2090-04-01' } },
        faults: ['/attributes/dateOfBirth CA_ATTRIBUTE_INVALID'],
      },
      {
        why: 'flags for another number of characters',
        input: { ...good, attributes: { ...attributes, substituteCharacterOfCommonName: '01' } },
        faults: ['/attributes/substituteCharacterOfCommonName CA_ATTRIBUTE_INVALID'],
      },
      {
        why: 'flags in letters',
        input: { ...good, attributes: { ...attributes, substituteCharacterOfCommonName: 'ooxoo' } },
        faults: ['/attributes/substituteCharacterOfCommonName CA_ATTRIBUTE_INVALID'],
      },
      {
        why: 'many faults at once',
        input: {
          ...{ request: 'x', municipality: '99999', colour: 'red' },
          attributes: {
            gender: 9,
            dateOfBirth: 'yesterday',
            address: 'x',
            commonName: hanako.commonName,
          },
        },
        faults: [
          ...[
            '/colour FIELD_UNKNOWN',
            '/request CA_REQUEST_MALFORMED',
            '/municipality CA_MUNICIPALITY_UNKNOWN',
          ],
          ...['/attributes/gender FIELD_TYPE', '/attributes/dateOfBirth CA_ATTRIBUTE_INVALID'],
          '/attributes/address CA_CHARACTER_NOT_ALLOWED',
        ],
      },
    ];
    await check(t, bed, { kind: 'issue', rows });
  });

  it('of revoke, hold and release', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const serial = async (): Promise<string> => (await bed.issue()).serialNumber.toString(16);
    const [good, revoked, held, past] = [
      await serial(),
      await serial(),
      await serial(),
      'F'.repeat(40),
    ];
    await bed.revoke(BigInt(`0x${revoked}`));
    await bed.ca.hold({ serialNumber: BigInt(`0x${held}`), origin: tester });
    const own = bed.ca.certificate.serialNumber.toString(16);
    const reason = 'keyCompromise';
    const numbers: readonly Row[] = [
      { why: 'no serial number', input: {}, faults: ['/serialNumber FIELD_MISSING'] },
      {
        why: 'an empty one',
        input: { serialNumber: '' },
        faults: ['/serialNumber FIELD_TOO_SHORT'],
      },
      {
        why: 'a number for a text',
        input: { serialNumber: 12 },
        faults: ['/serialNumber FIELD_TYPE'],
      },
      {
        why: 'one in words',
        input: { serialNumber: 'twelve' },
        faults: ['/serialNumber CA_SERIAL_MALFORMED'],
      },
      {
        why: 'one with a prefix',
        input: { serialNumber: '0x12' },
        faults: ['/serialNumber CA_SERIAL_MALFORMED'],
      },
      {
        why: 'one that is too long',
        input: { serialNumber: '1'.repeat(42) },
        faults: ['/serialNumber CA_SERIAL_MALFORMED'],
      },
      {
        why: 'one that was never issued',
        input: { serialNumber: past.slice(1) },
        faults: ['/serialNumber CA_SERIAL_UNKNOWN'],
      },
      {
        why: 'an unknown field',
        input: { serialNumber: good, cause: 'lost' },
        faults: ['/cause FIELD_UNKNOWN'],
      },
    ];
    const withReason = numbers.map((row) => ({
      ...row,
      input: { ...(row.input as object), reason },
    }));
    await check(t, bed, {
      kind: 'revoke',
      rows: [
        ...withReason,
        { why: 'no reason', input: { serialNumber: good }, faults: ['/reason FIELD_MISSING'] },
        {
          why: 'a reason that this CA has not',
          input: { serialNumber: good, reason: 'certificateHold' },
          faults: ['/reason CA_REASON_NOT_ALLOWED'],
        },
        {
          why: 'a reason in Japanese',
          input: { serialNumber: good, reason: '紛失' },
          faults: ['/reason CA_REASON_NOT_ALLOWED'],
        },
        {
          why: 'a ground that there is not',
          input: { serialNumber: good, reason, ground: 'lost' },
          faults: ['/ground FIELD_FORM'],
        },
        {
          why: 'one that is revoked (4-4-2-4)',
          input: { serialNumber: revoked, reason },
          faults: ['/serialNumber CA_ALREADY_REVOKED'],
        },
        {
          why: "the CA's own",
          input: { serialNumber: own, reason },
          faults: ['/serialNumber CA_NOT_REVOCABLE'],
        },
        {
          why: 'two faults',
          input: { serialNumber: 'x', reason: 'y' },
          faults: ['/serialNumber CA_SERIAL_MALFORMED', '/reason CA_REASON_NOT_ALLOWED'],
        },
        {
          why: 'a missing one and a wrong one',
          input: { reason: 'y' },
          faults: ['/serialNumber FIELD_MISSING', '/reason CA_REASON_NOT_ALLOWED'],
        },
      ],
    });
    await check(t, bed, {
      kind: 'hold',
      rows: [
        ...numbers,
        {
          why: 'one that is held',
          input: { serialNumber: held },
          faults: ['/serialNumber CA_HOLD_NOT_ALLOWED'],
        },
        {
          why: 'one that is revoked',
          input: { serialNumber: revoked },
          faults: ['/serialNumber CA_ALREADY_REVOKED'],
        },
        {
          why: "the CA's own",
          input: { serialNumber: own },
          faults: ['/serialNumber CA_NOT_REVOCABLE'],
        },
      ],
    });
    await check(t, bed, {
      kind: 'release',
      rows: [
        ...numbers.filter(({ why }) => why !== 'an unknown field'),
        {
          why: 'one that is good',
          input: { serialNumber: good },
          faults: ['/serialNumber CA_NOT_HELD'],
        },
        {
          why: 'one that is revoked',
          input: { serialNumber: revoked },
          faults: ['/serialNumber CA_NOT_HELD'],
        },
      ],
    });
    // Three years later they have ended.
    await bed.clock.advance(3 * 367 * 86_400_000);
    const ended = { why: 'one that has ended', faults: ['/serialNumber CA_CERTIFICATE_EXPIRED'] };
    const input = { serialNumber: good };
    await check(t, bed, { kind: 'revoke', rows: [{ ...ended, input: { ...input, reason } }] });
    await check(t, bed, { kind: 'hold', rows: [{ ...ended, input }] });
    await check(t, bed, { kind: 'release', rows: [{ ...ended, input: { serialNumber: held } }] });
  });

  it('of a kind that this CA does not take, or with too much of anything', async (t) => {
    const bed = await CaTestBed.open(t, { policy });
    const { requests } = bed.ca;
    for (const kind of ['deliver', 'isue', '__proto__', '']) {
      await assert.rejects(requests.submit({ kind, input: {} }, applicant), {
        code: 'CA_REQUEST_KIND',
      });
    }
    const big = { request: 'x'.repeat(300_000) };
    await assert.rejects(requests.submit({ kind: 'issue', input: big }, applicant), {
      code: 'CA_REQUEST_INVALID',
    });
    const input = citizen();
    const long = { kind: 'issue', input, note: 'x'.repeat(1_001) };
    await assert.rejects(requests.submit(long, applicant), { code: 'CA_REQUEST_INVALID' });
    for (const key of ['', 'k'.repeat(201)]) {
      await assert.rejects(requests.submit({ kind: 'issue', input, key }, applicant), {
        code: 'CA_REQUEST_CONFLICT',
      });
    }
    const half = { ...input, municipality: '\ud800' };
    await assert.rejects(requests.submit({ kind: 'issue', input: half }, applicant), {
      code: 'CA_REQUEST_INVALID',
    });
  });
});

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import type { IssuedCertificate } from '../../src/ca/certificates/issuance.ts';
import type { ChangeNotice } from '../../src/ca/notices/change-notices.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { encodeRevokeRequest } from '../../src/x509/revoke-request.ts';
import { CaTestBed, collect, hanako, smallGunma, tester } from '../support/ca-test-bed.ts';
import { cardPolicy, sampleCard } from '../support/delivery-policies.ts';
import { signOnline } from '../support/signed-request.ts';
import { sampleKey, sampleRequest } from '../support/x509-samples.ts';

const YEAR_MS = 365 * 86_400_000;

async function issue(
  bed: CaTestBed,
  label = 'hanako',
  more: { readonly renews?: bigint } = {},
): Promise<IssuedCertificate> {
  return await bed.ca.issue({
    ...{ profile: 'end-entity', municipality: '10201', subjectAttributes: hanako, origin: tester },
    csr: sampleRequest(sampleKey('p256', label)),
    ...more,
  });
}

async function stateOf(
  bed: CaTestBed,
  serialNumber: bigint,
): Promise<[string | undefined, number | undefined]> {
  const found = await bed.ca.findCertificate(serialNumber);
  return [found?.state, found?.status?.reason];
}

function notice(id: string, kind: string, about: ChangeNotice['about']): ChangeNotice {
  return { id, kind, about, origin: tester };
}

describe('notices of changes (gunma 4-4-1, 4-4-4-2)', () => {
  const rows: readonly [string, number][] = [
    ['nameChange', 3],
    ['addressChange', 3],
    ['death', 5],
    ['residentRecordDeleted', 5],
  ];
  for (const [kind, reason] of rows) {
    it(`revoke what the person holds: ${kind} → ${reason}`, async (t) => {
      const bed = await CaTestBed.open(t);
      const { serialNumber } = await issue(bed);
      const other = await bed.issue();
      const result = await bed.ca.notices.take(notice('N-1', kind, { subjectAttributes: hanako }));
      assert.equal(result.revoked.length, 1);
      assert.deepEqual(await stateOf(bed, serialNumber), ['revoked', reason]);
      assert.deepEqual(await stateOf(bed, other.serialNumber), ['good', undefined]);
    });
  }

  it('are carried out once, also after a restart, and are on record', async (t) => {
    const bed = await CaTestBed.open(t);
    await issue(bed);
    const told = notice('N-1', 'death', { subjectAttributes: hanako });
    const first = await bed.ca.notices.take(told);
    await issue(bed, 'again');
    await bed.reopen();
    const second = await bed.ca.notices.take(told);
    assert.deepEqual(second, { ...first, isNew: false });
    assert.equal(
      (await collect(bed.ca.listCertificates({ state: 'good', scopeId: '10201' }))).length,
      1,
    );
    assert.equal((await bed.records('notice.take')).length, 1);
  });

  it('about somebody who holds nothing revoke nothing and are remembered', async (t) => {
    const bed = await CaTestBed.open(t);
    const told = notice('N-1', 'death', { subjectAttributes: hanako });
    assert.deepEqual((await bed.ca.notices.take(told)).revoked, []);
    assert.equal((await bed.ca.notices.take(told)).isNew, false);
  });

  it('end what waits for delivery as well', async (t) => {
    const policy = { ...cardPolicy, notices: smallGunma.notices };
    const bed = await CaTestBed.open(t, { policy });
    await bed.ca.delivery.prepare({
      order: 'a',
      issue: {
        profile: 'end-entity',
        municipality: '10201',
        subjectAttributes: hanako,
        origin: tester,
      },
      transportKey: sampleCard().spki,
    });
    const told = notice('N-1', 'death', { subjectAttributes: hanako });
    assert.equal((await bed.ca.notices.take(told)).revoked.length, 1);
    await bed.ca.delivery.eraseDue();
    assert.deepEqual(await bed.vault.names(), []);
  });

  const refused: readonly [string, ChangeNotice, string][] = [
    [
      'an unknown kind',
      notice('N-1', 'wedding', { subjectAttributes: hanako }),
      'CA_NOTICE_INVALID',
    ],
    [
      'a name of Object',
      notice('N-1', 'constructor', { subjectAttributes: hanako }),
      'CA_NOTICE_INVALID',
    ],
    [
      'an id with a space',
      notice('N 1', 'death', { subjectAttributes: hanako }),
      'CA_NOTICE_INVALID',
    ],
    ['an empty id', notice('', 'death', { subjectAttributes: hanako }), 'CA_NOTICE_INVALID'],
    [
      'a certificate that is not ours',
      notice('N-1', 'death', { serialNumber: 77n }),
      'CA_SERIAL_UNKNOWN',
    ],
    [
      'a character outside JIS X 0208',
      notice('N-1', 'death', { subjectAttributes: { ...hanako, commonName: '😀' } }),
      'CA_CHARACTER_NOT_ALLOWED',
    ],
    [
      'a day that is none',
      notice('N-1', 'death', { subjectAttributes: { ...hanako, dateOfBirth: '1990-02-30' } }),
      'CA_ATTRIBUTE_INVALID',
    ],
  ];
  it('are refused with nothing stored', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await issue(bed);
    const before = await bed.digestOfRecords();
    for (const [why, told, code] of refused) {
      await assert.rejects(bed.ca.notices.take(told), { code }, why);
      assert.equal(await bed.digestOfRecords(), before, why);
    }
    await bed.ca.notices.take(notice('N-1', 'death', { serialNumber }));
    const other = notice('N-1', 'nameChange', { serialNumber });
    await assert.rejects(bed.ca.notices.take(other), { code: 'CA_NOTICE_INVALID' });
  });
});

describe('renewal (gunma 3-2, R-CERT 6)', () => {
  it('takes a new key, and the old certificate ends with superseded in the same moment', async (t) => {
    const bed = await CaTestBed.open(t);
    const old = await issue(bed);
    const renews = old.serialNumber;
    await bed.clock.advance(2 * YEAR_MS);
    await assert.rejects(issue(bed, 'hanako', { renews }), { code: 'CA_KEY_REUSED' });
    await assert.rejects(issue(bed, 'other'), { code: 'CA_CERTIFICATE_EXISTS' });
    const { serialNumber } = await issue(bed, 'next', { renews });
    assert.deepEqual(await stateOf(bed, renews), ['revoked', 4]);
    assert.deepEqual(await stateOf(bed, serialNumber), ['good', undefined]);
    await assert.rejects(issue(bed, 'third', { renews }), { code: 'CA_RENEWS_OTHER' });
  });
});

describe('two certificates of one subscriber (gunma 4-2-3)', () => {
  it('are found, and the newer is revoked', async (t) => {
    // As a CA that did not look has left them.
    const profiles = {
      ...smallGunma.profiles,
      'end-entity': { ...smallGunma.profiles['end-entity'], delivery: 'on-receipt' as const },
    } as typeof smallGunma.profiles;
    const loose = { ...smallGunma, profiles, deliveries: cardPolicy.deliveries };
    const bed = await CaTestBed.open(t, {
      policy: {
        ...loose,
        deliveries: { 'end-entity': { ...cardPolicy.deliveries?.['end-entity'], keys: 'none' } },
      } as typeof smallGunma,
    });
    const first = await issue(bed);
    await bed.ca.delivery.deliver({ serialNumber: first.serialNumber, origin: tester });
    await bed.clock.advance(1000);
    const second = await issue(bed, 'next', { renews: first.serialNumber });
    assert.deepEqual(await collect(bed.ca.duplicates.find()), [], 'it waits for delivery');
    const row = bed.ca.delivery;
    await bed.clock.advance(1000);
    // Delivered under a policy that lets both stand.
    const two = {
      ...profiles,
      'end-entity': { ...profiles['end-entity'], onePerSubscriber: false },
    };
    await bed.reopen({ ...bed.policy, profiles: two } as typeof smallGunma);
    assert.notEqual(bed.ca.delivery, row);
    await bed.ca.delivery.deliver({ serialNumber: second.serialNumber, origin: tester });
    await bed.reopen(bed.policy);
    const [found] = await collect(bed.ca.duplicates.find());
    assert.equal(found?.older.serialNumber, first.serialNumber);
    assert.equal(await bed.ca.duplicates.revokeNewer(tester), 1);
    assert.deepEqual(await stateOf(bed, first.serialNumber), ['good', undefined]);
    assert.deepEqual(await stateOf(bed, second.serialNumber), ['revoked', 5]);
    assert.equal(await bed.ca.duplicates.revokeNewer(tester), 0);
  });
});

describe('revocation on line (gunma 3-4-1, 4-4-2-2 (1))', () => {
  const key = sampleKey('p256', 'hanako');

  /** On this day, since openssl signs with the machine's clock. */
  async function openToday(t: TestContext): Promise<CaTestBed> {
    return await CaTestBed.open(t, { startMs: Math.floor(Date.now() / 1000) * 1000 });
  }

  it('is done for whoever signs with the key of the certificate', async (t) => {
    const bed = await openToday(t);
    const { serialNumber, certificate } = await issue(bed);
    const content = bed.ca.online.content(serialNumber, 'cessationOfOperation');
    const message = signOnline(t, content, { certificate: certificate.der, key: key.privateKey });
    const receipt = await bed.ca.online.take({ message, origin: tester });
    assert.equal(receipt.serialNumber, serialNumber);
    assert.deepEqual(await stateOf(bed, serialNumber), ['revoked', 5]);
    const again = encodePem('CMS', message);
    await assert.rejects(bed.ca.online.take({ message: again, origin: tester }), {
      code: 'CA_ONLINE_REPLAYED',
    });
    assert.deepEqual(
      (await bed.records('online.revoke')).map(({ result }) => result),
      ['done', 'refused'],
    );
  });

  it('is refused, and nothing is stored', async (t) => {
    const bed = await openToday(t);
    const { serialNumber, certificate } = await issue(bed);
    const others = await bed.issue();
    const own = { certificate: certificate.der, key: key.privateKey };
    const { online } = bed.ca;
    const ours = bed.ca.authorities.current.reference.name;
    const foreign = nameFromText('CN=another CA,C=JP');
    const right = online.content(serialNumber, 'cessationOfOperation');
    const wrongKey = { ...own, key: sampleKey('p256', 'thief').privateKey };
    const thief = () => {
      try {
        return signOnline(t, right, wrongKey);
      } catch {
        return undefined;
      }
    };
    assert.equal(thief(), undefined, 'openssl itself does not sign with a key that does not fit');
    const rows: readonly [string, Uint8Array | string, string][] = [
      ['no message', 'hello', 'CA_REQUEST_MALFORMED'],
      ['another content', signOnline(t, Buffer.from('revoke me'), own), 'CA_REQUEST_MALFORMED'],
      [
        'the certificate of somebody else',
        signOnline(t, online.content(others.serialNumber, 'cessationOfOperation'), own),
        'CA_ONLINE_FOREIGN',
      ],
      [
        'another CA',
        signOnline(t, encodeRevokeRequest({ issuer: foreign, serialNumber, reason: 5 }), own),
        'CA_ONLINE_FOREIGN',
      ],
      [
        'a reason for the counter',
        signOnline(t, encodeRevokeRequest({ issuer: ours, serialNumber, reason: 1 }), own),
        'CA_REASON_NOT_ALLOWED',
      ],
      [
        'a reason that is none',
        signOnline(t, encodeRevokeRequest({ issuer: ours, serialNumber, reason: 99 }), own),
        'CA_REASON_NOT_ALLOWED',
      ],
      ['too large', new Uint8Array(40_000), 'CA_REQUEST_MALFORMED'],
    ];
    const before = await bed.digestOfRecords();
    for (const [why, message, code] of rows) {
      await assert.rejects(online.take({ message, origin: tester }), { code }, why);
      assert.equal(await bed.digestOfRecords(), before, why);
    }
    const message = signOnline(t, right, own);
    await bed.clock.advance(61 * 60_000);
    await assert.rejects(online.take({ message, origin: tester }), { code: 'CA_ONLINE_STALE' });
    assert.deepEqual(await stateOf(bed, serialNumber), ['good', undefined]);
  });
});

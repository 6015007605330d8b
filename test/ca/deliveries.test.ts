import assert from 'node:assert/strict';
import {
  constants,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  privateDecrypt,
} from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import { parseSerialNumber } from '../../src/ca/certificates/serial-number.ts';
import type { DeliveryPackage } from '../../src/ca/delivery/deliveries.ts';
import type { DeliveryOrder } from '../../src/ca/delivery/delivery-making.ts';
import type { DeliveryRecord } from '../../src/ca/delivery/delivery-record.ts';
import type { Policy } from '../../src/ca/policy/policy.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { parseCertificateList } from '../../src/x509/certificate-list.ts';
import { CaTestBed, collect, hanako, tester } from '../support/ca-test-bed.ts';
import {
  cardPolicy,
  filePolicy,
  sampleCard,
  withDeliveries,
} from '../support/delivery-policies.ts';
import { runOpenssl } from '../support/openssl.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const issue = {
  profile: 'end-entity',
  municipality: '10201',
  subjectAttributes: hanako,
  origin: tester,
};

function forCard(order = 'order 1', more: Partial<DeliveryOrder['issue']> = {}): DeliveryOrder {
  return { order, issue: { ...issue, ...more }, transportKey: sampleCard().spki };
}

function open(t: TestContext, policy: Policy = cardPolicy): Promise<CaTestBed> {
  return CaTestBed.open(t, { policy });
}

function serialOf({ serialNumber }: DeliveryRecord): bigint {
  return parseSerialNumber(serialNumber);
}

function act(record: DeliveryRecord): { serialNumber: bigint; origin: typeof tester } {
  return { serialNumber: serialOf(record), origin: tester };
}

async function stateOf(bed: CaTestBed, record: DeliveryRecord): Promise<string | undefined> {
  return (await bed.ca.findCertificate(serialOf(record)))?.state;
}

/** The entries of the municipality's newest list: serial number → reason. */
async function listed(bed: CaTestBed): Promise<ReadonlyMap<bigint, number | undefined>> {
  await bed.clock.advance(HOUR_MS);
  const { scope } = await bed.ca.publish('10201', tester);
  const der = await bed.ca.readList(scope.id);
  assert.ok(der !== undefined);
  const list = parseCertificateList(der);
  return new Map([...list.entries()].map((one) => [one.serialNumber, one.reason]));
}

function assertCardKey({ bytes, certificate }: DeliveryPackage): void {
  const { privateKey } = sampleCard();
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const aes = privateDecrypt(
    { key: privateKey, padding, oaepHash: 'sha256' },
    bytes.subarray(0, 256),
  );
  const cipher = createDecipheriv('id-aes256-wrap-pad', aes, Buffer.from('a65959a6', 'hex'));
  const pkcs8 = Buffer.concat([cipher.update(bytes.subarray(256)), cipher.final()]);
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  assert.deepEqual(Buffer.from(parseCertificate(certificate.der).spki), spki);
}

describe('keys made for cards (jlis 4.3, 4.4, 6.1.1.2)', () => {
  it('make a certificate that counts for nothing until it is delivered', async (t) => {
    const bed = await open(t);
    const record = await bed.ca.delivery.prepare(forCard());
    assert.equal(await stateOf(bed, record), 'not-delivered');
    assert.equal((await listed(bed)).size, 0, 'in no list');
    const fetched = await bed.ca.delivery.fetch({ serialNumber: serialOf(record) }, tester);
    assertCardKey(fetched);
    const delivered = await bed.ca.delivery.deliver(act(record));
    assert.equal(delivered.state, 'delivered');
    assert.equal(await stateOf(bed, record), 'good');
    assert.equal(delivered.key, 'erased');
    assert.deepEqual(await bed.vault.names(), [], 'no key is left');
    await assert.rejects(bed.ca.delivery.fetch({ serialNumber: serialOf(record) }, tester), {
      code: 'CA_DELIVERY_GONE',
    });
    await assert.rejects(bed.ca.delivery.deliver(act(record)), { code: 'CA_DELIVERY_STATE' });
    const kinds = (await bed.records()).map(({ kind }) => kind);
    assert.ok(kinds.includes('delivery.fetch') && kinds.includes('delivery.deliver'));
    assert.ok(kinds.includes('delivery.erase'));
  });

  it('are discarded with reason 0, which the list says by saying none (jlis 4.9.10, RFC 5280 5.3.1)', async (t) => {
    const bed = await open(t);
    const record = await bed.ca.delivery.prepare(forCard());
    const discarded = await bed.ca.delivery.discard(act(record));
    assert.equal(discarded.state, 'discarded');
    assert.equal(await stateOf(bed, record), 'revoked');
    assert.deepEqual(await bed.vault.names(), []);
    assert.deepEqual([...(await listed(bed))], [[serialOf(record), undefined]]);
    await assert.rejects(bed.ca.delivery.deliver(act(record)), { code: 'CA_DELIVERY_STATE' });
    assert.equal((await bed.records('delivery.discard')).length, 1);
  });

  it('revoke the certificate before at delivery and not sooner (jlis 4.3.1.1 (1))', async (t) => {
    const bed = await open(t);
    const first = await bed.ca.delivery.prepare(forCard('one'));
    await bed.ca.delivery.deliver(act(first));
    await assert.rejects(bed.ca.delivery.prepare(forCard('two')), {
      code: 'CA_CERTIFICATE_EXISTS',
    });
    const renews = serialOf(first);
    const second = await bed.ca.delivery.prepare(forCard('three', { renews }));
    assert.equal(await stateOf(bed, first), 'good');
    await bed.ca.delivery.deliver(act(second));
    assert.equal(await stateOf(bed, first), 'revoked');
    assert.equal(await stateOf(bed, second), 'good');
    assert.deepEqual([...(await listed(bed))], [[renews, 4]]);
  });

  it('leave the certificate before as it is when the new one is discarded', async (t) => {
    const bed = await open(t);
    const first = await bed.ca.delivery.prepare(forCard('one'));
    await bed.ca.delivery.deliver(act(first));
    const second = await bed.ca.delivery.prepare(forCard('two', { renews: serialOf(first) }));
    await bed.ca.delivery.discard(act(second));
    assert.equal(await stateOf(bed, first), 'good');
  });

  it('are held only once they are delivered', async (t) => {
    const bed = await open(t);
    const record = await bed.ca.delivery.prepare(forCard());
    await assert.rejects(bed.ca.hold(act(record)), { code: 'CA_HOLD_NOT_ALLOWED' });
    await bed.ca.delivery.deliver(act(record));
    await bed.ca.hold(act(record));
    assert.equal(await stateOf(bed, record), 'held');
    await bed.ca.release(act(record));
    assert.equal(await stateOf(bed, record), 'good');
  });

  it('are erased when nobody comes for them, and when their certificate is revoked', async (t) => {
    const bed = await open(t);
    const late = await bed.ca.delivery.prepare(forCard('late'));
    await bed.clock.advance(30 * DAY_MS - 1);
    assert.equal(await bed.ca.delivery.eraseDue(), 0);
    assert.equal(bed.ca.delivery.isOverdue(late), true);
    await bed.clock.advance(1);
    assert.equal(await bed.ca.delivery.eraseDue(), 1);
    assert.deepEqual(await bed.vault.names(), []);
    const dead = await bed.ca.delivery.prepare(
      forCard('dead', { subjectAttributes: { ...hanako, commonName: '群馬　太郎' } }),
    );
    await bed.revoke(serialOf(dead), 'affiliationChanged');
    assert.equal(await bed.ca.delivery.eraseDue(), 1);
    assert.equal((await bed.ca.delivery.find(serialOf(dead)))?.state, 'discarded');
    assert.deepEqual(await bed.vault.names(), []);
  });
});

describe('files for subscribers (secom 6.1.1 (2), 6.4.1)', () => {
  const forFile = (order = 'order 1'): DeliveryOrder => ({ order, issue });

  it('open with the password alone, which goes apart', async (t) => {
    const bed = await open(t, filePolicy);
    const record = await bed.ca.delivery.prepare(forFile());
    assert.equal(await stateOf(bed, record), 'good');
    const password = await bed.ca.delivery.password(act(record));
    assert.match(Buffer.from(password).toString(), /^[A-Za-z2-9]{16}$/);
    await bed.ca.delivery.passwordSent(act(record));
    await assert.rejects(bed.ca.delivery.password(act(record)), { code: 'CA_DELIVERY_GONE' });
    const { bytes } = await bed.ca.delivery.fetch({ reference: record.reference ?? '' }, tester);
    const file = join(temporaryFolder(t), 'a.p12');
    writeFileSync(file, bytes);
    const passin = ['-passin', `pass:${Buffer.from(password).toString()}`];
    const text = runOpenssl(['pkcs12', '-in', file, ...passin, '-nodes']).toString();
    assert.match(text, /BEGIN PRIVATE KEY/);
    const seen = inspect(await bed.records(), { depth: null, maxArrayLength: null });
    assert.ok(!seen.includes(Buffer.from(password).toString()), 'no record has the password');
    assert.equal((await bed.records('delivery.password-sent')).length, 1);
  });

  it('are erased an hour after they were fetched, also after a restart', async (t) => {
    const bed = await open(t, filePolicy);
    const record = await bed.ca.delivery.prepare(forFile());
    const by = { reference: record.reference ?? '' };
    await bed.ca.delivery.fetch(by, tester);
    await bed.clock.advance(HOUR_MS / 2);
    await bed.ca.delivery.fetch(by, tester);
    await bed.clock.advance(HOUR_MS / 2 - 1);
    assert.equal(await bed.ca.delivery.eraseDue(), 0, 'the first time counts');
    await bed.reopen(filePolicy);
    await bed.clock.advance(1);
    await assert.rejects(bed.ca.delivery.fetch(by, tester), { code: 'CA_DELIVERY_GONE' });
    assert.equal(await bed.ca.delivery.eraseDue(), 1);
    assert.deepEqual(await bed.vault.names(), []);
    assert.equal((await bed.ca.delivery.find(serialOf(record)))?.key, 'erased');
    await bed.ca.delivery.deliver({ ...act(record), receipt: { from: '花子', reference: 'R-1' } });
    assert.equal((await bed.ca.delivery.find(serialOf(record)))?.receipt?.from, '花子');
    assert.deepEqual(await collect(bed.ca.delivery.list({ open: true })), []);
  });

  it('are made with a password that was given, where the policy has it so (mic-ops 6.1.2)', async (t) => {
    const policy = withDeliveries({ keys: 'pkcs12', password: 'given' }, 'at-once');
    const bed = await open(t, policy);
    const record = await bed.ca.delivery.prepare({
      ...forFile(),
      password: Buffer.from('Aa345678'),
    });
    await assert.rejects(bed.ca.delivery.password(act(record)), { code: 'CA_DELIVERY_GONE' });
    const handed = await bed.ca.delivery.handOver({
      ...act(record),
      to: '情報流通課',
      by: '手渡し',
    });
    assert.equal(handed.handedOver?.by, '手渡し');
    const file = join(temporaryFolder(t), 'a.p12');
    const { bytes } = await bed.ca.delivery.fetch({ serialNumber: serialOf(record) }, tester);
    writeFileSync(file, bytes);
    runOpenssl(['pkcs12', '-in', file, '-passin', 'pass:Aa345678', '-noout']);
    assert.equal((await bed.records('delivery.hand-over')).length, 1);
  });

  it('keep a given password no longer than the file takes, whatever interrupts it', async (t) => {
    let isAway = true;
    const bed = await CaTestBed.open(t, {
      policy: withDeliveries({ keys: 'pkcs12', password: 'given' }, 'at-once'),
      wrapVault: (vault) => ({
        read: (name) => vault.read(name),
        erase: (name) => vault.erase(name),
        names: () => vault.names(),
        put: async (name, bytes) => {
          if (isAway && name.endsWith('.p12')) {
            throw new Error('cut off before the file');
          }
          await vault.put(name, bytes);
        },
      }),
    });
    const order = { ...forFile(), password: Buffer.from('Aa345678') };
    await assert.rejects(bed.ca.delivery.prepare(order), /cut off/);
    const endings = async (): Promise<readonly string[]> =>
      (await bed.vault.names()).map((name) => name.slice(-3)).sort();
    assert.deepEqual(await endings(), ['key', 'pin']);
    isAway = false;
    assert.equal(await bed.ca.delivery.eraseDue(), 0);
    assert.deepEqual(await endings(), ['p12']);
    const [record] = await collect(bed.ca.delivery.list({ open: true }));
    assert.equal(record?.password, 'erased');
    assert.equal(record.key, 'held');
  });
});

describe('orders that are refused', () => {
  const refused: readonly [string, Policy, DeliveryOrder, string][] = [
    ['a card without a key', cardPolicy, { order: 'a', issue }, 'CA_DELIVERY_INVALID'],
    [
      'a transport key that is none',
      cardPolicy,
      { ...forCard(), transportKey: 'no key' },
      'CA_DELIVERY_INVALID',
    ],
    [
      'a password where none is chosen',
      filePolicy,
      { order: 'a', issue, password: Buffer.from('Aa345678') },
      'CA_DELIVERY_INVALID',
    ],
    [
      'a password without digits',
      withDeliveries({ keys: 'pkcs12', password: 'given' }, 'at-once'),
      { order: 'a', issue, password: Buffer.from('Aabcdefgh') },
      'CA_DELIVERY_INVALID',
    ],
    [
      'a profile that makes no keys',
      withDeliveries({ keys: 'none' }, 'at-once'),
      { order: 'a', issue },
      'CA_DELIVERY_OFF',
    ],
    [
      'a certificate that would be refused',
      cardPolicy,
      forCard('a', { municipality: '99999' }),
      'CA_MUNICIPALITY_UNKNOWN',
    ],
  ];
  for (const [why, policy, order, code] of refused) {
    it(`leave nothing: ${why}`, async (t) => {
      const bed = await open(t, policy);
      const before = await bed.digestOfRecords();
      await assert.rejects(bed.ca.delivery.prepare(order), { code });
      assert.equal(await bed.digestOfRecords(), before);
      assert.deepEqual(await bed.vault.names(), []);
    });
  }

  it('get what they have got when they come again', async (t) => {
    const bed = await open(t);
    const [first, second] = await Promise.all([
      bed.ca.delivery.prepare(forCard()),
      bed.ca.delivery.prepare(forCard()),
    ]);
    assert.deepEqual(second, first);
    assert.deepEqual(await bed.ca.delivery.prepare(forCard()), first);
    assert.equal((await collect(bed.ca.listCertificates({ scopeId: '10201' }))).length, 1);
  });
});

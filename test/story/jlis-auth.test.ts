import assert from 'node:assert/strict';
import {
  constants,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  privateDecrypt,
} from 'node:crypto';
import { it } from 'node:test';

import { parseCertificate } from '../../src/x509/certificate.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { hanako, tester } from '../support/ca-test-bed.ts';
import { sampleCard } from '../support/delivery-policies.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { addOperatorEntry, PeopleBed } from '../support/people-bed.ts';
import {
  closeBooks,
  isListOf,
  judge,
  nextDay,
  openOffice,
  renewKey,
  storyPolicy,
} from './gunma-story.ts';
import { tellOpening } from './opening.ts';

const startMs = Date.parse('2026-03-01T03:00:00Z');

/** What the card does with what is sent to it. */
function openOnCard(wrapped: Uint8Array): Buffer {
  const { privateKey: key } = sampleCard();
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const aes = privateDecrypt({ key, padding, oaepHash: 'sha256' }, wrapped.subarray(0, 256));
  const cipher = createDecipheriv('id-aes256-wrap-pad', aes, Buffer.from('a65959a6', 'hex'));
  const pkcs8 = Buffer.concat([cipher.update(wrapped.subarray(256)), cipher.final()]);
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  return createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
}

it('a card with a certificate of J-LIS: made, delivered, held, released, replaced, thrown away', async (t) => {
  const policy = await storyPolicy('jlis-auth');
  const people = await PeopleBed.open(t, { policy, startMs });
  const { bed } = people;
  const { requests, delivery } = bed.ca;
  const code = policy.municipalities.list[0]?.code5 ?? '';
  const office = await openOffice(people, code);
  const holdDesk = await addOperatorEntry(bed, 'desk', { roles: ['holdDesk'] });
  const { spki } = sampleCard();
  const transportKey = encodePem('PUBLIC KEY', spki);
  const pass = async (kind: string, input: object): Promise<string> => {
    const received = await requests.submit({ kind, input }, office.reception);
    const { id } = received;
    const examined = await requests.examine({ id }, office.examiner);
    const { hash } = examined;
    const done =
      examined.state === 'executed'
        ? examined
        : await requests.approve({ id, hash }, office.approver);
    assert.equal(done.state, 'executed', JSON.stringify(done));
    return String(done.result?.['serialNumber']);
  };
  const numberOf = (serial: string): bigint => BigInt(`0x${serial}`);
  const stateOf = async (serial: string): Promise<string | undefined> =>
    (await bed.ca.findCertificate(numberOf(serial)))?.state;
  const fetch = async (serial: string): Promise<Uint8Array> => {
    const { bytes, certificate } = await delivery.fetch({ serialNumber: numberOf(serial) }, tester);
    assert.deepEqual(openOnCard(bytes), Buffer.from(parseCertificate(certificate.der).spki));
    return certificate.der;
  };
  const application = {
    ...{ municipality: code, attributes: hanako, cardExpiry: '2036-03-31' },
    transportKey,
  };

  // 4.3.1.1 (1), 6.1.1.2: the key pair is made in the token at the municipality's notice; the certificate waits.
  const first = await pass('issue', application);
  assert.equal(await stateOf(first), 'not-delivered');
  const der = await fetch(first);
  // 6.3.2.2: until the fifth birthday.
  assert.equal(
    new Date(parseCertificate(der).notAfterMs).toISOString(),
    '2030-04-01T14:59:59.000Z',
  );
  await assert.rejects(pass('issue', application), { code: 'CA_REQUEST_INVALID' });

  // 4.4.1.1: handed over; nothing of the key is left here (6.2.7.2).
  await pass('deliver', { serialNumber: first, receivedBy: '群馬 花子' });
  assert.equal(await stateOf(first), 'good');
  assert.deepEqual(await bed.vault.names(), []);
  assert.equal(await judge(t, bed, der), 'valid');

  // 4.9.13 to 4.9.16: the card is lost and reported by telephone, and found again.
  const held = await requests.submit({ kind: 'hold', input: { serialNumber: first } }, holdDesk);
  assert.equal(held.state, 'executed');
  await nextDay(bed);
  assert.equal(await judge(t, bed, der), 'revoked');
  await pass('release', { serialNumber: first });
  await nextDay(bed);
  assert.equal(await judge(t, bed, der), 'valid');

  // 4.3.1.1 (1): another card; the old certificate ends when the new one is handed over, with superseded.
  const second = await pass('renew', { serialNumber: first, ...withoutMunicipality(application) });
  assert.equal(await stateOf(first), 'good');
  await pass('deliver', { serialNumber: second });
  assert.equal(await stateOf(first), 'revoked');
  assert.equal((await bed.ca.findCertificate(numberOf(first)))?.status?.reason, 4);
  await nextDay(bed);
  assert.equal(await judge(t, bed, der), 'revoked');

  // 4.9.10, reason 0: a card that nobody came for.
  const third = await pass('renew', { serialNumber: second, ...withoutMunicipality(application) });
  await pass('discard', { serialNumber: third });
  assert.equal((await bed.ca.findCertificate(numberOf(third)))?.status?.reason, 0);
  assert.equal(await stateOf(second), 'good');
  await nextDay(bed);

  // 4.9.3.1 (3): the municipality deletes the resident's record.
  const taken = await bed.ca.notices.take({
    ...{ id: 'N-1', kind: 'residentRecordDeleted', origin: tester },
    about: { subjectAttributes: hanako },
  });
  assert.deepEqual(taken.revoked, [second]);
  assert.deepEqual(await bed.vault.names(), []);

  // 5.6: a new key of the CA; what the older one has issued is good, or not, by the lists of the newer one.
  const fourth = await pass('issue', application);
  const ofOlder = await fetch(fourth);
  await pass('deliver', { serialNumber: fourth });
  const listOfOld = await bed.ca.readList(code);
  const { older, newer } = await renewKey(bed);
  await nextDay(bed);
  const listOfNew = await bed.ca.readList(code);
  assert.ok(listOfOld !== undefined && listOfNew !== undefined);
  assert.ok(isListOf(t, listOfOld, older.anchor) && isListOf(t, listOfNew, newer.anchor));
  assert.equal(await judge(t, bed, ofOlder, newer), 'valid');
  const fifth = await pass('renew', { serialNumber: fourth, ...withoutMunicipality(application) });
  const ofNewer = await fetch(fifth);
  await pass('deliver', { serialNumber: fifth });
  await nextDay(bed);
  for (const trust of [older, newer]) {
    assert.equal(await judge(t, bed, ofOlder, trust), 'revoked');
    assert.equal(await judge(t, bed, ofNewer, trust), 'valid');
  }
  await closeBooks(bed);
});

const skip = skipWithout('openssl', 'ldapsearch');

it('the CA of J-LIS begins with a ceremony, its first lists are fetched, and reports say so', {
  skip,
}, async (t) => {
  await tellOpening(t, {
    preset: 'jlis-auth',
    verifierKind: 'authenticationVerifier',
    code: '01100',
  });
});

function withoutMunicipality<T extends { readonly municipality: string }>(
  input: T,
): Omit<T, 'municipality'> {
  const { municipality: _, ...rest } = input;
  return rest;
}

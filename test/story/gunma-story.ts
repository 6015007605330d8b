/**
 * The life of a citizen's certificate as the statements of Gunma and Tokyo tell it (4-2 to 4-4, 4-13), told once for
 * both. OpenSSL judges from outside, by what the CA has published.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { verifyAuditLog } from '../../src/audit/audit-verification.ts';
import type { SubjectAttributes } from '../../src/ca/certificates/subject-attributes.ts';
import { Municipalities } from '../../src/ca/policy/municipality.ts';
import { loadPolicy, type Policy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import type { Acting } from '../../src/ca/requests/requests.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { assertConsistent } from '../support/ca-consistency.ts';
import type { CaTestBed } from '../support/ca-test-bed.ts';
import { tester } from '../support/ca-test-bed.ts';
import { addOperatorEntry, PeopleBed } from '../support/people-bed.ts';
import { signOnline } from '../support/signed-request.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { sampleKey, sampleRequest } from '../support/x509-samples.ts';

type Life = { after(fn: () => unknown): void };

const HOUR_MS = 3_600_000;

/** The policy as it ships, with keys that are quick to make and three municipalities. */
export async function storyPolicy(preset: string): Promise<Policy> {
  const policy = await loadPolicy(shippedPolicyFile(preset));
  return {
    ...policy,
    keys: {
      ...policy.keys,
      authority: { ...policy.keys.authority, type: 'ec-p256', signature: 'ecdsa-sha256' },
    },
    municipalities: new Municipalities(policy.municipalities.list.slice(0, 3)),
  };
}

/** What a verifier starts from: one certificate of the CA, and the link from there to its other key. */
export interface Trust {
  readonly anchor: Uint8Array;
  readonly link: Uint8Array;
}

/**
 * What OpenSSL says of a certificate with the newest list of its scope.
 *
 * @param trust Every certificate of the CA that is published, when left out.
 */
export async function judge(
  life: Life,
  bed: CaTestBed,
  der: Uint8Array,
  trust?: Trust,
): Promise<'valid' | 'revoked' | 'other'> {
  const folder = temporaryFolder(life as Parameters<typeof temporaryFolder>[0]);
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const pem = (certificates: readonly Uint8Array[]): string =>
    certificates.map((one) => encodePem('CERTIFICATE', one)).join('');
  const published = await bed.published(bed.policy.names.issuer, 'cACertificate');
  const list = await bed.ca.readList(await scopeOf(bed, der));
  assert.ok(list !== undefined);
  const run = spawnSync('openssl', [
    ...['verify', '-crl_check', '-attime', String(Math.floor(bed.clock.nowMs() / 1000))],
    ...['-CAfile', write('ca.pem', pem(trust === undefined ? published : [trust.anchor]))],
    // The list may be of the other key than the certificate (docs/decisions/0010).
    ...(trust === undefined
      ? []
      : ['-extended_crl', '-untrusted', write('link.pem', pem([trust.link]))]),
    ...['-CRLfile', write('list.pem', encodePem('X509 CRL', list))],
    write('citizen.pem', pem([der])),
  ]);
  const said = `${String(run.stdout)}${String(run.stderr)}`;
  return run.status === 0 ? 'valid' : /certificate revoked/.test(said) ? 'revoked' : 'other';
}

/** The CA's key is renewed. @returns what those start from who have the older certificate, and the newer one. */
export async function renewKey(
  bed: CaTestBed,
): Promise<Readonly<Record<'older' | 'newer', Trust>>> {
  const { der: older } = bed.ca.certificate;
  await bed.ca.renewal.prepare(tester);
  const { certificate, links } = await bed.ca.renewal.switchOver(tester);
  assert.ok(links !== undefined);
  return {
    older: { anchor: older, link: links.newWithOld },
    newer: { anchor: certificate, link: links.oldWithNew },
  };
}

/** Whose key has signed a list, to OpenSSL. */
export function isListOf(life: Life, list: Uint8Array, authority: Uint8Array): boolean {
  const folder = temporaryFolder(life as Parameters<typeof temporaryFolder>[0]);
  const [listFile, file] = [join(folder, 'list.pem'), join(folder, 'ca.pem')];
  writeFileSync(listFile, encodePem('X509 CRL', list));
  writeFileSync(file, encodePem('CERTIFICATE', authority));
  const { stderr } = spawnSync('openssl', ['crl', '-in', listFile, '-CAfile', file, '-noout']);
  return /^verify OK/m.test(String(stderr));
}

/** At the end: the audit log is whole, and what is stored fits together (as `certdir check` looks at it). */
export async function closeBooks(bed: CaTestBed): Promise<void> {
  await bed.clock.advance(2_000);
  await assertConsistent(bed);
  const snapshot = bed.store.snapshot();
  try {
    const { size } = await verifyAuditLog(snapshot);
    assert.equal(Number(size), (await bed.records()).length);
  } finally {
    await snapshot.close();
  }
}

/** Three people of the municipality, each with a role (5-2-1-2). */
export async function openOffice(
  { bed }: PeopleBed,
  code: string,
): Promise<Readonly<Record<'reception' | 'examiner' | 'approver', Acting>>> {
  const add = (name: string, role: string): Promise<Acting> =>
    addOperatorEntry(bed, name, { roles: [role], partitions: [code] });
  return {
    reception: await add('office reception', 'municipalReception'),
    examiner: await add('office examiner', 'municipalExaminer'),
    approver: await add('office approver', 'municipalApprover'),
  };
}

async function scopeOf(bed: CaTestBed, der: Uint8Array): Promise<string> {
  for await (const one of bed.ca.listCertificates()) {
    if (Buffer.compare(one.der, der) === 0) {
      return one.scopeId;
    }
  }
  throw new Error('the CA has not issued it');
}

/** What went before comes out with the next lists. */
export async function nextDay(bed: CaTestBed): Promise<void> {
  await bed.clock.advance(24 * HOUR_MS);
  for (const scopeId of bed.ca.dueScopes(bed.clock.nowMs())) {
    await bed.ca.publish(scopeId, tester);
  }
}

export async function tellCitizensLife(
  t: Life & Parameters<typeof signOnline>[0],
  preset: string,
  person: SubjectAttributes,
): Promise<void> {
  const policy = await storyPolicy(preset);
  // OpenSSL signs with the machine's clock: the day on which the subscriber does is today.
  const todayMs = Math.floor(Date.now() / 1000) * 1000;
  const people = await PeopleBed.open(t, { policy, startMs: todayMs - 48 * HOUR_MS });
  const { bed } = people;
  const { requests, online, notices } = bed.ca;
  const code = policy.municipalities.list[0]?.code5 ?? '';
  const office = await openOffice(people, code);
  const pass = async (kind: string, input: object): Promise<string> => {
    const { id } = await requests.submit({ kind, input }, office.reception);
    await requests.examine({ id }, office.examiner);
    const { hash } = await requests.show(id, office.approver.operator);
    const done = await requests.approve({ id, hash }, office.approver);
    assert.equal(done.state, 'executed', JSON.stringify(done));
    return String(done.result?.['serialNumber']);
  };
  const keyOf = (label: string) => sampleKey('p256', `${preset} ${label}`);
  const csr = (label: string): string =>
    Buffer.from(sampleRequest(keyOf(label))).toString('base64');
  const derOf = async (serial: string): Promise<Uint8Array> => {
    const found = await bed.ca.findCertificate(BigInt(`0x${serial}`));
    assert.ok(found !== undefined);
    return found.der;
  };

  // 4-2: issued at the municipality's notice, once.
  const application = { municipality: code, attributes: person };
  const first = await pass('issue', { ...application, request: csr('first') });
  assert.equal(await judge(t, bed, await derOf(first)), 'valid');
  await assert.rejects(
    requests.submit(
      { kind: 'issue', input: { ...application, request: csr('second') } },
      office.reception,
    ),
    { code: 'CA_REQUEST_INVALID' },
  );

  // 3-2: renewed with another key; the old one ends.
  await assert.rejects(pass('renew', { serialNumber: first, request: csr('first') }), {
    code: 'CA_REQUEST_INVALID',
  });
  const second = await pass('renew', { serialNumber: first, request: csr('renewed') });
  await nextDay(bed);
  assert.equal(await judge(t, bed, await derOf(first)), 'revoked');
  assert.equal(await judge(t, bed, await derOf(second)), 'valid');

  // 4-4-2-2 (1): given up on line, signed with the subscriber's key.
  await nextDay(bed);
  const content = online.content(BigInt(`0x${second}`), 'cessationOfOperation');
  const certificate = await derOf(second);
  const message = signOnline(t, content, { certificate, key: keyOf('renewed').privateKey });
  const receipt = await online.take({ message, origin: tester });
  assert.equal(receipt.reason, 'cessationOfOperation');
  await assert.rejects(online.take({ message, origin: tester }), { code: 'CA_ONLINE_REPLAYED' });
  await nextDay(bed);
  assert.equal(await judge(t, bed, certificate), 'revoked');

  // 4-4-1: another one, until the address changes.
  const third = await pass('issue', { ...application, request: csr('third') });
  const moved = await notices.take({
    ...{ id: `${code}-1`, kind: 'addressChange', origin: tester },
    about: { subjectAttributes: person },
  });
  assert.deepEqual(moved.revoked, [third]);
  assert.equal((await bed.ca.findCertificate(BigInt(`0x${third}`)))?.status?.reason, 3);

  // 4-13: a new key of the CA; what the old one has signed goes on.
  const address = `${person.address}２`;
  const fourth = await pass('issue', {
    ...{ municipality: code, request: csr('fourth') },
    attributes: { ...person, address },
  });
  const listOfOld = await bed.ca.readList(code);
  const { older, newer } = await renewKey(bed);
  await nextDay(bed);
  const listOfNew = await bed.ca.readList(code);
  assert.ok(listOfOld !== undefined && listOfNew !== undefined);
  assert.ok(isListOf(t, listOfOld, older.anchor) && isListOf(t, listOfNew, newer.anchor));
  const fifth = await pass('issue', {
    ...{ municipality: code, request: csr('fifth') },
    attributes: { ...person, address: `${person.address}３` },
  });
  assert.equal((await bed.ca.findCertificate(BigInt(`0x${fifth}`)))?.generation, 2);
  assert.equal((await bed.ca.findCertificate(BigInt(`0x${fourth}`)))?.generation, 1);
  for (const serial of [fourth, fifth]) {
    assert.equal(await judge(t, bed, await derOf(serial), newer), 'valid', serial);
    assert.equal(await judge(t, bed, await derOf(serial), older), 'valid', serial);
  }
  await bed.revoke(BigInt(`0x${fourth}`), 'cessationOfOperation');
  await nextDay(bed);
  assert.equal(await judge(t, bed, await derOf(fourth), newer), 'revoked');
  assert.equal(await judge(t, bed, await derOf(fourth), older), 'revoked');

  // 4-11: every step is on record.
  const kinds = new Set((await bed.records()).map(({ kind }) => kind));
  for (const kind of [
    ...['request.receive', 'request.examine', 'request.approve', 'certificate.issue'],
    ...['certificate.revoke', 'crl.publish', 'notice.take', 'online.revoke'],
  ]) {
    assert.ok(kinds.has(kind), kind);
  }
  await closeBooks(bed);
}

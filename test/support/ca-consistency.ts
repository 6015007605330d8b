/**
 * Whether everything that a CA has stored and published fits together, found out from the bytes alone: what
 * must hold after any sequence of operations, restarts and failures.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import type { RegisteredCertificate } from '../../src/ca/certificates/certificate-register.ts';
import { findInconsistencies } from '../../src/ca/checks/consistency.ts';
import type { ConsistencyFault } from '../../src/ca/checks/consistency-fault.ts';
import { isLastList } from '../../src/ca/policy/cadence.ts';
import type { Scope } from '../../src/ca/policy/scope.ts';
import { sequenceIn } from '../../src/ca/records/certificate-record.ts';
import { type CertificateList, parseCertificateList } from '../../src/x509/certificate-list.ts';
import { parseCrlNextPublish } from '../../src/x509/crl-extensions.ts';
import { parseIssuingDistributionPoint } from '../../src/x509/distribution-point.ts';
import { findExtension } from '../../src/x509/extensions.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { verifySignature } from '../../src/x509/verify-signature.ts';
import { type CaTestBed, collect } from './ca-test-bed.ts';

/** What is looked at: a `CaTestBed`, or the CA of a data folder. */
export type ConsistencySubject = Pick<CaTestBed, 'ca' | 'policy' | 'published' | 'store'> & {
  /** The machine's when left out. */
  readonly clock?: Pick<CaTestBed['clock'], 'nowMs'>;
};

const HOUR = 3_600_000;

/** @throws {AssertionError} naming the first thing that does not fit. */
export async function assertConsistent(bed: ConsistencySubject): Promise<void> {
  const { ca } = bed;
  const certificates = await collect(ca.listCertificates());
  const status = await ca.status();
  assert.equal(status.issuedCount, certificates.length, 'count of certificates');
  assert.equal(
    status.revokedCount,
    certificates.filter(({ status: one }) => one?.state === 'revoked').length,
    'count of revoked certificates',
  );
  for (const { scope, published, pendingCount } of status.lists) {
    const lists = await readArchive(bed, scope);
    assert.equal(
      lists.length,
      Number(published?.number ?? 0n),
      `${scope.id}: lists in the archive`,
    );
    lists.forEach((list, index) => {
      assertList(bed, scope, list);
      assertFollows(list, lists[index - 1], index + 1);
    });
    const newest = lists.at(-1);
    await assertPublished(bed, scope, newest);
    assertEntries({ scope, lists, pendingCount, certificates });
  }
  assert.deepEqual(await faultsOf(bed), [], 'what the program itself would find');
}

/** What `certdir check` finds in the CA's records. */
export async function faultsOf(bed: ConsistencySubject): Promise<readonly ConsistencyFault[]> {
  const snapshot = bed.store.snapshot();
  try {
    const { policy } = bed.ca;
    const publishedValues = (dn: string, attribute: string) => bed.published(dn, attribute);
    const subject = {
      policy,
      view: snapshot,
      publishedValues,
      nowMs: bed.clock?.nowMs() ?? Date.now(),
    };
    const tally = { certificates: 0, revoked: 0, lists: 0, generations: 0, ownCertificates: 0 };
    return await collect(findInconsistencies(subject, { tally }));
  } finally {
    await snapshot.close();
  }
}

/** Every list of a scope, oldest first. */
export async function readArchive(
  bed: ConsistencySubject,
  scope: Scope,
): Promise<CertificateList[]> {
  const lists: CertificateList[] = [];
  for (let number = 1n; ; number += 1n) {
    const der = await bed.ca.readList(scope.id, number);
    if (der === undefined) {
      return lists;
    }
    lists.push(parseCertificateList(der));
  }
}

function assertList({ ca }: ConsistencySubject, scope: Scope, list: CertificateList): void {
  const { tbs: message, signature } = list;
  const isSigned = ca.authorities.all.some(({ certificate: { spki }, algorithm }) =>
    verifySignature({ spki, algorithm, message, signature }),
  );
  assert.ok(isSigned, 'signature');
  assert.deepEqual(Buffer.from(list.issuer.der), Buffer.from(ca.certificate.subject.der), 'issuer');
  const extension = (oid: string): Uint8Array =>
    findExtension(list.extensions, oid)?.value ?? assert.fail(`${oid} is missing`);
  if (!isLastList(list)) {
    assert.equal(list.nextUpdateMs, list.thisUpdateMs + 72 * HOUR, 'nextUpdate');
    const nextPublishMs = parseCrlNextPublish(extension(Oid.crlNextPublish));
    assert.equal(nextPublishMs, list.thisUpdateMs + 24 * HOUR, 'CRL Next Publish');
  }
  if (scope.isFull) {
    assert.equal(findExtension(list.extensions, Oid.issuingDistributionPoint), undefined, 'IDP');
    return;
  }
  const point = parseIssuingDistributionPoint(extension(Oid.issuingDistributionPoint));
  assert.equal(point.onlyContains, scope.onlyContains, 'IDP');
  const [name] = point.fullName ?? [];
  assert(name?.kind === 'directoryName');
  assert.deepEqual(Buffer.from(name.name.der), Buffer.from(scope.distributionPoint.der), 'IDP');
}

function assertFollows(
  list: CertificateList,
  before: CertificateList | undefined,
  number: number,
): void {
  assert.equal(list.number, BigInt(number), 'numbers without a gap, in order');
  assert.ok(before === undefined || list.thisUpdateMs > before.thisUpdateMs, 'thisUpdate moves on');
}

/** The directory has exactly the newest list. */
async function assertPublished(
  bed: ConsistencySubject,
  scope: Scope,
  newest: CertificateList | undefined,
): Promise<void> {
  const values = await bed.published(scope.dn, scope.attribute);
  const hashes = values.map((value) => createHash('sha256').update(value).digest('hex'));
  const own = newest && createHash('sha256').update(newest.der).digest('hex');
  assert.deepEqual(
    scope.isFull ? hashes.filter((hash) => hash === own) : hashes,
    newest === undefined ? [] : [createHash('sha256').update(newest.der).digest('hex')],
    `${scope.id}: the entry in the directory`,
  );
}

/**
 * Newest list and waiting revocations together are the revoked certificates of the scope, but for those
 * whose entries have served: their certificates ended before a list that carried them.
 */
function assertEntries({
  scope,
  lists,
  pendingCount,
  certificates,
}: {
  readonly scope: Scope;
  readonly lists: readonly CertificateList[];
  readonly pendingCount: number;
  readonly certificates: readonly RegisteredCertificate[];
}): void {
  const numberOf = ({ status }: RegisteredCertificate): bigint =>
    (status && sequenceIn(status, scope)) ?? 0n;
  const revoked = certificates
    .filter(
      ({ scopeId, generation, status }) =>
        (scope.isFull ? generation === scope.generation : scopeId === scope.id) &&
        (status?.state === 'revoked' || status?.state === 'held'),
    )
    .sort((left, right) => Number(numberOf(left) - numberOf(right)));
  const newest = lists.at(-1);
  const listed = newest === undefined ? [] : [...newest.entries()];
  const waiting = revoked.slice(revoked.length - pendingCount);
  const served = revoked.filter(({ serialNumber, notAfterMs }) =>
    lists
      .slice(0, -1)
      .some(
        (list) =>
          list.thisUpdateMs > notAfterMs &&
          [...list.entries()].some((entry) => entry.serialNumber === serialNumber),
      ),
  );
  const isServed = new Set(served.map(({ serialNumber }) => serialNumber));
  const expected = revoked.filter((one) => !waiting.includes(one));
  const listedNumbers = listed.map(({ serialNumber }) => serialNumber);
  const missing = expected.filter(({ serialNumber }) => !listedNumbers.includes(serialNumber));
  assert.deepEqual(
    missing.filter(({ serialNumber }) => !isServed.has(serialNumber)),
    [],
    `${scope.id}: entries that left too early`,
  );
  const known = new Set(expected.map(({ serialNumber }) => serialNumber));
  assert.deepEqual(
    listedNumbers.filter((serialNumber) => !known.has(serialNumber)),
    [],
    `${scope.id}: entries of certificates that are not revoked here`,
  );
  assert.equal(new Set(listedNumbers).size, listedNumbers.length, `${scope.id}: entries twice`);
  for (const { serialNumber, reason, revocationMs } of listed) {
    const certificate = revoked.find((one) => one.serialNumber === serialNumber);
    // Unspecified is left out (RFC 5280 5.3.1).
    assert.equal(reason ?? 0, certificate?.status?.reason, 'reason');
    assert.equal(revocationMs, certificate?.status?.sinceMs, 'revocation date');
  }
}

/**
 * Revoked certificates by the thousand, written straight into the engine's records: for tests and
 * benchmarks of large lists that would take hours to issue one by one.
 *
 * @module
 */

import type { CertificateAuthority } from '../../src/ca/certificate-authority.ts';
import type { IssuedCertificate } from '../../src/ca/certificates/issuance.ts';
import { drawSerialNumber } from '../../src/ca/certificates/serial-number.ts';
import { appendEntries } from '../../src/ca/lists/scope-append.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import {
  encodeCertificateRecord,
  encodeStatusRecord,
} from '../../src/ca/records/certificate-record.ts';
import { encodeCountersRecord, parseCountersRecord } from '../../src/ca/records/counters-record.ts';
import { readScopeRecord } from '../../src/ca/records/scope-state.ts';
import type { NewEntry } from '../../src/ca/records/waiting-entries.ts';
import type { RandomSource } from '../../src/core/random.ts';
import type { Store } from '../../src/store/store.ts';
import { encodeRevokedEntry } from '../../src/x509/certificate-list.ts';

const PER_TRANSACTION = 5_000;

/**
 * Adds `count` revoked certificates to the scope of `model`: copies of it under other serial numbers.
 * Whoever has the CA open must publish the scope afterwards.
 */
export async function addRevoked(
  {
    store,
    ca,
    random,
  }: { readonly store: Store; readonly ca: CertificateAuthority; readonly random: RandomSource },
  model: IssuedCertificate,
  count: number,
): Promise<void> {
  const tables = new CaTables(ca.policy.id);
  const { notBeforeMs: revokedMs, notAfterMs, der } = model.certificate;
  const record = encodeCertificateRecord({
    profile: model.profile,
    scopeId: model.scope.id,
    generation: 1,
    issuedMs: revokedMs,
    notAfterMs,
    der,
  });
  for (let done = 0; done < count; done += PER_TRANSACTION) {
    const round = Math.min(PER_TRANSACTION, count - done);
    await store.transact('test: add revoked certificates', async (transaction) => {
      const scope = await readScopeRecord(transaction, tables, model.scope.id);
      const counters = parseCountersRecord(
        (await transaction.read(tables.counters)) ?? new Uint8Array(0),
      );
      const entries: NewEntry[] = [];
      for (let index = 1; index <= round; index += 1) {
        const serialNumber = drawSerialNumber(random);
        const sequence = scope.acknowledgedSequence + BigInt(index);
        const reason = 1 + (index % 5);
        const entry = encodeRevokedEntry({ serialNumber, revokedMs, reason });
        const status = { state: 'revoked', sinceMs: revokedMs, reason, sequence } as const;
        transaction.put(tables.certificate(serialNumber), record);
        transaction.put(tables.status(serialNumber), encodeStatusRecord(status));
        entries.push({ notAfterMs, der: entry });
      }
      transaction.put(
        tables.counters,
        encodeCountersRecord({
          issued: counters.issued + round,
          revoked: counters.revoked + round,
          liveEntries: counters.liveEntries,
        }),
      );
      const nowMs = revokedMs;
      await appendEntries({ tables }, transaction, { scope: model.scope, entries, nowMs });
    });
  }
}

/**
 * Adds `count` certificates that are good: copies of `model` under other serial numbers, in its scope, signed by the
 * key of `model`. They are in no index.
 *
 * @param onSerial Told each number.
 */
export async function addIssued(
  {
    store,
    ca,
    random,
  }: { readonly store: Store; readonly ca: CertificateAuthority; readonly random: RandomSource },
  model: Pick<IssuedCertificate, 'profile' | 'scope' | 'certificate'>,
  {
    count,
    onSerial = () => undefined,
  }: { readonly count: number; readonly onSerial?: (serialNumber: bigint) => void },
): Promise<void> {
  const tables = new CaTables(ca.policy.id);
  const { notBeforeMs: issuedMs, notAfterMs, der } = model.certificate;
  const { profile } = model;
  const scopeId = model.scope.id;
  const record = encodeCertificateRecord({
    ...{ profile, scopeId, generation: 1, issuedMs, notAfterMs, der },
  });
  for (let done = 0; done < count; done += PER_TRANSACTION) {
    const round = Math.min(PER_TRANSACTION, count - done);
    await store.transact('test: add certificates', async (transaction) => {
      for (let index = 0; index < round; index += 1) {
        const serialNumber = drawSerialNumber(random);
        transaction.put(tables.certificate(serialNumber), record);
        onSerial(serialNumber);
      }
      const counters = parseCountersRecord(
        (await transaction.read(tables.counters)) ?? new Uint8Array(0),
      );
      const issued = counters.issued + round;
      transaction.put(tables.counters, encodeCountersRecord({ ...counters, issued }));
    });
  }
}

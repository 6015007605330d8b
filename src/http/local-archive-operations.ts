/**
 * `ArchiveOperations` on an open instance.
 *
 * @module
 */

import type { AuditOrigin } from '../audit/audit-log.ts';
import { monthOf } from '../audit/civil-month.ts';
import type { CopyStatement, KeepingRegister } from '../audit/keeping-register.ts';
import { recordDigest } from '../audit/record-digest.ts';
import type { CertificateAuthority } from '../ca/certificate-authority.ts';
import { type ArchiveExportParts, exportArchive } from './archive-export.ts';
import type {
  ArchivedList,
  ArchiveOperations,
  ArchiveStatusReport,
  DisclosureReport,
  ListQuery,
} from './archive-operations.ts';
import type { AuditFile, AuditOperations, AuditRecordReport } from './audit-operations.ts';
import { HttpError } from './errors.ts';
import type { CertificateQuery, CertificateReport } from './operations.ts';
import { type Operator, originOf } from './operator.ts';
import type { ProvisionReport } from './provision-report.ts';
import { formatTime, parseTimeOrDayEnd } from './report-time.ts';

export interface LocalArchiveOptions {
  readonly authority: CertificateAuthority;
  readonly audit: AuditOperations;
  readonly findCertificates: (query: CertificateQuery) => Promise<readonly CertificateReport[]>;
  /** Puts the disclosure on record. */
  readonly record: (kind: string, subject: string, origin: AuditOrigin) => Promise<void>;
  readonly exportParts: Omit<ArchiveExportParts, 'authority' | 'provisions' | 'noteManifest'> & {
    readonly nowMs: () => number;
  };
  readonly keeping: KeepingRegister;
  /** As `KeptCopy.ca` names the CA. */
  readonly exporter?: string | undefined;
  readonly status: () => Promise<ArchiveStatusReport>;
}

const MAX_RECORDS = 10_000;
/** The subject of a record about nobody's certificates: the log does not keep who was asked for. */
const NO_CERTIFICATE = 'no certificate';
/** RFC 5280 §5.2.3: up to 20 octets. */
const CRL_NUMBER = /^\d{1,49}$/;
const MONTH = /^\d{4}-(0[1-9]|1[0-2])$/;

export class LocalArchiveOperations implements ArchiveOperations {
  readonly #options: LocalArchiveOptions;

  constructor(options: LocalArchiveOptions) {
    this.#options = options;
  }

  async list({ scope, number, at }: ListQuery): Promise<ArchivedList> {
    const { authority, exportParts } = this.#options;
    const atMs = at === undefined ? undefined : parseTimeOrDayEnd(at, exportParts.utcOffsetMs);
    const isNumber = number === undefined || CRL_NUMBER.test(number);
    const isTime = (at === undefined) === (atMs === undefined);
    if (!isNumber || !isTime || (number !== undefined && at !== undefined)) {
      throw new HttpError(
        'HTTP_REQUEST_INVALID',
        'name a list by number, or by a day or time, e.g. 2026-01-05 or 2026-01-05T09:00:00+09:00',
      );
    }
    const found = await authority.findList(scope, {
      ...(number === undefined ? {} : { number: BigInt(number) }),
      ...(atMs === undefined ? {} : { atMs }),
    });
    return {
      scope,
      crlNumber: found.number.toString(),
      thisUpdate: formatTime(found.thisUpdateMs),
      nextUpdate: formatTime(found.nextUpdateMs),
      entries: found.entryCount,
      sha256: recordDigest(found.der),
      list: Buffer.from(found.der).toString('base64'),
    };
  }

  async *export(
    { period }: { readonly period: string },
    operator: Operator,
  ): AsyncGenerator<AuditFile, void, undefined> {
    const { utcOffsetMs, nowMs } = this.#options.exportParts;
    const present = monthOf(nowMs(), utcOffsetMs).name;
    if (!MONTH.test(period) || period > present) {
      throw new HttpError(
        'HTTP_REQUEST_INVALID',
        `a month is written as 2026-01, and has begun; this one is ${present}`,
      );
    }
    yield* this.exportAs(period, originOf(operator));
  }

  /** The same for whoever is no operator at this machine. */
  async *exportAs(period: string, origin: AuditOrigin): AsyncGenerator<AuditFile, void, undefined> {
    const { authority, audit, exportParts, record, keeping } = this.#options;
    await record('archive.export', period, origin);
    const provisions = (month: string): Promise<ProvisionReport> =>
      audit.provisions({ period: month });
    const noteManifest = (sha256: string): Promise<void> =>
      keeping.noteMonth({ month: period, sha256, ca: this.#options.exporter }, origin);
    yield* exportArchive({ ...exportParts, authority, provisions, noteManifest }, period);
  }

  async attest(statement: CopyStatement, operator: Operator): Promise<{ readonly of: string }> {
    if (!/^[0-9a-f]{64}$/.test(statement.sha256)) {
      throw new HttpError(
        'HTTP_REQUEST_INVALID',
        'a copy is named by the SHA-256 of its manifest, 64 hexadecimal digits in lower case',
      );
    }
    const origin = originOf(operator);
    return { of: await this.#options.keeping.attest(statement, origin) };
  }

  status(): Promise<ArchiveStatusReport> {
    return this.#options.status();
  }

  async disclose(query: CertificateQuery, operator: Operator): Promise<DisclosureReport> {
    const { audit, findCertificates, record } = this.#options;
    const certificates = await findCertificates(query);
    const records: AuditRecordReport[] = [];
    const origin = originOf(operator);
    if (certificates.length === 0) {
      // That somebody has none is told as well, and who was told.
      await record('archive.disclose', NO_CERTIFICATE, origin);
    }
    for (const { serialNumber } of certificates) {
      records.push(...(await audit.list({ subject: serialNumber, limit: MAX_RECORDS })));
      await record('archive.disclose', serialNumber, origin);
    }
    return { certificates, records };
  }
}

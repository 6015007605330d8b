/**
 * `Operations` on an open instance: what a person typed becomes values of the CA and the directory,
 * and their answers become reports.
 *
 * @module
 */

import type { AuditEvent, AuditOrigin } from '../audit/audit-log.ts';
import type { KeepingRegister } from '../audit/keeping-register.ts';
import type { TakenCheckpoints } from '../audit/kept-checkpoint.ts';
import { OperatorRegister } from '../ca/accounts/operator-register.ts';
import type { CertificateAuthority } from '../ca/certificate-authority.ts';
import { type RegisteredCertificate, reasonName } from '../ca/certificates/certificate-register.ts';
import type { RevocationReceipt } from '../ca/certificates/revocation.ts';
import { formatSerialNumber, parseSerialNumber } from '../ca/certificates/serial-number.ts';
import { CaError } from '../ca/errors.ts';
import type { Publication } from '../ca/lists/crl-publication.ts';
import type { Policy } from '../ca/policy/policy.ts';
import type { Scope } from '../ca/policy/scope.ts';
import { formatHex } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import type { AccessExplanation, AccessQuestion } from '../directory/access/access-explanation.ts';
import type { Directory } from '../directory/directory.ts';
import { parseFilter } from '../directory/filters/filter-text.ts';
import type { ReadLdifControls } from '../directory/ldif/ldif-change.ts';
import { readFilesUnder } from '../directory/ldif/ldif-file-values.ts';
import type { LdifReading } from '../directory/ldif/ldif-reader.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { fingerprint } from '../x509/fingerprint.ts';
import { formatName } from '../x509/name.ts';
import { encodePem } from '../x509/pem.ts';
import { operatorReport } from './account-reports.ts';
import type { ArchiveStatusReport } from './archive-operations.ts';
import type { AuditOperations } from './audit-operations.ts';
import type { CeremonyOperations } from './ceremony-operations.ts';
import type { CrlOperations } from './crl-operations.ts';
import type { CrossOperations } from './cross-operations.ts';
import type { CustodyOperations } from './custody-operations.ts';
import type { HoldOperations } from './hold-operations.ts';
import type { KeyOperations } from './key-operations.ts';
import { LocalArchiveOperations, type LocalArchiveOptions } from './local-archive-operations.ts';
import { LocalCrlOperations } from './local-crl-operations.ts';
import { LocalHolds } from './local-hold-operations.ts';
import { LocalOperators } from './local-operator-operations.ts';
import { LocalVerifiers } from './local-verifier-operations.ts';
import { describeOcsp, type OcspReport } from './ocsp-report.ts';
import type {
  BackupCreateReport,
  BackupInput,
  CertificateQuery,
  CertificateReport,
  CheckInput,
  CheckReport,
  IssuedReport,
  IssueInput,
  JournalReport,
  LdifExportInput,
  LdifInput,
  LdifModifyReport,
  OnProgress,
  Operations,
  Operator,
  OperatorReport,
  PublishedReport,
  PublishInput,
  RecoverInput,
  RecoverReport,
  RevokedReport,
  RevokeInput,
  ServiceStatus,
} from './operations.ts';
import { callerOf, originOf } from './operator.ts';
import type { OperatorOperations } from './operator-operations.ts';
import { formatTime } from './report-time.ts';
import type { RevocationOperations } from './revocation-operations.ts';
import type { VerifierOperations } from './verifier-operations.ts';

/**
 * Publishes lists now, each once, and resolves when all are out.
 *
 * @param onPublished Told after each how many are out.
 */
export type PublishLists = (
  lists: { readonly scopeIds: readonly string[]; readonly origin: AuditOrigin },
  onPublished: (done: number) => void,
) => Promise<readonly Publication[]>;

export interface LocalOperationsOptions {
  readonly policy: Policy;
  readonly directory: Directory;
  readonly authority: CertificateAuthority;
  readonly clock: Clock;
  readonly publishLists: PublishLists;
  /** Asks every part of the instance how it is. */
  readonly status: () => Promise<ServiceStatus>;
  readonly check: Operations['check'];
  readonly journal: Operations['journal'];
  /** Takes in checkpoints that were kept elsewhere, while signing is held back. */
  readonly takeCheckpoints: (notes: readonly string[]) => Promise<TakenCheckpoints>;
  readonly backup: (
    input: BackupInput,
    origin: AuditOrigin,
    onProgress: OnProgress,
  ) => Promise<BackupCreateReport>;
  /** What the controls of an LDIF change ask for. */
  readonly readControls: ReadLdifControls;
  readonly auditOperations: AuditOperations;
  /** Makes a record durable. */
  readonly record: (event: AuditEvent) => Promise<void>;
  /** Puts on record what was taken from the archive. */
  readonly recordArchive: (kind: string, subject: string, origin: AuditOrigin) => Promise<void>;
  readonly archiveParts: LocalArchiveOptions['exportParts'];
  readonly keeping: KeepingRegister;
  readonly exporter?: string | undefined;
  readonly archiveStatus: () => Promise<ArchiveStatusReport>;
  readonly custodyOperations: CustodyOperations;
  readonly ceremonyOperations: CeremonyOperations;
  readonly revocationOperations: RevocationOperations;
  readonly keyOperations: KeyOperations;
  readonly crossOperations: CrossOperations;
}

/** Whoever lists operators: the names of those who only look are not recorded. */
const reader: Operator = { name: 'administrator' };

export class LocalOperations implements Operations {
  readonly #options: LocalOperationsOptions;
  readonly #operators: OperatorRegister;
  readonly audit: AuditOperations;
  readonly archive: LocalArchiveOperations;
  readonly crl: CrlOperations;
  readonly custody: CustodyOperations;
  readonly ceremonies: CeremonyOperations;
  readonly revocations: RevocationOperations;
  readonly cross: CrossOperations;
  readonly holds: HoldOperations;
  readonly verifiers: VerifierOperations;
  readonly operators: OperatorOperations;
  readonly keys: KeyOperations;

  constructor(options: LocalOperationsOptions) {
    this.#options = options;
    this.audit = options.auditOperations;
    this.archive = new LocalArchiveOperations({
      authority: options.authority,
      audit: options.auditOperations,
      findCertificates: (query) => this.findCertificates(query),
      record: options.recordArchive,
      exportParts: options.archiveParts,
      keeping: options.keeping,
      exporter: options.exporter,
      status: options.archiveStatus,
    });
    this.crl = new LocalCrlOperations(options);
    this.#operators = new OperatorRegister(options.directory, options.policy);
    this.custody = options.custodyOperations;
    this.ceremonies = options.ceremonyOperations;
    this.revocations = options.revocationOperations;
    this.cross = options.crossOperations;
    this.holds = new LocalHolds(options.authority);
    this.verifiers = new LocalVerifiers(options);
    this.operators = new LocalOperators(options.authority.operators);
    this.keys = options.keyOperations;
  }

  status(): Promise<ServiceStatus> {
    return this.#options.status();
  }

  async statuses(): Promise<readonly ServiceStatus[]> {
    return [await this.status()];
  }

  backup(
    input: BackupInput,
    operator: Operator,
    onProgress: OnProgress,
  ): Promise<BackupCreateReport> {
    return this.#options.backup(input, originOf(operator), onProgress);
  }

  async recoverConfirm(input: RecoverInput, operator: Operator): Promise<RecoverReport> {
    const numbers = input.numbers.map(({ scope, number }) => {
      return { scopeId: scope, number: BigInt(number) };
    });
    const { authority, takeCheckpoints } = this.#options;
    const { hasCheckpoint, contradiction } = await takeCheckpoints(input.checkpoints);
    const contradicting = contradiction?.sha256;
    const marks = { ...input, numbers, hasCheckpoint, contradicting };
    const report = await authority.confirmRecovery(marks, originOf(operator));
    return {
      auditLoss: contradiction?.error.message ?? null,
      lists: input.lists.length,
      moved: report.moved.map(({ scopeId: scope, from, to }) => {
        return { scope, from: from.toString(), to: to.toString() };
      }),
      missing: report.missing.map(({ scopeId: scope, ...rest }) => ({ scope, ...rest })),
    };
  }

  journal(): Promise<JournalReport> {
    return this.#options.journal();
  }

  check(input: CheckInput, onProgress: OnProgress): Promise<CheckReport> {
    return this.#options.check(input, onProgress);
  }

  async issue(input: IssueInput, operator: Operator): Promise<IssuedReport> {
    const issued = await this.#options.authority.issue({
      profile: 'end-entity',
      csr: decodeRequest(input.request),
      municipality: input.municipality,
      ...(input.partition === undefined ? {} : { partition: input.partition }),
      subjectAttributes: input.attributes,
      origin: originOf(operator),
    });
    const { certificate, scope } = issued;
    return {
      serialNumber: formatSerialNumber(issued.serialNumber),
      subject: formatName(certificate.subject),
      notBefore: formatTime(certificate.notBeforeMs),
      notAfter: formatTime(certificate.notAfterMs),
      partition: scope.id,
      certificate: encodePem('CERTIFICATE', certificate.der),
      sha256Fingerprint: fingerprint(certificate.der),
    };
  }

  async findCertificates(query: CertificateQuery): Promise<readonly CertificateReport[]> {
    return (await this.#find(query)).map(certificateReport);
  }

  async #find(query: CertificateQuery): Promise<readonly RegisteredCertificate[]> {
    const { authority } = this.#options;
    if ('publicKey' in query) {
      return await authority.findByKey(Buffer.from(query.publicKey, 'base64'));
    }
    if ('subscriber' in query) {
      return await authority.findBySubscriber(query.subscriber);
    }
    const serialNumber = parseSerialNumber(query.serialNumber);
    const found = await authority.findCertificate(serialNumber);
    if (found === undefined) {
      const text = formatSerialNumber(serialNumber);
      throw new CaError('CA_SERIAL_UNKNOWN', `this CA has not issued ${text}`);
    }
    return [found];
  }

  async revoke(input: RevokeInput, operator: Operator): Promise<RevokedReport> {
    const receipt: RevocationReceipt = await this.#options.authority.revoke({
      serialNumber: parseSerialNumber(input.serialNumber),
      reason: input.reason,
      origin: originOf(operator),
    });
    return {
      serialNumber: formatSerialNumber(receipt.serialNumber),
      subject: formatName(parseCertificate(receipt.certificate.der).subject),
      reason: receipt.reason,
      revokedAt: formatTime(receipt.revokedMs),
      partition: receipt.scope.id,
      publicationDue: formatTime(receipt.publicationDueMs),
    };
  }

  async publish(
    { scopes }: PublishInput,
    operator: Operator,
    onProgress: OnProgress,
  ): Promise<readonly PublishedReport[]> {
    const { authority, publishLists } = this.#options;
    // Every name is looked up before the first list is made: a wrong one publishes nothing.
    const wanted: readonly Scope[] =
      scopes === 'all' ? authority.scopes.list : scopes.map((id) => authority.scopes.find(id));
    const scopeIds = [...new Set(wanted.map(({ id }) => id))];
    const onPublished = (done: number): void =>
      onProgress({ done, total: scopeIds.length, what: 'lists' });
    // From here on the time is taken.
    onPublished(0);
    const publications = await publishLists({ scopeIds, origin: originOf(operator) }, onPublished);
    return publications.map(publishedReport);
  }

  async ldifImport(
    { source, filesUnder }: LdifInput,
    operator: Operator,
    onProgress: OnProgress,
  ): Promise<{ readonly entries: number }> {
    const entries = await this.#options.directory.importLdif(source, callerOf(operator), {
      ...(await fileValues(filesUnder)),
      onProgress: ({ phase, entries: done, total = 0 }) =>
        onProgress({ done, total, what: phase === 'read' ? 'entries read' : 'entries written' }),
    });
    return { entries };
  }

  async ldifModify(
    { source, filesUnder, isAtomic }: LdifInput & { readonly isAtomic: boolean },
    operator: Operator,
    onProgress: OnProgress,
  ): Promise<LdifModifyReport> {
    const { directory, readControls } = this.#options;
    return await directory.changeByLdif(source, callerOf(operator), {
      isAtomic,
      readControls,
      ...(await fileValues(filesUnder)),
      onProgress: (done) => onProgress({ done, total: 0, what: 'changes' }),
    });
  }

  async *ldifExport(
    { base = '', scope = 'subtree', filter, isUserOnly = false }: LdifExportInput,
    operator: Operator,
  ): AsyncGenerator<string, void, undefined> {
    const parsed = filter === undefined ? {} : { filter: parseFilter(filter) };
    const lines = this.#options.directory.exportLdif(base, { scope, isUserOnly, ...parsed });
    let isRecorded = false;
    for await (const text of lines) {
      // Nothing leaves before it is on record; passwords' hashes are in it.
      if (!isRecorded) {
        await this.#options.record({
          kind: 'directory.export',
          result: 'done',
          origin: originOf(operator),
          subject: base,
          details: { scope, isUserOnly, ...(filter === undefined ? {} : { filter }) },
        });
        isRecorded = true;
      }
      yield text;
    }
  }

  explainAccess(question: AccessQuestion): Promise<AccessExplanation> {
    return this.#options.directory.explainAccess(question);
  }

  async ocspStatus(): Promise<OcspReport> {
    return describeOcsp(this.#options.authority);
  }

  async ocspRenew(operator: Operator): Promise<OcspReport> {
    await this.#options.authority.responder.renew(originOf(operator));
    return describeOcsp(this.#options.authority);
  }

  async operatorList(): Promise<readonly OperatorReport[]> {
    const operators = await this.#operators.list(callerOf(reader));
    const ends = await this.#options.directory.passwordEnds();
    return operators.map((one) => operatorReport(one, ends));
  }

  async operatorPassword(
    { name, password }: { readonly name: string; readonly password: string },
    operator: Operator,
  ): Promise<OperatorReport> {
    const changed = await this.#operators.setPassword(name, password, callerOf(operator));
    return operatorReport(changed, await this.#options.directory.passwordEnds());
  }
}

/** How values in files are read, where they may be. */
async function fileValues(
  folder: string | undefined,
): Promise<{ readonly readUrl?: NonNullable<LdifReading['readUrl']> }> {
  return folder === undefined ? {} : { readUrl: await readFilesUnder(folder) };
}

/** Text with a PEM block is left to the CA; anything else is base64 of the DER. */
function decodeRequest(request: string): Uint8Array | string {
  return request.includes('-----BEGIN') ? request : Buffer.from(request, 'base64');
}

function certificateReport(registered: RegisteredCertificate): CertificateReport {
  const certificate = parseCertificate(registered.der);
  const { status } = registered;
  return {
    serialNumber: formatSerialNumber(registered.serialNumber),
    profile: registered.profile,
    subject: formatName(certificate.subject),
    state: registered.state,
    notBefore: formatTime(certificate.notBeforeMs),
    notAfter: formatTime(certificate.notAfterMs),
    partition: registered.scopeId,
    revokedAt: status === undefined ? null : formatTime(status.sinceMs),
    reason: status === undefined ? null : reasonName(status.reason),
    certificate: encodePem('CERTIFICATE', registered.der),
    sha256Fingerprint: fingerprint(registered.der),
  };
}

function publishedReport(publication: Publication): PublishedReport {
  return {
    scope: publication.scope.id,
    crlNumber: publication.number.toString(),
    thisUpdate: formatTime(publication.thisUpdateMs),
    nextUpdate: formatTime(publication.nextUpdateMs),
    entries: publication.entryCount,
    bytes: publication.byteLength,
    sha256: formatHex(publication.sha256),
  };
}

/**
 * The other end of the control socket: `Operations` carried out by a running server.
 *
 * @module
 */

import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { pipeline, Readable } from 'node:stream';

import { CertdirError } from '../core/errors.ts';
import type { AccessExplanation } from '../directory/access/access-explanation.ts';
import type { ArchivedList, ArchiveStatusReport, DisclosureReport } from './archive-operations.ts';
import { parseFiles, remoteAudit } from './audit-control.ts';
import { remoteCeremonies } from './ceremony-operations.ts';
import { type AnswerLine, CA_HEADER, OPERATOR_HEADER } from './control-protocol.ts';
import { remoteCrl } from './crl-operations.ts';
import { remoteCross } from './cross-operations.ts';
import { remoteCustody } from './custody-operations.ts';
import { HttpError } from './errors.ts';
import { remoteHolds } from './hold-operations.ts';
import { remoteKeys } from './key-operations.ts';
import type { OcspReport } from './ocsp-report.ts';
import type {
  BackupCreateReport,
  CertificateReport,
  CheckReport,
  IssuedReport,
  JournalReport,
  LdifInput,
  LdifModifyReport,
  OnProgress,
  Operations,
  OperatorReport,
  PublishedReport,
  RecoverReport,
  RevokedReport,
  ServiceStatus,
} from './operations.ts';
import { remoteOperators } from './operator-operations.ts';
import { writeRecovery } from './recovery-transfer.ts';
import { remoteRevocations } from './revocation-operations.ts';

/** An error that the server answered with; the code is the server's own. */
class RemoteError extends CertdirError {}

/** True when a server answers on the socket. */
import { remoteVerifiers } from './verifier-operations.ts';

export function isServerAnswering(socketFile: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socketFile);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}

/**
 * The operations of the server behind `socketFile`.
 *
 * @param ca Which CA is meant; may be left out where the server has one.
 */
export function connectControl(
  socketFile: string,
  operatorName: string,
  ca?: string | undefined,
): Operations {
  const to = { socketFile, operatorName, ca };
  const call = async <T>(name: string, body: unknown, onProgress?: OnProgress): Promise<T> => {
    const answer = await send({ ...to, name, body });
    return (await readAnswer(answer, { onProgress })) as T;
  };
  const chunks = (name: string, body: unknown): AsyncIterable<string> =>
    exportChunks({ ...to, name, body });
  return {
    audit: remoteAudit({ call, chunks }),
    archive: {
      list: (query) => call<ArchivedList>('archive-list', query),
      export: (input) => parseFiles(chunks('archive-export', input)),
      status: () => call<ArchiveStatusReport>('archive-status', {}),
      attest: (statement) => call<{ readonly of: string }>('archive-attest', statement),
      disclose: (query) => call<DisclosureReport>('archive-disclose', { query }),
    },
    crl: remoteCrl({ call, chunks }),
    custody: remoteCustody(call),
    ceremonies: remoteCeremonies(call),
    revocations: remoteRevocations({ chunks }),
    cross: remoteCross(call),
    holds: remoteHolds(call),
    verifiers: remoteVerifiers(call),
    operators: remoteOperators(call),
    keys: remoteKeys(call),
    status: () => call<ServiceStatus>('status', {}),
    statuses: () => call<readonly ServiceStatus[]>('statuses', {}),
    check: (input, onProgress) => call<CheckReport>('check', input, onProgress),
    recoverConfirm: (input) =>
      call<RecoverReport>('recover-confirm', Readable.from(writeRecovery(input))),
    journal: () => call<JournalReport>('journal', {}),
    backup: (input, _operator, onProgress) => call<BackupCreateReport>('backup', input, onProgress),
    issue: (input) => call<IssuedReport>('issue', input),
    findCertificates: (query) => call<readonly CertificateReport[]>('find-certificates', { query }),
    revoke: (input) => call<RevokedReport>('revoke', input),
    publish: (input, _operator, onProgress) =>
      call<readonly PublishedReport[]>('publish', input, onProgress),
    ldifImport: async (input, _operator, onProgress) =>
      call<{ readonly entries: number }>('ldif-import', bodyOf(input), onProgress),
    ldifModify: async (input, _operator, onProgress) =>
      call<LdifModifyReport>(
        input.isAtomic ? 'ldif-modify' : 'ldif-modify-each',
        bodyOf(input),
        onProgress,
      ),
    ldifExport: (input) => chunks('ldif-export', input),
    explainAccess: (question) => call<AccessExplanation>('acl-explain', question),
    ocspStatus: () => call<OcspReport>('ocsp-status', {}),
    ocspRenew: () => call<OcspReport>('ocsp-renew', {}),
    operatorList: () => call<readonly OperatorReport[]>('operator-list', {}),
    operatorPassword: (input) => call<OperatorReport>('operator-password', input),
  };
}

/** @throws {HttpError} `HTTP_FILES_REFUSED`: a server reads no files for those who talk to it. */
function bodyOf({ source, filesUnder }: LdifInput): Readable {
  if (filesUnder !== undefined) {
    throw new HttpError(
      'HTTP_FILES_REFUSED',
      'values are read from files only while no server runs on the data folder; stop it, or write them ' +
        'in base64 ("attribute:: …")',
    );
  }
  return Readable.from(source);
}

interface Request {
  readonly socketFile: string;
  readonly operatorName: string;
  readonly ca: string | undefined;
  readonly name: string;
  readonly body: unknown;
}

/** An answer that has begun, and the request that it answers, which may still be under way. */
interface Exchange {
  readonly answer: IncomingMessage;
  readonly request: ClientRequest;
}

function send({ socketFile, operatorName, ca, name, body }: Request): Promise<Exchange> {
  const isStream = body instanceof Readable;
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      {
        socketPath: socketFile,
        path: `/v1/${name}`,
        method: 'POST',
        headers: {
          'content-type': isStream ? 'application/octet-stream' : 'application/json',
          [OPERATOR_HEADER]: encodeURIComponent(operatorName),
          ...(ca === undefined ? {} : { [CA_HEADER]: encodeURIComponent(ca) }),
        },
      },
      (answer) => resolve({ answer, request: outgoing }),
    );
    outgoing.on('error', (cause) => {
      reject(
        new HttpError('HTTP_SERVER_UNREACHABLE', `no server answers on ${socketFile}`, { cause }),
      );
    });
    if (isStream) {
      // A server that refuses a file answers before it has read it; then nothing more is sent.
      pipeline(body, outgoing, () => undefined);
    } else {
      outgoing.end(JSON.stringify(body));
    }
  });
}

async function readAnswer(
  answer: Exchange,
  { onProgress }: { readonly onProgress: OnProgress | undefined },
): Promise<unknown> {
  for await (const line of answerLines(answer)) {
    if (line.kind === 'progress') {
      onProgress?.(line.progress);
    } else if (line.kind === 'result') {
      return line.result;
    }
  }
  throw cutAnswer();
}

async function* exportChunks(request: Request): AsyncIterable<string> {
  for await (const line of answerLines(await send(request))) {
    if (line.kind === 'chunk') {
      yield line.text;
    } else if (line.kind === 'result') {
      return;
    }
  }
  throw cutAnswer();
}

/**
 * The lines of an answer; an error line is thrown as what it says. Whoever has seen enough ends the
 * connection, and with it what is still being sent.
 */
async function* answerLines({ answer, request }: Exchange): AsyncIterable<AnswerLine> {
  try {
    yield* parseLines(answer);
  } catch (error) {
    // A server that is killed resets the connection.
    throw answer.errored === null ? error : cutAnswer(answer.errored);
  } finally {
    // Nothing happens to one that is complete.
    request.destroy();
  }
}

async function* parseLines(answer: IncomingMessage): AsyncIterable<AnswerLine> {
  for await (const text of createInterface({
    input: answer,
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    const line = JSON.parse(text) as AnswerLine;
    if (line.kind === 'error') {
      throw new RemoteError(line.code, line.message);
    }
    yield line;
  }
}

function cutAnswer(cause?: Error): HttpError {
  return new HttpError(
    'HTTP_ANSWER_CUT',
    'the server went away before it had answered; run `certdir status` to see what was done',
    cause === undefined ? {} : { cause },
  );
}

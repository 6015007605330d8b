/**
 * The unix socket in the data folder through which the CLI works while the server runs. Whoever may
 * open the socket is the machine's administrator of this CA: the folder has mode 0700 and the
 * socket 0600. Not here: the remote API for registration offices, which has its own
 * authentication.
 *
 * @module
 */

import { chmod, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';

import type { CopyStatement } from '../audit/keeping-register.ts';
import { isCertdirError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { AccessQuestion } from '../directory/access/access-explanation.ts';
import type { ListQuery } from './archive-operations.ts';
import { auditHandlers } from './audit-control.ts';
import { ceremonyHandlers } from './ceremony-operations.ts';
import { type AnswerLine, CA_HEADER, OPERATOR_HEADER, requestSchemas } from './control-protocol.ts';
import { crlHandlers } from './crl-operations.ts';
import { crossHandlers } from './cross-operations.ts';
import { custodyHandlers } from './custody-operations.ts';
import { HttpError } from './errors.ts';
import { holdHandlers } from './hold-operations.ts';
import { keyHandlers } from './key-operations.ts';
import type {
  BackupInput,
  CertificateQuery,
  CheckInput,
  IssueInput,
  LdifExportInput,
  OnProgress,
  Operations,
  Operator,
  PublishInput,
  RevokeInput,
} from './operations.ts';
import { operatorHandlers } from './operator-operations.ts';
import { readRecovery } from './recovery-transfer.ts';
import { revocationHandlers } from './revocation-operations.ts';
import { verifierHandlers } from './verifier-operations.ts';

export interface ControlServer {
  /** Waits for requests under way, then removes the socket. */
  close(): Promise<void>;
}

/** An operation behind the socket: reads the request, may tell chunks and progress, and answers. */
type Handler = (call: Call) => Promise<unknown>;

interface Call {
  readonly body: unknown;
  readonly operator: Operator;
  /** Which CA the command names. */
  readonly ca: string | undefined;
  readonly onProgress: OnProgress;
  readonly onChunk: (text: string) => Promise<void>;
}

/**
 * Offers `operations` on a unix socket.
 *
 * @throws {HttpError} `HTTP_ADDRESS_IN_USE` when another server answers there.
 */
export async function openControlServer(options: {
  readonly socketFile: string;
  readonly operations: Operations;
  /** Those of the CA that a command names; without it no name is known. */
  readonly operationsOf?: ((ca: string) => Operations) | undefined;
  readonly log: Log;
}): Promise<ControlServer> {
  const { socketFile, log } = options;
  assertPathLength(socketFile);
  await removeStaleSocket(socketFile);
  const server = fastify({
    logger: false,
    bodyLimit: 1024 * 1024,
    // A wrong type or an unknown property is refused, not quietly mended.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  });
  server.addContentTypeParser('application/octet-stream', (_request, payload, done) => {
    done(null, payload);
  });
  const find = handlerFinder(options);
  for (const name of Object.keys(find(undefined))) {
    // A name that there is not is refused like everything else that a command asks for wrongly.
    const handler: Handler = async (call) => await find(call.ca)[name]?.(call);
    route(server, { name, handler, log });
  }
  server.setErrorHandler((error, _request, reply) => {
    const invalid = isValidationError(error);
    const code = invalid ? 'HTTP_REQUEST_INVALID' : 'HTTP_INTERNAL';
    const message = invalid ? error.message : 'the request failed; see the server log';
    const line: AnswerLine = { kind: 'error', code, message };
    void reply
      .status(invalid ? 400 : 500)
      .type('application/x-ndjson')
      .send(`${JSON.stringify(line)}\n`);
  });
  await listen(server, socketFile);
  return {
    close: async () => {
      await server.close();
      await rm(socketFile, { force: true });
    },
  };
}

type Handlers = Readonly<Record<string, Handler>>;

/** Made once for each CA. */
function handlerFinder({
  operations,
  operationsOf,
}: Pick<Parameters<typeof openControlServer>[0], 'operations' | 'operationsOf'>): (
  ca: string | undefined,
) => Handlers {
  const unnamed = handlersOf(operations);
  const known = new Map<string, Handlers>();
  return (ca) => {
    if (ca === undefined) {
      return unnamed;
    }
    const found = known.get(ca);
    if (found !== undefined) {
      return found;
    }
    if (operationsOf === undefined) {
      throw new HttpError('HTTP_REQUEST_INVALID', 'this server knows its CA by no name');
    }
    const handlers = handlersOf(operationsOf(ca));
    known.set(ca, handlers);
    return handlers;
  };
}

/** What fits into `sun_path` of Linux beside its closing zero; a longer path is cut without a word. */
const MAX_SOCKET_PATH_BYTES = 107;

function assertPathLength(socketFile: string): void {
  if (Buffer.byteLength(socketFile) > MAX_SOCKET_PATH_BYTES) {
    throw new HttpError(
      'HTTP_SOCKET_PATH',
      `${socketFile} is longer than ${MAX_SOCKET_PATH_BYTES} bytes, which is all that the system allows` +
        ' for a socket; use a data folder with a shorter path',
    );
  }
}

/** The data folder keeps others out until the socket has its own mode. */
async function listen(server: FastifyInstance, socketFile: string): Promise<void> {
  try {
    await server.listen({ path: socketFile });
    await chmod(socketFile, 0o600);
  } catch (cause) {
    await server.close();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HttpError('HTTP_LISTEN_FAILED', `no control socket at ${socketFile}: ${reason}`, {
      cause,
    });
  }
}

function isValidationError(error: unknown): error is Error {
  return error instanceof Error && 'validation' in error;
}

function handlersOf(operations: Operations): Handlers {
  return {
    ...auditHandlers(operations.audit),
    ...crlHandlers(operations.crl),
    ...custodyHandlers(operations.custody),
    ...ceremonyHandlers(operations.ceremonies),
    ...revocationHandlers(operations.revocations),
    ...crossHandlers(operations.cross),
    ...holdHandlers(operations.holds),
    ...verifierHandlers(operations.verifiers),
    ...operatorHandlers(operations.operators),
    ...keyHandlers(operations.keys),
    status: () => operations.status(),
    statuses: () => operations.statuses(),
    check: ({ body, onProgress }) => operations.check(body as CheckInput, onProgress),
    'recover-confirm': async ({ body, operator }) =>
      operations.recoverConfirm(await readRecovery(streamOf(body)), operator),
    journal: () => operations.journal(),
    backup: ({ body, operator, onProgress }) =>
      operations.backup(body as BackupInput, operator, onProgress),
    issue: ({ body, operator }) => operations.issue(body as IssueInput, operator),
    'archive-list': ({ body }) => operations.archive.list(body as ListQuery),
    'archive-export': async ({ body, operator, onChunk }) => {
      const input = body as { readonly period: string };
      for await (const file of operations.archive.export(input, operator)) {
        await onChunk(JSON.stringify(file));
      }
      return null;
    },
    'archive-status': () => operations.archive.status(),
    'archive-attest': ({ body, operator }) =>
      operations.archive.attest(body as CopyStatement, operator),
    'archive-disclose': ({ body, operator }) =>
      operations.archive.disclose((body as { readonly query: CertificateQuery }).query, operator),
    'find-certificates': ({ body }) =>
      operations.findCertificates((body as { readonly query: CertificateQuery }).query),
    revoke: ({ body, operator }) => operations.revoke(body as RevokeInput, operator),
    publish: ({ body, operator, onProgress }) =>
      operations.publish(body as PublishInput, operator, onProgress),
    'ldif-import': ({ body, operator, onProgress }) =>
      operations.ldifImport({ source: streamOf(body) }, operator, onProgress),
    'ldif-modify': ({ body, operator, onProgress }) =>
      operations.ldifModify({ source: streamOf(body), isAtomic: true }, operator, onProgress),
    'ldif-modify-each': ({ body, operator, onProgress }) =>
      operations.ldifModify({ source: streamOf(body), isAtomic: false }, operator, onProgress),
    'ldif-export': async ({ body, operator, onChunk }) => {
      for await (const text of operations.ldifExport(body as LdifExportInput, operator)) {
        await onChunk(text);
      }
      return null;
    },
    'acl-explain': ({ body }) => operations.explainAccess(body as AccessQuestion),
    'ocsp-status': () => operations.ocspStatus(),
    'ocsp-renew': ({ operator }) => operations.ocspRenew(operator),
    'operator-list': () => operations.operatorList(),
    'operator-password': ({ body, operator }) =>
      operations.operatorPassword(
        body as { readonly name: string; readonly password: string },
        operator,
      ),
  };
}

/** The body of a request that carries a file. */
function streamOf(body: unknown): AsyncIterable<Uint8Array> {
  return body as AsyncIterable<Uint8Array>;
}

function route(
  server: FastifyInstance,
  { name, handler, log }: { readonly name: string; readonly handler: Handler; readonly log: Log },
): void {
  const schema = requestSchemas[name];
  server.route({
    method: 'POST',
    url: `/v1/${name}`,
    ...(schema === undefined ? {} : { schema: { body: schema } }),
    handler: async (request, reply) => {
      await answer(request, reply, (call) => runLogged(handler, call, { name, log }));
    },
  });
}

async function runLogged(
  handler: Handler,
  call: Call,
  { name, log }: { readonly name: string; readonly log: Log },
): Promise<AnswerLine> {
  try {
    return { kind: 'result', result: await handler(call) };
  } catch (error) {
    if (isCertdirError(error)) {
      log.info('operation refused', { operation: name, code: error.code });
      return { kind: 'error', code: error.code, message: error.message };
    }
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    log.error('operation failed', { operation: name, detail });
    const message = `${name} failed inside the server; its log has the details`;
    return { kind: 'error', code: 'HTTP_INTERNAL', message };
  }
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  run: (call: Call) => Promise<AnswerLine>,
): Promise<void> {
  reply.hijack();
  const stream = reply.raw;
  stream.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
  const write = async (line: AnswerLine): Promise<void> => {
    if (stream.destroyed) {
      throw new HttpError('HTTP_ANSWER_CUT', 'the command went away before its answer was sent');
    }
    if (!stream.write(`${JSON.stringify(line)}\n`)) {
      const drained = new Promise<void>((resolve) => stream.once('drain', () => resolve()));
      await Promise.race([drained, closed]);
    }
  };
  const last = await run({
    body: request.body,
    operator: { name: headerOf(request, OPERATOR_HEADER) ?? 'unknown' },
    ca: headerOf(request, CA_HEADER),
    // Progress is advice: a client that reads slowly loses lines, not the operation.
    onProgress: (progress) => {
      if (!stream.writableNeedDrain && !stream.destroyed) {
        stream.write(`${JSON.stringify({ kind: 'progress', progress })}\n`);
      }
    },
    onChunk: (text) => write({ kind: 'chunk', text }),
  });
  stream.end(`${JSON.stringify(last)}\n`);
}

function headerOf(request: FastifyRequest, header: string): string | undefined {
  const text = request.headers[header];
  try {
    return typeof text === 'string' ? decodeURIComponent(text).slice(0, 256) : undefined;
  } catch {
    return undefined;
  }
}

/** A socket file that nobody answers on is left from a server that was killed. */
async function removeStaleSocket(socketFile: string): Promise<void> {
  const isAnswered = await new Promise<boolean>((resolve) => {
    const probe = connect(socketFile);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (isAnswered) {
    throw new HttpError(
      'HTTP_ADDRESS_IN_USE',
      `another certdir serves this data folder (${socketFile} answers); stop it first`,
    );
  }
  await rm(socketFile, { force: true });
}

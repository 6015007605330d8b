/**
 * `AuditOperations` over the control socket: both ends of it, and the shapes of the requests.
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

import type {
  AuditFile,
  AuditMarksReport,
  AuditOperations,
  AuditorCredentials,
  AuditProofReport,
  AuditQuery,
  AuditRecordReport,
  AuditVerificationReport,
  CheckpointReport,
  ExportedInput,
  KeyRotationInput,
  KeyRotationReport,
} from './audit-operations.ts';
import type { Operator } from './operator.ts';
import type { ProvisionReport } from './provision-report.ts';
import { listOf, objectOf, textSchema } from './request-schema.ts';

const auditor = objectOf({ dn: textSchema, password: textSchema });

export const auditSchemas: Readonly<Record<string, Record<string, unknown>>> = {
  'audit-list': objectOf(
    {
      kind: textSchema,
      result: { enum: ['done', 'refused', 'failed'] },
      subject: textSchema,
      actor: textSchema,
      from: textSchema,
      until: textSchema,
      limit: { type: 'integer', minimum: 1, maximum: 10_000 },
    },
    ['kind', 'result', 'subject', 'actor', 'from', 'until'],
  ),
  'audit-prove': objectOf({ sequence: textSchema }),
  'audit-verify': objectOf({ checkpoints: listOf(textSchema, 1_000) }),
  'audit-checkpoint': objectOf({}),
  'audit-accept-loss': auditor,
  'audit-rotate-key': objectOf({ destroysOld: { type: 'boolean' }, auditor }),
  'audit-review': objectOf(
    { upTo: textSchema, note: { type: 'string', maxLength: 4_096 }, auditor },
    ['upTo'],
  ),
  'audit-export': objectOf({ since: textSchema }),
  'audit-exported': objectOf({ size: textSchema, rootHash: textSchema, place: textSchema }),
  'audit-prune': objectOf({ auditor }),
  'audit-provisions': objectOf({ period: textSchema }),
};

/** What a request brings, as far as these operations look at it. */
interface Request {
  readonly body: unknown;
  readonly operator: Operator;
  readonly onChunk: (text: string) => Promise<void>;
}

/** Many records are sent in pieces, between which the server does other things. */
const RECORDS_PER_CHUNK = 250;

/** The server's end. */
export function auditHandlers(
  operations: AuditOperations,
): Readonly<Record<string, (request: Request) => Promise<unknown>>> {
  return {
    'audit-list': async ({ body, onChunk }) => {
      const records = await operations.list(body as AuditQuery);
      for (let at = 0; at < records.length; at += RECORDS_PER_CHUNK) {
        await onChunk(JSON.stringify(records.slice(at, at + RECORDS_PER_CHUNK)));
        await nextTurn();
      }
      return null;
    },
    'audit-prove': ({ body }) => operations.prove(body as { readonly sequence: string }),
    'audit-verify': ({ body }) =>
      operations.verify(body as { readonly checkpoints: readonly string[] }),
    'audit-checkpoint': () => operations.checkpoint(),
    'audit-accept-loss': ({ body }) => operations.acceptLoss(body as AuditorCredentials),
    'audit-rotate-key': ({ body }) => operations.rotateKey(body as KeyRotationInput),
    'audit-review': ({ body }) =>
      operations.review(body as Parameters<AuditOperations['review']>[0]),
    'audit-export': async ({ body, onChunk }) => {
      for await (const file of operations.export(body as { readonly since: string })) {
        await onChunk(JSON.stringify(file));
      }
      return null;
    },
    'audit-exported': ({ body, operator }) => operations.exported(body as ExportedInput, operator),
    'audit-provisions': ({ body }) => operations.provisions(body as { readonly period: string }),
    'audit-prune': ({ body }) => operations.prune(body as { readonly auditor: AuditorCredentials }),
  };
}

/** How the client's end reaches the server. */
export interface AuditCalls {
  call<T>(name: string, body: unknown): Promise<T>;
  chunks(name: string, body: unknown): AsyncIterable<string>;
}

/** The client's end. */
export function remoteAudit({ call, chunks }: AuditCalls): AuditOperations {
  return {
    list: (query) => gatherRecords(chunks('audit-list', query)),
    prove: (input) => call<AuditProofReport>('audit-prove', input),
    verify: (input) => call<AuditVerificationReport>('audit-verify', input),
    checkpoint: () => call<CheckpointReport>('audit-checkpoint', {}),
    acceptLoss: (input) => call<CheckpointReport>('audit-accept-loss', input),
    rotateKey: (input) => call<KeyRotationReport>('audit-rotate-key', input),
    review: (input) => call<AuditMarksReport>('audit-review', input),
    export: (input) => parseFiles(chunks('audit-export', input)),
    exported: (input) => call<AuditMarksReport>('audit-exported', input),
    provisions: (input) => call<ProvisionReport>('audit-provisions', input),
    prune: (input) => call<AuditMarksReport>('audit-prune', input),
  };
}

async function gatherRecords(pieces: AsyncIterable<string>): Promise<readonly AuditRecordReport[]> {
  const records: AuditRecordReport[] = [];
  for await (const piece of pieces) {
    records.push(...(JSON.parse(piece) as readonly AuditRecordReport[]));
  }
  return records;
}

/** Files as they come over the socket, one a line. */
export async function* parseFiles(lines: AsyncIterable<string>): AsyncGenerator<AuditFile> {
  for await (const line of lines) {
    yield JSON.parse(line) as AuditFile;
  }
}

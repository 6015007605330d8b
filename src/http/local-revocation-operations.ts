/**
 * Revoking many certificates from a file, on the CA of this process.
 *
 * @module
 */

import type { AuditEvent, AuditOrigin } from '../audit/audit-log.ts';
import type { CertificateAuthority } from '../ca/certificate-authority.ts';
import {
  type BulkStep,
  type BulkTally,
  nothingRevoked,
  revokeInGroups,
} from '../ca/certificates/bulk-revocation.ts';
import { findReason } from '../ca/certificates/certificate-state.ts';
import { HttpError } from './errors.ts';
import { type Operator, originOf } from './operator.ts';
import { type LineFault, readRevocationLines } from './revocation-lines.ts';
import type {
  RevocationOperations,
  RevokeManyEvent,
  RevokeManyInput,
  RevokeManyTally,
} from './revocation-operations.ts';

/** Lines at fault among those of one group: of a file that is something else there would be no end. */
const MAX_UNREAD = 1_000;

export interface LocalRevocationOptions {
  readonly authority: Pick<CertificateAuthority, 'policy' | 'revokeGroup' | 'announceGroups'>;
  /** Puts on record that a run has begun or ended. */
  readonly record: (event: AuditEvent) => Promise<void>;
}

export class LocalRevocations implements RevocationOperations {
  readonly #options: LocalRevocationOptions;

  constructor(options: LocalRevocationOptions) {
    this.#options = options;
  }

  async *revokeMany(
    input: RevokeManyInput,
    operator: Operator,
  ): AsyncGenerator<RevokeManyEvent, void, undefined> {
    const { authority } = this.#options;
    const origin = originOf(operator);
    const { reasons } = authority.policy.revocation;
    const findOne = (text: string): (typeof reasons)[number] => findReason(text, reasons);
    const reason = input.reason === undefined ? undefined : findOne(input.reason);
    const unread: LineFault[] = [];
    let faults = 0;
    const lines = readRevocationLines(input.source, {
      ...{ reason, findReason: findOne },
      onFault: async (fault) => {
        unread.push(fault);
        if (unread.length > MAX_UNREAD) {
          throw new HttpError(
            'HTTP_REQUEST_INVALID',
            `line ${fault.line}: more than ${MAX_UNREAD} lines that cannot be read, the last one because: ${fault.message}; ` +
              'is this the right file? What was revoked before stays so',
          );
        }
      },
    });
    let tally = nothingRevoked;
    const isRead = { fully: false };
    const orders = read(lines.orders, isRead);
    try {
      const run = revokeInGroups({ orders, origin }, (group) => authority.revokeGroup(group));
      for await (const step of run) {
        tally = step.tally;
        const told = [...unread.splice(0), ...step.refused.map(faultOf)];
        faults += told.length;
        for (const fault of told) {
          yield { kind: 'fault', ...fault };
        }
        yield { kind: 'progress', ...reportOf(tally, faults) };
      }
      const last = unread.splice(0);
      faults += last.length;
      for (const fault of last) {
        yield { kind: 'fault', ...fault };
      }
    } finally {
      // Also of a run that was broken off: what it has revoked stays.
      authority.announceGroups();
      const request = isRead.fully ? lines.digest() : undefined;
      await this.#recordRun(origin, { tally: reportOf(tally, faults), request });
    }
    yield { kind: 'end', ...reportOf(tally, faults) };
  }

  async #recordRun(
    origin: AuditOrigin,
    { tally, request }: { readonly tally: RevokeManyTally; readonly request: string | undefined },
  ): Promise<void> {
    await this.#options.record({
      kind: 'certificate.revoke-many',
      result: request === undefined ? 'failed' : 'done',
      origin,
      subject: 'a file of certificates',
      ...(request === undefined ? {} : { request }),
      details: { ...tally },
    });
  }
}

async function* read<T>(
  items: AsyncIterable<T>,
  isRead: { fully: boolean },
): AsyncGenerator<T, void, undefined> {
  yield* items;
  isRead.fully = true;
}

function faultOf({ order, error }: BulkStep['refused'][number]): LineFault {
  return { line: order.line ?? 0, code: error.code, message: error.message };
}

function reportOf(
  { read: named, revoked, alreadyRevoked, refused }: BulkTally,
  faults: number,
): RevokeManyTally {
  // Lines that could not be read were in no group.
  return { read: named + faults - refused, revoked, alreadyRevoked, faults };
}

/**
 * Who has an operation carried out, at this machine or over the API.
 *
 * @module
 */

import type { AuditOrigin } from '../audit/audit-log.ts';
import type { Caller } from '../directory/service.ts';

/** A person as the audit log shall name them. */
export interface Operator {
  readonly name: string;
  /** Who came over the API: where from, and as whom the directory's rules apply. Nobody is bound by them at this machine. */
  readonly remote?: { readonly origin: AuditOrigin; readonly caller: Caller };
}

export function originOf({ name, remote }: Operator): AuditOrigin {
  return remote?.origin ?? { channel: 'cli', actor: name };
}

export function callerOf({ name, remote }: Operator): Caller {
  return (
    remote?.caller ?? {
      principal: { kind: 'system', name },
      session: { isProtected: true, address: '', channel: 'cli' },
    }
  );
}

/**
 * That a token could not be opened is on record: a wrong passphrase or PIN is a refused try at the CA's key.
 *
 * What was opened is recorded by who opens it (`server.ts`); an HSM that is away is not refused, it is waited for.
 *
 * @module
 */

import { formatError, isCertdirError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { InstanceParts } from './ca-instance.ts';

/** The fault that follows matters more than a record that could not be made, which goes to the log. */
export async function recordRefusedToken(
  { store, audit, shared }: Pick<InstanceParts, 'store' | 'audit' | 'shared'>,
  fault: { readonly name: string; readonly error: unknown; readonly log: Log },
): Promise<void> {
  const { name, error, log } = fault;
  if (!store.isWritable) {
    return;
  }
  try {
    await store.transact('app: token not opened', (transaction) =>
      audit.append(transaction, {
        kind: 'key.activate',
        result: 'failed',
        origin: { channel: 'system', actor: 'certdir' },
        subject: shared.id,
        details: { token: name, code: isCertdirError(error) ? error.code : 'UNEXPECTED' },
      }),
    );
  } catch (second) {
    log.error('that the token was not opened is not on record', { error: formatError(second) });
  }
}

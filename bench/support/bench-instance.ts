/**
 * A gunma CA made in a temporary folder by the program's own `init`, and opened as `serve` opens it: software
 * token in a signer process, LevelDB store, directory, audit log.
 *
 * @module
 */

import type { CaInstance } from '../../src/app/ca-instance.ts';
import { openInstance } from '../../src/app/instance.ts';
import type { AuditOrigin } from '../../src/audit/audit-log.ts';
import type { IssueRequest } from '../../src/ca/certificates/issue-request.ts';
import { ClosingStack } from '../../src/core/closing-stack.ts';
import { silentLog } from '../../src/core/log.ts';
import { initialise } from '../../src/setup/initialise.ts';
import { sampleKey, sampleRequest } from '../../test/support/x509-samples.ts';

export const benchOrigin: AuditOrigin = { channel: 'cli', actor: 'bench' };

/** The municipality of certificates, where it does not matter. */
export const MUNICIPALITY = '10201';

/** Makes the data folder. */
export async function makeBenchFolder(folder: string): Promise<void> {
  await initialise({
    folder,
    preset: 'gunma',
    address: '127.0.0.1',
    ldapPort: 0,
    ldapsPort: 0,
    httpPort: 0,
    passphraseFile: undefined,
    allowClearPasswords: false,
    operator: { name: 'bench' },
    onProgress: () => undefined,
  });
}

/** Opens the data folder for `work`, and closes it. */
export async function withInstance<T>(
  folder: string,
  work: (instance: CaInstance) => Promise<T>,
): Promise<T> {
  const closing = new ClosingStack();
  try {
    const { cas } = await openInstance({ folder, log: silentLog }, closing);
    return await work(cas[0]);
  } finally {
    await closing.close();
  }
}

/** Counted from the process's id, so that persons of two processes on one CA are not the same. */
let lastPerson = process.pid * 100_000;

/** Requests of persons that nobody else is, each with an EC P-256 key of its own. */
export function makeRequests(
  count: number,
  municipality: string = MUNICIPALITY,
): readonly (IssueRequest & { readonly csr: Uint8Array })[] {
  return Array.from({ length: count }, () => {
    lastPerson += 1;
    return {
      profile: 'end-entity',
      csr: sampleRequest(sampleKey('p256', `person ${lastPerson}`)),
      municipality,
      subjectAttributes: {
        commonName: '見本　花子',
        gender: '2',
        dateOfBirth: '1990-04-01',
        address: `群馬県前橋市大手町${fullWidth(lastPerson)}番地`,
      },
      origin: benchOrigin,
    };
  });
}

function fullWidth(value: number): string {
  return String(value).replaceAll(/[0-9]/g, (digit) =>
    String.fromCodePoint(0xff10 + Number(digit)),
  );
}

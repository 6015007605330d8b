/**
 * Makes the CA of a fresh data folder.
 *
 * @module
 */

import { CertificateAuthority } from '../ca/certificate-authority.ts';
import { managingRoles } from '../ca/policy/people-faults.ts';
import { encodeUtf8 } from '../core/bytes.ts';
import { SystemClock } from '../core/clock.ts';
import { ClosingStack } from '../core/closing-stack.ts';
import { openLog } from '../core/log.ts';
import type { AttributeValues } from '../directory/service.ts';
import type { OnProgress, Operator } from '../http/operations.ts';
import { formatFingerprint } from '../http/repository-page.ts';
import type { CaInstance } from './ca-instance.ts';
import { openParts, partsOfCa } from './instance.ts';

export interface CreatedInstance {
  readonly caName: string;
  readonly caDn: string;
  readonly sha256Fingerprint: string;
  readonly administratorDn: string;
  /** The audit log's verifier key and its first checkpoint, to be kept outside. */
  readonly auditKey: string;
  readonly checkpoint: string;
}

/**
 * Makes the CA of a fresh data folder: its key, its self-signed certificate, the directory's base
 * tree, the first lists and the administrator's entry.
 */
export async function createInstance(options: {
  readonly folder: string;
  readonly administratorPassword: string;
  readonly operator: Operator;
  readonly onProgress: OnProgress;
}): Promise<CreatedInstance> {
  const closing = new ClosingStack();
  const log = openLog(new SystemClock(), { level: 'warn', format: 'text' });
  try {
    const parts = await openParts({ folder: options.folder, log }, { closing, isNew: true });
    return await createAuthority(partsOfCa(parts, parts.policies[0]), options);
  } finally {
    await closing.close();
  }
}

async function createAuthority(
  parts: Omit<CaInstance, 'authority'>,
  options: {
    readonly administratorPassword: string;
    readonly operator: Operator;
    readonly onProgress: OnProgress;
  },
): Promise<CreatedInstance> {
  const { policy, directory } = parts;
  const authority = await CertificateAuthority.create(parts, {
    origin: { channel: 'cli', actor: options.operator.name },
    onPublished: ({ done, total }) => options.onProgress({ done, total, what: 'first lists' }),
  });
  const administratorDn = `cn=administrator,${policy.directory.operators}`;
  const text = (description: string, ...values: readonly string[]): AttributeValues => ({
    description,
    values: values.map(encodeUtf8),
  });
  await directory.add(
    {
      dn: administratorDn,
      attributes: [
        text('objectClass', 'applicationProcess', 'certdirOperator'),
        text('cn', 'administrator'),
        text('certdirOperatorRole', ...managingRoles(policy.access)),
        text('userPassword', options.administratorPassword),
      ],
    },
    {
      principal: { kind: 'system', name: options.operator.name },
      session: { isProtected: true, address: '', channel: 'cli' },
    },
  );
  await authority.close();
  const { note } = await parts.auditing.checkpointer.sign();
  return {
    caName: policy.title.en,
    caDn: policy.names.issuer,
    sha256Fingerprint: formatFingerprint('sha256', authority.certificate.der),
    administratorDn,
    auditKey: parts.auditing.trail.key,
    checkpoint: note,
  };
}

/**
 * Makes the CAs of a fresh data folder, and another one in a folder that has some.
 *
 * @module
 */

import { CertificateAuthority } from '../ca/certificate-authority.ts';
import { firstOperatorRoles } from '../ca/policy/people-faults.ts';
import { encodeUtf8 } from '../core/bytes.ts';
import { SystemClock } from '../core/clock.ts';
import { ClosingStack } from '../core/closing-stack.ts';
import { isCertdirError } from '../core/errors.ts';
import { openLog } from '../core/log.ts';
import type { AttributeValues } from '../directory/service.ts';
import type { OnProgress, Operator } from '../http/operations.ts';
import { formatFingerprint } from '../http/repository-page.ts';
import type { CaInstance, InstanceParts } from './ca-instance.ts';
import { type OpenOptions, openParts, partsOfCa } from './instance.ts';

/** A CA that was made. */
export interface CreatedCa {
  /** Of its policy. */
  readonly id: string;
  readonly caName: string;
  readonly caDn: string;
  readonly sha256Fingerprint: string;
  readonly administratorDn: string;
}

/** The first CA, and what all share. */
export interface CreatedInstance extends CreatedCa {
  /** All of them. */
  readonly cas: readonly CreatedCa[];
  /** The audit log's verifier key and its first checkpoint, to be kept outside. */
  readonly auditKey: string;
  readonly checkpoint: string;
}

export interface CreationOptions {
  readonly folder: string;
  /** Of the first account of each CA, by the policy's id. */
  readonly administratorPasswords: ReadonlyMap<string, string>;
  readonly operator: Operator;
  readonly onProgress: OnProgress;
}

/**
 * Makes the CAs of a fresh data folder: their keys, their self-signed certificates, the directory's base
 * trees, the first lists and the administrators' entries.
 */
export async function createInstance(options: CreationOptions): Promise<CreatedInstance> {
  const closing = new ClosingStack();
  const log = openLog(new SystemClock(), { level: 'warn', format: 'text' });
  try {
    const parts = await openParts({ folder: options.folder, log }, { closing, isNew: true });
    const [policy, ...others] = parts.policies;
    const first = await createAuthority(partsOfCa(parts, policy), options);
    const cas = [first];
    for (const other of others) {
      cas.push(await createAuthority(partsOfCa(parts, other), options));
    }
    const { note: checkpoint } = await parts.auditing.checkpointer.sign();
    return { ...first, cas, auditKey: parts.auditing.trail.key, checkpoint };
  } finally {
    await closing.close();
  }
}

/**
 * Makes the CA of a policy beside those that there are. What an interrupted run has made is taken up.
 *
 * @param policyFile Of the new CA; the configuration does not name it yet.
 */
export async function createNeighbour(
  policyFile: string,
  options: CreationOptions & Pick<OpenOptions, 'log' | 'askPassphrase'>,
): Promise<CreatedCa> {
  const closing = new ClosingStack();
  try {
    const opening = { ...options, addedPolicy: policyFile };
    const parts = await openParts(opening, { closing, isNew: false });
    const policy = parts.policies.at(-1) ?? parts.policies[0];
    const created = await createAuthority(partsOfCa(parts, policy), options);
    await parts.auditing.checkpointer.sign();
    return created;
  } finally {
    await closing.close();
  }
}

async function addUnlessThere(
  directory: Pick<InstanceParts['directory'], 'add'>,
  ...[request, caller]: Parameters<InstanceParts['directory']['add']>
): Promise<void> {
  try {
    await directory.add(request, caller);
  } catch (error) {
    if (!isCertdirError(error) || error.code !== 'DIRECTORY_ENTRY_EXISTS') {
      throw error;
    }
  }
}

/** One that is there was made by a run that did not come to its end; `init` begins with an empty store. */
async function madeOrTakenUp(
  parts: Omit<CaInstance, 'authority'>,
  creation: Parameters<typeof CertificateAuthority.create>[1],
): Promise<CertificateAuthority> {
  try {
    return await CertificateAuthority.create(parts, creation);
  } catch (error) {
    if (!isCertdirError(error) || error.code !== 'CA_EXISTS') {
      throw error;
    }
  }
  const authority = await CertificateAuthority.open(parts);
  await authority.publishAll(creation.origin, creation.onPublished);
  return authority;
}

async function createAuthority(
  parts: Omit<CaInstance, 'authority'>,
  options: Omit<CreationOptions, 'folder'>,
): Promise<CreatedCa> {
  const { policy, directory } = parts;
  const authority = await madeOrTakenUp(parts, {
    origin: { channel: 'cli', actor: options.operator.name },
    onPublished: ({ done, total }) => options.onProgress({ done, total, what: 'first lists' }),
  });
  const administratorDn = `cn=administrator,${policy.directory.operators}`;
  const text = (description: string, ...values: readonly string[]): AttributeValues => ({
    description,
    values: values.map(encodeUtf8),
  });
  await addUnlessThere(
    directory,
    {
      dn: administratorDn,
      attributes: [
        text('objectClass', 'applicationProcess', 'certdirOperator'),
        text('cn', 'administrator'),
        text('certdirOperatorRole', ...firstOperatorRoles(policy)),
        text('userPassword', options.administratorPasswords.get(policy.id) ?? ''),
      ],
    },
    {
      principal: { kind: 'system', name: options.operator.name },
      session: { isProtected: true, address: '', channel: 'cli' },
    },
  );
  await authority.close();
  return {
    id: policy.id,
    caName: policy.title.en,
    caDn: policy.names.issuer,
    sha256Fingerprint: formatFingerprint('sha256', authority.certificate.der),
    administratorDn,
  };
}

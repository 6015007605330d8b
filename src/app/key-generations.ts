/**
 * The generations of the CA's key on an instance: how they stand, their renewal where the token has no custodians, and
 * what the server does about them by itself.
 *
 * Not here: the ceremony of a renewal (`ceremonies.ts`).
 *
 * @module
 */

import { setImmediate as nextTurn } from 'node:timers/promises';

import type { AuditOrigin } from '../audit/audit-log.ts';
import type { CertificateAuthority } from '../ca/certificate-authority.ts';
import { formatSerialNumber } from '../ca/certificates/serial-number.ts';
import { CaError } from '../ca/errors.ts';
import type { KeyGeneration } from '../ca/records/authority-record.ts';
import { asBuffer } from '../core/bytes.ts';
import { formatError } from '../core/errors.ts';
import type {
  GenerationReport,
  KeyOperations,
  KeysReport,
  LinkReport,
  MadeKeyReport,
  MakeKeyInput,
} from '../http/key-operations.ts';
import type { PublishLists } from '../http/local-operations.ts';
import type { Operator } from '../http/operator.ts';
import { formatTime } from '../http/report-time.ts';
import type { Job } from '../scheduler/job.ts';
import { SigningError } from '../signing/errors.ts';
import { formatAlgorithm, isPurposeList, namedKeyTypes } from '../signing/key-rules.ts';
import { parseSubjectPublicKeyInfo } from '../x509/algorithms.ts';
import { parseCertificate } from '../x509/certificate.ts';
import type { CaInstance } from './ca-instance.ts';
import { sha256 } from './ceremony-evidence.ts';
import { scheduleOrigin } from './publication-job.ts';

type Surroundings = Pick<
  CaInstance,
  'authority' | 'clock' | 'policy' | 'log' | 'configuration' | 'signer' | 'store' | 'audit'
> & {
  readonly publishLists: PublishLists;
};

const DAY_MS = 86_400_000;
/** Certificates looked at between two turns of other work. */
const LOOKS_PER_TURN = 64;

export class LocalKeys implements KeyOperations {
  readonly #parts: Surroundings;

  constructor(parts: Surroundings) {
    this.#parts = parts;
  }

  async list(): Promise<KeysReport> {
    const { authority } = this.#parts;
    const counts = await countCertificates(authority);
    const { generations } = authority.authorities.record;
    const { dueMs, warning } = authority.renewal;
    return {
      generations: generations.map((one) => describeGeneration(authority, one, counts)),
      renewalDue: formatTime(dueMs),
      renewalWarning: warning ?? null,
    };
  }

  /** A key that could not be put on record is not left in the token. */
  async make({ label, type, purposes }: MakeKeyInput, operator: Operator): Promise<MadeKeyReport> {
    const { signer, store, audit } = this.#parts;
    if (!isPurposeList(purposes)) {
      throw new SigningError('SIGNING_KEY_REFUSED', 'these are no purposes of a key');
    }
    const key = await signer.generate({ label, type: namedKeyTypes[type], purposes });
    try {
      await store.transact('app: key made', (transaction) =>
        audit.append(transaction, {
          kind: 'key.generate',
          result: 'done',
          origin: { channel: 'cli', actor: operator.name },
          subject: label,
          after: sha256(key.spki),
          details: { type, purposes: purposes.join(' ') },
        }),
      );
    } catch (error) {
      await signer.destroy(label);
      throw error;
    }
    return { label, type, purposes, spki: asBuffer(key.spki).toString('base64') };
  }

  async renew({ isEarly }: { readonly isEarly: boolean }, operator: Operator): Promise<KeysReport> {
    const { authority, configuration } = this.#parts;
    const { renewal } = authority;
    if (configuration.token.custodiansFile !== undefined) {
      throw new SigningError(
        'SIGNING_CEREMONY_REFUSED',
        'the token has custodians: certdir ceremony start renewal',
      );
    }
    if (!isEarly && renewal.warning === undefined && renewal.prepared === undefined) {
      throw new CaError(
        'CA_RENEWAL_EARLY',
        `the key is to be renewed by ${formatTime(renewal.dueMs)}; --early renews it now`,
      );
    }
    const origin: AuditOrigin = { channel: 'cli', actor: operator.name };
    await renewal.prepare(origin);
    await renewal.switchOver(origin);
    await this.#follow(origin);
    return await this.list();
  }

  /** What is not done now the schedule does: the key has been renewed, and must not be renewed once more. */
  async #follow(origin: AuditOrigin): Promise<void> {
    const { authority, publishLists, policy, log } = this.#parts;
    const scopeIds = authority.scopes.list.map(({ id }) => id);
    const following = [
      publishLists({ scopeIds, origin }, () => undefined),
      ...(policy.ocsp === undefined || policy.ocsp.access === 'off'
        ? []
        : [authority.responder.renewDue(origin)]),
    ];
    for (const result of await Promise.allSettled<unknown>(following)) {
      if (result.status === 'rejected') {
        const error = formatError(result.reason);
        log.error('the key is renewed; lists or responder follow by the schedule', { error });
      }
    }
  }
}

interface Counts {
  issued: number;
  valid: number;
  lastEndMs: number;
}

/** What each generation has issued to others, from one look at the register. */
async function countCertificates(
  authority: CertificateAuthority,
): Promise<ReadonlyMap<number, Counts>> {
  const counts = new Map<number, Counts>();
  let untilTurn = LOOKS_PER_TURN;
  for await (const one of authority.listCertificates()) {
    const kind = authority.policy.profiles[one.profile]?.kind;
    if (kind !== 'self-signed' && kind !== 'link') {
      const known = counts.get(one.generation) ?? { issued: 0, valid: 0, lastEndMs: 0 };
      known.issued += 1;
      known.valid += one.state === 'good' ? 1 : 0;
      known.lastEndMs = Math.max(known.lastEndMs, one.notAfterMs);
      counts.set(one.generation, known);
    }
    untilTurn -= 1;
    if (untilTurn === 0) {
      untilTurn = LOOKS_PER_TURN;
      await nextTurn();
    }
  }
  return counts;
}

function describeGeneration(
  { authorities }: CertificateAuthority,
  generation: KeyGeneration,
  counts: ReadonlyMap<number, Counts>,
): GenerationReport {
  const { number, state, stateSinceMs, keyLabel, createdMs } = generation;
  const { certificate, algorithm } = authorities.of(number);
  const { issued, valid, lastEndMs } = counts.get(number) ?? { issued: 0, valid: 0, lastEndMs: 0 };
  return {
    ...{ generation: number, state, keyLabel },
    since: formatTime(stateSinceMs),
    key: `${describePublicKey(certificate.spki)} (${formatAlgorithm(algorithm)})`,
    created: formatTime(createdMs),
    serialNumber: formatSerialNumber(certificate.serialNumber),
    notBefore: formatTime(certificate.notBeforeMs),
    notAfter: formatTime(certificate.notAfterMs),
    sha256: sha256(certificate.der),
    publicKeySha256: sha256(certificate.spki),
    links: linksOf(generation),
    certificates: { issued, valid, lastEnd: lastEndMs === 0 ? null : formatTime(lastEndMs) },
  };
}

function describePublicKey(spki: Uint8Array): string {
  const key = parseSubjectPublicKeyInfo(spki);
  switch (key.kind) {
    case 'rsa':
      return `RSA-${key.modulus.toString(2).length}`;
    case 'ec':
      return `EC ${key.curve}`;
    case 'other':
      return key.oid;
  }
}

/** The links between a generation and the one before. */
export function linksOf({ links }: KeyGeneration): readonly LinkReport[] {
  if (links === undefined) {
    return [];
  }
  return [['OldWithNew', links.oldWithNew] as const, ['NewWithOld', links.newWithOld] as const].map(
    ([kind, der]) => {
      const { serialNumber, notBeforeMs, notAfterMs } = parseCertificate(der);
      return {
        kind,
        serialNumber: formatSerialNumber(serialNumber),
        notBefore: formatTime(notBeforeMs),
        notAfter: formatTime(notAfterMs),
        sha256: sha256(der),
      };
    },
  );
}

/** The jobs about keys: retiring what is over, and a word in the log when a renewal is near. */
export function keyJobs({
  authority,
  clock,
  log,
}: Pick<CaInstance, 'authority' | 'clock' | 'log'>): readonly Job[] {
  let nextWordMs = 0;
  return [
    {
      name: 'retire keys',
      nextDueMs: async () => authority.retirement.dueMs,
      run: () => authority.retirement.run(scheduleOrigin),
    },
    {
      name: 'key renewal',
      nextDueMs: async () => nextWordMs,
      run: async () => {
        const { warning, dueMs } = authority.renewal;
        if (warning !== undefined) {
          const level = warning === 'overdue' || warning === 1 ? 'error' : 'warn';
          log[level]('the key of the CA is to be renewed: certdir ceremony start renewal', {
            by: formatTime(dueMs),
            within: warning === 'overdue' ? warning : `${warning} months`,
          });
        }
        nextWordMs = clock.nowMs() + DAY_MS;
      },
    },
  ];
}

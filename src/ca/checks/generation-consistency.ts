/**
 * The CA's keys against each other: one issues, each is vouched for by the one before and vouches for it, and the CA's
 * entry shows what verifiers need.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import { type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { verifySignature } from '../../x509/verify-signature.ts';
import type { Authority } from '../authorities.ts';
import { findCertificate } from '../certificates/certificate-register.ts';
import { everPublished, publishedCertificates } from '../generations/published-certificates.ts';
import type {
  AuthorityRecord,
  GenerationState,
  KeyGeneration,
} from '../records/authority-record.ts';
import {
  type ConsistencyContext,
  type ConsistencyFault,
  faultOf,
  inconsistent,
} from './consistency-fault.ts';

/** Later states come first: oldest generations first. */
const order: Readonly<Record<GenerationState, number>> = {
  retired: 0,
  retiring: 1,
  current: 2,
  made: 3,
};

/** Checks the generations, and what is published of them. */
export async function* findGenerationFaults(
  context: ConsistencyContext,
  record: AuthorityRecord,
): AsyncGenerator<ConsistencyFault, void, undefined> {
  const { generations } = record;
  for (const message of orderMessages(generations)) {
    yield inconsistent('authority', message);
  }
  for (const [index, generation] of generations.entries()) {
    const { keyLabel } = generation;
    const newer = context.authorities[index];
    if (newer === undefined) {
      continue;
    }
    const older = context.authorities[index - 1];
    try {
      for (const message of await certificateMessages(context, generation, { newer, older })) {
        yield inconsistent(keyLabel, message);
      }
    } catch (error) {
      yield faultOf(keyLabel, error);
    }
  }
  try {
    if (!(await isPublished(context, record))) {
      yield inconsistent(
        'cACertificate',
        "the CA's entry does not show the certificates of its keys",
      );
    }
  } catch (error) {
    yield faultOf('cACertificate', error);
  }
}

function* orderMessages(generations: readonly KeyGeneration[]): Iterable<string> {
  if (generations.some(({ number }, index) => number !== index + 1)) {
    yield 'the generations of the key are not numbered 1, 2, 3, …';
  }
  const states = generations.map(({ state }) => order[state]);
  if (states.some((state, index) => state < (states[index - 1] ?? 0))) {
    yield 'an older generation of the key is in use after a newer one';
  }
  for (const state of ['current', 'made'] as const) {
    const count = generations.filter((one) => one.state === state).length;
    if (count > 1 || (state === 'current' && count === 0)) {
      yield `${count} generations of the key are ${state}`;
    }
  }
}

interface Neighbours {
  readonly newer: Authority;
  readonly older: Authority | undefined;
}

async function certificateMessages(
  { view, tables, nowMs }: ConsistencyContext,
  { number, links }: KeyGeneration,
  { newer, older }: Neighbours,
): Promise<readonly string[]> {
  const wanted: OwnCertificate[] = [
    { what: 'its certificate', certificate: newer.certificate, subject: newer, signer: newer },
  ];
  if (links !== undefined && older !== undefined) {
    const [oldWithNew, newWithOld] = [links.oldWithNew, links.newWithOld].map(parseCertificate);
    if (oldWithNew !== undefined && newWithOld !== undefined) {
      const endMs = older.certificate.notAfterMs;
      wanted.push(
        { what: 'OldWithNew', certificate: oldWithNew, subject: older, signer: newer, endMs },
        { what: 'NewWithOld', certificate: newWithOld, subject: newer, signer: older, endMs },
      );
    }
  }
  const messages = links !== undefined && older === undefined ? ['links lead to no older key'] : [];
  const read = (serialNumber: bigint): ReturnType<typeof findCertificate> =>
    findCertificate(view, tables, { serialNumber, nowMs });
  for (const one of wanted) {
    const kept = await read(one.certificate.serialNumber);
    messages.push(...ownMessages(one), ...registerMessages(one, kept));
  }
  return number === newer.generation ? messages : [...messages, 'it has another number'];
}

/** A certificate that the CA has made for its own keys, and what it has to be. */
interface OwnCertificate {
  readonly what: string;
  readonly certificate: Certificate;
  readonly subject: Authority;
  readonly signer: Authority;
  /** When it has to end; undefined where nothing is said. */
  readonly endMs?: number;
}

function* ownMessages({
  what,
  certificate,
  subject,
  signer,
  endMs,
}: OwnCertificate): Iterable<string> {
  const { tbs: message, signature, spki } = certificate;
  const { algorithm } = signer;
  if (!equalBytes(spki, subject.certificate.spki)) {
    yield `${what} is of another key`;
  }
  if (!verifySignature({ spki: signer.certificate.spki, algorithm, message, signature })) {
    yield `the signature of ${what} does not verify`;
  }
  const names = [certificate.subject, certificate.issuer];
  if (!names.every(({ der }) => equalBytes(der, subject.reference.name.der))) {
    yield `${what} has another name`;
  }
  if (endMs !== undefined && certificate.notAfterMs !== endMs) {
    yield `${what} does not end with the older certificate`;
  }
}

function* registerMessages(
  { what, certificate, signer }: OwnCertificate,
  kept: Awaited<ReturnType<typeof findCertificate>>,
): Iterable<string> {
  if (kept === undefined || !equalBytes(kept.der, certificate.der)) {
    yield `${what} is not in the register`;
  } else if (kept.generation !== signer.generation) {
    yield `${what} is in the register under another key`;
  }
}

/** What is valid is there; what has ended may be there until somebody has taken it out. */
async function isPublished(
  { policy, publishedValues, view, tables, nowMs }: ConsistencyContext,
  record: AuthorityRecord,
): Promise<boolean> {
  const kept = await publishedValues(policy.names.issuer, 'cACertificate');
  const isIn = (values: readonly Uint8Array[], value: Uint8Array): boolean =>
    values.some((other) => equalBytes(other, value));
  const ever = everPublished(record);
  const valid = await publishedCertificates(view, tables, { record, nowMs });
  return valid.every((value) => isIn(kept, value)) && kept.every((value) => isIn(ever, value));
}

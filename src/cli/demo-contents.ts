/**
 * What the demonstration shows: a verifier, a few certificates, their keys, one of them revoked, all lists.
 *
 * Made once, and mended at every start: whatever step a crash came after, or whichever file was lost, the
 * next start completes it. A key is on the disk before its certificate is asked for; each step looks at what
 * the CA has on record before it does anything; the file with the facts is written last and taken
 * away before anything else is changed, so that its being there says that all is done.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { CertificateReport, Operations, Operator } from '../http/operations.ts';
import {
  type CitizenRequest,
  makeCitizenKey,
  makeCitizenRequest,
  type SampleCitizen,
  sampleCitizens,
} from './demo-citizens.ts';
import {
  encodeVerifierCertificate,
  makeVerifierSecrets,
  registerVerifier,
  VERIFIER_NAME,
} from './demo-verifier.ts';
import { InputError } from './input-error.ts';
import { removeOutputFile, withOutputFile } from './output-file.ts';

/** What the demonstration has made, kept beside its certificates. */
export interface DemoFacts {
  readonly caDn: string;
  readonly verifierDn: string;
  readonly distributionPointDn: string;
}

export interface DemoSurroundings {
  /** The data folder. */
  readonly folder: string;
  readonly operator: Operator;
  readonly operations: Operations;
  /** Makes a citizen's key, PKCS#8 in PEM; RSA-2048 when left out. */
  readonly makeKey?: () => string;
}

/** Below the data folder. */
export const VERIFIER_PASSWORD_FILE: string = `secrets/${VERIFIER_NAME}`;

/** Its key and certificate, beside those of the citizens. */
const VERIFIER_FILE = 'verifier';

/** Makes what is missing. */
export async function makeDemoContents(surroundings: DemoSurroundings): Promise<DemoFacts> {
  const { folder, operations, operator } = surroundings;
  const factsFile = demoFile(surroundings, 'facts.json');
  const known = await readFacts(factsFile);
  if (known !== undefined && filesOf(surroundings).every((file) => existsSync(file))) {
    return known;
  }
  for (const name of ['demo', 'secrets']) {
    await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
  }
  await removeOutputFile(factsFile);
  const verifierDn = await settleVerifier(surroundings);
  for (const citizen of sampleCitizens) {
    await settleCitizen(surroundings, citizen);
  }
  await operations.publish({ scopes: 'all' }, operator, () => undefined);
  const { caDn, scopes } = await operations.status();
  const partition = sampleCitizens[0]?.municipality;
  const distributionPointDn = scopes.find(({ scope }) => scope === partition)?.dn ?? '';
  const facts = { caDn, verifierDn, distributionPointDn };
  await writeWhole(factsFile, JSON.stringify(facts, null, 2), 0o644);
  return facts;
}

function demoFile({ folder }: DemoSurroundings, name: string): string {
  return join(folder, 'demo', name);
}

function filesOf(surroundings: DemoSurroundings): readonly string[] {
  return [
    join(surroundings.folder, VERIFIER_PASSWORD_FILE),
    ...[VERIFIER_FILE, ...sampleCitizens.map(({ file }) => file)].flatMap((file) =>
      ['key', 'pem'].map((ending) => demoFile(surroundings, `${file}.${ending}`)),
    ),
  ];
}

/** @returns undefined when there are none, or none that can be read. */
async function readFacts(file: string): Promise<DemoFacts | undefined> {
  try {
    const facts = JSON.parse(await readFile(file, 'utf8')) as Partial<Record<string, unknown>>;
    const { caDn, verifierDn, distributionPointDn } = facts;
    return typeof caDn === 'string' &&
      typeof verifierDn === 'string' &&
      typeof distributionPointDn === 'string'
      ? { caDn, verifierDn, distributionPointDn }
      : undefined;
  } catch {
    return undefined;
  }
}

/** @returns the name of its entry. */
async function settleVerifier(surroundings: DemoSurroundings): Promise<string> {
  const secrets = makeVerifierSecrets();
  const { folder } = surroundings;
  await writeWhole(join(folder, VERIFIER_PASSWORD_FILE), secrets.password, 0o600);
  await writeWhole(demoFile(surroundings, `${VERIFIER_FILE}.key`), secrets.keyPem, 0o600);
  const certificate = encodeVerifierCertificate(secrets);
  await writeWhole(demoFile(surroundings, `${VERIFIER_FILE}.pem`), certificate, 0o644);
  return await registerVerifier(secrets, surroundings);
}

async function settleCitizen(
  surroundings: DemoSurroundings,
  citizen: SampleCitizen,
): Promise<void> {
  const { operations, operator } = surroundings;
  const asked = await readOrMakeRequest(surroundings, citizen);
  const { publicKey } = asked;
  const [standing] = await operations.findCertificates({ publicKey });
  const issued = standing ?? (await issueFor(surroundings, citizen, asked));
  if (citizen.isRevoked && issued.state === 'good') {
    const { serialNumber } = issued;
    await operations.revoke({ serialNumber, reason: 'keyCompromise' }, operator);
  }
  await writeWhole(demoFile(surroundings, `${citizen.file}.pem`), issued.certificate, 0o644);
}

async function readOrMakeRequest(
  surroundings: DemoSurroundings,
  { file }: SampleCitizen,
): Promise<CitizenRequest> {
  const keyFile = demoFile(surroundings, `${file}.key`);
  if (!existsSync(keyFile)) {
    const { makeKey = makeCitizenKey } = surroundings;
    await writeWhole(keyFile, makeKey(), 0o600);
  }
  const text = await readFile(keyFile, 'utf8');
  try {
    return makeCitizenRequest(text);
  } catch (cause) {
    const advice = `${keyFile} is not a private key; remove it, and another one is made`;
    throw new InputError('CLI_INPUT_UNREADABLE', advice, { cause });
  }
}

/** A certificate for a key that has none. One that stands for a key that is lost gives way to it. */
async function issueFor(
  { operations, operator }: DemoSurroundings,
  { municipality, attributes }: SampleCitizen,
  { request, publicKey }: CitizenRequest,
): Promise<CertificateReport> {
  for (const { state, serialNumber } of await operations.findCertificates({
    subscriber: attributes,
  })) {
    if (state === 'good') {
      await operations.revoke({ serialNumber, reason: 'superseded' }, operator);
    }
  }
  await operations.issue({ request, municipality, attributes }, operator);
  const [issued] = await operations.findCertificates({ publicKey });
  if (issued === undefined) {
    throw new Error('a certificate that was just issued is not on record');
  }
  return issued;
}

async function writeWhole(file: string, text: string, mode: number): Promise<void> {
  await withOutputFile(file, mode, (write) => write(text));
}

/**
 * What certdir itself finds or does in a ceremony's steps, written down as facts: fingerprints, copies, comparisons. Done
 * again after an interruption, each comes to the same.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { copyFile, mkdir, open, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { readIfThere } from '../audit/durable-file.ts';
import { formatHex } from '../core/bytes.ts';
import type { CeremonyReport } from '../http/ceremony-operations.ts';
import { formatTime } from '../http/report-time.ts';
import { SigningError } from '../signing/errors.ts';
import { formatKeyType } from '../signing/key-rules.ts';
import type { KeyDescription } from '../signing/signer.ts';
import type { CaInstance } from './ca-instance.ts';

export type EvidenceParts = Pick<CaInstance, 'configuration' | 'signer' | 'authority' | 'auditing'>;

/** By what they are called in the record. */
export type Facts = Readonly<Record<string, string>>;

/** Fingerprints to be read aloud. @throws {SigningError} when the key is not the certificate's. */
export async function keyFacts(parts: EvidenceParts, label: string): Promise<Facts> {
  const { signer, authority, auditing } = parts;
  const key = await signer.describe(label);
  const certificate = authority.authorities.withKey(label)?.certificate;
  if (certificate !== undefined && !Buffer.from(certificate.spki).equals(key.spki)) {
    throw refused(`the key ${label} is not the one of the CA's certificate`);
  }
  return {
    ...describeKey(key),
    ...(certificate === undefined ? {} : { 'certificate SHA-256': sha256(certificate.der) }),
    'audit log key': auditing.trail.key,
  };
}

/** True while the token knows a key of that label. */
export async function hasKey(
  parts: Pick<EvidenceParts, 'signer'>,
  label: string,
): Promise<boolean> {
  const keys = await parts.signer.list();
  return keys.some((key) => key.label === label);
}

/** What must be kept of the token: the software token or the HSM's key register, and the shares. */
function tokenFiles(parts: EvidenceParts): readonly string[] {
  const { token } = parts.configuration;
  const file = token.kind === 'software' ? token.file : token.register;
  return token.custodiansFile === undefined ? [file] : [file, token.custodiansFile];
}

/** Copies them to the ceremony's folder and reads them back. */
export async function copyToken(parts: EvidenceParts, report: CeremonyReport): Promise<Facts> {
  const folder = folderOf(report);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const facts: [string, string][] = [];
  for (const file of tokenFiles(parts)) {
    const copy = join(folder, basename(file));
    await copyFile(file, copy);
    const handle = await open(copy, 'r');
    await handle.sync().finally(() => handle.close());
    facts.push([`${basename(file)} SHA-256`, await sameDigest(file, copy)]);
  }
  return Object.fromEntries(facts);
}

/** Compares them with those in the ceremony's folder. */
export async function compareToken(parts: EvidenceParts, report: CeremonyReport): Promise<Facts> {
  const facts: [string, string][] = [];
  for (const file of tokenFiles(parts)) {
    const copy = join(folderOf(report), basename(file));
    facts.push([`${basename(file)} SHA-256`, await sameDigest(file, copy)]);
  }
  return Object.fromEntries(facts);
}

function describeKey({ label, type, spki, createdMs }: KeyDescription): Facts {
  return {
    key: `${label}, ${formatKeyType(type)}, made ${formatTime(createdMs)}`,
    'public key SHA-256': sha256(spki),
  };
}

async function sameDigest(file: string, copy: string): Promise<string> {
  const kept = await readIfThere(copy);
  const digest = sha256(await readFile(file));
  if (kept === undefined || sha256(kept) !== digest) {
    throw refused(`${copy} is not the same as ${file}`);
  }
  return digest;
}

/** Lower-case hexadecimal. */
export function sha256(bytes: Uint8Array | string): string {
  return formatHex(createHash('sha256').update(bytes).digest());
}

function folderOf({ folder, id }: CeremonyReport): string {
  if (folder === null) {
    throw refused(`${id} names no folder`);
  }
  return folder;
}

/** The error for what a ceremony does not allow. */
export function refused(why: string): SigningError {
  return new SigningError('SIGNING_CEREMONY_REFUSED', why);
}

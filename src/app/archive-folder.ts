/**
 * A folder with a month of the archive: written, and read back to see that it is whole and readable.
 *
 * @module
 */

import { hash } from 'node:crypto';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';

import { syncFolder } from '../audit/durable-file.ts';
import { MANIFEST, manifestText, SIGNED_MANIFEST } from '../http/archive-export.ts';
import type { AuditFile } from '../http/audit-operations.ts';
import type { KeyLineage } from '../tlog/key-lineage.ts';
import { readBoundedFile } from '../verifier/bounded-file.ts';
import { VerifierError } from '../verifier/errors.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { parseCertificateList } from '../x509/certificate-list.ts';

const PATH =
  /^(?:MANIFEST(?:\.signed)?|provision\.json|certificates\/[0-9A-F]+\.cer|lists\/[a-z0-9-]+\/\d+\.crl)$/;

/** The largest list, and a manifest of ten million files, have less. */
const MAX_FILE_BYTES = 1024 * 1024 * 1024;
const MAX_NOTE_BYTES = 16 * 1024;

export interface ArchiveFolderReport {
  readonly folder: string;
  readonly policy: string;
  readonly period: string;
  readonly certificates: number;
  readonly lists: number;
  /** SHA-256 of the manifest: what receipts name. */
  readonly manifestSha256: string;
}

/**
 * Writes the files into a new or empty folder; durable when it resolves. When it fails, the folder is empty again.
 *
 * @throws {VerifierError} `VERIFIER_UNEXPECTED` for a file that no export has, and for a folder that has files.
 */
export async function writeArchiveFolder(
  path: string,
  files: AsyncIterable<AuditFile>,
): Promise<string> {
  const folder = resolve(path);
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  if ((await readdir(folder)).length > 0) {
    throw new VerifierError('VERIFIER_UNEXPECTED', `${folder} is not empty; name a new folder`);
  }
  try {
    const folders = new Set(made === undefined ? [folder] : [dirname(folder), folder]);
    for await (const file of files) {
      await writeFile(folder, file);
      for (let at = dirname(join(folder, file.path)); at !== folder; at = dirname(at)) {
        folders.add(at);
      }
    }
    for (const one of folders) {
      await syncFolder(one);
    }
  } catch (error) {
    for (const name of await readdir(folder)) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
    throw error;
  }
  return folder;
}

async function writeFile(folder: string, { path, content }: AuditFile): Promise<void> {
  if (!PATH.test(path)) {
    throw new VerifierError('VERIFIER_UNEXPECTED', `${path} is no file of an export`);
  }
  const target = join(folder, path);
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const handle = await open(target, 'wx', 0o600);
  try {
    await handle.writeFile(Buffer.from(content, 'base64'));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Checks signature, every file against the manifest, and that certificates and lists can still be read.
 *
 * @throws {VerifierError} `VERIFIER_CHANGED`, `VERIFIER_MISSING`, `VERIFIER_UNEXPECTED`. @throws {TlogError}
 *   `TLOG_SIGNATURE_WRONG`. @throws {X509Error} for what is no certificate or list.
 */
export async function verifyArchiveFolder(
  path: string,
  keys: KeyLineage,
): Promise<ArchiveFolderReport> {
  const folder = resolve(path);
  const manifest = await readOf(folder, MANIFEST);
  const note = (await readOf(folder, SIGNED_MANIFEST, MAX_NOTE_BYTES)).toString('utf8');
  const text = keys.openText(note);
  const [, policy = '', period = ''] = text.split('\n');
  if (text !== manifestText({ policyId: policy, period, manifest })) {
    throw new VerifierError('VERIFIER_CHANGED', `${MANIFEST} is not the one that was signed`);
  }
  const expected = new Set([MANIFEST, SIGNED_MANIFEST]);
  let certificates = 0;
  let lists = 0;
  for (const line of manifest.toString('utf8').trimEnd().split('\n')) {
    const name = line.slice(66);
    const bytes = await readOf(folder, name);
    if (hash('sha256', bytes, 'hex') !== line.slice(0, 64)) {
      throw new VerifierError('VERIFIER_CHANGED', `${name} is not what was archived`);
    }
    expected.add(name);
    if (name.endsWith('.cer')) {
      parseCertificate(bytes);
      certificates += 1;
    } else if (name.endsWith('.crl')) {
      parseCertificateList(bytes);
      lists += 1;
    }
  }
  const other = (await filesOf(folder)).find((name) => !expected.has(name));
  if (other !== undefined) {
    throw new VerifierError('VERIFIER_UNEXPECTED', `${other} is not in the manifest`);
  }
  const manifestSha256 = hash('sha256', manifest, 'hex');
  return { folder, policy, period, certificates, lists, manifestSha256 };
}

async function readOf(folder: string, name: string, maxBytes = MAX_FILE_BYTES): Promise<Buffer> {
  try {
    return await readBoundedFile(join(folder, name), maxBytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VerifierError('VERIFIER_MISSING', `${name} cannot be read: ${reason}`, { cause });
  }
}

async function filesOf(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((one) => !one.isDirectory())
    .map((one) => relative(folder, join(one.parentPath, one.name)).split(sep).join('/'));
}

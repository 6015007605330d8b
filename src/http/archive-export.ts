/**
 * A month of the archive as files (gunma 4-12-2): certificates issued and lists published in it, the report of
 * what was provided, and a manifest with every file's SHA-256, signed with the audit log's key.
 *
 *     certificates/<serial number>.cer    lists/<scope>/<number>.crl    lists/<scope>/<number>-delta.crl    provision.json
 *     MANIFEST                            "<SHA-256>  <path>" a line, by path
 *     MANIFEST.signed                     a signed note over period and SHA-256 of MANIFEST
 *
 * @module
 */

import { hash } from 'node:crypto';

import { monthOf } from '../audit/civil-month.ts';
import type { CertificateAuthority } from '../ca/certificate-authority.ts';
import { formatSerialNumber } from '../ca/certificates/serial-number.ts';
import { encodeUtf8 } from '../core/bytes.ts';
import type { AuditFile } from './audit-operations.ts';
import type { ProvisionReport } from './provision-report.ts';

export const MANIFEST = 'MANIFEST';
export const SIGNED_MANIFEST = 'MANIFEST.signed';

export interface ArchiveExportParts {
  readonly authority: CertificateAuthority;
  readonly policyId: string;
  readonly utcOffsetMs: number;
  readonly provisions: (period: string) => Promise<ProvisionReport>;
  /** A note with the log's key over a text that ends with a newline. */
  readonly signNote: (text: string) => Promise<string>;
  /** Puts on record that this manifest is given out. */
  readonly noteManifest: (sha256: string) => Promise<void>;
}

/** What is signed of a manifest. */
export function manifestText(facts: {
  readonly policyId: string;
  readonly period: string;
  readonly manifest: Uint8Array;
}): string {
  const digest = hash('sha256', facts.manifest, 'hex');
  return `certdir archive 1\n${facts.policyId}\n${facts.period}\n${digest}\n`;
}

/** The files, the manifest and its signature last. @param period `YYYY-MM`. */
export async function* exportArchive(
  parts: ArchiveExportParts,
  period: string,
): AsyncGenerator<AuditFile, void, undefined> {
  const lines: string[] = [];
  for await (const { path, bytes } of contentOf(parts, period)) {
    lines.push(`${hash('sha256', bytes, 'hex')}  ${path}`);
    yield { path, content: Buffer.from(bytes).toString('base64') };
  }
  const manifest = encodeUtf8(`${lines.sort(byPath).join('\n')}\n`);
  const { policyId } = parts;
  await parts.noteManifest(hash('sha256', manifest, 'hex'));
  const note = await parts.signNote(manifestText({ policyId, period, manifest }));
  yield { path: MANIFEST, content: Buffer.from(manifest).toString('base64') };
  yield { path: SIGNED_MANIFEST, content: Buffer.from(note).toString('base64') };
}

async function* contentOf(
  { authority, utcOffsetMs, provisions }: ArchiveExportParts,
  period: string,
): AsyncGenerator<{ readonly path: string; readonly bytes: Uint8Array }, void, undefined> {
  const isWithin = (atMs: number): boolean => monthOf(atMs, utcOffsetMs).name === period;
  for await (const { serialNumber, der, issuedMs } of authority.listCertificates()) {
    if (isWithin(issuedMs)) {
      yield { path: `certificates/${formatSerialNumber(serialNumber)}.cer`, bytes: der };
    }
  }
  for (const { id } of authority.scopes.list) {
    const deltas = await authority.deltas.listArchived(id);
    for (const list of [...(await authority.listArchived(id)), ...deltas]) {
      if (isWithin(list.thisUpdateMs)) {
        const { der } = await authority.findList(id, list);
        const name = 'baseNumber' in list ? `${list.number}-delta` : String(list.number);
        yield { path: `lists/${id}/${name}.crl`, bytes: der };
      }
    }
  }
  const report = await provisions(period);
  yield {
    path: 'provision.json',
    bytes: encodeUtf8(`${JSON.stringify(report, undefined, 2)}\n`),
  };
}

/** Behind the digest and two spaces. */
function byPath(left: string, right: string): number {
  return left.slice(66) < right.slice(66) ? -1 : 1;
}

/**
 * What the commands of `certdir cross` share: files of the exchange, and how its steps are told.
 *
 * @module
 */

import type { CrossIssueReport, CrossNeed, CrossOperations } from '../http/cross-operations.ts';
import { type Context, withOperations } from './context.ts';
import { readInputFile } from './input-file.ts';
import { withOutputFile } from './output-file.ts';

/** Of each file of an exchange. */
export const MAX_FILE_BYTES = 65_536;

/** Runs a step of the exchange. */
export function crossing<T>(
  context: Context,
  work: (cross: CrossOperations) => Promise<T>,
): Promise<T> {
  return withOperations(context, (operations) => work(operations.cross));
}

/** A file as the operations take it: PEM as it is, DER in base64. */
export async function readExchanged(file: string, what: string): Promise<string> {
  const bytes = await readInputFile(file, { what, maxBytes: MAX_FILE_BYTES });
  const text = Buffer.from(bytes).toString('latin1');
  return text.includes('-----BEGIN') ? text : Buffer.from(bytes).toString('base64');
}

/** Writes a text to the file of `--out`, if there is one. */
export async function writeOut(file: string | undefined, text: string | null): Promise<void> {
  if (file !== undefined && text !== null) {
    await withOutputFile(file, 0o644, (write) => write(text));
  }
}

export function formatNeed({ case: name, why, withinDays }: CrossNeed): string {
  const within = withinDays === null ? '' : ` (within ${withinDays} days)`;
  return `to renew: ${name}${within}: ${why}`;
}

export function formatIssued(report: CrossIssueReport, file: string | undefined): string {
  if (report.kind === 'waits') {
    return [
      `Waits for ${report.quorum} custodians: certdir custodian approve ${report.hash.slice(0, 16)}`,
      `SHA-256 of what is to be signed: ${report.sha256}`,
      'then: the same command again',
    ].join('\n');
  }
  const { serialNumber, notAfter, pem } = report.certificate;
  return [
    `Issued ${serialNumber}, until ${notAfter}`,
    file === undefined ? pem.trimEnd() : `written to ${file}`,
    `next: the peer's receipt (certdir cross receipt ${report.peer} FILE)`,
  ].join('\n');
}

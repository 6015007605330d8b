/**
 * `certdir ca show`: what the CA has on record of a certificate.
 *
 * @module
 */

import type { Command } from 'commander';

import type { CertificateQuery, CertificateReport } from '../http/operations.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { UsageError } from './usage-error.ts';

/** Adds the command below `certdir ca`. */
export function addShowCommand(ca: Command): void {
  ca.command('show')
    .description('show a certificate and its state, or all of a subscriber')
    .argument('[serial]', 'serial number in hexadecimal')
    .option(
      '--attributes <file>',
      "YAML file with the subscriber's attributes, instead of a number",
    )
    .addHelpText(
      'after',
      examples('certdir ca show 4F2A…9C', 'certdir ca show --attributes citizen.yaml --json'),
    )
    .action(
      async (serial: string | undefined, options: { attributes?: string }, command: Command) => {
        const context = contextOf(command);
        const query = await queryOf(serial, options.attributes);
        const found = await withOperations(context, (operations) =>
          operations.findCertificates(query),
        );
        context.output.answer(found, () =>
          found.length === 0
            ? 'The subscriber has never had a certificate.'
            : found.map(formatCertificate).join('\n\n'),
        );
      },
    );
}

async function queryOf(
  serialNumber: string | undefined,
  file: string | undefined,
): Promise<CertificateQuery> {
  if (serialNumber !== undefined && file === undefined) {
    return { serialNumber };
  }
  if (serialNumber === undefined && file !== undefined) {
    const { loadSubjectAttributes } = await import('../config/subject-attributes.ts');
    return { subscriber: await loadSubjectAttributes(file) };
  }
  throw new UsageError('give either a serial number or --attributes FILE');
}

function formatCertificate(report: CertificateReport): string {
  const { revokedAt, reason } = report;
  const since = revokedAt === null ? '' : ` since ${revokedAt}, ${reason}`;
  return [
    `serial number  ${report.serialNumber}`,
    `subject        ${report.subject}`,
    `state          ${report.state}${since}`,
    `valid          ${report.notBefore} to ${report.notAfter}`,
    `profile        ${report.profile}, partition ${report.partition}`,
    `SHA-256        ${report.sha256Fingerprint}`,
    report.certificate.trimEnd(),
  ].join('\n');
}

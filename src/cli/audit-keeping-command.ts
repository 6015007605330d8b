/**
 * `certdir audit review`, `export`, `prune`, `rotate-key`, `accept-loss`: what an auditor does that is itself a record.
 *
 * @module
 */

import type { Command } from 'commander';

import { readSecretFile } from '../config/secret-file.ts';
import type {
  AuditMarksReport,
  AuditorCredentials,
  KeyRotationReport,
} from '../http/audit-operations.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { LogFolder } from './log-folder.ts';
import { withOutputFile } from './output-file.ts';

interface AuditorOptions {
  readonly auditor: string;
  readonly passwordFile: string;
}

/** Options of commands that only an auditor may give. */
function asAuditor(command: Command): Command {
  return command
    .requiredOption('--auditor <dn>', "the auditor's entry")
    .requiredOption('--password-file <file>', 'file with its password, readable by its owner only');
}

async function credentialsOf(options: AuditorOptions): Promise<AuditorCredentials> {
  return { dn: options.auditor, password: await readSecretFile(options.passwordFile) };
}

const AUDITOR_EXAMPLE =
  "--auditor 'cn=Auditor,ou=Operators,ou=Gunma Prefectural CA,o=JPKI,c=JP' --password-file auditor.password";

export function addReview(audit: Command): void {
  const review = audit
    .command('review')
    .description('record that everything so far, or up to a record, was reviewed')
    .option('--up-to <number>', 'number of records, from the first on; all when it is left out')
    .option('--note <text>', 'what came of it', '');
  asAuditor(review)
    .addHelpText('after', examples(`certdir audit review --note 'week 2' ${AUDITOR_EXAMPLE}`))
    .action(
      async (
        options: AuditorOptions & { readonly upTo?: string; readonly note: string },
        command: Command,
      ) => {
        const context = contextOf(command);
        const { upTo, note } = options;
        const auditor = await credentialsOf(options);
        const marks = await withOperations(context, (operations) =>
          operations.audit.review({ ...(upTo === undefined ? {} : { upTo }), note, auditor }),
        );
        context.output.answer(marks, () => formatMarks(marks));
      },
    );
}

export function addExport(audit: Command): void {
  audit
    .command('export')
    .description('write the log as files (C2SP tlog-tiles), or bring an earlier export up to date')
    .argument('<folder>', 'a new or empty folder, or one of an earlier export')
    .option('--place <text>', "where the folder will lie: a medium's label. Default: its path")
    .addHelpText('after', examples('certdir audit export /media/audit --place "tape 2026-01"'))
    .action(async (path: string, options: { place?: string }, command: Command) => {
      const context = contextOf(command);
      const folder = await LogFolder.open(path);
      const report = await withOperations(context, async ({ audit: operations }) => {
        const written = await folder.update(operations.export({ since: folder.size.toString() }));
        const place = options.place ?? folder.path;
        return await operations.exported({ ...written, place }, context.operator);
      });
      context.output.answer({ folder: folder.path, ...report }, () =>
        [
          `${folder.path} has ${report.exported} records and verifies`,
          formatMarks(report),
          `check it elsewhere: certdir-verify log ${folder.path} --key ${folder.path}/audit-key.txt`,
        ].join('\n'),
      );
    });
}

export function addPrune(audit: Command): void {
  const prune = audit
    .command('prune')
    .description('remove records past their time that were reviewed and exported; hashes stay');
  asAuditor(prune)
    .addHelpText('after', examples(`certdir audit prune ${AUDITOR_EXAMPLE}`))
    .action(async (options: AuditorOptions, command: Command) => {
      const context = contextOf(command);
      const auditor = await credentialsOf(options);
      const marks = await withOperations(context, (operations) =>
        operations.audit.prune({ auditor }),
      );
      context.output.answer(marks, () => formatMarks(marks));
    });
}

export function addRotateKey(audit: Command): void {
  const rotate = audit
    .command('rotate-key')
    .description('make another key for the log; it signs from now on, and the key before says so')
    .option(
      '--destroy-old',
      'destroy the key before; a store restored from before cannot sign then',
    )
    .option('--out <file>', 'write the handover into a file');
  asAuditor(rotate)
    .addHelpText(
      'after',
      examples(
        `certdir audit rotate-key ${AUDITOR_EXAMPLE}`,
        'certdir-verify log /media/audit --key audit-key-before.txt --kept checkpoint-before',
      ),
    )
    .action(
      async (
        options: AuditorOptions & { readonly destroyOld?: boolean; readonly out?: string },
        command: Command,
      ) => {
        const context = contextOf(command);
        const auditor = await credentialsOf(options);
        const destroysOld = options.destroyOld === true;
        const report = await withOperations(context, (operations) =>
          operations.audit.rotateKey({ destroysOld, auditor }),
        );
        if (options.out !== undefined) {
          await withOutputFile(options.out, 0o644, (write) => write(report.handover));
        }
        context.output.answer(report, () => formatRotation(report, destroysOld));
      },
    );
}

function formatRotation(report: KeyRotationReport, destroysOld: boolean): string {
  const kept = destroysOld
    ? 'The key before could NOT be destroyed; the log says why'
    : 'The key before is still in the token and signs nothing any more';
  return [
    `The log's key is now ${report.key}`,
    report.isOldDestroyed ? 'The key before was destroyed' : kept,
    'Give the new key to those who verify the log, or this handover, which leads them to it:',
    '',
    report.handover.trimEnd(),
  ].join('\n');
}

export function addAcceptLoss(audit: Command): void {
  const accept = audit
    .command('accept-loss')
    .description('after a restore: record that signed records are lost, and sign again');
  asAuditor(accept)
    .addHelpText('after', examples(`certdir audit accept-loss ${AUDITOR_EXAMPLE}`))
    .action(async (options: AuditorOptions, command: Command) => {
      const context = contextOf(command);
      const auditor = await credentialsOf(options);
      const report = await withOperations(context, (operations) =>
        operations.audit.acceptLoss(auditor),
      );
      context.output.answer(report, () => report.checkpoint.trimEnd());
    });
}

function formatMarks({ reviewed, exported, pruned }: AuditMarksReport): string {
  return `records reviewed: ${reviewed}, exported: ${exported}, removed: ${pruned}`;
}

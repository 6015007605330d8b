/**
 * `certdir cross`: certificates exchanged with other CAs, such as a bridge (gunma 4-6 to 4-10). Requests, certificates and
 * receipts come and go as files.
 *
 * @module
 */

import type { Command } from 'commander';
import type {
  CrossExamination,
  CrossOutcomeReport,
  CrossPeerReport,
} from '../http/cross-operations.ts';
import { contextOf } from './context.ts';
import {
  crossing,
  formatIssued,
  formatNeed,
  MAX_FILE_BYTES,
  readExchanged,
  writeOut,
} from './cross-answer.ts';
import { addCrossChangeCommands } from './cross-change-command.ts';
import { examples } from './examples.ts';
import { readInputFile } from './input-file.ts';
import { formatTable } from './output.ts';

/** Adds the command to the program. */
export function addCrossCommand(program: Command): void {
  const cross = program
    .command('cross')
    .description('certificates exchanged with other CAs, such as a bridge');
  addShow(cross);
  addRequest(cross);
  addExamine(cross);
  addTest(cross);
  addIssue(cross);
  addAccept(cross);
  addReceipt(cross);
  addCrossChangeCommands(cross);
}

const peerHelp = 'a peer of the policy (cross.peers)';

function addShow(cross: Command): void {
  cross
    .command('show')
    .description('where the exchange with each peer stands, and what has to be renewed')
    .argument('[peer]', `${peerHelp}; all of them when left out`)
    .addHelpText('after', examples('certdir cross show', 'certdir cross show bca --json'))
    .action(async (peer: string | undefined, _options: unknown, command: Command) => {
      const context = contextOf(command);
      const found = await crossing(context, (ca) => ca.show({ peer: peer ?? null }));
      context.output.answer(found, () => found.map(formatPeer).join('\n\n'));
    });
}

function formatPeer(report: CrossPeerReport): string {
  const { peer, title, name, state, since, requested, examined, tested, issued, received } = report;
  const rows = [
    ...issued.map((one) => ['for the peer', one.serialNumber, one.state, one.notAfter]),
    ...received.map((one) => ['from the peer', one.serialNumber, one.state, one.notAfter]),
  ];
  return [
    `${peer}  ${title.en} (${title.ja})`,
    `name       ${name}`,
    `state      ${state}${since === null ? '' : ` since ${since}`}`,
    `requested  ${requested ?? 'no'}`,
    `examined   ${examined ?? 'no'}`,
    `tested     ${tested ?? 'no'}`,
    ...(rows.length === 0 ? [] : [formatTable(['certificate', 'number', 'state', 'ends'], rows)]),
    ...(report.pending === null
      ? []
      : [`waits for the custodians: SHA-256 ${report.pending.sha256}`]),
    ...report.needs.map(formatNeed),
  ].join('\n');
}

function addRequest(cross: Command): void {
  cross
    .command('request')
    .description('our request (PKCS#10) for a certificate by the peer')
    .argument('<peer>', peerHelp)
    .option('--out <file>', 'write the request there')
    .option('--certificate-out <file>', "write this CA's own certificate there, to go with it")
    .addHelpText(
      'after',
      examples('certdir cross request bca --out gunma.p10 --certificate-out gunma.cer'),
    )
    .action(
      async (
        peer: string,
        options: { readonly out?: string; readonly certificateOut?: string },
        command: Command,
      ) => {
        const context = contextOf(command);
        const report = await crossing(context, (ca) => ca.request({ peer }, context.operator));
        await writeOut(options.out, report.pem);
        await writeOut(options.certificateOut, report.certificate.pem);
        context.output.answer(report, () =>
          [
            ...(options.out === undefined ? [report.pem.trimEnd()] : [`Written to ${options.out}`]),
            `SHA-256 of this CA's certificate, to be told over another channel:`,
            report.certificate.sha256,
          ].join('\n'),
        );
      },
    );
}

interface ExamineOptions {
  readonly request: string;
  readonly certificate: string;
  readonly fingerprint: string;
  readonly trial?: true;
}

function addExamine(cross: Command): void {
  cross
    .command('examine')
    .description("examine the peer's request, and take it if it has no fault")
    .argument('<peer>', peerHelp)
    .requiredOption('--request <file>', "the peer's PKCS#10, PEM or DER")
    .requiredOption('--certificate <file>', "the peer's self-signed certificate, PEM or DER")
    .requiredOption('--fingerprint <sha256>', 'of that certificate, as its people have told it')
    .option('--trial', 'only say what is wrong')
    .addHelpText(
      'after',
      examples(
        'certdir cross examine bca --request bca.p10 --certificate bca.cer --fingerprint 3F:2A:…',
      ),
    )
    .action(async (peer: string, options: ExamineOptions, command: Command) => {
      const context = contextOf(command);
      const input = {
        peer,
        request: await readExchanged(options.request, "the peer's request"),
        certificate: await readExchanged(options.certificate, "the peer's certificate"),
        fingerprint: options.fingerprint,
        isTrial: options.trial === true,
      };
      const report = await crossing(context, (ca) => ca.examine(input, context.operator));
      context.output.answer(report, () => formatExamination(report, `certdir cross test ${peer}`));
    });
}

function formatExamination({ findings, isTaken }: CrossExamination, next: string): string {
  if (findings.length > 0) {
    return findings.map(({ path, message }) => `${path}: ${message}`).join('\n');
  }
  return isTaken
    ? `Nothing is wrong with it; it was taken. Next: ${next}`
    : 'Nothing is wrong with it.';
}

function addTest(cross: Command): void {
  cross
    .command('test')
    .description("the connection test: read the peer's certificate and list in its directory")
    .argument('<peer>', peerHelp)
    .option(
      '--url <url>',
      'ldap://host:port or ldaps://…; cross.peers.<peer>.directory when left out',
    )
    .addHelpText('after', examples('certdir cross test bca --url ldap://bridge.example:389'))
    .action(async (peer: string, options: { readonly url?: string }, command: Command) => {
      const context = contextOf(command);
      const input = { peer, url: options.url ?? null };
      const report = await crossing(context, (ca) => ca.test(input, context.operator));
      context.output.answer(report, () =>
        [`read ${report.url}`, formatExamination(report, `certdir cross issue ${peer}`)].join('\n'),
      );
      if (report.findings.length > 0) {
        process.exitCode = 4;
      }
    });
}

function addIssue(cross: Command): void {
  cross
    .command('issue')
    .description('issue our certificate for the peer, on its examined request')
    .argument('<peer>', peerHelp)
    .option('--out <file>', 'write the certificate there')
    .addHelpText(
      'after',
      `\nWhere custodians approve of each (cross.approval), the first call puts the certificate before\nthem, and the next one, once they have approved, has it signed.\n${examples(
        'certdir cross issue bca --out gunma-for-bca.cer',
      )}`,
    )
    .action(async (peer: string, options: { readonly out?: string }, command: Command) => {
      const context = contextOf(command);
      const report = await crossing(context, (ca) => ca.issue({ peer }, context.operator));
      await writeOut(options.out, report.kind === 'issued' ? report.certificate.pem : null);
      context.output.answer(report, () => formatIssued(report, options.out));
    });
}

function addAccept(cross: Command): void {
  cross
    .command('accept')
    .description("examine the peer's certificate for this CA, and accept it if it has no fault")
    .argument('<peer>', peerHelp)
    .argument('<file>', 'the certificate, PEM or DER')
    .option('--receipt-out <file>', 'write the receipt for the peer there')
    .option('--trial', 'only say what is wrong')
    .addHelpText(
      'after',
      examples(
        'certdir cross accept bca bca-for-gunma.cer --trial',
        'certdir cross accept bca bca-for-gunma.cer --receipt-out receipt.json',
      ),
    )
    .action(
      async (
        peer: string,
        file: string,
        options: { readonly receiptOut?: string; readonly trial?: true },
        command: Command,
      ) => {
        const context = contextOf(command);
        const certificate = await readExchanged(file, "the peer's certificate");
        const input = { peer, certificate, isTrial: options.trial === true };
        const report = await crossing(context, (ca) => ca.accept(input, context.operator));
        await writeOut(options.receiptOut, report.receipt);
        context.output.answer(report, () =>
          [
            formatExamination(report, 'give the peer the receipt'),
            ...(report.isTaken ? [formatOutcome(report)] : []),
            ...(options.receiptOut === undefined && report.receipt !== null
              ? [report.receipt]
              : []),
          ].join('\n'),
        );
      },
    );
}

function addReceipt(cross: Command): void {
  cross
    .command('receipt')
    .description("take the peer's receipt for our certificate")
    .argument('<peer>', peerHelp)
    .argument('[file]', 'the receipt that the peer has made')
    .option('--paper <note>', 'instead: where the receipt on paper is kept')
    .addHelpText(
      'after',
      examples(
        'certdir cross receipt bca receipt-of-bca.json',
        'certdir cross receipt bca --paper "binder 12, no. 2026-4"',
      ),
    )
    .action(
      async (
        peer: string,
        file: string | undefined,
        options: { readonly paper?: string },
        command: Command,
      ) => {
        const context = contextOf(command);
        const { paper } = options;
        const text = paper ?? (await readReceipt(file));
        const input = { peer, text, isPaper: paper !== undefined };
        const report = await crossing(context, (ca) => ca.receipt(input, context.operator));
        context.output.answer(report, () => formatOutcome(report));
      },
    );
}

async function readReceipt(file = '-'): Promise<string> {
  const bytes = await readInputFile(file, { what: 'the receipt', maxBytes: MAX_FILE_BYTES });
  return Buffer.from(bytes).toString('utf8');
}

function formatOutcome({ peer, isPaired, superseded }: CrossOutcomeReport): string {
  return [
    isPaired
      ? `Certified with ${peer}: the pair is in the directory`
      : `Taken; the pair with ${peer} is not complete yet (certdir cross show ${peer})`,
    ...superseded.map((serialNumber) => `replaced and revoked: ${serialNumber}`),
  ].join('\n');
}

/**
 * The command line: `certdir <command> [options]`.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';

import { packageRoot } from '../config/package-root.ts';
import { addAclCommand } from './acl-command.ts';
import { addApiCommand } from './api-command.ts';
import { addArchiveCommand } from './archive-command.ts';
import { addAuditCommand } from './audit-command.ts';
import { addBackupCommand } from './backup-command.ts';
import { addCaCommand } from './ca-command.ts';
import { addCeremonyCommand } from './ceremony-command.ts';
import { addCheckCommand } from './check-command.ts';
import { addCpsCommand } from './cps-command.ts';
import { addCrlCommand } from './crl-command.ts';
import { addCrossCommand } from './cross-command.ts';
import { addCustodianCommand } from './custodian-command.ts';
import { addDemoCommand } from './demo-command.ts';
import { reportFailure } from './exit-codes.ts';
import { addHsmCommand } from './hsm-command.ts';
import { addInitCommand } from './init-command.ts';
import { addLdifCommand } from './ldif-command.ts';
import { addLoginCommands } from './login-command.ts';
import { addOcspCommand } from './ocsp-command.ts';
import { addOperatorCommand } from './operator-command.ts';
import { addRecoverCommand } from './recover-command.ts';
import { addReportCommand } from './report-command.ts';
import { addRequestCommand } from './request-command.ts';
import { addServeCommand } from './serve-command.ts';
import { addStandbyCommand } from './standby-command.ts';
import { addStatusCommand } from './status-command.ts';
import { addStoreCommand } from './store-command.ts';
import { addVerifierCommand } from './verifier-command.ts';

const overview = `
While a server runs on the data folder, commands work through it; otherwise they open the
store themselves. Answers go to standard output, everything else to standard error.

Exit codes:
  0  done
  1  failed inside; the message or the server log says where
  2  the command line is wrong
  3  a configuration, policy or secret file is wrong
  4  the input was refused (request, LDIF, names, dates, reasons)
  5  what was asked for does not exist
  6  it exists already, or the present state does not allow it
  7  something needed is away: the port, the lock, the key, the disk
  8  stored data is damaged

First steps:
  $ certdir demo                            a CA with everything, in ./data
  $ certdir init --preset gunma --data DIR  a CA of your own
  $ certdir serve --data DIR                LDAP, LDAPS, HTTP and the schedule`;

/** The whole program, without running it. */
function buildProgram(): Command {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  const program = new Command('certdir')
    .description('A certification authority whose heart is its LDAP directory.')
    .version(version)
    .option('--data <dir>', 'data folder', 'data')
    .option('--json', 'answer as one JSON document')
    .option('--ca <id>', 'which CA, where the data folder has several')
    .option('--session <file>', "as an operator over a server's API: what certdir login has left")
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(certdir <command> --help shows what it takes)')
    .addHelpText('after', overview);
  addInitCommand(program);
  addServeCommand(program);
  addStatusCommand(program);
  addCheckCommand(program);
  addStoreCommand(program);
  addBackupCommand(program);
  addRecoverCommand(program);
  addStandbyCommand(program);
  addCaCommand(program);
  addCrlCommand(program);
  addCrossCommand(program);
  addOcspCommand(program);
  addOperatorCommand(program);
  addVerifierCommand(program);
  addLoginCommands(program);
  addRequestCommand(program);
  addApiCommand(program);
  addAclCommand(program);
  addAuditCommand(program);
  addArchiveCommand(program);
  addReportCommand(program);
  addCpsCommand(program);
  addLdifCommand(program);
  addHsmCommand(program);
  addCustodianCommand(program);
  addCeremonyCommand(program);
  addDemoCommand(program);
  return program;
}

/** Runs one command line and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = buildProgram();
  forEachCommand(program, (command) => command.exitOverride());
  process.stdout.on('error', endQuietlyWithoutReader);
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has written its own message: a usage error, or the help that was asked for.
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    if (isBrokenPipe(error)) {
      process.exitCode = 1;
      return;
    }
    process.exitCode = reportFailure(error, { isJson: argv.includes('--json') });
  }
}

/** Whoever read the answer has seen enough, as `head` does: there is nobody left to tell. */
function endQuietlyWithoutReader(error: Error): void {
  if (!isBrokenPipe(error)) {
    throw error;
  }
  process.exitCode = 1;
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}

function forEachCommand(command: Command, visit: (command: Command) => void): void {
  visit(command);
  for (const child of command.commands) {
    forEachCommand(child, visit);
  }
}

/**
 * `certdir init`.
 *
 * @module
 */

import type { Command } from 'commander';

import { contextOf } from './context.ts';
import { examples } from './examples.ts';
import { parsePort } from './port.ts';

interface InitOptions {
  readonly preset: string;
  readonly ldapPort: string;
  readonly ldapsPort: string;
  readonly httpPort: string;
  readonly address: string;
  readonly passphraseFile?: string;
}

/** Adds the command to the program. */
export function addInitCommand(program: Command): void {
  program
    .command('init')
    .description('make a new CA: its key, its self-signed certificate, its directory, first lists')
    .requiredOption('--preset <name>', 'whose practice statement it follows: gunma')
    .option('--address <address>', 'address the listeners bind to', '127.0.0.1')
    .option('--ldap-port <port>', 'LDAP with StartTLS', '1389')
    .option('--ldaps-port <port>', 'LDAP over TLS', '1636')
    .option('--http-port <port>', 'public repository', '8080')
    .option('--passphrase-file <file>', 'passphrase of the software token; made up when left out')
    .addHelpText('after', examples('certdir init --preset gunma --data /var/lib/certdir'))
    .action(async (options: InitOptions, command: Command) => {
      const context = contextOf(command);
      const bar = context.output.progress();
      const { initialise } = await import('../setup/initialise.ts');
      const report = await initialise({
        folder: context.folder,
        preset: options.preset,
        address: options.address,
        ldapPort: parsePort(options.ldapPort),
        ldapsPort: parsePort(options.ldapsPort),
        httpPort: parsePort(options.httpPort),
        passphraseFile: options.passphraseFile,
        allowClearPasswords: false,
        operator: context.operator,
        onProgress: bar.onProgress,
      }).finally(() => bar.stop());
      context.output.answer(report, () =>
        [
          `${report.caName} is ready in ${report.folder}`,
          `self-signed certificate SHA-256 ${report.sha256Fingerprint}`,
          `token passphrase        ${report.passphraseFile}`,
          `directory administrator ${report.administratorDn}`,
          `  its password          ${report.administratorPasswordFile}`,
          `next: certdir serve --data ${report.folder}`,
        ].join('\n'),
      );
    });
}

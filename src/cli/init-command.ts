/**
 * `certdir init`.
 *
 * @module
 */

import { type Command, Option } from 'commander';

import type { HsmChoice, InitialisedReport } from '../setup/initialise.ts';
import { contextOf } from './context.ts';
import { examples } from './examples.ts';
import { parseEnvironment } from './module-environment.ts';
import { parsePort } from './port.ts';
import { UsageError } from './usage-error.ts';

interface InitOptions {
  readonly preset: readonly string[];
  readonly ldapPort: string;
  readonly ldapsPort: string;
  readonly httpPort: string;
  readonly ocspPort: string;
  readonly apiPort?: string;
  readonly address: string;
  readonly passphraseFile?: string;
  readonly token: string;
  readonly module?: string;
  readonly tokenLabel?: string;
  readonly tokenSerial?: string;
  readonly pinFile?: string;
  readonly env?: readonly string[];
  readonly removeLeftover?: boolean;
}

const PRESET =
  'whose practice statement it follows, e.g. gunma; of several a CA each, in one server';

/** Adds the command to the program. */
export function addInitCommand(program: Command): void {
  program
    .command('init')
    .description('make a new CA: its key, its self-signed certificate, its directory, first lists')
    .requiredOption('--preset <names...>', PRESET)
    .option('--address <address>', 'address the listeners bind to', '127.0.0.1')
    .option('--ldap-port <port>', 'LDAP with StartTLS', '1389')
    .option('--ldaps-port <port>', 'LDAP over TLS', '1636')
    .option('--http-port <port>', 'public repository', '8080')
    .option('--ocsp-port <port>', 'OCSP over TLS, where the policy answers verifiers', '8443')
    .option('--api-port <port>', "the API for operators' programs; none when left out")
    .option(
      '--passphrase-file <file>',
      "passphrase of the software token, with pkcs11 of the audit log's; made up when left out",
    )
    .addOption(
      new Option('--token <kind>', 'where the key is kept')
        .choices(['software', 'pkcs11'])
        .default('software'),
    )
    .option('--module <file>', "pkcs11: the vendor's library")
    .option('--token-label <label>', 'pkcs11: the label of the token (certdir hsm list)')
    .option('--token-serial <number>', 'pkcs11: the serial number of the token')
    .option('--pin-file <file>', 'pkcs11: file with the user PIN, mode 0600')
    .option('--env <name=value...>', 'pkcs11: environment that the module needs')
    .option(
      '--remove-leftover',
      'remove what an init of this folder that was ended has left, its keys in the HSM too',
    )
    .addHelpText(
      'after',
      examples(
        'certdir init --preset gunma --data /var/lib/certdir',
        'certdir init --preset gunma tokyo --data /var/lib/certdir',
        'certdir init --preset gunma --data /var/lib/certdir --token pkcs11 \\\n' +
          '    --module /usr/lib/softhsm/libsofthsm2.so --token-label gunma --pin-file /etc/certdir/pin \\\n' +
          '    --env SOFTHSM2_CONF=/etc/softhsm/softhsm2.conf',
      ),
    )
    .action(async (options: InitOptions, command: Command) => {
      const context = contextOf(command);
      const bar = context.output.progress();
      const { initialise } = await import('../setup/initialise.ts');
      const report = await initialise({
        folder: context.folder,
        ...presetsOf(options.preset),
        address: options.address,
        ldapPort: parsePort(options.ldapPort),
        ldapsPort: parsePort(options.ldapsPort),
        httpPort: parsePort(options.httpPort),
        ocspPort: parsePort(options.ocspPort),
        apiPort: options.apiPort === undefined ? undefined : parsePort(options.apiPort),
        passphraseFile: options.passphraseFile,
        hsm: hsmChoice(options),
        allowClearPasswords: false,
        removesLeftovers: options.removeLeftover === true,
        operator: context.operator,
        onProgress: bar.onProgress,
      }).finally(() => bar.stop());
      context.output.answer(report, () =>
        [
          ...report.cas.flatMap((ca) => formatCreated(ca, report.folder)),
          `${options.token === 'pkcs11' ? 'PIN of the HSM          ' : 'token passphrase        '}${report.passphraseFile}`,
          `audit log's key          ${report.auditKey}`,
          'its first checkpoint, to be kept outside (certdir audit --help):',
          ...report.checkpoint
            .trimEnd()
            .split('\n')
            .map((line) => `  ${line}`),
          `next: certdir serve --data ${report.folder}`,
        ].join('\n'),
      );
    });
}

/** A CA that was made, and who may manage its directory. */
export function formatCreated(
  ca: InitialisedReport['cas'][number],
  folder: string,
): readonly string[] {
  return [
    `${ca.caName} is ready in ${folder}`,
    `self-signed certificate SHA-256 ${ca.sha256Fingerprint}`,
    `directory administrator ${ca.administratorDn}`,
    `  its password          ${ca.administratorPasswordFile}`,
  ];
}

function presetsOf([preset = '', ...otherPresets]: readonly string[]): {
  readonly preset: string;
  readonly otherPresets: readonly string[];
} {
  return { preset, otherPresets };
}

function hsmChoice(options: InitOptions): HsmChoice | undefined {
  const { module, tokenLabel, tokenSerial, pinFile } = options;
  if (options.token !== 'pkcs11') {
    return undefined;
  }
  if (
    module === undefined ||
    pinFile === undefined ||
    (tokenLabel === undefined && tokenSerial === undefined)
  ) {
    throw new UsageError(
      '--token pkcs11 needs --module, --pin-file, and --token-label or --token-serial',
    );
  }
  return { module, tokenLabel, tokenSerial, pinFile, environment: parseEnvironment(options.env) };
}

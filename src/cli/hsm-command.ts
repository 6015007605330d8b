/**
 * `certdir hsm …`.
 *
 * @module
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Command, Option } from 'commander';

import { readSecretFile } from '../config/secret-file.ts';
import { SystemClock } from '../core/clock.ts';
import { SystemRandom } from '../core/random.ts';
import type { MadeKeyReport, MakeKeyInput } from '../http/key-operations.ts';
import {
  formatKeyType,
  isPurposeList,
  type KeyTypeName,
  namedKeyTypes,
} from '../signing/key-rules.ts';
import type { Pkcs11Module } from '../signing/pkcs11/pkcs11-module.ts';
import type { KeyUsagePurpose } from '../signing/signer.ts';
import type { InspectedKey, TokenInspection } from '../signing/token-inspection.ts';
import { type Context, contextOf, withServerOr } from './context.ts';
import { examples } from './examples.ts';
import { ExitCode } from './exit-codes.ts';
import { addHsmOptions, type HsmOptions, openHsm } from './hsm-token.ts';
import { parseEnvironment } from './module-environment.ts';
import { formatTable } from './output.ts';
import { UsageError } from './usage-error.ts';

/** Adds the command to the program. */
export function addHsmCommand(program: Command): void {
  const hsm = program
    .command('hsm')
    .description('hardware security modules (PKCS#11): look at them, try them, make keys');
  addTestCommand(hsm);
  addInfoCommand(hsm);
  addKeygenCommand(hsm);
  hsm
    .command('list')
    .description("list a module's slots and tokens; nobody logs in, nothing is changed")
    .requiredOption('--module <file>', "the vendor's PKCS#11 library")
    .option('--env <name=value...>', 'environment that the module needs; it gets no other')
    .addHelpText(
      'after',
      examples(
        'certdir hsm list --module /usr/lib/softhsm/libsofthsm2.so \\\n' +
          '    --env SOFTHSM2_CONF=/etc/softhsm/softhsm2.conf',
      ),
    )
    .action(async (options: { module: string; env?: string[] }, command: Command) => {
      const { output } = contextOf(command);
      const { describePkcs11Module } = await import('../signing/pkcs11/pkcs11-module.ts');
      const found = await describePkcs11Module({
        modulePath: resolve(options.module),
        clock: new SystemClock(),
        environment: parseEnvironment(options.env),
      });
      output.answer(found, () => formatModule(found));
    });
}

function addTestCommand(hsm: Command): void {
  addHsmOptions(hsm.command('test'))
    .description('try what a CA needs of a token, on scratch keys that are destroyed afterwards')
    .addHelpText(
      'after',
      examples(
        'certdir hsm test --data /var/lib/certdir',
        'certdir hsm test --module /usr/lib/softhsm/libsofthsm2.so --token-label gunma \\\n' +
          '    --pin-file pin --env SOFTHSM2_CONF=/etc/softhsm/softhsm2.conf',
      ),
    )
    .action(async (options: HsmOptions, command: Command) => {
      const { folder, output } = contextOf(command);
      const scratch = await mkdtemp(join(tmpdir(), 'certdir-hsm-test-'));
      try {
        const registerFile = join(scratch, 'key-register.json');
        const signer = await openHsm(options, { folder, registerFile });
        const { tryToken } = await import('../signing/token-trial.ts');
        const checks = await tryToken({
          signer,
          random: new SystemRandom(),
          onCheck: ({ name, outcome }) => output.note(`${outcome.padEnd(11)} ${name}`),
        }).finally(() => signer.close());
        const failed = checks.filter(({ outcome }) => outcome === 'failed');
        const passed = checks.filter(({ outcome }) => outcome === 'passed');
        output.answer({ passed: passed.length, failed: failed.length, checks }, () =>
          [
            `${passed.length} of ${checks.length} checks passed, ${failed.length} failed`,
            ...checks
              .filter(({ detail }) => detail !== '')
              .map(({ name, outcome, detail }) => `${outcome}: ${name}: ${detail}`),
          ].join('\n'),
        );
        process.exitCode = failed.length === 0 ? ExitCode.done : ExitCode.failed;
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    });
}

function addInfoCommand(hsm: Command): void {
  addHsmOptions(hsm.command('info'))
    .description("show a token, the mechanisms that certdir uses, and the CA's keys in it")
    .addHelpText('after', examples('certdir hsm info --data /var/lib/certdir'))
    .action(async (options: HsmOptions, command: Command) => {
      const { folder, output } = contextOf(command);
      const signer = await openHsm(options, { folder, registerFile: undefined });
      try {
        await signer.activate();
        const found = await signer.inspect();
        if (found === undefined) {
          throw new UsageError(`${folder} has the software token, which is no device`);
        }
        output.answer(jsonOfInspection(found), () => formatInspection(found));
      } finally {
        await signer.close();
      }
    });
}

interface KeygenOptions extends HsmOptions {
  readonly label: string;
  readonly type: KeyTypeName;
  readonly purpose: readonly string[];
  readonly register?: string;
}

function addKeygenCommand(hsm: Command): void {
  addHsmOptions(hsm.command('keygen'))
    .description('make a key pair in the token; the private key never leaves it')
    .requiredOption('--label <label>', 'name of the key, unique in the token')
    .addOption(
      new Option('--type <type>', 'kind of key')
        .choices(Object.keys(namedKeyTypes))
        .makeOptionMandatory(),
    )
    .requiredOption(
      '--purpose <purpose...>',
      'what it may sign: certificate crl ocsp audit request tls',
    )
    .option('--register <file>', 'key register, with --module', 'key-register.json')
    .addHelpText(
      'after',
      examples(
        'certdir hsm keygen --data /var/lib/certdir --label ocsp-1 --type rsa-2048 --purpose ocsp',
      ),
    )
    .action(async (options: KeygenOptions, command: Command) => {
      const context = contextOf(command);
      if (!isPurposeList(options.purpose)) {
        throw new UsageError(`${options.purpose.join(' ')}: no list of purposes`);
      }
      const { label, type, purpose: purposes } = options;
      const input = { label, type, purposes };
      const key = await (options.module === undefined
        ? makeOnRecord(context, input, options.pinFile)
        : makeInToken(context, input, options));
      context.output.answer(key, () => `${key.label}: ${key.type}\n${key.spki}`);
    });
}

/** In the data folder's token: its audit log has it. */
async function makeOnRecord(
  context: Context,
  input: MakeKeyInput,
  pinFile: string | undefined,
): Promise<MadeKeyReport> {
  const pin = pinFile === undefined ? {} : { askPassphrase: () => readSecretFile(pinFile) };
  return await withServerOr(
    async (options) => {
      const { openLocalOperations } = await import('../app/local-instance.ts');
      return await openLocalOperations({ ...options, ...pin });
    },
    context,
    (operations) => operations.keys.make(input, context.operator),
  );
}

/** In a token that is named on the command line. */
async function makeInToken(
  { folder }: Context,
  { label, type, purposes }: MakeKeyInput & { readonly purposes: readonly KeyUsagePurpose[] },
  options: KeygenOptions,
): Promise<MadeKeyReport> {
  const signer = await openHsm(options, {
    folder,
    registerFile: resolve(options.register ?? ''),
  });
  try {
    await signer.activate();
    const key = await signer.generate({ label, type: namedKeyTypes[type], purposes });
    return { label, type, purposes, spki: Buffer.from(key.spki).toString('base64') };
  } finally {
    await signer.close();
  }
}

function jsonOfInspection(found: TokenInspection): unknown {
  const keys = found.keys.map((key) => ({
    ...key,
    spki: Buffer.from(key.spki).toString('base64'),
  }));
  return { ...found, keys };
}

function formatInspection({ token, sessions, mechanisms, keys }: TokenInspection): string {
  const able = mechanisms.map(({ name, isSupported, minBits, maxBits }) => [
    name,
    isSupported ? `${minBits} to ${maxBits}` : 'not there',
  ]);
  const held = keys.map((key) => [
    key.label,
    formatKeyType(key.type),
    key.purposes.join(' '),
    formatProtection(key),
  ]);
  return [
    `${token.manufacturer} ${token.model}, token ${token.label}, serial number ${token.serialNumber}, PIN ${token.pinState}, ${sessions} sessions`,
    formatTable(['mechanism', 'bits'], able),
    formatTable(['key', 'type', 'signs', 'protection'], held),
  ].join('\n\n');
}

function formatProtection({ protection, isProven }: InspectedKey): string {
  if (protection === undefined) {
    return 'NOT IN THE TOKEN';
  }
  return [
    protection.isSensitive ? 'sensitive' : 'NOT SENSITIVE',
    protection.isExtractable ? 'EXTRACTABLE' : 'not extractable',
    protection.wasAlwaysInside ? 'made inside' : 'NOT MADE INSIDE',
    ...(isProven ? [] : ['RECORD CHANGED']),
  ].join(', ');
}

function formatModule(found: Pkcs11Module): string {
  const slots = formatTable(
    ['slot', 'token', 'serial number', 'model', 'PIN'],
    found.slots.map(({ id, token }) => [
      id,
      token === undefined ? '(empty)' : token.isInitialized ? token.label : '(not initialised)',
      token?.serialNumber ?? '',
      token?.model ?? '',
      token?.pinState ?? '',
    ]),
  );
  const module = `${found.manufacturer} ${found.description} ${found.libraryVersion}`;
  return `${module}, Cryptoki ${found.cryptokiVersion}\n\n${slots}`;
}

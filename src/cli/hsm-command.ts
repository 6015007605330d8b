/**
 * `certdir hsm …`.
 *
 * @module
 */

import { resolve } from 'node:path';
import type { Command } from 'commander';

import { SystemClock } from '../core/clock.ts';
import type { Pkcs11Module } from '../signing/pkcs11-module.ts';
import { contextOf } from './context.ts';
import { examples } from './examples.ts';
import { formatTable } from './output.ts';
import { UsageError } from './usage-error.ts';

/** Adds the command to the program. */
export function addHsmCommand(program: Command): void {
  const hsm = program.command('hsm').description('look at hardware security modules (PKCS#11)');
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
      const { describePkcs11Module } = await import('../signing/pkcs11-module.ts');
      const found = await describePkcs11Module({
        modulePath: resolve(options.module),
        clock: new SystemClock(),
        environment: Object.fromEntries((options.env ?? []).map(parseVariable)),
      });
      output.answer(found, () => formatModule(found));
    });
}

function parseVariable(text: string): readonly [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) {
    throw new UsageError(`${text} is not NAME=VALUE`);
  }
  return [text.slice(0, equals), text.slice(equals + 1)];
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

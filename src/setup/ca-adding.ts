/**
 * Adds a CA to a data folder that has one or more: its policy, its key in the same token, its tree, lists and first account.
 * No server runs meanwhile.
 *
 * `certdir.yaml` names the new policy last of all, so that a folder whose addition was interrupted is what it was before;
 * the same command again takes up what was made.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { parseDocument } from 'yaml';

import { type CreatedCa, createNeighbour } from '../app/creation.ts';
import type { OpenOptions } from '../app/instance.ts';
import { replaceFile } from '../audit/durable-file.ts';
import { loadPolicy, shippedPolicyFile } from '../ca/policy/policy.ts';
import { CONFIGURATION_FILE, loadConfiguration } from '../config/configuration.ts';
import { SystemRandom } from '../core/random.ts';
import type { OnProgress, Operator } from '../http/operations.ts';
import { SetupError } from './errors.ts';
import { assertPresets, makeUpPassword, POLICIES_FOLDER, writeDurably } from './initialise.ts';

export interface AddCaOptions extends Pick<OpenOptions, 'log' | 'askPassphrase'> {
  /** The data folder. */
  readonly folder: string;
  /** The name of a shipped policy, or a policy's file. */
  readonly policy: string;
  readonly operator: Operator;
  readonly onProgress: OnProgress;
}

export interface AddedCa extends CreatedCa {
  readonly policyFile: string;
  readonly administratorPasswordFile: string;
}

/**
 * Adds the CA.
 *
 * @throws {SetupError} `SETUP_PRESET_UNKNOWN`; `SETUP_CA_EXISTS`. @throws {ConfigError} when the policy does not go with those
 *   that are there. @throws the errors of the parts.
 */
export async function addCa(options: AddCaOptions): Promise<AddedCa> {
  const folder = resolve(options.folder);
  const source = options.policy.endsWith('.yaml')
    ? resolve(options.policy)
    : shippedPolicyFile(options.policy);
  if (!options.policy.endsWith('.yaml')) {
    await assertPresets([options.policy]);
  }
  const policy = await loadPolicy(source);
  const { policies } = await loadConfiguration(join(folder, CONFIGURATION_FILE));
  const known = await Promise.all(policies.map((file) => loadPolicy(file)));
  if (known.some(({ id }) => id === policy.id)) {
    throw new SetupError('SETUP_CA_EXISTS', `${folder} has the CA ${policy.id} already`);
  }
  const policyFile = join(folder, POLICIES_FOLDER, `${policy.id}.yaml`);
  await mkdir(dirname(policyFile), { recursive: true, mode: 0o700 });
  if (!existsSync(policyFile)) {
    await copyFile(source, policyFile);
  }
  const { password, file } = await firstPassword(folder, policy);
  const created = await createNeighbour(policyFile, {
    ...options,
    folder,
    administratorPasswords: new Map([[policy.id, password]]),
  });
  await namePolicy(folder, policyFile);
  return { ...created, policyFile, administratorPasswordFile: file };
}

/** The one that an interrupted run has made up, or another. */
async function firstPassword(
  folder: string,
  policy: Parameters<typeof makeUpPassword>[0] & { readonly id: string },
): Promise<{ readonly password: string; readonly file: string }> {
  const file = join(folder, 'secrets', `administrator-${policy.id}`);
  if (existsSync(file)) {
    return { password: await readFile(file, 'utf8'), file };
  }
  const password = makeUpPassword(policy, new SystemRandom());
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeDurably(file, password, 0o600);
  return { password, file };
}

/** Adds the policy to the configuration, whose comments stay. */
async function namePolicy(folder: string, policyFile: string): Promise<void> {
  const file = join(folder, CONFIGURATION_FILE);
  const document = parseDocument(await readFile(file, 'utf8'));
  const { policies } = await loadConfiguration(file);
  const names = [...policies, policyFile].map((one) => {
    const inside = relative(folder, one);
    return inside.startsWith('..') ? one : inside;
  });
  document.delete('policy');
  document.set('policies', names);
  await replaceFile(file, document.toString());
}

/**
 * Makes a data folder: policy, configuration, secrets, TLS certificate, token, store with the CA in
 * it. Everything is made in a folder beside the wanted one and renamed at the end, so that there is
 * a whole data folder or none.
 *
 * @module
 */

import { copyFile, mkdir, mkdtemp, open, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { stringify } from 'yaml';

import { type CreatedCa, type CreatedInstance, createInstance } from '../app/creation.ts';
import { loadPolicy, type Policy, shippedPolicyFile } from '../ca/policy/policy.ts';
import { CONFIGURATION_FILE } from '../config/configuration.ts';
import { asBuffer } from '../core/bytes.ts';
import { type Clock, SystemClock } from '../core/clock.ts';
import { type RandomSource, SystemRandom } from '../core/random.ts';
import { generatePassword } from '../directory/accounts/password-quality.ts';
import type { OnProgress, Operator } from '../http/operations.ts';
import { SetupError } from './errors.ts';
import { discardWorkshop, settleLeftover, UNFINISHED_FILE, WORKSHOP_MARK } from './leftover.ts';
import { makeTlsCertificate } from './tls-certificate.ts';

export interface InitialiseOptions {
  /** The data folder to be made; it must not exist or be empty. */
  readonly folder: string;
  /** The name of a shipped policy. */
  readonly preset: string;
  /** Of more CAs in the same data folder. */
  readonly otherPresets?: readonly string[] | undefined;
  readonly address: string;
  readonly ldapPort: number;
  readonly ldapsPort: number;
  readonly httpPort: number;
  /** Where the policy answers verifiers alone: OCSP over TLS. No listener when it is left out. */
  readonly ocspPort?: number | undefined;
  /** Where operators' programs reach the CAs. No listener when it is left out. */
  readonly apiPort?: number | undefined;
  /** File with the software token's passphrase, with an HSM that of the audit log's; one is made up when it is undefined. */
  readonly passphraseFile: string | undefined;
  /** The HSM that is to hold the CA's key; the software token when it is left out. */
  readonly hsm?: HsmChoice | undefined;
  readonly allowClearPasswords: boolean;
  /** Deletes what an init that was ended has left, keys in an HSM included, instead of asking for it. */
  readonly removesLeftovers?: boolean;
  readonly operator: Operator;
  readonly onProgress: OnProgress;
}

/** A token behind a PKCS#11 module, initialised and with its user PIN set. */
export interface HsmChoice {
  readonly module: string;
  readonly tokenLabel?: string | undefined;
  readonly tokenSerial?: string | undefined;
  readonly pinFile: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface InitialisedReport {
  readonly folder: string;
  /** The first CA; all of them are in `cas`. */
  readonly caName: string;
  readonly caDn: string;
  /** Of the self-signed certificate, upper-case hexadecimal with colons. */
  readonly sha256Fingerprint: string;
  readonly cas: readonly (CreatedCa & { readonly administratorPasswordFile: string })[];
  /** Of the token: its passphrase, or its PIN. */
  readonly passphraseFile: string;
  readonly administratorDn: string;
  /** The audit log's verifier key and its first checkpoint. */
  readonly auditKey: string;
  readonly checkpoint: string;
  readonly administratorPasswordFile: string;
}

const PASSPHRASE_FILE = 'secrets/token-passphrase';
/** Of the first CA; those of others have its name at their end. */
const ADMINISTRATOR_FILE = 'secrets/administrator';
const TLS_CERTIFICATE_FILE = 'tls/server.pem';
const AUDIT_PASSPHRASE_FILE = 'secrets/audit-token-passphrase';
const TLS_KEY_FILE = 'tls/server-key.pem';

/**
 * Makes the data folder and the CA in it.
 *
 * @throws {SetupError} `SETUP_PRESET_UNKNOWN`, `SETUP_FOLDER_NOT_EMPTY`, `SETUP_LEFTOVER`,
 *   `SETUP_FOLDER`; and the errors of the parts. Nothing is left behind when it fails, in an HSM neither; `SETUP_KEYS_LEFT` when it was away then.
 */
export async function initialise(options: InitialiseOptions): Promise<InitialisedReport> {
  const folder = resolve(options.folder);
  await assertPresets(presetsOf(options));
  await assertAbsentOrEmpty(folder);
  await settleLeftover(folder, { removes: options.removesLeftovers === true });
  const workshop = await makeWorkshop(folder);
  try {
    const made = await furnish(workshop, options);
    await settle(workshop, folder);
    return {
      ...made,
      folder,
      passphraseFile:
        options.hsm?.pinFile ?? options.passphraseFile ?? join(folder, PASSPHRASE_FILE),
      administratorPasswordFile: join(folder, ADMINISTRATOR_FILE),
      cas: made.cas.map((ca, index) => ({
        ...ca,
        administratorPasswordFile: join(folder, administratorFile(ca.id, index)),
      })),
    };
  } catch (error) {
    await discardWorkshop(workshop, error);
    throw error;
  }
}

function presetsOf({ preset, otherPresets = [] }: InitialiseOptions): readonly string[] {
  return [preset, ...otherPresets];
}

function administratorFile(id: string, index: number): string {
  return index === 0 ? ADMINISTRATOR_FILE : `${ADMINISTRATOR_FILE}-${id}`;
}

/** Where the policies of several CAs are. */
export const POLICIES_FOLDER = 'policies';

function policyFile(preset: string, isOnly: boolean): string {
  return isOnly ? 'policy.yaml' : join(POLICIES_FOLDER, `${preset}.yaml`);
}

/** @throws {SetupError} `SETUP_PRESET_UNKNOWN` */
export async function assertPresets(presets: readonly string[]): Promise<void> {
  const folder = dirname(shippedPolicyFile('any'));
  const names = (await readdir(folder))
    .filter((name) => name.endsWith('.yaml') && !name.startsWith('municipalities'))
    .map((name) => basename(name, '.yaml'));
  const unknown = presets.find((preset) => !names.includes(preset));
  if (unknown !== undefined) {
    throw new SetupError(
      'SETUP_PRESET_UNKNOWN',
      `no preset ${unknown}; there is ${names.sort().join(', ')}`,
    );
  }
}

async function assertAbsentOrEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') {
      return [];
    }
    throw new SetupError('SETUP_FOLDER', `${folder} cannot be used: ${error.message}`, {
      cause: error,
    });
  });
  if (names.length > 0) {
    throw new SetupError(
      'SETUP_FOLDER_NOT_EMPTY',
      `${folder} is not empty; name a new folder with --data, or move this one away`,
    );
  }
}

/** A fresh folder beside the wanted one, so that the rename stays within one file system. */
async function makeWorkshop(folder: string): Promise<string> {
  try {
    await mkdir(dirname(folder), { recursive: true });
    return await mkdtemp(`${folder}${WORKSHOP_MARK}`);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SetupError('SETUP_FOLDER', `${folder} cannot be made: ${reason}`, { cause });
  }
}

async function furnish(folder: string, options: InitialiseOptions): Promise<CreatedInstance> {
  const clock: Clock = new SystemClock();
  const random: RandomSource = new SystemRandom();
  await writeDurably(join(folder, UNFINISHED_FILE), 'certdir init has not ended here\n', 0o600);
  const audit = options.hsm === undefined ? [] : ['audit-token'];
  for (const name of ['secrets', 'tls', 'token', ...audit]) {
    await mkdir(join(folder, name), { mode: 0o700 });
  }
  const presets = presetsOf(options);
  const files = presets.map((preset) => policyFile(preset, presets.length === 1));
  for (const [index, preset] of presets.entries()) {
    const file = join(folder, files[index] ?? '');
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await copyFile(shippedPolicyFile(preset), file);
  }
  const { certificatePem, keyPem } = makeTlsCertificate({
    address: options.address,
    clock,
    random,
  });
  await writeDurably(join(folder, TLS_CERTIFICATE_FILE), certificatePem, 0o644);
  await writeDurably(join(folder, TLS_KEY_FILE), keyPem, 0o600);
  if (options.passphraseFile === undefined) {
    const file = options.hsm === undefined ? PASSPHRASE_FILE : AUDIT_PASSPHRASE_FILE;
    await writeDurably(join(folder, file), makeUpSecret(random), 0o600);
  }
  const administratorPasswords = new Map<string, string>();
  const policies: Policy[] = [];
  for (const [index, preset] of presets.entries()) {
    const policy = await loadPolicy(shippedPolicyFile(preset));
    policies.push(policy);
    const password = makeUpPassword(policy, random);
    administratorPasswords.set(policy.id, password);
    await writeDurably(join(folder, administratorFile(policy.id, index)), password, 0o600);
  }
  const text = configurationText(options, { policies, files });
  await writeDurably(join(folder, CONFIGURATION_FILE), text, 0o600);
  return createInstance({
    folder,
    administratorPasswords,
    operator: options.operator,
    onProgress: options.onProgress,
  });
}

/** A first password that the CA's policy accepts. */
export function makeUpPassword({ passwords }: Policy, random: RandomSource): string {
  return asBuffer(generatePassword(passwords, random)).toString('utf8');
}

/** 32 characters without a newline, so that `ldapsearch -y` can read the file as it is. */
function makeUpSecret(random: RandomSource): string {
  return asBuffer(random.bytes(24)).toString('base64url');
}

function configurationText(
  options: InitialiseOptions,
  { policies, files }: { readonly policies: readonly Policy[]; readonly files: readonly string[] },
): string {
  const { address, ocspPort, apiPort } = options;
  // What everyone may ask is answered by the repository; verifiers show certificates, which takes TLS.
  const isAsked = policies.some(({ ocsp }) => ocsp?.access === 'verifiers');
  const hasOcsp = ocspPort !== undefined && isAsked;
  const configuration = {
    formatVersion: 1,
    policies: files,
    store: { folder: 'store' },
    token: tokenConfiguration(options),
    ...(options.hsm === undefined ? {} : { audit: { token: auditTokenConfiguration(options) } }),
    ldap: {
      listeners: [
        { address, port: options.ldapPort, tls: 'starttls' },
        { address, port: options.ldapsPort, tls: 'ldaps' },
      ],
      certificateFile: TLS_CERTIFICATE_FILE,
      keyFile: TLS_KEY_FILE,
      allowClearPasswords: options.allowClearPasswords,
    },
    http: { address, port: options.httpPort },
    ...(hasOcsp ? { ocsp: { address, port: ocspPort, tls: true } } : {}),
    ...(apiPort === undefined ? {} : { api: { address, port: apiPort } }),
    log: { level: 'info', format: 'auto' },
  };
  return `# How this certdir runs; docs/operations.md explains every setting.\n${stringify(configuration)}`;
}

function tokenConfiguration(options: InitialiseOptions): Readonly<Record<string, unknown>> {
  if (options.hsm === undefined) {
    return softwareToken('token/software-token.json', options, PASSPHRASE_FILE);
  }
  const { module, tokenLabel, tokenSerial, pinFile, environment } = options.hsm;
  return {
    kind: 'pkcs11',
    module: resolve(module),
    ...(tokenLabel === undefined ? {} : { tokenLabel }),
    ...(tokenSerial === undefined ? {} : { tokenSerial }),
    pinFile: resolve(pinFile),
    register: 'token/key-register.json',
    environment,
  };
}

/** The audit log's key is Ed25519, which many devices do not have. */
function auditTokenConfiguration(options: InitialiseOptions): Readonly<Record<string, unknown>> {
  return softwareToken('audit-token/software-token.json', options, AUDIT_PASSPHRASE_FILE);
}

function softwareToken(
  file: string,
  { passphraseFile }: InitialiseOptions,
  madeUp: string,
): Readonly<Record<string, unknown>> {
  const opening = passphraseFile === undefined ? madeUp : resolve(passphraseFile);
  return { kind: 'software', file, passphraseFile: opening };
}

export async function writeDurably(file: string, text: string, mode: number): Promise<void> {
  const handle = await open(file, 'wx', mode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Moves the finished folder to its place; an empty folder there gives way. */
async function settle(workshop: string, folder: string): Promise<void> {
  try {
    await rm(join(workshop, UNFINISHED_FILE));
    await syncFolder(workshop);
    await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') {
        throw error;
      }
    });
    await rename(workshop, folder);
    await syncFolder(dirname(folder));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SetupError('SETUP_FOLDER', `${folder} cannot be made: ${reason}`, { cause });
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

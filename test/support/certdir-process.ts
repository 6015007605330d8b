/**
 * The finished program from outside: `bin/certdir` of the compiled tree as child processes on a data
 * folder of their own. Everything started here is ended, and the folder removed, after the suite.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

import { packageRoot } from '../../src/config/package-root.ts';
import { type CommandResult, childEnvironment, runCommand } from './command-run.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Where the compiled command is. */
export const certdirCommand: string = join(packageRoot, 'bin/certdir');

const COMMAND_TIMEOUT_MS = 30_000;
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 20_000;

/** A suite, or a test, that calls back at its end. */
export interface Suite {
  after(fn: () => void | Promise<void>): void;
}

/** What `init --json` answers. */
export interface InitReport {
  readonly folder: string;
  readonly caName: string;
  readonly sha256Fingerprint: string;
  readonly passphraseFile: string;
  readonly administratorDn: string;
  readonly administratorPasswordFile: string;
}

/** What `--json` writes to standard error when a command fails, with its exit code. */
export interface CommandFailure {
  readonly exitCode: number;
  readonly code: string;
  readonly message: string;
}

export interface Ports {
  readonly ldap: number;
  readonly ldaps: number;
  readonly http: number;
  readonly ocsp: number;
}

/** Ports that the system chooses at each start. */
const anyPorts: Ports = { ldap: 0, ldaps: 0, http: 0, ocsp: 0 };

/** A data folder and the commands on it. */
export class CertdirFolder {
  /** Holds the data folder and whatever the tests put beside it. */
  readonly workFolder: string;
  /** The data folder. */
  readonly folder: string;
  readonly #servers: CertdirServer[] = [];
  #report: InitReport | undefined;

  /** @param folder An existing empty folder to work in; a temporary one when left out. */
  constructor(suite: Suite, folder?: string) {
    // Hooks run in the order of their registration: first the processes end, then the folder goes.
    suite.after(async () => {
      await Promise.all(this.#servers.map((server) => server.kill()));
    });
    this.workFolder = folder ?? temporaryFolder(suite);
    this.folder = join(this.workFolder, 'data');
  }

  /** What `init` answered. */
  get report(): InitReport {
    assert.ok(this.#report !== undefined, 'init was run');
    return this.#report;
  }

  /** `certdir init` for Gunma. */
  async init(ports: Ports = anyPorts): Promise<InitReport> {
    this.#report = await this.answer<InitReport>('init', ...initArguments(ports));
    return this.#report;
  }

  /** A path beside the data folder. */
  path(name: string): string {
    return join(this.workFolder, name);
  }

  /** Writes a file beside the data folder, for its owner only. */
  write(name: string, content: string | Uint8Array): string {
    const path = this.path(name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  }

  /** Runs a command on the data folder. */
  run(...args: readonly string[]): Promise<CommandResult> {
    return runCommand(process.execPath, [certdirCommand, '--data', this.folder, ...args], {
      timeoutMs: COMMAND_TIMEOUT_MS,
    });
  }

  /** Runs a command that must succeed with `--json` and returns the one document it prints. */
  async answer<T>(...args: readonly string[]): Promise<T> {
    const { status, stdout, stderr } = await this.run('--json', ...args);
    assert.equal(status, 0, `certdir ${args.join(' ')}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** Runs a command that must fail with `--json`: nothing on standard output, one error document. */
  async failure(...args: readonly string[]): Promise<CommandFailure> {
    return failureOf(await this.run('--json', ...args), args);
  }

  /**
   * Starts a server and waits until it listens everywhere.
   *
   * @param command The command that serves, with its options.
   * @throws {Error} with what it wrote when it ends instead, or takes too long.
   */
  async serve(...command: readonly string[]): Promise<CertdirServer> {
    const server = await CertdirServer.start(
      this.folder,
      command.length === 0 ? ['serve'] : command,
    );
    this.#servers.push(server);
    return server;
  }
}

/** The options that `init` needs here. */
export function initArguments({ ldap, ldaps, http, ocsp }: Ports): readonly string[] {
  const ports = {
    '--ldap-port': ldap,
    '--ldaps-port': ldaps,
    '--http-port': http,
    '--ocsp-port': ocsp,
  };
  const options = Object.entries(ports).flatMap(([name, port]) => [name, String(port)]);
  return ['--preset', 'gunma', ...options];
}

/** The failure that a command with `--json` reported. */
export function failureOf(result: CommandResult, args: readonly string[]): CommandFailure {
  const { status, stdout, stderr } = result;
  assert.notEqual(status, 0, `certdir ${args.join(' ')} succeeded: ${stdout}`);
  assert.equal(stdout, '', 'no answer on standard output');
  const last = stderr.trimEnd().split('\n').at(-1) ?? '';
  const { error } = parseDocument(last, stderr) as { error: { code: string; message: string } };
  return { exitCode: status, code: error.code, message: error.message };
}

function parseDocument(text: string, context: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`not a JSON document: ${context}`, { cause });
  }
}

/** A running `certdir serve` or `certdir demo`. */
export class CertdirServer {
  readonly pid: number;
  readonly ldapUrl: string;
  readonly ldapsUrl: string;
  readonly httpUrl: string;
  /** OCSP over TLS; undefined where it is not listened for. */
  readonly ocspUrl: string | undefined;
  /** The API for operators' programs; likewise. */
  readonly apiUrl: string | undefined;
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | NodeJS.Signals>;
  readonly #output: OutputLines;

  static async start(folder: string, command: readonly string[]): Promise<CertdirServer> {
    const args = [certdirCommand, '--data', folder, ...command];
    const child = spawn(process.execPath, args, {
      env: childEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = new OutputLines(child);
    const ended = new Promise<number | NodeJS.Signals>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (status, signal) => resolve(signal ?? status ?? -1));
    });
    ended.catch(() => undefined);
    try {
      await inTime(START_TIMEOUT_MS, 'start', Promise.race([output.listening(), ended]));
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
    if (!output.isWhole) {
      child.kill('SIGKILL');
      throw new Error(`certdir ${command.join(' ')} ended instead of listening: ${output.text}`);
    }
    return new CertdirServer(child, ended, output);
  }

  private constructor(
    child: ChildProcess,
    ended: Promise<number | NodeJS.Signals>,
    output: OutputLines,
  ) {
    this.#child = child;
    this.#ended = ended;
    this.#output = output;
    this.pid = child.pid ?? -1;
    this.ldapUrl = output.url('ldap:');
    this.ldapsUrl = output.url('ldaps:');
    this.httpUrl = output.url('http:');
    const overTls = output.urls.filter((url) => url.startsWith('https:'));
    this.ocspUrl = overTls.find((url) => !url.endsWith('/api'));
    this.apiUrl = overTls.find((url) => url.endsWith('/api'));
  }

  /** Everything it has written. */
  get log(): string {
    return this.#output.text;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends a signal and waits for the end. @returns the exit code, or the signal that ended it. */
  async stop(signal: 'SIGTERM' | 'SIGINT' = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    this.#child.kill(signal);
    return await this.ended();
  }

  /** Ends it at once, as a crash would. Does nothing when it has ended. */
  async kill(): Promise<void> {
    if (this.isRunning) {
      this.#child.kill('SIGKILL');
    }
    await this.ended();
  }

  /** Waits for the end without asking for it. */
  ended(): Promise<number | NodeJS.Signals> {
    return inTime(STOP_TIMEOUT_MS, 'stop', this.#ended);
  }
}

/** What a server says, and the listeners among it. */
class OutputLines {
  text = '';
  readonly #streams: readonly Readable[];

  constructor({ stdout, stderr }: ChildProcess) {
    this.#streams = [stdout, stderr].filter((stream) => stream !== null);
    for (const stream of this.#streams) {
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        this.text += chunk;
      });
    }
  }

  /** As `serve` announces them, and `demo` in the line above its examples. */
  get urls(): readonly string[] {
    const announced = /(?:^listening on | {2,})((?:ldaps?|https?):\/\/\S+)/gm;
    return [...this.text.matchAll(announced)].map(([, url = '']) => url);
  }

  /** LDAP, LDAPS and HTTP are announced, and OCSP, which comes before HTTP. */
  get isWhole(): boolean {
    const { urls } = this;
    return ['ldap:', 'ldaps:', 'http:'].every((scheme) =>
      urls.some((url) => url.startsWith(scheme)),
    );
  }

  url(scheme: string): string {
    const url = this.urls.find((one) => one.startsWith(scheme));
    assert.ok(url !== undefined, `a listener for ${scheme}`);
    return url;
  }

  /** Resolves when LDAP, LDAPS and HTTP are announced. */
  listening(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.isWhole) {
          for (const stream of this.#streams) {
            stream.off('data', look);
          }
          resolve();
        }
      };
      for (const stream of this.#streams) {
        stream.on('data', look);
      }
    });
  }
}

async function inTime<T>(limitMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

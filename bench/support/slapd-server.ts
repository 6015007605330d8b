/**
 * The peer: OpenLDAP's slapd with the mdb backend and no log, on a port of the loopback, with the entries of
 * an LDIF text. No access rules: everyone may read everything, which is its fastest case.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';

import { watchFigures } from './process-figures.ts';
import { untilEnded, type Workshop } from './workshop.ts';

export interface SlapdServer {
  readonly pid: number;
  readonly port: number;
  /** Of LDAPS, where there are credentials for it. */
  readonly tlsPort: number;
  /** As it names itself, e.g. `slapd 2.5.13`. */
  readonly version: string;
}

export interface SlapdSettings {
  /** Lines of its configuration, such as indexes. */
  readonly database?: readonly string[];
  /** PEM. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** Debian's place first, then the other usual ones. */
const programs = ['/usr/sbin/slapd', '/usr/libexec/slapd', '/usr/local/libexec/slapd'];
const schemaFolders = ['/etc/ldap/schema', '/etc/openldap/schema'];
const moduleFolder = '/usr/lib/ldap';
const START_MS = 10_000;
const RETRY_MS = 50;

/** @returns undefined where slapd or its schema is not installed. */
export async function startSlapd(
  workshop: Workshop,
  ldif: string,
  settings: SlapdSettings = {},
): Promise<SlapdServer | undefined> {
  const program = programs.find((one) => existsSync(one));
  const schema = schemaFolders.find((one) => existsSync(`${one}/core.schema`));
  if (program === undefined || schema === undefined) {
    return undefined;
  }
  const folder = workshop.path('slapd');
  mkdirSync(folder);
  const configurationFile = `${folder}/slapd.conf`;
  const { database = [], tls } = settings;
  const text = configuration(folder, schema, database);
  writeFileSync(configurationFile, tls === undefined ? text : withTls(text, folder, tls));
  const ldifFile = `${folder}/entries.ldif`;
  // slapadd takes the line for a record when a blank line follows it.
  writeFileSync(ldifFile, ldif.replaceAll(/^version: 1$/gm, ''));
  // One program under several names: as slapadd it loads entries while no server runs.
  const load = ['-T', 'add', '-q', '-f', configurationFile, '-l', ldifFile];
  await untilEnded(workshop.spawn(program, load), 'slapadd');
  const port = await freePort();
  const tlsPort = await freePort();
  const ldaps = tls === undefined ? '' : ` ldaps://127.0.0.1:${tlsPort}`;
  const url = `ldap://127.0.0.1:${port}${ldaps}`;
  // A debug level, even 0, keeps it in the foreground, so that it is our child and ends with us.
  const child = workshop.spawn(program, ['-f', configurationFile, '-h', url, '-d', '0']);
  await Promise.race([untilConnects(port), untilEnded(child, 'slapd').then(endedEarly)]);
  return { pid: child.pid ?? -1, port, tlsPort, version: versionOf(program) };
}

function withTls(text: string, folder: string, tls: NonNullable<SlapdSettings['tls']>): string {
  writeFileSync(`${folder}/server.pem`, tls.certificate);
  writeFileSync(`${folder}/server.key`, tls.key, { mode: 0o600 });
  const files = `TLSCertificateFile ${folder}/server.pem\nTLSCertificateKeyFile ${folder}/server.key\n`;
  return text.replace('loglevel 0\n', `loglevel 0\n${files}`);
}

export interface SlapaddFigures {
  readonly elapsedMs: number;
  readonly cpuSeconds: number;
  readonly peakMiB: number;
  /** As it names itself, e.g. `slapd 2.5.13`. */
  readonly version: string;
}

/**
 * Loads a file with `slapadd -q` into a database of its own.
 *
 * @returns undefined where slapd or its schema is not installed.
 */
export async function timeSlapadd(
  workshop: Workshop,
  { ldifFile, name }: { readonly ldifFile: string; readonly name: string },
): Promise<SlapaddFigures | undefined> {
  const program = programs.find((one) => existsSync(one));
  const schema = schemaFolders.find((one) => existsSync(`${one}/core.schema`));
  if (program === undefined || schema === undefined) {
    return undefined;
  }
  const folder = workshop.path(name);
  mkdirSync(folder);
  const indexes = ['objectClass', 'entryUUID', 'cn', 'uid'].map((type) => `index ${type} eq`);
  writeFileSync(`${folder}/slapd.conf`, configuration(folder, schema, indexes));
  const startMs = performance.now();
  const load = ['-T', 'add', '-q', '-f', `${folder}/slapd.conf`, '-l', ldifFile];
  const child = workshop.spawn(program, load);
  const figures = watchFigures(child);
  await untilEnded(child, 'slapadd');
  return { elapsedMs: performance.now() - startMs, ...figures(), version: versionOf(program) };
}

function configuration(
  folder: string,
  schema: string,
  databaseSettings: readonly string[],
): string {
  const modules = existsSync(`${moduleFolder}/back_mdb.so`)
    ? [`modulepath ${moduleFolder}`, 'moduleload back_mdb']
    : [];
  return [
    `include ${schema}/core.schema`,
    ...modules,
    `pidfile ${folder}/slapd.pid`,
    'loglevel 0',
    'database mdb',
    'suffix "c=JP"',
    `directory ${folder}`,
    'maxsize 1073741824',
    ...databaseSettings,
    '',
  ].join('\n');
}

function endedEarly(): never {
  throw new Error('slapd ended instead of listening');
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function untilConnects(port: number): Promise<void> {
  const endMs = performance.now() + START_MS;
  while (!(await canConnect(port))) {
    if (performance.now() > endMs) {
      throw new Error(`slapd did not listen within ${START_MS / 1000} s`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, RETRY_MS);
    });
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function versionOf(program: string): string {
  const { stderr } = spawnSync(program, ['-VV'], { encoding: 'utf8', timeout: 5_000 });
  return /slapd [0-9.]+/.exec(stderr)?.[0] ?? 'slapd';
}

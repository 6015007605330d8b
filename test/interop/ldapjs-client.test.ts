/**
 * The server to ldapjs, a client that shares no code with it.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Client, SearchCallbackResponse, SearchEntry, SearchOptions } from 'ldapjs';

import { CertdirFolder, type CertdirServer, type InitReport } from '../support/certdir-process.ts';
import { registerVerifier } from '../support/registered-verifier.ts';

// CommonJS whose names an import does not find.
const ldapjs = createRequire(import.meta.url)('ldapjs') as typeof import('ldapjs');

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const maebashi = `cn=Maebashi-shi CRLDP,ou=Gunma-ken,ou=CRL Distribution Points,${CA}`;
const device = 'cn=printer,o=JPKI,c=JP';

/** One call with a callback as a promise. */
function call<T>(run: (done: (error: Error | null, result?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    run((error, result) => (error === null ? resolve(result as T) : reject(error)));
  });
}

describe('ldapjs', () => {
  const certdir = new CertdirFolder({ after });
  const clients: Client[] = [];
  let report: InitReport;
  let server: CertdirServer;

  before(async () => {
    report = await certdir.init();
    server = await certdir.serve();
  });
  after(() => {
    for (const client of clients) {
      client.destroy();
    }
  });

  async function connect(url: string): Promise<Client> {
    const ca = [readFileSync(join(certdir.folder, 'tls/server.pem'))];
    const client = ldapjs.createClient({ url: [url], tlsOptions: { ca }, timeout: 10_000 });
    clients.push(client);
    await new Promise((resolve, reject) => {
      client.once('connect', resolve);
      client.once('connectError', reject);
      client.once('error', reject);
    });
    client.on('error', () => undefined);
    return client;
  }

  const secretOf = (file: string): string => readFileSync(file, 'utf8').trimEnd();

  async function connectAsAdministrator(): Promise<Client> {
    const client = await connect(server.ldapsUrl);
    const password = secretOf(report.administratorPasswordFile);
    await call((done) => client.bind(report.administratorDn, password, done));
    return client;
  }

  async function search(
    client: Client,
    base: string,
    options: SearchOptions,
  ): Promise<readonly SearchEntry[]> {
    const response = await call<SearchCallbackResponse>((done) =>
      client.search(base, options, done),
    );
    const entries: SearchEntry[] = [];
    response.on('searchEntry', (entry) => entries.push(entry));
    return await new Promise((resolve, reject) => {
      response.once('end', () => resolve(entries));
      response.once('error', reject);
    });
  }

  it('reads the public part anonymously', async () => {
    const client = await connect(server.ldapUrl);
    const [entry] = await search(client, CA, { scope: 'base', attributes: ['cACertificate'] });
    const [attribute] = entry?.attributes ?? [];
    assert.equal(attribute?.type, 'cACertificate;binary');
    assert.equal(attribute?.buffers[0]?.[0], 0x30, 'DER');
  });

  it('gets no list anonymously, and the same bytes as others as a verifier', async () => {
    const options = {
      scope: 'base' as const,
      attributes: ['certificateRevocationList'],
    } satisfies SearchOptions;
    const anonymous = await connect(server.ldapsUrl);
    const [nothing] = await search(anonymous, maebashi, options);
    assert.deepEqual(nothing?.attributes, []);

    const verifier = await registerVerifier(certdir, 'ldapjs');
    const client = await connect(server.ldapsUrl);
    await call((done) => client.bind(verifier.dn, secretOf(verifier.passwordFile), done));
    const [entry] = await search(client, maebashi, options);
    const [attribute] = entry?.attributes ?? [];
    assert.equal(attribute?.type, 'certificateRevocationList;binary');
    assert.equal(attribute?.buffers[0]?.[0], 0x30, 'DER');
  });

  it('binds, and not with a wrong password', async () => {
    const client = await connect(server.ldapsUrl);
    await assert.rejects(
      call((done) => client.bind(report.administratorDn, 'wrong', done)),
      { name: 'InvalidCredentialsError' },
    );
    const password = secretOf(report.administratorPasswordFile);
    await call((done) => client.bind(report.administratorDn, password, done));
  });

  it('is asked for TLS first', async () => {
    const client = await connect(server.ldapUrl);
    await assert.rejects(
      call((done) => client.bind(report.administratorDn, 'any', done)),
      { name: 'ConfidentialityRequiredError' },
    );
    const ca = [readFileSync(join(certdir.folder, 'tls/server.pem'))];
    await call((done) => client.starttls({ ca, host: '127.0.0.1' }, [], done));
    const password = secretOf(report.administratorPasswordFile);
    await call((done) => client.bind(report.administratorDn, password, done));
  });

  it('adds, finds, compares, modifies, renames and deletes', async () => {
    const client = await connectAsAdministrator();
    const entry = { objectClass: 'device', cn: 'printer', description: '二階' };
    await call((done) => client.add(device, entry, done));
    await assert.rejects(
      call((done) => client.add(device, entry, done)),
      { name: 'EntryAlreadyExistsError' },
    );

    const filter = '(&(objectClass=device)(|(cn=print*)(description=*\\29*)))';
    const found = await search(client, 'o=JPKI,c=JP', { scope: 'sub', filter });
    assert.deepEqual(
      found.map((one) => one.dn.toString()),
      [device],
    );
    assert.ok(await call((done) => client.compare(device, 'description', '二階', done)));

    const change = new ldapjs.Change({
      operation: 'replace',
      modification: new ldapjs.Attribute({ type: 'description', values: ['三階'] }),
    });
    await call((done) => client.modify(device, change, done));
    const [modified] = await search(client, device, { scope: 'base', attributes: ['description'] });
    assert.deepEqual(modified?.attributes[0]?.values, ['三階']);

    await call((done) => client.modifyDN(device, 'cn=copier', done));
    const copier = device.replace('printer', 'copier');
    await call((done) => client.del(copier, done));
    await assert.rejects(search(client, copier, { scope: 'base' }), { name: 'NoSuchObjectError' });
  });

  it('asks who it is', async () => {
    const client = await connectAsAdministrator();
    const [name] = await new Promise<[string]>((resolve, reject) => {
      client.exop('1.3.6.1.4.1.4203.1.11.3', '', (error, value) =>
        error === null ? resolve([value]) : reject(error),
      );
    });
    assert.equal(name.toLowerCase(), `dn:${report.administratorDn}`.toLowerCase());
  });
});

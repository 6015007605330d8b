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
import type { Client, Control, SearchCallbackResponse, SearchEntry, SearchOptions } from 'ldapjs';

import { CertdirFolder, type CertdirServer, type InitReport } from '../support/certdir-process.ts';
import { registerVerifier } from '../support/registered-verifier.ts';

// CommonJS whose names an import does not find.
const ldapjs = createRequire(import.meta.url)('ldapjs') as typeof import('ldapjs');

type ControlClass = new (options: {
  readonly type?: string;
  readonly criticality: boolean;
  readonly value?: unknown;
}) => Control;
/** Of these its type declarations do not speak. */
const controls = ldapjs as unknown as Readonly<
  Record<'Control' | 'ServerSideSortingRequestControl', ControlClass>
>;

const persons: SearchOptions = {
  ...{ scope: 'one', filter: '(objectClass=person)', attributes: ['cn'] },
};

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

  it('reads page by page, and moves an entry under another parent', async () => {
    const client = await connectAsAdministrator();
    const unit = 'ou=ldapjs,o=JPKI,c=JP';
    for (const [dn, ou] of [
      [unit, 'ldapjs'],
      [`ou=Below,${unit}`, 'Below'],
    ] as const) {
      await call((done) => client.add(dn, { objectClass: 'organizationalUnit', ou }, done));
    }
    for (let number = 0; number < 7; number += 1) {
      const cn = `p${number}`;
      const entry = { objectClass: 'person', cn, sn: 'x' };
      await call((done) => client.add(`cn=${cn},${unit}`, entry, done));
    }
    const found = await search(client, unit, { ...persons, paged: { pageSize: 3 } });
    assert.equal(new Set(found.map(({ dn }) => dn.toString())).size, 7);

    await call((done) => client.modifyDN(`cn=p0,${unit}`, `cn=p0,ou=Below,${unit}`, done));
    const [moved] = await search(client, `ou=Below,${unit}`, persons);
    assert.equal(moved?.dn.toString(), `cn=p0,ou=Below,${unit}`);
  });

  it('sorts, and is refused a critical control that is not known', async () => {
    const client = await connectAsAdministrator();
    const value = [{ attributeType: 'cn', reverseOrder: true }];
    const sort = new controls.ServerSideSortingRequestControl({ criticality: true, value });
    const response = await call<SearchCallbackResponse>((done) =>
      client.search('ou=ldapjs,o=JPKI,c=JP', persons, sort, done),
    );
    const names: string[] = [];
    response.on('searchEntry', ({ dn }) => names.push(dn.toString()));
    await new Promise((resolve, reject) => {
      response.once('end', resolve);
      response.once('error', reject);
    });
    assert.deepEqual(names, names.toSorted().toReversed());
    assert.ok(names.length > 1);

    const unknown = new controls.Control({ type: '1.2.3.4.5', criticality: true });
    await assert.rejects(
      call((done) => client.compare(device, 'cn', 'x', unknown, done)),
      { name: 'UnavailableCriticalExtensionError' },
    );
  });
});

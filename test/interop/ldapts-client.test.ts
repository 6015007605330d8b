/**
 * The server to ldapts, a client for Node that shares no code with it and none with ldapjs.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  AlreadyExistsError,
  Attribute,
  Change,
  Client,
  ConfidentialityRequiredError,
  InsufficientAccessError,
  InvalidCredentialsError,
  NoSuchObjectError,
  ObjectClassViolationError,
} from 'ldapts';

import { CertdirFolder, type CertdirServer, type InitReport } from '../support/certdir-process.ts';
import { makeTlsCredentials } from '../support/ldap-test-server.ts';
import { registerVerifier } from '../support/registered-verifier.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const maebashi = `cn=Maebashi-shi CRLDP,ou=Gunma-ken,ou=CRL Distribution Points,${CA}`;
const unit = 'ou=ldapts,o=JPKI,c=JP';
const PERSONS = 23;
const WHO_AM_I = '1.3.6.1.4.1.4203.1.11.3';
const PASSWORD_MODIFY = '1.3.6.1.4.1.4203.1.11.1';

describe('ldapts', () => {
  const clients: Client[] = [];
  after(async () => {
    await Promise.all(clients.map((client) => client.unbind()));
  });
  const certdir = new CertdirFolder({ after });
  let report: InitReport;
  let server: CertdirServer;
  let ca: Buffer;

  before(async () => {
    report = await certdir.init();
    server = await certdir.serve();
    ca = readFileSync(join(certdir.folder, 'tls/server.pem'));
  });

  function connect(
    url: string,
    own: { readonly cert?: string; readonly key?: string } = {},
  ): Client {
    const tls = url === server.ldapsUrl ? { tlsOptions: { ca, ...own } } : {};
    const client = new Client({ url, timeout: 10_000, connectTimeout: 10_000, ...tls });
    clients.push(client);
    return client;
  }

  const secretOf = (file: string): string => readFileSync(file, 'utf8').trimEnd();

  async function connectAsAdministrator(): Promise<Client> {
    const client = connect(server.ldapsUrl);
    await client.bind(report.administratorDn, secretOf(report.administratorPasswordFile));
    return client;
  }

  const whoAmI = async (client: Client): Promise<string> =>
    ((await client.exop(WHO_AM_I)).value ?? '').toLowerCase();
  const ofAdministrator = (): string => `dn:${report.administratorDn}`.toLowerCase();

  it('reads the public part without a bind', async () => {
    const client = connect(server.ldapUrl);
    const { searchEntries } = await client.search(CA, {
      ...{ scope: 'base', attributes: ['cACertificate;binary'] },
      explicitBufferAttributes: ['cACertificate;binary'],
    });
    const [certificate] = [searchEntries[0]?.['cACertificate;binary']].flat();
    assert.ok(Buffer.isBuffer(certificate));
    assert.equal(certificate[0], 0x30, 'DER');
  });

  it('binds over LDAPS, and not with a wrong password', async () => {
    const client = connect(server.ldapsUrl);
    await assert.rejects(client.bind(report.administratorDn, 'wrong'), InvalidCredentialsError);
    await client.bind(report.administratorDn, secretOf(report.administratorPasswordFile));
    assert.equal(await whoAmI(client), ofAdministrator());
  });

  it('binds after StartTLS, and not before', async () => {
    const client = connect(server.ldapUrl);
    const password = secretOf(report.administratorPasswordFile);
    await assert.rejects(
      client.bind(report.administratorDn, password),
      ConfidentialityRequiredError,
    );
    await client.startTLS({ ca, host: '127.0.0.1' });
    await client.bind(report.administratorDn, password);
    assert.equal(await whoAmI(client), ofAdministrator());
  });

  it('binds with SASL PLAIN and EXTERNAL', async () => {
    const plain = connect(server.ldapsUrl);
    const password = secretOf(report.administratorPasswordFile);
    await plain.bind('PLAIN', `\0${report.administratorDn}\0${password}`);
    assert.equal(await whoAmI(plain), ofAdministrator());

    const { certificate, key } = makeTlsCredentials('ldapts');
    const { dn } = await certdir.answer<{ dn: string }>(
      ...['verifier', 'add', 'ldapts-certificate', '--kind', 'signatureVerifier'],
      ...['--from', '2020-01-01', '--until', '2099-12-31', '--partitions', '*'],
      ...['--agreement', 'ldapts', '--certificate', certdir.write('ldapts.pem', certificate)],
    );
    const external = connect(server.ldapsUrl, { cert: certificate, key });
    await external.bind('EXTERNAL');
    assert.equal(await whoAmI(external), `dn:${dn}`.toLowerCase());
  });

  it('reads a list as a verifier', async () => {
    const verifier = await registerVerifier(certdir, 'ldapts');
    const client = connect(server.ldapsUrl);
    await client.bind(verifier.dn, secretOf(verifier.passwordFile));
    const attribute = 'certificateRevocationList;binary';
    const { searchEntries } = await client.search(maebashi, {
      ...{ scope: 'base', attributes: [attribute], explicitBufferAttributes: [attribute] },
    });
    const [list] = [searchEntries[0]?.[attribute]].flat();
    assert.ok(Buffer.isBuffer(list));
    assert.equal(list[0], 0x30, 'DER');
    await assert.rejects(client.del(unit), (error: unknown) => {
      return error instanceof InsufficientAccessError || error instanceof NoSuchObjectError;
    });
  });

  it('adds, compares, modifies, moves and deletes', async () => {
    const client = await connectAsAdministrator();
    await client.add(unit, { objectClass: 'organizationalUnit', ou: 'ldapts' });
    for (let number = 0; number < PERSONS; number += 1) {
      const cn = `p${number}`;
      await client.add(`cn=${cn},${unit}`, { objectClass: 'person', cn, sn: '前橋' });
    }
    const dn = `cn=p0,${unit}`;
    const again = { objectClass: 'person', cn: 'p0', sn: 'x' };
    await assert.rejects(client.add(dn, again), AlreadyExistsError);
    await assert.rejects(
      client.add(`cn=q,${unit}`, { objectClass: 'person', cn: 'q' }),
      ObjectClassViolationError,
    );
    assert.ok(await client.compare(dn, 'sn', '前橋'));
    assert.equal(await client.compare(dn, 'sn', 'x'), false);
    const modification = new Attribute({ type: 'sn', values: ['Sato', 'Mori'] });
    await client.modify(dn, new Change({ operation: 'replace', modification }));
    const below = `ou=Below,${unit}`;
    await client.add(below, { objectClass: 'organizationalUnit', ou: 'Below' });
    await client.modifyDN(dn, `cn=moved,${below}`);
    const { searchEntries } = await client.search(below, { filter: '(sn=MORI)' });
    assert.deepEqual(
      searchEntries.map((entry) => [entry.dn, entry['sn']]),
      [[`cn=moved,${below}`, ['Sato', 'Mori']]],
    );
    await assert.rejects(client.search(dn, { scope: 'base' }), NoSuchObjectError);
    await client.modifyDN(`cn=moved,${below}`, dn);
    await client.del(below);
  });

  it('reads page by page', async () => {
    const client = await connectAsAdministrator();
    const sizes: number[] = [];
    const filter = '(objectClass=person)';
    for await (const { searchEntries } of client.searchPaginated(unit, {
      ...{ scope: 'one', filter, paged: { pageSize: 10 } },
    })) {
      sizes.push(searchEntries.length);
    }
    assert.deepEqual(sizes, [10, 10, 3]);
    const { searchEntries } = await client.search(unit, { filter, paged: { pageSize: 4 } });
    assert.equal(searchEntries.length, PERSONS);
    // ldapts is content with what came before the limit.
    const { searchEntries: few } = await client.search(unit, { filter, sizeLimit: 5 });
    assert.equal(few.length, 5);
  });

  it('asks many things at once on one connection', async () => {
    const client = await connectAsAdministrator();
    const numbers = Array.from({ length: PERSONS }, (_none, number) => number);
    const found = await Promise.all(
      numbers.map((number) =>
        client.search(unit, { filter: `(cn=p${number})`, attributes: ['cn'] }),
      ),
    );
    assert.deepEqual(
      found.map(({ searchEntries }) => searchEntries[0]?.['cn']),
      numbers.map((number) => `p${number}`),
    );
  });

  it('is given a new password that was made up (RFC 3062)', async () => {
    const client = await connectAsAdministrator();
    const verifier = await registerVerifier(certdir, 'made-up');
    const name = Buffer.from(verifier.dn);
    const identity = Buffer.concat([Buffer.of(0x80, name.length), name]);
    const value = Buffer.concat([Buffer.of(0x30, identity.length), identity]);
    const answer = await client.exop(PASSWORD_MODIFY, value);
    assert.ok((answer.value ?? '').length > 4);
    await assert.rejects(
      connect(server.ldapsUrl).bind(verifier.dn, secretOf(verifier.passwordFile)),
      InvalidCredentialsError,
    );
  });
});

/**
 * A restored CA is told the lists in use by a directory that still has them, and by the public repository.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { PublishedReport, RecoverReport, ServiceStatus } from '../../src/http/operations.ts';
import { CertdirFolder, type CertdirServer } from '../support/certdir-process.ts';
import type { LdapIdentity } from '../support/ldap-tools.ts';
import { registerVerifier } from '../support/registered-verifier.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SCOPE = '10201';
const Exit = { usage: 2, refused: 4, absent: 5, unavailable: 7 } as const;

describe('recovering from a replica', () => {
  const outside = temporaryFolder({ after });
  const replica = new CertdirFolder({ after }, join(outside, 'replica'));
  const restored = new CertdirFolder({ after }, join(outside, 'restored'));
  let server: CertdirServer;
  let verifier: LdapIdentity;
  let files: Server;
  let served: Buffer = Buffer.from('no list');
  let published = 0n;

  before(async () => {
    for (const name of ['replica', 'restored']) {
      mkdirSync(join(outside, name));
    }
    await replica.init();
    server = await replica.serve();
    verifier = await registerVerifier(replica, 'reader');
    await replica.answer('backup', 'create', join(outside, 'backups'));
    for (let at = 0; at < 2; at += 1) {
      const [list] = await replica.answer<PublishedReport[]>('ca', 'publish', '--partition', SCOPE);
      published = BigInt(list?.crlNumber ?? 0);
    }
    await restored.answer('backup', 'restore', join(outside, 'backups'));
    for (const name of ['token', 'secrets', 'tls']) {
      cpSync(join(replica.folder, name), join(restored.folder, name), { recursive: true });
    }
    // What is restored is served meanwhile: the commands go through its control socket.
    await restored.serve();
    files = createServer((request, answer) => {
      answer.statusCode = request.url === '/list.crl' ? 200 : 404;
      answer.end(served);
    });
    await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
  });
  after(() => files.close());

  const fileUrl = (path: string): string =>
    `http://127.0.0.1:${(files.address() as AddressInfo).port}${path}`;

  const asVerifier = (): string[] => [
    ...['--bind-dn', verifier.dn, '--bind-password-file', verifier.passwordFile],
    ...['--ca-file', join(replica.folder, 'tls/server.pem')],
  ];

  const refusals = [
    {
      why: 'that is none',
      from: () => 'ftp://127.0.0.1',
      exit: Exit.usage,
      code: 'READBACK_ADDRESS',
    },
    {
      why: 'with a password in it',
      from: () => 'ldap://someone:secret@127.0.0.1',
      ...{ exit: Exit.usage, code: 'READBACK_ADDRESS' },
    },
    {
      why: 'that nobody answers on',
      from: () => 'ldap://127.0.0.1:1',
      ...{ exit: Exit.unavailable, code: 'READBACK_FAILED' },
    },
    {
      why: 'that has no such file',
      from: () => fileUrl('/other.crl'),
      ...{ exit: Exit.absent, code: 'READBACK_ABSENT' },
    },
    {
      why: 'whose certificate nobody vouches for',
      from: () => server.ldapsUrl,
      ...{ exit: Exit.unavailable, code: 'READBACK_FAILED' },
    },
  ];
  for (const { why, from, exit, code } of refusals) {
    it(`takes nothing from an address ${why}`, async () => {
      const refused = await restored.failure(
        'recover',
        'confirm',
        '--none-newer',
        '--from',
        from(),
      );
      assert.deepEqual([refused.exitCode, refused.code], [exit, code], refused.message);
    });
  }

  it('does not count what the CA has not signed', async () => {
    const confirm = ['recover', 'confirm', '--none-newer', '--from', fileUrl('/list.crl')];
    served = Buffer.from(await (await fetch(`${server.httpUrl}/arl.crl`)).arrayBuffer());
    served[served.length - 1] = (served.at(-1) ?? 0) ^ 1;
    const { exitCode, code } = await restored.failure(...confirm);
    assert.deepEqual([exitCode, code], [Exit.refused, 'CA_RECOVERY_FOREIGN']);
  });

  it('wants lists that a directory does not show to be accounted for', async () => {
    const from = ['--from', server.ldapUrl, `${server.httpUrl}/arl.crl`];
    const { exitCode, code } = await restored.failure('recover', 'confirm', ...from);
    assert.deepEqual([exitCode, code], [Exit.refused, 'CA_RECOVERY_INCOMPLETE']);
  });

  it('takes every list from a directory that shows them, and goes on above them', async () => {
    const from = ['--from', server.ldapsUrl, ...asVerifier()];
    const { scopes } = await restored.answer<ServiceStatus>('status');
    const open = await restored.failure('recover', 'confirm', ...from);
    assert.equal(open.code, 'CA_RECOVERY_INCOMPLETE', 'the audit log is not accounted for');
    const checkpoint = restored.write(
      'checkpoint',
      await (await fetch(`${server.httpUrl}/audit/checkpoint`)).text(),
    );
    from.push('--checkpoint', checkpoint);
    const report = await restored.answer<RecoverReport>('recover', 'confirm', ...from);
    assert.equal(report.lists, scopes.length);
    assert.deepEqual(
      report.moved.map(({ scope, to }) => [scope, to]),
      [[SCOPE, published.toString()]],
    );
    const [list] = await restored.answer<PublishedReport[]>('ca', 'publish', '--partition', SCOPE);
    assert.equal(BigInt(list?.crlNumber ?? 0), published + 1n);
    const again = await restored.failure('recover', 'confirm', '--none-newer');
    assert.equal(again.code, 'CA_RECOVERY_NONE');
  });
});

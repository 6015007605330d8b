/**
 * The server to Perl's Net::LDAP, a codec of its own. What is asked and expected is in perl/ldap-client.pl.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import { packageRoot } from '../../src/config/package-root.ts';
import { CertdirFolder } from '../support/certdir-process.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { runRows } from '../support/reported-rows.ts';

describe('Net::LDAP', { skip: skipWithout('Net::LDAP', 'IO::Socket::SSL') }, () => {
  const certdir = new CertdirFolder({ after });

  it('is served', async (t) => {
    const report = await certdir.init();
    const { ldapUrl, ldapsUrl } = await certdir.serve();
    await runRows(t, {
      command: '/usr/bin/perl',
      args: [join(packageRoot, 'test/interop/perl/ldap-client.pl')],
      env: {
        ...{ LDAP_URL: ldapUrl, LDAPS_URL: ldapsUrl },
        CA_FILE: join(certdir.folder, 'tls/server.pem'),
        CA_DN: 'ou=Gunma Prefectural CA,o=JPKI,c=JP',
        ADMINISTRATOR_DN: report.administratorDn,
        ADMINISTRATOR_PASSWORD: readFileSync(report.administratorPasswordFile, 'utf8').trimEnd(),
      },
      leastRows: 7,
    });
  });
});

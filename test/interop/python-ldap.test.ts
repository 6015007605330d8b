/**
 * The server to python3-ldap: binds, StartTLS, SASL, controls, changes, exceptions, and the subschema as its
 * parser reads it. What is asked and expected is in python/ldap-client.py.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import { packageRoot } from '../../src/config/package-root.ts';
import { CertdirFolder } from '../support/certdir-process.ts';
import { makeTlsCredentials } from '../support/ldap-test-server.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { runRows } from '../support/reported-rows.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';

describe('python3-ldap', { skip: skipWithout('python3-ldap') }, () => {
  const certdir = new CertdirFolder({ after });

  it('is served', async (t) => {
    const report = await certdir.init();
    const { ldapUrl, ldapsUrl } = await certdir.serve();
    const { certificate, key } = makeTlsCredentials('python');
    const certificateFile = certdir.write('python.pem', certificate);
    const { dn } = await certdir.answer<{ dn: string }>(
      ...['verifier', 'add', 'python', '--kind', 'signatureVerifier', '--agreement', 'python'],
      ...['--from', '2020-01-01', '--until', '2099-12-31', '--partitions', '*'],
      ...['--certificate', certificateFile],
    );
    const server = {
      ...{ ldapUrl, ldapsUrl, certificateFile, keyFile: certdir.write('python.key', key) },
      caFile: join(certdir.folder, 'tls/server.pem'),
      administratorDn: report.administratorDn,
      administratorPassword: readFileSync(report.administratorPasswordFile, 'utf8').trimEnd(),
      verifierDn: dn,
      caDn: CA,
      partitionDn: `cn=Maebashi-shi CRLDP,ou=Gunma-ken,ou=CRL Distribution Points,${CA}`,
    };
    await runRows(t, {
      command: '/usr/bin/python3',
      args: [join(packageRoot, 'test/interop/python/ldap-client.py')],
      env: { SERVER: JSON.stringify(server) },
      leastRows: 22,
    });
  });
});

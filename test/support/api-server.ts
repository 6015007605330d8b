/**
 * A whole server with the API for the tests of a file: the CA of Gunma, and one operator for each role of its policy,
 * who shows a certificate.
 *
 * @module
 */

import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { type RunningServer, serve } from '../../src/app/server.ts';
import { CONFIGURATION_FILE } from '../../src/config/configuration.ts';
import { encodeUtf8 } from '../../src/core/bytes.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { SystemRandom } from '../../src/core/random.ts';
import { makeTlsCertificate } from '../../src/setup/tls-certificate.ts';
import { ApiClient, type ClientCertificate } from './api-client.ts';
import { gunma } from './ca-test-bed.ts';
import { makeDataFolder } from './data-folder.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface ServedApi {
  readonly client: ApiClient;
  readonly server: RunningServer;
  /** The roles of the policy. */
  readonly roles: readonly string[];
  /** What the operator with just this role shows. */
  certificateOf(role: string): ClientCertificate;
}

const nobodyAsks = (): undefined => undefined;

export async function serveApi(suite: { after(fn: () => unknown): void }): Promise<ServedApi> {
  const { folder } = await makeDataFolder(join(temporaryFolder(suite), 'data'));
  const file = join(folder, CONFIGURATION_FILE);
  const configuration = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  const limits = { operatorCallsPerMinute: 100_000, addressCallsPerMinute: 1_000_000 };
  const api = { address: '127.0.0.1', port: 0, limits };
  writeFileSync(file, JSON.stringify({ ...configuration, api }));
  const server = await serve({ folder });
  const url = server.endpoints.find((one) => one.endsWith('/api'))?.replace(/\/api$/, '') ?? '';
  const trusted = readFileSync(join(folder, 'tls/server.pem'), 'utf8');
  const client = new ApiClient({ url, id: 'gunma', trusted });
  suite.after(async () => {
    client.forgetConnections();
    await server.close();
  });
  const roles = Object.keys(gunma.people?.roles ?? {});
  const certificates = await makeStaff(server, roles);
  return {
    ...{ client, server, roles },
    certificateOf: (role) => {
      const found = certificates.get(role);
      if (found === undefined) {
        throw new Error(`no operator has the role ${role}`);
      }
      return found;
    },
  };
}

async function makeStaff(
  { operations }: RunningServer,
  roles: readonly string[],
): Promise<ReadonlyMap<string, ClientCertificate>> {
  const parts = { address: '127.0.0.1', clock: new SystemClock(), random: new SystemRandom() };
  const certificates = new Map(roles.map((role) => [role, makeTlsCertificate(parts)]));
  const records = [...certificates].map(([role, { certificatePem }]) => {
    const sha256 = createHash('sha256').update(new X509Certificate(certificatePem).raw);
    return `dn: cn=${role},${gunma.directory.operators}
objectClass: applicationProcess
objectClass: certdirOperator
cn: ${role}
certdirOperatorRole: ${role}
${role.startsWith('municipal') ? 'certdirGrantedPartition: 10201\n' : ''}certdirCertificateSha256: ${sha256.digest('hex')}
`;
  });
  async function* source(): AsyncGenerator<Uint8Array> {
    yield encodeUtf8(`version: 1\n\n${records.join('\n')}`);
  }
  await operations.ldifImport({ source: source() }, { name: 'tester' }, nobodyAsks);
  return certificates;
}

/**
 * `certdir demo`, which is what `npm start` runs: a CA with everything on the loopback. The first
 * time it makes the CA, issues and revokes a few certificates and publishes the lists; every time
 * it serves them and says what to try.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Command } from 'commander';

import { type RunningServer, serve } from '../app/server.ts';
import { CONFIGURATION_FILE } from '../config/configuration.ts';
import type { Operations } from '../http/operations.ts';
import { initialise } from '../setup/initialise.ts';
import { type Context, contextOf } from './context.ts';
import { makeCitizenRequest, sampleCitizens } from './demo-citizens.ts';
import { examples } from './examples.ts';
import { passphrasePrompt } from './passphrase-prompt.ts';
import { parsePort } from './port.ts';
import { untilStopped } from './stop-signals.ts';

interface DemoOptions {
  readonly ldapPort: string;
  readonly ldapsPort: string;
  readonly httpPort: string;
}

/** What the demonstration has made, kept beside its certificates. */
interface DemoFacts {
  readonly caDn: string;
  readonly verifierDn: string;
  readonly distributionPointDn: string;
}

const VERIFIER = 'demo-verifier';
/** Written last when the demonstration is made: without it the work starts again where it can. */
const FACTS_FILE = 'facts.json';

/** Adds the command to the program. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('run a demonstration CA (Gunma, software token) on the loopback')
    .option('--ldap-port <port>', 'LDAP with StartTLS; used when the CA is made', '1389')
    .option('--ldaps-port <port>', 'LDAP over TLS; used when the CA is made', '1636')
    .option('--http-port <port>', 'public repository; used when the CA is made', '8080')
    .addHelpText('after', examples('certdir demo', 'certdir demo --data /tmp/trial'))
    .action(async (options: DemoOptions, command: Command) => {
      const context = contextOf(command);
      if (!existsSync(join(context.folder, CONFIGURATION_FILE))) {
        await makeCa(context, options);
      }
      const server = await serve({ folder: context.folder, askPassphrase: passphrasePrompt() });
      try {
        const facts = await makeContents(context, server.operations);
        context.output.answer({ endpoints: server.endpoints, ...facts }, () =>
          invitation(context, { server, facts }),
        );
      } catch (error) {
        await server.close();
        throw error;
      }
      await untilStopped(server, context.output);
    });
}

async function makeCa(context: Context, options: DemoOptions): Promise<void> {
  context.output.note(`Making the demonstration CA in ${context.folder} …`);
  const bar = context.output.progress();
  await initialise({
    folder: context.folder,
    preset: 'gunma',
    address: '127.0.0.1',
    ldapPort: parsePort(options.ldapPort),
    ldapsPort: parsePort(options.ldapsPort),
    httpPort: parsePort(options.httpPort),
    passphraseFile: undefined,
    allowClearPasswords: true,
    operator: context.operator,
    onProgress: bar.onProgress,
  }).finally(() => bar.stop());
}

/** Issues, revokes and publishes once; later starts read what was made. */
async function makeContents(context: Context, operations: Operations): Promise<DemoFacts> {
  const folder = join(context.folder, 'demo');
  const factsFile = join(folder, FACTS_FILE);
  if (existsSync(factsFile)) {
    return JSON.parse(await readFile(factsFile, 'utf8')) as DemoFacts;
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const status = await operations.status();
  const verifierDn = await registerVerifier(context, operations);
  await issueAndRevoke(context, { operations, folder });
  await operations.publish({ scopes: 'all' }, context.operator, () => undefined);
  const partition = sampleCitizens[0]?.municipality;
  const scope = status.scopes.find((one) => one.scope === partition);
  const facts = {
    caDn: status.caDn,
    verifierDn,
    distributionPointDn: scope?.dn ?? '',
  };
  await writeFile(factsFile, JSON.stringify(facts, null, 2));
  return facts;
}

async function registerVerifier(context: Context, operations: Operations): Promise<string> {
  const known = await operations.verifierList();
  const there = known.find((one) => one.dn.startsWith(`cn=${VERIFIER},`));
  if (there !== undefined) {
    return there.dn;
  }
  const password = randomBytes(24).toString('base64url');
  await writeFile(join(context.folder, 'secrets', VERIFIER), password, { mode: 0o600 });
  const report = await operations.verifierAdd(
    {
      name: VERIFIER,
      kind: 'signatureVerifier',
      agreementNumber: 'demo-1',
      agreementFrom: '2020-01-01',
      agreementUntil: '2099-12-31',
      partitions: ['*'],
      password,
    },
    context.operator,
  );
  return report.dn;
}

async function issueAndRevoke(
  context: Context,
  { operations, folder }: { readonly operations: Operations; readonly folder: string },
): Promise<void> {
  for (const citizen of sampleCitizens) {
    const file = join(folder, `${citizen.file}.pem`);
    if (existsSync(file)) {
      continue;
    }
    const { request, privateKeyPem } = makeCitizenRequest();
    const { municipality, attributes } = citizen;
    const issued = await operations.issue({ request, municipality, attributes }, context.operator);
    if (citizen.isRevoked) {
      const { serialNumber } = issued;
      await operations.revoke({ serialNumber, reason: 'keyCompromise' }, context.operator);
    }
    await writeFile(join(folder, `${citizen.file}.key`), privateKeyPem, { mode: 0o600 });
    await writeFile(file, issued.certificate);
  }
}

function invitation(
  { folder }: Context,
  { server, facts }: { readonly server: RunningServer; readonly facts: DemoFacts },
): string {
  const at = (...parts: string[]): string => {
    const path = relative(process.cwd(), join(folder, ...parts));
    return path.startsWith('..') ? join(folder, ...parts) : path;
  };
  const [ldap = '', ldaps = '', http = ''] = ['ldap:', 'ldaps:', 'http:'].map((scheme) =>
    server.endpoints.find((endpoint) => endpoint.startsWith(scheme)),
  );
  return `
certdir demonstration: ${facts.caDn}
  ${ldap}   ${ldaps}   ${http}

1. Anyone may read the CA certificate and the ARL:

   ldapsearch -x -LLL -H ${ldap} -s base -b '${facts.caDn}' \\
     cACertificate authorityRevocationList

2. A registered verifier may read the CRL of Maebashi, over TLS; anonymous may not (leave out -D -y):

   LDAPTLS_CACERT=${at('tls', 'server.pem')} ldapsearch -x -LLL -o ldif-wrap=no -H ${ldaps} \\
     -D '${facts.verifierDn}' -y ${at('secrets', VERIFIER)} \\
     -s base -b '${facts.distributionPointDn}' certificateRevocationList |
     sed -n 's/^certificateRevocationList;binary:: //p' | base64 -d |
     openssl crl -inform DER -out ${at('demo', 'maebashi.crl')}

3. OpenSSL accepts the good certificate and refuses the revoked one:

   openssl x509 -in ${at('demo', 'good.pem')} -noout -text
   curl -s ${http}/ca.pem -o ${at('demo', 'ca.pem')}
   openssl verify -crl_check -CAfile ${at('demo', 'ca.pem')} \\
     -CRLfile ${at('demo', 'maebashi.crl')} ${at('demo', 'good.pem')} ${at('demo', 'revoked.pem')}

4. The CA itself (in another terminal):

   bin/certdir status${folder === join(process.cwd(), 'data') ? '' : ` --data ${at()}`}

Stop with Ctrl-C; the next start finds everything as it was.`;
}

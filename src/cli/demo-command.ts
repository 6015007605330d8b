/**
 * `certdir demo`, which is what `npm start` runs: a CA with everything on the loopback. The first
 * time it makes the CA, issues and revokes a few certificates and publishes the lists; every time
 * it serves them and says what to try.
 *
 * @module
 */

import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Command } from 'commander';

import type { RunningServer } from '../app/server.ts';
import { type Context, contextOf } from './context.ts';
import type { DemoFacts } from './demo-contents.ts';
import { examples } from './examples.ts';
import { passphrasePrompt } from './passphrase-prompt.ts';
import { parsePort } from './port.ts';
import { untilStopped } from './stop-signals.ts';

interface DemoOptions {
  readonly ldapPort: string;
  readonly ldapsPort: string;
  readonly httpPort: string;
  readonly ocspPort: string;
  readonly apiPort: string;
}

/** Adds the command to the program. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .description('run a demonstration CA (Gunma, software token) on the loopback')
    .option('--ldap-port <port>', 'LDAP with StartTLS; used when the CA is made', '1389')
    .option('--ldaps-port <port>', 'LDAP over TLS; used when the CA is made', '1636')
    .option('--http-port <port>', 'public repository; used when the CA is made', '8080')
    .option('--ocsp-port <port>', 'OCSP over TLS; used when the CA is made', '8443')
    .option(
      '--api-port <port>',
      "the API for operators' programs; used when the CA is made",
      '8444',
    )
    .addHelpText('after', examples('certdir demo', 'certdir demo --data /tmp/trial'))
    .action(async (options: DemoOptions, command: Command) => {
      const context = contextOf(command);
      const { serve } = await import('../app/server.ts');
      const { CONFIGURATION_FILE } = await import('../config/configuration.ts');
      const { makeDemoContents, VERIFIER_PASSWORD_FILE } = await import('./demo-contents.ts');
      if (!existsSync(join(context.folder, CONFIGURATION_FILE))) {
        await makeCa(context, options);
      }
      const server = await serve({ folder: context.folder, askPassphrase: passphrasePrompt() });
      try {
        const { folder, operator } = context;
        const facts = await makeDemoContents({ folder, operator, operations: server.operations });
        context.output.answer({ endpoints: server.endpoints, ...facts }, () =>
          invitation(context, { server, facts, passwordFile: VERIFIER_PASSWORD_FILE }),
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
  const { initialise } = await import('../setup/initialise.ts');
  const bar = context.output.progress();
  await initialise({
    folder: context.folder,
    preset: 'gunma',
    address: '127.0.0.1',
    ldapPort: parsePort(options.ldapPort),
    ldapsPort: parsePort(options.ldapsPort),
    httpPort: parsePort(options.httpPort),
    ocspPort: parsePort(options.ocspPort),
    apiPort: parsePort(options.apiPort),
    passphraseFile: undefined,
    allowClearPasswords: true,
    removesLeftovers: true,
    operator: context.operator,
    onProgress: bar.onProgress,
  }).finally(() => bar.stop());
}

function invitation(
  { folder }: Context,
  {
    server,
    facts,
    passwordFile,
  }: {
    readonly server: RunningServer;
    readonly facts: DemoFacts;
    /** The verifier's, in the data folder. */
    readonly passwordFile: string;
  },
): string {
  const at = (...parts: string[]): string => {
    const path = relative(process.cwd(), join(folder, ...parts));
    return path.startsWith('..') ? join(folder, ...parts) : path;
  };
  const api = server.endpoints.find((endpoint) => endpoint.endsWith('/api'));
  const others = server.endpoints.filter((endpoint) => endpoint !== api);
  const [ldap = '', ldaps = '', http = '', ocsp] = ['ldap:', 'ldaps:', 'http:', 'https:'].map(
    (scheme) => others.find((endpoint) => endpoint.startsWith(scheme)),
  );
  // Folders of earlier versions have no listener for it.
  const askByOcsp =
    ocsp === undefined
      ? ''
      : `
4. It is told of the moment by OCSP, to the verifier that signs its request; anonymous is not (leave out -signer -signkey):

   openssl ocsp -url ${ocsp} -issuer ${at('demo', 'ca.pem')} -CAfile ${at('demo', 'ca.pem')} \\
     -signer ${at('demo', 'verifier.pem')} -signkey ${at('demo', 'verifier.key')} \\
     -cert ${at('demo', 'good.pem')} -cert ${at('demo', 'revoked.pem')}
`;
  return `
certdir demonstration: ${facts.caDn}
  ${[ldap, ldaps, http, ...(ocsp === undefined ? [] : [ocsp]), ...(api === undefined ? [] : [api])].join('   ')}

1. Anyone may read the CA certificate and the ARL:

   ldapsearch -x -LLL -H ${ldap} -s base -b '${facts.caDn}' \\
     cACertificate authorityRevocationList

2. A registered verifier may read the CRL of Maebashi, over TLS; anonymous may not (leave out -D -y):

   LDAPTLS_CACERT=${at('tls', 'server.pem')} ldapsearch -x -LLL -o ldif-wrap=no -H ${ldaps} \\
     -D '${facts.verifierDn}' -y ${at(passwordFile)} \\
     -s base -b '${facts.distributionPointDn}' certificateRevocationList |
     sed -n 's/^certificateRevocationList;binary:: //p' | base64 -d |
     openssl crl -inform DER -out ${at('demo', 'maebashi.crl')}

3. OpenSSL accepts the good certificate and refuses the revoked one:

   openssl x509 -in ${at('demo', 'good.pem')} -noout -text
   curl -s ${http}/ca.pem -o ${at('demo', 'ca.pem')}
   openssl verify -crl_check -CAfile ${at('demo', 'ca.pem')} \\
     -CRLfile ${at('demo', 'maebashi.crl')} ${at('demo', 'good.pem')} ${at('demo', 'revoked.pem')}
${askByOcsp}
${ocsp === undefined ? 4 : 5}. The CA itself (in another terminal):

   bin/certdir status${folder === join(process.cwd(), 'data') ? '' : ` --data ${at()}`}
${inviteToApi(api, { at, isNext: ocsp === undefined ? 5 : 6 })}
Stop with Ctrl-C; the next start finds everything as it was.`;
}

/** Folders of earlier versions have no listener for it. */
function inviteToApi(
  api: string | undefined,
  { at, isNext }: { readonly at: (...parts: string[]) => string; readonly isNext: number },
): string {
  return api === undefined
    ? ''
    : `
${isNext}. The API as an operator, e.g. the one that may manage others (docs/api.md):

   bin/certdir login --server ${api.replace(/\/api$/, '')} --ca gunma --name administrator \\
     --password-file ${at('secrets', 'administrator')} --ca-file ${at('tls', 'server.pem')}
   bin/certdir api call listLists
`;
}

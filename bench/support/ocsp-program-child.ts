/**
 * The whole program in a process of its own, answering everyone by OCSP: a gunma CA with its signer process, store and access
 * journal.
 *
 * @module
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { serve } from '../../src/app/server.ts';
import { CONFIGURATION_FILE } from '../../src/config/configuration.ts';
import { silentLog } from '../../src/core/log.ts';
import { decodePem } from '../../src/x509/pem.ts';
import { makeBenchFolder, makeRequests } from './bench-instance.ts';
import { answerQuestions } from './workshop.ts';

export interface OcspProgramOrder {
  readonly folder: string;
  /** Certificates to be issued. */
  readonly count: number;
}

export interface OcspProgramReport {
  readonly url: string;
  /** DER. */
  readonly authority: Uint8Array;
  readonly serialNumbers: readonly bigint[];
}

const operator = { name: 'bench' };

async function start({ folder, count }: OcspProgramOrder): Promise<OcspProgramReport> {
  await makeBenchFolder(folder);
  const policyFile = join(folder, 'policy.yaml');
  writeFileSync(
    policyFile,
    readFileSync(policyFile, 'utf8')
      .replace(/^ {2}access: verifiers$/m, '  access: public')
      .replace(/^ {2}httpMaxAgeMinutes: 0$/m, '  httpMaxAgeMinutes: 5'),
  );
  const listener = 'ocsp: { address: 127.0.0.1, port: 0, tls: false }\n';
  const file = join(folder, CONFIGURATION_FILE);
  writeFileSync(file, readFileSync(file, 'utf8') + listener);
  const { operations, endpoints } = await serve({ folder, log: silentLog });
  await operations.ocspRenew(operator);
  const serialNumbers: bigint[] = [];
  for (const { csr, municipality = '', subjectAttributes } of makeRequests(count)) {
    const request = Buffer.from(csr).toString('base64');
    const attributes = subjectAttributes as Parameters<typeof operations.issue>[0]['attributes'];
    const issued = await operations.issue({ request, municipality, attributes }, operator);
    serialNumbers.push(BigInt(`0x${issued.serialNumber}`));
  }
  const http = endpoints.find((url) => /^http:.*\d$/.test(url));
  const authority = decodePem(await (await fetch(`${http}/ca.pem`)).text());
  const url = endpoints.find((one) => /^http:.*\/$/.test(one)) ?? '';
  return { url, authority, serialNumbers };
}

answerQuestions((order) => start(order as OcspProgramOrder));

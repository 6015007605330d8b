/**
 * Citizens with certificates, made with `openssl` and the command line.
 *
 * @module
 */

import type { IssuedReport } from '../../src/http/operations.ts';
import type { CertdirFolder } from './certdir-process.ts';
import { makeOpensslRequest, type RequestKey } from './openssl-request.ts';

export interface Citizen {
  /** What files of the certificate are called; part of the address, so that no two are one person. */
  readonly name: string;
  readonly municipality?: string;
  readonly key?: RequestKey;
}

export interface IssuedCitizen extends IssuedReport {
  readonly certificateFile: string;
  readonly requestFile: string;
}

/** The attributes of `name` as options of `ca issue`. Nobody by these names is known to us. */
export function citizenOptions(name: string): readonly string[] {
  return [
    ...['--name', '見本　花子', '--gender', '2', '--birth', '1990-04-01'],
    ...['--address', citizenAddress(name)],
  ];
}

/** An address for each name. */
export function citizenAddress(name: string): string {
  return `群馬県前橋市大手町${[...Buffer.from(name)].map(fullWidthNumber).join('の')}`;
}

function fullWidthNumber(value: number): string {
  return [...String(value)].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join('');
}

/** Makes a request and has it issued. */
export async function issueCitizen(
  certdir: CertdirFolder,
  { name, municipality = '10201', key }: Citizen,
): Promise<IssuedCitizen> {
  const { requestFile } = makeOpensslRequest(certdir.workFolder, name, key);
  const certificateFile = certdir.path(`${name}.pem`);
  const report = await certdir.answer<IssuedReport>(
    ...['ca', 'issue', '--csr', requestFile, '--municipality', municipality],
    ...citizenOptions(name),
    ...['--out', certificateFile],
  );
  return { ...report, certificateFile, requestFile };
}

/**
 * The peer: `openssl ca` with an RSA-2048 key, and a profile with the same extensions as the gunma subscriber's.
 *
 * @module
 */

import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { decodePem, encodePem } from '../../src/x509/pem.ts';
import { runOpenssl } from '../../test/support/openssl.ts';
import { watchPeakMemory } from './process-figures.ts';
import { timeOf } from './timing.ts';
import { untilEnded, type Workshop } from './workshop.ts';

const configuration = `
[ca]
default_ca = gunma
[gunma]
dir = .
database = index.txt
new_certs_dir = certs
certificate = ca.pem
private_key = ca.key
crlnumber = crlnumber
rand_serial = yes
unique_subject = no
default_md = sha256
default_days = 1095
default_crl_days = 3
policy = anything
x509_extensions = end_entity
crl_extensions = list
[anything]
countryName = optional
organizationName = optional
organizationalUnitName = optional
commonName = supplied
[end_entity]
authorityKeyIdentifier = keyid:always,issuer:always
subjectKeyIdentifier = hash
keyUsage = critical,digitalSignature,nonRepudiation
certificatePolicies = critical,1.2.392.200149.8.5.1.1.10
subjectAltName = @subject
issuerAltName = dirName:point
crlDistributionPoints = points
[subject]
otherName.1 = 1.2.392.200149.8.5.5.1;FORMAT:UTF8,UTF8:見本　花子
otherName.2 = 1.2.392.200149.8.5.5.2;FORMAT:UTF8,UTF8:00000
otherName.3 = 1.2.392.200149.8.5.5.3;FORMAT:UTF8,UTF8:2
otherName.4 = 1.2.392.200149.8.5.5.4;FORMAT:UTF8,UTF8:419900401
otherName.5 = 1.2.392.200149.8.5.5.5;FORMAT:UTF8,UTF8:群馬県前橋市大手町１番地
otherName.6 = 1.2.392.200149.8.5.5.6;FORMAT:UTF8,UTF8:000000000000
[points]
fullname = dirName:point
[list]
authorityKeyIdentifier = keyid:always,issuer:always
issuingDistributionPoint = critical,@distribution
[distribution]
fullname = dirName:point
onlyuser = TRUE
[point]
C = JP
O = JPKI
1.OU = Gunma Prefectural CA
2.OU = CRL Distribution Points
3.OU = Gunma-ken
CN = Maebashi-shi CRLDP
[req]
distinguished_name = nothing
x509_extensions = authority
[authority]
subjectKeyIdentifier = hash
keyUsage = critical,keyCertSign,cRLSign
basicConstraints = critical,CA:true
[nothing]
`;

const listedReasons = [
  'keyCompromise',
  'CACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
];

export const opensslVersion = (): string =>
  runOpenssl(['version']).toString('utf8').split(' ').slice(0, 2).join(' ');

export class OpensslAuthority {
  readonly #workshop: Workshop;
  readonly #folder: string;

  constructor(workshop: Workshop) {
    this.#workshop = workshop;
    this.#folder = workshop.path('openssl');
    mkdirSync(join(this.#folder, 'certs'), { recursive: true });
    this.#write('ca.cnf', configuration);
    this.#write('index.txt', '');
    this.#write('crlnumber', '01\n');
    const files = ['-keyout', join(this.#folder, 'ca.key'), '-out', join(this.#folder, 'ca.pem')];
    const name = '/C=JP/O=JPKI/OU=Gunma Prefectural CA';
    const made = ['-newkey', 'rsa:2048', '-nodes', '-subj', name, '-days', '3650'];
    runOpenssl(['req', '-x509', '-config', join(this.#folder, 'ca.cnf'), ...made, ...files]);
  }

  /** Certificates per second when one process is given all requests (DER). */
  async issue(requests: readonly Uint8Array[]): Promise<number> {
    const names = requests.map((request, index) => {
      const name = `${index}.csr`;
      this.#write(name, encodePem('CERTIFICATE REQUEST', request));
      return name;
    });
    const elapsedMs = await timeOf(() => this.#run(['-batch', '-notext', '-infiles', ...names]));
    return (requests.length * 1000) / elapsedMs;
  }

  /** DER. */
  get certificate(): Uint8Array {
    return decodePem(readFileSync(join(this.#folder, 'ca.pem'), 'utf8'));
  }

  /** Answers OCSP about the index, with the CA's own key. */
  respond(port: number): void {
    const own = ['-index', 'index.txt', '-CA', 'ca.pem', '-rsigner', 'ca.pem', '-rkey', 'ca.key'];
    const args = ['ocsp', ...own, '-port', String(port), '-ignore_err', '-nmin', '5'];
    const child = this.#workshop.spawn('openssl', args, this.#folder);
    child.stderr?.resume();
  }

  /** Makes the index one of `count` revoked certificates. @returns their serial numbers. */
  writeIndex(count: number): readonly bigint[] {
    const serialNumbers = Array.from({ length: count }, () =>
      BigInt(`0x7F${randomBytes(19).toString('hex')}`),
    );
    const lines = serialNumbers.map((serialNumber, index) => {
      const serial = serialNumber.toString(16).toUpperCase();
      const reason = listedReasons[index % listedReasons.length];
      return `R\t480101000000Z\t250101000000Z,${reason}\t${serial}\tunknown\t/C=JP/CN=${index}\n`;
    });
    this.#write('index.txt', lines.join(''));
    return serialNumbers;
  }

  /** Makes the list of everything in the index. */
  async makeList(): Promise<{ readonly elapsedMs: number; readonly peakMiB: number | undefined }> {
    let peak: () => number | undefined = () => undefined;
    const elapsedMs = await timeOf(() => {
      const child = this.#start(['-gencrl', '-out', 'list.pem']);
      peak = watchPeakMemory(child);
      return untilEnded(child, 'openssl ca');
    });
    return { elapsedMs, peakMiB: peak() };
  }

  #run(args: readonly string[]): Promise<void> {
    return untilEnded(this.#start(args), 'openssl ca');
  }

  #start(args: readonly string[]): ReturnType<Workshop['spawn']> {
    return this.#workshop.spawn(
      'openssl',
      ['ca', '-config', 'ca.cnf', '-utf8', ...args],
      this.#folder,
    );
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.#folder, name), text, { mode: 0o600 });
  }
}

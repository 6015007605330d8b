/**
 * A file that names certificates to be revoked, read as it comes, in bounded memory. A line each:
 *
 *     4F2A…9C                    serial number in hexadecimal
 *     4F2A…9C affiliationChanged with a reason of its own; also with a comma between
 *     # remark                   and empty lines
 *
 * or certificates in PEM, one behind the other. What cannot be read is a fault of its line and holds up no other.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { RevocationOrder } from '../ca/certificates/revocation-group.ts';
import { parseSerialNumber } from '../ca/certificates/serial-number.ts';
import { CertdirError } from '../core/errors.ts';
import { parseCertificate } from '../x509/certificate.ts';
import type { CrlReasonName } from '../x509/crl-extensions.ts';
import { decodePem } from '../x509/pem.ts';
import { HttpError } from './errors.ts';

/** A line is a serial number and a word, or one of a PEM block. */
const MAX_LINE_BYTES = 1_024;
/** Of a certificate in PEM. */
const MAX_PEM_BYTES = 64 * 1024;

export interface LineFault {
  readonly line: number;
  readonly code: string;
  readonly message: string;
}

export interface RevocationLines {
  readonly orders: AsyncIterable<RevocationOrder & { readonly line: number }>;
  /** SHA-256 of the bytes that were read, in hexadecimal; to be asked once, at the end. */
  digest(): string;
}

export interface LineReading {
  /** The reason of what has none of its own; undefined: then each line has to have one. */
  readonly reason: CrlReasonName | undefined;
  /** @throws for a reason that the policy does not have. */
  readonly findReason: (text: string) => CrlReasonName;
  readonly onFault: (fault: LineFault) => Promise<void>;
}

/** @throws {HttpError} `HTTP_REQUEST_INVALID` while reading, for what is no text of such lines at all. */
export function readRevocationLines(
  source: AsyncIterable<Uint8Array>,
  reading: LineReading,
): RevocationLines {
  const hash = createHash('sha256');
  return { orders: readOrders(source, reading, hash), digest: () => hash.digest('hex') };
}

async function* readOrders(
  source: AsyncIterable<Uint8Array>,
  reading: LineReading,
  hash: { update(bytes: Uint8Array): unknown },
): AsyncGenerator<RevocationOrder & { readonly line: number }, void, undefined> {
  let pem: { readonly line: number; text: string } | undefined;
  for await (const { line, text } of linesOf(source, hash)) {
    const begins = text.startsWith('-----BEGIN ');
    if (pem === undefined && !begins && (text === '' || text.startsWith('#'))) {
      continue;
    }
    if (begins || pem !== undefined) {
      pem ??= { line, text: '' };
      pem.text += `${text}\n`;
      if (pem.text.length > MAX_PEM_BYTES) {
        throw invalid(`line ${pem.line}: a PEM block of more than ${MAX_PEM_BYTES} bytes`);
      }
      if (!text.startsWith('-----END ')) {
        continue;
      }
    }
    const start = pem?.line ?? line;
    const given = pem?.text;
    pem = undefined;
    try {
      yield given === undefined
        ? { ...orderOfLine(text, reading), line: start }
        : { ...orderOfPem(given, reading), line: start };
    } catch (error) {
      if (!(error instanceof CertdirError)) {
        throw error;
      }
      await reading.onFault({ line: start, code: error.code, message: error.message });
    }
  }
  if (pem !== undefined) {
    const message = 'a PEM block has no end';
    await reading.onFault({ line: pem.line, code: 'X509_PEM', message });
  }
}

function orderOfLine(text: string, { reason, findReason }: LineReading): RevocationOrder {
  const [serial = '', word, ...rest] = text.split(/[\s,]+/);
  const serialNumber = parseSerialNumber(serial);
  if (rest.length > 0) {
    throw invalid('a line has a serial number and at most a reason');
  }
  return { serialNumber, reason: word === undefined ? demanded(reason) : findReason(word) };
}

function orderOfPem(text: string, { reason }: LineReading): RevocationOrder {
  const der = decodePem(text, 'CERTIFICATE');
  const { serialNumber } = parseCertificate(der);
  return { serialNumber, der, reason: demanded(reason) };
}

function demanded(reason: CrlReasonName | undefined): CrlReasonName {
  if (reason === undefined) {
    throw invalid('neither the line nor the command says a reason');
  }
  return reason;
}

/** Lines without what ends them and the blanks around. */
async function* linesOf(
  source: AsyncIterable<Uint8Array>,
  hash: { update(bytes: Uint8Array): unknown },
): AsyncGenerator<{ readonly line: number; readonly text: string }, void, undefined> {
  let line = 0;
  let rest = Buffer.alloc(0);
  for await (const bytes of source) {
    hash.update(bytes);
    const all = rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([rest, bytes]);
    let at = 0;
    for (let end = all.indexOf(0x0a); end >= 0; end = all.indexOf(0x0a, at)) {
      line += 1;
      yield { line, text: textOf(all.subarray(at, end), line) };
      at = end + 1;
    }
    rest = all.subarray(at);
    assertLength(rest, line + 1);
  }
  if (rest.length > 0) {
    yield { line: line + 1, text: textOf(rest, line + 1) };
  }
}

function textOf(bytes: Buffer, line: number): string {
  assertLength(bytes, line);
  return bytes.toString('latin1').trim();
}

function assertLength(bytes: Uint8Array, line: number): void {
  if (bytes.length > MAX_LINE_BYTES) {
    throw invalid(
      `line ${line} has more than ${MAX_LINE_BYTES} bytes; give serial numbers, or certificates in PEM`,
    );
  }
}

function invalid(message: string): HttpError {
  return new HttpError('HTTP_REQUEST_INVALID', message);
}

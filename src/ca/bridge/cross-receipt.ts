/**
 * The receipt for a cross certificate, which each side gives the other (gunma 4-8): a JSON document that names the
 * certificate by its SHA-256.
 *
 * Not here: who has signed it; it is handed over with the certificate, by people or through an API that knows who calls.
 *
 * @module
 */

import { hash } from 'node:crypto';

import { z } from 'zod';

import type { Certificate } from '../../x509/certificate.ts';
import { formatName } from '../../x509/name.ts';
import { formatSerialNumber } from '../certificates/serial-number.ts';
import { type Finding, Findings } from './finding.ts';

/** What a receipt begins with; a later form has another number. */
const FORMAT = 'certdir-cross-receipt-1';

/** No honest receipt is longer. */
const MAX_RECEIPT_CHARACTERS = 65_536;

// Whoever writes one may say more.
const schema = z.object({
  format: z.literal(FORMAT),
  from: z.string(),
  to: z.string(),
  certificate: z.object({
    issuer: z.string(),
    subject: z.string(),
    serialNumber: z.string(),
    sha256: z.string(),
  }),
  receivedAt: z.string(),
});

/** The receipt of a certificate's subject for its issuer. */
export function writeReceipt(certificate: Certificate, atMs: number): string {
  const { issuer, subject, serialNumber, der } = certificate;
  const receipt: z.infer<typeof schema> = {
    format: FORMAT,
    from: formatName(subject),
    to: formatName(issuer),
    certificate: {
      issuer: formatName(issuer),
      subject: formatName(subject),
      serialNumber: formatSerialNumber(serialNumber),
      sha256: hash('sha256', der, 'hex'),
    },
    receivedAt: new Date(atMs).toISOString(),
  };
  return `${JSON.stringify(receipt, null, 2)}\n`;
}

/** Whether a receipt is the peer's for this certificate. */
export function examineReceipt(text: string, certificate: Certificate): readonly Finding[] {
  const findings = new Findings();
  const receipt = parse(text);
  if (receipt === undefined) {
    findings.add('receipt', 'malformed', `it is no JSON document of format ${FORMAT}`);
    return findings.list;
  }
  const expected = parse(writeReceipt(certificate, 0));
  const say = (path: string, message: string): void => {
    findings.add(`receipt.${path}`, 'other-certificate', message);
  };
  if (receipt.from !== expected?.from) {
    say('from', `it is by ${receipt.from}, not by the certificate's subject`);
  }
  if (receipt.to !== expected?.to) {
    say('to', `it is for ${receipt.to}, not for this CA`);
  }
  if (receipt.certificate.sha256.toLowerCase() !== expected?.certificate.sha256) {
    const { serialNumber } = receipt.certificate;
    say('certificate', `it is for another certificate (${serialNumber}) than the newest one`);
  }
  return findings.list;
}

function parse(text: string): z.infer<typeof schema> | undefined {
  if (text.length > MAX_RECEIPT_CHARACTERS) {
    return undefined;
  }
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/**
 * Requests about certificates on their way: that one was received, and that one never was handed over (jlis 4.3, 4.4;
 * secom 4.4; mic-ops 4.3.3). Each is one transaction with the end of its request.
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';
import type { RegisteredCertificate } from '../certificates/certificate-register.ts';
import { formatSerialNumber, parseSerialNumber } from '../certificates/serial-number.ts';
import type { Deliveries } from '../delivery/deliveries.ts';
import type { DeliveryRecord } from '../delivery/delivery-record.ts';
import { CaError } from '../errors.ts';
import type { Policy } from '../policy/policy.ts';
import type { JsonObject } from './canonical-json.ts';
import { type CertificateInput, certificateSchema } from './certificate-kinds.ts';
import { finding } from './findings.ts';
import { subjectOf } from './renewed-subject.ts';
import type { Finding, RequestKind } from './request-kind.ts';

export interface DeliveringActs {
  readonly policy: Policy;
  readonly delivery: Pick<Deliveries, 'deliver' | 'discard' | 'find'>;
  findCertificate(serialNumber: bigint): Promise<RegisteredCertificate | undefined>;
}

export interface DeliverInput extends CertificateInput {
  /** Who has signed the receipt, and where it is filed. */
  readonly receivedBy?: string | undefined;
  readonly receipt?: string | undefined;
}

const line = z
  .string()
  .min(1)
  .max(200)
  .regex(/^\P{Cc}*\S\P{Cc}*$/u, 'one line of text');

export const deliverSchema: z.ZodType<DeliverInput> = strictObject({
  serialNumber: z.string().min(1).max(64).describe('serial number of the certificate, hexadecimal'),
  receivedBy: line.optional().describe('who has signed the receipt'),
  receipt: line.optional().describe('where the receipt is filed'),
});

export function deliverKind(ca: DeliveringActs): RequestKind<DeliverInput> {
  return {
    ...common(ca),
    name: 'deliver',
    schema: deliverSchema,
    describe: ({ serialNumber }) => ({
      ja: `証明書 ${serialNumber} の交付`,
      en: `certificate ${serialNumber} was delivered`,
    }),
    execute: async ({ serialNumber, receivedBy, receipt }, context) => {
      const record = await ca.delivery.deliver({
        serialNumber: parseSerialNumber(serialNumber),
        origin: context.origin,
        receipt: { from: receivedBy, reference: receipt },
        within: (transaction, done) => context.complete(transaction, resultOf(done)),
      });
      return resultOf(record);
    },
  };
}

export function discardKind(ca: DeliveringActs): RequestKind<CertificateInput> {
  return {
    ...common(ca),
    name: 'discard',
    schema: certificateSchema,
    describe: ({ serialNumber }) => ({
      ja: `証明書 ${serialNumber} の交付前破棄`,
      en: `discard certificate ${serialNumber} before delivery`,
    }),
    execute: async ({ serialNumber }, context) => {
      const record = await ca.delivery.discard({
        serialNumber: parseSerialNumber(serialNumber),
        origin: context.origin,
        within: (transaction, done) => context.complete(transaction, resultOf(done)),
      });
      return resultOf(record);
    },
  };
}

function common(
  ca: DeliveringActs,
): Required<Pick<RequestKind<CertificateInput>, 'partition' | 'subjects' | 'check' | 'checkPart'>> {
  const checkPart = (input: Partial<CertificateInput>): Promise<readonly Finding[]> =>
    input.serialNumber === undefined
      ? Promise.resolve([])
      : finding('/serialNumber', async () => {
          await assertOnItsWay(ca, parseSerialNumber(input.serialNumber ?? ''));
        });
  return {
    partition: async ({ serialNumber }) => {
      const found = await ca.findCertificate(parseSerialNumber(serialNumber));
      return found && subjectOf(ca.policy, found).municipality;
    },
    subjects: ({ serialNumber }) => [
      `serial:${formatSerialNumber(parseSerialNumber(serialNumber))}`,
    ],
    check: checkPart,
    checkPart,
  };
}

async function assertOnItsWay(ca: DeliveringActs, serialNumber: bigint): Promise<void> {
  const found = await ca.delivery.find(serialNumber);
  const shown = formatSerialNumber(serialNumber);
  if (found === undefined) {
    throw new CaError('CA_DELIVERY_UNKNOWN', `there is no delivery of ${shown}`);
  }
  if (found.state !== 'prepared') {
    throw new CaError('CA_DELIVERY_STATE', `${shown} was ${found.state} already`);
  }
}

function resultOf({ serialNumber, state, endedMs = 0 }: DeliveryRecord): JsonObject {
  return { serialNumber, state, at: new Date(endedMs).toISOString() };
}

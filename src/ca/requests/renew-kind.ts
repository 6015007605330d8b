/**
 * Requests for the certificate that takes the place of another (gunma 3-2, jlis 4.7): always with another key. What the
 * old one says of its subject is taken from it where the request says nothing else.
 *
 * @module
 */

import { z } from 'zod';

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { strictObject } from '../../config/strict-object.ts';
import type { RegisteredCertificate } from '../certificates/certificate-register.ts';
import { formatSerialNumber, parseSerialNumber } from '../certificates/serial-number.ts';
import type { Deliveries } from '../delivery/deliveries.ts';
import { CaError } from '../errors.ts';
import { finding } from './findings.ts';
import {
  assertRequestable,
  type IssueInput,
  type IssuingActs,
  issueFindings,
  issueRequestOf,
  issueResult,
  issueSchema,
  personalFields,
} from './issue-kind.ts';
import { carryOutKeyOrder, keyOrderFindings } from './key-order.ts';
import { subjectOf } from './renewed-subject.ts';
import type { Finding, RequestKind } from './request-kind.ts';

export interface RenewInput extends Omit<IssueInput, 'profile' | 'municipality'> {
  /** Of the certificate that is renewed; hexadecimal, with or without colons. */
  readonly serialNumber: string;
}

export interface RenewingActs extends IssuingActs {
  readonly delivery: Pick<Deliveries, 'prepare' | 'assertOrder'>;
  findCertificate(serialNumber: bigint): Promise<RegisteredCertificate | undefined>;
}

const { profile: _profile, municipality: _municipality, ...renewable } = issueShape();

export const renewSchema: z.ZodType<RenewInput> = strictObject({
  serialNumber: z
    .string()
    .min(1)
    .max(64)
    .describe('serial number of the certificate that is renewed, hexadecimal'),
  ...renewable,
});

function issueShape(): Record<string, z.ZodType> {
  return (issueSchema as unknown as z.ZodObject).shape as Record<string, z.ZodType>;
}

const checkOrigin: AuditOrigin = { channel: 'system', actor: 'certdir' };

export function renewKind(ca: RenewingActs): RequestKind<RenewInput> {
  const checkPart = (input: Partial<RenewInput>): Promise<readonly Finding[]> => check(ca, input);
  return {
    name: 'renew',
    schema: renewSchema,
    personal: personalFields,
    describe: ({ serialNumber }) => ({
      ja: `証明書 ${serialNumber} の更新`,
      en: `renew certificate ${serialNumber}`,
    }),
    partition: async ({ serialNumber }) => {
      const found = await ca.findCertificate(parseSerialNumber(serialNumber));
      return found && subjectOf(ca.policy, found).municipality;
    },
    subjects: ({ serialNumber }) => [
      `serial:${formatSerialNumber(parseSerialNumber(serialNumber))}`,
    ],
    check: checkPart,
    checkPart,
    execute: async (input, context) => {
      const whole = await inputOf(ca, input);
      const request = issueRequestOf(whole, context.origin);
      const renews = parseSerialNumber(input.serialNumber);
      if (input.request === undefined) {
        const { csr: _csr, ...issue } = request;
        const order = { issue: { ...issue, renews }, transportKey: input.transportKey };
        return await carryOutKeyOrder(ca.delivery, order, context);
      }
      const issued = await ca.issue({
        ...{ ...request, renews },
        within: (transaction, facts) => context.complete(transaction, issueResult(facts)),
      });
      return issueResult(issued);
    },
  };
}

async function check(ca: RenewingActs, input: Partial<RenewInput>): Promise<readonly Finding[]> {
  const { serialNumber } = input;
  if (serialNumber === undefined) {
    return [];
  }
  const unknown = await finding('/serialNumber', async () => {
    await oldOf(ca, serialNumber);
  });
  if (unknown.length > 0) {
    return unknown;
  }
  const request = issueRequestOf(await inputOf(ca, { ...input, serialNumber }), checkOrigin);
  const renews = parseSerialNumber(serialNumber);
  const findings = issueFindings(await ca.examine({ ...request, renews })).map((one) =>
    one.path === '/renews' ? { ...one, path: '/serialNumber' } : one,
  );
  if (input.request !== undefined) {
    return findings;
  }
  const { csr: _csr, ...issue } = request;
  const order = { issue, transportKey: input.transportKey };
  return [
    ...findings.filter(({ path }) => path !== '/request'),
    ...(await keyOrderFindings(ca.delivery, order)),
  ];
}

async function oldOf(ca: RenewingActs, text: string): Promise<RegisteredCertificate> {
  const number = parseSerialNumber(text);
  const found = await ca.findCertificate(number);
  if (found === undefined) {
    throw new CaError('CA_SERIAL_UNKNOWN', `this CA has not issued ${formatSerialNumber(number)}`);
  }
  assertRequestable(ca.policy, found.profile);
  if (found.state !== 'good' && found.state !== 'held') {
    throw new CaError('CA_RENEWS_OTHER', `the certificate is ${found.state}; apply for a new one`);
  }
  return found;
}

/** The request with what the certificate says where it says nothing. */
async function inputOf(
  ca: RenewingActs,
  { serialNumber, ...said }: RenewInput,
): Promise<Partial<IssueInput>> {
  const old = await oldOf(ca, serialNumber);
  return { ...subjectOf(ca.policy, old), ...said };
}

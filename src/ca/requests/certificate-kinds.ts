/**
 * Requests about a certificate that there is: to revoke it, to hold it, to release it. Each is one transaction with
 * the end of its request.
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';
import { parseCertificate } from '../../x509/certificate.ts';
import { formatName } from '../../x509/name.ts';
import type { RegisteredCertificate } from '../certificates/certificate-register.ts';
import { assertRevocable, findReason } from '../certificates/certificate-state.ts';
import { assertHoldable, type HoldReceipt, type HoldRequest } from '../certificates/holding.ts';
import type { RevocationReceipt, RevokeRequest } from '../certificates/revocation.ts';
import { formatSerialNumber, parseSerialNumber } from '../certificates/serial-number.ts';
import { CaError } from '../errors.ts';
import type { Policy } from '../policy/policy.ts';
import type { JsonObject } from './canonical-json.ts';
import { finding } from './findings.ts';
import type { Finding, RequestContext, RequestKind } from './request-kind.ts';

/** What these kinds have a CA do. */
export interface CertificateActs {
  readonly policy: Policy;
  findCertificate(serialNumber: bigint): Promise<RegisteredCertificate | undefined>;
  revoke(request: RevokeRequest): Promise<RevocationReceipt>;
  hold(request: HoldRequest): Promise<HoldReceipt>;
  release(request: HoldRequest): Promise<HoldReceipt>;
}

export interface CertificateInput {
  /** Hexadecimal, with or without colons. */
  readonly serialNumber: string;
}

export interface RevokeInput extends CertificateInput {
  /** A reason of the policy's table, by its name in RFC 5280 §5.3.1. */
  readonly reason: string;
  /** On whose word: the subscriber's at the counter or on line, or ex officio (gunma 4-4-1, 4-4-2). */
  readonly ground?: 'subscriber' | 'ex-officio' | undefined;
}

const serialNumber = z
  .string()
  .min(1)
  .max(64)
  .describe('serial number of the certificate, hexadecimal, with or without colons');

export const certificateSchema: z.ZodType<CertificateInput> = strictObject({ serialNumber });

export const revokeSchema: z.ZodType<RevokeInput> = strictObject({
  serialNumber,
  reason: z.string().min(1).max(64).describe('reason by its name in RFC 5280'),
  ground: z.enum(['subscriber', 'ex-officio']).optional(),
});

export function revokeKind(ca: CertificateActs): RequestKind<RevokeInput> {
  const checkPart = async (input: Partial<RevokeInput>): Promise<readonly Finding[]> => [
    ...(await serialFindings(ca, input, ({ state, profile }) => {
      assertRevocable(state);
      assertNotOwn(ca.policy, profile);
    })),
    ...(input.reason === undefined
      ? []
      : await finding('/reason', () =>
          findReason(input.reason ?? '', ca.policy.revocation.reasons),
        )),
  ];
  return {
    ...common(ca),
    name: 'revoke',
    schema: revokeSchema,
    describe: ({ serialNumber: text, reason }) => ({
      ja: `証明書 ${text} の失効（${reason}）`,
      en: `revoke certificate ${text} (${reason})`,
    }),
    check: checkPart,
    checkPart,
    execute: async ({ serialNumber: text, reason }, context) => {
      const receipt = await ca.revoke({
        ...{ serialNumber: parseSerialNumber(text), reason, origin: context.origin },
        within: (transaction, done) => context.complete(transaction, revocationResult(done)),
      });
      return revocationResult(receipt);
    },
  };
}

export function holdKind(ca: CertificateActs): RequestKind<CertificateInput> {
  const checkPart = (input: Partial<CertificateInput>): Promise<readonly Finding[]> =>
    serialFindings(ca, input, (certificate) => {
      if (ca.policy.revocation.hold === 'never') {
        throw new CaError('CA_HOLD_NOT_ALLOWED', 'the policy holds no certificates');
      }
      assertNotOwn(ca.policy, certificate.profile);
      assertHoldable(certificate);
    });
  return {
    ...common(ca),
    name: 'hold',
    schema: certificateSchema,
    describe: ({ serialNumber: text }) => ({
      ja: `証明書 ${text} の一時保留`,
      en: `hold certificate ${text}`,
    }),
    check: checkPart,
    checkPart,
    execute: (input, context) => holdResult('held', input, context, (one) => ca.hold(one)),
  };
}

export function releaseKind(ca: CertificateActs): RequestKind<CertificateInput> {
  const checkPart = (input: Partial<CertificateInput>): Promise<readonly Finding[]> =>
    serialFindings(ca, input, ({ state }) => {
      if (state === 'expired') {
        throw new CaError(
          'CA_CERTIFICATE_EXPIRED',
          'the certificate has expired; it stays as it is',
        );
      }
      if (state !== 'held') {
        throw new CaError('CA_NOT_HELD', 'the certificate is not held');
      }
    });
  return {
    ...common(ca),
    name: 'release',
    schema: certificateSchema,
    describe: ({ serialNumber: text }) => ({
      ja: `証明書 ${text} の一時保留の解除`,
      en: `release certificate ${text}`,
    }),
    check: checkPart,
    checkPart,
    execute: (input, context) => holdResult('good', input, context, (one) => ca.release(one)),
  };
}

/** Whose office it is, and what it is found by. */
function common(
  ca: CertificateActs,
): Required<Pick<RequestKind<CertificateInput>, 'partition' | 'subjects'>> {
  return {
    partition: async ({ serialNumber: text }) => {
      const certificate = await ca.findCertificate(parseSerialNumber(text));
      return certificate && municipalityOf(ca.policy, certificate);
    },
    subjects: ({ serialNumber: text }) => [`serial:${formatSerialNumber(parseSerialNumber(text))}`],
  };
}

/** The municipality whose list a certificate is in; undefined for those of other lists. */
function municipalityOf(
  { municipalities, crl }: Policy,
  { scopeId }: RegisteredCertificate,
): string | undefined {
  const isByMunicipality = crl.scopes.some(({ partition }) => partition === 'municipality');
  return isByMunicipality
    ? municipalities.list.find(({ code5 }) => code5 === scopeId)?.code5
    : undefined;
}

async function serialFindings(
  ca: CertificateActs,
  { serialNumber: text }: Partial<CertificateInput>,
  check: (certificate: RegisteredCertificate) => void,
): Promise<readonly Finding[]> {
  if (text === undefined) {
    return [];
  }
  return await finding('/serialNumber', async () => {
    const number = parseSerialNumber(text);
    const certificate = await ca.findCertificate(number);
    if (certificate === undefined) {
      const named = formatSerialNumber(number);
      throw new CaError('CA_SERIAL_UNKNOWN', `this CA has not issued ${named}`);
    }
    check(certificate);
  });
}

/** The CA's own certificates have procedures of their own. */
function assertNotOwn({ profiles }: Policy, profile: string): void {
  const kind = profiles[profile]?.kind;
  if (kind === 'self-signed' || kind === 'link') {
    throw new CaError(
      'CA_NOT_REVOCABLE',
      "this is the CA's own certificate; certdir ceremony has what ends a key",
    );
  }
}

function revocationResult(receipt: RevocationReceipt): JsonObject {
  return {
    serialNumber: formatSerialNumber(receipt.serialNumber),
    subject: subjectOf(receipt),
    reason: receipt.reason,
    revokedAt: new Date(receipt.revokedMs).toISOString(),
    partition: receipt.scope.id,
    publicationDue: new Date(receipt.publicationDueMs).toISOString(),
  };
}

async function holdResult(
  state: 'held' | 'good',
  { serialNumber: text }: CertificateInput,
  context: RequestContext,
  act: (request: HoldRequest) => Promise<HoldReceipt>,
): Promise<JsonObject> {
  const resultOf = (receipt: HoldReceipt): JsonObject => ({
    serialNumber: formatSerialNumber(receipt.serialNumber),
    subject: subjectOf(receipt),
    state,
    since: new Date(receipt.sinceMs).toISOString(),
    partition: receipt.scope.id,
    publicationDue: new Date(receipt.publicationDueMs).toISOString(),
  });
  const receipt = await act({
    ...{ serialNumber: parseSerialNumber(text), origin: context.origin },
    within: (transaction, done) => context.complete(transaction, resultOf(done)),
  });
  return resultOf(receipt);
}

function subjectOf({ certificate }: { readonly certificate: RegisteredCertificate }): string {
  return formatName(parseCertificate(certificate.der).subject);
}

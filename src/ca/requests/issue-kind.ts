/**
 * Requests for a certificate (gunma 4-2-1): the key's PKCS#10, and what the profile asks of the subject.
 *
 * @module
 */

import { z } from 'zod';

import type { AuditOrigin } from '../../audit/audit-log.ts';
import { strictObject } from '../../config/strict-object.ts';
import { fingerprint } from '../../x509/fingerprint.ts';
import { formatName } from '../../x509/name.ts';
import type { RegisteredCertificate } from '../certificates/certificate-register.ts';
import type { IssuedCertificate } from '../certificates/issuance.ts';
import type { IssuedFacts, IssueRequest, RequestFault } from '../certificates/issue-request.ts';
import { formatSerialNumber } from '../certificates/serial-number.ts';
import type { SubjectAttributes } from '../certificates/subject-attributes.ts';
import type { Deliveries } from '../delivery/deliveries.ts';
import { CaError } from '../errors.ts';
import type { Policy } from '../policy/policy.ts';
import type { JsonObject } from './canonical-json.ts';
import { finding } from './findings.ts';
import { carryOutKeyOrder, keyOrderFindings } from './key-order.ts';
import type { Finding, RequestKind } from './request-kind.ts';

/** What this kind has a CA do. */
export interface IssuingActs {
  readonly policy: Policy;
  issue(request: IssueRequest): Promise<IssuedCertificate>;
  examine(request: IssueRequest): Promise<readonly RequestFault[]>;
  readonly delivery: Pick<Deliveries, 'prepare' | 'assertOrder'>;
  findBySubscriber(attributes: SubjectAttributes): Promise<readonly RegisteredCertificate[]>;
}

export interface IssueInput {
  /** A profile of the policy; `end-entity` when left out. */
  readonly profile?: string | undefined;
  /** PKCS#10: PEM, or base64 of the DER. Left out where the CA makes the key. */
  readonly request?: string | undefined;
  /** Of the card that the key is for: PEM, or base64 of the SubjectPublicKeyInfo. */
  readonly transportKey?: string | undefined;
  /** Code of five or six digits. */
  readonly municipality?: string | undefined;
  readonly partition?: string | undefined;
  readonly attributes?: SubjectAttributes | undefined;
  /** What fills the places of the profile's templates. */
  readonly fields?: Readonly<Record<string, string>> | undefined;
  readonly dnsNames?: readonly string[] | undefined;
  /** `YYYY-MM-DD`. */
  readonly birthDate?: string | undefined;
  readonly cardExpiry?: string | undefined;
}

const DEFAULT_PROFILE = 'end-entity';

const text = z.string().max(1_000);

export const subjectAttributesSchema: z.ZodType<SubjectAttributes> = strictObject({
  commonName: text.describe('family and given name, an ideographic space between them'),
  substituteCharacterOfCommonName: text.optional(),
  gender: text.describe("one of the policy's digits"),
  dateOfBirth: text.describe('YYYY-MM-DD, an era and eight digits, or unknown'),
  address: text,
  substituteCharacterOfAddress: text.optional(),
});

export const issueSchema: z.ZodType<IssueInput> = strictObject({
  profile: z.string().min(1).max(64).optional(),
  request: z
    .string()
    .min(1)
    .max(64_000)
    .optional()
    .describe('PKCS#10: PEM, or base64 of the DER; left out where the CA makes the key'),
  transportKey: z
    .string()
    .min(1)
    .max(4_000)
    .optional()
    .describe("the card's RSA public key: PEM, or base64 of the SubjectPublicKeyInfo"),
  municipality: z.string().min(1).max(16).optional(),
  partition: z.string().min(1).max(64).optional(),
  attributes: subjectAttributesSchema.optional(),
  fields: z.record(z.string().min(1).max(64), text).optional(),
  dnsNames: z.array(z.string().min(1).max(253)).min(1).max(100).optional(),
  birthDate: z.string().max(32).optional().describe('YYYY-MM-DD'),
  cardExpiry: z.string().max(32).optional().describe('YYYY-MM-DD'),
});

/** What a request says of its subscriber. */
export const personalFields: readonly string[] = [
  'attributes',
  'fields',
  'birthDate',
  'cardExpiry',
];

export function issueKind(ca: IssuingActs): RequestKind<IssueInput> {
  const checkPart = async (input: Partial<IssueInput>): Promise<readonly Finding[]> => [
    ...(await finding('/profile', () => assertRequestable(ca.policy, input.profile))),
    ...(await findingsOf(ca, input)),
  ];
  return {
    name: 'issue',
    schema: issueSchema,
    personal: personalFields,
    describe: ({ attributes: subject, fields = {}, profile = DEFAULT_PROFILE }) => {
      const who = subject?.commonName ?? (Object.values(fields).join(' ') || profile);
      return { ja: `証明書の発行: ${who}`, en: `issue a certificate: ${who}` };
    },
    partition: async ({ municipality }) =>
      municipality === undefined ? undefined : ca.policy.municipalities.find(municipality).code5,
    check: checkPart,
    checkPart,
    execute: async (input, context) => {
      assertRequestable(ca.policy, input.profile);
      if (input.request === undefined) {
        const { csr: _, ...issue } = issueRequestOf(input, context.origin);
        const order = { issue, transportKey: input.transportKey };
        return await carryOutKeyOrder(ca.delivery, order, context);
      }
      const issued = await ca.issue({
        ...issueRequestOf(input, context.origin),
        within: (transaction, facts) => context.complete(transaction, issueResult(facts)),
      });
      return issueResult(issued);
    },
  };
}

async function findingsOf(
  ca: IssuingActs,
  input: Partial<IssueInput>,
): Promise<readonly Finding[]> {
  const { csr, ...issue } = issueRequestOf(input, checkOrigin);
  const findings = issueFindings(await ca.examine({ ...issue, csr }));
  const { profile = DEFAULT_PROFILE, request, transportKey } = input;
  if (request !== undefined && transportKey === undefined) {
    return findings;
  }
  if (request !== undefined || !makesKeys(ca.policy, profile)) {
    const path = request === undefined ? '/request' : '/transportKey';
    const message =
      request === undefined
        ? 'is missing: the PKCS#10 of the key'
        : 'is for keys that the CA makes';
    const code = request === undefined ? 'FIELD_MISSING' : 'FIELD_UNKNOWN';
    return [...findings.filter((one) => one.path !== '/request'), { path, code, message }];
  }
  return [
    ...findings.filter(({ path }) => path !== '/request'),
    ...(await keyOrderFindings(ca.delivery, { issue, transportKey })),
    ...(await holderFindings(ca, { profile, attributes: input.attributes })),
  ];
}

/** Without a key nothing else says so before it is made. */
async function holderFindings(
  ca: IssuingActs,
  { profile, attributes }: { readonly profile: string } & Pick<IssueInput, 'attributes'>,
): Promise<readonly Finding[]> {
  if (attributes === undefined || ca.policy.profiles[profile]?.onePerSubscriber !== true) {
    return [];
  }
  const held = await ca.findBySubscriber(attributes).catch((error: unknown) => {
    // What is wrong with the attributes has been said.
    if (error instanceof CaError) {
      return [];
    }
    throw error;
  });
  const standing = held.find(({ state }) => state !== 'revoked' && state !== 'expired');
  return standing === undefined
    ? []
    : await finding('/attributes', () => {
        throw new CaError(
          'CA_CERTIFICATE_EXISTS',
          `the subscriber has certificate ${formatSerialNumber(standing.serialNumber)}; renew it`,
        );
      });
}

function makesKeys({ deliveries = {} }: Policy, profile: string): boolean {
  return Object.hasOwn(deliveries, profile) && deliveries[profile]?.keys !== 'none';
}

/**
 * Operators are enrolled, and the CA certifies its OCSP responder by itself.
 *
 * @throws {CaError} `CA_PROFILE_UNKNOWN`
 */
export function assertRequestable({ people, ocsp }: Policy, profile: string | undefined): void {
  if (profile !== undefined && (profile === people?.operatorProfile || profile === ocsp?.profile)) {
    const message = `certificates of the profile ${profile} do not come about by requests`;
    throw new CaError('CA_PROFILE_UNKNOWN', message);
  }
}

/** Looking leaves no record. */
const checkOrigin: AuditOrigin = { channel: 'system', actor: 'certdir' };

/** What the engine is asked for; parts that are not there stay away, but for the key's. */
export function issueRequestOf(
  { profile, request = '', attributes: given, ...rest }: Partial<IssueInput>,
  origin: AuditOrigin,
): IssueRequest {
  const { municipality, partition, fields, dnsNames, birthDate, cardExpiry } = rest;
  return {
    profile: profile ?? DEFAULT_PROFILE,
    csr: decodeRequest(request),
    origin,
    ...(municipality === undefined ? {} : { municipality }),
    ...(partition === undefined ? {} : { partition }),
    ...(given === undefined ? {} : { subjectAttributes: given }),
    ...(fields === undefined ? {} : { fields }),
    ...(dnsNames === undefined ? {} : { dnsNames }),
    ...(birthDate === undefined ? {} : { birthDate }),
    ...(cardExpiry === undefined ? {} : { cardExpiry }),
  };
}

/** Text with a PEM block is left to the CA; anything else is base64 of the DER. */
function decodeRequest(request: string): Uint8Array | string {
  return request.includes('-----BEGIN') ? request : Buffer.from(request, 'base64');
}

const fieldNames: Readonly<Record<string, string>> = {
  csr: 'request',
  subjectAttributes: 'attributes',
};

/** Faults of the engine's request, said of the input's fields. */
export function issueFindings(faults: readonly RequestFault[]): readonly Finding[] {
  return faults.map(({ path: [first = '', ...rest], code, message }) => {
    const names = first === '' ? [] : [fieldNames[first] ?? first, ...rest];
    return { path: names.map((name) => `/${name}`).join(''), code, message };
  });
}

/** What came of it; the certificate itself is found by its serial number. */
export function issueResult({ serialNumber, scope, certificate }: IssuedFacts): JsonObject {
  return {
    serialNumber: formatSerialNumber(serialNumber),
    subject: formatName(certificate.subject),
    notBefore: new Date(certificate.notBeforeMs).toISOString(),
    notAfter: new Date(certificate.notAfterMs).toISOString(),
    partition: scope.id,
    sha256Fingerprint: fingerprint(certificate.der),
  };
}

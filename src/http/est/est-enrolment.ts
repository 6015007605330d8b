/**
 * Enrolment over EST (RFC 7030 §4.2) as requests of the CA: what a client sends becomes a request that passes the people of
 * the policy, and the certificate is there for the same client with the same PKCS#10 once they are done. Until then
 * it is told to come again.
 *
 * simpleenroll is for operators who may receive requests for certificates; simplereenroll for whoever shows a certificate of
 * this CA in its TLS connection, for that certificate.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { AuditOrigin } from '../../audit/audit-log.ts';
import type { OperatorIdentity } from '../../ca/accounts/operator-identity.ts';
import { formatSerialNumber } from '../../ca/certificates/serial-number.ts';
import type { RequestReport } from '../../ca/requests/request-report.ts';
import { equalBytes, formatHex } from '../../core/bytes.ts';
import { parseAlternativeNames } from '../../x509/alternative-name.ts';
import { type Certificate, parseCertificate } from '../../x509/certificate.ts';
import { type CertificationRequest, parseCertificationRequest } from '../../x509/csr.ts';
import { X509Error } from '../../x509/errors.ts';
import { type Name, nameFromText, sameName } from '../../x509/name.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import type { EstAuthority } from '../api/api-authority.ts';
import { HttpError } from '../errors.ts';

/** What becomes of a request. */
export type Enrolment =
  | { readonly kind: 'issued'; readonly certificate: Uint8Array }
  | { readonly kind: 'pending'; readonly requestId: string }
  | { readonly kind: 'refused'; readonly why: string };

/** Where a request goes: a CA and one of its profiles. */
export interface EstPlace {
  readonly ca: EstAuthority;
  readonly profile: string;
}

/**
 * Asks for a certificate as an operator.
 *
 * @throws {X509Error} `X509_REQUEST` and its kin. @throws {CaError} everything that `Requests.submit` refuses.
 */
export async function enrol(
  { ca, profile }: EstPlace,
  der: Uint8Array,
  by: { readonly operator: OperatorIdentity; readonly origin: AuditOrigin },
): Promise<Enrolment> {
  const request = parseCertificationRequest(der);
  const [municipality] = by.operator.partitions;
  const input = {
    profile,
    request: Buffer.from(der).toString('base64'),
    ...fieldsFor(ca, profile, request),
    ...(municipality === undefined || municipality === '*' ? {} : { municipality }),
  };
  const key = keyOf(['enrol', by.operator.id, profile], der);
  return await outcome(ca, await ca.requests.submit({ kind: 'issue', input, key }, by));
}

/**
 * Asks for the successor of a certificate.
 *
 * @param shown What the client has shown in its TLS connection.
 * @throws {HttpError} `HTTP_UNAUTHENTICATED` unless it is a good one of this CA, `HTTP_FORBIDDEN` for a request that names
 *   somebody else (RFC 7030 §4.2.2). @throws as `enrol`.
 */
export async function reenrol(
  { ca }: EstPlace,
  der: Uint8Array,
  { shown, origin }: { readonly shown: Uint8Array; readonly origin: Omit<AuditOrigin, 'actor'> },
): Promise<Enrolment> {
  const before = await goodCertificate(ca, shown);
  const request = parseCertificationRequest(der);
  assertSameSubject(request, before);
  const serialNumber = formatSerialNumber(before.serialNumber);
  const applicant = `certificate ${serialNumber}`;
  const input = { serialNumber, request: Buffer.from(der).toString('base64') };
  const key = keyOf(['reenrol', serialNumber], der);
  const by = { applicant, origin: { ...origin, actor: applicant } };
  return await outcome(ca, await ca.requests.submit({ kind: 'renew', input, key }, by));
}

/** The same client with the same PKCS#10 gets to the same request, however often it comes. */
function keyOf(parts: readonly string[], der: Uint8Array): string {
  const hash = createHash('sha256').update(JSON.stringify(parts)).update(der);
  return `est-${formatHex(hash.digest())}`;
}

async function outcome(ca: EstAuthority, report: RequestReport): Promise<Enrolment> {
  switch (report.state) {
    case 'rejected':
    case 'withdrawn':
      return { kind: 'refused', why: `the request ${report.id} was ${report.state}` };
    case 'executed': {
      const serial = report.result?.['serialNumber'];
      const found =
        typeof serial === 'string' ? await ca.findCertificate(BigInt(`0x${serial}`)) : undefined;
      // What is delivered on receipt is handed out by people.
      return found?.state === 'good'
        ? { kind: 'issued', certificate: found.der }
        : { kind: 'pending', requestId: report.id };
    }
    default:
      return { kind: 'pending', requestId: report.id };
  }
}

/** Fields of the profile's subject that stand alone in an attribute, and DNS names, as the PKCS#10 has them. */
function fieldsFor(
  ca: EstAuthority,
  profile: string,
  request: CertificationRequest,
): { readonly fields?: Record<string, string>; readonly dnsNames?: readonly string[] } {
  const definition = ca.policy.profiles[profile];
  const wanted = Object.keys(definition?.fields ?? {});
  const template = definition?.subject === undefined ? [] : templateOf(definition.subject);
  const fields: Record<string, string> = {};
  for (const { type, field } of template) {
    const value = valueIn(request.subject, type);
    if (value !== undefined && wanted.includes(field)) {
      fields[field] = value;
    }
  }
  const takesDnsNames = definition?.extensions.some(
    (one) => one.type === 'subjectAltName' && JSON.stringify(one).includes('dnsNames'),
  );
  const dnsNames = takesDnsNames === true ? dnsNamesIn(request) : [];
  return {
    ...(Object.keys(fields).length === 0 ? {} : { fields }),
    ...(dnsNames.length === 0 ? {} : { dnsNames }),
  };
}

/** Attributes of a template whose value is one place: their types, and the names of the places. */
function templateOf(subject: string): readonly { readonly type: string; readonly field: string }[] {
  return nameFromText(subject).rdns.flatMap((rdn) =>
    rdn.flatMap(({ type, value }) => {
      const [, field] = /^\{(\w+)\}$/.exec(value) ?? [];
      return field === undefined ? [] : [{ type, field }];
    }),
  );
}

function valueIn({ rdns }: Name, wanted: string): string | undefined {
  return rdns.flat().find(({ type, der }) => type === wanted && der === undefined)?.value;
}

function dnsNamesIn({ extensionRequest }: CertificationRequest): readonly string[] {
  const extension = extensionRequest.find(({ oid }) => oid === Oid.subjectAltName);
  const names = extension === undefined ? [] : parseAlternativeNames(extension.value);
  return names.flatMap((name) => (name.kind === 'dnsName' ? [name.text] : []));
}

async function goodCertificate(ca: EstAuthority, shown: Uint8Array): Promise<Certificate> {
  const certificate = parsed(shown);
  const found =
    certificate === undefined ? undefined : await ca.findCertificate(certificate.serialNumber);
  const isOurs = found !== undefined && equalBytes(found.der, shown);
  if (certificate === undefined || !isOurs || found.state !== 'good') {
    throw new HttpError(
      'HTTP_UNAUTHENTICATED',
      'simplereenroll needs the certificate that is renewed as TLS client certificate, valid and of this CA',
    );
  }
  return certificate;
}

function parsed(der: Uint8Array): Certificate | undefined {
  try {
    return parseCertificate(der);
  } catch (error) {
    if (error instanceof X509Error) {
      return undefined;
    }
    throw error;
  }
}

/** @throws {HttpError} `HTTP_FORBIDDEN`. */
function assertSameSubject(request: CertificationRequest, before: Certificate): void {
  const isNamed = request.subject.rdns.length > 0;
  const asked = request.extensionRequest.find(({ oid }) => oid === Oid.subjectAltName);
  const had = before.extensions.find(({ oid }) => oid === Oid.subjectAltName);
  const isOther =
    (isNamed && !sameName(request.subject, before.subject)) ||
    (asked !== undefined && (had === undefined || !equalBytes(asked.value, had.value)));
  if (isOther) {
    throw new HttpError(
      'HTTP_FORBIDDEN',
      'the request names another subject than the certificate that is renewed (RFC 7030 4.2.2)',
    );
  }
}

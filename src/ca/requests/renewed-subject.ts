/**
 * What a certificate says of its subject, as a request for the next one would say it: so that whoever renews names the
 * certificate, and only what has changed or does not stand in it.
 *
 * @module
 */

import { parseAlternativeNames } from '../../x509/alternative-name.ts';
import { parseCertificate } from '../../x509/certificate.ts';
import { parseJpkiOtherNames } from '../../x509/jpki-other-name.ts';
import { formatName } from '../../x509/name.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import type { RegisteredCertificate } from '../certificates/certificate-register.ts';
import type { SubjectAttributes } from '../certificates/subject-attributes.ts';
import type { Policy } from '../policy/policy.ts';
import type { IssueInput } from './issue-kind.ts';

export type RenewedSubject = Pick<
  IssueInput,
  'profile' | 'municipality' | 'attributes' | 'fields' | 'dnsNames'
>;

export function subjectOf(
  { profiles, municipalities }: Policy,
  { profile, scopeId, der }: RegisteredCertificate,
): RenewedSubject {
  const { subject, extensions } = parseCertificate(der);
  const value = extensions.find(({ oid }) => oid === Oid.subjectAltName)?.value;
  const names = value === undefined ? [] : parseAlternativeNames(value);
  const attributes = wholeAttributes(parseJpkiOtherNames(names));
  const municipality = municipalities.list.find(({ code5 }) => code5 === scopeId)?.code5;
  const definition = profiles[profile];
  const fields = fieldsOf(
    definition?.subject ?? '',
    Object.keys(definition?.fields ?? {}),
    formatName(subject),
  );
  const dnsNames = names.flatMap((name) => (name.kind === 'dnsName' ? [name.text] : []));
  const takesDnsNames = definition?.extensions.some(
    (one) => one.type === 'subjectAltName' && JSON.stringify(one.content).includes('dnsNames'),
  );
  return {
    profile,
    ...(municipality === undefined ? {} : { municipality }),
    ...(attributes === undefined ? {} : { attributes }),
    ...(fields === undefined ? {} : { fields }),
    ...(takesDnsNames === true && dnsNames.length > 0 ? { dnsNames } : {}),
  };
}

function wholeAttributes(
  found: ReturnType<typeof parseJpkiOtherNames>,
): SubjectAttributes | undefined {
  const { commonName, gender, dateOfBirth, address, ...flags } = found;
  const isWhole =
    commonName !== undefined &&
    gender !== undefined &&
    dateOfBirth !== undefined &&
    address !== undefined;
  return isWhole ? { commonName, gender, dateOfBirth, address, ...flags } : undefined;
}

/** What stands in the places of the name's template; undefined when not each field is found there. */
function fieldsOf(
  template: string,
  wanted: readonly string[],
  text: string,
): Readonly<Record<string, string>> | undefined {
  const places = [...template.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name);
  const literal = template.split(/\{[^{}]*\}/).map(escaped);
  const match = new RegExp(`^${literal.join('([^\\\\]+?)')}$`, 'u').exec(text);
  const found = new Map(places.map((name, index) => [name, match?.[index + 1]]));
  const values = wanted.map((name) => [name, found.get(name)] as const);
  return wanted.length > 0 && values.every(([, value]) => value !== undefined)
    ? (Object.fromEntries(values) as Record<string, string>)
    : undefined;
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+./?[\\\]^{|}-]/g, '\\$&');
}

/**
 * A certificate about to be signed, as the linter's rules look at it: its parts read once from the bytes, and what is
 * known of its issuer and its profile.
 *
 * @module
 */

import { parseAlternativeNames } from '../../x509/alternative-name.ts';
import { parseBasicConstraints } from '../../x509/basic-constraints.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { type Extension, findExtension } from '../../x509/extensions.ts';
import type { GeneralName } from '../../x509/general-name.ts';
import {
  type KeyUsageName,
  type NetscapeCertTypeName,
  parseExtendedKeyUsage,
  parseKeyUsage,
  parseNetscapeCertType,
} from '../../x509/key-usage.ts';
import type { AttributeTypeAndValue } from '../../x509/name.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import type { Profile } from '../policy/profile.ts';
import type { Scope } from '../policy/scope.ts';

/** What is known beside the bytes. */
export interface LintContext {
  /** The issuer's certificate; undefined for a self-signed one. */
  readonly issuer?: Certificate | undefined;
  /** By which policy it is made; rules of policy hold nothing against one that has none. */
  readonly made?: { readonly profile: Profile; readonly scope: Scope } | undefined;
}

export interface CertificateSubject extends LintContext {
  readonly certificate: Certificate;
  /** cA of basicConstraints. */
  readonly isCa: boolean;
  readonly keyUsage: ReadonlySet<KeyUsageName> | undefined;
  /** Empty without the extension. */
  readonly purposes: readonly string[];
  readonly netscapeTypes: ReadonlySet<NetscapeCertTypeName> | undefined;
  /** Of the subject's name, one behind the other. */
  readonly attributes: readonly AttributeTypeAndValue[];
  /** subjectAltName; empty without the extension. */
  readonly alternativeNames: readonly GeneralName[];
  extension(oid: string): Extension | undefined;
}

/** @throws {X509Error} `X509_EXTENSION` when one of these extensions cannot be read at all. */
export function readCertificateSubject(
  certificate: Certificate,
  context: LintContext,
): CertificateSubject {
  const extension = (oid: string): Extension | undefined =>
    findExtension(certificate.extensions, oid);
  const read = <T>(oid: string, parse: (value: Uint8Array) => T): T | undefined => {
    const found = extension(oid);
    return found === undefined ? undefined : parse(found.value);
  };
  const constraints = read(Oid.basicConstraints, parseBasicConstraints);
  return {
    ...context,
    certificate,
    isCa: constraints?.isCa === true,
    keyUsage: read(Oid.keyUsage, parseKeyUsage),
    purposes: read(Oid.extendedKeyUsage, parseExtendedKeyUsage) ?? [],
    attributes: certificate.subject.rdns.flat(),
    alternativeNames: read(Oid.subjectAltName, parseAlternativeNames) ?? [],
    netscapeTypes: read(Oid.netscapeCertType, parseNetscapeCertType),
    extension,
  };
}

export function isTlsServer({ purposes, netscapeTypes }: CertificateSubject): boolean {
  return purposes.includes(Oid.serverAuth) || netscapeTypes?.has('sslServer') === true;
}

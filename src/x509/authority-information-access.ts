/**
 * authorityInfoAccess (RFC 5280 §4.2.2.1): where the issuer answers about its certificates, and where its own
 * certificate is.
 *
 * @module
 */

import { encodeOid, encodeSequence } from '../asn1/der-writer.ts';
import { X509Error } from './errors.ts';
import { type Extension, parseExtensionValue } from './extensions.ts';
import { encodeGeneralName, type GeneralName, readGeneralName } from './general-name.ts';
import { Oid } from './object-identifiers.ts';

export interface AccessDescription {
  /** OID of the access method. */
  readonly method: string;
  readonly location: GeneralName;
}

/** The extension for OCSP and, where given, for the issuer's certificate. @throws {X509Error} `X509_EXTENSION` */
export function buildAuthorityInfoAccess(
  urls: { readonly ocsp?: string | undefined; readonly caIssuers?: string | undefined },
  critical = false,
): Extension {
  const places = [
    { method: Oid.ocspAccessMethod, url: urls.ocsp },
    { method: Oid.caIssuersAccessMethod, url: urls.caIssuers },
  ].flatMap(({ method, url }) =>
    url === undefined
      ? []
      : [encodeSequence(encodeOid(method), encodeGeneralName({ kind: 'uri', text: url }))],
  );
  if (places.length === 0) {
    throw new X509Error('X509_EXTENSION', 'authorityInfoAccess needs at least one place');
  }
  return { oid: Oid.authorityInfoAccess, critical, value: encodeSequence(...places) };
}

/** @throws {X509Error} `X509_EXTENSION` */
export function parseAuthorityInfoAccess(value: Uint8Array): readonly AccessDescription[] {
  return parseExtensionValue('authorityInfoAccess', value, (outer) => {
    const list = outer.readConstructed();
    const found: AccessDescription[] = [];
    do {
      const one = list.readConstructed();
      found.push({ method: one.readOid(), location: readGeneralName(one) });
      one.expectEnd();
    } while (!list.isAtEnd);
    return found;
  });
}

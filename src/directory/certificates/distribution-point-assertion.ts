/**
 * distributionPoint in assertions about lists (RFC 4523 A.3, A.4): a list matches when one name
 * asserted is one of its issuingDistributionPoint. A list without that extension does not match.
 *
 * @module
 */

import type { GserReader } from '../../asn1/gser-reader.ts';
import { equalBytes } from '../../core/bytes.ts';
import type { CertificateListHead } from '../../x509/certificate-list.ts';
import {
  type IssuingDistributionPoint,
  parseIssuingDistributionPoint,
} from '../../x509/distribution-point.ts';
import { findExtension } from '../../x509/extensions.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import type { SchemaLookup } from '../schema/schema-model.ts';
import {
  directoryNameKey,
  keyOfRelativeName,
  keysOfGeneralNames,
  readGeneralNames,
} from './general-name-key.ts';
import { keyOfName, keyOfNameText } from './name-key.ts';

/** May throw X509Error or DerError for a list with a malformed extension. */
export type ListTest = (list: CertificateListHead) => boolean;

/** The list's issuingDistributionPoint; undefined when it has none. */
export function distributionPointOf({
  extensions,
}: CertificateListHead): IssuingDistributionPoint | undefined {
  const extension = findExtension(extensions, Oid.issuingDistributionPoint);
  return extension && parseIssuingDistributionPoint(extension.value);
}

/** Keys of the point's names; a name relative to the issuer stands for the whole name. */
export function distributionPointKeys(
  list: CertificateListHead,
  schema: SchemaLookup,
): ReadonlySet<string> {
  const { fullName = [], relativeName } = distributionPointOf(list) ?? {};
  const keys = new Set(keysOfGeneralNames(fullName, schema));
  if (relativeName !== undefined) {
    const rdns = [...list.issuer.rdns, relativeName];
    keys.add(directoryNameKey(keyOfName({ rdns, der: list.issuer.der }, schema)));
  }
  return keys;
}

/** Reads DistributionPointName, `fullName:{ name, name }` or `nameRelativeToCRLIssuer:"…"`. */
export function readDistributionPointTest(reader: GserReader, schema: SchemaLookup): ListTest {
  const choice = reader.readIdentifier();
  reader.expect(':');
  switch (choice) {
    case 'fullName': {
      const wanted = readGeneralNames(reader, schema).flat();
      return (list) => {
        const stored = distributionPointKeys(list, schema);
        return wanted.some((key) => stored.has(key));
      };
    }
    case 'nameRelativeToCRLIssuer': {
      const wanted = keyOfNameText(reader.readString(), schema);
      return (list) => {
        const stored = distributionPointOf(list)?.relativeName;
        return stored !== undefined && equalBytes(keyOfRelativeName(stored, schema), wanted);
      };
    }
    default:
      return reader.fail(`${choice} is not a distribution point`);
  }
}

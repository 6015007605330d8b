/**
 * policyMappings (RFC 5280 §4.2.1.5): which policies of the subject CA are as good as which of the issuer's.
 *
 * @module
 */

import { encodeOid, encodeSequence } from '../asn1/der-writer.ts';
import { parsing, X509Error } from './errors.ts';
import { type Extension, parseExtensionValue } from './extensions.ts';
import { Oid } from './object-identifiers.ts';

export interface PolicyMapping {
  /** issuerDomainPolicy: as the CA that issues the certificate calls it. */
  readonly issuerDomain: string;
  /** subjectDomainPolicy: as the CA in the certificate calls it. */
  readonly subjectDomain: string;
}

/**
 * @throws {X509Error} `X509_EXTENSION` when there is none, one is there twice, or anyPolicy is mapped from or to.
 */
export function buildPolicyMappings(
  mappings: readonly PolicyMapping[],
  critical = true,
): Extension {
  if (mappings.length === 0) {
    throw new X509Error('X509_EXTENSION', 'policyMappings needs at least one mapping');
  }
  refuseUnmappable(mappings);
  const value = parsing('X509_EXTENSION', 'policyMappings', () =>
    encodeSequence(
      ...mappings.map(({ issuerDomain, subjectDomain }) =>
        encodeSequence(encodeOid(issuerDomain), encodeOid(subjectDomain)),
      ),
    ),
  );
  return { oid: Oid.policyMappings, critical, value };
}

/** @throws {X509Error} `X509_EXTENSION` */
export function parsePolicyMappings(value: Uint8Array): readonly PolicyMapping[] {
  return parseExtensionValue('policyMappings', value, (outer) => {
    const reader = outer.readConstructed();
    const mappings: PolicyMapping[] = [];
    do {
      const pair = reader.readConstructed();
      const issuerDomain = pair.readOid();
      const subjectDomain = pair.readOid();
      pair.expectEnd();
      mappings.push({ issuerDomain, subjectDomain });
    } while (!reader.isAtEnd);
    refuseUnmappable(mappings);
    return mappings;
  });
}

function refuseUnmappable(mappings: readonly PolicyMapping[]): void {
  const isAny = ({ issuerDomain, subjectDomain }: PolicyMapping): boolean =>
    issuerDomain === Oid.anyPolicy || subjectDomain === Oid.anyPolicy;
  if (mappings.some(isAny)) {
    throw new X509Error('X509_EXTENSION', 'policyMappings maps anyPolicy');
  }
  const pairs = mappings.map(
    ({ issuerDomain, subjectDomain }) => `${issuerDomain} ${subjectDomain}`,
  );
  if (new Set(pairs).size !== pairs.length) {
    throw new X509Error('X509_EXTENSION', 'policyMappings has a mapping twice');
  }
}

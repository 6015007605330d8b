/**
 * Rules for the fields of a certificate about to be signed: RFC 5280 §4.1, names, times and the key.
 *
 * @module
 */

import { Tag } from '../../asn1/tags.ts';
import { equalBytes } from '../../core/bytes.ts';
import type { LintRule } from '../../core/lint-rule.ts';
import {
  parseForeignSignatureAlgorithm,
  parseSubjectPublicKeyInfo,
} from '../../x509/algorithms.ts';
import { assessPublicKey, keyWeaknessText } from '../../x509/key-strength.ts';
import { sameName } from '../../x509/name.ts';
import { fixedStringTag } from '../../x509/name-attributes.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import { leastModulusBits } from '../policy/legacy-algorithms.ts';
import type { CertificateSubject } from './certificate-subject.ts';

type Rule = LintRule<CertificateSubject>;

/** Bounds of RFC 5280 appendix A for attributes of names, in characters. */
const upperBounds: ReadonlyMap<string, number> = new Map([
  [Oid.commonName, 64],
  [Oid.localityName, 128],
  [Oid.stateOrProvinceName, 128],
  [Oid.organizationName, 64],
  [Oid.organizationalUnitName, 64],
  [Oid.title, 64],
  [Oid.serialNumber, 64],
  [Oid.emailAddress, 255],
]);

const directoryStrings: ReadonlySet<number> = new Set([Tag.printableString, Tag.utf8String]);

const naming: readonly Rule[] = [
  {
    id: 'issuer-name',
    source: 'RFC 5280 4.1.2.4',
    severity: 'error',
    holds: "issuer has the bytes of the issuer's subject, and is not empty",
    check: ({ certificate, issuer }) => {
      const expected = issuer?.subject ?? certificate.subject;
      const isSame = equalBytes(certificate.issuer.der, expected.der);
      return isSame && expected.rdns.length > 0
        ? undefined
        : "issuer does not have the bytes of the issuer's subject, or is empty";
    },
  },
  {
    id: 'subject-name',
    source: 'RFC 5280 4.1.2.6',
    severity: 'error',
    holds:
      "subject is not empty, and the issuer's name only where a CA certifies another key of its own",
    check: ({ certificate, issuer, isCa }) => {
      if (certificate.subject.rdns.length === 0) {
        return 'subject is empty';
      }
      if (issuer === undefined || !sameName(certificate.subject, issuer.subject)) {
        return undefined;
      }
      // Only link certificates are self-issued: another key of the same CA (RFC 5280 §3.2).
      return isCa && !equalBytes(certificate.spki, issuer.spki)
        ? undefined
        : "subject is the issuer's name";
    },
  },
  {
    id: 'name-bounds',
    source: 'RFC 5280 A.1',
    severity: 'error',
    holds: 'no attribute of the subject is longer than its upper bound',
    check: nameBoundsFault,
  },
  {
    id: 'country-name',
    source: 'RFC 5280 A.1',
    severity: 'error',
    holds: 'countryName is two capital letters',
    check: ({ attributes }) =>
      attributes.every(({ type, value }) => type !== Oid.countryName || /^[A-Z]{2}$/.test(value))
        ? undefined
        : 'countryName is not two capital letters',
  },
  {
    id: 'name-string-type',
    source: 'RFC 5280 4.1.2.4',
    severity: 'error',
    holds: 'names are PrintableString or UTF8String, where the attribute leaves the choice',
    check: ({ attributes }) =>
      attributes.every(
        ({ type, stringTag, der }) =>
          der === undefined &&
          (fixedStringTag(type) === undefined
            ? directoryStrings.has(stringTag)
            : stringTag === fixedStringTag(type)),
      )
        ? undefined
        : 'an attribute of the subject has another string type than it may have',
  },
  {
    id: 'name-spaces',
    source: 'RFC 5280 7.1',
    severity: 'error',
    holds:
      'no attribute of the subject is empty, begins or ends with a space, or has control characters',
    check: ({ attributes }) =>
      attributes.every(
        ({ value }) => value !== '' && value === value.trim() && !/\p{Cc}/u.test(value),
      )
        ? undefined
        : 'an attribute of the subject is empty, has spaces around it, or control characters',
  },
];

const fields: readonly Rule[] = [
  {
    id: 'version-3',
    source: 'RFC 5280 4.1.2.1',
    severity: 'error',
    holds: 'the version is 3',
    check: ({ certificate }) => (certificate.version === 3 ? undefined : 'version is not 3'),
  },
  {
    id: 'serial-number',
    source: 'RFC 5280 4.1.2.2',
    severity: 'error',
    holds:
      'the serial number is positive and has 128 to 159 bits, which leaves it 20 octets and unpredictable',
    check: ({ certificate: { serialNumber } }) =>
      serialNumber >= 1n << 127n && serialNumber < 1n << 159n
        ? undefined
        : 'the serial number is not positive with 128 to 159 bits',
  },
  {
    id: 'validity-order',
    source: 'RFC 5280 4.1.2.5',
    severity: 'error',
    holds: 'notAfter is after notBefore',
    check: ({ certificate: { notBeforeMs, notAfterMs } }) =>
      notBeforeMs < notAfterMs ? undefined : 'notAfter is not after notBefore',
  },
  {
    id: 'validity-within-issuer',
    source: 'RFC 5280 6.1.3',
    severity: 'error',
    holds: "notAfter is not beyond the issuer's",
    check: ({ certificate, issuer }) =>
      issuer === undefined || certificate.notAfterMs <= issuer.notAfterMs
        ? undefined
        : "notAfter lies beyond the issuer's",
  },
  {
    id: 'signature-algorithm',
    source: 'NIST SP 800-131A',
    severity: 'error',
    holds: 'the signature is not over SHA-1, unless the policy has allowLegacyAlgorithms',
    check: ({ certificate, made }) => {
      const { digest } = parseForeignSignatureAlgorithm(certificate.signatureAlgorithm);
      return digest !== 'sha1' || made?.profile.policy.allowLegacyAlgorithms === true
        ? undefined
        : 'the signature would be over SHA-1';
    },
  },
  {
    id: 'public-key',
    source: 'NIST SP 800-131A',
    severity: 'error',
    holds:
      'the key has none of the known weaknesses: short, small factor, close primes, ROCA, not on its curve',
    check: ({ certificate, made }) => {
      const least = made === undefined ? undefined : leastModulusBits(made.profile.policy);
      const weaknesses = assessPublicKey(certificate.spki, least);
      return weaknesses.length === 0
        ? undefined
        : weaknesses.map((weakness) => keyWeaknessText[weakness]).join('; ');
    },
  },
  {
    id: 'key-usage-of-curve',
    source: 'RFC 5480 3, RFC 8813 3',
    severity: 'error',
    holds: 'a key on an elliptic curve is not for keyEncipherment or dataEncipherment',
    check: ({ certificate, keyUsage }) =>
      (keyUsage?.has('keyEncipherment') === true || keyUsage?.has('dataEncipherment') === true) &&
      parseSubjectPublicKeyInfo(certificate.spki).kind === 'ec'
        ? 'the key is on an elliptic curve and cannot encipher'
        : undefined,
  },
];

export const certificateRules: readonly Rule[] = [...fields, ...naming];

function nameBoundsFault({ attributes }: CertificateSubject): string | undefined {
  for (const { type, value } of attributes) {
    const bound = upperBounds.get(type);
    if (bound !== undefined && [...value].length > bound) {
      return `an attribute of the subject is longer than ${bound} characters`;
    }
  }
  return undefined;
}

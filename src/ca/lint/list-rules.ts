/**
 * Rules for a list about to be signed, without its entries: RFC 5280 §5.1, §5.2 and the policy. They look at what stands
 * around the entries; entries, numbers and what came before are the publish gate's (`lists/publish-gate.ts`), which reads
 * the signed list.
 *
 * @module
 */

import { concatBytes, equalBytes } from '../../core/bytes.ts';
import { applyRules, formatFindings, type LintRule } from '../../core/lint-rule.ts';
import {
  encodeSignatureAlgorithm,
  parseForeignSignatureAlgorithm,
  type SignatureAlgorithmLike,
} from '../../x509/algorithms.ts';
import { assembleSigned, type Certificate } from '../../x509/certificate.ts';
import {
  buildTbsCertificateList,
  type CertificateListHead,
  parseCertificateListHead,
  type TbsCertificateList,
} from '../../x509/certificate-list.ts';
import { parseCrlNextPublish, parseCrlNumber } from '../../x509/crl-extensions.ts';
import {
  parseCrlDistributionPoints,
  parseIssuingDistributionPoint,
} from '../../x509/distribution-point.ts';
import { type Extension, findExtension } from '../../x509/extensions.ts';
import {
  parseAuthorityKeyIdentifier,
  parseSubjectKeyIdentifier,
} from '../../x509/key-identifier.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import { CaError } from '../errors.ts';
import type { Policy } from '../policy/policy.ts';
import type { Scope } from '../policy/scope.ts';

/** A list as the rules look at it. */
export interface ListSubject {
  readonly list: CertificateListHead;
  /** The certificate of the key that signs. */
  readonly issuer: Certificate;
  readonly scope: Scope;
  readonly policy: Pick<Policy, 'allowLegacyAlgorithms'>;
}

type Rule = LintRule<ListSubject>;

/** Twenty octets (RFC 5280 §5.2.3). */
const MAX_NUMBER = 1n << 159n;

const find = ({ list }: ListSubject, oid: string): Extension | undefined =>
  findExtension(list.extensions, oid);

const neverCritical = [
  Oid.crlNumber,
  Oid.authorityKeyIdentifier,
  Oid.freshestCrl,
  Oid.crlNextPublish,
] as const;
const alwaysCritical = [Oid.issuingDistributionPoint, Oid.deltaCrlIndicator] as const;
const known: ReadonlySet<string> = new Set([...neverCritical, ...alwaysCritical]);

export const listLintRules: readonly Rule[] = [
  {
    id: 'list-version-2',
    source: 'RFC 5280 5.1.2.1',
    severity: 'error',
    holds: 'the version is 2',
    check: ({ list }) => (list.version === 2 ? undefined : 'version is not 2'),
  },
  {
    id: 'list-issuer-name',
    source: 'RFC 5280 5.1.2.3',
    severity: 'error',
    holds: "issuer has the bytes of the signing certificate's subject, and is not empty",
    check: ({ list, issuer }) =>
      list.issuer.rdns.length > 0 && equalBytes(list.issuer.der, issuer.subject.der)
        ? undefined
        : "issuer does not have the bytes of the CA's subject, or is empty",
  },
  {
    id: 'list-signature-algorithm',
    source: 'NIST SP 800-131A',
    severity: 'error',
    holds: 'the signature is not over SHA-1, unless the policy has allowLegacyAlgorithms',
    check: ({ list, policy }) =>
      parseForeignSignatureAlgorithm(list.signatureAlgorithm).digest !== 'sha1' ||
      policy.allowLegacyAlgorithms
        ? undefined
        : 'the signature would be over SHA-1',
  },
  {
    id: 'list-times',
    source: 'RFC 5280 5.1.2.5',
    severity: 'error',
    holds: 'nextUpdate is there, after thisUpdate',
    check: ({ list: { thisUpdateMs, nextUpdateMs } }) =>
      nextUpdateMs !== undefined && nextUpdateMs > thisUpdateMs
        ? undefined
        : 'nextUpdate is missing or not after thisUpdate',
  },
  {
    id: 'list-signer-in-force',
    source: 'RFC 5280 6.3.3',
    severity: 'warning',
    holds: "thisUpdate lies within the validity of the signing key's certificate",
    check: ({ list, issuer }) =>
      list.thisUpdateMs >= issuer.notBeforeMs && list.thisUpdateMs <= issuer.notAfterMs
        ? undefined
        : "the CA's certificate is not in force at thisUpdate",
  },
  {
    id: 'list-signer-usage',
    source: 'RFC 5280 4.2.1.3',
    severity: 'error',
    holds:
      'the list names the key that signs: authorityKeyIdentifier with its subjectKeyIdentifier',
    check: (subject) => {
      const found = find(subject, Oid.authorityKeyIdentifier);
      const ski = findExtension(subject.issuer.extensions, Oid.subjectKeyIdentifier);
      const named = found && parseAuthorityKeyIdentifier(found.value).keyIdentifier;
      const isIt =
        named !== undefined &&
        ski !== undefined &&
        equalBytes(named, parseSubjectKeyIdentifier(ski.value));
      return isIt ? undefined : "authorityKeyIdentifier is missing, or not the CA's key";
    },
  },
  {
    id: 'list-number',
    source: 'RFC 5280 5.2.3',
    severity: 'error',
    holds: 'cRLNumber is there, positive and of 20 octets at most',
    check: (subject) => {
      const found = find(subject, Oid.crlNumber);
      const number = found && parseCrlNumber(found.value);
      return number !== undefined && number > 0n && number < MAX_NUMBER
        ? undefined
        : 'cRLNumber is missing, not positive, or longer than 20 octets';
    },
  },
  {
    id: 'list-criticality',
    source: 'RFC 5280 5.2',
    severity: 'error',
    holds:
      'issuingDistributionPoint and deltaCRLIndicator are critical; cRLNumber, authorityKeyIdentifier, freshestCRL and ' +
      'CRL Next Publish are not',
    check: (subject) =>
      neverCritical.some((oid) => find(subject, oid)?.critical === true) ||
      alwaysCritical.some((oid) => find(subject, oid)?.critical === false)
        ? 'an extension has the wrong criticality'
        : undefined,
  },
  {
    id: 'list-extensions-known',
    source: 'RFC 5280 5.2',
    severity: 'error',
    holds: 'there is no critical extension that verifiers may not know',
    check: ({ list }) =>
      list.extensions.some(({ oid, critical }) => critical && !known.has(oid))
        ? 'an unknown extension is critical: verifiers would refuse the list'
        : undefined,
  },
  {
    id: 'list-distribution-point',
    source: 'RFC 5280 5.2.5',
    severity: 'error',
    holds:
      'issuingDistributionPoint says users or CAs as the list is meant, is about all reasons and no other issuer, and names ' +
      'the point that certificates name; a full list beside partitions has none',
    check: (subject) => {
      const { scope } = subject;
      const found = find(subject, Oid.issuingDistributionPoint);
      if (found === undefined) {
        return scope.isFull ? undefined : 'issuingDistributionPoint is missing';
      }
      const point = parseIssuingDistributionPoint(found.value);
      const { fullName = [] } = point;
      const [name] = fullName;
      const isNamed =
        fullName.length === 1 &&
        name?.kind === 'directoryName' &&
        equalBytes(name.name.der, scope.distributionPoint.der);
      const isRight =
        !scope.isFull &&
        point.onlyContains === scope.onlyContains &&
        point.onlySomeReasons === undefined &&
        point.isIndirect !== true &&
        (scope.isNamed ? isNamed : fullName.length === 0);
      return isRight ? undefined : "issuingDistributionPoint is not the list's";
    },
  },
  {
    id: 'list-delta',
    source: 'RFC 5280 5.2.4, 5.2.6',
    severity: 'error',
    holds:
      'a delta list starts from a smaller number and has no freshestCRL; freshestCRL of a full one has one name',
    check: (subject) => {
      const indicator = find(subject, Oid.deltaCrlIndicator);
      const freshest = find(subject, Oid.freshestCrl);
      if (indicator !== undefined) {
        const base = parseCrlNumber(indicator.value);
        const isRight = base < (subject.list.number ?? 0n) && freshest === undefined;
        return isRight ? undefined : 'the delta list has a base of the future, or freshestCRL';
      }
      const points =
        freshest === undefined ? undefined : parseCrlDistributionPoints(freshest.value);
      return points === undefined || (points.length === 1 && points[0]?.fullName?.length === 1)
        ? undefined
        : 'freshestCRL does not have one name';
    },
  },
  {
    id: 'list-next-publish',
    source: 'policy',
    severity: 'error',
    holds: 'CRL Next Publish, where it is, lies between thisUpdate and nextUpdate',
    check: (subject) => {
      const found = find(subject, Oid.crlNextPublish);
      const { thisUpdateMs, nextUpdateMs = Number.POSITIVE_INFINITY } = subject.list;
      const atMs = found === undefined ? undefined : parseCrlNextPublish(found.value);
      return atMs === undefined || (atMs > thisUpdateMs && atMs <= nextUpdateMs)
        ? undefined
        : 'CRL Next Publish lies outside the time of the list';
    },
  },
];

/**
 * Looks at what a list will say around its entries.
 *
 * @throws {CaError} `CA_LINT`
 */
export function assertListLint(
  meant: Omit<TbsCertificateList, 'entriesLength'>,
  context: Omit<ListSubject, 'list'>,
): void {
  const list = headOf(meant, meant.algorithm);
  const errors = applyRules(listLintRules, { ...context, list }).filter(
    ({ severity }) => severity === 'error',
  );
  if (errors.length > 0) {
    throw new CaError('CA_LINT', `list ${context.scope.id}: ${formatFindings(errors)}`);
  }
}

/** The list without entries and with no signature, through the encoder that makes the real one, and read back. */
function headOf(
  meant: Omit<TbsCertificateList, 'entriesLength'>,
  algorithm: SignatureAlgorithmLike,
): CertificateListHead {
  const { head, tail } = buildTbsCertificateList({ ...meant, entriesLength: 0 });
  const tbs = concatBytes(head, tail);
  return parseCertificateListHead(
    assembleSigned(tbs, encodeSignatureAlgorithm(algorithm), new Uint8Array(1)),
  );
}

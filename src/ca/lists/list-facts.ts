/**
 * What an encoded revocation list says, for the publish gate: everything is read back from the bytes
 * that would be published, nothing is taken from what they were made of.
 *
 * @module
 */

import { DerReader } from '../../asn1/der-reader.ts';
import { Tag } from '../../asn1/tags.ts';
import { equalBytes } from '../../core/bytes.ts';
import { isCertdirError } from '../../core/errors.ts';
import { openDigestVerifier } from '../../signing/digest-signature.ts';
import { encodeSignatureAlgorithm } from '../../x509/algorithms.ts';
import { parseSigned } from '../../x509/certificate.ts';
import {
  type CertificateList,
  type CertificateListHead,
  parseCertificateList,
  parseCertificateListHead,
} from '../../x509/certificate-list.ts';
import { parseCrlNextPublish, parseCrlNumber } from '../../x509/crl-extensions.ts';
import {
  parseCrlDistributionPoints,
  parseIssuingDistributionPoint,
} from '../../x509/distribution-point.ts';
import { findExtension } from '../../x509/extensions.ts';
import type { GeneralName } from '../../x509/general-name.ts';
import { parseAuthorityKeyIdentifier } from '../../x509/key-identifier.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import { verifySignature } from '../../x509/verify-signature.ts';
import type { Authority } from '../authorities.ts';
import { CaError } from '../errors.ts';
import type { ListFacts } from './gate-facts.ts';

/** A list read back, and what the gate wants to know of it. */
export interface ListReading {
  readonly list: CertificateList;
  readonly facts: ListFacts;
}

/**
 * Reads a list back.
 *
 * @throws {CaError} `CA_GATE_I12` when revokedCertificates is there but empty; `CA_GATE_I6` when the
 *   bytes are no list at all.
 */
export function readBackList(der: Uint8Array, authority: Authority): ListReading {
  return readingBack(der, () => {
    const list = parseCertificateList(der);
    const { entryCount } = list;
    const isSignatureValid = isSignedBy(list, authority);
    return {
      list,
      facts: gather(list, { isSignatureValid, entryCount, reasons: readReasons(list) }),
    };
  });
}

/**
 * Reads back what stands around the entries of a list, and the signature, without looking at the entries.
 *
 * @param known `tbs`: what `tbsDigest` is the digest of; `entryCount` and `reasons`: of the entries, which the caller
 *   has looked at.
 * @throws {CaError} as `readBackList`.
 */
export function readBackAround(
  der: Uint8Array,
  authority: Authority,
  known: {
    readonly tbs: Uint8Array;
    readonly tbsDigest: Uint8Array;
    readonly entryCount: number;
    readonly reasons: ReadonlySet<number | undefined>;
  },
): { readonly list: CertificateListHead; readonly facts: ListFacts } {
  return readingBack(der, () => {
    const list = parseCertificateListHead(der);
    const { entryCount, reasons } = known;
    const isSignatureValid = isDigestSigned(list, authority, known);
    return { list, facts: gather(list, { isSignatureValid, entryCount, reasons }) };
  });
}

function readingBack<T>(der: Uint8Array, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!isCertdirError(cause)) {
      throw cause;
    }
    throw hasEmptyField(der)
      ? new CaError('CA_GATE_I12', 'revokedCertificates is there but empty', { cause })
      : new CaError('CA_GATE_I6', `the list cannot be read back: ${cause.message}`, { cause });
  }
}

function gather(
  list: CertificateListHead,
  found: Pick<ListFacts, 'isSignatureValid' | 'entryCount' | 'reasons'>,
): ListFacts {
  const extension = (oid: string): Uint8Array | undefined =>
    findExtension(list.extensions, oid)?.value;
  const nextPublish = extension(Oid.crlNextPublish);
  return {
    number: list.number,
    thisUpdateMs: list.thisUpdateMs,
    nextUpdateMs: list.nextUpdateMs,
    nextPublishMs: nextPublish === undefined ? undefined : parseCrlNextPublish(nextPublish),
    issuerDer: list.issuer.der,
    authorityKey: readAuthorityKey(extension(Oid.authorityKeyIdentifier)),
    distributionPoint: readDistributionPoint(list),
    isDelta: extension(Oid.deltaCrlIndicator) !== undefined,
    ...readDeltaFacts(list),
    hasEntriesField: list.entryBytes.length > 0,
    ...found,
  };
}

function readDeltaFacts({
  extensions,
}: CertificateListHead): Pick<ListFacts, 'deltaIndicator' | 'freshestNameDer'> {
  const indicator = findExtension(extensions, Oid.deltaCrlIndicator);
  const freshest = findExtension(extensions, Oid.freshestCrl);
  const [point, ...others] = freshest ? parseCrlDistributionPoints(freshest.value) : [];
  const freshestNameDer =
    others.length === 0 && freshest?.critical === false
      ? onlyDirectoryName(point?.fullName)
      : undefined;
  return {
    ...(indicator === undefined
      ? {}
      : {
          deltaIndicator: {
            baseNumber: parseCrlNumber(indicator.value),
            isCritical: indicator.critical,
          },
        }),
    ...(freshestNameDer === undefined ? {} : { freshestNameDer }),
  };
}

/** The signature over the digest of exactly the bytes that the list has as signed. */
function isDigestSigned(
  list: CertificateListHead,
  { certificate, algorithm }: Authority,
  { tbs, tbsDigest }: { readonly tbs: Uint8Array; readonly tbsDigest: Uint8Array },
): boolean {
  const isWhatWasHashed =
    list.tbs.buffer === tbs.buffer &&
    list.tbs.byteOffset === tbs.byteOffset &&
    list.tbs.length === tbs.length;
  return (
    isWhatWasHashed &&
    equalBytes(list.signatureAlgorithm, encodeSignatureAlgorithm(algorithm)) &&
    openDigestVerifier(certificate.spki)?.verify(algorithm, tbsDigest, list.signature) === true
  );
}

function isSignedBy(list: CertificateList, { certificate, algorithm }: Authority): boolean {
  return (
    equalBytes(list.signatureAlgorithm, encodeSignatureAlgorithm(algorithm)) &&
    verifySignature({
      spki: certificate.spki,
      algorithm,
      message: list.tbs,
      signature: list.signature,
    })
  );
}

function readAuthorityKey(value: Uint8Array | undefined): ListFacts['authorityKey'] {
  if (value === undefined) {
    return undefined;
  }
  const { keyIdentifier, issuer, serialNumber } = parseAuthorityKeyIdentifier(value);
  return { keyIdentifier, issuerDer: onlyDirectoryName(issuer), serialNumber };
}

function readDistributionPoint(list: CertificateListHead): ListFacts['distributionPoint'] {
  const extension = findExtension(list.extensions, Oid.issuingDistributionPoint);
  if (extension === undefined) {
    return undefined;
  }
  const point = parseIssuingDistributionPoint(extension.value);
  return {
    isCritical: extension.critical,
    nameDer: onlyDirectoryName(point.fullName),
    hasName: point.fullName !== undefined || point.relativeName !== undefined,
    onlyContains: point.onlyContains,
    isLimited: point.isIndirect === true || point.onlySomeReasons !== undefined,
  };
}

/** The bytes of the one directoryName; undefined for anything else. */
export function onlyDirectoryName(
  names: readonly GeneralName[] | undefined,
): Uint8Array | undefined {
  const [name, ...others] = names ?? [];
  return name?.kind === 'directoryName' && others.length === 0 ? name.name.der : undefined;
}

function readReasons(list: CertificateList): ReadonlySet<number | undefined> {
  const reasons = new Set<number | undefined>();
  const cursor = list.cursor();
  while (cursor.next()) {
    reasons.add(cursor.reason);
  }
  return reasons;
}

/** Looks for the field by position: version, algorithm, issuer, two times, then it. */
function hasEmptyField(der: Uint8Array): boolean {
  try {
    const fields = new DerReader(parseSigned(der).tbs).readConstructed();
    fields.readOptional(Tag.integer);
    fields.readElement(Tag.sequence);
    fields.readElement(Tag.sequence);
    fields.readTime();
    fields.readTime();
    return fields.readOptional(Tag.sequence)?.content.length === 0;
  } catch (error) {
    if (isCertdirError(error)) {
      return false;
    }
    throw error;
  }
}

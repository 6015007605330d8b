/**
 * Where revocation lists are: cRLDistributionPoints in certificates (RFC 5280 §4.2.1.13) and
 * issuingDistributionPoint in CRLs (§5.2.5). A CRL is for a certificate when a name in the one is a
 * name in the other, so both share their types here.
 *
 * @module
 */

import type { DerReader } from '../asn1/der-reader.ts';
import {
  encodeBoolean,
  encodeExplicit,
  encodeNamedBits,
  encodeSequence,
  retag,
} from '../asn1/der-writer.ts';
import { contextTag } from '../asn1/tags.ts';
import { X509Error } from './errors.ts';
import { type Extension, parseExtensionValue } from './extensions.ts';
import { encodeGeneralNames, type GeneralName, readGeneralNames } from './general-name.ts';
import { parseRelativeName, type RelativeName } from './name.ts';
import { Oid } from './object-identifiers.ts';

/** Bits of ReasonFlags; bit 0 is unused. */
export type ReasonFlags = ReadonlySet<number>;

export interface DistributionPoint {
  readonly fullName?: readonly GeneralName[];
  /** nameRelativeToCRLIssuer: read, never written (RFC 5280 §4.2.1.13 advises against it). */
  readonly relativeName?: RelativeName;
  readonly reasons?: ReasonFlags;
  readonly crlIssuer?: readonly GeneralName[];
}

export interface IssuingDistributionPoint {
  readonly fullName?: readonly GeneralName[];
  /** nameRelativeToCRLIssuer: read, never written. */
  readonly relativeName?: RelativeName;
  /** Which certificates alone the list is about; everything when absent. */
  readonly onlyContains?: 'user' | 'ca' | 'attribute';
  readonly onlySomeReasons?: ReasonFlags;
  readonly isIndirect?: boolean;
}

const FieldTag = {
  distributionPoint: contextTag(0, 'constructed'),
  fullName: contextTag(0, 'constructed'),
  relativeName: contextTag(1, 'constructed'),
  reasons: contextTag(1, 'primitive'),
  crlIssuer: contextTag(2, 'constructed'),
  onlyContainsUserCerts: contextTag(1, 'primitive'),
  onlyContainsCaCerts: contextTag(2, 'primitive'),
  onlySomeReasons: contextTag(3, 'primitive'),
  indirectCrl: contextTag(4, 'primitive'),
  onlyContainsAttributeCerts: contextTag(5, 'primitive'),
} as const;

const onlyContainsTags = [
  ['user', FieldTag.onlyContainsUserCerts],
  ['ca', FieldTag.onlyContainsCaCerts],
  ['attribute', FieldTag.onlyContainsAttributeCerts],
] as const;

/** @throws {X509Error} `X509_EXTENSION` when there is no point, or one has neither name nor issuer. */
export function buildCrlDistributionPoints(
  points: readonly DistributionPoint[],
  critical = false,
): Extension {
  if (points.length === 0) {
    throw new X509Error('X509_EXTENSION', 'cRLDistributionPoints needs at least one point');
  }
  const value = encodeSequence(...points.map(encodeDistributionPoint));
  return { oid: Oid.cRLDistributionPoints, critical, value };
}

/**
 * freshestCRL, which is never critical: where delta CRLs are (RFC 5280 §4.2.1.15, §5.2.6).
 *
 * @throws {X509Error} `X509_EXTENSION` as `buildCrlDistributionPoints`.
 */
export function buildFreshestCrl(points: readonly DistributionPoint[]): Extension {
  return { ...buildCrlDistributionPoints(points), oid: Oid.freshestCrl };
}

function encodeDistributionPoint(point: DistributionPoint): Uint8Array {
  if (point.fullName === undefined && point.crlIssuer === undefined) {
    throw new X509Error('X509_EXTENSION', 'a distribution point needs a name or a CRL issuer');
  }
  return encodeSequence(
    ...encodeFullName(point),
    ...(point.reasons === undefined
      ? []
      : [retag(FieldTag.reasons, encodeNamedBits(point.reasons))]),
    ...(point.crlIssuer === undefined
      ? []
      : [encodeGeneralNames(FieldTag.crlIssuer, point.crlIssuer)]),
  );
}

/** DistributionPointName is a CHOICE, so `[0]` around it is explicit. */
function encodeFullName(point: {
  readonly fullName?: readonly GeneralName[];
  readonly relativeName?: RelativeName;
}): readonly Uint8Array[] {
  if (point.relativeName !== undefined) {
    throw new X509Error('X509_EXTENSION', 'a name relative to the CRL issuer is not written');
  }
  return point.fullName === undefined
    ? []
    : [encodeExplicit(0, encodeGeneralNames(FieldTag.fullName, point.fullName))];
}

/** @throws {X509Error} `X509_EXTENSION` */
export function parseCrlDistributionPoints(value: Uint8Array): readonly DistributionPoint[] {
  return parseExtensionValue('cRLDistributionPoints', value, (outer) => {
    const reader = outer.readConstructed();
    const points: DistributionPoint[] = [];
    do {
      points.push(readDistributionPoint(reader.readConstructed()));
    } while (!reader.isAtEnd);
    return points;
  });
}

function readDistributionPoint(reader: DerReader): DistributionPoint {
  const name = readPointName(reader);
  const reasons =
    reader.peekTag() === FieldTag.reasons ? reader.readNamedBits(FieldTag.reasons) : undefined;
  const crlIssuer =
    reader.peekTag() === FieldTag.crlIssuer
      ? readGeneralNames(reader.readConstructed(FieldTag.crlIssuer))
      : undefined;
  reader.expectEnd();
  return {
    ...name,
    ...(reasons === undefined ? {} : { reasons }),
    ...(crlIssuer === undefined ? {} : { crlIssuer }),
  };
}

function readPointName(reader: DerReader): {
  readonly fullName?: readonly GeneralName[];
  readonly relativeName?: RelativeName;
} {
  if (reader.peekTag() !== FieldTag.distributionPoint) {
    return {};
  }
  const choice = reader.readConstructed(FieldTag.distributionPoint);
  if (choice.peekTag() === FieldTag.relativeName) {
    const relativeName = parseRelativeName(choice.readElement(FieldTag.relativeName).content);
    choice.expectEnd();
    return { relativeName };
  }
  const fullName = readGeneralNames(choice.readConstructed(FieldTag.fullName));
  choice.expectEnd();
  return { fullName };
}

/**
 * issuingDistributionPoint, critical as RFC 5280 §5.2.5 demands.
 *
 * @throws {X509Error} `X509_EXTENSION` when nothing is given: the extension is left out then.
 */
export function buildIssuingDistributionPoint(
  point: IssuingDistributionPoint,
  critical = true,
): Extension {
  const fields = [...encodeFullName(point)];
  const flag = (tag: number): Uint8Array => retag(tag, encodeBoolean(true));
  // onlyContainsUserCerts and onlyContainsCACerts stand before onlySomeReasons, the third behind.
  for (const [kind, tag] of onlyContainsTags.slice(0, 2)) {
    if (point.onlyContains === kind) {
      fields.push(flag(tag));
    }
  }
  if (point.onlySomeReasons !== undefined) {
    fields.push(retag(FieldTag.onlySomeReasons, encodeNamedBits(point.onlySomeReasons)));
  }
  if (point.isIndirect === true) {
    fields.push(flag(FieldTag.indirectCrl));
  }
  if (point.onlyContains === 'attribute') {
    fields.push(flag(FieldTag.onlyContainsAttributeCerts));
  }
  if (fields.length === 0) {
    throw new X509Error('X509_EXTENSION', 'issuingDistributionPoint must say something');
  }
  return { oid: Oid.issuingDistributionPoint, critical, value: encodeSequence(...fields) };
}

/** @throws {X509Error} `X509_EXTENSION`, also when more than one onlyContains flag is set. */
export function parseIssuingDistributionPoint(value: Uint8Array): IssuingDistributionPoint {
  return parseExtensionValue('issuingDistributionPoint', value, (outer) => {
    const reader = outer.readConstructed();
    const name = readPointName(reader);
    const flag = (tag: number): boolean => reader.peekTag() === tag && reader.readBoolean(tag);
    const user = flag(FieldTag.onlyContainsUserCerts);
    const ca = flag(FieldTag.onlyContainsCaCerts);
    const onlySomeReasons =
      reader.peekTag() === FieldTag.onlySomeReasons
        ? reader.readNamedBits(FieldTag.onlySomeReasons)
        : undefined;
    const isIndirect = flag(FieldTag.indirectCrl);
    const attribute = flag(FieldTag.onlyContainsAttributeCerts);
    reader.expectEnd();
    const kinds = onlyContainsTags
      .map(([kind]) => kind)
      .filter((kind) => ({ user, ca, attribute })[kind]);
    if (kinds.length > 1) {
      throw new X509Error('X509_EXTENSION', 'malformed issuingDistributionPoint: two kinds only');
    }
    return {
      ...name,
      ...(kinds[0] === undefined ? {} : { onlyContains: kinds[0] }),
      ...(onlySomeReasons === undefined ? {} : { onlySomeReasons }),
      ...(isIndirect ? { isIndirect } : {}),
    };
  });
}

/**
 * The naming attributes that have a short name, and the string type each is written with.
 *
 * @module
 */

import { Tag } from '../asn1/tags.ts';
import { Oid } from './object-identifiers.ts';

interface NamingAttribute {
  readonly oid: string;
  /** RFC 4519 and RFC 4514 §3; `emailAddress` from RFC 2985. */
  readonly shortName: string;
  /** Other spellings that are read but not written. */
  readonly aliases?: readonly string[];
  /** The string type, where the attribute's definition leaves no choice (RFC 5280 appendix A). */
  readonly fixedTag?: number;
}

const namingAttributes: readonly NamingAttribute[] = [
  { oid: Oid.commonName, shortName: 'CN', aliases: ['commonName'] },
  { oid: Oid.surname, shortName: 'SN', aliases: ['surname'] },
  { oid: Oid.serialNumber, shortName: 'serialNumber', fixedTag: Tag.printableString },
  { oid: Oid.countryName, shortName: 'C', aliases: ['countryName'], fixedTag: Tag.printableString },
  { oid: Oid.localityName, shortName: 'L', aliases: ['localityName'] },
  { oid: Oid.stateOrProvinceName, shortName: 'ST', aliases: ['stateOrProvinceName'] },
  { oid: Oid.streetAddress, shortName: 'STREET', aliases: ['streetAddress'] },
  { oid: Oid.organizationName, shortName: 'O', aliases: ['organizationName'] },
  { oid: Oid.organizationalUnitName, shortName: 'OU', aliases: ['organizationalUnitName'] },
  { oid: Oid.title, shortName: 'title' },
  { oid: Oid.givenName, shortName: 'givenName', aliases: ['GN'] },
  { oid: Oid.initials, shortName: 'initials' },
  { oid: Oid.generationQualifier, shortName: 'generationQualifier' },
  {
    oid: Oid.distinguishedNameQualifier,
    shortName: 'dnQualifier',
    fixedTag: Tag.printableString,
  },
  { oid: Oid.pseudonym, shortName: 'pseudonym' },
  { oid: Oid.organizationIdentifier, shortName: 'organizationIdentifier' },
  { oid: Oid.userId, shortName: 'UID', aliases: ['userId'] },
  {
    oid: Oid.domainComponent,
    shortName: 'DC',
    aliases: ['domainComponent'],
    fixedTag: Tag.ia5String,
  },
  { oid: Oid.emailAddress, shortName: 'emailAddress', aliases: ['E'], fixedTag: Tag.ia5String },
];

const byOid = new Map(namingAttributes.map((attribute) => [attribute.oid, attribute]));
const byName = new Map(
  namingAttributes.flatMap((attribute) =>
    [attribute.shortName, ...(attribute.aliases ?? [])].map(
      (name) => [name.toLowerCase(), attribute] as const,
    ),
  ),
);

/** The OID behind a short name of any case; undefined when the name is not known. */
export function findNamingAttribute(name: string): string | undefined {
  return byName.get(name.toLowerCase())?.oid;
}

/** The short name of a naming attribute; undefined when it has none. */
export function shortNameOf(oid: string): string | undefined {
  return byOid.get(oid)?.shortName;
}

/** The one string type an attribute may have; undefined when it is a DirectoryString. */
export function fixedStringTag(oid: string): number | undefined {
  return byOid.get(oid)?.fixedTag;
}

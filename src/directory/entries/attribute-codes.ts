/**
 * One-byte codes for attribute types in stored entries. The list is part of the store's format: a
 * type keeps its place for ever, new ones go to the end, at most 127. Types that are not in it are
 * stored with their OID in text.
 *
 * @module
 */

const codedTypes: readonly string[] = [
  '2.5.4.0', // objectClass
  '2.5.21.9', // structuralObjectClass
  '1.3.6.1.1.16.4', // entryUUID
  '1.3.6.1.4.1.4203.666.1.7', // entryCSN
  '2.5.18.3', // creatorsName
  '2.5.18.1', // createTimestamp
  '2.5.18.4', // modifiersName
  '2.5.18.2', // modifyTimestamp
  '2.5.4.3', // cn
  '2.5.4.4', // sn
  '2.5.4.5', // serialNumber
  '2.5.4.6', // c
  '2.5.4.7', // l
  '2.5.4.8', // st
  '2.5.4.9', // street
  '2.5.4.10', // o
  '2.5.4.11', // ou
  '2.5.4.12', // title
  '2.5.4.13', // description
  '2.5.4.20', // telephoneNumber
  '2.5.4.31', // member
  '2.5.4.34', // seeAlso
  '2.5.4.35', // userPassword
  '2.5.4.36', // userCertificate
  '2.5.4.37', // cACertificate
  '2.5.4.38', // authorityRevocationList
  '2.5.4.39', // certificateRevocationList
  '2.5.4.40', // crossCertificatePair
  '2.5.4.42', // givenName
  '2.5.4.53', // deltaRevocationList
  '0.9.2342.19200300.100.1.1', // uid
  '0.9.2342.19200300.100.1.3', // mail
  '0.9.2342.19200300.100.1.25', // dc
];

const codeByOid: ReadonlyMap<string, number> = new Map(
  codedTypes.map((oid, index) => [oid, index + 1]),
);

/** The code of a type, 1 to 127; undefined when it has none. */
export function attributeCode(oid: string): number | undefined {
  return codeByOid.get(oid);
}

/** The reverse of {@link attributeCode}. */
export function codedOid(code: number): string | undefined {
  return codedTypes[code - 1];
}

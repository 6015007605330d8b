/**
 * LDAP requests as bytes, encoded once, and the entries that they ask for.
 *
 * @module
 */

import { sampleEntries, sampleKey, sampleList } from '../../test/support/x509-samples.ts';

export const suffix = 'c=JP';
/** An account; anyone may read its entry. */
export const reader: string = `cn=reader,${suffix}`;
const password = 'correct horse';

/** Message ids have four octets, so that all answers have one length. */
const MESSAGE_ID = Buffer.of(0x02, 4, 1, 0, 0, 0);

function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >>> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

const octets = (text: string): Buffer => element(0x04, Buffer.from(text));

function searchRequest(base: string, scope: number, filter: Buffer): Uint8Array {
  const fixed = Buffer.of(0x0a, 1, scope, 0x0a, 1, 0, 0x02, 1, 0, 0x02, 1, 0, 0x01, 1, 0);
  return element(0x30, MESSAGE_ID, element(0x63, octets(base), fixed, filter, element(0x30)));
}

/** For all user attributes of one entry. */
export function baseSearch(base: string): Uint8Array {
  return searchRequest(base, 0, element(0x87, Buffer.from('objectClass')));
}

/** For whatever below the suffix has this name. */
export function nameSearch(cn: string): Uint8Array {
  return searchRequest(suffix, 2, element(0xa3, octets('cn'), octets(cn)));
}

export const bindRequest: Uint8Array = element(
  ...([0x30, MESSAGE_ID] as const),
  element(0x60, Buffer.of(0x02, 1, 3), octets(reader), element(0x80, Buffer.from(password))),
);

export function ldifRecord(dn: string, lines: readonly string[]): string {
  return [`dn: ${dn}`, ...lines, '', ''].join('\n');
}

/** The suffix and the account. */
export function baseRecords(): readonly string[] {
  return [
    ldifRecord(suffix, ['objectClass: country', 'c: JP']),
    ldifRecord(reader, [
      ...['objectClass: organizationalRole', 'objectClass: simpleSecurityObject'],
      ...['cn: reader', `userPassword: ${password}`],
    ]),
  ];
}

export const listDn = (name: string): string => `cn=CRL ${name},${suffix}`;

/** An entry with a list of about as many bytes. */
export function listRecord(name: string, bytes: number): string {
  const key = sampleKey('p256');
  const block = sampleEntries(5_000);
  const entries = Buffer.alloc(Math.max(1, Math.round(bytes / block.length)) * block.length);
  for (let at = 0; at < entries.length; at += block.length) {
    entries.set(block, at);
  }
  const count = Math.round((bytes / block.length) * 5_000);
  const list = sampleList(key, bytes < block.length ? sampleEntries(count) : entries);
  const value = Buffer.from(list)
    .toString('base64')
    .replaceAll(/(.{70})/g, '$1\n ');
  return ldifRecord(listDn(name), [
    ...['objectClass: cRLDistributionPoint', `cn: CRL ${name}`],
    `certificateRevocationList;binary:: ${value}`,
  ]);
}

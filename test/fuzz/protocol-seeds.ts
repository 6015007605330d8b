/**
 * One LDAP message of every kind, and of the controls.
 *
 * @module
 */

import {
  assertionControl,
  manageDsaItControl,
  matchedValuesControl,
  pagedControl,
  postReadControl,
  preReadControl,
  sortControl,
  subentriesControl,
} from '../support/ldap-control-bytes.ts';
import {
  abandonOperation,
  addOperation,
  bindOperation,
  type ControlBytes,
  compareOperation,
  deleteOperation,
  equality,
  extendedOperation,
  int,
  message,
  modifyDnOperation,
  modifyOperation,
  octets,
  present,
  START_TLS_OID,
  saslBindOperation,
  searchOperation,
  tlv,
  unbindOperation,
  WHO_AM_I_OID,
} from '../support/ldap-request-bytes.ts';
import { richCertificate, richList } from './x509-seeds.ts';

/** Where the fuzzed directory lets its manager write. */
export const BOX = 'ou=Box,o=JPKI,c=JP';
export const MANAGER = 'cn=manager,o=JPKI,c=JP';
export const PASSWORD = 'right';

const PASSWORD_MODIFY_OID = '1.3.6.1.4.1.4203.1.11.1';
const CANCEL_OID = '1.3.6.1.1.8';

const filters = [
  tlv(
    0xa0,
    present('objectClass'),
    tlv(0xa1, equality('cn', 'box'), tlv(0xa2, equality('sn', 'x'))),
  ),
  tlv(0xa4, octets('cn'), tlv(0x30, tlv(0x80, 'a'), tlv(0x81, 'b'), tlv(0x82, 'c'))),
  tlv(0xa9, tlv(0x81, 'caseExactMatch'), tlv(0x82, 'cn'), tlv(0x83, 'x'), tlv(0x84, '\u00ff')),
  tlv(0xa5, octets('createTimestamp'), octets('20260101000000Z')),
  tlv(0xa8, octets('2.5.4.3'), octets('x')),
  equality('cACertificate', '4660$CN=Sample CA,O=JPKI,C=JP'),
  equality(
    'cACertificate;binary',
    '{ serialNumber 4660, issuer rdnSequence:"CN=Sample CA,O=JPKI,C=JP" }',
  ),
  tlv(0xa0),
];

export const controlSeeds: readonly ControlBytes[] = [
  assertionControl(filters[0] ?? present('cn')),
  preReadControl('*', '+'),
  postReadControl('cn', '@person'),
  pagedControl(2),
  sortControl({ attribute: 'cn', rule: '2.5.13.3', isReverse: true }, { attribute: 'sn' }),
  matchedValuesControl(equality('cn', 'box'), present('sn')),
  subentriesControl(true),
  manageDsaItControl,
];

const subtree = { base: 'o=JPKI,c=JP', scope: 2 };
const person = [
  { type: 'objectClass', values: ['person'] },
  { type: 'cn', values: ['x'] },
  { type: 'sn', values: ['x'] },
];

const reading: readonly Buffer[] = [
  ...filters.map((filter) => searchOperation({ ...subtree, filter, attributes: ['*', '+'] })),
  searchOperation({ attributes: ['@pkiCA', '1.1', 'cACertificate;binary'], typesOnly: true }),
  compareOperation(BOX, 'ou', 'box'),
  extendedOperation(WHO_AM_I_OID),
];

const writing: readonly Buffer[] = [
  addOperation(`cn=x,${BOX}`, person),
  addOperation(`cn=list,${BOX}`, [
    { type: 'objectClass', values: ['cRLDistributionPoint'] },
    { type: 'certificateRevocationList;binary', values: [richList] },
  ]),
  addOperation(`ou=ca,${BOX}`, [
    { type: 'objectClass', values: ['organizationalUnit', 'pkiCA'] },
    { type: 'cACertificate;binary', values: [richCertificate] },
  ]),
  modifyOperation(`cn=x,${BOX}`, [
    { operation: 0, type: 'description', values: ['y', 'z'] },
    { operation: 2, type: 'sn', values: ['w'] },
    { operation: 1, type: 'description', values: [] },
    { operation: 3, type: 'uidNumber', values: ['1'] },
  ]),
  modifyDnOperation({ dn: `cn=x,${BOX}`, newRdn: 'cn=y', deleteOldRdn: true, newSuperior: BOX }),
  deleteOperation(`cn=y,${BOX}`),
  extendedOperation(
    PASSWORD_MODIFY_OID,
    tlv(0x30, tlv(0x80, MANAGER), tlv(0x81, 'wrong'), tlv(0x82, 'new')),
  ),
];

const session: readonly Buffer[] = [
  bindOperation('', ''),
  bindOperation(MANAGER, PASSWORD),
  saslBindOperation('PLAIN', Buffer.from(`\0dn:${MANAGER}\0${PASSWORD}`)),
  saslBindOperation('EXTERNAL', Buffer.from(`dn:${MANAGER}`)),
  abandonOperation(1),
  extendedOperation(CANCEL_OID, tlv(0x30, int(1))),
  extendedOperation(START_TLS_OID),
  unbindOperation,
];

/** Whole messages. */
export const messageSeeds: readonly Buffer[] = [
  ...[...reading, ...writing, ...session].map((operation, index) => message(index + 1, operation)),
  message(7, searchOperation(subtree), controlSeeds.slice(3)),
  message(8, modifyOperation(BOX, []), controlSeeds.slice(0, 3)),
];

const asManager = message(1, bindOperation(MANAGER, PASSWORD));

/** What a client says from its first word to its last. */
export const conversationSeeds: readonly Buffer[] = [
  ...[...reading, ...writing].map((operation) => Buffer.concat([asManager, message(2, operation)])),
  ...controlSeeds.map((control) =>
    Buffer.concat([asManager, message(2, searchOperation(subtree), [control])]),
  ),
  ...controlSeeds.map((control) =>
    Buffer.concat([asManager, message(2, writing[3] ?? deleteOperation(BOX), [control])]),
  ),
  Buffer.concat(reading.map((operation, index) => message(index + 1, operation))),
  Buffer.concat([...session, ...reading].map((operation, index) => message(index + 1, operation))),
  message(1, extendedOperation(START_TLS_OID)),
];

export const saslSeeds: readonly Uint8Array[] = [
  '',
  `dn:${MANAGER}`,
  `u:x\0dn:${MANAGER}\0${PASSWORD}`,
  'a\0b\0c',
].map((text) => Buffer.from(text, 'utf8'));

export const extendedValueSeeds: readonly Uint8Array[] = [
  tlv(0x30, tlv(0x80, MANAGER), tlv(0x81, 'old'), tlv(0x82, 'new')),
  tlv(0x30, tlv(0x80, `dn:${MANAGER}`)),
  tlv(0x30, int(1)),
];

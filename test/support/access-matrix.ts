/**
 * The world of the access matrix: two entries that have every attribute of the shipped schema that an entry can
 * have, one access class for each family of types, callers of every kind, and an oracle that says who may
 * do what. The oracle is a table; it shares nothing with the program but the words of the rules.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { AccessRight, AccessRule } from '../../src/directory/access/access-rule.ts';
import type { DirectoryService } from '../../src/directory/service.ts';
import { makeTlsCertificate } from '../../src/setup/tls-certificate.ts';
import {
  type DirectoryFixture,
  search,
  suffix,
  system,
  type TextAttributes,
} from './directory-fixture.ts';
import { servedAs, servedFrom } from './recast-directory.ts';
import { readSchemaText, type TextAttributeType } from './schema-text.ts';
import { SeededRandom } from './seeded-random.ts';
import { SimulatedClock } from './simulated-clock.ts';
import { sampleCertificate, sampleEntries, sampleKey, sampleList } from './x509-samples.ts';

export const schemaText: ReturnType<typeof readSchemaText> = readSchemaText();

/** Whom a family of attribute types is for. */
export type AccessClass =
  | 'everyone'
  | 'grantedVerifier'
  | 'auditor'
  | 'member'
  | 'itself'
  | 'nobody'
  | 'certificate'
  | 'address'
  | 'bound'
  | 'marked';
const accessClasses: readonly AccessClass[] = [
  ...(['everyone', 'grantedVerifier', 'auditor', 'member', 'itself'] as const),
  ...(['nobody', 'certificate', 'address', 'bound', 'marked'] as const),
];

export type PrincipalName =
  | 'anonymous'
  | 'person'
  | 'verifier'
  | 'otherVerifier'
  | 'expired'
  | 'disabled'
  | 'auditor'
  | 'operator'
  | 'member'
  | 'itself'
  | 'system';
const principals: readonly PrincipalName[] = [
  ...(['anonymous', 'person', 'verifier', 'otherVerifier', 'expired', 'disabled'] as const),
  ...(['auditor', 'operator', 'member', 'itself', 'system'] as const),
];

export type TlsLevelName = 'none' | 'tls' | 'client';
const tlsLevels: readonly TlsLevelName[] = ['none', 'tls', 'client'];

/** Who asks, over what, from where. */
export interface Combination {
  readonly principal: PrincipalName;
  readonly tls: TlsLevelName;
  readonly isInside: boolean;
}

export const combinations: readonly Combination[] = principals.flatMap((principal) =>
  tlsLevels.flatMap((tls) => [true, false].map((isInside) => ({ principal, tls, isInside }))),
);

export const parent: string = `ou=Matrix,${suffix}`;
/** `marked` is the entry of the principal `itself` as well. */
export const entryNames: Readonly<Record<EntryName, string>> = {
  marked: `host=marked,${parent}`,
  plain: `host=plain,${parent}`,
};
export type EntryName = 'marked' | 'plain';
const group = `cn=Group,${suffix}`;
const insideAddress = '192.0.2.7';
const outsideAddress = '198.51.100.7';

/** The entries are named and changed by these; everyone may. */
const forEveryone: ReadonlySet<string> = new Set(['objectClass', 'host', 'businessCategory']);
/** Checked for who has not bound, and so for nothing else by that caller. */
const credentialRoots: ReadonlySet<string> = new Set(['userPassword', 'certdirCertificateSha256']);

const roots = [...new Set(schemaText.attributeTypes.map(({ root }) => root))];

/** The class of a family, by its place in the schema; lists are what the program is about. */
export function accessClassOf({ root }: TextAttributeType): AccessClass {
  if (forEveryone.has(root)) {
    return 'everyone';
  }
  if (root === 'certificateRevocationList') {
    return 'grantedVerifier';
  }
  return accessClasses[roots.indexOf(root) % accessClasses.length] ?? 'nobody';
}

const isBound = ({ principal }: Combination): boolean =>
  !['anonymous', 'expired', 'disabled'].includes(principal);

/** The oracle: whether the caller may search, compare, read and write the type in the entry. */
export function isAllowed(
  who: Combination,
  type: TextAttributeType,
  entry: EntryName | 'draft',
): boolean {
  const { principal, tls, isInside } = who;
  if (principal === 'system') {
    return true;
  }
  if (credentialRoots.has(type.root) && !isBound(who)) {
    return false;
  }
  switch (accessClassOf(type)) {
    case 'everyone':
      return true;
    case 'grantedVerifier':
      return principal === 'verifier' && tls !== 'none' && entry !== 'draft';
    case 'auditor':
      return principal === 'auditor' && tls !== 'none';
    case 'member':
      return principal === 'member';
    case 'itself':
      return principal === 'itself' && entry === 'marked';
    case 'nobody':
      return false;
    case 'certificate':
      return isBound(who) && tls === 'client';
    case 'address':
      return isInside;
    case 'bound':
      return isBound(who);
    case 'marked':
      return entry === 'marked';
  }
}

/** The rules that the oracle is of. */
export function matrixRules(): readonly AccessRule[] {
  const anyone = { kind: 'anyone' } as const;
  const subjects: Readonly<Record<AccessClass, Omit<AccessRule, 'rights' | 'attributes'>>> = {
    everyone: { who: anyone },
    grantedVerifier: { who: { kind: 'verifier', partitionGranted: true }, tls: true },
    auditor: { who: { kind: 'operator', roles: ['auditor'] }, tls: true },
    member: { who: { kind: 'group', dn: group } },
    itself: { who: { kind: 'self' } },
    nobody: { who: { kind: 'dn', dn: `cn=nobody,${suffix}` } },
    certificate: { who: anyone, tls: 'client' },
    address: { who: anyone, address: ['192.0.2.0/24', '2001:db8::/32'] },
    bound: { who: { kind: 'authenticated' } },
    marked: { who: anyone, target: { filter: '(businessCategory=marked)' } },
  };
  const rights: readonly AccessRight[] = ['search', 'compare', 'read', 'write'];
  const familiesOf = (wanted: AccessClass): readonly string[] =>
    schemaText.attributeTypes
      .filter((type) => type.superior === undefined && accessClassOf(type) === wanted)
      .map(({ names }) => names[0]);
  return [
    { who: { kind: 'anonymous' }, attributes: [...credentialRoots], rights: ['auth'] },
    { who: anyone, attributes: ['entry', 'children'], rights: ['read', 'write'] },
    ...accessClasses.map((each) => ({
      name: each,
      ...subjects[each],
      attributes: familiesOf(each),
      rights,
    })),
  ];
}

export interface ClientCertificate {
  readonly cert: string;
  readonly key: string;
  readonly sha256: string;
}

function makeClientCertificate(name: string): ClientCertificate {
  const { certificatePem, keyPem } = makeTlsCertificate({
    address: '127.0.0.1',
    clock: new SimulatedClock(),
    random: new SeededRandom(name),
  });
  const der = Buffer.from(certificatePem.replaceAll(/-----[^-]*-----|\s/g, ''), 'base64');
  const sha256 = createHash('sha256').update(der).digest('hex');
  return { cert: certificatePem, key: keyPem, sha256 };
}

export const accountPassword = 'right';
export const accountDn = (name: PrincipalName): string =>
  name === 'itself' ? entryNames.marked : `cn=${name},${suffix}`;

const verifierAttributes = (partition: string): TextAttributes => ({
  objectClass: ['applicationProcess', 'certdirVerifier', 'simpleSecurityObject'],
  certdirVerifierKind: 'signature',
  certdirAgreementNotBefore: '20000101000000Z',
  certdirAgreementNotAfter: '20991231000000Z',
  certdirGrantedPartition: partition,
});
const operatorAttributes = (role: string): TextAttributes => ({
  objectClass: ['applicationProcess', 'certdirOperator', 'simpleSecurityObject'],
  certdirOperatorRole: role,
});
const person: TextAttributes = { objectClass: ['person'], sn: 'x' };
/** Those with an entry of their own. */
const accounts: Partial<Readonly<Record<PrincipalName, TextAttributes>>> = {
  person,
  member: person,
  verifier: verifierAttributes('P1'),
  disabled: verifierAttributes('P1'),
  otherVerifier: verifierAttributes('P2'),
  expired: { ...verifierAttributes('P1'), certdirAgreementNotAfter: '20260105010000Z' },
  auditor: operatorAttributes('auditor'),
  operator: operatorAttributes('other'),
};

/** What the two entries have, by description as it is returned to the system. */
export type Contents = Readonly<Record<EntryName, ReadonlyMap<string, readonly Uint8Array[]>>>;

export interface MatrixWorld {
  readonly contents: Contents;
  readonly certificates: ReadonlyMap<PrincipalName, ClientCertificate>;
}

/** Fills a directory opened with {@link matrixRules}. */
export async function fillMatrix(fixture: DirectoryFixture): Promise<MatrixWorld> {
  const { add, directory } = fixture;
  const certificates = new Map(principals.map((name) => [name, makeClientCertificate(name)]));
  const sha256Of = (name: PrincipalName): string => certificates.get(name)?.sha256 ?? '';
  await add(suffix, { objectClass: 'organization' });
  await add(parent, { objectClass: 'organizationalUnit' });
  for (const [name, attributes] of Object.entries(accounts)) {
    const { objectClass } = attributes;
    await add(accountDn(name as PrincipalName), {
      ...attributes,
      objectClass: [...(objectClass as readonly string[]), 'extensibleObject'],
      userPassword: accountPassword,
      certdirCertificateSha256: sha256Of(name as PrincipalName),
      certdirAgreementNumber: name,
    });
  }
  await add(group, { objectClass: 'groupOfNames', member: accountDn('member') });
  for (const [name, dn] of Object.entries(entryNames)) {
    await add(dn, { objectClass: ['locality', 'extensibleObject'], host: name });
    for (const type of schemaText.attributeTypes) {
      await give(directory, dn, samplesOf(type, name as EntryName, sha256Of('itself')));
    }
    await add(`host=below,${dn}`, { objectClass: ['locality', 'extensibleObject'] });
  }
  const read = async (base: string): Promise<ReadonlyMap<string, readonly Uint8Array[]>> => {
    const wish = { base, scope: 'base', attributes: ['*', '+'] } as const;
    const [entry] = await search(directory, wish);
    return new Map(entry?.attributes.map(({ description, values }) => [description, values]));
  };
  const contents = { marked: await read(entryNames.marked), plain: await read(entryNames.plain) };
  return { contents, certificates };
}

type Sample = readonly [description: string, value: string | Uint8Array];

/** Adds what can be added; the rest is set by the server or by nobody. */
async function give(
  directory: DirectoryFixture['directory'],
  dn: string,
  samples: readonly Sample[],
): Promise<void> {
  for (const [attribute, value] of samples) {
    const values = [typeof value === 'string' ? encodeUtf8(value) : value];
    const changes = [{ operation: 'add', attribute, values }] as const;
    await directory.modify({ dn, changes }, system);
  }
}

function samplesOf(
  type: TextAttributeType,
  entry: EntryName,
  certificateSha256: string,
): readonly Sample[] {
  const [name] = type.names;
  if (type.isNoUserModification || name === 'objectClass' || name === 'host') {
    return [];
  }
  const value = ownSample(name, entry, certificateSha256) ?? sampleBySyntax(type, entry);
  assert.ok(value !== undefined, `a sample of ${name}, syntax ${type.syntax}, is wanted here`);
  const plain: Sample = [type.requiresBinary ? `${name};binary` : name, value];
  const isText = type.syntax.endsWith('.121.1.15') && !type.isSingleValue && !type.isOperational;
  return isText ? [plain, [`${name};lang-ja`, `${value} in Japanese`]] : [plain];
}

/** Types whose values mean something. */
function ownSample(name: string, entry: EntryName, sha256: string): string | undefined {
  const samples: Readonly<Record<string, string>> = {
    businessCategory: entry,
    userPassword: accountPassword,
    certdirPartitionCode: 'P1',
    certdirGrantedPartition: 'none',
    certdirAgreementNotBefore: '20000101000000Z',
    certdirAgreementNotAfter: '20991231000000Z',
    certdirCertificateSha256: entry === 'marked' ? sha256 : 'ab'.repeat(32),
    ref: 'ldap://elsewhere.example/',
    dc: entry,
    supportedLDAPVersion: '3',
  };
  return Object.hasOwn(samples, name) ? samples[name] : undefined;
}

const listKey = sampleKey('p256', 'matrix');
const certificate = sampleCertificate(listKey);
const list = sampleList(listKey, sampleEntries(2));
/** SEQUENCE { [0] certificate }. */
const pair = derSequence(0xa0, certificate);
/** An AlgorithmIdentifier alone, of sha256. */
const algorithm = Buffer.from('300d300b0609608648016503040201', 'hex');

function derSequence(tag: number, inner: Uint8Array): Uint8Array {
  const element = derElement(tag, inner);
  return derElement(0x30, element);
}

function derElement(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  const header = length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

function sampleBySyntax(
  type: TextAttributeType,
  entry: EntryName,
): string | Uint8Array | undefined {
  const [name] = type.names;
  // The second entry sorts before the first by every text.
  const text = `${entry === 'marked' ? 'z' : 'a'} ${name}`;
  const samples: Readonly<Record<string, string | Uint8Array>> = {
    '6': "'0101'B",
    '7': 'FALSE',
    '8': certificate,
    '9': list,
    '10': pair,
    '11': 'JP',
    '12': `cn=${text},o=x`,
    '14': 'any',
    '15': text,
    '21': 'person#(cn$EQ)#oneLevel',
    '22': '+81 27',
    '24': '20260105000000Z',
    '25': 'person#(cn$EQ)',
    '26': `${text}@example`,
    '27': '5',
    '34': `cn=${text},o=x`,
    '36': '0279',
    '38': '1.3.6.1.4.1.4203.1.5.3',
    '40': text,
    '41': `${text}$Japan`,
    '44': text,
    '45': '{ }',
    '49': algorithm,
    '50': '+81 27 221',
    '51': 'abc',
    '52': '1$2$3',
  };
  return samples[type.syntax.replace('1.3.6.1.4.1.1466.115.121.1.', '')];
}

/** The same directory for callers from one of two addresses, or for the program itself. */
export function recast(
  directory: DirectoryFixture['directory'],
  { principal, isInside }: Pick<Combination, 'principal' | 'isInside'>,
): DirectoryService {
  const address = isInside ? insideAddress : outsideAddress;
  return principal === 'system'
    ? servedAs(directory, system)
    : servedFrom(directory, () => address);
}

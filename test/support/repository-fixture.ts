/**
 * A small repository as the JPKI practice statements want it: CA entry and revocation list for
 * everyone, the lists of the partitions for registered verifiers over TLS.
 *
 * @module
 */

import { join } from 'node:path';
import { packageRoot } from '../../src/config/package-root.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import type { DirectoryOptions } from '../../src/directory/directory.ts';
import { Schema } from '../../src/directory/schema/schema.ts';
import { readSchemaFolder } from '../../src/directory/schema/schema-source.ts';
import { type DirectoryFixture, openDirectory, suffix } from './directory-fixture.ts';
import { sampleCertificate, sampleEntries, sampleKey, sampleList } from './x509-samples.ts';

/** The rules of gunma 2-6-3 and 4-4-4-5, and what operators need. */
export const repositoryRules: readonly AccessRule[] = [
  { attributes: ['userPassword'], who: { kind: 'self' }, tls: true, rights: ['write'] },
  { attributes: ['userPassword'], who: { kind: 'anyone' }, rights: ['auth'] },
  {
    attributes: ['certificateRevocationList', 'deltaRevocationList'],
    who: { kind: 'verifier', kinds: ['signature', 'organisation'], partitionGranted: true },
    tls: true,
    rights: ['search', 'compare', 'read'],
  },
  { who: { kind: 'operator', roles: ['repository'] }, tls: true, rights: ['manage'] },
  {
    attributes: ['certificateRevocationList', 'deltaRevocationList'],
    who: { kind: 'anyone' },
    rights: [],
  },
  { target: { subtree: `ou=Verifiers,${suffix}` }, who: { kind: 'self' }, rights: ['read'] },
  { target: { subtree: `ou=Verifiers,${suffix}` }, who: { kind: 'anyone' }, rights: [] },
  { who: { kind: 'anyone' }, rights: ['search', 'compare', 'read'] },
];

export const partitions: Readonly<Record<'maebashi' | 'takasaki', string>> = {
  maebashi: `cn=Maebashi CRLDP,ou=Gunma-ken,${suffix}`,
  takasaki: `cn=Takasaki CRLDP,ou=Gunma-ken,${suffix}`,
};

export const verifiers: string = `ou=Verifiers,${suffix}`;
export const verifierPassword = 'Correct horse 7';

const key = sampleKey('p256');
/** Kept within the entry. */
export const smallList: Uint8Array = sampleList(key, sampleEntries(3));
/** Kept apart from the entry. */
export const largeList: Uint8Array = sampleList(key, sampleEntries(400));
export const caCertificate: Uint8Array = sampleCertificate(key);

/** Lets a test leave things out. */
export interface RepositoryContents {
  readonly lists?: boolean;
}

/** The shipped schema and a type below certificateRevocationList. */
export async function schemaWithSubtype(): Promise<Schema> {
  const files = await readSchemaFolder(join(packageRoot, 'schema'));
  const text = [
    'dn: cn=schema',
    'objectClass: subschema',
    'cn: schema',
    "attributeTypes: ( 2.25.1 NAME 'testRevocationList' SUP certificateRevocationList )",
    "objectClasses: ( 2.25.2 NAME 'testLists' SUP top AUXILIARY MAY testRevocationList )",
    '',
  ].join('\n');
  return Schema.parse([...files, { file: 'test.ldif', text }]);
}

/** Opens the repository with two partitions and three accounts. */
export async function openRepository(
  t: Parameters<typeof openDirectory>[0],
  options: Partial<DirectoryOptions> = {},
  contents: RepositoryContents = {},
): Promise<DirectoryFixture> {
  const schema = options.schema ?? (await schemaWithSubtype());
  const fixture = await openDirectory(t, { access: repositoryRules, ...options, schema });
  const { add } = fixture;
  const lists = contents.lists ?? true;
  await add(suffix, {
    objectClass: ['organization', 'pkiCA'],
    'cACertificate;binary': caCertificate,
    'authorityRevocationList;binary': smallList,
  });
  await add(`ou=Gunma-ken,${suffix}`, { objectClass: 'organizationalUnit' });
  await add(partitions.maebashi, {
    objectClass: ['cRLDistributionPoint', 'certdirPartition', 'testLists'],
    certdirPartitionCode: '102016',
    ...(lists
      ? {
          'certificateRevocationList;binary': smallList,
          'testRevocationList;binary': smallList,
          'certificateRevocationList;binary;lang-ja': largeList,
        }
      : {}),
  });
  await add(partitions.takasaki, {
    objectClass: ['cRLDistributionPoint', 'certdirPartition'],
    certdirPartitionCode: '102024',
    ...(lists ? { 'certificateRevocationList;binary': largeList } : {}),
  });
  await add(verifiers, { objectClass: 'organizationalUnit' });
  await addVerifier(fixture, 'Court', { certdirGrantedPartition: '102016' });
  await addVerifier(fixture, 'Ministry', { certdirGrantedPartition: '*' });
  await add(`cn=Operator,${verifiers}`, {
    objectClass: ['organizationalRole', 'certdirOperator'],
    certdirOperatorRole: 'repository',
    userPassword: verifierPassword,
  });
  return fixture;
}

/** Registers a verifier of signatures with an agreement over the year 2026. */
export async function addVerifier(
  { add }: DirectoryFixture,
  name: string,
  attributes: Readonly<Record<string, string>> = {},
): Promise<void> {
  await add(`cn=${name},${verifiers}`, {
    objectClass: ['organizationalRole', 'certdirVerifier'],
    certdirVerifierKind: 'signature',
    certdirAgreementNumber: `2026-${name}`,
    certdirAgreementNotBefore: '20260101000000Z',
    certdirAgreementNotAfter: '20261231145959Z',
    userPassword: verifierPassword,
    ...attributes,
  });
}

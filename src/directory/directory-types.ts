/**
 * The attribute types that the directory itself works with, looked up once.
 *
 * @module
 */

import { DirectoryError } from './errors.ts';
import type { AttributeType, SchemaLookup } from './schema/schema-model.ts';

const nameByRole = {
  objectClass: 'objectClass',
  structuralObjectClass: 'structuralObjectClass',
  entryUuid: 'entryUUID',
  entryCsn: 'entryCSN',
  contextCsn: 'contextCSN',
  creatorsName: 'creatorsName',
  createTimestamp: 'createTimestamp',
  modifiersName: 'modifiersName',
  modifyTimestamp: 'modifyTimestamp',
  subschemaSubentry: 'subschemaSubentry',
  hasSubordinates: 'hasSubordinates',
  numSubordinates: 'numSubordinates',
  entryDn: 'entryDN',
  userPassword: 'userPassword',
  passwordChanged: 'certdirPasswordChanged',
  passwordHistory: 'certdirPasswordHistory',
  certificateSha256: 'certdirCertificateSha256',
  credentialSetBy: 'certdirCredentialSetBy',
  managedBy: 'certdirManagedBy',
  accountDisabled: 'certdirAccountDisabled',
  verifierKind: 'certdirVerifierKind',
  agreementNumber: 'certdirAgreementNumber',
  agreementNotBefore: 'certdirAgreementNotBefore',
  agreementNotAfter: 'certdirAgreementNotAfter',
  grantedPartition: 'certdirGrantedPartition',
  operatorRole: 'certdirOperatorRole',
} as const;

export type DirectoryTypes = Readonly<Record<keyof typeof nameByRole, AttributeType>>;

/** @throws {DirectoryError} `DIRECTORY_SCHEMA_REFERENCE` when the schema lacks one of them. */
export function directoryTypes(schema: SchemaLookup): DirectoryTypes {
  const found = Object.entries(nameByRole).map(([role, name]) => {
    const type = schema.attributeType(name);
    if (type === undefined) {
      throw new DirectoryError(
        'DIRECTORY_SCHEMA_REFERENCE',
        `the schema does not define ${name}, which the directory needs`,
      );
    }
    return [role, type] as const;
  });
  return Object.fromEntries(found) as DirectoryTypes;
}

/**
 * authorityKeyIdentifier in assertions about certificates and lists (RFC 4523 A.2, A.4; X.509 §11.3.2):
 * a value without the extension does not match, nor does one that lacks a component of the assertion.
 *
 * @module
 */

import type { GserReader } from '../../asn1/gser-reader.ts';
import { equalBytes } from '../../core/bytes.ts';
import { type Extension, findExtension } from '../../x509/extensions.ts';
import {
  type AuthorityKeyIdentifier,
  parseAuthorityKeyIdentifier,
} from '../../x509/key-identifier.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import type { SchemaLookup } from '../schema/schema-model.ts';
import { keysOfGeneralNames, readGeneralNames } from './general-name-key.ts';

type ExtensionsTest = (extensions: readonly Extension[]) => boolean;
type IdentifierTest = (stored: AuthorityKeyIdentifier) => boolean;

/** Reads AuthorityKeyIdentifier as a test of a certificate's or list's extensions. */
export function readAuthorityKeyTest(reader: GserReader, schema: SchemaLookup): ExtensionsTest {
  const tests = new Map<string, IdentifierTest>();
  reader.readSequence((name) => tests.set(name, readComponent(name, reader, schema)));
  if (tests.has('authorityCertIssuer') !== tests.has('authorityCertSerialNumber')) {
    reader.fail('authorityCertIssuer and authorityCertSerialNumber go together');
  }
  return (extensions) => {
    const extension = findExtension(extensions, Oid.authorityKeyIdentifier);
    if (extension === undefined) {
      return false;
    }
    const stored = parseAuthorityKeyIdentifier(extension.value);
    return [...tests.values()].every((test) => test(stored));
  };
}

function readComponent(name: string, reader: GserReader, schema: SchemaLookup): IdentifierTest {
  switch (name) {
    case 'keyIdentifier': {
      const wanted = reader.readOctetString();
      return ({ keyIdentifier }) =>
        keyIdentifier !== undefined && equalBytes(keyIdentifier, wanted);
    }
    case 'authorityCertIssuer': {
      const wanted = readGeneralNames(reader, schema);
      return ({ issuer = [] }) => {
        const stored = keysOfGeneralNames(issuer, schema);
        return (
          stored.size === wanted.length &&
          wanted.every((keys) => keys.some((key) => stored.has(key)))
        );
      };
    }
    case 'authorityCertSerialNumber': {
      const wanted = reader.readInteger();
      return ({ serialNumber }) => serialNumber === wanted;
    }
    default:
      return reader.fail(`${name} is not a component here`);
  }
}

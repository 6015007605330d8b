/**
 * The two components of certificateMatch that are about name spaces (X.509 §11.3.2): `pathToName`, a
 * name that the certificate's own constraints must let pass, and `nameConstraints`, a space that the
 * certificate's subject names must lie in.
 *
 * @module
 */

import type { GserReader } from '../../asn1/gser-reader.ts';
import { parseAlternativeNames } from '../../x509/alternative-name.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { findExtension } from '../../x509/extensions.ts';
import { type GeneralSubtree, parseNameConstraints } from '../../x509/name-constraints.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import type { SchemaLookup } from '../schema/schema-model.ts';
import { readNameKey } from './assertion-reader.ts';
import { keyOfName } from './name-key.ts';
import { areWithin, type NameSubtree, type PlacedName, placeName } from './name-space.ts';

type CertificateTest = (certificate: Certificate) => boolean;

/** True unless the certificate's nameConstraints keep the name out. */
export function readPathToNameTest(reader: GserReader, schema: SchemaLookup): CertificateTest {
  const name: PlacedName = { kind: 'directoryName', key: readNameKey(reader, schema) };
  const place = (subtrees: readonly GeneralSubtree[] = []): readonly NameSubtree[] =>
    subtrees.flatMap(({ base, minimum = 0, maximum = Infinity }) => {
      const placed = base.kind === 'directoryName' ? placeName(base, schema) : undefined;
      return placed === undefined ? [] : [{ base: placed, minimum, maximum }];
    });
  return ({ extensions }) => {
    const extension = findExtension(extensions, Oid.nameConstraints);
    if (extension === undefined) {
      return true;
    }
    const { permitted, excluded } = parseNameConstraints(extension.value);
    return areWithin([name], { permitted: place(permitted), excluded: place(excluded) });
  };
}

/** True when the subject and its alternative names lie in the space asserted. */
export function readNameConstraintsTest(reader: GserReader, schema: SchemaLookup): CertificateTest {
  let permitted: readonly NameSubtree[] = [];
  let excluded: readonly NameSubtree[] = [];
  reader.readSequence((name) => {
    if (name === 'permittedSubtrees') {
      permitted = readSubtrees(reader, schema);
    } else if (name === 'excludedSubtrees') {
      excluded = readSubtrees(reader, schema);
    } else {
      reader.fail(`${name} is not a component here`);
    }
  });
  if (permitted.length + excluded.length === 0) {
    reader.fail('permittedSubtrees or excludedSubtrees is needed');
  }
  return (certificate) => areWithin(subjectNames(certificate, schema), { permitted, excluded });
}

/** RFC 5280 §4.2.1.10: addresses in the subject count where no alternative name is one. */
function subjectNames({ subject, extensions }: Certificate, schema: SchemaLookup): PlacedName[] {
  const extension = findExtension(extensions, Oid.subjectAltName);
  const alternative = extension === undefined ? [] : parseAlternativeNames(extension.value);
  const names = alternative.flatMap((name) => placeName(name, schema) ?? []);
  if (subject.rdns.length > 0) {
    names.push({ kind: 'directoryName', key: keyOfName(subject, schema) });
  }
  if (!names.some(({ kind }) => kind === 'rfc822Name')) {
    for (const { type, value } of subject.rdns.flat()) {
      if (type === Oid.emailAddress) {
        names.push({ kind: 'rfc822Name', text: value });
      }
    }
  }
  return names;
}

function readSubtrees(reader: GserReader, schema: SchemaLookup): readonly NameSubtree[] {
  const subtrees: NameSubtree[] = [];
  reader.readElements(() => subtrees.push(readSubtree(reader, schema)));
  return subtrees.length === 0 ? reader.fail('at least one subtree is needed') : subtrees;
}

function readSubtree(reader: GserReader, schema: SchemaLookup): NameSubtree {
  let base: PlacedName | undefined;
  let minimum = 0;
  let maximum = Infinity;
  reader.readSequence((name) => {
    if (name === 'base') {
      base = readBase(reader, schema);
    } else if (name === 'minimum') {
      minimum = readDistance(reader);
    } else if (name === 'maximum') {
      maximum = readDistance(reader);
    } else {
      reader.fail(`${name} is not a component here`);
    }
  });
  if (base === undefined) {
    return reader.fail('base is needed');
  }
  if (base.kind !== 'directoryName' && (minimum !== 0 || maximum !== Infinity)) {
    reader.fail('only directory names have levels');
  }
  return { base, minimum, maximum };
}

function readDistance(reader: GserReader): number {
  const distance = reader.readInteger();
  return distance < 0n ? reader.fail('a distance is not negative') : Number(distance);
}

const ADDRESS_AND_MASK_OCTETS: readonly number[] = [8, 32];

/** The forms that name spaces are made of; the others cannot be asserted. */
function readBase(reader: GserReader, schema: SchemaLookup): PlacedName {
  const kind = reader.readIdentifier();
  reader.expect(':');
  switch (kind) {
    case 'directoryName':
      return { kind, key: readNameKey(reader, schema) };
    case 'rfc822Name':
      return { kind, text: reader.readString() };
    case 'dNSName':
      return { kind: 'dnsName', text: reader.readString() };
    case 'uniformResourceIdentifier':
      return { kind: 'uri', text: reader.readString() };
    case 'iPAddress': {
      const bytes = reader.readOctetString();
      return ADDRESS_AND_MASK_OCTETS.includes(bytes.length)
        ? { kind: 'ipAddress', bytes }
        : reader.fail('a subtree of addresses is an address and a mask');
    }
    case 'registeredID':
      return { kind: 'registeredId', oid: reader.readOid() };
    default:
      return reader.fail(`${kind} makes no name space`);
  }
}

/**
 * Name spaces (X.509 §8.4.2.2, RFC 5280 §4.2.1.10): whether names lie in the permitted subtrees of
 * their form and in none of the excluded ones. A form without permitted subtrees is not restricted.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import type { GeneralName } from '../../x509/general-name.ts';
import type { SchemaLookup } from '../schema/schema-model.ts';
import { keyOfName } from './name-key.ts';

/** A name, or the base of a subtree, in the forms that subtrees are made of. */
export type PlacedName =
  /** `key` as name-key.ts makes it: root first, so that a name's key starts with its ancestors'. */
  | { readonly kind: 'directoryName'; readonly key: Uint8Array }
  | { readonly kind: 'rfc822Name' | 'dnsName' | 'uri'; readonly text: string }
  /** 4 or 16 octets of a name, 8 or 32 of a base: address and mask. */
  | { readonly kind: 'ipAddress'; readonly bytes: Uint8Array }
  | { readonly kind: 'registeredId'; readonly oid: string };

export interface NameSubtree {
  readonly base: PlacedName;
  /** Levels below the base; of directory names only. */
  readonly minimum: number;
  readonly maximum: number;
}

export interface NameSpace {
  readonly permitted: readonly NameSubtree[];
  readonly excluded: readonly NameSubtree[];
}

/** True when every name lies in the space. */
export function areWithin(names: readonly PlacedName[], space: NameSpace): boolean {
  return names.every((name) => isWithin(name, space));
}

function isWithin(name: PlacedName, { permitted, excluded }: NameSpace): boolean {
  const sameForm = ({ base }: NameSubtree): boolean => base.kind === name.kind;
  const allowing = permitted.filter(sameForm);
  const refusing = excluded.filter(sameForm);
  if (allowing.length + refusing.length > 0 && !canBePlaced(name)) {
    return false;
  }
  return (
    (allowing.length === 0 || allowing.some((subtree) => holds(subtree, name))) &&
    !refusing.some((subtree) => holds(subtree, name))
  );
}

/** A name in a certificate; undefined for the forms that no subtree is made of. */
export function placeName(name: GeneralName, schema: SchemaLookup): PlacedName | undefined {
  switch (name.kind) {
    case 'directoryName':
      return { kind: 'directoryName', key: keyOfName(name.name, schema) };
    case 'rfc822Name':
    case 'dnsName':
    case 'uri':
      return { kind: name.kind, text: name.text };
    case 'ipAddress':
      return name;
    case 'registeredId':
      return name;
    case 'otherName':
    case 'unsupported':
      return undefined;
  }
}

/** RFC 5280 §4.2.1.10: a URI without a host name cannot be placed, and a constraint refuses it. */
function canBePlaced(name: PlacedName): boolean {
  return name.kind !== 'uri' || hostOfUri(name.text) !== undefined;
}

function holds({ base, minimum, maximum }: NameSubtree, name: PlacedName): boolean {
  switch (base.kind) {
    case 'directoryName': {
      const depth = name.kind === base.kind ? levelsBelow(base.key, name.key) : undefined;
      return depth !== undefined && depth >= minimum && depth <= maximum;
    }
    case 'rfc822Name':
      return name.kind === base.kind && holdsMailbox(base.text, name.text);
    case 'dnsName':
      return name.kind === base.kind && holdsDomain(base.text, name.text);
    case 'uri':
      return name.kind === base.kind && holdsHost(base.text, hostOfUri(name.text) ?? '');
    case 'ipAddress':
      return name.kind === base.kind && holdsAddress(base.bytes, name.bytes);
    case 'registeredId':
      return name.kind === base.kind && base.oid === name.oid;
  }
}

const END_OF_RDN = 0x2c;

/** How many RDNs `key` has below `baseKey`; undefined when it is not below. */
function levelsBelow(baseKey: Uint8Array, key: Uint8Array): number | undefined {
  if (!equalBytes(baseKey, key.subarray(0, baseKey.length))) {
    return undefined;
  }
  return key.subarray(baseKey.length).filter((octet) => octet === END_OF_RDN).length;
}

/** A mailbox, all mailboxes on a host, or (with a dot in front) on the hosts of a domain. */
function holdsMailbox(base: string, mailbox: string): boolean {
  const [local, host] = splitMailbox(mailbox);
  if (base.includes('@')) {
    const [baseLocal, baseHost] = splitMailbox(base);
    return local === baseLocal && host === baseHost;
  }
  return holdsHost(base, host);
}

function splitMailbox(mailbox: string): readonly [local: string, host: string] {
  const at = mailbox.lastIndexOf('@');
  return [mailbox.slice(0, Math.max(at, 0)), mailbox.slice(at + 1).toLowerCase()];
}

/** A host itself, or with a dot in front every host of the domain but the domain itself. */
function holdsHost(base: string, host: string): boolean {
  const [wanted, found] = [base.toLowerCase(), host.toLowerCase()];
  return wanted.startsWith('.') ? found.endsWith(wanted) : found === wanted;
}

/** A domain and every name made by adding labels on the left. */
function holdsDomain(base: string, name: string): boolean {
  const [wanted, found] = [base.toLowerCase(), name.toLowerCase()];
  return wanted === '' || found === wanted || found.endsWith(`.${wanted.replace(/^\./, '')}`);
}

const authorityShape = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i;
const hostShape = /^([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::[0-9]*)?$/i;
const numericHostShape = /^[0-9.]+$/;

/** The host name of a URI; undefined when it has none, or an address instead. */
function hostOfUri(uri: string): string | undefined {
  const authority = authorityShape.exec(uri)?.[1] ?? '';
  const host = hostShape.exec(authority.slice(authority.lastIndexOf('@') + 1))?.[1];
  return host === undefined || numericHostShape.test(host) ? undefined : host;
}

function holdsAddress(base: Uint8Array, address: Uint8Array): boolean {
  const { length } = address;
  return (
    base.length === 2 * length &&
    address.every((octet, at) => {
      const mask = base[length + at] ?? 0;
      return (octet & mask) === ((base[at] ?? 0) & mask);
    })
  );
}

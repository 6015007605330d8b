/**
 * From the values of a referral object's `ref` to the URIs that a client is sent (RFC 3296 §5): LDAP
 * URLs (RFC 4516) name the target and the scope, everything else is sent as it is.
 *
 * @module
 */

/** Scopes as URLs write them. */
export type UrlScope = 'base' | 'one' | 'sub';

export interface ReferredTarget {
  /** The name of the referral object. */
  readonly objectDn: string;
  /** The relative names between the referral object and the target, as text; empty for the object. */
  readonly below: string;
  /** Given for searches. */
  readonly scope?: UrlScope;
}

const ldapUrl =
  /^(ldaps?:\/\/[^/?]*)(?:\/([^?]*)(?:\?([^?]*)(?:\?([^?]*)(?:\?([^?]*)(?:\?(.*))?)?)?)?)?$/i;

/** @param ref A labeled URI (RFC 2079): a URI, and perhaps a space and a label. */
export function referralUri(ref: string, { objectDn, below, scope }: ReferredTarget): string {
  const [uri = ''] = ref.trimStart().split(/\s/, 1);
  const parts = ldapUrl.exec(uri);
  const named = parts === null ? undefined : decodePercent(parts[2] ?? '');
  if (parts === null || named === undefined) {
    return uri;
  }
  const object = named === '' ? objectDn : named;
  const dn = below === '' ? object : `${below},${object}`;
  const extensions = parts[6] ?? '';
  // RFC 3296 §5.2: attributes and filter go, extensions stay.
  const tail = [`${parts[1]}/${encodePercent(dn)}`, '', scope ?? '', '', extensions].join('?');
  return tail.replace(/\?+$/, '');
}

function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** RFC 4516 §2.1. */
function encodePercent(text: string): string {
  return encodeURI(text).replace(/[?#]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
}

/**
 * The repository's front page, in Japanese and English, without scripts.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { formatHex } from '../core/bytes.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { findExtension } from '../x509/extensions.ts';
import { computeKeyIdentifier, parseAuthorityKeyIdentifier } from '../x509/key-identifier.ts';
import { formatName } from '../x509/name.ts';
import { Oid } from '../x509/object-identifiers.ts';
import { escapeHtml } from './html-text.ts';
import { type RepositoryNotice, renderNotices } from './repository-notice.ts';

export interface RepositoryPage {
  readonly caName: { readonly ja: string; readonly en: string };
  /** What stands before the paths of the CA where there are several, e.g. `/gunma`. */
  readonly base?: string | undefined;
  /** DER. */
  readonly certificates: readonly Uint8Array[];
  readonly hasArl: boolean;
  /** The newest first. */
  readonly notices: readonly RepositoryNotice[];
  /** How many cross-certificate pairs there are. */
  readonly pairs: number;
  /** HTML of what else is published. */
  readonly publications: string;
}

/** A fingerprint as people compare it: upper-case pairs with colons. */
export function formatFingerprint(digest: 'sha1' | 'sha256', der: Uint8Array): string {
  const hex = createHash(digest).update(der).digest('hex').toUpperCase();
  return hex.match(/../g)?.join(':') ?? '';
}

/** The page as HTML. */
export function renderRepositoryPage(page: RepositoryPage): string {
  const { caName, base = '', certificates, hasArl, notices, pairs, publications } = page;
  const parsed = certificates.map((der) => parseCertificate(der));
  const rows = parsed.map((one) => renderCertificate(one, kindOf(one, parsed), base)).join('\n');
  const arl = hasArl
    ? `<p><a href="${base}/arl.crl">認証局失効リスト / Authority revocation list (ARL)</a></p>`
    : '';
  return `<!doctype html>
<html lang="ja">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(caName.ja)}</title>
<style>
body { font-family: sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
dt { font-weight: bold; margin-top: .6rem; }
dd { margin: 0; overflow-wrap: anywhere; font-family: monospace; }
table { border-collapse: collapse; }
th, td { border: 1px solid #888; padding: .3rem; text-align: left; overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>リポジトリ / Repository</h1>
<p>${escapeHtml(caName.ja)}<br>${escapeHtml(caName.en)}</p>
${renderNotices(notices, escapeHtml)}
${publications}
<h2>CA 証明書 / CA certificates</h2>
${rows}
${renderPairs(pairs, base)}<p><a href="${base}/fingerprints.txt">フィンガープリント / Fingerprints</a>
 · <a href="${base}/ca.pem">すべて PEM / all as PEM</a></p>
<h2>失効情報 / Revocation information</h2>
${arl}
<p>失効リストは LDAP および HTTP（${base}/crl/…）で提供します。公開でないものは、登録された署名検証者等に LDAPS または HTTPS で提供します。<br>
Revocation lists are provided over LDAP and HTTP (${base}/crl/…); those that are not public, to registered verifiers over LDAPS and HTTPS.</p>
</body>
</html>
`;
}

function renderPairs(pairs: number, base: string): string {
  const links = Array.from(
    { length: pairs },
    (_, index) => `<a href="${base}/pairs/${index}">${index + 1}</a>`,
  );
  return pairs === 0
    ? ''
    : `<p>相互認証証明書ペア / Cross-certificate pairs: ${links.join(' · ')}</p>\n`;
}

/** A page that leads to those of several CAs. */
export function renderRepositoryIndex(
  cas: readonly (Pick<RepositoryPage, 'caName'> & { readonly base: string })[],
): string {
  const items = cas.map(
    ({ base, caName: { ja, en } }) =>
      `<li><a href="${base}/">${escapeHtml(ja)}<br>${escapeHtml(en)}</a></li>`,
  );
  return `<!doctype html>
<html lang="ja">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>リポジトリ / Repository</title>
</head>
<body>
<h1>リポジトリ / Repository</h1>
<ul>
${items.join('\n')}
</ul>
</body>
</html>
`;
}

/** What a certificate of the CA is for: its own, or a link between two of its keys (RFC 9810 §4.4). */
function kindOf(certificate: Certificate, all: readonly Certificate[]): string {
  const [key, signer] = [keyOf(certificate), signerOf(certificate)];
  if (key === signer) {
    return '自己署名証明書 / Self-signed';
  }
  const own = all.filter((one) => keyOf(one) === signerOf(one));
  const beginOf = (wanted: string): number =>
    own.find((one) => keyOf(one) === wanted)?.notBeforeMs ?? Number.NEGATIVE_INFINITY;
  const name = beginOf(key) < beginOf(signer) ? 'OldWithNew' : 'NewWithOld';
  return `リンク証明書 ${name} / Link`;
}

function keyOf({ spki }: Certificate): string {
  return formatHex(computeKeyIdentifier(spki));
}

/** The key that signed it, as it says; its own when it does not say. */
function signerOf(certificate: Certificate): string {
  const extension = findExtension(certificate.extensions, Oid.authorityKeyIdentifier);
  const key = extension && parseAuthorityKeyIdentifier(extension.value).keyIdentifier;
  return key === undefined ? keyOf(certificate) : formatHex(key);
}

function renderCertificate(certificate: Certificate, kind: string, base: string): string {
  const { der } = certificate;
  const name = createHash('sha256').update(der).digest('hex');
  const day = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);
  return `<dl>
<dt>種類 / Kind</dt><dd>${kind}</dd>
<dt>発行先 / Subject</dt><dd>${escapeHtml(formatName(certificate.subject))}</dd>
<dt>発行者 / Issuer</dt><dd>${escapeHtml(formatName(certificate.issuer))}</dd>
<dt>有効期間 / Validity</dt><dd>${day(certificate.notBeforeMs)} – ${day(certificate.notAfterMs)}</dd>
<dt>SHA-256</dt><dd>${formatFingerprint('sha256', der)}</dd>
<dt>SHA-1</dt><dd>${formatFingerprint('sha1', der)}</dd>
<dt>ダウンロード / Download</dt>
<dd><a href="${base}/certificates/${name}.cer">DER</a> · <a href="${base}/certificates/${name}.pem">PEM</a></dd>
</dl>`;
}

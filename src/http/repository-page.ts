/**
 * The repository's front page, in Japanese and English, without scripts.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { parseCertificate } from '../x509/certificate.ts';
import { formatName } from '../x509/name.ts';

export interface RepositoryPage {
  readonly caName: { readonly ja: string; readonly en: string };
  /** DER. */
  readonly certificates: readonly Uint8Array[];
  readonly hasArl: boolean;
}

/** A fingerprint as people compare it: upper-case pairs with colons. */
export function formatFingerprint(digest: 'sha1' | 'sha256', der: Uint8Array): string {
  const hex = createHash(digest).update(der).digest('hex').toUpperCase();
  return hex.match(/../g)?.join(':') ?? '';
}

/** The page as HTML. */
export function renderRepositoryPage({ caName, certificates, hasArl }: RepositoryPage): string {
  const rows = certificates.map(renderCertificate).join('\n');
  const arl = hasArl
    ? '<p><a href="/arl.crl">認証局失効リスト / Authority revocation list (ARL)</a></p>'
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
</style>
</head>
<body>
<h1>リポジトリ / Repository</h1>
<p>${escapeHtml(caName.ja)}<br>${escapeHtml(caName.en)}</p>
<h2>CA 証明書 / CA certificates</h2>
${rows}
<p><a href="/fingerprints.txt">フィンガープリント / Fingerprints</a>
 · <a href="/ca.pem">すべて PEM / all as PEM</a></p>
<h2>失効情報 / Revocation information</h2>
${arl}
<p>失効リストは LDAP および HTTP（/crl/…）で提供します。公開でないものは、登録された署名検証者等に LDAPS または HTTPS で提供します。<br>
Revocation lists are provided over LDAP and HTTP (/crl/…); those that are not public, to registered verifiers over LDAPS and HTTPS.</p>
</body>
</html>
`;
}

function renderCertificate(der: Uint8Array): string {
  const certificate = parseCertificate(der);
  const name = createHash('sha256').update(der).digest('hex');
  const day = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);
  return `<dl>
<dt>発行先 / Subject</dt><dd>${escapeHtml(formatName(certificate.subject))}</dd>
<dt>発行者 / Issuer</dt><dd>${escapeHtml(formatName(certificate.issuer))}</dd>
<dt>有効期間 / Validity</dt><dd>${day(certificate.notBeforeMs)} – ${day(certificate.notAfterMs)}</dd>
<dt>SHA-256</dt><dd>${formatFingerprint('sha256', der)}</dd>
<dt>SHA-1</dt><dd>${formatFingerprint('sha1', der)}</dd>
<dt>ダウンロード / Download</dt>
<dd><a href="/certificates/${name}.cer">DER</a> · <a href="/certificates/${name}.pem">PEM</a></dd>
</dl>`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

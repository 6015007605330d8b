/**
 * The report on what revocation information was provided (gunma 4-5): to whom, in which month, how many
 * items, by which method; as data, CSV, and a page to be printed and laid open.
 *
 * Public lists that anyone may fetch without registration stand in lines of their own: nobody is known to
 * have been provided with them.
 *
 * @module
 */

/** A line of the report. */
export interface ProvisionLine {
  /** `YYYY-MM`. */
  readonly month: string;
  /** The verifier's entry; empty for those who are not registered. */
  readonly verifier: string;
  readonly agreementNumber: string | null;
  readonly partition: string;
  /** `ldap`, `http`, `ocsp`, `api`. */
  readonly method: string;
  /** Items provided. */
  readonly provided: number;
  readonly refused: number;
}

export interface ProvisionReport {
  readonly caName: { readonly ja: string; readonly en: string };
  /** `2026` or `2026-01`. */
  readonly period: string;
  readonly createdAt: string;
  readonly lines: readonly ProvisionLine[];
}

const methodNames: Readonly<Record<string, { readonly ja: string; readonly en: string }>> = {
  ldap: { ja: '失効記録（CRL/ARL）提供方法（LDAP）', en: 'lists over LDAP' },
  http: { ja: '失効記録（CRL/ARL）提供方法（HTTP）', en: 'lists over HTTP' },
  ocsp: { ja: 'OCSPレスポンダ照会方法', en: 'OCSP' },
  api: { ja: '業務端末（API）', en: 'operators over the API' },
};

const columns = [
  { ja: '失効情報等の提供先', en: 'Provided to' },
  { ja: '提供を行った年月', en: 'Month' },
  { ja: '提供の方法', en: 'Method' },
  { ja: '区分', en: 'Partition' },
  { ja: '提供した件数', en: 'Items' },
  { ja: '拒否した件数', en: 'Refused' },
] as const;

/** RFC 4180, UTF-8 with a byte order mark, so that spreadsheets read the Japanese. */
export function formatProvisionCsv(report: ProvisionReport): string {
  const header = [
    ...['verifier', 'agreementNumber', 'month', 'method', 'partition', 'provided', 'refused'],
  ];
  const rows = report.lines.map((line) => [
    line.verifier,
    line.agreementNumber ?? '',
    line.month,
    line.method,
    line.partition,
    String(line.provided),
    String(line.refused),
  ]);
  const text = [header, ...rows].map((cells) => cells.map(csvCell).join(',')).join('\r\n');
  return `\ufeff${text}\r\n`;
}

/** A spreadsheet must not take a name for a formula. */
function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A page without scripts, for printing on A4. */
export function formatProvisionHtml(report: ProvisionReport): string {
  const { caName, period, lines } = report;
  const total = (count: (line: ProvisionLine) => number): number =>
    lines.reduce((sum, line) => sum + count(line), 0);
  const head = columns
    .map(({ ja, en }) => `<th scope="col">${ja}<br><small>${en}</small></th>`)
    .join('');
  return `<!doctype html>
<html lang="ja">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>失効情報等の提供状況についての報告書 ${escapeHtml(period)}</title>
<style>
@page { size: A4 landscape; margin: 15mm; }
body { font-family: sans-serif; margin: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid #666; padding: .3rem .5rem; text-align: left; overflow-wrap: anywhere; }
td.count { text-align: right; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
</style>
</head>
<body>
<h1>失効情報等の提供状況についての報告書<br><small>Report on the provision of revocation information</small></h1>
<p>${escapeHtml(caName.ja)} / ${escapeHtml(caName.en)}<br>
対象期間 / Period: ${escapeHtml(period)}<br>
作成日時 / Created: ${escapeHtml(report.createdAt)}</p>
<table>
<thead><tr>${head}</tr></thead>
<tbody>
${lines.map(htmlRow).join('\n')}
</tbody>
<tfoot><tr><th colspan="4" scope="row">合計 / Total</th><td class="count">${total(({ provided }) => provided)}</td><td class="count">${total(({ refused }) => refused)}</td></tr></tfoot>
</table>
</body>
</html>
`;
}

function htmlRow(line: ProvisionLine): string {
  const method = methodNames[line.method];
  const agreement = line.agreementNumber === null ? '' : `<br>${escapeHtml(line.agreementNumber)}`;
  const verifier =
    line.verifier === '' ? '登録のない者 / not registered' : escapeHtml(line.verifier) + agreement;
  const cells = [
    verifier,
    escapeHtml(line.month),
    method === undefined ? escapeHtml(line.method) : `${method.ja}<br>${method.en}`,
    escapeHtml(line.partition === '' ? '-' : line.partition),
  ];
  const counts = [line.provided, line.refused];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}${counts
    .map((count) => `<td class="count">${count}</td>`)
    .join('')}</tr>`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/**
 * Names that a CA publishes: of the CAs that it is, or was, cross-certified with (gunma 2-6-1, secom 2.6.1), and of the
 * sites and signers that have, or had, a certificate of it (mic 2.6.1).
 *
 * @module
 */

import { escapeHtml } from './html-text.ts';
import { formatTime } from './report-time.ts';

/** A name, and what it has; a CA or the subject of a certificate. */
export interface RepositoryName {
  /** As people call it; undefined for one that has its distinguished name alone. */
  readonly title: { readonly ja: string; readonly en: string } | undefined;
  /** RFC 4514 text. */
  readonly name: string;
  readonly state: 'certified' | 'cancelled';
  readonly sinceMs: number;
}

export interface RepositoryNames {
  readonly crossCertified: readonly RepositoryName[];
  readonly subjects: readonly RepositoryName[];
}

const parts = [
  {
    of: 'crossCertified',
    state: 'certified',
    heading: '相互認証した CA / Cross-certified CAs',
    since: '相互認証日 / since',
  },
  {
    of: 'crossCertified',
    state: 'cancelled',
    heading: '相互認証を取り消した CA / CAs whose cross-certification was cancelled',
    since: '取消日 / cancelled',
  },
  {
    of: 'subjects',
    state: 'certified',
    heading: '認証したサイト及び署名者 / Sites and signers certified',
    since: '発行日 / issued',
  },
  {
    of: 'subjects',
    state: 'cancelled',
    heading: '認証を取り消したサイト及び署名者 / Sites and signers whose certificates were revoked',
    since: '取消日 / revoked',
  },
] as const;

/** As parts of the front page; a part without names is left out. */
export function renderNames(names: RepositoryNames): string {
  return parts
    .map(({ of, state, heading, since }) => {
      const shown = names[of].filter((one) => one.state === state);
      const rows = shown.map(
        ({ title, name, sinceMs }) =>
          `<tr><td>${renderTitle(title)}${escapeHtml(name)}</td><td>${formatTime(sinceMs)}</td></tr>`,
      );
      return shown.length === 0
        ? ''
        : `<h2>${heading}</h2>
<table>
<tr><th>名称 / Name</th><th>${since}</th></tr>
${rows.join('\n')}
</table>`;
    })
    .filter((part) => part !== '')
    .join('\n');
}

function renderTitle(title: RepositoryName['title']): string {
  return title === undefined
    ? ''
    : `${escapeHtml(title.ja)}<br><span lang="en">${escapeHtml(title.en)}</span><br>`;
}

/** As plain text, one name a line, for programs and for those who mirror it. */
export function formatNames(names: RepositoryNames): string {
  return parts
    .flatMap(({ of, state, heading }) => {
      const shown = names[of].filter((one) => one.state === state);
      const lines = shown.map(({ name, sinceMs }) => `${formatTime(sinceMs)} ${name}\n`);
      return shown.length === 0 ? [] : [`# ${heading}\n${lines.join('')}`];
    })
    .join('\n');
}

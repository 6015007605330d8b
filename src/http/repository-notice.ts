/**
 * Notices of the repository (secom 2.6, mic 2.6.1): that a key is compromised, that the service ends.
 *
 * @module
 */

interface TwoLanguages<T> {
  readonly ja: T;
  readonly en: T;
}

export interface RepositoryNotice {
  readonly id: string;
  /** RFC 3339. */
  readonly at: string;
  readonly title: TwoLanguages<string>;
  /** Paragraphs. */
  readonly text: TwoLanguages<readonly string[]>;
}

/** As plain text, for programs and for those who mirror it. */
export function formatNotices(notices: readonly RepositoryNotice[]): string {
  return notices
    .map(({ id, at, title, text }) =>
      [`${at} ${id}`, '', title.ja, ...text.ja, '', title.en, ...text.en, ''].join('\n'),
    )
    .join('\n');
}

/** As a part of the front page. */
export function renderNotices(
  notices: readonly RepositoryNotice[],
  escapeHtml: (text: string) => string,
): string {
  if (notices.length === 0) {
    return '';
  }
  const paragraphs = (lines: readonly string[], language: string): string =>
    lines.map((line) => `<p lang="${language}">${escapeHtml(line)}</p>`).join('\n');
  const shown = notices.map(
    ({ id, at, title, text }) => `<section id="${escapeHtml(id)}">
<h3>${escapeHtml(title.ja)}<br><span lang="en">${escapeHtml(title.en)}</span></h3>
<p>${escapeHtml(at)}</p>
${paragraphs(text.ja, 'ja')}
${paragraphs(text.en, 'en')}
</section>`,
  );
  return `<h2>お知らせ / Notices</h2>
${shown.join('\n')}
<p><a href="/notices.txt">テキスト / as text</a></p>`;
}

/**
 * Distinguished names with places to be filled, as policies write them:
 * `CN={municipality} CRLDP,OU={prefecture},…` in the text form of RFC 4514, most specific first.
 *
 * @module
 */

import { type Name, nameFromText } from '../../x509/name.ts';
import { escapeNameValue } from '../../x509/name-syntax.ts';

/** What can stand between braces. */
export const placeholders = ['municipality', 'prefecture', 'issueId', 'value', 'number'] as const;

export type Placeholder = (typeof placeholders)[number];

export type PlaceholderValues = Readonly<Partial<Record<Placeholder, string>>>;

const pattern = /\{([^{}]*)\}/g;

/** The places of a template, each once; undefined for one whose name is not known. */
export function placeholdersIn(template: string): readonly (Placeholder | undefined)[] {
  const names = [...template.matchAll(pattern)].map(([, name]) =>
    placeholders.find((known) => known === name),
  );
  return [...new Set(names)];
}

/**
 * Fills a template.
 *
 * @param printable Short names of the attributes written as PrintableString.
 * @throws {X509Error} `X509_NAME_TEXT`, `X509_NAME`.
 */
export function renderName(
  template: string,
  values: PlaceholderValues,
  printable: readonly string[],
): Name {
  const text = template.replace(pattern, (place, name: string) => {
    const value = values[name as Placeholder];
    return value === undefined ? place : escapeNameValue(value);
  });
  return nameFromText(text, { printable });
}

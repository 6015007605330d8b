/**
 * Distinguished names with places to be filled, as policies write them:
 * `CN={municipality} CRLDP,OU={prefecture},…` in the text form of RFC 4514, most specific first.
 *
 * @module
 */

import { asBuffer } from '../../core/bytes.ts';
import { type Name, nameFromText } from '../../x509/name.ts';
import { escapeNameValue } from '../../x509/name-syntax.ts';

/** What certdir fills itself; a profile's fields stand beside it. */
export const placeholders = ['municipality', 'prefecture', 'issueId', 'value', 'number'] as const;

export type Placeholder = (typeof placeholders)[number];

/** By name: what certdir fills, and a profile's fields. */
export type PlaceholderValues = Readonly<Partial<Record<string, string>>>;

const pattern = /\{([^{}]*)\}/g;

/** The places of a template, each once. */
export function placeholdersIn(template: string): readonly string[] {
  return [...new Set([...template.matchAll(pattern)].map(([, name = '']) => name))];
}

/** Fills a template that is no name: a DNS name, a URI. */
export function renderText(template: string, values: PlaceholderValues): string {
  return template.replace(pattern, (place, name: string) => filled(values, name) ?? place);
}

function filled(values: PlaceholderValues, name: string): string | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
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
    const value = filled(values, name);
    return value === undefined ? place : escapeNameValue(value);
  });
  return nameFromText(text, { printable });
}

/** An issue id as they are drawn: 32 hexadecimal digits, which need no escapes and are a byte each in every string type. */
const issueIdPattern = /^[0-9A-F]{32}$/;
/** Stands for it until there is one. */
const SAMPLE_ISSUE_ID = '0F1E2D3C4B5A69788796A5B4C3D2E1F0';

/** A name of a template, and where in it the issue id stands. */
interface PreparedName {
  readonly sample: Name;
  /** Of the first digit in the DER. */
  readonly at: number;
  readonly rdn: number;
}

/** A template for many names that differ in the issue id: what is the same in them is made once. */
export class NameTemplate {
  readonly #template: string;
  readonly #printable: readonly string[];
  /** By the other values; undefined where the issue id does not stand in one place. */
  readonly #prepared = new Map<string, PreparedName | undefined>();

  constructor(template: string, printable: readonly string[]) {
    this.#template = template;
    this.#printable = printable;
  }

  /** The same as `renderName`. */
  render(values: PlaceholderValues): Name {
    const { issueId, municipality, prefecture, ...others } = values;
    // Fields may be anything, and what is kept is not to grow with them.
    const hasFields = Object.keys(others).length > 0;
    if (hasFields || issueId === undefined || !issueIdPattern.test(issueId)) {
      return renderName(this.#template, values, this.#printable);
    }
    const key = JSON.stringify([municipality, prefecture]);
    let prepared = this.#prepared.get(key);
    if (prepared === undefined && !this.#prepared.has(key)) {
      prepared = this.#prepare(values);
      this.#prepared.set(key, prepared);
    }
    return prepared === undefined
      ? renderName(this.#template, values, this.#printable)
      : withIssueId(prepared, issueId);
  }

  #prepare(values: PlaceholderValues): PreparedName | undefined {
    const filled = { ...values, issueId: SAMPLE_ISSUE_ID };
    const sample = renderName(this.#template, filled, this.#printable);
    const bytes = asBuffer(sample.der);
    const at = bytes.indexOf(SAMPLE_ISSUE_ID, 0, 'latin1');
    const isOnce = at >= 0 && bytes.indexOf(SAMPLE_ISSUE_ID, at + 1, 'latin1') < 0;
    const rdn = sample.rdns.findIndex((pairs) =>
      pairs.some(({ value }) => value.includes(SAMPLE_ISSUE_ID)),
    );
    return isOnce && rdn >= 0 ? { sample, at, rdn } : undefined;
  }
}

/** The order within an RDN stays: types come before values, and lengths are the same. */
function withIssueId({ sample, at, rdn }: PreparedName, issueId: string): Name {
  const der = Uint8Array.from(sample.der);
  asBuffer(der).write(issueId, at, 'latin1');
  const rdns = sample.rdns.map((pairs, index) =>
    index === rdn
      ? pairs.map((pair) => ({ ...pair, value: pair.value.replace(SAMPLE_ISSUE_ID, issueId) }))
      : pairs,
  );
  return { rdns, der };
}

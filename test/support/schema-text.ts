/**
 * The shipped schema read from its text with nothing of the program, for tests that must not believe what
 * they test: attribute types with what they inherit, object classes with what their superiors ask.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { packageRoot } from '../../src/config/package-root.ts';

export interface TextAttributeType {
  readonly oid: string;
  readonly names: readonly [string, ...string[]];
  readonly superior: TextAttributeType | undefined;
  /** The type at the top of its superiors: itself where it has none. */
  readonly root: string;
  readonly syntax: string;
  readonly equality: string | undefined;
  readonly ordering: string | undefined;
  readonly substring: string | undefined;
  readonly isOperational: boolean;
  readonly isSingleValue: boolean;
  readonly isNoUserModification: boolean;
  /** RFC 4523 §2: it travels as `;binary`. */
  readonly requiresBinary: boolean;
}

export interface TextObjectClass {
  readonly name: string;
  /** Names of the attribute types that it or a superior requires or allows. */
  readonly attributes: ReadonlySet<string>;
}

export interface SchemaText {
  readonly attributeTypes: readonly TextAttributeType[];
  readonly objectClasses: readonly TextObjectClass[];
}

/** Certificates, lists, pairs and algorithm identifiers (RFC 4523 §2). */
const binarySyntaxes: ReadonlySet<string> = new Set(
  ['8', '9', '10', '49'].map((last) => `1.3.6.1.4.1.1466.115.121.1.${last}`),
);

export function readSchemaText(): SchemaText {
  const folder = join(packageRoot, 'schema');
  const text = readdirSync(folder)
    .filter((name) => name.endsWith('.ldif'))
    .map((name) => readFileSync(join(folder, name), 'utf8').replaceAll(/\r?\n /g, ''))
    .join('\n');
  const typeTexts = descriptions(text, 'attributeTypes');
  const classTexts = descriptions(text, 'objectClasses');
  const types = new Map<string, TextAttributeType>();
  const typeNamed = (name: string): TextAttributeType => {
    const found = types.get(name.toLowerCase()) ?? readType(textNamed(typeTexts, name), typeNamed);
    for (const each of found.names) {
      types.set(each.toLowerCase(), found);
    }
    return found;
  };
  const attributesOf = (name: string): readonly string[] => {
    const body = textNamed(classTexts, name);
    const own = [...words(body, 'MUST'), ...words(body, 'MAY')].map((each) => typeNamed(each));
    return [
      ...own.map(({ names }) => names[0]),
      ...words(body, 'SUP').flatMap((superior) => attributesOf(superior)),
    ];
  };
  return {
    attributeTypes: typeTexts.map((body) => typeNamed(namesOf(body)[0])),
    objectClasses: classTexts.map((body) => {
      const [name] = namesOf(body);
      return { name, attributes: new Set(attributesOf(name)) };
    }),
  };
}

function descriptions(text: string, attribute: string): readonly string[] {
  const found = [...text.matchAll(new RegExp(`^${attribute}: \\( (.*) \\)$`, 'gm'))];
  return found.map(([, body = '']) => body);
}

function textNamed(texts: readonly string[], name: string): string {
  const found = texts.find((body) =>
    namesOf(body).some((each) => each.toLowerCase() === name.toLowerCase()),
  );
  assert.ok(found !== undefined, `the schema defines ${name}`);
  return found;
}

function namesOf(body: string): readonly [string, ...string[]] {
  const [, list = ''] = / NAME (\( [^)]*\)|'[^']*')/.exec(body) ?? [];
  const [first, ...others] = [...list.matchAll(/'([^']+)'/g)].map(([, name = '']) => name);
  assert.ok(first !== undefined, body);
  return [first, ...others];
}

/** What stands behind a keyword: one word, or several between brackets. */
function words(body: string, keyword: string): readonly string[] {
  const [, list = ''] = new RegExp(` ${keyword} (\\( [^)]*\\)|\\S+)`).exec(body) ?? [];
  return list
    .replaceAll(/[()$]/g, ' ')
    .split(' ')
    .filter((word) => word !== '');
}

function readType(body: string, typeNamed: (name: string) => TextAttributeType): TextAttributeType {
  const [superiorName] = words(body, 'SUP');
  const superior = superiorName === undefined ? undefined : typeNamed(superiorName);
  const names = namesOf(body);
  const syntax = words(body, 'SYNTAX')[0]?.replace(/\{.*/, '') ?? superior?.syntax;
  assert.ok(syntax !== undefined, body);
  const [usage = 'userApplications'] = words(body, 'USAGE');
  return {
    oid: body.split(' ')[0] ?? '',
    names,
    superior,
    root: superior?.root ?? names[0],
    syntax,
    equality: words(body, 'EQUALITY')[0] ?? superior?.equality,
    ordering: words(body, 'ORDERING')[0] ?? superior?.ordering,
    substring: words(body, 'SUBSTR')[0] ?? superior?.substring,
    isOperational: usage !== 'userApplications',
    isSingleValue: / SINGLE-VALUE\b/.test(body),
    isNoUserModification: / NO-USER-MODIFICATION\b/.test(body),
    requiresBinary: binarySyntaxes.has(syntax),
  };
}

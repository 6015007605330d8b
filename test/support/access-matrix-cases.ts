/**
 * The cases of the access matrix: spellings of attribute descriptions (reliability row 10), what can be asked
 * with each (rows 7, 8 and 11), and what the answer is when the oracle allows it and when it does not. An
 * answer is put into a short text, so that a failure shows what was leaked.
 *
 * @module
 */

import {
  accessClassOf,
  type Combination,
  type Contents,
  combinations,
  type EntryName,
  entryNames,
  isAllowed,
  parent,
  schemaText,
} from './access-matrix.ts';
import { type LdapAnswer, parsePage, parseReadEntry } from './ldap-answers.ts';
import {
  assertionControl,
  matchedValuesControl,
  pagedControl,
  postReadControl,
  preReadControl,
  sortControl,
} from './ldap-control-bytes.ts';
import {
  absoluteFalse,
  absoluteTrue,
  approx,
  equals,
  extensible,
  greaterOrEqual,
  isPresent,
  not,
  or,
  substrings,
} from './ldap-filter-bytes.ts';
import {
  addOperation,
  type ControlBytes,
  compareOperation,
  deleteOperation,
  modifyDnOperation,
  modifyOperation,
  type SearchBytes,
  searchOperation,
} from './ldap-request-bytes.ts';
import type { TextAttributeType } from './schema-text.ts';

/** A way to write a type, and what it means; nothing when `options` is undefined. */
interface Spelling {
  readonly text: string;
  readonly options?: readonly string[];
  readonly isBinary?: boolean;
}

/** One request to one entry, as it goes over the wire, and the answer that the oracle says. */
export interface MatrixCase {
  readonly title: string;
  readonly who: Combination;
  readonly operation: Buffer;
  readonly controls?: readonly ControlBytes[];
  readonly expected: string;
  readonly observe: (answers: readonly LdapAnswer[]) => string;
}

/** What is asked about. */
interface Question {
  readonly type: TextAttributeType;
  readonly spelling: Spelling;
  readonly entry: EntryName;
  readonly who: Combination;
  readonly contents: Contents;
}

/** A description of the entry's contents, taken apart. */
interface Bundle {
  readonly description: string;
  readonly type: TextAttributeType;
  readonly options: readonly string[];
  readonly values: readonly Uint8Array[];
}

type Asked = Pick<MatrixCase, 'operation' | 'controls' | 'expected' | 'observe'>;
/** Undefined where it cannot be asked. */
type Way = (question: Question) => Asked | undefined;

const { attributeTypes, objectClasses } = schemaText;
const typeByName = new Map(attributeTypes.map((type) => [type.names[0], type]));
const parents = new Set(attributeTypes.map(({ superior }) => superior?.names[0]));

function spellingsOf({ names, oid, requiresBinary }: TextAttributeType): readonly Spelling[] {
  const [name] = names;
  const plain = { options: [] };
  const binary = requiresBinary ? { options: [], isBinary: true } : {};
  return [
    ...names.map((each) => ({ text: each, ...plain })),
    { text: name.toUpperCase(), ...plain },
    { text: oid, ...plain },
    { text: `${name};binary`, ...binary },
    { text: `${oid};BINARY`, ...binary },
    { text: `${name};lang-ja`, options: ['lang-ja'] },
    { text: `${oid};LANG-JA`, options: ['lang-ja'] },
    ...[`OID.${oid}`, `oid.${oid}`, `0${oid}`, oid.replace('.', '.0'), `${name};x-foo`].map(
      (text) => ({ text }),
    ),
    ...[`${name};`, ` ${name}`, `${name} `, `${name}\u0000`].map((text) => ({ text })),
  ];
}

function isDerived(type: TextAttributeType, from: TextAttributeType): boolean {
  return type === from || (type.superior !== undefined && isDerived(type.superior, from));
}

function bundlesOf(contents: ReadonlyMap<string, readonly Uint8Array[]>): readonly Bundle[] {
  return [...contents].flatMap(([description, values]) => {
    const [name = '', ...options] = description.split(';');
    const type = typeByName.get(name);
    const tagging = options.filter((option) => option !== 'binary');
    return type === undefined ? [] : [{ description, type, options: tagging, values }];
  });
}

/** What the spelling means among what the entry has. */
function meant({ type, spelling, entry, contents }: Question): readonly Bundle[] {
  const { options } = spelling;
  return options === undefined
    ? []
    : bundlesOf(contents[entry]).filter(
        (bundle) =>
          isDerived(bundle.type, type) && options.every((each) => bundle.options.includes(each)),
      );
}

const isGranted = ({ who, type, entry }: Question): boolean => isAllowed(who, type, entry);
const isKnown = ({ spelling }: Question): boolean => spelling.options !== undefined;

const codeAndCount = (answers: readonly LdapAnswer[]): string =>
  `${answers.at(-1)?.resultCode}:${answers.filter(({ kind }) => kind === 'entry').length}`;
const code = (answers: readonly LdapAnswer[]): string => String(answers.at(-1)?.resultCode);
const listed = (descriptions: Iterable<string>): string => [...descriptions].sort().join(' ');
const descriptionsIn = ([entry]: readonly LdapAnswer[]): string =>
  entry?.kind === 'entry' ? listed(entry.attributes.keys()) : 'no entry';

/** A search for the entry itself, with a filter. */
function filtering(
  filter: (text: string, value: Uint8Array) => Buffer,
  isFound: (question: Question, bundles: readonly Bundle[]) => boolean,
): Way {
  return (question) => {
    const { spelling, entry } = question;
    const bundles = meant(question);
    const value = bundles[0]?.values[0] ?? Buffer.from('x');
    const isMatch = isGranted(question) && isFound(question, bundles);
    return {
      operation: searchOperation({
        base: entryNames[entry],
        filter: filter(spelling.text, value),
        attributes: ['1.1'],
      }),
      expected: isMatch ? '0:1' : '0:0',
      observe: codeAndCount,
    };
  };
}

/** Only of values that are text or octets: those of RFC 4523 have assertions of their own. */
const ofValue =
  (way: Way): Way =>
  (question) =>
    question.type.requiresBinary || isChanging(question) ? undefined : way(question);

/** Changes of other cases touch these. */
const changing: ReadonlySet<string> = new Set(['modifyTimestamp', 'entryCSN', 'modifiersName']);
const isChanging = ({ type }: Question): boolean => changing.has(type.names[0]);

/** Directory strings: whatever else is asked with is a value of them. */
const isText = ({ type }: Question): boolean => type.syntax.endsWith('.121.1.15');
const has = (_question: Question, bundles: readonly Bundle[]): boolean => bundles.length > 0;
const hasEquality = ({ type }: Question, bundles: readonly Bundle[]): boolean =>
  type.equality !== undefined && bundles.length > 0;

const filters: Readonly<Record<string, Way>> = {
  present: filtering((text) => isPresent(text), has),
  'not present': filtering(
    (text) => not(isPresent(text)),
    (question, bundles) => isKnown(question) && bundles.length === 0,
  ),
  'present or not': filtering((text) => or(isPresent(text), not(isPresent(text))), isKnown),
  equality: ofValue(filtering(equals, hasEquality)),
  'not equality': (question) =>
    isText(question) && question.type.equality !== undefined
      ? filtering(
          (text, value) => not(equals(text, value)),
          (_question, bundles) => isKnown(question) && bundles.length === 0,
        )(question)
      : undefined,
  approx: ofValue(filtering(approx, hasEquality)),
  ordering: ofValue(
    filtering(
      greaterOrEqual,
      ({ type }, bundles) => type.ordering !== undefined && bundles.length > 0,
    ),
  ),
  substrings: ofValue(
    filtering(
      (text, value) => substrings(text, { initial: value.subarray(0, 3) }),
      ({ type }, bundles) => type.substring !== undefined && bundles.length > 0,
    ),
  ),
  extensible: ofValue(
    filtering((attribute, value) => extensible({ attribute, value }), hasEquality),
  ),
  'dn attributes': ofValue(
    filtering(
      (attribute, value) => extensible({ attribute, value, dnAttributes: true }),
      hasEquality,
    ),
  ),
  'rule alone': (question) =>
    question.type.equality === 'caseIgnoreMatch' && isText(question) && isUnique(question)
      ? filtering(
          (_text, value) => extensible({ rule: 'caseIgnoreMatch', value }),
          (_question, bundles) => bundles.length > 0,
        )(question)
      : undefined,
};

/** The value stands in no other attribute, so that a filter without an attribute is about this one. */
function isUnique(question: Question): boolean {
  const [value] = meant(question)[0]?.values ?? [];
  const all = bundlesOf(question.contents[question.entry]).flatMap(({ values }) => values);
  return (
    value !== undefined &&
    all.filter((each) => Buffer.compare(each, value) === 0).length === 1 &&
    !parents.has(question.type.names[0])
  );
}

const searching = (question: Question, search: SearchBytes): Buffer =>
  searchOperation({ base: entryNames[question.entry], filter: absoluteTrue, ...search });

const selected = (question: Question): string =>
  isGranted(question) ? listed(meant(question).map(({ description }) => description)) : '';

const roads: Readonly<Record<string, Way>> = {
  selection: (question) => ({
    operation: searching(question, { attributes: [question.spelling.text] }),
    expected: selected(question),
    observe: descriptionsIn,
  }),
  'types only': (question) => ({
    operation: searching(question, { attributes: [question.spelling.text], typesOnly: true }),
    expected: selected(question),
    observe: descriptionsIn,
  }),
  compare: (question) => {
    const { type, spelling } = question;
    const value = meant(question)[0]?.values[0];
    if (isKnown(question) && (type.requiresBinary || isChanging(question) || value === undefined)) {
      return undefined;
    }
    const operation = compareOperation(entryNames[question.entry], spelling.text, 'x');
    return {
      operation:
        value === undefined
          ? operation
          : compareOperation(entryNames[question.entry], spelling.text, value),
      expected: !isKnown(question)
        ? '17'
        : type.equality === undefined
          ? '18'
          : isGranted(question)
            ? '6'
            : '16',
      observe: code,
    };
  },
  assertion: (question) => ({
    operation: searching(question, { attributes: ['1.1'] }),
    controls: [assertionControl(isPresent(question.spelling.text))],
    expected: isGranted(question) && meant(question).length > 0 ? '0:1' : '122:0',
    observe: codeAndCount,
  }),
  'assertion of a delete': (question) => ({
    operation: deleteOperation(entryNames[question.entry]),
    controls: [assertionControl(isPresent(question.spelling.text))],
    // It has an entry below.
    expected: isGranted(question) && meant(question).length > 0 ? '66' : '122',
    observe: code,
  }),
  'matched values': ofValue((question) => {
    const value = meant(question)[0]?.values[0] ?? Buffer.from('x');
    const isFound = isGranted(question) && hasEquality(question, meant(question));
    return {
      operation: searching(question, { attributes: [question.spelling.text] }),
      controls: [matchedValuesControl(equals(question.spelling.text, value))],
      expected: isFound ? Buffer.from(value).toString('hex') : '',
      observe: ([entry]) => {
        const values = [...(entry?.attributes.values() ?? [])].flat();
        return [...new Set(values.map((each) => each.toString('hex')))].join(' ');
      },
    };
  }),
  pages: (question) => {
    const both = (['marked', 'plain'] as const).filter((entry) => {
      const there = { ...question, entry };
      return isGranted(there) && meant(there).length > 0;
    });
    const filter = isPresent(question.spelling.text);
    return {
      operation: searchOperation({ base: parent, scope: 1, filter, attributes: ['1.1'] }),
      controls: [pagedControl(1)],
      expected: `0:${Math.min(1, both.length)} ${both.length > 1 ? 'more' : 'end'}`,
      observe: (answers) => {
        const { cookie } = parsePage(answers.at(-1)?.controls[0]?.value);
        return `${codeAndCount(answers)} ${cookie.length > 0 ? 'more' : 'end'}`;
      },
    };
  },
  sort: (question) => {
    const { type, spelling } = question;
    const [value] = meant({ ...question, entry: 'marked' })[0]?.values ?? [];
    const isSortable =
      type.equality === 'caseIgnoreMatch' &&
      !parents.has(type.names[0]) &&
      // As samples are that differ between the entries.
      Buffer.from(value ?? [])
        .toString('latin1')
        .startsWith('z ');
    const isSeen = (['marked', 'plain'] as const).every((entry) =>
      isGranted({ ...question, entry }),
    );
    return isSortable && isKnown(question)
      ? {
          operation: searchOperation({
            base: parent,
            scope: 1,
            attributes: ['1.1'],
            filter: absoluteTrue,
          }),
          controls: [sortControl({ attribute: spelling.text, rule: 'caseIgnoreOrderingMatch' })],
          // By value the second comes first; whoever does not see it everywhere gets the order of names.
          expected: isSeen ? 'plain marked' : 'marked plain',
          observe: (answers) =>
            answers
              .filter(({ kind }) => kind === 'entry')
              .map(({ dn }) => /^host=(\w+)/.exec(dn)?.[1])
              .join(' '),
        }
      : undefined;
  },
};

/** Nothing comes of these changes: what is asserted is never true. */
const never = [assertionControl(absoluteFalse)];

/** What a change is refused for before anybody's rights are looked at. */
function refusedAnyway({ type, spelling }: Question): string | undefined {
  if (spelling.options === undefined || (type.requiresBinary && spelling.isBinary !== true)) {
    return '17';
  }
  return type.isNoUserModification ? '19' : undefined;
}

const modifying =
  (kind: number, hasValue: boolean): Way =>
  (question) => {
    const value = meant(question)[0]?.values[0] ?? Buffer.from('x');
    const type = question.spelling.text;
    const change = { operation: kind, type, values: hasValue ? [value] : [] };
    return {
      operation: modifyOperation(entryNames[question.entry], [change]),
      controls: never,
      expected: refusedAnyway(question) ?? (isGranted(question) ? '122' : '50'),
      // Passwords are judged before anything is asserted.
      observe: (answers) =>
        question.type.names[0] === 'userPassword' &&
        ['19', '53'].includes(code(answers)) &&
        isGranted(question)
          ? (refusedAnyway(question) ?? '122')
          : code(answers),
    };
  };

const changes: Readonly<Record<string, Way>> = {
  'modify add': modifying(0, true),
  'modify delete': modifying(1, true),
  'modify delete all': modifying(1, false),
  'modify replace': modifying(2, true),
  'modify replace by nothing': modifying(2, false),
  'modify increment': modifying(3, true),
  add: (question) => {
    const { type, spelling, who } = question;
    const [name] = type.names;
    const value = meant(question)[0]?.values[0];
    const isUnfit = ['objectClass', 'host', 'userPassword', 'businessCategory'].includes(name);
    if (isUnfit || value === undefined) {
      return undefined;
    }
    return {
      operation: addOperation(`host=new,${parent}`, [
        { type: 'objectClass', values: ['locality', 'extensibleObject'] },
        { type: spelling.text, values: [value] },
      ]),
      controls: never,
      expected: refusedAnyway(question) ?? (isAllowed(who, type, 'draft') ? '122' : '50'),
      observe: code,
    };
  },
  'modify DN': (question) => {
    const { type, spelling } = question;
    const isFit =
      type.equality === 'caseIgnoreMatch' && isText(question) && spelling.options?.length === 0;
    const newRdn = `${spelling.text}=x`;
    return isFit && !type.isNoUserModification
      ? {
          operation: modifyDnOperation({ dn: entryNames[question.entry], newRdn }),
          controls: never,
          expected: isGranted(question) ? '122' : '50',
          observe: code,
        }
      : undefined;
  },
};

/** Changes that are made; they change nothing that others look at. */
const readingChange =
  (control: (attribute: string) => ControlBytes): Way =>
  (question) => {
    const { spelling, entry, type } = question;
    if (!['', ';lang-ja', ';binary'].some((end) => spelling.text === `${type.names[0]}${end}`)) {
      return undefined;
    }
    const change = { operation: 2, type: 'businessCategory', values: [entry] };
    return {
      operation: modifyOperation(entryNames[entry], [change]),
      controls: [control(spelling.text)],
      expected: selected(question),
      observe: ([answer]) =>
        listed(parseReadEntry(answer?.controls[0]?.value ?? Buffer.alloc(0)).attributes.keys()),
    };
  };

const readings: Readonly<Record<string, Way>> = {
  'pre-read': readingChange(preReadControl),
  'post-read': readingChange(postReadControl),
};

const ways = Object.entries({ ...filters, ...roads, ...changes, ...readings });

/** Combinations that the oracle lets do it, and those that it does not. */
function combinationsFor(
  type: TextAttributeType,
  entry: EntryName,
): readonly (readonly Combination[])[] {
  const isOne = (wanted: boolean): readonly Combination[] =>
    combinations.filter((who) => isAllowed(who, type, entry) === wanted);
  return [isOne(true), isOne(false)].filter(({ length }) => length > 0);
}

/**
 * Every type in every spelling on every road, once for a caller who may and once for one who may not, the
 * callers taking turns; for lists of revoked certificates, in every fourth case, every caller. A spelling
 * that means nothing is asked about once. Unless it is to be complete, spellings and roads are paired like the
 * squares of one colour of a chessboard.
 */
export function* matrixCases(
  contents: Contents,
  { isComplete }: { readonly isComplete: boolean },
): Generator<MatrixCase, void, undefined> {
  let turn = 0;
  for (const type of attributeTypes) {
    const isForAll = type.names[0] === 'certificateRevocationList';
    for (const [row, spelling] of spellingsOf(type).entries()) {
      for (const [column, [name, way]] of ways.entries()) {
        turn += 1;
        if (!isComplete && (row + column) % 2 === 1) {
          continue;
        }
        const entry = turn % 3 === 0 ? 'plain' : 'marked';
        const isEach = isForAll && spelling.options !== undefined && turn % 4 === 0;
        const all = isEach ? combinations.map((who) => [who]) : combinationsFor(type, entry);
        // What means nothing means nothing to all.
        const groups = spelling.options === undefined ? [all[turn % all.length] ?? []] : all;
        for (const group of groups) {
          const who = group[(turn * 7) % group.length];
          const question = who && { type, spelling, entry, who, contents };
          const asked = question && way({ ...question, entry });
          if (who !== undefined && asked !== undefined) {
            yield { ...asked, who, title: titleOf(name, { type, spelling, entry, who }) };
          }
        }
      }
    }
  }
  yield* selectionCases(contents);
}

/** `*`, `+`, nothing, and the attributes of every object class, for everyone. */
function* selectionCases(contents: Contents): Generator<MatrixCase, void, undefined> {
  const signs = [[], ['*'], ['+'], ['*', '+'], ['1.1']];
  const byClass = objectClasses.map(({ name }) => [`@${name}`]);
  for (const who of combinations) {
    for (const entry of ['marked', 'plain'] as const) {
      for (const attributes of [...signs, ...byClass]) {
        const found = bundlesOf(contents[entry]).filter(
          ({ type }) => isAllowed(who, type, entry) && isSelected(type, attributes),
        );
        yield {
          title: `selection of ${attributes} in ${entry} by ${JSON.stringify(who)}`,
          who,
          operation: searchOperation({ base: entryNames[entry], filter: absoluteTrue, attributes }),
          expected: listed(found.map(({ description }) => description)),
          observe: descriptionsIn,
        };
      }
    }
  }
}

function isSelected(type: TextAttributeType, attributes: readonly string[]): boolean {
  const [first = '*'] = attributes;
  const isOfClass = objectClasses.some(
    ({ name, attributes: own }) => `@${name}` === first && own.has(type.names[0]),
  );
  return attributes.length === 2 || first === (type.isOperational ? '+' : '*') || isOfClass;
}

function titleOf(way: string, { type, spelling, entry, who }: Omit<Question, 'contents'>): string {
  const text = JSON.stringify(spelling.text);
  return `${way} of ${text} (${type.names[0]}, for ${accessClassOf(type)}) in ${entry} by ${JSON.stringify(who)}`;
}

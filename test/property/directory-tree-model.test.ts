/**
 * Random adds, changes, deletes and renames against a model in memory: same answers, same tree, and
 * children, UUIDs and index postings in the store exactly as the entries say.
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';

import fc from 'fast-check';

import { encodeUtf8, formatHex } from '../../src/core/bytes.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import { decodeEntry } from '../../src/directory/entries/entry-encoding.ts';
import { EqualityIndex } from '../../src/directory/entries/equality-index.ts';
import { keyDepth } from '../../src/directory/entries/key-range.ts';
import type { Modification } from '../../src/directory/service.ts';
import { Keyspace, keyOf } from '../../src/store/keyspace.ts';
import {
  asTexts,
  attributesOf,
  type DirectoryFixture,
  openDirectory,
  search,
  searchNames,
  suffix,
  system,
} from '../support/directory-fixture.ts';
import { MemoryRows } from '../support/memory-rows.ts';
import { postingsOf } from '../support/postings.ts';

const indexes = ['ou', 'description', 'objectClass'];

/** Root first, e.g. `['run1', 'a', 'b']`. */
type Path = readonly string[];

type Step =
  | { readonly kind: 'add'; readonly path: Path; readonly values: readonly string[] }
  | {
      readonly kind: 'modify';
      readonly path: Path;
      readonly operation: Modification['operation'];
      readonly values: readonly string[];
    }
  | { readonly kind: 'delete'; readonly path: Path }
  | {
      readonly kind: 'rename';
      readonly path: Path;
      readonly name: string;
      readonly deleteOldRdn: boolean;
      readonly superior: Path | undefined;
    };

interface ModelEntry {
  readonly names: Set<string>;
  readonly values: Set<string>;
}

type Model = Map<string, ModelEntry>;

const name = fc.constantFrom('a', 'b', 'c');
const path = fc.array(name, { minLength: 0, maxLength: 3 });
/** `large` is kept apart from its entry. */
const value = fc.constantFrom('one', 'two', 'three', 'large'.padEnd(4200, '!'));
const values = fc.uniqueArray(value, { maxLength: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), path, values }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('modify' as const),
      path,
      operation: fc.constantFrom('add', 'delete', 'replace'),
      values,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), path }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('rename' as const),
      path: fc.array(name, { minLength: 1, maxLength: 3 }),
      name,
      deleteOldRdn: fc.boolean(),
      superior: fc.option(path, { nil: undefined }),
    }),
  },
);

function textOf(at: Path): string {
  return [...at.map((each) => `ou=${each}`).toReversed(), suffix].join(',');
}

function parentOf(at: Path): Path {
  return at.slice(0, -1);
}

function hasChildren(model: Model, at: Path): boolean {
  const prefix = `${textOf(at)}`;
  return [...model.keys()].some((key) => key.endsWith(`,${prefix}`));
}

/** What the model answers: an error code or nothing. */
function applyToModel(model: Model, wish: Step): string | undefined {
  const key = textOf(wish.path);
  const entry = model.get(key);
  if (wish.kind === 'add') {
    return addToModel(model, wish, entry);
  }
  if (entry === undefined) {
    return 'DIRECTORY_NO_SUCH_OBJECT';
  }
  if (wish.kind === 'modify') {
    return modifyInModel(entry, wish);
  }
  if (wish.kind === 'rename') {
    return renameInModel(model, wish, entry);
  }
  if (hasChildren(model, wish.path)) {
    return 'DIRECTORY_NOT_ON_NON_LEAF';
  }
  model.delete(key);
  return undefined;
}

function addToModel(
  model: Model,
  { path: at, values: given }: Step & { readonly kind: 'add' },
  entry: ModelEntry | undefined,
): string | undefined {
  if (!model.has(textOf(parentOf(at)))) {
    return 'DIRECTORY_NO_SUCH_OBJECT';
  }
  if (entry !== undefined) {
    return 'DIRECTORY_ENTRY_EXISTS';
  }
  model.set(textOf(at), { names: new Set(at.slice(-1)), values: new Set(given) });
  return undefined;
}

function modifyInModel(
  entry: ModelEntry,
  { operation, values: given }: Step & { readonly kind: 'modify' },
): string | undefined {
  const present = entry.values;
  if (operation === 'replace') {
    present.clear();
  }
  if (operation === 'delete') {
    const gone = given.length === 0 ? [...present] : given;
    if (gone.length === 0 || gone.some((each) => !present.has(each))) {
      return 'DIRECTORY_NO_SUCH_ATTRIBUTE';
    }
    for (const each of gone) {
      present.delete(each);
    }
    return undefined;
  }
  if (operation === 'add' && given.length === 0) {
    return 'DIRECTORY_CONSTRAINT';
  }
  if (given.some((each) => present.has(each))) {
    return 'DIRECTORY_VALUE_EXISTS';
  }
  for (const each of given) {
    present.add(each);
  }
  return undefined;
}

function renameInModel(
  model: Model,
  { path: at, name: newName, deleteOldRdn, superior }: Step & { readonly kind: 'rename' },
  entry: ModelEntry,
): string | undefined {
  const target = [...(superior ?? parentOf(at)), newName];
  const [from, to] = [textOf(at), textOf(target)];
  if (to !== from && to.endsWith(`,${from}`)) {
    return 'DIRECTORY_UNWILLING';
  }
  if (!model.has(textOf(parentOf(target)))) {
    return 'DIRECTORY_NO_SUCH_OBJECT';
  }
  if (to !== from && model.has(to)) {
    return 'DIRECTORY_ENTRY_EXISTS';
  }
  model.delete(from);
  if (deleteOldRdn) {
    entry.names.delete(at.at(-1) ?? '');
  }
  entry.names.add(newName);
  model.set(to, entry);
  for (const [key, below] of [...model].filter(([each]) => each.endsWith(`,${from}`))) {
    model.delete(key);
    model.set(`${key.slice(0, -from.length)}${to}`, below);
  }
  return undefined;
}

async function applyToDirectory(
  { directory }: DirectoryFixture,
  wish: Step,
): Promise<string | undefined> {
  const dn = textOf(wish.path);
  const act = async (): Promise<unknown> => {
    switch (wish.kind) {
      case 'add': {
        const texts = wish.values.length === 0 ? {} : { description: wish.values };
        const attributes = attributesOf({ objectClass: 'organizationalUnit', ...texts });
        return await directory.add({ dn, attributes }, system);
      }
      case 'modify': {
        const given = wish.values.map(encodeUtf8);
        const change = { operation: wish.operation, attribute: 'description', values: given };
        return await directory.modify({ dn, changes: [change] }, system);
      }
      case 'delete':
        return await directory.delete({ dn }, system);
      case 'rename': {
        const { name: newName, deleteOldRdn, superior } = wish;
        const place = superior === undefined ? {} : { newSuperior: textOf(superior) };
        const request = { dn, newRdn: `ou=${newName}`, deleteOldRdn, ...place };
        return await directory.rename(request, system);
      }
    }
  };
  try {
    await act();
    return undefined;
  } catch (error) {
    return isCertdirError(error) ? error.code : String(error);
  }
}

/** The whole directory as the model keeps it. */
async function readAll({ directory }: DirectoryFixture, base: string): Promise<unknown> {
  const found = await search(directory, { base, attributes: ['ou', 'description'] });
  return found.map((entry) => {
    const texts = asTexts(entry);
    return [entry.dn, (texts['ou'] ?? []).sort(), (texts['description'] ?? []).sort()];
  });
}

function asExpected(model: Model, base: Path): unknown {
  const names = [...model.keys()].filter((key) => key.endsWith(textOf(base)));
  const sorted = names.toSorted((left, right) => {
    const [a, b] = [left, right].map((text) => text.split(',').reverse().join(' '));
    return (a ?? '') < (b ?? '') ? -1 : 1;
  });
  return sorted.map((key) => {
    const entry = model.get(key);
    return [key, [...(entry?.names ?? [])].sort(), [...(entry?.values ?? [])].sort()];
  });
}

/** Children, UUIDs and postings are what the entries make them. */
async function checkStore({ store, schema }: DirectoryFixture): Promise<void> {
  const types = indexes.map((each) => {
    const type = schema.attributeType(each);
    assert.ok(type);
    return type;
  });
  const index = new EqualityIndex(types, schema);
  const snapshot = store.snapshot();
  const keysOf = async (keyspace: number): Promise<string[]> => {
    const keys: string[] = [];
    const range = { gte: Uint8Array.of(keyspace), lt: Uint8Array.of(keyspace + 1) };
    for await (const key of snapshot.keys(range)) {
      keys.push(formatHex(key));
    }
    return keys;
  };
  const children: string[] = [];
  const uuids: string[] = [];
  const expected = new MemoryRows(snapshot);
  const range = { gte: Uint8Array.of(Keyspace.entry), lt: Uint8Array.of(Keyspace.entry + 1) };
  for await (const [key, bytes] of snapshot.range(range)) {
    const entry = decodeEntry(key.subarray(1), bytes, schema);
    const depth = keyDepth(entry.key);
    const child = keyOf(Keyspace.child, Uint8Array.of(depth >> 8, depth & 0xff), entry.key);
    children.push(formatHex(child));
    const [uuid] = entry.attributes.find(({ type }) => type.name === 'entryUUID')?.values ?? [];
    assert.ok(uuid instanceof Uint8Array);
    const hex = Buffer.from(uuid).toString('latin1').replaceAll('-', '');
    uuids.push(`${Keyspace.entryUuid.toString(16)}${hex}`);
    for (const type of types) {
      await index.post(expected, entry, type);
    }
  }
  assert.deepEqual(await keysOf(Keyspace.child), children.sort());
  assert.deepEqual(await keysOf(Keyspace.entryUuid), uuids.sort());
  assert.deepEqual(await postingsOf(snapshot), await postingsOf(expected));
  await snapshot.close();
}

const everyOutcome = [
  'add DIRECTORY_ENTRY_EXISTS',
  'add DIRECTORY_NO_SUCH_OBJECT',
  'add done',
  'delete DIRECTORY_NOT_ON_NON_LEAF',
  'delete DIRECTORY_NO_SUCH_OBJECT',
  'delete done',
  'modify DIRECTORY_CONSTRAINT',
  'modify DIRECTORY_NO_SUCH_ATTRIBUTE',
  'modify DIRECTORY_NO_SUCH_OBJECT',
  'modify DIRECTORY_VALUE_EXISTS',
  'modify done',
  'rename DIRECTORY_ENTRY_EXISTS',
  'rename DIRECTORY_NO_SUCH_OBJECT',
  'rename DIRECTORY_UNWILLING',
  'rename done',
];

it('the directory and the model go the same way', async (t) => {
  const fixture = await openDirectory(t, { indexes });
  await fixture.add(suffix, { objectClass: 'organization' });
  let run = 0;
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 80 }), async (steps) => {
      run += 1;
      const top = [`run${run}`];
      const model: Model = new Map([[suffix, { names: new Set(), values: new Set() }]]);
      const first: Step = { kind: 'add', path: top, values: [] };
      for (const wish of [first, ...steps.map((each) => below(top, each))]) {
        const answer = await applyToDirectory(fixture, wish);
        assert.equal(answer, applyToModel(model, wish), JSON.stringify(wish).slice(0, 200));
        outcomes.add(`${wish.kind} ${answer ?? 'done'}`);
      }
      model.delete(suffix);
      const [base] = [...model.keys()].filter((key) => key.split(',').length === 3);
      if (base === textOf(top)) {
        assert.deepEqual(await readAll(fixture, base), asExpected(model, top));
        for (const wanted of ['one', 'two']) {
          const filter = `(description=${wanted})`;
          const names = await searchNames(fixture.directory, { base, filter });
          const expected = [...model].filter(([, entry]) => entry.values.has(wanted));
          assert.deepEqual(names.sort(), expected.map(([key]) => key).sort());
        }
      }
      await checkStore(fixture);
    }),
    { seed: 20260105, numRuns: 50 },
  );
  // The steps reach every outcome that the model knows.
  assert.deepEqual([...outcomes].sort(), everyOutcome);
});

/** The same step below another place. */
function below(top: Path, wish: Step): Step {
  const at = [...top, ...wish.path];
  return wish.kind === 'rename'
    ? { ...wish, path: at, superior: wish.superior && [...top, ...wish.superior] }
    : { ...wish, path: at };
}

/**
 * Effective rights: the decisions are those of every request, and the reasons say what an administrator
 * has to know.
 */

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type {
  AccessExplanation,
  AccessQuestion,
} from '../../src/directory/access/access-explanation.ts';
import type { AccessRule } from '../../src/directory/access/access-rule.ts';
import { anonymous } from '../../src/directory/accounts/principal.ts';
import {
  clearSession,
  openDirectory,
  search,
  suffix,
  system,
  tlsSession,
} from '../support/directory-fixture.ts';

const anyone = { kind: 'anyone' } as const;
const group = `cn=Readers,${suffix}`;
const partition = `cn=P,${suffix}`;
const person = `cn=Hanako,${suffix}`;
const hidden = `cn=Hidden,${suffix}`;
const rules: readonly AccessRule[] = [
  { name: 'hidden', target: { entry: hidden }, who: anyone, rights: [] },
  { who: anyone, attributes: ['userPassword'], rights: ['auth'], tls: true },
  {
    name: 'lists',
    who: { kind: 'verifier', kinds: ['signature'], partitionGranted: true },
    target: { entryClass: 'certdirPartition' },
    tls: true,
    rights: ['read', 'search', 'compare'],
  },
  { name: 'desk', who: { kind: 'operator', roles: ['desk'] }, tls: 'client', rights: ['manage'] },
  { who: { kind: 'group', dn: group }, attributes: ['title'], rights: ['read'] },
  { who: anyone, attributes: ['title'], address: ['192.0.2.0/24'], rights: ['read'] },
  { who: { kind: 'self' }, attributes: ['title'], rights: ['compare'] },
  { who: anyone, target: { filter: '(description=open)' }, attributes: ['sn'], rights: ['read'] },
  { who: anyone, attributes: ['entry', 'cn', 'objectClass'], rights: ['read', 'search'] },
];

const fixture = await openDirectory({ after }, { access: rules });
const { directory, add, clock } = fixture;
await add(suffix, { objectClass: 'organization' });
await add(partition, {
  objectClass: ['cRLDistributionPoint', 'certdirPartition'],
  certdirPartitionCode: '1',
});
await add(person, { objectClass: 'organizationalPerson', sn: 'x', title: 'T' });
await add(hidden, { objectClass: 'person', sn: 'x' });
await add(group, { objectClass: 'groupOfNames', member: person });

const day = (offset: number): string =>
  `${new Date(clock.nowMs() + offset * 86_400_000).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;

async function addVerifier(
  name: string,
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const dn = `cn=${name},${suffix}`;
  await add(dn, {
    objectClass: ['applicationProcess', 'certdirVerifier', 'simpleSecurityObject'],
    certdirVerifierKind: 'signature',
    certdirAgreementNumber: name,
    certdirAgreementNotBefore: day(-10),
    certdirAgreementNotAfter: day(10),
    certdirGrantedPartition: '1',
    userPassword: 'right',
    ...more,
  });
  return dn;
}

const good = await addVerifier('good');
const ended = await addVerifier('ended', { certdirAgreementNotAfter: day(-1) });
const future = await addVerifier('future', { certdirAgreementNotBefore: day(1) });
const disabled = await addVerifier('disabled', { certdirAccountDisabled: 'TRUE' });
const other = await addVerifier('other', { certdirGrantedPartition: '2' });
const another = await addVerifier('another', { certdirVerifierKind: 'other' });
const operator = `cn=operator,${suffix}`;
await add(operator, {
  objectClass: ['applicationProcess', 'certdirOperator'],
  certdirOperatorRole: 'desk',
  certdirCertificateSha256: 'ab'.repeat(32),
});

interface Row {
  readonly why: string;
  readonly question: Omit<AccessQuestion, 'tls'> & Partial<Pick<AccessQuestion, 'tls'>>;
  /** Of `read`. */
  readonly isGranted: boolean;
  readonly rule: number | null;
  /** Why rule `passed` before it does not fit. */
  readonly passed?: readonly [number, RegExp];
}

const list = { on: partition, attribute: 'certificateRevocationList', tls: 'tls' } as const;
const title = { on: person, attribute: '2.5.4.12' } as const;
const rows: readonly Row[] = [
  { why: 'a verifier', question: { as: good, ...list }, isGranted: true, rule: 3 },
  {
    why: 'a verifier in clear',
    question: { as: good, ...list, tls: 'none' },
    isGranted: false,
    rule: null,
    passed: [3, /TLS/],
  },
  {
    why: "a verifier's agreement ended",
    question: { as: ended, ...list },
    isGranted: false,
    rule: null,
    passed: [3, /agreement ended at 20\d\d-/],
  },
  {
    why: "a verifier's agreement has not begun",
    question: { as: future, ...list },
    isGranted: false,
    rule: null,
    passed: [3, /agreement begins at 20\d\d-/],
  },
  {
    why: 'a verifier is disabled',
    question: { as: disabled, ...list },
    isGranted: false,
    rule: null,
    passed: [3, /disabled/],
  },
  {
    why: 'a verifier of another partition',
    question: { as: other, ...list },
    isGranted: false,
    rule: null,
    passed: [3, /partition/],
  },
  {
    why: 'a verifier of another kind',
    question: { as: another, ...list },
    isGranted: false,
    rule: null,
    passed: [3, /kind signature, not other/],
  },
  {
    why: 'anonymous',
    question: list,
    isGranted: false,
    rule: null,
    passed: [3, /bound/],
  },
  {
    why: 'an operator with a certificate',
    question: { as: operator, on: person, attribute: 'sn', tls: 'client' },
    isGranted: true,
    rule: 4,
  },
  {
    why: 'an operator without',
    question: { as: operator, on: person, attribute: 'sn', tls: 'tls' },
    isGranted: false,
    rule: null,
    passed: [4, /certificate/],
  },
  { why: 'a member', question: { as: person, ...title }, isGranted: true, rule: 5 },
  {
    why: 'no member',
    question: { as: good, ...title },
    isGranted: false,
    rule: null,
    passed: [5, /members of cn=Readers/],
  },
  {
    why: 'an address in the range',
    question: { ...title, address: '::ffff:192.0.2.7' },
    isGranted: true,
    rule: 6,
  },
  {
    why: 'an address outside',
    question: { ...title, address: '192.0.3.7' },
    isGranted: false,
    rule: null,
    passed: [6, /192\.0\.2\.0\/24/],
  },
  {
    why: 'a filter',
    question: { on: person, attribute: 'sn' },
    isGranted: false,
    rule: null,
    passed: [8, /\(description=open\)/],
  },
  { why: 'the entry', question: { on: person, attribute: 'entry' }, isGranted: true, rule: 9 },
  { why: 'a denial', question: { on: hidden, attribute: 'cn' }, isGranted: false, rule: 1 },
];

const explain = (question: Row['question']): Promise<AccessExplanation> =>
  directory.explainAccess({ tls: 'none', ...question });

/** Worked out when asked for, so not among what the entry has. */
const computed: ReadonlySet<string> = new Set([
  ...['entryDN', 'subschemaSubentry', 'hasSubordinates', 'numSubordinates', 'contextCSN'],
]);

describe('an explanation', () => {
  for (const { why, question, isGranted, rule, passed } of rows) {
    it(`${why}: ${isGranted}`, async () => {
      const { items } = await explain(question);
      const [item] = items;
      assert.equal(items.length, 1);
      const read = item?.rights.find(({ right }) => right === 'read');
      assert.equal(read?.isGranted, isGranted);
      assert.equal(read?.rule, rule);
      if (passed !== undefined) {
        const [number, reason] = passed;
        const found = item?.passed.find((each) => each.rule === number);
        assert.match(found?.why ?? '', reason);
      }
    });
  }

  it('names the rule that is for this kind of caller, with each right that it would grant', async () => {
    const { items } = await explain({ as: ended, ...list });
    const why = (wanted: string): string =>
      items[0]?.rights.find(({ right }) => right === wanted)?.why ?? '';
    assert.match(why('read'), /; rule 3: the verifier's agreement ended at /);
    assert.doesNotMatch(why('add'), /rule 3/);
    const other = await explain(list);
    assert.doesNotMatch(JSON.stringify(other.items[0]?.rights), /rule 3/, 'it is for others');
  });

  it('says what an account is taken for, and whether it can bind', async () => {
    assert.match((await explain({ as: ended, ...list })).judgedAs, /^anonymous: .*ended/);
    const inClear = await explain({ as: good, ...list, tls: 'none' });
    assert.ok(inClear.notes.some((note) => /cannot bind over/.test(note)));
    const withoutPassword = await explain({ as: operator, ...list });
    assert.ok(withoutPassword.notes.some((note) => /no userPassword/.test(note)));
    assert.deepEqual((await explain({ as: good, ...list })).notes, []);
  });

  it('says when the entry may not be known of', async () => {
    const { notes } = await explain({ on: hidden });
    assert.ok(notes.some((note) => /may not know/.test(note)));
  });

  it('goes through all that the entry has', async () => {
    const { items } = await explain({ on: person });
    const names = items.map(({ item }) => item);
    for (const name of ['entry', 'children', 'cn', 'title', 'entryUUID']) {
      assert.ok(names.includes(name), name);
    }
    assert.ok(
      items.every(({ isPresent, item }) => isPresent === (item === 'children' ? null : true)),
    );
  });

  it('is given of figures of the server as well', async () => {
    const figures = { path: ['Some'], objectClass: 'certdirMonitorContainer', attributes: {} };
    directory.publishMonitor(() => Promise.resolve([figures]));
    const { items, notes } = await explain({ on: 'cn=Monitor', attribute: 'entry' });
    assert.equal(items[0]?.rights.find(({ right }) => right === 'read')?.rule, 9);
    assert.deepEqual(notes, []);
  });

  const refused = [
    { question: { on: `cn=None,${suffix}` }, code: 'DIRECTORY_NO_SUCH_OBJECT' },
    { question: { as: `cn=None,${suffix}`, on: suffix }, code: 'DIRECTORY_NO_SUCH_OBJECT' },
    { question: { on: suffix, attribute: 'nonsense' }, code: 'DIRECTORY_UNDEFINED_TYPE' },
    { question: { on: 'nonsense' }, code: 'DIRECTORY_DN_SYNTAX' },
  ];
  for (const { question, code } of refused) {
    it(`is not given of ${JSON.stringify(question)}: ${code}`, async () => {
      await assert.rejects(explain(question), { code });
    });
  }

  it('is what a search finds', async () => {
    const entries = await search(directory, { attributes: ['1.1'] });
    for (const name of [undefined, good, ended, disabled, other, person]) {
      for (const tls of ['none', 'tls'] as const) {
        const session = tls === 'none' ? { ...clearSession } : { ...tlsSession };
        let principal = anonymous;
        try {
          principal =
            name === undefined
              ? anonymous
              : await directory.bind(name, encodeUtf8('right'), tlsSession);
        } catch {
          // Whoever cannot bind is anonymous.
        }
        for (const { dn } of entries) {
          const wish = { base: dn, scope: 'base', attributes: ['*', '+'] } as const;
          let found: readonly string[] | undefined;
          try {
            const [entry] = await search(directory, wish, { principal, session });
            found = entry?.attributes.map(({ description }) => description.split(';')[0] ?? '');
          } catch {
            found = undefined;
          }
          const as = principal === anonymous ? {} : { as: name };
          const { items } = await explain({ ...as, on: dn, tls, address: session.address });
          const isRead = (wanted: string): boolean =>
            items
              .find(({ item }) => item === wanted)
              ?.rights.some(({ right, isGranted }) => right === 'read' && isGranted) === true;
          const told = items.flatMap(({ item, isPresent }) =>
            isPresent === true && item !== 'entry' && isRead(item) ? item : [],
          );

          assert.deepEqual(
            found?.filter((each) => !computed.has(each)).sort(),
            isRead('entry') ? told.sort() : undefined,
            `${name} ${tls} ${dn}`,
          );
        }
      }
    }
  });

  it('changes nothing', async () => {
    const before = (await search(directory, {}, system)).length;
    await explain({ as: good, ...list });
    assert.equal((await search(directory, {}, system)).length, before);
  });
});

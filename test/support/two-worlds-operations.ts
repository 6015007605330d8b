/**
 * Random LDAP requests for the two worlds, as bytes: every operation, every control, names and values of
 * which some are hidden, some there and some nowhere.
 *
 * @module
 */

import fc from 'fast-check';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { Filter } from '../../src/directory/filters/filter.ts';
import { suffix } from './directory-fixture.ts';
import {
  assertionControl,
  manageDsaItControl,
  matchedValuesControl,
  pagedControl,
  postReadControl,
  preReadControl,
  sortControl,
  subentriesControl,
} from './ldap-control-bytes.ts';
import { filterBytes } from './ldap-filter-bytes.ts';
import {
  addOperation,
  type ControlBytes,
  compareOperation,
  deleteOperation,
  extendedOperation,
  modifyDnOperation,
  modifyOperation,
  searchOperation,
  tlv,
  WHO_AM_I_OID,
} from './ldap-request-bytes.ts';
import { accountDns } from './two-worlds.ts';

export interface WorldRequest {
  readonly operation: Buffer;
  readonly controls: readonly ControlBytes[];
  /** Asked for page after page; entries a page. */
  readonly pageSize?: number | undefined;
  /** Asked twice in a row, so that an answer that was kept is given. */
  readonly isAskedTwice?: boolean;
  /** For people. */
  readonly text: string;
}

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'm');
const unit = fc
  .constantFrom('Open', 'Mixed', 'Hidden', 'Drop', 'Desk', 'None')
  .map((each) => `ou=${each}`);
const dn = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      suffix,
      `ou=Mixed,${suffix}`,
      `cn=CRL1,${suffix}`,
      `cn=CRL2,${suffix}`,
    ),
  },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('a', 'b', 'c', 'd', 'e', 'm', 'r', 's')
      .map((each) => `cn=${each},ou=Mixed,${suffix}`),
  },
  { weight: 1, arbitrary: unit.map((each) => `${each},${suffix}`) },
  { weight: 3, arbitrary: fc.tuple(name, unit).map(([each, at]) => `cn=${each},${at},${suffix}`) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(name, name, unit)
      .map(([one, two, at]) => `cn=${one},cn=${two},${at},${suffix}`),
  },
  { weight: 1, arbitrary: fc.constantFrom(...Object.values(accountDns), `cn=Readers,${suffix}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', 'cn=Insiders,ou=Hidden,o=JPKI,c=JP', 'c=JP', 'nonsense'),
  },
);

const attribute = fc.constantFrom(
  ...['telephoneNumber', '2.5.4.20', 'TELEPHONENUMBER;lang-ja', 'seeAlso', 'distinguishedName'],
  ...['userPassword', 'numSubordinates', 'hasSubordinates', 'member', 'certificateRevocationList'],
  ...['2.5.4.39;binary', 'entryUUID', 'contextCSN', 'ref', 'street', 'certdirPartitionCode'],
  ...['cn', 'sn', 'name', 'description', 'title', 'objectClass', 'entryDN', 'nonsense'],
  ...['cn', 'sn', 'description', 'objectClass', 'modifiersName', 'structuralObjectClass'],
);
const value = fc.constantFrom(
  ...['a', 'd', 'open', 'secret', 'members', '+81 27', 'cn=a,o=x', 'TRUE', '1', 'x', 'person'],
  ...['ldap://hidden/o=x', 'one', `cn=d,ou=Mixed,${suffix}`],
);
const bytes = value.map(encodeUtf8);

const { filter } = fc.letrec<{ filter: Filter; item: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('item'),
    fc.record({
      kind: fc.constantFrom('and', 'or'),
      filters: fc.array(tie('filter'), { maxLength: 3 }),
    }),
    fc.record({ kind: fc.constant('not'), filter: tie('filter') }),
  ),
  item: fc.oneof(
    fc.record({ kind: fc.constant('present'), attribute }),
    fc.record({
      kind: fc.constantFrom('equality', 'greaterOrEqual', 'lessOrEqual', 'approx'),
      attribute,
      value: bytes,
    }),
    fc.record({ kind: fc.constant('substrings'), attribute, initial: bytes, any: fc.constant([]) }),
    fc.record({
      kind: fc.constant('extensible'),
      attribute,
      value: bytes,
      dnAttributes: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('extensible'),
      rule: fc.constantFrom('caseIgnoreMatch', 'telephoneNumberMatch', '2.5.13.1'),
      value: bytes,
      dnAttributes: fc.boolean(),
    }),
  ),
})) as { filter: fc.Arbitrary<Filter> };

/** Most searches find something. */
const searchBase = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      suffix,
      `ou=Mixed,${suffix}`,
      `ou=Mixed,${suffix}`,
      `cn=a,ou=Mixed,${suffix}`,
    ),
  },
  { weight: 2, arbitrary: dn },
);
const everything: Filter = { kind: 'present', attribute: 'objectClass' };
const searchFilter: fc.Arbitrary<Filter> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(everything) },
  {
    weight: 1,
    arbitrary: filter.map((each): Filter => ({ kind: 'or', filters: [each, everything] })),
  },
  { weight: 3, arbitrary: filter },
);

const selection = fc.array(
  fc.oneof(attribute, fc.constantFrom('*', '+', '1.1', '@person', '@cRLDistributionPoint')),
  { maxLength: 3 },
);

/** None most of the time. */
function sometimes(control: fc.Arbitrary<ControlBytes>): fc.Arbitrary<readonly ControlBytes[]> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: control.map((each) => [each]) },
  );
}

function together(
  ...controls: readonly fc.Arbitrary<readonly ControlBytes[]>[]
): fc.Arbitrary<readonly ControlBytes[]> {
  return fc.tuple(...controls).map((lists) => lists.flat());
}

const asserted = sometimes(filter.map((each) => assertionControl(filterBytes(each))));
const manageDsaIt = sometimes(fc.constant(manageDsaItControl));
const sorted = sometimes(
  fc
    .array(
      fc.record({
        attribute,
        rule: fc.constantFrom('caseIgnoreOrderingMatch', '2.5.13.6'),
        isReverse: fc.boolean(),
      }),
      { minLength: 1, maxLength: 2 },
    )
    .map((keys) => sortControl(...keys)),
);
const matched = sometimes(
  fc
    .array(fc.record({ kind: fc.constantFrom('equality', 'present'), attribute, value: bytes }), {
      minLength: 1,
      maxLength: 2,
    })
    .map((items) => matchedValuesControl(...items.map((item) => filterBytes(item as Filter)))),
);
const subentries = sometimes(fc.boolean().map(subentriesControl));
const readControls = together(
  asserted,
  manageDsaIt,
  sometimes(selection.map((each) => preReadControl(...each))),
  sometimes(selection.map((each) => postReadControl(...each))),
);

const request = (
  operation: Buffer,
  controls: readonly ControlBytes[],
  text: string,
): WorldRequest => ({ operation, controls, text });

const searches = fc
  .record({
    base: searchBase,
    scope: fc.constantFrom(0, 1, 2, 2),
    filter: searchFilter,
    attributes: selection,
    typesOnly: fc.boolean(),
    sizeLimit: fc.constantFrom(0, 0, 0, 1, 2, 5),
    // Without controls an answer may be kept and given again.
    controls: fc.oneof(
      fc.constant([]),
      together(asserted, manageDsaIt, sorted, matched, subentries),
    ),
    pageSize: fc.constantFrom(undefined, undefined, undefined, 1, 2, 3),
  })
  .map(({ controls, pageSize, ...wish }): WorldRequest => {
    const operation = searchOperation({ ...wish, filter: filterBytes(wish.filter) });
    return { ...request(operation, controls, `search ${JSON.stringify(wish)}`), pageSize };
  });

/** The same few questions again and again, by all. */
const repeated = fc.constantFrom(
  ...fc.sample(
    fc
      .record({
        base: searchBase,
        scope: fc.constantFrom(0, 1, 2),
        attributes: selection,
        filter: fc.constantFrom<Filter>(
          everything,
          everything,
          { kind: 'not', filter: { kind: 'present', attribute: 'telephoneNumber' } },
          { kind: 'present', attribute: 'certificateRevocationList' },
        ),
      })
      .map((wish): WorldRequest => {
        const operation = searchOperation({ ...wish, filter: filterBytes(wish.filter) });
        return { ...request(operation, [], `again ${JSON.stringify(wish)}`), isAskedTwice: true };
      }),
    { seed: 3, numRuns: 40 },
  ),
);

const compares = fc
  .record({ dn, attribute, value, controls: together(asserted, manageDsaIt) })
  .map(({ controls, ...wish }) =>
    request(
      compareOperation(wish.dn, wish.attribute, wish.value),
      controls,
      `compare ${JSON.stringify(wish)}`,
    ),
  );

const adds = fc
  .record({
    dn,
    sn: value,
    more: fc.oneof(fc.constant(undefined), fc.tuple(attribute, value)),
    controls: together(
      asserted,
      manageDsaIt,
      sometimes(selection.map((each) => postReadControl(...each))),
    ),
  })
  .filter(({ more }) => more?.[1] !== 'secret' && more?.[0] !== 'userPassword')
  .map(({ controls, ...wish }) => {
    const more = wish.more === undefined ? [] : [{ type: wish.more[0], values: [wish.more[1]] }];
    const attributes = [
      { type: 'objectClass', values: ['person'] },
      { type: 'sn', values: [wish.sn] },
      ...more,
    ];
    return request(addOperation(wish.dn, attributes), controls, `add ${JSON.stringify(wish)}`);
  });

const modifies = fc
  .record({
    dn,
    changes: fc.array(
      fc.record({
        operation: fc.constantFrom(0, 1, 2, 3),
        type: fc.oneof(
          attribute,
          fc.constantFrom('sn', 'description', 'telephoneNumber', 'street'),
        ),
        values: fc.uniqueArray(value, { maxLength: 2 }),
      }),
      { maxLength: 2 },
    ),
    controls: readControls,
  })
  // A value that hides the entry from all makes both worlds alike, but dull; hashes differ by chance.
  .filter(({ changes }) =>
    changes.every(({ type, values }) => type !== 'userPassword' && !values.includes('secret')),
  )
  .map(({ controls, ...wish }) =>
    request(modifyOperation(wish.dn, wish.changes), controls, `modify ${JSON.stringify(wish)}`),
  );

const deletes = fc
  .record({
    dn,
    controls: together(
      asserted,
      manageDsaIt,
      sometimes(selection.map((each) => preReadControl(...each))),
    ),
  })
  .map(({ dn: at, controls }) => request(deleteOperation(at), controls, `delete ${at}`));

const renames = fc
  .record({
    dn,
    newRdn: fc.oneof(
      name.map((each) => `cn=${each}`),
      fc.constantFrom('sn=x', 'cn=d+sn=x', 'title=a'),
    ),
    newSuperior: fc.oneof(fc.constant(undefined), dn),
    deleteOldRdn: fc.boolean(),
    controls: readControls,
  })
  .map(({ controls, newSuperior, ...wish }) => {
    const bytesOf = { ...wish, ...(newSuperior === undefined ? {} : { newSuperior }) };
    return request(modifyDnOperation(bytesOf), controls, `rename ${JSON.stringify(bytesOf)}`);
  });

const extended = fc.oneof(
  fc.constant(request(extendedOperation(WHO_AM_I_OID), [], 'who am I')),
  fc.record({ dn, old: fc.constantFrom('wrong', 'right') }).map(({ dn: at, old }) => {
    // The new password is against the rules, so that none is changed.
    const passwords = tlv(0x30, tlv(0x80, at), tlv(0x81, old), tlv(0x82, ''));
    const operation = extendedOperation('1.3.6.1.4.1.4203.1.11.1', passwords);
    return request(operation, [], `password of ${at}`);
  }),
);

export const worldRequests: fc.Arbitrary<WorldRequest> = fc.oneof(
  { weight: 7, arbitrary: searches },
  { weight: 6, arbitrary: repeated },
  { weight: 3, arbitrary: compares },
  { weight: 2, arbitrary: adds },
  { weight: 2, arbitrary: modifies },
  { weight: 2, arbitrary: deletes },
  { weight: 2, arbitrary: renames },
  { weight: 1, arbitrary: extended },
);

/** The page of a search that begins where the last one ended. */
export function pageOf(
  { controls, pageSize }: WorldRequest,
  cookie: Uint8Array,
): readonly ControlBytes[] {
  return pageSize === undefined ? controls : [...controls, pagedControl(pageSize, cookie)];
}

export const worldNames: fc.Arbitrary<string> = dn;

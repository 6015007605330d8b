import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { People, peopleAt } from '../../src/ca/policy/people.ts';
import { firstOperatorRoles, peopleNeeded } from '../../src/ca/policy/people-faults.ts';
import { isActing, permissions, requestKindNames } from '../../src/ca/policy/permissions.ts';
import { loadPolicy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { isSamePerson, type Person } from '../../src/ca/requests/person.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const file = shippedPolicyFile('gunma');
const text = readFileSync(file, 'utf8');

describe('the people of Gunma (5-2-1, 5-2-2)', async () => {
  const policy = await loadPolicy(file);
  const people = new People(policy);

  it('have the roles of the statement, and what each may do', () => {
    assert.equal(people.roles['seniorOperator']?.ja, '上級操作員');
    assert.deepEqual(people.rolesWith('audit.review'), ['internalAuditor']);
    assert.ok(people.isAllowed(['operator', 'manager'], 'operators.manage'));
    assert.ok(!people.isAllowed(['operator'], 'operators.manage'));
    assert.ok(!people.isAllowed([], 'requests.read'));
    assert.deepEqual(people.permissionsOf(['operator']), []);
    assert.deepEqual(people.kinds.slice(0, 3), ['issue', 'renew', 'revoke']);
    assert.equal(people.route('hold'), undefined);
  });

  it('are kept apart', () => {
    assert.deepEqual(people.separated(['approver', 'manager', 'examiner']), [
      'examiner',
      'approver',
    ]);
    assert.equal(people.separated(['manager', 'repositoryOperator']), undefined);
  });

  it('act for their municipality where an office lets them', () => {
    assert.ok(people.isBound(['municipalReception'], 'request.revoke.receive'));
    assert.ok(!people.isBound(['municipalReception', 'reception'], 'request.revoke.receive'));
  });

  it('are as many as a request takes', () => {
    const route = people.route('cross-issue');
    assert.ok(route !== undefined);
    assert.equal(peopleNeeded(route), 5);
    assert.equal(peopleAt(route, 'execute'), 2);
    assert.equal(peopleAt(route, 'examine'), 1);
  });
});

describe('permissions', () => {
  it('are a closed list: each step of each kind, and what needs no request', () => {
    assert.equal(new Set(permissions).size, permissions.length);
    assert.equal(permissions.length, requestKindNames.length * 4 + 14);
    assert.ok(isActing('request.issue.approve') && isActing('lists.publish'));
    assert.ok(!isActing('requests.read') && !isActing('certificates.download'));
  });
});

const rows: readonly {
  readonly why: string;
  readonly from: string;
  readonly to: string;
  /** What the message must name. */
  readonly names: readonly string[];
}[] = [
  {
    why: 'with a permission that there is not',
    from: 'request.issue.receive:',
    to: 'request.issue.recieve:',
    names: ['people.permissions.request.issue.recieve', 'is no permission', 'audit.review'],
  },
  {
    why: 'with a role that nobody declared, in a permission',
    from: 'lists.publish: [seniorOperator]',
    to: 'lists.publish: [seniorOperater]',
    names: ['people.permissions.lists.publish.0', 'seniorOperater', 'municipalApprover'],
  },
  {
    why: 'with one in an access rule',
    from: 'who: { kind: operator, roles: [repositoryOperator] }',
    to: 'who: { kind: operator, roles: [librarian] }',
    names: ['who.roles.0', 'is a role of people.roles'],
  },
  {
    why: 'with a permission that nobody has',
    from: 'lists.publish: [seniorOperator]',
    to: 'lists.publish: []',
    names: ['people.permissions.lists.publish'],
  },
  {
    why: 'with a step that nobody may take',
    from: '    request.issue.examine: [municipalExaminer]\n',
    to: '',
    names: ['people.permissions.request.issue.examine', 'nobody may take'],
  },
  {
    why: 'with a permission for a step that there is not',
    from: '    lists.publish: [seniorOperator]\n',
    to: '    lists.publish: [seniorOperator]\n    request.hold.receive: [reception]\n',
    names: ['request.hold.receive', 'does not have'],
  },
  {
    why: 'where nobody registers operators',
    from: '    operators.manage: [manager, seniorOperator] # 5-2-2 ③: senior operators register staff and issue to them\n',
    to: '',
    names: ['operators.manage', 'nobody could register'],
  },
  {
    why: 'where who registers operators is apart from who manages over LDAP',
    from: 'operators.manage: [manager, seniorOperator]',
    to: 'operators.manage: [internalAuditor]',
    names: ['people.separate.', 'internalAuditor', 'first operator'],
  },
  {
    why: 'where others review the log than the audit section says',
    from: 'audit.review: [internalAuditor]',
    to: 'audit.review: [manager]',
    names: ['people.permissions.audit.review', 'audit.auditorRoles'],
  },
  {
    why: 'with roles apart that may do the same',
    from: 'request.issue.examine: [municipalExaminer]',
    to: 'request.issue.examine: [municipalExaminer, municipalReception]',
    names: [
      'people.separate.1',
      'municipalReception and municipalExaminer',
      'request.issue.examine',
    ],
  },
  {
    why: 'with roles apart that the first operator has',
    from: '    - [internalAuditor, operator]\n',
    to: '    - [internalAuditor, operator]\n    - [manager, repositoryOperator]\n',
    names: ['people.separate.10', 'first operator'],
  },
  {
    why: 'with a role apart from itself',
    from: '    - [internalAuditor, operator]\n',
    to: '    - [internalAuditor, internalAuditor]\n',
    names: ['people.separate.9', 'each role once'],
  },
  {
    why: 'with steps in another order',
    from: 'issue: { steps: [receive, examine, approve], persons: 3 }',
    to: 'issue: { steps: [receive, approve, examine], persons: 3 }',
    names: ['people.requests.issue.steps', 'in the order receive, examine, approve, execute'],
  },
  {
    why: 'with requests that nobody receives',
    from: 'issue: { steps: [receive, examine, approve], persons: 3 }',
    to: 'issue: { steps: [examine, approve], persons: 2 }',
    names: ['people.requests.issue.steps', 'begins with receive'],
  },
  {
    why: 'with fewer steps than people',
    from: 'issue: { steps: [receive, examine, approve], persons: 3 }',
    to: 'issue: { steps: [receive, examine, approve], persons: 4 }',
    names: ['people.requests.issue.persons', 'more than the 3'],
  },
  {
    why: 'with executors and nothing to execute',
    from: 'issue: { steps: [receive, examine, approve], persons: 3 }',
    to: 'issue: { steps: [receive, examine, approve], executors: 2 }',
    names: ['people.requests.issue.executors', 'execute'],
  },
  {
    why: 'with a kind of request that there is not',
    from: '    issue: { steps: [receive, examine, approve], persons: 3 }',
    to: '    isue: { steps: [receive, examine, approve], persons: 3 }',
    names: ['people.requests.isue'],
  },
  {
    why: "with operators' certificates under a profile of subscribers",
    from: 'operatorProfile: operator',
    to: 'operatorProfile: end-entity',
    names: ['people.operatorProfile', 'kind service with the field operator'],
  },
];

describe('a policy is refused', () => {
  for (const { why, from, to, names } of rows) {
    it(why, async (t) => {
      assert.ok(text.includes(from), 'the row fits the file');
      const copy = join(temporaryFolder(t), 'policy.yaml');
      writeFileSync(copy, text.replace(from, to));
      await assert.rejects(loadPolicy(copy), (error: Error & { readonly code?: string }) => {
        assert.equal(error.code, 'CONFIG_INVALID');
        for (const name of names) {
          assert.ok(error.message.includes(name), `${name} is not in: ${error.message}`);
        }
        return true;
      });
    });
  }
});

describe('the first operator has', () => {
  const rows: readonly (readonly [why: string, registrars: string[] | undefined, string[]])[] = [
    ['what manages over LDAP, where it registers operators', ['manager', 'approver'], ['manager']],
    ['who registers operators as well, where it does not', ['head'], ['head', 'manager']],
    ['what manages over LDAP, where a policy does not speak of people', undefined, ['manager']],
  ];
  for (const [why, registrars, roles] of rows) {
    it(why, async () => {
      const { access, people } = await loadPolicy(shippedPolicyFile('gunma'));
      assert.ok(people !== undefined);
      const managing = access.filter(({ who }) => who.kind === 'operator' && 'roles' in who);
      const found = firstOperatorRoles({
        access: managing.slice(0, 1),
        people:
          registrars === undefined
            ? undefined
            : { ...people, permissions: { 'operators.manage': registrars } },
      });
      assert.deepEqual(found, roles);
    });
  }
});

describe('two accounts', () => {
  const one: Person = {
    ...{ account: 'a', dn: 'cn=a', name: 'a', fullName: null },
    ...{ staffNumbers: [], certificates: [] },
  };
  const cases: readonly (readonly [string, Partial<Person>, Partial<Person>, boolean])[] = [
    ['the same account', { account: 'x', name: 'p' }, { account: 'x', name: 'q' }, true],
    ['a card in common', { certificates: ['1', '2'] }, { certificates: ['2'], name: 'q' }, true],
    ['the same name', { fullName: '佐藤　花子' }, { fullName: '佐藤花子', name: 'q' }, true],
    [
      'the same name in full-width',
      { fullName: 'Sato' },
      { fullName: 'ＳＡＴＯ', name: 'q' },
      true,
    ],
    ['a name that is an account’s', { fullName: 'sato' }, { name: 'Sato' }, true],
    [
      'the same name and other staff numbers',
      { fullName: 's', staffNumbers: ['1'] },
      { fullName: 's', staffNumbers: ['2'] },
      false,
    ],
    [
      'the same name, one staff number',
      { fullName: 's', staffNumbers: ['1'] },
      { fullName: 's' },
      true,
    ],
    [
      'one staff number, other names',
      { fullName: 's', staffNumbers: ['1'] },
      { fullName: 't', staffNumbers: ['1'] },
      true,
    ],
    ['nothing in common', { fullName: 's' }, { fullName: 't', name: 'q' }, false],
  ];
  for (const [why, left, right, isSame] of cases) {
    it(`with ${why} are ${isSame ? 'one person' : 'two people'}`, () => {
      const other: Person = { ...one, account: 'b', dn: 'cn=b', name: 'b', ...right };
      assert.equal(isSamePerson({ ...one, ...left }, other), isSame);
      assert.equal(isSamePerson(other, { ...one, ...left }), isSame);
    });
  }
});

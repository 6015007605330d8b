import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { loadPolicy, type Policy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { assertNeighbours, realmsOf, suffixesOf } from '../../src/ca/policy/policy-neighbours.ts';
import { sharePolicies } from '../../src/ca/policy/shared-policy.ts';
import { shippedSchema } from '../support/directory-fixture.ts';

const schema = await shippedSchema();
const gunma = await loadPolicy(shippedPolicyFile('gunma'));
const tokyo = await loadPolicy(shippedPolicyFile('tokyo'));
const secom = await loadPolicy(shippedPolicyFile('secom-gid'));
const mic = await loadPolicy(shippedPolicyFile('mic-ops'));

describe('policies of one server', () => {
  it('go together where each has a part of the tree', () => {
    assertNeighbours([gunma, tokyo, secom, mic], schema);
  });

  const inGunma = `OU=Operators,${gunma.names.issuer}`;
  const refused: readonly {
    readonly why: string;
    readonly other: Policy;
    readonly message: RegExp;
  }[] = [
    { why: 'the same id', other: { ...tokyo, id: 'gunma' }, message: /same id/ },
    {
      why: 'the same name of the CA',
      other: { ...tokyo, names: gunma.names },
      message: /same names\.issuer/,
    },
    {
      why: 'operators in the tree of the other',
      other: { ...tokyo, directory: { ...tokyo.directory, operators: inGunma } },
      message: /directory\.operators of tokyo.*directory\.subtrees/,
    },
    {
      why: 'lists beside its entry, which no subtree names',
      other: { ...tokyo, directory: { ...tokyo.directory, subtrees: [inGunma] } },
      message: /names\.issuer of tokyo/,
    },
  ];
  for (const { why, other, message } of refused) {
    it(`are refused with ${why}`, () => {
      assert.throws(() => assertNeighbours([gunma, other], schema), {
        code: 'CONFIG_INVALID',
        message,
      });
      assertNeighbours([other], schema);
    });
  }

  it('are refused with one path on the Web for two things', () => {
    const twin: Policy = { ...tokyo, repository: { ...nothing, page: '/PassportFor/G-ID/' } };
    assert.throws(() => assertNeighbours([secom, twin], schema), {
      code: 'CONFIG_INVALID',
      message: /path on the Web.*\/PassportFor\/G-ID\//,
    });
  });

  it('have the whole tree to one CA, and to several each its own', () => {
    assert.deepEqual(
      realmsOf([gunma]).map(({ subtrees }) => subtrees),
      [['']],
    );
    assert.deepEqual(
      realmsOf([gunma, tokyo]).map(({ subtrees }) => subtrees),
      [[gunma.names.issuer], [tokyo.names.issuer]],
    );
  });

  it('share suffixes, the outermost where one is below another', () => {
    const inner: Policy = { ...tokyo, directory: { ...tokyo.directory, suffix: 'O=JPKI,C=JP' } };
    assert.deepEqual(suffixesOf([gunma, tokyo], schema), ['C=JP']);
    assert.deepEqual(suffixesOf([inner, gunma], schema), ['C=JP']);
    const elsewhere: Policy = { ...tokyo, directory: { ...tokyo.directory, suffix: 'C=FR' } };
    assert.deepEqual(suffixesOf([gunma, elsewhere], schema), ['C=JP', 'C=FR']);
  });
});

const nothing = { selfSigned: [], newWithOld: [], oldWithNew: [] };

describe('what several CAs share', () => {
  it('is the policy itself for one', () => {
    assert.equal(sharePolicies([gunma]), gunma);
  });

  it('has the name of the first, and the strictest of each', () => {
    const shared = sharePolicies([gunma, mic]);
    assert.equal(shared.id, 'gunma');
    assert.equal(shared.keeping.auditReviewDays, 7);
    // gunma 4-11-4 one year, mic 4.5.3 three; gunma 4-5 five, mic 4.6.2 thirty.
    assert.equal(shared.retention['auditRecords']?.years, 3);
    assert.equal(shared.retention['provisionAccounts']?.years, 30);
    assert.deepEqual(shared.exporters, [undefined, 'mic-ops']);
  });

  it('shows hashes of the log to everybody only where all do', () => {
    const open: Policy = { ...tokyo, audit: { ...tokyo.audit, publicTiles: true } };
    assert.equal(sharePolicies([open, gunma]).audit.publicTiles, false);
    assert.equal(sharePolicies([open, { ...open, id: 'x' }]).audit.publicTiles, true);
  });

  it('has one clock', () => {
    const elsewhere: Policy = { ...tokyo, utcOffsetMs: 0 };
    assert.throws(() => sharePolicies([gunma, elsewhere]), { code: 'CONFIG_INVALID' });
  });
});

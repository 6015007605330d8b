import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { loadPolicy, type Policy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import {
  comparePolicies,
  isSectionKnown,
  type PolicyEffect,
} from '../../src/ca/policy/policy-change.ts';
import { policyJsonSchema } from '../../src/ca/policy/policy-json-schema.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const file = shippedPolicyFile('gunma');
const text = readFileSync(file, 'utf8');

/** The policy of Gunma with one place written otherwise. */
async function changed(t: TestContext, from: string | RegExp, to: string): Promise<Policy> {
  const other = text.replace(from, to);
  assert.notEqual(other, text, 'the place is there');
  const path = join(temporaryFolder(t), 'policy.yaml');
  writeFileSync(path, other);
  return await loadPolicy(path);
}

describe('comparing policies', async () => {
  const policy = await loadPolicy(file);

  it('finds nothing between a policy and itself', () => {
    assert.deepEqual(comparePolicies(policy, policy), []);
  });

  const rows: readonly {
    readonly name: string;
    readonly from: string | RegExp;
    readonly to: string;
    readonly path: string;
    readonly effect: PolicyEffect;
  }[] = [
    { name: 'the id', from: 'id: gunma', to: 'id: gumma', path: 'id', effect: 'breaks' },
    {
      name: 'the place of the verifiers',
      from: 'verifiers: OU=Verifiers',
      to: 'verifiers: OU=Readers',
      path: 'directory.verifiers',
      effect: 'breaks',
    },
    {
      name: 'a reason that is no longer known',
      from: 'superseded, ',
      to: '',
      path: 'revocation.reasons.superseded',
      effect: 'breaks',
    },
    {
      name: 'where a list stands',
      from: 'CN=Operations CRLDP,OU=CRL Distribution Points,OU=Gunma Prefectural CA,O=JPKI,C=JP\n    # 4-4',
      to: 'CN=Servers CRLDP,OU=CRL Distribution Points,OU=Gunma Prefectural CA,O=JPKI,C=JP\n    # 4-4',
      path: 'crl.scopes.operations',
      effect: 'breaks',
    },
    {
      name: 'where the municipalities’ lists stand',
      from: 'distributionPoint: CN={municipality} CRLDP',
      to: 'distributionPoint: CN={municipality}',
      path: 'crl.scopes.10201',
      effect: 'breaks',
    },
    {
      name: 'a further list',
      from: '    - { id: arl, partition: authority }',
      to: '    - { id: arl, partition: authority }\n    - { id: extra, partition: single, distributionPoint: "CN=Extra CRLDP,OU=CRL Distribution Points,OU=Gunma Prefectural CA,O=JPKI,C=JP" }',
      path: 'crl.scopes.extra',
      effect: 'issued-from-now',
    },
    {
      name: 'how long certificates live',
      from: 'validity: { years: 3,',
      to: 'validity: { years: 2,',
      path: 'profiles.end-entity.validity.years',
      effect: 'issued-from-now',
    },
    {
      name: 'when the key is renewed',
      from: 'renewAfterYears: 5',
      to: 'renewAfterYears: 4',
      path: 'keys.authority.renewAfterYears',
      effect: 'next-key',
    },
    {
      name: 'how often lists come out',
      from: 'periodHours: 24',
      to: 'periodHours: 23',
      path: 'crl.periodHours',
      effect: 'at-once',
    },
    {
      name: 'how long records are kept',
      from: 'covers: [auditRecords], years: 1',
      to: 'covers: [auditRecords], years: 2',
      path: 'retention.auditLog.years',
      effect: 'at-once',
    },
    {
      name: 'a peer that has another name (4-6)',
      from: /(peers:[\s\S]*?name: )[^\n]*/,
      to: '$1OU=Another BridgeCA,O=JPKI,C=JP',
      path: 'cross.peers.bca.name',
      effect: 'breaks',
    },
    {
      name: 'before which days a cross certificate is told of (4-9)',
      from: /warningDays: \[180, 90, 30, 7\]/,
      to: 'warningDays: [180]',
      path: 'cross.warningDays',
      effect: 'issued-from-now',
    },
    {
      name: 'notices that are no longer taken (4-4-1-1)',
      from: / {4}movedAway:\n.*\n.*\n/,
      to: '',
      path: 'notices.kinds.movedAway.reason',
      effect: 'at-once',
    },
    {
      name: 'how old a request on line may be (4-4-2-2)',
      from: 'maxAgeMinutes: 60',
      to: 'maxAgeMinutes: 30',
      path: 'onlineRevocation.maxAgeMinutes',
      effect: 'at-once',
    },
    {
      name: 'how many people a request passes (5-2-2)',
      from: /( +issue: \{[^}]*persons: )\d/,
      to: '$12',
      path: 'people.requests.issue.persons',
      effect: 'at-once',
    },
    {
      name: 'whose names are shown',
      from: '\naccess:',
      to: '\npublishedNames: [ocsp-responder]\n\naccess:',
      path: 'publishedNames.ocsp-responder',
      effect: 'at-once',
    },
    {
      name: 'a version of the statement',
      from: 'version: "1.7"',
      to: 'version: "1.8"',
      path: 'statement.version',
      effect: 'text',
    },
  ];
  for (const { name, from, to, path, effect } of rows) {
    it(`${name}: ${effect}`, async (t) => {
      const changes = comparePolicies(policy, await changed(t, from, to));
      const one = changes.find((change) => change.path === path);
      assert.equal(one?.effect, effect, JSON.stringify(changes));
    });
  }

  it('refuses to lose a delivery that certificates may wait for (jlis-auth 4.4)', async () => {
    const jlis = await loadPolicy(shippedPolicyFile('jlis-auth'));
    const { 'end-entity': cards, ...profiles } = jlis.profiles;
    assert.ok(cards);
    const withoutDelivery: Policy = {
      ...jlis,
      deliveries: {},
      profiles: { ...profiles, 'end-entity': { ...cards, delivery: 'at-once' } },
    };
    const changes = comparePolicies(jlis, withoutDelivery);
    const effectOf = (path: string): PolicyEffect | undefined =>
      changes.find((change) => change.path === path)?.effect;
    assert.equal(effectOf('deliveries.end-entity.keys'), 'breaks');
    assert.equal(effectOf('deliveries.end-entity.keepDays'), 'issued-from-now');
    assert.equal(effectOf('profiles.end-entity.delivery'), 'issued-from-now');
    assert.equal(
      comparePolicies(withoutDelivery, jlis).some(({ effect }) => effect === 'breaks'),
      false,
    );
  });

  it('refuses to lose a peer, whose records are kept by its name', () => {
    const { cross } = policy;
    assert.ok(cross);
    const changes = comparePolicies(policy, { ...policy, cross: { ...cross, peers: {} } });
    const lost = changes.find(({ path }) => path === 'cross.peers.bca.name');
    assert.equal(lost?.effect, 'breaks');
  });

  it('says of a profile that is gone that its certificates stay', () => {
    const { 'ocsp-responder': gone, ...profiles } = policy.profiles;
    assert.ok(gone);
    const changes = comparePolicies(policy, { ...policy, profiles });
    const one = changes.find(({ path }) => path === 'profiles.ocsp-responder.kind');
    assert.equal(one?.effect, 'issued-from-now');
    assert.match(one?.meaning ?? '', /stay/);
  });

  it('has something to say of every section that a policy can have', () => {
    const { properties = {} } = policyJsonSchema() as { readonly properties?: object };
    const sections = Object.keys(properties);
    assert.ok(sections.length > 20);
    assert.deepEqual(
      sections.filter((section) => !isSectionKnown(section)),
      [],
    );
  });

  it('tells what breaks something first', async (t) => {
    const other = await changed(
      t,
      /^id: gunma([\s\S]*)periodHours: 24/m,
      'id: gumma$1periodHours: 23',
    );
    const effects = comparePolicies(other, policy).map(({ effect }) => effect);
    assert.deepEqual(effects, ['breaks', 'at-once']);
  });

  it('tells a shorter retention from a longer one', async (t) => {
    const longer = await changed(
      t,
      'covers: [auditRecords], years: 1',
      'covers: [auditRecords], years: 2',
    );
    const [up] = comparePolicies(policy, longer);
    const [down] = comparePolicies(longer, policy);
    assert.notEqual(up?.meaning, down?.meaning);
  });
});

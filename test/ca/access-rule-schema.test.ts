import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { accessRuleSchema } from '../../src/ca/policy/access-rule-schema.ts';

const who = { kind: 'anyone' };
const rights = ['read'];

describe('an access rule in a policy', () => {
  const accepted: readonly object[] = [
    { who, rights },
    { who, rights: [] },
    { who, rights: ['disclose', 'search', 'compare', 'read', 'add', 'delete', 'write', 'auth'] },
    { name: 'a rule', who, rights },
    ...['anonymous', 'authenticated', 'self', 'verifier', 'operator'].map((kind) => ({
      who: { kind },
      rights,
    })),
    { who: { kind: 'dn', dn: 'cn=x' }, rights },
    { who: { kind: 'group', dn: 'cn=x' }, rights },
    { who, tls: true, rights },
    { who, tls: 'client', rights },
    { who, address: ['192.0.2.0/24', '::1'], rights },
    { who, attributes: '*', rights },
    { who, attributes: ['entry', '@person'], rights },
    { who, target: { subtree: 'c=JP', filter: '(cn=x)', entryClass: 'person' }, rights },
  ];
  for (const rule of accepted) {
    it(`may be ${JSON.stringify(rule)}`, () => {
      assert.deepEqual(accessRuleSchema.parse(rule), rule);
    });
  }

  const refused: readonly { readonly rule: object; readonly at: string }[] = [
    { rule: { rights }, at: 'who' },
    { rule: { who }, at: 'rights' },
    { rule: { who, rights: ['everything'] }, at: 'rights.0' },
    { rule: { who: { kind: 'group' }, rights }, at: 'who.dn' },
    { rule: { who: { kind: 'everybody' }, rights }, at: 'who.kind' },
    { rule: { who, tls: false, rights }, at: 'tls' },
    { rule: { who, tls: 'server', rights }, at: 'tls' },
    { rule: { who, address: [], rights }, at: 'address' },
    { rule: { who, address: '192.0.2.0/24', rights }, at: 'address' },
    { rule: { who, name: '', rights }, at: 'name' },
    { rule: { who, attributes: [], rights }, at: 'attributes' },
    { rule: { who, atributes: ['cn'], rights }, at: '' },
  ];
  for (const { rule, at } of refused) {
    it(`may not be ${JSON.stringify(rule)}`, () => {
      const { error } = accessRuleSchema.safeParse(rule);
      assert.deepEqual(
        error?.issues.map(({ path }) => path.join('.')),
        [at],
      );
    });
  }
});

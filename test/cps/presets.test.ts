import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { loadPolicy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { Scopes } from '../../src/ca/policy/scope.ts';
import { packageRoot } from '../../src/config/package-root.ts';

/** What is of Tokyo in its files, and what stands there in those of Gunma. */
const names: readonly (readonly [tokyo: string, gunma: string])[] = [
  ['Tokyo Metropolitan CA', 'Gunma Prefectural CA'],
  ['Tokyo-to', 'Gunma-ken'],
  ['東京都', '群馬県'],
  ['Tokyo', 'Gunma'],
  ['tokyo', 'gunma'],
];

const read = (file: string): string => readFileSync(join(packageRoot, file), 'utf8');

function asGunma(text: string): string {
  return names.reduce((now, [tokyo, gunma]) => now.replaceAll(tokyo, gunma), text);
}

describe('the preset of Tokyo', async () => {
  const policy = await loadPolicy(shippedPolicyFile('tokyo'));

  it('has the rules of Gunma, whose statement says the same', () => {
    assert.equal(asGunma(read('cps/tokyo.yaml')), read('cps/gunma.yaml'));
  });

  it('has the clauses of Gunma; its municipalities include special wards', () => {
    const clauses = asGunma(read('cps/clauses/tokyo.yaml')).replaceAll('市区町村', '市町村');
    assert.equal(clauses, read('cps/clauses/gunma.yaml'));
  });

  it('has the tree of Gunma, with its own names', () => {
    const unfolded = (file: string): string => read(file).replaceAll('\n ', '');
    assert.equal(asGunma(unfolded('ldif/tokyo.ldif')), unfolded('ldif/gunma.ldif'));
  });

  it('has a list for each of its 62 municipalities, the ARL and that of its servers', () => {
    const { list } = new Scopes(policy);
    assert.equal(policy.municipalities.list.length, 62);
    assert.equal(list.length, 64);
    const chiyoda = list.find(({ id }) => id === '13101');
    assert.match(chiyoda?.dn ?? '', /^CN=Chiyoda-ku CRLDP,OU=Tokyo-to,OU=CRL Distribution Points,/);
  });
});

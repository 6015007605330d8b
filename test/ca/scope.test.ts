import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Scopes } from '../../src/ca/policy/scope.ts';
import { gunma } from '../support/ca-test-bed.ts';

const scopes = new Scopes(gunma);

describe('the lists of Gunma', () => {
  it('are the ARL, one for the own servers, and one for each municipality', () => {
    assert.equal(scopes.list.length, 37);
    assert.deepEqual(
      scopes.list.slice(0, 3).map(({ id }) => id),
      ['arl', 'operations', '10201'],
    );
  });

  it('have a distribution point each', () => {
    assert.equal(new Set(scopes.list.map(({ dn }) => dn)).size, 37);
    assert.equal(
      scopes.find('10201').dn,
      'CN=Maebashi-shi CRLDP,OU=Gunma-ken,OU=CRL Distribution Points,OU=Gunma Prefectural CA,O=JPKI,C=JP',
    );
    assert.equal(scopes.find('arl').dn, 'OU=Gunma Prefectural CA,O=JPKI,C=JP');
  });

  it('say what they contain, and in which attribute', () => {
    const facts = ({ onlyContains, attribute }: (typeof scopes.list)[number]): string[] => [
      onlyContains,
      attribute,
    ];
    assert.deepEqual(facts(scopes.find('arl')), ['ca', 'authorityRevocationList']);
    assert.deepEqual(facts(scopes.find('operations')), ['user', 'certificateRevocationList']);
    assert.deepEqual(facts(scopes.find('10201')), ['user', 'certificateRevocationList']);
  });

  it('are found by id, and by a code with its check digit', () => {
    assert.equal(scopes.find('102016').id, '10201');
    assert.equal(
      scopes.of('municipality', { municipality: gunma.municipalities.find('10525') }).id,
      '10525',
    );
    assert.equal(scopes.of('operations').id, 'operations');
    assert.equal(scopes.of('arl').id, 'arl');
  });

  for (const id of ['municipality', '13101', '102017', 'ARL', '', '__proto__']) {
    it(`have none called "${id}"`, () => {
      assert.throws(() => scopes.find(id), { code: 'CA_SCOPE_UNKNOWN' });
    });
  }

  it('have none for a municipality that was not named', () => {
    assert.throws(() => scopes.of('municipality'), { code: 'CA_SCOPE_UNKNOWN' });
  });
});

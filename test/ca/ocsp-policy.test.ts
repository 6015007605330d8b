import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OcspPolicy } from '../../src/ca/policy/ocsp-policy.ts';
import { ocspFaults } from '../../src/ca/policy/ocsp-policy.ts';
import type { Policy } from '../../src/ca/policy/policy.ts';
import { parseAuthorityInfoAccess } from '../../src/x509/authority-information-access.ts';
import { findExtension } from '../../src/x509/extensions.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { CaTestBed, gunma, smallGunma } from '../support/ca-test-bed.ts';

const { ocsp } = gunma;
assert.ok(ocsp !== undefined, 'gunma has OCSP');

function faultsWith(change: Partial<OcspPolicy>): readonly string[] {
  const { municipalities: _list, utcOffsetMs: _offset, ...rest } = gunma;
  const file = { ...rest, municipalities: 'x', utcOffset: '+09:00', ocsp: { ...ocsp, ...change } };
  return ocspFaults(file as Parameters<typeof ocspFaults>[0]).map(({ path }) => path.join('.'));
}

describe('the section ocsp of a policy', () => {
  it('of gunma has no fault', () => {
    assert.deepEqual(faultsWith({}), []);
  });

  const rows: readonly { readonly change: Partial<OcspPolicy>; readonly path: string }[] = [
    { change: { profile: 'end-entity' }, path: 'ocsp.profile' },
    { change: { profile: 'toString' }, path: 'ocsp.profile' },
    {
      change: { key: { type: 'ec-p256', signature: 'rsa-pkcs1-sha256' } },
      path: 'ocsp.key.signature',
    },
    {
      change: { access: 'public', httpMaxAgeMinutes: ocsp.validityMinutes + 1 },
      path: 'ocsp.httpMaxAgeMinutes',
    },
    { change: { httpMaxAgeMinutes: 1 }, path: 'ocsp.httpMaxAgeMinutes' },
  ];
  for (const { change, path } of rows) {
    it(`is refused with ${JSON.stringify(change)}`, () => {
      assert.deepEqual(faultsWith(change), [path]);
    });
  }

  it('gives its URLs to profiles with authorityInfoAccess (RFC 5280 §4.2.2.1)', async (t) => {
    const endEntity = smallGunma.profiles['end-entity'];
    assert.ok(endEntity !== undefined);
    const policy: Policy = {
      ...smallGunma,
      ocsp: { ...ocsp, url: 'http://ocsp.example/', caIssuersUrl: 'http://ca.example/ca.cer' },
      profiles: {
        ...smallGunma.profiles,
        'end-entity': {
          ...endEntity,
          extensions: [...endEntity.extensions, { type: 'authorityInfoAccess', critical: false }],
        },
      },
    };
    const bed = await CaTestBed.open(t, { policy });
    const { certificate } = await bed.issue();
    const extension = findExtension(certificate.extensions, Oid.authorityInfoAccess);
    assert.deepEqual(parseAuthorityInfoAccess(extension?.value ?? new Uint8Array(0)), [
      { method: Oid.ocspAccessMethod, location: { kind: 'uri', text: 'http://ocsp.example/' } },
      {
        method: Oid.caIssuersAccessMethod,
        location: { kind: 'uri', text: 'http://ca.example/ca.cer' },
      },
    ]);
  });
});

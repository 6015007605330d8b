import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { fingerprint } from '../../src/x509/fingerprint.ts';
import { readFixture } from '../support/x509-samples.ts';

describe('fingerprint', () => {
  // openssl x509 -fingerprint -sha1 and -sha256
  const der = readFixture('ca-certs/00_BCA.cer');
  it('SHA-1', () => {
    assert.equal(
      fingerprint(der, 'sha1'),
      '2D:FF:63:36:E3:3A:48:29:AA:00:9F:01:A1:80:1E:E7:EB:A5:82:BB',
    );
  });
  it('SHA-256 unless told otherwise', () => {
    assert.equal(
      fingerprint(der),
      'DA:98:F6:40:19:4D:F1:28:C7:88:8B:C8:E3:47:9A:9D:D3:17:95:FF:08:7C:64:90:52:FB:AF:B0:2E:AE:F1:84',
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import { formatSerialNumber } from '../../../src/ca/certificates/serial-number.ts';
import { parseCertificate } from '../../../src/x509/certificate.ts';
import { ApiBed } from '../../support/api-bed.ts';
import type { ApiAnswer, ClientCertificate } from '../../support/api-client.ts';
import { hanako } from '../../support/ca-test-bed.ts';

interface Shown {
  readonly serialNumber: string;
  readonly state: string;
  readonly subject: string | null;
  readonly certificate: string | null;
}

interface Bench {
  readonly bed: ApiBed;
  readonly serial: string;
  as(role: string, path: string, body?: unknown): Promise<ApiAnswer>;
}

const roles = ['manager', 'reception', 'seniorOperator', 'internalAuditor', 'municipalExaminer'];

/** A certificate of Maebashi, and operators of one role each; the municipality's is Takasaki's. */
async function open(t: TestContext): Promise<Bench> {
  const bed = await ApiBed.open(t);
  const shown = new Map<string, ClientCertificate>();
  for (const role of roles) {
    const certificate = bed.clientCertificate();
    shown.set(role, certificate);
    const office = role.startsWith('municipal') ? { partitions: ['10202'] } : {};
    await bed.operator(role, [role], { certificate, ...office });
  }
  const { serialNumber } = await bed.ca.issue('10201');
  return {
    bed,
    serial: formatSerialNumber(serialNumber),
    as: (role, path, body) => {
      const client = shown.get(role);
      return bed.ask({
        path,
        ...(client === undefined ? {} : { client }),
        ...(body === undefined ? {} : { method: 'POST', body }),
      });
    },
  };
}

const bodyOf = <T>({ body }: ApiAnswer): T => body as T;

describe('certificates over the API', () => {
  it('are shown with what the role may see of them', async (t) => {
    const { as, serial } = await open(t);
    const rows = [
      { role: 'manager', hasSubject: true, hasCertificate: true },
      { role: 'reception', hasSubject: false, hasCertificate: false },
      { role: 'seniorOperator', hasSubject: false, hasCertificate: true },
    ];
    for (const { role, hasSubject, hasCertificate } of rows) {
      const answer = await as(role, `/certificates/${serial}`);
      const { state, subject, certificate } = bodyOf<Shown>(answer);
      assert.deepEqual(
        [answer.status, state, subject !== null, certificate !== null],
        [200, 'good', hasSubject, hasCertificate],
        role,
      );
    }
  });

  it('are found by the key on a card, and by the person for who may read that', async (t) => {
    const { bed, as, serial } = await open(t);
    const found = await bed.ca.ca.findCertificate(BigInt(`0x${serial}`));
    const { spki } = parseCertificate(found?.der ?? new Uint8Array(0));
    const publicKey = Buffer.from(spki).toString('base64');
    const byKey = await as('reception', '/certificates/of-key', { publicKey });
    assert.deepEqual(
      bodyOf<{ certificates: readonly Shown[] }>(byKey).certificates.map((one) => one.serialNumber),
      [serial],
    );
    const subscriber = { ...hanako, address: '群馬県前橋市１番地' };
    const byPerson = await as('manager', '/certificates/of-subscriber', { subscriber });
    assert.deepEqual(
      bodyOf<{ certificates: readonly Shown[] }>(byPerson).certificates.map(
        (one) => one.serialNumber,
      ),
      [serial],
    );
    const byOffice = await as('municipalExaminer', '/certificates/of-key', { publicKey });
    assert.deepEqual(bodyOf(byOffice), { certificates: [] }, "another office's are not there");
  });

  it('are refused to who may not read them, which is on record', async (t) => {
    const { bed, as, serial } = await open(t);
    const answer = await as('internalAuditor', `/certificates/${serial}`);
    assert.deepEqual(
      [answer.status, bodyOf<{ readonly code: string }>(answer).code],
      [403, 'CA_NOT_PERMITTED'],
    );
    const [record] = await bed.ca.records('api.call');
    assert.deepEqual(
      [record?.result, record?.subject, record?.details?.['permission'], record?.origin.channel],
      ['refused', 'showCertificate', 'certificates.read', 'api'],
    );
    assert.match(record?.origin.actor ?? '', /^cn=internalAuditor,/i);
    assert.equal(record?.origin.address, '127.0.0.1');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { IssueRequest } from '../../src/ca/certificates/issue-request.ts';
import { Municipalities } from '../../src/ca/policy/municipality.ts';
import { loadPolicy, type Policy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { parseSignatureAlgorithm } from '../../src/x509/algorithms.ts';
import { formatName } from '../../src/x509/name.ts';
import { CaTestBed, hanako, tester } from '../support/ca-test-bed.ts';
import { sampleKey, sampleRequest } from '../support/x509-samples.ts';

/** A shipped policy with keys that are quick to make. */
async function quick(preset: string): Promise<Policy> {
  const policy = await loadPolicy(shippedPolicyFile(preset));
  const { authority, subject } = policy.keys;
  return {
    ...policy,
    keys: {
      authority: { ...authority, type: 'ec-p256', signature: 'ecdsa-sha256' },
      subject: { types: [...subject.types, 'ec-p256'] },
    },
    municipalities: new Municipalities(policy.municipalities.list.slice(0, 2)),
  };
}

const mic = await quick('mic-ops');
const jlis = await quick('jlis-auth');

const ecRequest = (label: string): Uint8Array => sampleRequest(sampleKey('p256', label));

describe('fields of a request (mic-ops 7.1.2)', () => {
  const server: IssueRequest = {
    profile: 'server',
    csr: sampleRequest(sampleKey('rsa-2048', 'server')),
    fields: { domainName: 'www.soumu.go.jp' },
    origin: tester,
  };
  const longest = `${'a'.repeat(57)}.go.jp`;

  it('stand in the subject as PrintableString, at their limits', async (t) => {
    const bed = await CaTestBed.open(t, { policy: mic });
    const { certificate } = await bed.ca.issue({ ...server, fields: { domainName: longest } });
    const tags = certificate.subject.rdns.flat().map(({ stringTag }) => stringTag);
    assert.deepEqual(new Set(tags), new Set([0x13]));
    assert.equal(
      formatName(certificate.subject),
      `CN=${longest},OU=MPHPT,O=Japanese Government,C=JP`,
    );
  });

  const wrong: readonly (readonly [why: string, change: Partial<IssueRequest>, path: string])[] = [
    ['missing', { fields: {} }, 'domainName'],
    ['empty', { fields: { domainName: '' } }, 'domainName'],
    ['a character too many', { fields: { domainName: `a${longest}a` } }, 'domainName'],
    ['of another domain', { fields: { domainName: 'www.example.jp' } }, 'domainName'],
    [
      'a domain that only ends like it',
      { fields: { domainName: 'www.soumu.go.jp.example' } },
      'domainName',
    ],
    ['upper case', { fields: { domainName: 'WWW.soumu.go.jp' } }, 'domainName'],
    ['not PrintableString', { fields: { domainName: 'ｗｗｗ.go.jp' } }, 'domainName'],
    ['a space behind', { fields: { domainName: 'www.soumu.go.jp ' } }, 'domainName'],
    ['another attribute inside', { fields: { domainName: 'a.go.jp,O=X' } }, 'domainName'],
    ['one that the profile has not', { fields: { ...server.fields, issueId: 'x' } }, 'issueId'],
    ['one of every object', { fields: { ...server.fields, constructor: 'x' } }, 'constructor'],
  ];
  it('are refused one by one, and nothing is stored', async (t) => {
    const bed = await CaTestBed.open(t, { policy: mic });
    const before = await bed.digestOfRecords();
    for (const [why, change, field] of wrong) {
      const faults = await bed.ca.examine({ ...server, ...change });
      assert.deepEqual(
        faults.map(({ path }) => path),
        [['fields', field]],
        why,
      );
      await assert.rejects(bed.ca.issue({ ...server, ...change }), { code: faults[0]?.code }, why);
    }
    assert.equal(await bed.digestOfRecords(), before);
  });

  it('are told with everything else that is wrong', async (t) => {
    const bed = await CaTestBed.open(t, { policy: mic });
    const faults = await bed.ca.examine({
      ...{ profile: 'server', csr: 'no request', origin: tester },
      ...{ municipality: '10201', subjectAttributes: hanako, dnsNames: ['www.soumu.go.jp'] },
      ...{ birthDate: '1990-01-01', cardExpiry: 'soon' },
    });
    assert.deepEqual(faults.map(({ path }) => path.join('.')).sort(), [
      ...['birthDate', 'cardExpiry', 'csr', 'dnsNames', 'fields.domainName'],
      ...['municipality', 'subjectAttributes'],
    ]);
  });
});

describe('a request that renews (mic-ops 3.2)', () => {
  const signer = (label: string, more: Partial<IssueRequest> = {}): IssueRequest => ({
    profile: 'code-signing',
    csr: ecRequest(label),
    fields: { signer: 'MPHPT(Soumu-sho)' },
    origin: tester,
    ...more,
  });

  it('has the subject of the one that it renews, which nobody else gets', async (t) => {
    const bed = await CaTestBed.open(t, { policy: mic });
    const first = await bed.ca.issue(signer('first'));
    await assert.rejects(bed.ca.issue(signer('second')), { code: 'CA_SUBJECT_TAKEN' });
    const next = await bed.ca.issue(signer('second', { renews: first.serialNumber }));
    assert.deepEqual(next.certificate.subject.der, first.certificate.subject.der);
    await assert.rejects(bed.ca.issue(signer('third', { renews: first.serialNumber })), {
      code: 'CA_SUBJECT_TAKEN',
    });
    const intents = await bed.records('certificate.issue.intent');
    assert.ok(intents.some(({ details }) => details?.['renews'] !== undefined));
  });

  it('is refused for what is not its own, and a revoked one is applied for anew', async (t) => {
    const bed = await CaTestBed.open(t, { policy: mic });
    const own = await bed.ca.issue(signer('own'));
    const other = await bed.ca.issue(signer('other', { fields: { signer: 'MPHPT(Other)' } }));
    const renews = (serialNumber: bigint, profile = 'code-signing') =>
      bed.ca.issue(signer('next', { renews: serialNumber, profile }));
    await assert.rejects(renews(1n), { code: 'CA_SERIAL_UNKNOWN' });
    await assert.rejects(renews(other.serialNumber), { code: 'CA_RENEWS_OTHER' });
    await bed.revoke(own.serialNumber, 'cessationOfOperation');
    await assert.rejects(renews(own.serialNumber), { code: 'CA_RENEWS_OTHER' });
    assert.equal((await bed.ca.issue(signer('next'))).profile, 'code-signing');
  });
});

describe('a certificate for user authentication (jlis-auth 4.3.1.1, 6.3.2.2)', () => {
  const request = (label: string, more: Partial<IssueRequest> = {}): IssueRequest => ({
    profile: 'end-entity',
    csr: ecRequest(label),
    municipality: '01100',
    subjectAttributes: hanako,
    cardExpiry: '2036-01-31',
    origin: tester,
    ...more,
  });
  const startMs = Date.parse('2026-03-01T00:00:00Z');
  const endOf = (one: { certificate: { notAfterMs: number } }) =>
    new Date(one.certificate.notAfterMs).toISOString();

  it('says nothing of the person, and ends with the fifth birthday', async (t) => {
    const bed = await CaTestBed.open(t, { policy: jlis, startMs });
    const issued = await bed.ca.issue(request('first'));
    assert.match(formatName(issued.certificate.subject), /^CN=[0-9A-F]{32},C=JP$/);
    // Hanako was born on 1 April.
    assert.equal(endOf(issued), '2030-04-01T14:59:59.000Z');
    assert.ok(!Buffer.from(issued.certificate.der).includes(Buffer.from('花子')));
    await assert.rejects(bed.ca.issue(request('second')), { code: 'CA_CERTIFICATE_EXISTS' });
  });

  it('ends with the sixth when the one before ends in less than three months', async (t) => {
    const bed = await CaTestBed.open(t, { policy: jlis, startMs });
    const first = await bed.ca.issue(request('first'));
    const renews = first.serialNumber;
    await bed.ca.delivery.deliver({ serialNumber: renews, origin: tester });
    bed.clock.setWallClock(Date.parse('2030-01-01T03:00:00Z'));
    assert.equal(
      endOf(await bed.ca.issue(request('early', { renews }))),
      '2034-04-01T14:59:59.000Z',
    );
    bed.clock.setWallClock(Date.parse('2030-01-02T03:00:00Z'));
    await assert.rejects(bed.ca.issue(request('late', { renews })), {
      code: 'CA_CERTIFICATE_EXISTS',
    });
  });

  it('needs the card, and a birthday where the attributes have none', async (t) => {
    const bed = await CaTestBed.open(t, { policy: jlis, startMs });
    const unknown = { ...hanako, dateOfBirth: 'unknown' };
    const { cardExpiry: _none, ...bare } = request('first');
    const rows: readonly (readonly [why: string, request: IssueRequest, path: string])[] = [
      ['no card', bare, 'cardExpiry'],
      ['a card of yesterday', request('first', { cardExpiry: '2026-02-28' }), 'cardExpiry'],
      ['a day that is none', request('first', { cardExpiry: '2027-02-29' }), 'cardExpiry'],
      ['no birthday', request('first', { subjectAttributes: unknown }), 'birthDate'],
      ['another birthday', request('first', { birthDate: '1990-04-02' }), 'birthDate'],
    ];
    for (const [why, one, path] of rows) {
      assert.deepEqual(
        (await bed.ca.examine(one)).map((fault) => fault.path),
        [[path]],
        why,
      );
    }
    const counted = request('first', { subjectAttributes: unknown, birthDate: '1990-03-02' });
    assert.equal(endOf(await bed.ca.issue(counted)), '2030-03-02T14:59:59.000Z');
  });
});

describe('legacy algorithms (mic-ops 6.1.5, 7.1)', () => {
  it('are had with the switch, and not without', async (t) => {
    const shipped = await loadPolicy(shippedPolicyFile('mic-ops'));
    const legacy: Policy = {
      ...shipped,
      allowLegacyAlgorithms: true,
      keys: {
        authority: { ...shipped.keys.authority, signature: 'rsa-pkcs1-sha1' },
        subject: { types: ['rsa-1024'] },
      },
    };
    const bed = await CaTestBed.open(t, { policy: legacy });
    const { certificate } = await bed.ca.issue({
      profile: 'server',
      csr: sampleRequest(sampleKey('rsa-1024', 'server')),
      fields: { domainName: 'www.soumu.go.jp' },
      origin: tester,
    });
    assert.throws(() => parseSignatureAlgorithm(certificate.signatureAlgorithm), {
      code: 'X509_ALGORITHM',
    });
    assert.equal((await bed.ca.status()).legacy.length, 2);
    const without = { ...legacy, allowLegacyAlgorithms: false };
    await assert.rejects(bed.reopen(without), { code: 'CA_POLICY_CHANGED' });
  });

  it('leave a key without the switch unable to sign with SHA-1', async (t) => {
    const bed = await CaTestBed.open(t, {
      policy: { ...mic, keys: (await loadPolicy(shippedPolicyFile('mic-ops'))).keys },
    });
    const content = [bed.ca.certificate.tbs];
    const algorithm = { scheme: 'rsa-pkcs1', digest: 'sha1' } as const;
    await assert.rejects(
      bed.signer.sign({ label: 'mic-ops-ca-1', purpose: 'certificate', algorithm, content }),
      { code: 'SIGNING_ALGORITHM_REFUSED' },
    );
  });
});

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { CertificateAuthority } from '../../src/ca/certificate-authority.ts';
import { digestOfKey, type IssueRequest } from '../../src/ca/certificates/issue-request.ts';
import { encodeSerialKey } from '../../src/ca/certificates/serial-number.ts';
import type { CaErrorCode } from '../../src/ca/errors.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import { SigningError } from '../../src/signing/errors.ts';
import type { Signer, SignRequest } from '../../src/signing/signer.ts';
import { readMembers } from '../../src/store/key-sets.ts';
import { parseAlternativeNames } from '../../src/x509/alternative-name.ts';
import { parseCertificatePolicies } from '../../src/x509/certificate-policies.ts';
import { parseCrlDistributionPoints } from '../../src/x509/distribution-point.ts';
import { findExtension } from '../../src/x509/extensions.ts';
import { parseJpkiOtherNames } from '../../src/x509/jpki-other-name.ts';
import {
  computeKeyIdentifier,
  parseAuthorityKeyIdentifier,
} from '../../src/x509/key-identifier.ts';
import { parseKeyUsage } from '../../src/x509/key-usage.ts';
import { formatName } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { verifySignature } from '../../src/x509/verify-signature.ts';
import { assertConsistent } from '../support/ca-consistency.ts';
import { CaTestBed, collect, gunma, hanako, smallGunma, tester } from '../support/ca-test-bed.ts';
import { responderRequest } from '../support/responder-request.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { rsaSpki, sampleKey, sampleRequest } from '../support/x509-samples.ts';

const goodRequest = (): IssueRequest => ({
  profile: 'end-entity',
  csr: sampleRequest(sampleKey('p256', 'citizen')),
  municipality: '10201',
  subjectAttributes: hanako,
  origin: tester,
});

describe('a certificate for a citizen of Gunma', async () => {
  const bed = await CaTestBed.open({ after }, { policy: gunma });
  const key = sampleKey('rsa-2048', 'citizen');
  const issued = await bed.ca.issue({ ...goodRequest(), csr: sampleRequest(key) });
  const { certificate } = issued;
  const value = (oid: string): Uint8Array => {
    const extension = findExtension(certificate.extensions, oid);
    assert(extension !== undefined, `${oid} is missing`);
    return extension.value;
  };
  it('is signed by the CA over the key of the request', () => {
    const { tbs: message, signature, spki, issuer } = certificate;
    const { spki: caKey, subject } = bed.ca.certificate;
    assert.deepEqual(Buffer.from(spki), Buffer.from(key.spki));
    assert.deepEqual(issuer.der, subject.der);
    const algorithm = { scheme: 'rsa-pkcs1', digest: 'sha256' } as const;
    assert.ok(verifySignature({ spki: caKey, algorithm, message, signature }));
  });
  it('names prefecture, municipality and an issue id, not what the request says', () => {
    const subject = formatName(certificate.subject);
    assert.match(subject, /^CN=[0-9A-F]{32},L=Maebashi-shi,L=Gunma-ken,C=JP$/);
  });
  it('is valid for three years, through the day before, 23:59:59 in Japan', () => {
    assert.equal(new Date(certificate.notBeforeMs).toISOString(), '2026-01-05T00:00:00.000Z');
    assert.equal(new Date(certificate.notAfterMs).toISOString(), '2029-01-04T14:59:59.000Z');
  });
  it('carries the extensions of the profile in their order', () => {
    assert.deepEqual(
      certificate.extensions.map(({ oid, critical }) => [oid, critical]),
      [
        [Oid.authorityKeyIdentifier, false],
        [Oid.subjectKeyIdentifier, false],
        [Oid.keyUsage, true],
        [Oid.certificatePolicies, true],
        [Oid.subjectAltName, false],
        [Oid.issuerAltName, false],
        [Oid.cRLDistributionPoints, false],
      ],
    );
  });
  it('names the key of the issuer, and not one of its certificates', () => {
    const { keyIdentifier, issuer, serialNumber } = parseAuthorityKeyIdentifier(
      value(Oid.authorityKeyIdentifier),
    );
    assert.deepEqual(keyIdentifier, Uint8Array.from(computeKeyIdentifier(bed.ca.certificate.spki)));
    assert.deepEqual([issuer, serialNumber], [undefined, undefined]);
  });
  it('may sign and promise, under the policy of 1-2', () => {
    const usages = parseKeyUsage(value(Oid.keyUsage));
    assert.deepEqual([...usages], ['digitalSignature', 'nonRepudiation']);
    const [policy] = parseCertificatePolicies(value(Oid.certificatePolicies));
    assert.equal(policy?.oid, '1.2.392.200149.8.5.1.1.10');
  });
  it('carries the six otherNames', () => {
    assert.deepEqual(parseJpkiOtherNames(parseAlternativeNames(value(Oid.subjectAltName))), {
      commonName: '群馬　花子',
      dateOfBirth: '419900401',
      gender: '2',
      address: '群馬県前橋市大手町一丁目１番１号',
      substituteCharacterOfCommonName: '00000',
      substituteCharacterOfAddress: '0000000000000000',
    });
  });
  it('names the list of its municipality', () => {
    const [point] = parseCrlDistributionPoints(value(Oid.cRLDistributionPoints));
    const [name] = point?.fullName ?? [];
    assert(name?.kind === 'directoryName');
    assert.equal(
      formatName(name.name),
      'CN=Maebashi-shi CRLDP,OU=Gunma-ken,OU=CRL Distribution Points,OU=Gunma Prefectural CA,O=JPKI,C=JP',
    );
  });
  it('is found by its key and by its subscriber, and not by another', async () => {
    const serials = (found: readonly { readonly serialNumber: bigint }[]): readonly bigint[] =>
      found.map(({ serialNumber }) => serialNumber);
    assert.deepEqual(serials(await bed.ca.findByKey(certificate.spki)), [issued.serialNumber]);
    const subscriber = { ...hanako, dateOfBirth: '419900401' };
    assert.deepEqual(serials(await bed.ca.findBySubscriber(subscriber)), [issued.serialNumber]);
    assert.deepEqual(await bed.ca.findByKey(bed.ca.certificate.spki).then(serials), [
      bed.ca.certificate.serialNumber,
    ]);
    assert.deepEqual(await bed.ca.findBySubscriber({ ...hanako, gender: '1' }), []);
  });
  it('is found by serial number, subject and state, and is in no directory entry', async () => {
    const found = await bed.ca.findCertificate(issued.serialNumber);
    assert.equal(found?.state, 'good');
    assert.equal(found?.scopeId, '10201');
    const bySubject = await bed.ca.findBySubject(formatName(certificate.subject));
    assert.deepEqual(
      bySubject.map(({ serialNumber }) => serialNumber),
      [issued.serialNumber],
    );
    const good = await collect(bed.ca.listCertificates({ state: 'good' }));
    assert.equal(good.length, 2);
    const ldif = (await collect(bed.directory.exportLdif(''))).join('');
    assert.ok(!ldif.includes('userCertificate'));
  });
  it('left an intent before the signature and a record after it', async () => {
    const records = await bed.records();
    const own = records.filter(
      ({ subject }) => subject === issued.serialNumber.toString(16).toUpperCase(),
    );
    assert.deepEqual(
      own.map(({ kind, result }) => [kind, result]),
      [
        ['certificate.issue.intent', 'done'],
        ['certificate.issue', 'done'],
      ],
    );
  });
  it('is not said of the subject in the audit log', async () => {
    const text = JSON.stringify(await bed.records(), (_key, one) =>
      typeof one === 'bigint' ? String(one) : one,
    );
    assert.ok(!text.includes('花子') && !text.includes('大手町'));
  });
});

describe('a certificate for the OCSP responder', () => {
  it('has its purpose, nocheck, a year, and the list of the own servers', async (t) => {
    const bed = await CaTestBed.open(t);
    const { certificate, scope } = await bed.ca.issue({
      profile: 'ocsp-responder',
      csr: await responderRequest(bed, 'responder'),
      origin: tester,
    });
    assert.equal(scope.id, 'operations');
    assert.match(formatName(certificate.subject), /^CN=OCSP Responder [0-9A-F]{32},OU=Gunma/);
    assert.equal(new Date(certificate.notAfterMs).toISOString(), '2027-01-04T14:59:59.000Z');
    assert.ok(findExtension(certificate.extensions, Oid.ocspNoCheck) !== undefined);
  });
});

describe('a serial number', () => {
  const reserved = async (bed: CaTestBed): Promise<number> => {
    const snapshot = bed.store.snapshot();
    const keys = await collect(snapshot.keys(new CaTables('gunma').reservations));
    await snapshot.close();
    return keys.length;
  };

  it('is reserved until its certificate is recorded', async (t) => {
    const counts: number[] = [];
    const wrapSigner = broken(async (signer, request) => {
      if (request.purpose === 'certificate') {
        counts.push(await reserved(bed));
      }
      return await signer.sign(request);
    });
    const bed = await CaTestBed.openEmpty(t, { wrapSigner });
    await bed.create();
    await bed.issue();
    assert.deepEqual(counts, [1, 1]);
    assert.equal(await reserved(bed), 0);
  });

  it('stays reserved when its certificate failed', async (t) => {
    let isAway = false;
    const wrapSigner = broken((signer, request) =>
      isAway
        ? Promise.reject(new SigningError('SIGNING_UNAVAILABLE', 'away'))
        : signer.sign(request),
    );
    const bed = await CaTestBed.open(t, { wrapSigner });
    isAway = true;
    await assert.rejects(bed.issue(), { code: 'SIGNING_UNAVAILABLE' });
    assert.equal(await reserved(bed), 1);
    await bed.reopen();
    assert.equal(await reserved(bed), 1);
  });

  it('is drawn again when it has been given out', async (t) => {
    const bed = await CaTestBed.open(t);
    const first = await bed.issue();
    const spent = encodeSerialKey(first.serialNumber);
    const fresh = new SeededRandom('fresh');
    let draws = 0;
    const random = {
      bytes: (count: number): Uint8Array => {
        draws += count === 20 ? 1 : 0;
        return count === 20 && draws === 1 ? spent : fresh.bytes(count);
      },
    };
    const second = await CertificateAuthority.open({ ...bed.options, random });
    const { serialNumber } = await second.issue({
      ...goodRequest(),
      subjectAttributes: { ...hanako, dateOfBirth: '1970-01-01' },
    });
    assert.notEqual(serialNumber, first.serialNumber);
    assert.equal(draws, 2);
  });
});

describe('a profile that breaks a rule of the linter', () => {
  it('signs nothing', async (t) => {
    const profile = smallGunma.profiles['end-entity'] ?? assert.fail();
    const extensions = profile.extensions.map((extension) =>
      extension.type === 'cRLDistributionPoints' ? { ...extension, critical: true } : extension,
    );
    const profiles = { ...smallGunma.profiles, 'end-entity': { ...profile, extensions } };
    let signed = 0;
    const wrapSigner = broken((signer, request) => {
      signed += request.purpose === 'certificate' ? 1 : 0;
      return signer.sign(request);
    });
    const bed = await CaTestBed.open(t, { policy: { ...smallGunma, profiles }, wrapSigner });
    await assert.rejects(bed.issue(), { code: 'CA_LINT', message: /never-critical/ });
    assert.equal(signed, 1, "the CA's own");
  });
});

describe('a profile whose subject is always the same', () => {
  it('is issued once', async (t) => {
    const profile = smallGunma.profiles['ocsp-responder'] ?? assert.fail();
    const fixed = { ...profile, subject: 'CN=OCSP Responder,O=JPKI,C=JP' };
    const profiles = { ...smallGunma.profiles, 'ocsp-responder': fixed };
    const bed = await CaTestBed.open(t, { policy: { ...smallGunma, profiles } });
    const ask = async (label: string) =>
      bed.ca.issue({
        profile: 'ocsp-responder',
        csr: await responderRequest(bed, label),
        origin: tester,
      });
    await ask('first');
    await assert.rejects(ask('second'), { code: 'CA_SUBJECT_TAKEN' });
  });
});

describe('a request is refused, with a code, and nothing is stored:', () => {
  const bad: readonly {
    readonly why: string;
    readonly change: Partial<Omit<IssueRequest, 'origin'>> | ((good: IssueRequest) => IssueRequest);
    readonly code: CaErrorCode;
  }[] = [
    {
      why: 'a signature of another key',
      change: {
        csr: sampleRequest(sampleKey('p256', 'one'), { spki: sampleKey('p256', 'two').spki }),
      },
      code: 'CA_PROOF_OF_POSSESSION',
    },
    {
      why: 'a request altered after it was signed',
      change: (good) => ({ ...good, csr: flipped(sampleRequest(sampleKey('p256', 'citizen'))) }),
      code: 'CA_PROOF_OF_POSSESSION',
    },
    {
      why: 'RSA-1024',
      change: { csr: sampleRequest(sampleKey('rsa-1024')) },
      code: 'CA_KEY_WEAK',
    },
    {
      why: 'the exponent 3',
      change: { csr: sampleRequest(sampleKey('rsa-2048-e3')) },
      code: 'CA_KEY_WEAK',
    },
    {
      why: 'P-521, which is not supported',
      change: { csr: sampleRequest(sampleKey('p521')) },
      code: 'CA_KEY_WEAK',
    },
    {
      why: 'a modulus with a small factor',
      change: {
        csr: sampleRequest(sampleKey('rsa-2048'), {
          spki: rsaSpki(3n * (2n ** 2046n + 1n), 65537n),
        }),
      },
      code: 'CA_KEY_WEAK',
    },
    {
      why: 'a key that is no key',
      change: { csr: sampleRequest(sampleKey('p256'), { spki: rsaSpki(0n, 65537n) }) },
      code: 'CA_REQUEST_MALFORMED',
    },
    {
      why: 'bytes that are no request',
      change: { csr: Uint8Array.of(1, 2, 3) },
      code: 'CA_REQUEST_MALFORMED',
    },
    { why: 'an empty request', change: { csr: new Uint8Array(0) }, code: 'CA_REQUEST_MALFORMED' },
    { why: 'text without PEM', change: { csr: 'hello' }, code: 'CA_REQUEST_MALFORMED' },
    {
      why: 'a certificate instead of a request',
      change: { csr: encodePem('CERTIFICATE', Uint8Array.of(0x30, 0)) },
      code: 'CA_REQUEST_MALFORMED',
    },
    {
      why: 'an unknown municipality',
      change: { municipality: '13101' },
      code: 'CA_MUNICIPALITY_UNKNOWN',
    },
    {
      why: 'a wrong check digit',
      change: { municipality: '102010' },
      code: 'CA_MUNICIPALITY_UNKNOWN',
    },
    {
      why: 'no municipality',
      change: ({ municipality: _none, ...rest }) => rest,
      code: 'CA_REQUEST_INCOMPLETE',
    },
    {
      why: 'no attributes',
      change: ({ subjectAttributes: _none, ...rest }) => rest,
      code: 'CA_REQUEST_INCOMPLETE',
    },
    {
      why: 'attributes where the profile has no place for them',
      change: ({ municipality: _none, ...rest }) => ({ ...rest, profile: 'ocsp-responder' }),
      code: 'CA_REQUEST_INCOMPLETE',
    },
    {
      why: 'a municipality where the profile has no place for it',
      change: ({ subjectAttributes: _none, ...rest }) => ({ ...rest, profile: 'ocsp-responder' }),
      code: 'CA_REQUEST_INCOMPLETE',
    },
    {
      why: 'a character outside JIS',
      change: { subjectAttributes: { ...hanako, commonName: '髙橋　花子' } },
      code: 'CA_CHARACTER_NOT_ALLOWED',
    },
    {
      why: 'a birthday in the future',
      change: { subjectAttributes: { ...hanako, dateOfBirth: '2999-01-01' } },
      code: 'CA_ATTRIBUTE_INVALID',
    },
    { why: 'an unknown profile', change: { profile: 'server' }, code: 'CA_PROFILE_UNKNOWN' },
    {
      why: 'a profile of Object.prototype',
      change: { profile: '__proto__' },
      code: 'CA_PROFILE_UNKNOWN',
    },
    { why: "the CA's own profile", change: { profile: 'self-signed' }, code: 'CA_PROFILE_UNKNOWN' },
  ];
  it('every row', async (t) => {
    const bed = await CaTestBed.open(t);
    const before = await bed.digestOfRecords();
    for (const { why, change, code } of bad) {
      const good = goodRequest();
      const request = typeof change === 'function' ? change(good) : { ...good, ...change };
      const records = (await bed.records()).length;
      await assert.rejects(bed.ca.issue(request), { name: 'CaError', code }, why);
      assert.equal(await bed.digestOfRecords(), before, why);
      const [record, ...others] = (await bed.records()).slice(records);
      assert.deepEqual(
        [record?.kind, record?.result, record?.details?.['code'], others.length],
        ['certificate.issue', 'refused', code, 0],
        why,
      );
    }
  });

  it('a key type that the policy does not have', async (t) => {
    const subject = { types: ['rsa-3072'] as const };
    const policy = { ...smallGunma, keys: { ...smallGunma.keys, subject } };
    const bed = await CaTestBed.open(t, { policy });
    await assert.rejects(bed.ca.issue(goodRequest()), { code: 'CA_KEY_WEAK' });
  });
});

describe('a second certificate', () => {
  it('is refused while one is valid (4-2-3)', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.ca.issue(goodRequest());
    const before = await bed.digestOfRecords();
    const csr = sampleRequest(sampleKey('p256', 'second'));
    await assert.rejects(bed.ca.issue({ ...goodRequest(), csr }), {
      code: 'CA_CERTIFICATE_EXISTS',
    });
    assert.equal(await bed.digestOfRecords(), before);
  });

  it('is refused in another municipality too', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.ca.issue(goodRequest());
    const csr = sampleRequest(sampleKey('p256', 'second'));
    const request = { ...goodRequest(), csr, municipality: '10202' };
    await assert.rejects(bed.ca.issue(request), { code: 'CA_CERTIFICATE_EXISTS' });
  });

  it('is issued after the first was revoked, with a new key', async (t) => {
    const bed = await CaTestBed.open(t);
    const first = await bed.ca.issue(goodRequest());
    await bed.revoke(first.serialNumber, 'affiliationChanged');
    await assert.rejects(bed.ca.issue(goodRequest()), { code: 'CA_KEY_REUSED' });
    const csr = sampleRequest(sampleKey('p256', 'second'));
    const second = await bed.ca.issue({ ...goodRequest(), csr });
    assert.notEqual(second.serialNumber, first.serialNumber);
  });

  it('is issued the second after the first has ended', async (t) => {
    const bed = await CaTestBed.open(t);
    const { certificate } = await bed.ca.issue(goodRequest());
    const csr = sampleRequest(sampleKey('p256', 'second'));
    bed.clock.setWallClock(certificate.notAfterMs + 999);
    await assert.rejects(bed.ca.issue({ ...goodRequest(), csr }), {
      code: 'CA_CERTIFICATE_EXISTS',
    });
    bed.clock.setWallClock(certificate.notAfterMs + 1000);
    await bed.ca.issue({ ...goodRequest(), csr });
  });

  it('is issued to another person of the same name', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.ca.issue(goodRequest());
    const csr = sampleRequest(sampleKey('p256', 'second'));
    const subjectAttributes = { ...hanako, dateOfBirth: '1990-04-02' };
    await bed.ca.issue({ ...goodRequest(), csr, subjectAttributes });
  });

  it('is issued only once to two who ask at the same time', async (t) => {
    const bed = await CaTestBed.open(t);
    const asked = ['a', 'b', 'c'].map((label) =>
      bed.ca.issue({ ...goodRequest(), csr: sampleRequest(sampleKey('p256', label)) }),
    );
    const results = await Promise.allSettled(asked);
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const result of results) {
      if (result.status === 'rejected') {
        assert.equal((result.reason as { code?: string }).code, 'CA_CERTIFICATE_EXISTS');
      }
    }
  });

  it('over one key is issued only once to two who ask at the same time', async (t) => {
    const bed = await CaTestBed.open(t);
    const asked = ['1980-01-01', '1981-01-01'].map((dateOfBirth) =>
      bed.ca.issue({ ...goodRequest(), subjectAttributes: { ...hanako, dateOfBirth } }),
    );
    const results = await Promise.allSettled(asked);
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  it('over one key, or for one person, is issued once to 64 who ask at the same time', async (t) => {
    const bed = await CaTestBed.open(t);
    const csr = sampleRequest(sampleKey('p256', 'one of many'));
    const count = 64;
    const rows = [
      {
        code: 'CA_KEY_REUSED',
        requestOf: (index: number): IssueRequest => ({
          ...goodRequest(),
          csr,
          subjectAttributes: { ...hanako, dateOfBirth: `${1930 + index}-01-01` },
        }),
      },
      {
        code: 'CA_CERTIFICATE_EXISTS',
        requestOf: (index: number): IssueRequest => ({
          ...goodRequest(),
          csr: sampleRequest(sampleKey('p256', `one of many ${index}`)),
        }),
      },
    ];
    for (const { code, requestOf } of rows) {
      const before = (await bed.records('certificate.issue.intent')).length;
      const refusedBefore = (await bed.records('certificate.issue')).length;
      const asked = Array.from({ length: count }, (_, index) => bed.ca.issue(requestOf(index)));
      const results = await Promise.allSettled(asked);
      const reasons = results.flatMap((result) =>
        result.status === 'rejected' ? [(result.reason as { code?: string }).code] : [],
      );
      assert.deepEqual(reasons, new Array(count - 1).fill(code));
      // Each has its result on record, and whoever got a serial number his intent before.
      const intents = (await bed.records('certificate.issue.intent')).length - before;
      assert.ok(intents >= 1 && intents <= count);
      const records = (await bed.records('certificate.issue')).slice(refusedBefore);
      assert.equal(records.length, count);
      assert.equal(records.filter(({ result }) => result === 'done').length, 1);
    }
    await assertConsistent(bed);
  });

  it("over the CA's own key would be refused: its key is among those in use", async (t) => {
    const bed = await CaTestBed.open(t);
    const digest = digestOfKey(bed.ca.certificate.spki);
    const key = new CaTables('gunma').index('publicKey', digest);
    const snapshot = bed.store.snapshot();
    const members = await readMembers(snapshot, key);
    await snapshot.close();
    assert.equal(members?.length, 1);
  });
});

describe('the end of a certificate', () => {
  it("is the issuer's when three years would go past it", async (t) => {
    const bed = await CaTestBed.open(t);
    bed.clock.setWallClock(Date.parse('2034-06-01T00:00:00Z'));
    const { certificate } = await bed.issue();
    assert.equal(certificate.notAfterMs, bed.ca.certificate.notAfterMs);
  });

  it('is refused there by a policy that does not shorten', async (t) => {
    const profile = smallGunma.profiles['end-entity'];
    assert(profile !== undefined);
    const validity = { years: 3, beyondIssuer: 'refuse' as const };
    const profiles = { ...smallGunma.profiles, 'end-entity': { ...profile, validity } };
    const bed = await CaTestBed.open(t, { policy: { ...smallGunma, profiles } });
    bed.clock.setWallClock(Date.parse('2034-06-01T00:00:00Z'));
    await assert.rejects(bed.issue(), { code: 'CA_ISSUER_ENDS' });
  });

  it('cannot lie after an issuer that has ended', async (t) => {
    const bed = await CaTestBed.open(t);
    bed.clock.setWallClock(bed.ca.certificate.notAfterMs);
    await assert.rejects(bed.issue(), { code: 'CA_ISSUER_ENDS' });
  });
});

describe('when the signer', () => {
  it('is away, nothing is issued, the failure is recorded, and the serial number is spent', async (t) => {
    let isAway = false;
    const wrapSigner = broken((signer, request) =>
      isAway
        ? Promise.reject(new SigningError('SIGNING_UNAVAILABLE', 'away'))
        : signer.sign(request),
    );
    const bed = await CaTestBed.open(t, { wrapSigner });
    isAway = true;
    await assert.rejects(bed.ca.issue(goodRequest()), { code: 'SIGNING_UNAVAILABLE' });
    assert.equal((await bed.ca.status()).issuedCount, 1);
    const [intent] = (await bed.records('certificate.issue.intent')).slice(-1);
    const [failure] = (await bed.records('certificate.issue')).slice(-1);
    assert.deepEqual([failure?.result, failure?.subject], ['failed', intent?.subject]);
    isAway = false;
    const { serialNumber } = await bed.ca.issue(goodRequest());
    assert.notEqual(serialNumber.toString(16).toUpperCase(), intent?.subject);
  });

  it('signs wrongly, nothing is released', async (t) => {
    let isWrong = false;
    const wrapSigner = broken(async (signer, request) => {
      const signature = await signer.sign(request);
      return isWrong ? flipped(signature) : signature;
    });
    const bed = await CaTestBed.open(t, { wrapSigner });
    isWrong = true;
    await assert.rejects(bed.ca.issue(goodRequest()), { code: 'CA_SIGNATURE_WRONG' });
    assert.equal((await bed.ca.status()).issuedCount, 1);
  });
});

/** The same bytes with the last bit turned. */
function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
  return copy;
}

/** A signer that signs as `sign` says. */
function broken(
  sign: (signer: Signer, request: SignRequest) => Promise<Uint8Array>,
): (signer: Signer) => Signer {
  return (signer) => ({
    activate: () => signer.activate(),
    deactivate: () => signer.deactivate(),
    isActive: () => signer.isActive(),
    generate: (key) => signer.generate(key),
    describe: (label) => signer.describe(label),
    list: () => signer.list(),
    sign: (request) => sign(signer, request),
    makeSubjectKey: (key) => signer.makeSubjectKey(key),
    destroy: (label) => signer.destroy(label),
    close: () => signer.close(),
  });
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { delay } from '../../src/core/clock.ts';
import { OcspError } from '../../src/ocsp/errors.ts';
import { encodeSignatureAlgorithm } from '../../src/x509/algorithms.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { encodeOcspRequest, encodeTbsOcspRequest } from '../../src/x509/ocsp-request.ts';
import {
  caCertificate,
  caKey,
  certIdOf,
  delegateKey,
  MINUTE_MS,
  type OcspBed,
  openOcspBed,
  requestFor,
  somebody,
  startMs,
  startSecondMs,
  validityMs,
} from '../support/ocsp-bed.ts';
import { type ReadResponse, readOcspResponse } from '../support/ocsp-reader.ts';
import {
  type SampleKey,
  sampleCertificate,
  sampleKey,
  signSample,
} from '../support/x509-samples.ts';

const SERIAL = 0x4711n;
const WITHHELD_STEP_MS = 25;
const good = { kind: 'good' } as const;

/** OCSPResponseStatus (RFC 6960 §4.2.1). */
const Status = { malformed: 1, internal: 2, tryLater: 3, sigRequired: 5, unauthorized: 6 } as const;

async function ask(bed: OcspBed, der: Uint8Array): Promise<ReadResponse> {
  return readOcspResponse((await bed.responder.answer(der, somebody)).der);
}

async function statusOf(bed: OcspBed, serialNumber = SERIAL): Promise<string | undefined> {
  return (await ask(bed, requestFor([serialNumber]))).singles[0]?.status;
}

function signedRequest(
  key: SampleKey,
  options: { readonly signer?: SampleKey; readonly isNamed?: boolean } = {},
): Uint8Array {
  const { signer = key, isNamed = true } = options;
  const requestorName = { kind: 'directoryName', name: nameFromText('CN=v,C=JP') } as const;
  const tbs = encodeTbsOcspRequest({
    certIds: [certIdOf(SERIAL)],
    ...(isNamed ? { requestorName } : {}),
  });
  return encodeOcspRequest(tbs, {
    algorithm: encodeSignatureAlgorithm(signer.algorithm),
    signature: signSample(signer, tbs),
    certificates: [sampleCertificate(key)],
  });
}

describe('the status that is answered (RFC 6960 §2.2)', () => {
  it('is good for a certificate that was not revoked', async () => {
    const bed = openOcspBed();
    bed.register.set(SERIAL, good);
    const { responseStatus, singles, isVerified, certificates } = await ask(
      bed,
      requestFor([SERIAL]),
    );
    assert.equal(responseStatus, 0);
    assert.ok(isVerified);
    assert.equal(certificates.length, 1);
    assert.deepEqual(singles, [
      {
        serialNumber: SERIAL,
        status: 'good',
        thisUpdateMs: startSecondMs,
        nextUpdateMs: startSecondMs + validityMs,
      },
    ]);
  });

  it('is revoked with time and reason', async () => {
    const bed = openOcspBed();
    bed.revoke(SERIAL, 4);
    const [single] = (await ask(bed, requestFor([SERIAL]))).singles;
    assert.equal(single?.status, 'revoked');
    assert.equal(single?.revokedMs, startSecondMs);
    assert.equal(single?.reason, 4);
  });

  it('is revoked with reason certificateHold (6) while it is held', async () => {
    const bed = openOcspBed();
    bed.revoke(SERIAL, 6);
    const [single] = (await ask(bed, requestFor([SERIAL]))).singles;
    assert.deepEqual([single?.status, single?.reason], ['revoked', 6]);
  });

  it('has no reason for unspecified (RFC 5280 §5.3.1)', async () => {
    const bed = openOcspBed();
    bed.revoke(SERIAL, 0);
    const [single] = (await ask(bed, requestFor([SERIAL]))).singles;
    assert.deepEqual([single?.status, single?.reason], ['revoked', undefined]);
  });

  it('is unknown for a number that was never issued, and asked anew each time', async () => {
    const bed = openOcspBed();
    assert.equal(await statusOf(bed), 'unknown');
    bed.register.set(SERIAL, good);
    assert.equal(await statusOf(bed), 'good');
  });

  it('is told of every certificate that is asked about, in order', async () => {
    const bed = openOcspBed();
    bed.register.set(1n, good);
    bed.revoke(2n);
    const { singles } = await ask(bed, requestFor([2n, 3n, 1n]));
    assert.deepEqual(
      singles.map(({ status }) => status),
      ['revoked', 'unknown', 'good'],
    );
  });

  it('comes with the archive cutoff where the policy has one (§4.4.4)', async () => {
    const archiveCutoffMs = 86_400_000;
    const bed = openOcspBed({ issuer: { archiveCutoffMs } });
    bed.register.set(SERIAL, good);
    const [single] = (await ask(bed, requestFor([SERIAL]))).singles;
    assert.equal(single?.archiveCutoffMs, startSecondMs - archiveCutoffMs);
  });
});

describe('issuers (RFC 6960 §4.1.1)', () => {
  for (const hash of ['sha1', 'sha256'] as const) {
    it(`are known by ${hash} of name and key`, async () => {
      const bed = openOcspBed();
      bed.register.set(SERIAL, good);
      const { singles } = await ask(bed, requestFor([SERIAL], { hash }));
      assert.equal(singles[0]?.status, 'good');
    });
  }

  const foreign = parseCertificate(sampleCertificate(sampleKey('p256', 'foreign ca')));
  const sameName = parseCertificate(
    sampleCertificate(sampleKey('p256', 'foreign ca'), {
      subject: caCertificate.subject,
      issuer: caCertificate.subject,
    }),
  );
  const sameKey = parseCertificate(sampleCertificate(caKey));
  const request = (...certIds: readonly Uint8Array[]): Uint8Array =>
    encodeOcspRequest(encodeTbsOcspRequest({ certIds }));
  const refused = [
    { why: 'another CA', der: request(certIdOf(SERIAL, { issuer: foreign })) },
    { why: 'the name with another key', der: request(certIdOf(SERIAL, { issuer: sameName })) },
    { why: 'the key with another name', der: request(certIdOf(SERIAL, { issuer: sameKey })) },
    { why: 'another hash function', der: requestFor([SERIAL], { hash: 'sha384' }) },
    {
      why: 'ours and another CA',
      der: request(certIdOf(SERIAL), certIdOf(1n, { issuer: foreign })),
    },
  ];
  for (const { why, der } of refused) {
    it(`are unauthorized with ${why} (RFC 5019 §2.2.3)`, async () => {
      const bed = openOcspBed();
      bed.register.set(SERIAL, good);
      assert.equal((await ask(bed, der)).responseStatus, Status.unauthorized);
      assert.deepEqual(bed.refused, ['unauthorized']);
    });
  }

  it('are told apart, each with its own register', async () => {
    const bed = openOcspBed({
      others: [
        {
          certificate: foreign,
          findStatus: async () => ({ status: { kind: 'revoked', revokedMs: 0 }, scopeId: 'x' }),
          signer: () => ({
            certificate: foreign,
            algorithm: delegateKey.algorithm,
            sign: async (data) => signSample(sampleKey('p256', 'foreign ca'), data),
          }),
          ...{ validityMs, httpMaxAgeMs: 0, archiveCutoffMs: undefined },
        },
      ],
    });
    bed.register.set(SERIAL, good);
    const theirs = await ask(bed, request(certIdOf(SERIAL, { issuer: foreign })));
    assert.equal(theirs.singles[0]?.status, 'revoked');
    assert.ok(theirs.isVerified);
    assert.equal(await statusOf(bed), 'good');
  });
});

describe('nonces (RFC 9654)', () => {
  it('come back as they were', async () => {
    const bed = openOcspBed();
    bed.register.set(SERIAL, good);
    const nonce = new Uint8Array(32).fill(0x5a);
    const response = await ask(bed, requestFor([SERIAL], { nonce }));
    assert.deepEqual(Buffer.from(response.nonce ?? []), Buffer.from(nonce));
    assert.ok(response.isVerified);
  });

  it('are in no answer that did not ask for one, and make every answer anew', async () => {
    const bed = openOcspBed();
    bed.register.set(SERIAL, good);
    const nonce = Uint8Array.of(1);
    await ask(bed, requestFor([SERIAL], { nonce }));
    await ask(bed, requestFor([SERIAL], { nonce }));
    assert.equal(bed.responder.statistics.signed, 2);
    assert.equal(bed.responder.statistics.cacheEntries, 0);
    assert.equal((await ask(bed, requestFor([SERIAL]))).nonce, undefined);
  });
});

describe('times (RFC 6960 §2.4)', () => {
  it('are of the moment, in whole seconds, never in the future', async () => {
    const bed = openOcspBed();
    bed.register.set(SERIAL, good);
    const { producedMs, singles } = await ask(bed, requestFor([SERIAL]));
    assert.equal(producedMs, startSecondMs);
    assert.equal(singles[0]?.thisUpdateMs, startSecondMs);
  });

  it('an answer is given again until half its validity is over', async () => {
    const bed = openOcspBed();
    bed.register.set(SERIAL, good);
    const first = await bed.responder.answer(requestFor([SERIAL]), somebody);
    bed.clock.setWallClock(startSecondMs + validityMs / 2 - 1);
    assert.equal(await bed.responder.answer(requestFor([SERIAL]), somebody), first);
    bed.clock.setWallClock(startSecondMs + validityMs / 2);
    assert.notEqual(await bed.responder.answer(requestFor([SERIAL]), somebody), first);
  });

  it('no answer from the future is given after the clock went back', async () => {
    const bed = openOcspBed();
    bed.register.set(SERIAL, good);
    await ask(bed, requestFor([SERIAL]));
    bed.clock.setWallClock(startMs - MINUTE_MS);
    const { singles } = await ask(bed, requestFor([SERIAL]));
    assert.equal(singles[0]?.thisUpdateMs, startSecondMs - MINUTE_MS);
  });

  it('no answer outlives the certificate that verifies it', async () => {
    const notAfterMs = startSecondMs + 10 * MINUTE_MS;
    const delegate = parseCertificate(sampleCertificate(delegateKey, { notAfterMs }, caKey));
    const bed = openOcspBed({ delegate });
    bed.register.set(SERIAL, good);
    const { singles } = await ask(bed, requestFor([SERIAL]));
    assert.equal(singles[0]?.nextUpdateMs, notAfterMs);
    bed.clock.setWallClock(notAfterMs);
    assert.equal((await ask(bed, requestFor([SERIAL]))).responseStatus, Status.tryLater);
  });
});

describe('requests that are not answered (RFC 6960 §2.3)', () => {
  it('malformedRequest: bytes that are no request', async () => {
    const bed = openOcspBed();
    for (const der of [
      new Uint8Array(0),
      Uint8Array.of(0x30, 0x80),
      Buffer.from('GET / HTTP/1.1'),
    ]) {
      assert.equal((await ask(bed, der)).responseStatus, Status.malformed);
    }
    assert.equal(bed.responder.statistics.refused.malformedRequest, 3);
  });

  it('tryLater: the token is away, or there is no responder yet', async () => {
    const away = openOcspBed({
      beforeSigning: () => Promise.reject(new OcspError('OCSP_NO_SIGNER', 'away')),
    });
    away.register.set(SERIAL, good);
    assert.equal((await ask(away, requestFor([SERIAL]))).responseStatus, Status.tryLater);
    const none = openOcspBed({ issuer: { signer: () => undefined } });
    none.register.set(SERIAL, good);
    assert.equal((await ask(none, requestFor([SERIAL]))).responseStatus, Status.tryLater);
  });

  it('tryLater: more answers are being made than may be', async () => {
    let release = (): void => undefined;
    const waiting = new Promise<void>((resolve) => {
      release = resolve;
    });
    const bed = openOcspBed({ limits: { pending: 1 }, beforeSigning: () => waiting });
    bed.register.set(1n, good).set(2n, good);
    const first = bed.responder.answer(requestFor([1n]), somebody);
    assert.equal((await ask(bed, requestFor([2n]))).responseStatus, Status.tryLater);
    release();
    assert.equal(readOcspResponse((await first).der).singles[0]?.status, 'good');
    assert.equal(await statusOf(bed, 2n), 'good');
  });

  it('internalError: a fault inside, which is kept inside', async () => {
    const bed = openOcspBed({
      issuer: { findStatus: () => Promise.reject(new Error('disk on fire')) },
    });
    const { der } = await bed.responder.answer(requestFor([SERIAL]), somebody);
    assert.equal(Buffer.from(der).toString('hex'), '30030a0102');
  });

  it('sigRequired and unauthorized: as the gate says', async () => {
    for (const [code, status] of [
      ['OCSP_SIGNATURE_REQUIRED', Status.sigRequired],
      ['OCSP_UNAUTHORIZED', Status.unauthorized],
    ] as const) {
      const bed = openOcspBed({
        isPublic: false,
        gate: { admit: () => Promise.reject(new OcspError(code, 'no')) },
      });
      assert.equal((await ask(bed, requestFor([SERIAL]))).responseStatus, status);
    }
  });

  it('unauthorized: a list that is not for who asks, also when the answer is at hand', async () => {
    let isGranted = true;
    const bed = openOcspBed({
      isPublic: false,
      gate: {
        admit: async () => ({ mayLearn: async () => isGranted, told: () => undefined }),
      },
    });
    bed.register.set(SERIAL, good);
    assert.equal(await statusOf(bed), 'good');
    isGranted = false;
    const refused = ask(bed, requestFor([SERIAL]));
    await bed.clock.advance(WITHHELD_STEP_MS);
    assert.equal((await refused).responseStatus, Status.unauthorized);
  });

  for (const { why, lookMs, answeredMs } of [
    { why: 'never issued', lookMs: 0, answeredMs: WITHHELD_STEP_MS },
    { why: 'another list, found sooner', lookMs: 1, answeredMs: WITHHELD_STEP_MS },
    { why: 'another list, found late', lookMs: 24, answeredMs: WITHHELD_STEP_MS },
    { why: 'later than a step', lookMs: 25, answeredMs: 2 * WITHHELD_STEP_MS },
  ]) {
    it(`unauthorized at the end of a step of 25 ms, and nothing was signed: ${why}`, async () => {
      const bed = openOcspBed({
        isPublic: false,
        gate: {
          admit: async () => ({
            mayLearn: async () => {
              await delay(bed.clock, lookMs);
              return false;
            },
            told: () => undefined,
          }),
        },
      });
      let der: Uint8Array | undefined;
      const asking = (async () => {
        ({ der } = await bed.responder.answer(requestFor([SERIAL]), somebody));
      })();
      for (let passedMs = 0; passedMs < answeredMs; passedMs += 1) {
        await bed.clock.advance(1);
        assert.equal(der === undefined, passedMs + 1 < answeredMs, `after ${passedMs + 1} ms`);
      }
      await asking;
      assert.equal(Buffer.from(der ?? []).toString('hex'), '30030a0106');
      assert.equal(bed.responder.statistics.signed, 0);
    });
  }
});

describe('signed requests (RFC 6960 §4.1.1)', () => {
  const key = sampleKey('p256', 'requestor');

  function bedThatSees(seen: (Uint8Array | undefined)[]): OcspBed {
    const bed = openOcspBed({
      isPublic: false,
      gate: {
        admit: (_peer, signer) => {
          seen.push(signer);
          return { mayLearn: () => true, told: () => undefined };
        },
      },
    });
    bed.register.set(SERIAL, good);
    return bed;
  }

  it('tell the gate whose certificate has signed', async () => {
    const seen: (Uint8Array | undefined)[] = [];
    const bed = bedThatSees(seen);
    assert.equal((await ask(bed, signedRequest(key))).singles[0]?.status, 'good');
    await ask(bed, requestFor([SERIAL]));
    assert.equal(seen.length, 2);
    assert.deepEqual(
      Buffer.from(parseCertificate(seen[0] ?? new Uint8Array(0)).spki),
      Buffer.from(key.spki),
    );
    assert.equal(seen[1], undefined);
  });

  const refused = [
    {
      why: 'unauthorized with a signature of another key',
      der: signedRequest(key, { signer: sampleKey('p256', 'another') }),
      status: Status.unauthorized,
    },
    {
      why: 'malformed without a requestor’s name',
      der: signedRequest(key, { isNamed: false }),
      status: Status.malformed,
    },
    {
      why: 'unauthorized without a certificate',
      der: encodeOcspRequest(
        encodeTbsOcspRequest({
          certIds: [certIdOf(SERIAL)],
          requestorName: { kind: 'directoryName', name: nameFromText('CN=v,C=JP') },
        }),
        {
          algorithm: encodeSignatureAlgorithm(key.algorithm),
          signature: Uint8Array.of(1),
          certificates: [],
        },
      ),
      status: Status.unauthorized,
    },
  ];
  for (const { why, der, status } of refused) {
    it(`are ${why}`, async () => {
      const seen: (Uint8Array | undefined)[] = [];
      assert.equal((await ask(bedThatSees(seen), der)).responseStatus, status);
      assert.equal(seen.length, 0);
    });
  }
});

describe('answers given again', () => {
  it('are dropped by a revocation before it is acknowledged (R-REV 7)', async () => {
    const bed = openOcspBed();
    bed.register.set(SERIAL, good);
    assert.equal(await statusOf(bed), 'good');
    assert.equal(bed.responder.statistics.cacheEntries, 1);
    bed.revoke(SERIAL);
    assert.equal(bed.responder.statistics.cacheEntries, 0);
    assert.equal(await statusOf(bed), 'revoked');
  });

  it('a revocation while an answer is being made has it made again', async () => {
    const waits: (() => void)[] = [];
    const bed = openOcspBed({
      beforeSigning: () => new Promise<void>((resolve) => waits.push(resolve)),
    });
    bed.register.set(SERIAL, good);
    const answer = bed.responder.answer(requestFor([SERIAL]), somebody);
    await bed.clock.advance(0);
    bed.revoke(SERIAL);
    const later = bed.responder.answer(requestFor([SERIAL]), somebody);
    for (let round = 0; round < 4; round += 1) {
      for (const resolve of waits.splice(0)) {
        resolve();
      }
      await bed.clock.advance(0);
    }
    for (const reply of [await answer, await later]) {
      assert.equal(readOcspResponse(reply.der).singles[0]?.status, 'revoked');
    }
    assert.equal(await statusOf(bed), 'revoked');
  });

  it('are made once for many who ask at the same time, and counted for each', async () => {
    const bed = openOcspBed();
    bed.register.set(SERIAL, good);
    await Promise.all(Array.from({ length: 10 }, () => statusOf(bed)));
    const { signed, answered } = bed.responder.statistics;
    assert.deepEqual(
      { signed, answered, told: bed.told.length },
      { signed: 1, answered: 10, told: 10 },
    );
  });

  it('are as many as fit', async () => {
    const bed = openOcspBed({ limits: { cacheEntries: 3 } });
    for (let serialNumber = 1n; serialNumber <= 5n; serialNumber += 1n) {
      bed.register.set(serialNumber, good);
      await statusOf(bed, serialNumber);
    }
    assert.equal(bed.responder.statistics.cacheEntries, 3);
    const small = openOcspBed({ limits: { cacheBytes: 100 } });
    small.register.set(SERIAL, good);
    await statusOf(small);
    assert.deepEqual(
      [small.responder.statistics.cacheEntries, small.responder.statistics.cacheBytes],
      [0, 0],
    );
  });
});

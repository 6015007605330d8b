/**
 * What a CA's key may sign, by the list of secom-gid 6.1.8: each kind of certificate, lists short and long, and everything
 * that looks almost like one; in the software token and through the signer process.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import {
  encodeBoolean,
  encodeExplicit,
  encodeInteger,
  encodeNamedBits,
  encodeNull,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSet,
  encodeTime,
  encodeUtf8String,
} from '../../src/asn1/der-writer.ts';
import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import {
  allCertificateKinds,
  type CertificateKind,
  isKeyUse,
  readKeyUse,
  storeKeyUse,
} from '../../src/signing/key-use.ts';
import { openSignerProcess } from '../../src/signing/process/signer-process.ts';
import type { KeyUsagePurpose, Signer } from '../../src/signing/signer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const rsaSha256 = encodeSequence(encodeOid('1.2.840.113549.1.1.11'), encodeNull());
const rsaSha384 = encodeSequence(encodeOid('1.2.840.113549.1.1.12'), encodeNull());
const algorithm = { scheme: 'rsa-pkcs1', digest: 'sha256' } as const;

const named = (name: string): Uint8Array =>
  encodeSequence(encodeSet(encodeSequence(encodeOid('2.5.4.3'), encodeUtf8String(name))));
const ours = named('Our CA');
const others = named('Another CA');
const time = encodeTime(Date.UTC(2026, 0, 1));

const caExtension = encodeSequence(
  encodeOid('2.5.29.19'),
  encodeBoolean(true),
  encodeOctetString(encodeSequence(encodeBoolean(true))),
);
const noCaExtension = encodeSequence(encodeOid('2.5.29.19'), encodeOctetString(encodeSequence()));

interface TbsParts {
  readonly version?: number;
  readonly algorithm?: Uint8Array;
  readonly issuer?: Uint8Array;
  readonly subject?: Uint8Array;
  readonly spki: Uint8Array;
  readonly extensions?: readonly Uint8Array[];
}

function tbsCertificate(parts: TbsParts): Uint8Array {
  const { issuer = ours, subject = ours, extensions = [caExtension] } = parts;
  return encodeSequence(
    encodeExplicit(0, encodeInteger(parts.version ?? 2)),
    encodeInteger(7),
    parts.algorithm ?? rsaSha256,
    issuer,
    encodeSequence(time, time),
    subject,
    parts.spki,
    ...(extensions.length === 0 ? [] : [encodeExplicit(3, encodeSequence(...extensions))]),
  );
}

function tbsList({
  issuer = ours,
  listAlgorithm = rsaSha256,
  version = 1,
  entryBytes = 0,
}): Uint8Array {
  const entries =
    entryBytes === 0 ? [] : [encodeSequence(encodeOctetString(new Uint8Array(entryBytes)))];
  return encodeSequence(
    encodeInteger(version),
    ...[listAlgorithm, issuer, time, time],
    ...entries,
    encodeExplicit(0, encodeSequence()),
  );
}

function requestInfo(spki: Uint8Array, version = 0): Uint8Array {
  return encodeSequence(encodeInteger(version), ours, spki, Uint8Array.of(0xa0, 0));
}

function freshSpki(): Uint8Array {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return Uint8Array.from(
    createPublicKey(publicKey.export({ format: 'pem', type: 'spki' })).export({
      format: 'der',
      type: 'spki',
    }),
  );
}

describe('a CA key with its list of uses', () => {
  const folder = temporaryFolder({ after });
  let signer: Signer;
  let own: Uint8Array;
  /** Another key of the same CA in the token. */
  let sibling: Uint8Array;
  const foreign = freshSpki();

  before(async () => {
    signer = await openSignerProcess({
      token: {
        kind: 'software',
        file: join(folder, 'token.json'),
        create: true,
        scryptCost: 2 ** 10,
      },
      passphrase: { text: 'correct horse' },
      clock: new SystemClock(),
      log: silentLog,
    });
    await signer.activate();
    const type = { kind: 'rsa', modulusBits: 2048 } as const;
    const purposes = ['certificate', 'crl', 'request'] as const;
    for (const kinds of [allCertificateKinds, ...allCertificateKinds.map((kind) => [kind])]) {
      const label = kinds.length === 1 ? `${kinds[0]}` : 'all';
      const use = { issuer: ours, certificates: kinds };
      const key = await signer.generate({ label, type, purposes, use });
      assert.deepEqual(key.use, use);
      assert.deepEqual((await signer.describe(label)).use, use);
    }
    own = (await signer.describe('all')).spki;
    const curve = { kind: 'ec', curve: 'P-256' } as const;
    const newer = { label: 'newer', type: curve, purposes };
    const use = { issuer: ours, certificates: allCertificateKinds };
    sibling = (await signer.generate({ ...newer, use })).spki;
    const another = { label: 'another CA', type: curve, purposes };
    await signer.generate({ ...another, use: { issuer: others, certificates: ['link'] } });
    const delegate = { label: 'delegate', type: curve, purposes: ['ocsp', 'request'] as const };
    await signer.generate({ ...delegate, use: { issuer: ours, certificates: [] } });
    await signer.generate({ label: 'former', type: curve, purposes });
  });
  after(() => signer.close());

  const sign = (
    label: string,
    purpose: KeyUsagePurpose,
    content: Uint8Array,
  ): Promise<Uint8Array> => signer.sign({ label, purpose, algorithm, content: [content] });
  const refused = { code: 'SIGNING_USAGE_REFUSED' };

  const samples: Readonly<Record<CertificateKind, (ownSpki: Uint8Array) => Uint8Array>> = {
    'self-signed': (spki) => tbsCertificate({ spki }),
    link: () => tbsCertificate({ spki: sibling }),
    cross: () => tbsCertificate({ spki: foreign, subject: others }),
    'end-entity': () =>
      tbsCertificate({ spki: foreign, subject: others, extensions: [noCaExtension] }),
  };
  for (const kind of allCertificateKinds) {
    it(`signs a ${kind} certificate with the key that lists it, and with no other`, async () => {
      await sign('all', 'certificate', samples[kind](own));
      for (const other of allCertificateKinds) {
        const { spki } = await signer.describe(other);
        const signing = sign(other, 'certificate', samples[kind](spki));
        await (other === kind ? signing : assert.rejects(signing, refused));
      }
    });
  }

  it('signs a link certificate for a key of the same CA in the token, and for no other', async () => {
    await sign('all', 'certificate', tbsCertificate({ spki: sibling }));
    // One that was made before keys had lists.
    const { spki: former } = await signer.describe('former');
    await sign('all', 'certificate', tbsCertificate({ spki: former }));
    for (const spki of [
      foreign,
      (await signer.describe('another CA')).spki,
      (await signer.describe('delegate')).spki,
    ]) {
      await assert.rejects(sign('all', 'certificate', tbsCertificate({ spki })), refused);
    }
  });

  it('takes a certificate without extensions for an end entity', async () => {
    const tbs = tbsCertificate({ spki: foreign, subject: others, extensions: [] });
    await sign('end-entity', 'certificate', tbs);
    await assert.rejects(sign('cross', 'certificate', tbs), refused);
  });

  it('takes basicConstraints twice, once with cA, for a CA', async () => {
    const extensions = [noCaExtension, caExtension, noCaExtension];
    const tbs = tbsCertificate({ spki: foreign, subject: others, extensions });
    await assert.rejects(sign('end-entity', 'certificate', tbs), refused);
  });

  const keyUsage = (...bits: readonly number[]): Uint8Array =>
    encodeSequence(
      encodeOid('2.5.29.15'),
      encodeBoolean(true),
      encodeOctetString(encodeNamedBits(new Set(bits))),
    );
  const netscapeType = (bit: number): Uint8Array =>
    encodeSequence(
      encodeOid('2.16.840.1.113730.1.1'),
      encodeOctetString(encodeNamedBits(new Set([bit]))),
    );
  const purposes = (...oids: readonly string[]): Uint8Array =>
    encodeSequence(
      encodeOid('2.5.29.37'),
      encodeOctetString(encodeSequence(...oids.map((oid) => encodeOid(oid)))),
    );
  const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';

  const noEndEntities: readonly { why: string; parts: () => Partial<TbsParts> }[] = [
    { why: 'keyCertSign without basicConstraints', parts: () => ({ extensions: [keyUsage(5)] }) },
    {
      why: 'keyCertSign without cA',
      parts: () => ({ extensions: [noCaExtension, keyUsage(0, 5)] }),
    },
    { why: 'cRLSign', parts: () => ({ extensions: [keyUsage(0, 6)] }) },
    ...[5, 6, 7].map((bit) => ({
      why: `bit ${bit} of netscape-cert-type`,
      parts: () => ({ extensions: [netscapeType(bit)] }),
    })),
    { why: "the CA's name", parts: () => ({ subject: ours, extensions: [keyUsage(0)] }) },
    {
      why: "the CA's name in capitals",
      parts: () => ({ subject: named(' OUR  ca'), extensions: [] }),
    },
    {
      why: 'an OCSP responder whose key is not in the token',
      parts: () => ({ extensions: [purposes('1.3.6.1.5.5.7.3.1', OCSP_SIGNING)] }),
    },
    {
      why: 'an OCSP responder with the key of a CA',
      parts: () => ({ spki: sibling, extensions: [purposes(OCSP_SIGNING)] }),
    },
  ];
  for (const { why, parts } of noEndEntities) {
    it(`SIGNING_USAGE_REFUSED: ${why} as an end entity`, async () => {
      const tbs = tbsCertificate({ spki: foreign, subject: others, ...parts() });
      await assert.rejects(sign('end-entity', 'certificate', tbs), refused);
    });
  }

  it('signs what subscribers have, and a responder with a key of the token', async () => {
    const { spki } = await signer.describe('delegate');
    for (const parts of [
      { spki: foreign, extensions: [noCaExtension, keyUsage(0, 1), netscapeType(0)] },
      { spki: foreign, extensions: [keyUsage(0, 2), purposes('1.3.6.1.5.5.7.3.1')] },
      { spki, extensions: [keyUsage(0), purposes(OCSP_SIGNING)] },
    ]) {
      await sign('end-entity', 'certificate', tbsCertificate({ subject: others, ...parts }));
    }
  });

  const noCertificates: readonly { why: string; tbs: () => Uint8Array }[] = [
    { why: 'another issuer', tbs: () => tbsCertificate({ spki: own, issuer: others }) },
    { why: 'another algorithm', tbs: () => tbsCertificate({ spki: own, algorithm: rsaSha384 }) },
    { why: 'a list', tbs: () => tbsList({}) },
    { why: 'a request', tbs: () => requestInfo(own) },
    { why: 'version 1', tbs: () => tbsCertificate({ spki: own, version: 0 }) },
    { why: 'nothing', tbs: () => new Uint8Array() },
    { why: 'text', tbs: () => Buffer.from('certdir key register 1') },
    {
      why: 'a byte behind it',
      tbs: () => Buffer.concat([tbsCertificate({ spki: own }), Buffer.of(0)]),
    },
    { why: 'a byte cut off', tbs: () => tbsCertificate({ spki: own }).subarray(0, -1) },
    { why: 'a digest', tbs: () => new Uint8Array(32) },
    {
      why: 'more than fits in one piece',
      tbs: () => tbsCertificate({ spki: own, subject: named('n'.repeat(70_000)) }),
    },
  ];
  for (const { why, tbs } of noCertificates) {
    it(`SIGNING_USAGE_REFUSED: ${why} as a certificate`, async () => {
      await assert.rejects(sign('all', 'certificate', tbs()), refused);
    });
  }

  for (const entryBytes of [0, 1_000, 65_400, 400_000]) {
    it(`signs a list with ${entryBytes} bytes of entries`, async () => {
      await sign('all', 'crl', tbsList({ entryBytes }));
    });
  }

  for (const entryBytes of [0, 400_000]) {
    const noLists: readonly { why: string; tbs: () => Uint8Array }[] = [
      { why: 'another issuer', tbs: () => tbsList({ entryBytes, issuer: others }) },
      { why: 'another algorithm', tbs: () => tbsList({ entryBytes, listAlgorithm: rsaSha384 }) },
      { why: 'version 1', tbs: () => tbsList({ entryBytes, version: 0 }) },
      {
        why: 'a byte behind it',
        tbs: () => Buffer.concat([tbsList({ entryBytes }), Buffer.of(0)]),
      },
      { why: 'a byte cut off', tbs: () => tbsList({ entryBytes }).subarray(0, -1) },
      { why: 'zeros', tbs: () => new Uint8Array(entryBytes) },
    ];
    for (const { why, tbs } of noLists) {
      it(`SIGNING_USAGE_REFUSED: ${why} as a list with ${entryBytes} bytes of entries`, async () => {
        await assert.rejects(sign('all', 'crl', tbs()), refused);
      });
    }
  }

  it('SIGNING_USAGE_REFUSED: a certificate as a list', async () => {
    await assert.rejects(sign('all', 'crl', tbsCertificate({ spki: own })), refused);
  });

  it('signs a request for itself and for no other key', async () => {
    await sign('all', 'request', requestInfo(own));
    await assert.rejects(sign('all', 'request', requestInfo(foreign)), refused);
    await assert.rejects(sign('all', 'request', requestInfo(own, 1)), refused);
    await assert.rejects(sign('all', 'request', tbsCertificate({ spki: own })), refused);
  });

  for (const purpose of ['ocsp', 'audit', 'tls'] as const) {
    it(`SIGNING_KEY_REFUSED: a list of uses on a key that also signs ${purpose}`, async () => {
      const key = {
        label: 'mixed',
        type: { kind: 'ec', curve: 'P-256' },
        purposes: ['certificate', purpose],
        use: { issuer: ours, certificates: ['link'] },
      } as const;
      await assert.rejects(signer.generate(key), { code: 'SIGNING_KEY_REFUSED' });
    });
  }

  it('keeps the list over a restart of the signer process', async () => {
    const again = await openSignerProcess({
      token: { kind: 'software', file: join(folder, 'token.json') },
      passphrase: { text: 'correct horse' },
      clock: new SystemClock(),
      log: silentLog,
    });
    await again.activate();
    const { use } = await again.describe('link');
    assert.deepEqual(use, { issuer: ours, certificates: ['link'] });
    await assert.rejects(
      again.sign({
        label: 'link',
        purpose: 'certificate',
        algorithm,
        content: [samples['end-entity'](own)],
      }),
      refused,
    );
    await again.close();
  });
});

describe('KeyUse', () => {
  it('is what it was once stored and read', () => {
    const use = { issuer: ours, certificates: ['link', 'cross'] as const };
    assert.deepEqual(readKeyUse(JSON.parse(JSON.stringify(storeKeyUse(use)))), use);
  });

  const refused: readonly unknown[] = [
    undefined,
    null,
    {},
    { issuer: ours },
    { issuer: new Uint8Array(), certificates: [] },
    { issuer: ours, certificates: ['link', 'link'] },
    { issuer: ours, certificates: ['anything'] },
    { issuer: ours, certificates: ['__proto__'] },
    { issuer: new Uint8Array(4097), certificates: [] },
  ];
  for (const [index, value] of refused.entries()) {
    it(`is not refused value ${index}`, () => assert.ok(!isKeyUse(value)));
  }
});

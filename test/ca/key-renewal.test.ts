/**
 * The renewal of the CA's key (gunma 4-13, jlis 5.6, secom 4.10; RFC 9810 §4.4): what is made and when it can be seen,
 * who signs what afterwards, and that it can be interrupted anywhere.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  encodeInteger,
  encodeOctetString,
  encodeSequence,
  encodeUtf8String,
} from '../../src/asn1/der-writer.ts';
import type { Policy } from '../../src/ca/policy/policy.ts';
import type { KeyGeneration } from '../../src/ca/records/authority-record.ts';
import { CaTables } from '../../src/ca/records/ca-tables.ts';
import { SigningError } from '../../src/signing/errors.ts';
import type { KeyUsagePurpose, Signer } from '../../src/signing/signer.ts';
import type { Store } from '../../src/store/store.ts';
import { parseSignatureAlgorithm } from '../../src/x509/algorithms.ts';
import { parseBasicConstraints } from '../../src/x509/basic-constraints.ts';
import { type Certificate, parseCertificate } from '../../src/x509/certificate.ts';
import { parseCertificateList } from '../../src/x509/certificate-list.ts';
import { findExtension } from '../../src/x509/extensions.ts';
import {
  computeKeyIdentifier,
  parseAuthorityKeyIdentifier,
  parseSubjectKeyIdentifier,
} from '../../src/x509/key-identifier.ts';
import { parseKeyUsage } from '../../src/x509/key-usage.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { verifySignature } from '../../src/x509/verify-signature.ts';
import { assertConsistent } from '../support/ca-consistency.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';
import { MortalStore } from '../support/mortal-store.ts';

const DAY_MS = 86_400_000;
const YEAR_MS = 365 * DAY_MS;
const startMs = Date.UTC(2026, 0, 5);

const CA_DN = smallGunma.names.issuer;

function withKey(authority: Partial<Policy['keys']['authority']>, policy = smallGunma): Policy {
  return {
    ...policy,
    keys: { ...policy.keys, authority: { ...policy.keys.authority, ...authority } },
  };
}

/** Holds back what one key signs for one purpose, when told to. */
class HeldSigner {
  readonly #purpose: KeyUsagePurpose;
  readonly #label: string;
  #held: Promise<void> = Promise.resolve();
  #release: () => void = () => undefined;

  constructor(purpose: KeyUsagePurpose, label: string) {
    this.#purpose = purpose;
    this.#label = label;
  }

  readonly wrap = (signer: Signer): Signer => {
    const sign: Signer['sign'] = async (request) => {
      const signature = await signer.sign(request);
      if (request.purpose === this.#purpose && request.label === this.#label) {
        await this.#held;
      }
      return signature;
    };
    return new Proxy(signer, {
      get: (target, name) => {
        const value: unknown = name === 'sign' ? sign : Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  };

  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#release();
  }
}

async function renew(bed: CaTestBed): Promise<KeyGeneration> {
  await bed.ca.renewal.prepare(tester);
  return await bed.ca.renewal.switchOver(tester);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

async function published(bed: CaTestBed): Promise<readonly string[]> {
  return (await bed.published(CA_DN, 'cACertificate')).map(hex).sort();
}

function isSignedBy(
  { tbs: message, signature, signatureAlgorithm }: Certificate,
  issuer: Certificate,
): boolean {
  const algorithm = parseSignatureAlgorithm(signatureAlgorithm);
  return verifySignature({ spki: issuer.spki, algorithm, message, signature });
}

function linksOf(generation: KeyGeneration): {
  readonly own: Certificate;
  readonly oldWithNew: Certificate;
  readonly newWithOld: Certificate;
} {
  const { certificate, links } = generation;
  assert(links !== undefined);
  return {
    own: parseCertificate(certificate),
    oldWithNew: parseCertificate(links.oldWithNew),
    newWithOld: parseCertificate(links.newWithOld),
  };
}

describe('a generation that is made', () => {
  it('is seen by nobody, and nothing else is signed with it', async (t) => {
    const bed = await CaTestBed.open(t);
    const before = await published(bed);
    const older = bed.ca.certificate;
    const made = await bed.ca.renewal.prepare(tester);
    assert.equal(made.state, 'made');
    assert.deepEqual(await published(bed), before);
    const { certificate } = await bed.issue();
    assert.ok(isSignedBy(certificate, older));
    assert.deepEqual(
      bed.ca.authorities.alive.map(({ generation }) => generation),
      [1],
    );
    await assertConsistent(bed);
  });

  it('is made once, whoever asks, and is there after a restart', async (t) => {
    const bed = await CaTestBed.open(t);
    const [first, second] = await Promise.all([
      bed.ca.renewal.prepare(tester),
      bed.ca.renewal.prepare(tester),
    ]);
    assert.deepEqual(first, second);
    await bed.reopen();
    assert.deepEqual(bed.ca.renewal.prepared, first);
    assert.deepEqual(await bed.ca.renewal.prepare(tester), first);
    assert.equal((await bed.records('ca.key.make')).length, 1);
  });

  it('takes up a key that an interrupted run has generated, and no other', async (t) => {
    const bed = await CaTestBed.open(t);
    const { label, type, purposes } = await bed.signer.describe('gunma-ca-1');
    const other = { label: 'gunma-ca-2', type, purposes: ['audit'] as const };
    await bed.signer.generate(other);
    await assert.rejects(bed.ca.renewal.prepare(tester), { code: 'CA_KEY_MISMATCH' });
    await bed.signer.destroy('gunma-ca-2');
    const { use } = await bed.signer.describe(label);
    const kept = await bed.signer.generate({
      label: 'gunma-ca-2',
      type,
      purposes,
      ...(use && { use }),
    });
    const made = await bed.ca.renewal.prepare(tester);
    assert.equal(hex(parseCertificate(made.certificate).spki), hex(kept.spki));
  });
});

describe('link certificates (7-1-4, RFC 9810 §4.4)', () => {
  it('vouch for each key with the other, from when the key was made until the older certificate ends', async (t) => {
    const bed = await CaTestBed.open(t);
    const older = bed.ca.certificate;
    const olderMadeMs = bed.ca.authorities.generation(1).createdMs;
    bed.clock.setWallClock(startMs + 5 * YEAR_MS);
    const made = await bed.ca.renewal.prepare(tester);
    const { own, oldWithNew, newWithOld } = linksOf(made);
    assert.deepEqual(oldWithNew.spki, older.spki);
    assert.deepEqual(newWithOld.spki, own.spki);
    assert.ok(isSignedBy(own, own) && isSignedBy(oldWithNew, own) && isSignedBy(newWithOld, older));
    assert.equal(oldWithNew.notBeforeMs, Math.floor(olderMadeMs / 1000) * 1000);
    assert.equal(newWithOld.notBeforeMs, Math.floor(made.createdMs / 1000) * 1000);
    assert.deepEqual(
      [oldWithNew.notAfterMs, newWithOld.notAfterMs],
      [older.notAfterMs, older.notAfterMs],
    );
    for (const [link, issuer] of [
      [oldWithNew, own],
      [newWithOld, older],
    ] as const) {
      assert.deepEqual(
        [hex(link.issuer.der), hex(link.subject.der)],
        [hex(older.subject.der), hex(older.subject.der)],
      );
      const value = (oid: string): Uint8Array =>
        findExtension(link.extensions, oid)?.value ?? assert.fail(oid);
      assert.deepEqual(
        hex(parseSubjectKeyIdentifier(value(Oid.subjectKeyIdentifier))),
        hex(computeKeyIdentifier(link.spki)),
      );
      const aki = parseAuthorityKeyIdentifier(value(Oid.authorityKeyIdentifier));
      assert.equal(hex(aki.keyIdentifier ?? assert.fail()), hex(computeKeyIdentifier(issuer.spki)));
      assert.equal(aki.serialNumber, issuer.serialNumber);
      assert.ok(parseBasicConstraints(value(Oid.basicConstraints)).isCa);
      assert.deepEqual([...parseKeyUsage(value(Oid.keyUsage))], ['keyCertSign', 'cRLSign']);
    }
  });

  it('begin when they are made where the policy says so (secom 4.10 names no beginning)', async (t) => {
    const { link } = smallGunma.profiles;
    assert(link !== undefined);
    const begins = { oldWithNew: 'issue', newWithOld: 'issue' } as const;
    const profiles = { ...smallGunma.profiles, link: { ...link, begins } };
    const bed = await CaTestBed.open(t, { policy: { ...smallGunma, profiles } });
    const nowMs = startMs + 4 * YEAR_MS;
    bed.clock.setWallClock(nowMs);
    const { oldWithNew, newWithOld } = linksOf(await bed.ca.renewal.prepare(tester));
    assert.deepEqual([oldWithNew.notBeforeMs, newWithOld.notBeforeMs], [nowMs, nowMs]);
  });

  it('are not made where the policy has none (mic-ops)', async (t) => {
    const { link: _none, ...profiles } = smallGunma.profiles;
    const policy = withKey(
      { certificates: ['self-signed', 'end-entity'] },
      { ...smallGunma, profiles },
    );
    const bed = await CaTestBed.open(t, { policy });
    const made = await renew(bed);
    assert.equal(made.links, undefined);
    assert.equal((await published(bed)).length, 2);
    await assertConsistent(bed);
  });

  it('that a policy means and has no profile for are asked for, before a key is made', async (t) => {
    const { link: _none, ...profiles } = smallGunma.profiles;
    const bed = await CaTestBed.open(t, { policy: { ...smallGunma, profiles } });
    await assert.rejects(bed.ca.renewal.prepare(tester), { code: 'CA_PROFILE_UNKNOWN' });
    assert.equal((await bed.signer.list()).length, 1);
    assert.deepEqual(
      (await bed.records('ca.key.make')).map(({ result }) => result),
      ['refused'],
    );
  });

  it('are not made from a certificate that has ended, which the new key need not follow', async (t) => {
    const bed = await CaTestBed.open(t);
    bed.clock.setWallClock(bed.ca.certificate.notAfterMs);
    const made = await renew(bed);
    assert.equal(made.links, undefined);
    assert.deepEqual(await published(bed), [hex(made.certificate)]);
    await bed.issue();
  });
});

describe('the switch to a new key', () => {
  it('from one that was found compromised meanwhile leaves the links behind', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.ca.renewal.prepare(tester);
    await bed.ca.cessations.report({
      ...{ id: 'compromise-20260105T000000Z', origin: tester, generation: 1, destroysKey: false },
      explanation: { ja: '', en: '' },
    });
    const { links } = await bed.ca.renewal.switchOver(tester);
    assert.equal(links, undefined);
    assert.equal((await published(bed)).length, 2);
    assert.ok(isSignedBy((await bed.issue()).certificate, bed.ca.certificate));
    await assertConsistent(bed);
    await bed.reopen();
    await assertConsistent(bed);
  });

  it('publishes everything in one transaction, and the new key issues', async (t) => {
    const stores: MortalStore[] = [];
    const wrapStore = (store: Store): Store => {
      const counting = new MortalStore(store);
      stores.push(counting);
      return counting;
    };
    const bed = await CaTestBed.open(t, { wrapStore });
    const older = bed.ca.certificate;
    const made = await bed.ca.renewal.prepare(tester);
    const { transactions } = stores[0] ?? assert.fail();
    await bed.ca.renewal.switchOver(tester);
    assert.equal((stores[0]?.transactions ?? 0) - transactions, 1);
    const { own, oldWithNew, newWithOld } = linksOf(made);
    assert.deepEqual(
      await published(bed),
      [older, own, oldWithNew, newWithOld].map(({ der }) => hex(der)).sort(),
    );
    assert.equal(hex(bed.ca.certificate.der), hex(own.der));
    const { certificate, serialNumber } = await bed.issue();
    assert.ok(isSignedBy(certificate, own));
    assert.equal((await bed.ca.findCertificate(serialNumber))?.generation, 2);
    assert.deepEqual(
      bed.ca.authorities.all.map(({ generation, state }) => [generation, state]),
      [
        [1, 'retiring'],
        [2, 'current'],
      ],
    );
    await assertConsistent(bed);
    const records = await bed.records('ca.key.switch');
    assert.deepEqual(
      records.map(({ result, subject }) => [result, subject]),
      [['done', 'gunma-ca-2']],
    );
  });

  it('is there after a restart', async (t) => {
    const bed = await CaTestBed.open(t);
    const switched = await renew(bed);
    await bed.reopen();
    assert.equal(hex(bed.ca.certificate.der), hex(switched.certificate));
    const { certificate } = await bed.issue();
    assert.ok(isSignedBy(certificate, bed.ca.certificate));
    await assertConsistent(bed);
  });

  it('without anything made is refused and recorded', async (t) => {
    const bed = await CaTestBed.open(t);
    await assert.rejects(bed.ca.renewal.switchOver(tester), { code: 'CA_RENEWAL_NONE' });
    await renew(bed);
    await assert.rejects(bed.ca.renewal.switchOver(tester), { code: 'CA_RENEWAL_NONE' });
    const refused = (await bed.records('ca.key.switch')).filter(
      ({ result }) => result === 'refused',
    );
    assert.equal(refused.length, 2);
  });

  it('to a key that the token no longer has is refused, and the older key goes on', async (t) => {
    const bed = await CaTestBed.open(t);
    await bed.ca.renewal.prepare(tester);
    await bed.signer.destroy('gunma-ca-2');
    await assert.rejects(bed.ca.renewal.switchOver(tester), { code: 'SIGNING_KEY_UNKNOWN' });
    const { type, purposes } = await bed.signer.describe('gunma-ca-1');
    await bed.signer.generate({ label: 'gunma-ca-2', type, purposes });
    await assert.rejects(bed.ca.renewal.switchOver(tester), { code: 'CA_KEY_MISMATCH' });
    await bed.issue();
    await assertConsistent(bed);
  });

  it('lets lists be signed by the new key, also those of certificates under the older', async (t) => {
    const bed = await CaTestBed.open(t);
    const { serialNumber } = await bed.issue();
    await bed.revoke(serialNumber);
    await renew(bed);
    await bed.clock.advance(2000);
    await bed.ca.publishAll(tester);
    for (const { id } of bed.ca.scopes.list) {
      const list = parseCertificateList((await bed.ca.readList(id)) ?? assert.fail());
      const { algorithm, certificate } = bed.ca.authorities.current;
      const { tbs: message, signature } = list;
      assert.ok(verifySignature({ spki: certificate.spki, algorithm, message, signature }), id);
    }
    const list = parseCertificateList((await bed.ca.readList('10201')) ?? assert.fail());
    assert.deepEqual(
      [...list.entries()].map((entry) => entry.serialNumber),
      [serialNumber],
    );
    await assertConsistent(bed);
  });

  it('lets a certificate that was begun under the older key come out under the new one', async (t) => {
    const held = new HeldSigner('certificate', 'gunma-ca-1');
    const bed = await CaTestBed.open(t, { wrapSigner: held.wrap });
    await bed.ca.renewal.prepare(tester);
    held.hold();
    const issuing = bed.issue();
    await bed.clock.advance(1);
    await bed.ca.renewal.switchOver(tester);
    held.release();
    const { certificate, serialNumber } = await issuing;
    assert.ok(isSignedBy(certificate, bed.ca.certificate));
    assert.equal((await bed.ca.findCertificate(serialNumber))?.generation, 2);
    await assertConsistent(bed);
  });

  it('lets a list that was begun under the older key come out under the new one', async (t) => {
    const held = new HeldSigner('crl', 'gunma-ca-1');
    const bed = await CaTestBed.open(t, { wrapSigner: held.wrap });
    await bed.ca.renewal.prepare(tester);
    await bed.clock.advance(2000);
    held.hold();
    const publishing = bed.ca.publish('10201', tester);
    await bed.clock.advance(1);
    await bed.ca.renewal.switchOver(tester);
    held.release();
    const { number } = await publishing;
    const list = parseCertificateList((await bed.ca.readList('10201', number)) ?? assert.fail());
    const { algorithm, certificate } = bed.ca.authorities.current;
    const { tbs: message, signature } = list;
    assert.ok(verifySignature({ spki: certificate.spki, algorithm, message, signature }));
    await assertConsistent(bed);
  });

  it('that fails leaves the older key issuing, in memory too', async (t) => {
    let isBroken = true;
    const stores: MortalStore[] = [];
    const wrapStore = (store: Store): Store => {
      stores.push(new MortalStore(store));
      return stores.at(-1) ?? store;
    };
    const bed = await CaTestBed.open(t, {
      wrapStore,
      wrapAudit: (audit) => ({
        ...audit,
        head: audit.head.bind(audit),
        records: audit.records.bind(audit),
        append: (transaction, event) =>
          isBroken && event.kind === 'ca.key.switch' && event.result === 'done'
            ? Promise.reject(new Error('broken'))
            : audit.append(transaction, event),
      }),
    });
    await bed.ca.renewal.prepare(tester);
    await assert.rejects(bed.ca.renewal.switchOver(tester), { message: 'broken' });
    assert.equal(bed.ca.authorities.current.generation, 1);
    assert.equal((await published(bed)).length, 1);
    assert.equal((await bed.records('ca.key.switch'))[0]?.result, 'failed');
    isBroken = false;
    // It is durable, and nobody learns of it: what cannot write any more does not go by it either.
    stores[0]?.arm(0, 'after');
    await assert.rejects(bed.ca.renewal.switchOver(tester), { name: 'StoreError' });
    assert.equal(bed.ca.authorities.current.generation, 1);
    await bed.reopen();
    assert.equal(bed.ca.authorities.current.generation, 2);
    await assertConsistent(bed);
  });
});

describe('across types of keys', () => {
  const rows = [
    {
      to: { type: 'ec-p384', signature: 'ecdsa-sha384' },
      from: { type: 'rsa-2048', signature: 'rsa-pkcs1-sha256' },
    },
    {
      to: { type: 'rsa-3072', signature: 'rsa-pss-sha256' },
      from: { type: 'ec-p256', signature: 'ecdsa-sha256' },
    },
    {
      to: { type: 'rsa-3072', signature: 'rsa-pkcs1-sha384' },
      from: { type: 'rsa-2048', signature: 'rsa-pkcs1-sha256' },
    },
  ] as const;
  for (const { from, to } of rows) {
    it(`${from.type} ${from.signature} to ${to.type} ${to.signature}`, async (t) => {
      const bed = await CaTestBed.open(t, { policy: withKey(from) });
      const first = await bed.issue();
      await bed.reopen(withKey(to));
      // What the policy says now is of the next key.
      assert.ok(isSignedBy((await bed.issue()).certificate, bed.ca.certificate));
      const older = bed.ca.certificate;
      const { own, oldWithNew, newWithOld } = linksOf(await renew(bed));
      assert.ok(isSignedBy(oldWithNew, own) && isSignedBy(newWithOld, older));
      const second = await bed.issue();
      assert.ok(isSignedBy(second.certificate, own) && isSignedBy(first.certificate, older));
      await bed.revoke(first.serialNumber);
      await bed.clock.advance(2000);
      await bed.ca.publishAll(tester);
      await assertConsistent(bed);
      await bed.reopen(withKey(to));
      await assertConsistent(bed);
    });
  }
});

describe('a renewal that is interrupted', () => {
  const stores: MortalStore[] = [];
  const wrapStore = (store: Store): Store => {
    const mortal = new MortalStore(store);
    stores.push(mortal);
    return mortal;
  };

  for (const moment of ['before', 'after'] as const) {
    it(`${moment} any transaction is durable goes on, and nothing is half switched`, async (t) => {
      for (let countdown = 0; ; countdown += 1) {
        const bed = await CaTestBed.open(t, { wrapStore });
        const store = stores.at(-1) ?? assert.fail();
        store.arm(countdown, moment);
        const isDone = await renew(bed).then(
          () => true,
          () => false,
        );
        if (isDone) {
          assert.ok(countdown >= 3, 'a renewal has three transactions');
          return;
        }
        await bed.reopen();
        await assertConsistent(bed);
        await bed.issue();
        if (bed.ca.authorities.current.generation === 1) {
          await renew(bed);
        }
        await bed.issue();
        assert.equal(bed.ca.authorities.current.generation, 2);
        assert.equal((await published(bed)).length, 4);
        assert.equal((await bed.signer.list()).length, 2);
        await assertConsistent(bed);
        await bed.close();
      }
    });
  }

  it('at any call of the token goes on', async (t) => {
    let countdown = Number.POSITIVE_INFINITY;
    const wrapSigner = (signer: Signer): Signer =>
      new Proxy(signer, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== 'function') {
            return value;
          }
          return (...args: unknown[]): unknown => {
            if (name === 'generate' || name === 'sign' || name === 'describe') {
              countdown -= 1;
              if (countdown < 0) {
                throw new SigningError('SIGNING_UNAVAILABLE', 'away');
              }
            }
            return value.apply(target, args);
          };
        },
      });
    for (let calls = 0; ; calls += 1) {
      const bed = await CaTestBed.open(t, { wrapSigner });
      countdown = calls;
      const isDone = await renew(bed).then(
        () => true,
        () => false,
      );
      countdown = Number.POSITIVE_INFINITY;
      if (isDone) {
        assert.ok(calls >= 5, 'a renewal has five calls of the token');
        return;
      }
      await assertConsistent(bed);
      await renew(bed);
      await assertConsistent(bed);
      await bed.close();
    }
  });
});

describe('a CA of before there were generations', () => {
  it('opens and is renewed', async (t) => {
    const bed = await CaTestBed.open(t);
    const { createdMs, generations } = bed.ca.authorities.record;
    const [only] = generations;
    assert(only !== undefined);
    const former = encodeSequence(
      encodeInteger(createdMs),
      encodeSequence(
        encodeSequence(
          encodeInteger(only.number),
          encodeUtf8String(only.keyLabel),
          encodeInteger(only.createdMs),
          encodeOctetString(only.certificate),
        ),
      ),
      encodeInteger(2),
    );
    await bed.store.transact('test: former record', async (transaction) => {
      transaction.put(new CaTables('gunma').authority, former);
    });
    await bed.reopen();
    await bed.issue();
    await renew(bed);
    await bed.reopen();
    await assertConsistent(bed);
    assert.equal((await published(bed)).length, 4);
  });
});

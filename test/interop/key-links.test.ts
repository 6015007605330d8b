/**
 * Link certificates to OpenSSL: what one key of the CA has issued verifies from the other's certificate, in both
 * directions and across types of keys, with lists (RFC 9810 §4.4, RFC 5280 §6.3.3). What a verifier needs for that is in
 * docs/decisions/0010.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import type { Policy } from '../../src/ca/policy/policy.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';
import { runCommand } from '../support/command-run.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const skip = skipWithout('openssl');
const DAY_MS = 86_400_000;

type KeyNames = Pick<Policy['keys']['authority'], 'type' | 'signature'>;

function withKey(key: KeyNames): Policy {
  const { keys } = smallGunma;
  return { ...smallGunma, keys: { ...keys, authority: { ...keys.authority, ...key } } };
}

const rsa: KeyNames = { type: 'rsa-2048', signature: 'rsa-pkcs1-sha256' };
const p256: KeyNames = { type: 'ec-p256', signature: 'ecdsa-sha256' };
const p384: KeyNames = { type: 'ec-p384', signature: 'ecdsa-sha384' };
const pss: KeyNames = { type: 'rsa-3072', signature: 'rsa-pss-sha256' };

type Life = { after(fn: () => unknown): void };

/** A CA that was renewed years after it was made, with a certificate under each key, as files. */
class RenewedCa {
  readonly #folder: string;
  readonly bed: CaTestBed;

  private constructor(folder: string, bed: CaTestBed) {
    this.#folder = folder;
    this.bed = bed;
  }

  static async open(
    life: Life,
    { from, to }: { readonly from: Policy; readonly to: Policy },
  ): Promise<RenewedCa> {
    const bed = await CaTestBed.open(life, { policy: from });
    const made = new RenewedCa(temporaryFolder(life), bed);
    await bed.clock.advance(4 * 365 * DAY_MS);
    made.#write('old-anchor', bed.ca.certificate.der);
    for (const name of ['old-good', 'old-revoked']) {
      made.#write(name, (await bed.issue()).certificate.der);
    }
    const oldRevoked = await bed.issue();
    made.#write('old-revoked', oldRevoked.certificate.der);
    await bed.reopen(to);
    await bed.ca.renewal.prepare(tester);
    const { certificate, links } = await bed.ca.renewal.switchOver(tester);
    assert(links !== undefined);
    made.#write('new-anchor', certificate);
    made.#write('old-with-new', links.oldWithNew);
    made.#write('new-with-old', links.newWithOld);
    await bed.clock.advance(DAY_MS);
    made.#write('new-good', (await bed.issue()).certificate.der);
    const newRevoked = await bed.issue();
    made.#write('new-revoked', newRevoked.certificate.der);
    for (const { serialNumber } of [oldRevoked, newRevoked]) {
      await bed.revoke(serialNumber);
    }
    await bed.clock.advance(2000);
    await bed.ca.publishAll(tester);
    for (const scope of ['10201', 'arl']) {
      const der = (await bed.ca.readList(scope)) ?? assert.fail();
      writeFileSync(join(made.#folder, `${scope}.pem`), encodePem('X509 CRL', der));
    }
    return made;
  }

  #write(name: string, der: Uint8Array): void {
    writeFileSync(this.#file(name), encodePem('CERTIFICATE', der));
  }

  #file(name: string): string {
    return join(this.#folder, `${name}.pem`);
  }

  /** `openssl verify` at the simulated time. @returns its complaint, empty when it has none. */
  async verify(
    name: string,
    given: {
      readonly from: string;
      readonly links?: readonly string[];
      readonly lists?: readonly string[];
      readonly options?: readonly string[];
    },
  ): Promise<string> {
    const { from, links = [], lists = [], options = [] } = given;
    const { status, stdout, stderr } = await runCommand('openssl', [
      ...['verify', '-attime', String(Math.floor(this.bed.clock.nowMs() / 1000))],
      ...['-CAfile', this.#file(from)],
      ...links.flatMap((link) => ['-untrusted', this.#file(link)]),
      ...lists.flatMap((list) => ['-CRLfile', this.#file(list)]),
      ...options,
      this.#file(name),
    ]);
    assert.equal(status === 0, /: OK\n/.test(stdout), stderr);
    return status === 0 ? '' : stderr;
  }
}

const both = [
  { name: 'old-good', from: 'new-anchor', link: 'old-with-new' },
  { name: 'new-good', from: 'old-anchor', link: 'new-with-old' },
] as const;

describe('a renewed CA to OpenSSL', { skip }, () => {
  const rows = [
    { why: 'RSA to ECDSA', from: rsa, to: p384 },
    { why: 'ECDSA to RSA-PSS with another size', from: p256, to: pss },
    { why: 'ECDSA to ECDSA', from: p256, to: p256 },
  ];
  for (const { why, from, to } of rows) {
    it(`${why}: verifies through its links in both directions, and not without them`, async (t) => {
      const ca = await RenewedCa.open(t, { from: withKey(from), to: withKey(to) });
      for (const { name, from: anchor, link } of both) {
        assert.equal(await ca.verify(name, { from: anchor, links: [link] }), '');
        assert.equal(await ca.verify(link, { from: anchor }), '');
        assert.notEqual(await ca.verify(name, { from: anchor }), '');
      }
      assert.equal(await ca.verify('old-good', { from: 'old-anchor' }), '');
      assert.equal(await ca.verify('new-good', { from: 'new-anchor' }), '');

      // Lists of the new key serve the certificates of both.
      const lists = ['10201'];
      const options = ['-crl_check'];
      const fromNew = { from: 'new-anchor', links: ['old-with-new'], lists };
      assert.equal(await ca.verify('new-good', { from: 'new-anchor', lists, options }), '');
      assert.equal(await ca.verify('old-good', { ...fromNew, options }), '');
      assert.match(await ca.verify('new-revoked', { ...fromNew, options }), /certificate revoked/);
      assert.match(await ca.verify('old-revoked', { ...fromNew, options }), /certificate revoked/);
      // From the older certificate the list's own path leads over the link (RFC 5280 6.3.3 f).
      const fromOld = { from: 'old-anchor', links: ['new-with-old'], lists };
      const extended = [...options, '-extended_crl'];
      for (const name of ['old', 'new']) {
        assert.equal(await ca.verify(`${name}-good`, { ...fromOld, options: extended }), '');
        const revoked = await ca.verify(`${name}-revoked`, { ...fromOld, options: extended });
        assert.match(revoked, /certificate revoked/);
      }
      // The links themselves are on the ARL's account.
      const all = { ...fromNew, lists: ['10201', 'arl'], options: ['-crl_check_all'] };
      assert.equal(await ca.verify('old-good', all), '');
    });
  }

  it('finds no way where certificates name the serial number of the older certificate', async (t) => {
    const profile = smallGunma.profiles['end-entity'];
    assert(profile !== undefined);
    const extensions = profile.extensions.map((one) =>
      one.type === 'authorityKeyIdentifier' ? { ...one, issuerAndSerial: true } : one,
    );
    const profiles = { ...smallGunma.profiles, 'end-entity': { ...profile, extensions } };
    const policy = { ...withKey(p256), profiles };
    const ca = await RenewedCa.open(t, { from: policy, to: policy });
    for (const { name, from, link } of both) {
      assert.match(await ca.verify(name, { from, links: [link] }), /unable to get local issuer/);
    }
  });
});

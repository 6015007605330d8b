/**
 * Ten years of a CA in simulated time, with two renewals of its key (the second to another type), restarts all along,
 * certificates issued and revoked: at every hour every list is valid, everything that was issued verifies from every
 * certificate that the CA's entry shows, and the first key is retired and leaves the entry.
 *
 * Lists come out every ten days and are valid for thirty, so that the run is short; every day, as the practice statement has it,
 * with `npm test -- --long`.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { IssuedCertificate } from '../../src/ca/certificates/issuance.ts';
import { Municipalities } from '../../src/ca/policy/municipality.ts';
import type { Policy } from '../../src/ca/policy/policy.ts';
import { parseSignatureAlgorithm } from '../../src/x509/algorithms.ts';
import { type Certificate, parseCertificate } from '../../src/x509/certificate.ts';
import { verifySignature } from '../../src/x509/verify-signature.ts';
import { faultsOf } from '../support/ca-consistency.ts';
import { CaTestBed, smallGunma, tester } from '../support/ca-test-bed.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const YEAR_MS = 365.25 * DAY_MS;
const startMs = Date.UTC(2026, 0, 5);
const endMs = startMs + 10.4 * YEAR_MS;
const isLong = process.env['CERTDIR_TEST_LONG'] === '1';

const cadence = isLong
  ? { periodHours: 24, validityHours: 72, warningAgeHours: 26, alarmAgeHours: 36 }
  : { periodHours: 240, validityHours: 720, warningAgeHours: 260, alarmAgeHours: 360 };

const { ocsp } = smallGunma;
assert(ocsp !== undefined);

/** As jlis-auth renews its key, with a full list for each generation as secom-gid has it. */
const policy: Policy = {
  ...smallGunma,
  keys: {
    ...smallGunma.keys,
    authority: { ...smallGunma.keys.authority, renewAfterYears: 4 },
  },
  municipalities: new Municipalities(smallGunma.municipalities.list.slice(0, 1)),
  ocsp: { ...ocsp, key: { type: 'ec-p256', signature: 'ecdsa-sha256' } },
  crl: {
    ...smallGunma.crl,
    ...cadence,
    scopes: [...smallGunma.crl.scopes, { id: 'full', partition: 'full' }],
  },
};
const later: Policy = {
  ...policy,
  keys: {
    ...policy.keys,
    authority: { ...policy.keys.authority, type: 'ec-p384', signature: 'ecdsa-sha384' },
  },
};

/** When a list was valid, and the keys that could have signed it. */
interface ListLife {
  readonly fromMs: number;
  readonly untilMs: number;
}

class TenYears {
  readonly #bed: CaTestBed;
  readonly #lists = new Map<string, ListLife[]>();
  readonly #issued: IssuedCertificate[] = [];
  readonly switches: number[] = [];
  retiredMs: number | undefined;

  constructor(bed: CaTestBed) {
    this.#bed = bed;
  }

  async run(): Promise<void> {
    const { clock } = this.#bed;
    await this.#noteFirst();
    let nextPersonMs = startMs;
    let nextLookMs = startMs;
    let nextRestartMs = startMs + YEAR_MS;
    while (clock.nowMs() < endMs) {
      const { ca } = this.#bed;
      const dues = [ca.nextDueMs(), ca.responder.dueMs, ca.retirement.dueMs, this.#renewalMs()];
      const soonest = Math.min(
        ...[...dues, nextPersonMs, nextLookMs, nextRestartMs].map((due) => due ?? endMs),
      );
      // Never quite on time.
      clock.setWallClock(Math.max(soonest + 1000, clock.nowMs() + 1000));
      await this.#doWhatIsDue();
      const nowMs = clock.nowMs();
      if (nowMs >= nextPersonMs) {
        await this.#issueAndRevoke();
        nextPersonMs = nowMs + 61 * DAY_MS;
      }
      if (nowMs >= nextLookMs) {
        await this.#look();
        nextLookMs = nowMs + 180 * DAY_MS;
      }
      if (nowMs >= nextRestartMs) {
        await this.#bed.reopen(nowMs < startMs + 5 * YEAR_MS ? policy : later);
        nextRestartMs = nowMs + YEAR_MS;
      }
    }
  }

  async #noteFirst(): Promise<void> {
    for (const { scope, published } of (await this.#bed.ca.status()).lists) {
      assert(published !== undefined);
      this.#note(scope.id, published.thisUpdateMs, published.nextUpdateMs);
    }
  }

  #note(scopeId: string, fromMs: number, untilMs: number): void {
    const lives = this.#lists.get(scopeId) ?? [];
    lives.push({ fromMs, untilMs });
    this.#lists.set(scopeId, lives);
  }

  /** Six weeks before the policy wants it; the switch follows a day after the key was made. */
  #renewalMs(): number {
    const { renewal } = this.#bed.ca;
    return (renewal.prepared?.stateSinceMs ?? renewal.dueMs - 45 * DAY_MS) + DAY_MS;
  }

  async #doWhatIsDue(): Promise<void> {
    const { ca, clock } = this.#bed;
    const nowMs = clock.nowMs();
    if (nowMs >= this.#renewalMs()) {
      await this.#renew();
    }
    for (const scopeId of ca.dueScopes(nowMs)) {
      const { thisUpdateMs, nextUpdateMs } = await ca.publish(scopeId, tester);
      this.#note(scopeId, thisUpdateMs, nextUpdateMs);
    }
    if ((ca.responder.dueMs ?? endMs) <= nowMs) {
      await ca.responder.renewDue(tester);
    }
    if ((ca.retirement.dueMs ?? endMs) <= nowMs) {
      await ca.retirement.run(tester);
      const [first] = ca.authorities.all;
      this.retiredMs ??= first?.state === 'retired' ? nowMs : undefined;
    }
  }

  async #renew(): Promise<void> {
    const { renewal } = this.#bed.ca;
    if (renewal.prepared === undefined) {
      assert.equal(renewal.warning, 3, 'it was told of a year and a quarter ahead');
      await renewal.prepare(tester);
      return;
    }
    await renewal.switchOver(tester);
    this.switches.push(this.#bed.clock.nowMs());
  }

  async #issueAndRevoke(): Promise<void> {
    const issued = await this.#bed.issue();
    this.#issued.push(issued);
    if (this.#issued.length % 4 === 0) {
      await this.#bed.revoke(issued.serialNumber);
    }
  }

  /**
   * Everything that is valid verifies from every self-signed certificate in the CA's entry; each key has a responder for
   * as long as there is something to ask about.
   */
  async #look(): Promise<void> {
    const { ca, clock } = this.#bed;
    const nowMs = clock.nowMs();
    const values = await this.#bed.published(policy.names.issuer, 'cACertificate');
    const shown = values.map((der) => parseCertificate(der));
    assert.ok(shown.every((one) => isValidAt(one, nowMs)));
    const anchors = shown.filter((one) => isSignedBy(one, one));
    assert.equal(
      anchors.length,
      ca.authorities.all.filter(
        ({ certificate, state }) => state !== 'made' && isValidAt(certificate, nowMs),
      ).length,
    );
    for (const { certificate } of this.#issued.filter((one) => isValidAt(one.certificate, nowMs))) {
      for (const anchor of anchors) {
        const when = new Date(nowMs).toISOString();
        assert.ok(hasPath(certificate, anchor, shown), `no path at ${when}`);
      }
    }
    for (const { generation, certificate: own } of ca.authorities.alive) {
      // Until its lists are over a key lives on after the last certificate that could be asked about.
      const isAsked = this.#issued.some(
        ({ certificate }) => isValidAt(certificate, nowMs) && isSignedBy(certificate, own),
      );
      if (!isAsked && generation !== ca.authorities.current.generation) {
        continue;
      }
      const responder = ca.responder.of(generation)?.certificate;
      assert.ok(responder !== undefined && isValidAt(responder, nowMs));
      assert.equal((await ca.findCertificate(responder.serialNumber))?.generation, generation);
    }
  }

  /** @throws {AssertionError} naming the first hour at which a list is not valid. */
  assertEveryHour(scopeId: string, fromMs: number, untilMs: number): void {
    const lives = this.#lists.get(scopeId) ?? assert.fail(`${scopeId} never came out`);
    let at = 0;
    for (let hourMs = fromMs; hourMs < untilMs; hourMs += HOUR_MS) {
      while ((lives[at + 1]?.fromMs ?? Number.POSITIVE_INFINITY) <= hourMs) {
        at += 1;
      }
      const life = lives[at];
      assert.ok(
        life !== undefined && life.fromMs <= hourMs && hourMs < life.untilMs,
        `${scopeId} at ${new Date(hourMs).toISOString()}`,
      );
    }
  }

  lastListMs(scopeId: string): number {
    return this.#lists.get(scopeId)?.at(-1)?.fromMs ?? 0;
  }
}

function isValidAt({ notBeforeMs, notAfterMs }: Certificate, nowMs: number): boolean {
  return notBeforeMs <= nowMs && nowMs < notAfterMs;
}

const known = new Map<string, boolean>();

function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  const key = `${certificate.serialNumber} ${issuer.serialNumber}`;
  const before = known.get(key);
  if (before !== undefined) {
    return before;
  }
  const { tbs: message, signature, signatureAlgorithm } = certificate;
  const algorithm = parseSignatureAlgorithm(signatureAlgorithm);
  const isIts = verifySignature({ spki: issuer.spki, algorithm, message, signature });
  known.set(key, isIts);
  return isIts;
}

/** From an anchor over links, each used once. */
function hasPath(target: Certificate, anchor: Certificate, shown: readonly Certificate[]): boolean {
  if (isSignedBy(target, anchor)) {
    return true;
  }
  return shown.some(
    (link) =>
      link !== target &&
      !isSignedBy(link, link) &&
      isSignedBy(target, link) &&
      hasPath(
        link,
        anchor,
        shown.filter((other) => other !== link),
      ),
  );
}

describe('ten years of a CA with two renewals', () => {
  it('have no hour without a valid list, and leave nothing that does not verify', async (t) => {
    const bed = await CaTestBed.open(t, { policy, startMs });
    const firstEndMs = bed.ca.certificate.notAfterMs;
    const years = new TenYears(bed);
    await years.run();
    const [second = 0, third = 0, ...more] = years.switches;
    assert.deepEqual(more, []);
    const retiredMs = years.retiredMs ?? assert.fail('the first key is retired');
    for (const scopeId of ['arl', 'operations', '10201']) {
      years.assertEveryHour(scopeId, startMs + HOUR_MS, endMs);
    }
    years.assertEveryHour('full-1', startMs + HOUR_MS, retiredMs);
    years.assertEveryHour('full-2', second + HOUR_MS, endMs);
    years.assertEveryHour('full-3', third + HOUR_MS, endMs);
    assert.ok(years.lastListMs('full-1') < retiredMs, 'no list of a key that is retired');
    assert.deepEqual(
      bed.ca.authorities.all.map(({ state, algorithm }) => [state, algorithm.digest]),
      [
        ['retired', 'sha256'],
        ['retiring', 'sha256'],
        ['current', 'sha384'],
      ],
    );
    assert.ok(firstEndMs < endMs);
    assert.equal((await bed.published(policy.names.issuer, 'cACertificate')).length, 4);
    assert.deepEqual(await faultsOf(bed), [], 'what certdir check finds');
  });
});

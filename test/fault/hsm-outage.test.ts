/**
 * An HSM in the network that is killed, hung and brought back while lists are published: a CA whose key is in SoftHSM
 * behind a p11-kit server. Nothing wrong is released, the lists that are out stay, and new ones follow within a minute.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { SigningError } from '../../src/signing/errors.ts';
import { openSignerProcess } from '../../src/signing/process/signer-process.ts';
import type { Signer } from '../../src/signing/signer.ts';
import { parseCertificateList } from '../../src/x509/certificate-list.ts';
import { verifySignature } from '../../src/x509/verify-signature.ts';
import { CaTestBed, tester } from '../support/ca-test-bed.ts';
import { P11KitServer, p11KitClient } from '../support/p11-kit-server.ts';
import { makeSofthsm, skipWithoutSofthsm, softhsmSettings, TOKEN_PIN } from '../support/softhsm.ts';

const skip = await skipWithoutSofthsm('p11-kit', 'p11-kit client module');
const DAY_MS = 86_400_000;
const RECOVERY_MS = 60_000;
const algorithm = { scheme: 'ecdsa', digest: 'sha256' } as const;

interface Outage {
  readonly bed: CaTestBed;
  readonly server: P11KitServer;
  readonly signer: Signer;
}

async function openCa(t: TestContext): Promise<Outage> {
  const softhsm = makeSofthsm(t);
  const server = await P11KitServer.start(t, softhsm);
  const signer = await openSignerProcess({
    token: {
      ...softhsmSettings(softhsm),
      modulePath: p11KitClient,
      environment: server.environment,
      sessions: 2,
    },
    passphrase: { text: TOKEN_PIN },
    clock: new SystemClock(),
    log: silentLog,
    timeouts: { callMs: 1_500 },
  });
  await signer.activate();
  const bed = await CaTestBed.open(t, { wrapSigner: () => signer });
  return { bed, server, signer };
}

/** Number and thisUpdate of every list that is out, each verified with the CA's key. */
async function listsOf({ bed }: Outage): Promise<ReadonlyMap<string, bigint>> {
  const { certificate, scopes } = bed.ca;
  const numbers = new Map<string, bigint>();
  for (const { id } of scopes.list) {
    const der = (await bed.ca.readList(id)) ?? assert.fail(`no list ${id}`);
    const { tbs: message, signature, nextUpdateMs, number } = parseCertificateList(der);
    assert.ok(verifySignature({ spki: certificate.spki, algorithm, message, signature }), id);
    assert.ok((nextUpdateMs ?? 0) > bed.clock.nowMs(), `${id} has ended`);
    numbers.set(id, number ?? assert.fail('no number'));
  }
  return numbers;
}

/** Publishes every list, trying again as the scheduler does; fails when it takes longer than a minute. */
async function publishWithinAMinute({ bed }: Outage): Promise<void> {
  const startMs = performance.now();
  for (const { id } of bed.ca.scopes.list) {
    for (;;) {
      try {
        await bed.ca.publish(id, tester);
        break;
      } catch (error) {
        assert.ok(error instanceof SigningError, String(error));
        assert.ok(performance.now() - startMs < RECOVERY_MS, 'no recovery within a minute');
        await pause(100);
      }
    }
  }
}

describe('an HSM that goes away while lists are published', { skip }, () => {
  const blows = [
    { name: 'killed and brought back', strike: (server: P11KitServer) => server.kill() },
    { name: 'hung, then replaced', strike: (server: P11KitServer) => server.hang() },
  ];
  for (const { name, strike } of blows) {
    it(name, async (t) => {
      const outage = await openCa(t);
      const { bed, server, signer } = outage;
      const before = await listsOf(outage);
      await bed.clock.advance(DAY_MS);
      const [first, ...others] = bed.ca.scopes.list;
      await bed.ca.publish(first?.id ?? '', tester);

      const pending = others.map(({ id }) => bed.ca.publish(id, tester));
      strike(server);
      const outcomes = await Promise.allSettled(pending);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') {
          assert.ok(outcome.reason instanceof SigningError, String(outcome.reason));
        }
      }
      // What is out is whole and still valid, and no number was used without a list.
      const during = await listsOf(outage);
      for (const [id, number] of during) {
        assert.ok(number - (before.get(id) ?? 0n) <= 1n, id);
      }
      assert.ok(outcomes.some(({ status }) => status === 'rejected'));

      server.kill();
      await server.start();
      await bed.clock.advance(3_600_000);
      await publishWithinAMinute(outage);
      assert.equal(await signer.isActive(), true);
      const after = await listsOf(outage);
      for (const [id, number] of after) {
        assert.equal(number, (during.get(id) ?? 0n) + 1n, id);
      }
    });
  }

  it('is away for 46 hours: the lists that are out last, and then new ones come', async (t) => {
    const outage = await openCa(t);
    const { bed, server } = outage;
    await bed.clock.advance(DAY_MS);
    await publishWithinAMinute(outage);
    server.kill();
    for (let hour = 0; hour < 46; hour += 23) {
      await bed.clock.advance(23 * 3_600_000);
      await assert.rejects(bed.ca.publish('arl', tester), SigningError);
      await listsOf(outage);
    }
    await server.start();
    await publishWithinAMinute(outage);
    await listsOf(outage);
  });
});

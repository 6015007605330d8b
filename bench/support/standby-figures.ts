/**
 * What a standby costs its primary: the rates of the store while a standby follows over HTTPS, in a process of its own on
 * the same machine and disk, to the rates without one in the same run.
 *
 * @module
 */

import { X509Certificate } from 'node:crypto';

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { SystemRandom } from '../../src/core/random.ts';
import { openReplicationServer } from '../../src/http/replication-server.ts';
import { makeTlsCertificate, type TlsCertificate } from '../../src/setup/tls-certificate.ts';
import { JournalFeed } from '../../src/store/journal/journal-feed.ts';
import { openLevelStore } from '../../src/store/level/level-store.ts';
import type { Store } from '../../src/store/store.ts';
import type { Measure } from './report.ts';
import type { FollowOrder } from './standby-child.ts';
import { Rounds } from './timing.ts';
import type { Workshop } from './workshop.ts';

const ROUNDS = 3;
const ADDRESS = '127.0.0.1';
const TIMEOUT_MS = 60_000;

type Mode = 'none' | 'asynchronous' | 'synchronous';

interface Rates {
  readonly rateOfOne: (store: Store) => Promise<number>;
  readonly rateOfMany: (store: Store) => Promise<number>;
}

const fingerprintOf = ({ certificatePem }: TlsCertificate): string =>
  new X509Certificate(certificatePem).fingerprint256.replaceAll(':', '').toLowerCase();

/** A primary in this process, and its standby in another. */
class Pair {
  readonly store: Store;
  readonly close: () => Promise<void>;

  private constructor(store: Store, close: () => Promise<void>) {
    this.store = store;
    this.close = close;
  }

  static async open(workshop: Workshop, mode: Mode): Promise<Pair> {
    const clock = new SystemClock();
    const order = { folder: workshop.path(`primary-${mode}`), clock, log: silentLog };
    if (mode === 'none') {
      const store = await openLevelStore(order);
      return new Pair(store, () => store.close());
    }
    const parts = { address: ADDRESS, clock, random: new SystemRandom() };
    const [own, others] = [makeTlsCertificate(parts), makeTlsCertificate(parts)];
    const standby = fingerprintOf(others);
    const onTimeout = 'stop' as const;
    const synchronous =
      mode === 'synchronous' ? { standby, timeoutMs: TIMEOUT_MS, onTimeout } : undefined;
    const feed = new JournalFeed({ clock, log: silentLog, synchronous });
    const store = await openLevelStore({ ...order, feed });
    const server = await openReplicationServer({
      ...{ service: feed, address: ADDRESS, port: 0, clients: [standby], log: silentLog },
      ...{ certificate: own.certificatePem, key: own.keyPem },
    });
    const helper = workshop.fork('standby-child');
    await helper.ask<boolean>({
      ...{ folder: workshop.path(`standby-${mode}`), url: server.url },
      ...{ certificate: others.certificatePem, key: others.keyPem, server: fingerprintOf(own) },
    } satisfies FollowOrder);
    return new Pair(store, async () => {
      await helper.close();
      await server.close();
      await store.close();
    });
  }
}

/** Rates with a standby; the peer's are those without one. */
export async function measureStandbys(
  workshop: Workshop,
  { rateOfOne, rateOfMany }: Rates,
): Promise<readonly Measure[]> {
  const modes = ['none', 'asynchronous', 'synchronous'] as const;
  const pairs = new Map<Mode, Pair>();
  for (const mode of modes) {
    pairs.set(mode, await Pair.open(workshop, mode));
  }
  const rates = new Rounds();
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [mode, { store }] of pairs) {
        rates.add(`${mode} 1`, await rateOfOne(store));
        rates.add(`${mode} 64`, await rateOfMany(store));
      }
    }
  } finally {
    await Promise.all([...pairs.values()].map((pair) => pair.close()));
  }
  return (['asynchronous', 'synchronous'] as const).flatMap((mode) =>
    ['1', '64'].map((callers) => ({
      name: `${mode} standby, ${callers === '1' ? '1 caller' : '64 callers'}`,
      ...{ unit: '/s' as const, ours: rates.of(`${mode} ${callers}`) },
      peer: rates.of(`none ${callers}`),
    })),
  );
}

/**
 * Any sequence of ordering, fetching, delivering, discarding, revoking and waiting, with the process killed at any
 * transaction and at any write of the vault, leaves what a naive book of deliveries says: each order has one certificate,
 * what was acknowledged holds, a key lies ready exactly while its delivery says so, and no key is left behind.
 */

import assert from 'node:assert/strict';
import { it } from 'node:test';

import fc from 'fast-check';

import { parseSerialNumber } from '../../src/ca/certificates/serial-number.ts';
import type { DeliveryRecord } from '../../src/ca/delivery/delivery-record.ts';
import type { DeliveryVault } from '../../src/ca/delivery/delivery-vault.ts';
import type { Policy } from '../../src/ca/policy/policy.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import { assertConsistent } from '../support/ca-consistency.ts';
import { CaTestBed, collect, hanako, tester } from '../support/ca-test-bed.ts';
import { cardPolicy, filePolicy, sampleCard } from '../support/delivery-policies.ts';
import { MortalStore } from '../support/mortal-store.ts';

const HOUR = 3_600_000;
const PEOPLE = 3;

type Act = 'order' | 'fetch' | 'deliver' | 'discard' | 'revoke';
type Step =
  | { readonly kind: Act; readonly who: number; readonly death: Death | undefined }
  | { readonly kind: 'wait'; readonly hours: number }
  | { readonly kind: 'sweep'; readonly death: Death | undefined };

interface Death {
  readonly where: 'store' | 'vault';
  readonly after: number;
  readonly moment: 'before' | 'after';
}

const death: fc.Arbitrary<Death | undefined> = fc.option(
  fc.record({
    where: fc.constantFrom('store' as const, 'vault' as const),
    after: fc.nat(3),
    moment: fc.constantFrom('before' as const, 'after' as const),
  }),
  { nil: undefined },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom<Act>('order', 'order', 'fetch', 'deliver', 'discard', 'revoke'),
      who: fc.nat(PEOPLE - 1),
      death,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      hours: fc.constantFrom(1, 24, 31 * 24),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('sweep' as const), death }) },
);

/** A vault that dies with the store, or by itself. */
class MortalVault implements DeliveryVault {
  readonly #vault: DeliveryVault;
  readonly #fate: Fate;

  constructor(vault: DeliveryVault, fate: Fate) {
    this.#vault = vault;
    this.#fate = fate;
  }

  put(name: string, bytes: Uint8Array): Promise<void> {
    return this.#fate.write(() => this.#vault.put(name, bytes));
  }

  erase(name: string): Promise<void> {
    return this.#fate.write(() => this.#vault.erase(name));
  }

  read(name: string): Promise<Uint8Array | undefined> {
    return this.#vault.read(name);
  }

  names(): Promise<readonly string[]> {
    return this.#vault.names();
  }
}

class Fate {
  countdown = Number.POSITIVE_INFINITY;
  moment: Death['moment'] = 'before';
  onDeath: () => void = () => undefined;
  isDead = false;

  async write(act: () => Promise<void>): Promise<void> {
    this.countdown -= 1;
    if (!this.isDead && this.countdown >= 0) {
      await act();
      return;
    }
    if (!this.isDead && this.moment === 'after') {
      await act();
    }
    this.isDead = true;
    this.onDeath();
    throw new Error('died in the vault');
  }
}

interface Entry {
  readonly order: string;
  serialNumber: string;
  state: DeliveryRecord['state'];
}

class Life {
  readonly #bed: CaTestBed;
  readonly #policy: Policy;
  readonly #stores: MortalStore[];
  #fate: Fate;
  readonly #newFate: () => Fate;
  /** Every order that ever was acknowledged. */
  readonly #book = new Map<string, Entry>();
  /** The order that a person has running. */
  readonly #running = new Map<number, string>();
  #orders = 0;

  constructor(parts: {
    readonly bed: CaTestBed;
    readonly policy: Policy;
    readonly stores: MortalStore[];
    readonly newFate: () => Fate;
  }) {
    this.#bed = parts.bed;
    this.#policy = parts.policy;
    this.#stores = parts.stores;
    this.#newFate = parts.newFate;
    this.#fate = parts.newFate();
  }

  async take(step: Step): Promise<void> {
    if (step.kind === 'wait') {
      await this.#bed.clock.advance(step.hours * HOUR);
      return;
    }
    const act = this.#actOf(step);
    if (act === undefined) {
      return;
    }
    this.#arm(step.death);
    try {
      await act();
      this.#disarm();
    } catch (error) {
      if (isCertdirError(error) && error.code.startsWith('CA_') && !this.#hasDied()) {
        this.#disarm();
        throw error;
      }
      // Killed: whoever asked asks again once it runs.
      await this.#restart();
      await act();
    }
  }

  #actOf(step: Exclude<Step, { readonly kind: 'wait' }>): (() => Promise<void>) | undefined {
    if (step.kind === 'sweep') {
      return async () => {
        await this.#bed.ca.delivery.eraseDue();
      };
    }
    const running = this.#running.get(step.who);
    if (step.kind === 'order') {
      return running === undefined ? this.#ordering(step.who) : undefined;
    }
    const entry = running === undefined ? undefined : this.#book.get(running);
    return entry && this.#acting(step.kind, step.who, entry);
  }

  #ordering(who: number): () => Promise<void> {
    this.#orders += 1;
    const order = `order ${this.#orders}`;
    const attributes = { ...hanako, commonName: `群馬　${'一二三'[who]}子` };
    const issue = {
      ...{ profile: 'end-entity', municipality: '10201', origin: tester },
      subjectAttributes: attributes,
    };
    const isForCard = this.#policy === cardPolicy;
    return async () => {
      const transportKey = isForCard ? { transportKey: sampleCard().spki } : {};
      const { serialNumber } = await this.#bed.ca.delivery.prepare({
        order,
        issue,
        ...transportKey,
      });
      this.#book.set(order, { order, serialNumber, state: 'prepared' });
      this.#running.set(who, order);
    };
  }

  #acting(kind: Exclude<Act, 'order'>, who: number, entry: Entry): () => Promise<void> {
    const act = { serialNumber: parseSerialNumber(entry.serialNumber), origin: tester };
    const { delivery } = this.#bed.ca;
    const end = (state: Entry['state']): void => {
      entry.state = state;
      if (state === 'discarded') {
        this.#running.delete(who);
      }
    };
    switch (kind) {
      case 'fetch':
        return () => passing(['CA_DELIVERY_GONE'], () => this.#bed.ca.delivery.fetch(act, tester));
      case 'deliver':
        return async () => {
          await passing(['CA_DELIVERY_STATE'], () => this.#bed.ca.delivery.deliver(act));
          end(entry.state === 'prepared' ? 'delivered' : entry.state);
        };
      case 'discard':
        return async () => {
          const before = entry.state;
          await passing(['CA_DELIVERY_STATE'], () => this.#bed.ca.delivery.discard(act));
          end(before === 'prepared' ? 'discarded' : before);
        };
      case 'revoke':
        return async () => {
          await passing(['CA_ALREADY_REVOKED'], () =>
            this.#bed.ca.revoke({ ...act, reason: 'cessationOfOperation' }),
          );
          await delivery.dueMs;
          await passing([], () => this.#bed.ca.delivery.eraseDue());
          end(entry.state === 'prepared' ? 'discarded' : entry.state);
          this.#running.delete(who);
        };
    }
  }

  #arm(at: Death | undefined): void {
    if (at?.where === 'store') {
      this.#stores.at(-1)?.arm(at.after, at.moment);
    } else if (at?.where === 'vault') {
      this.#fate.countdown = at.after;
      this.#fate.moment = at.moment;
      // A process that has died writes nothing any more.
      this.#fate.onDeath = () => this.#stores.at(-1)?.arm(0, 'before');
    }
  }

  #disarm(): void {
    this.#stores.at(-1)?.arm(Number.POSITIVE_INFINITY, 'before');
    this.#fate.countdown = Number.POSITIVE_INFINITY;
  }

  #hasDied(): boolean {
    return this.#fate.isDead || this.#stores.at(-1)?.isWritable === false;
  }

  async #restart(): Promise<void> {
    this.#fate = this.#newFate();
    await this.#bed.reopen(this.#policy);
  }

  /** Looks at everything, after a last restart and what the schedule does first. */
  async assertAsBooked(): Promise<void> {
    this.#disarm();
    await this.#restart();
    const { ca, vault } = this.#bed;
    await ca.delivery.eraseDue();
    const certificates = await collect(ca.listCertificates({ scopeId: '10201' }));
    assert.equal(certificates.length, this.#book.size, 'a certificate for each order');
    const shelves = new Set((await vault.names()).map((name) => name.split('.')[0]));
    for (const { serialNumber, state } of this.#book.values()) {
      const record = await ca.delivery.find(parseSerialNumber(serialNumber));
      assert.equal(record?.state, state);
      const isReady = record?.key === 'held' || record?.password === 'held';
      assert.equal(shelves.delete(record?.shelf), isReady, `shelf of ${serialNumber}`);
      if (record?.key === 'held') {
        await ca.delivery.fetch({ serialNumber: parseSerialNumber(serialNumber) }, tester);
      }
    }
    assert.equal(shelves.size, 0, 'no key is left behind');
    await assertConsistent(this.#bed);
  }
}

/** What a person would take for done. */
async function passing(codes: readonly string[], act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isCertdirError(error) || !codes.includes(error.code)) {
      throw error;
    }
  }
}

/** A bed whose process can be killed. */
async function openMortal(
  t: { after(fn: () => unknown): void },
  policy: Policy,
): Promise<{
  readonly bed: CaTestBed;
  readonly stores: MortalStore[];
  readonly newFate: () => Fate;
}> {
  const stores: MortalStore[] = [];
  let fate = new Fate();
  const bed = await CaTestBed.open(t, {
    policy,
    wrapStore: (store) => {
      const mortal = new MortalStore(store);
      stores.push(mortal);
      return mortal;
    },
    wrapVault: (vault) => new MortalVault(vault, fate),
  });
  const newFate = (): Fate => {
    fate = new Fate();
    return fate;
  };
  return { bed, stores, newFate };
}

const deaths: readonly Death[] = (['store', 'vault'] as const).flatMap((where) =>
  [0, 1, 2, 3].flatMap((after) =>
    (['before', 'after'] as const).flatMap((moment) => [
      { where, after, moment },
      { where, after, moment },
    ]),
  ),
);

for (const [name, policy] of [
  ['a key for a card', cardPolicy],
  ['a file for a subscriber', filePolicy],
] as const) {
  it(`${name}: killed at every step of an order, and ordered again or given up`, async (t) => {
    const { bed, stores, newFate } = await openMortal(t, policy);
    let killed = 0;
    for (const [index, { where, after, moment }] of deaths.entries()) {
      const fate = newFate();
      await bed.reopen(policy);
      const house = String.fromCodePoint(0xff21 + (index % 26));
      const address = `群馬県前橋市${index < 26 ? '一' : '二'}番地${house}`;
      const order = {
        order: `order ${index}`,
        issue: {
          ...{ profile: 'end-entity', municipality: '10201', origin: tester },
          subjectAttributes: { ...hanako, address },
        },
        ...(policy === cardPolicy ? { transportKey: sampleCard().spki } : {}),
      };
      if (where === 'store') {
        stores.at(-1)?.arm(after, moment);
      } else {
        Object.assign(fate, { countdown: after, moment });
        fate.onDeath = () => stores.at(-1)?.arm(0, 'before');
      }
      const made = await bed.ca.delivery.prepare(order).then(
        (record) => record,
        () => undefined,
      );
      killed += made === undefined ? 1 : 0;
      newFate();
      await bed.reopen(policy);
      const isGivenUp = index % 2 === 1;
      const again = isGivenUp ? undefined : await bed.ca.delivery.prepare(order);
      if (made !== undefined && again !== undefined) {
        assert.equal(again.serialNumber, made.serialNumber, 'what was acknowledged');
      }
      await bed.ca.delivery.eraseDue();
      await assertNothingElse(bed);
      await bed.clock.advance(1000);
    }
    assert.ok(killed >= 12, `${killed} killed`);
  });
}

/** Each certificate has its delivery and its key, and there are no other keys. */
async function assertNothingElse(bed: CaTestBed): Promise<void> {
  const open = await collect(bed.ca.delivery.list({ open: true }));
  const shelves = new Set((await bed.vault.names()).map((one) => one.split('.')[0]));
  assert.deepEqual([...shelves].sort(), open.map(({ shelf }) => shelf).sort());
  for (const { serialNumber } of open) {
    const by = { serialNumber: parseSerialNumber(serialNumber) };
    assert.ok((await bed.ca.delivery.fetch(by, tester)).bytes.length > 0);
  }
  const certificates = await collect(bed.ca.listCertificates({ scopeId: '10201' }));
  assert.equal(certificates.length, open.length, 'no certificate without its delivery');
}

for (const [name, policy] of [
  ['keys for cards', cardPolicy],
  ['files for subscribers', filePolicy],
] as const) {
  it(`${name}: nothing acknowledged is lost, no key is left, no certificate is made twice`, async (t) => {
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 3, maxLength: 12 }),
      async (steps) => {
        const endings: (() => unknown)[] = [];
        try {
          const ends = { after: (end: () => unknown) => void endings.push(end) };
          const { bed, stores, newFate } = await openMortal(ends, policy);
          const life = new Life({ bed, policy, stores, newFate });
          await bed.reopen(policy);
          for (const one of steps) {
            await life.take(one);
          }
          await life.assertAsBooked();
        } finally {
          for (const end of endings.reverse()) {
            await end();
          }
        }
      },
    );
    await fc.assert(property, { seed: 11, numRuns: t.name.startsWith('files') ? 4 : 8 });
  });
}

/**
 * What a server is put under when it is to be killed: certificates are issued, revoked and published through its
 * operations, and the directory is changed over LDAPS, all at once; each answer is told before the next act.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';

import { isCertdirError } from '../../src/core/errors.ts';
import type { Operations } from '../../src/http/operations.ts';
import { encodePem } from '../../src/x509/pem.ts';
import type { KillOrders, KillReport } from './kill-acts.ts';
import {
  addOperation,
  bindOperation,
  deleteOperation,
  modifyOperation,
} from './ldap-request-bytes.ts';
import { LdapTestClient } from './ldap-test-client.ts';
import { SeededRandom } from './seeded-random.ts';
import { sampleKey, sampleRequest } from './x509-samples.ts';

type LoadOrders = Omit<KillOrders, 'folder'>;

const operator = { name: 'tester' };
const municipalities = ['10201', '10202', '10203', '10204'] as const;
const reasons = ['keyCompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation'];
const ISSUERS = 3;
const WRITERS = 2;
/** Of a writer's acts, after the addition of an entry. */
const REPLACE = 2;

function fullWidth(text: string): string {
  return text.replaceAll(/[0-9]/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)));
}

const pick = <T>(random: SeededRandom, items: readonly T[]): T => {
  const item = items[random.below(items.length)];
  assert.ok(item !== undefined, 'something to choose from');
  return item;
};

/** One client of a server, or several: each act is told before the next one is begun. */
export class KillLoad {
  readonly #orders: LoadOrders;
  readonly #operations: Operations;
  readonly #revocable: string[];
  readonly #report: (report: KillReport) => Promise<void>;
  #people = 0;

  constructor(
    orders: LoadOrders,
    operations: Operations,
    report: (report: KillReport) => Promise<void>,
  ) {
    this.#orders = orders;
    this.#operations = operations;
    this.#report = report;
    this.#revocable = [...orders.revocable];
  }

  async issue(random: SeededRandom): Promise<void> {
    this.#people += 1;
    const person = `${this.#orders.seed}-${this.#people}`;
    const request = encodePem('CERTIFICATE REQUEST', sampleRequest(sampleKey('p256', person)));
    const issued = await this.#operations.issue(
      {
        request,
        municipality: pick(random, municipalities),
        attributes: {
          commonName: '見本　花子',
          gender: '2',
          dateOfBirth: '1990-04-01',
          address: `群馬県前橋市${fullWidth(person.replaceAll('-', 'の'))}`,
        },
      },
      operator,
    );
    const { serialNumber, certificate } = issued;
    const sha256 = createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex');
    await this.#report({ kind: 'issued', serialNumber, sha256 });
    this.#revocable.push(serialNumber);
  }

  async revoke(random: SeededRandom): Promise<void> {
    if (this.#revocable.length === 0) {
      await this.issue(random);
    }
    const [serialNumber = ''] = this.#revocable.splice(random.below(this.#revocable.length), 1);
    const reason = pick(random, reasons);
    await this.#report({ kind: 'revoking', serialNumber, reason });
    try {
      await this.#operations.revoke({ serialNumber, reason }, operator);
      await this.#report({ kind: 'revoked', serialNumber, reason });
    } catch (error) {
      // A revocation that a kill left unanswered may have happened.
      assert.ok(isCertdirError(error) && error.code === 'CA_ALREADY_REVOKED', String(error));
    }
  }

  async publish(random: SeededRandom): Promise<void> {
    const scopes = [pick(random, [...municipalities, 'arl'])];
    for (const list of await this.#operations.publish({ scopes }, operator, () => undefined)) {
      const { scope, crlNumber: number, sha256 } = list;
      await this.#report({ kind: 'published', scope, number, sha256 });
    }
  }

  /** Adds, changes and deletes entries, one after the other. */
  async write(random: SeededRandom, client: LdapTestClient, writer: number): Promise<void> {
    const name = `w${writer}-${this.#orders.seed}-${random.below(2 ** 32)}`;
    const dn = `cn=${name},o=JPKI,c=JP`;
    const describe = (): string => `about ${random.below(2 ** 32)}`;
    const done = async (operation: Uint8Array, description?: string): Promise<void> => {
      const what = description === undefined ? { dn } : { dn, description };
      await this.#report({ kind: 'writing', ...what });
      const { resultCode, diagnosticMessage } = await client.ask(operation);
      assert.equal(resultCode, 0, diagnosticMessage);
      await this.#report({ kind: 'written', ...what });
    };
    const first = describe();
    const attributes = [
      { type: 'objectClass', values: ['device'] },
      { type: 'cn', values: [name] },
      { type: 'description', values: [first] },
    ];
    await done(addOperation(dn, attributes), first);
    if (random.below(2) === 0) {
      const next = describe();
      const change = { operation: REPLACE, type: 'description', values: [next] };
      await done(modifyOperation(dn, [change]), next);
    }
    if (random.below(3) === 0) {
      await done(deleteOperation(dn));
    }
  }

  async connect(url: string): Promise<LdapTestClient> {
    const client = await LdapTestClient.connectTls(Number(new URL(url).port));
    const { administratorDn, administratorPassword } = this.#orders;
    const { resultCode } = await client.ask(bindOperation(administratorDn, administratorPassword));
    assert.equal(resultCode, 0, 'the administrator is bound');
    return client;
  }

  /** All of it at once, until an act fails. */
  async run(ldapsUrl: string): Promise<never> {
    const random = (act: string): SeededRandom => new SeededRandom(`${this.#orders.seed} ${act}`);
    const writer = async (number: number): Promise<never> => {
      const client = await this.connect(ldapsUrl);
      const own = random(`write ${number}`);
      return forEver(() => this.write(own, client, number));
    };
    const running = [
      ...Array.from({ length: ISSUERS }, (_none, number) => {
        const own = random(`issue ${number}`);
        return forEver(() => this.issue(own));
      }),
      forEver(this.revoke.bind(this, random('revoke'))),
      forEver(this.publish.bind(this, random('publish'))),
      ...Array.from({ length: WRITERS }, (_none, number) => writer(number)),
    ];
    return await Promise.race(running);
  }
}

async function forEver(act: () => Promise<void>): Promise<never> {
  for (;;) {
    await act();
  }
}

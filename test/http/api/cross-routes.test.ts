/**
 * Two CAs exchange certificates over their APIs: each step by those whom the policy lets take it, by five people where a
 * certificate is issued, accepted or revoked (gunma 4-6 to 4-10, 5-2-1-1 (3) to (6)).
 */

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Policy } from '../../../src/ca/policy/policy.ts';
import { parseCertificatePair } from '../../../src/x509/certificate-pair.ts';
import { ApiBed } from '../../support/api-bed.ts';
import type { ApiAnswer, ClientCertificate } from '../../support/api-client.ts';
import { smallGunma } from '../../support/ca-test-bed.ts';
import { smallBca } from '../../support/cross-exchange.ts';

const staff = {
  reception: 'reception',
  examiner: 'examiner',
  approver: 'approver',
  senior: 'seniorOperator',
  otherSenior: 'seniorOperator',
  auditor: 'internalAuditor',
} as const;
type Name = keyof typeof staff;

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly hash: string;
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly failure: unknown;
}

interface Standing {
  readonly state: string;
  readonly issued: readonly { readonly pem: string; readonly receipt: string | null }[];
  readonly received: readonly { readonly receipt: string | null }[];
  readonly pair: string | null;
}

class Party {
  readonly bed: ApiBed;
  readonly #peer: string;
  readonly #certificates = new Map<Name, ClientCertificate>();

  private constructor(bed: ApiBed, peer: string) {
    this.bed = bed;
    this.#peer = peer;
  }

  static async open(t: TestContext, policy: Policy, peer: string): Promise<Party> {
    const { cross } = policy;
    assert(cross !== undefined);
    // The directories of both are tried in test/story/bca.test.ts.
    const untested = { ...policy, cross: { ...cross, connectionTest: false } };
    const party = new Party(await ApiBed.open(t, { policy: untested }), peer);
    for (const [name, role] of Object.entries(staff)) {
      const certificate = party.bed.clientCertificate();
      party.#certificates.set(name as Name, certificate);
      await party.bed.operator(name, [role], { certificate });
    }
    return party;
  }

  async ask(name: Name, path: string, body?: unknown): Promise<ApiAnswer> {
    const client = this.#certificates.get(name);
    assert(client !== undefined);
    return await this.bed.ask({
      ...{ path, client, method: body === undefined ? 'GET' : 'POST' },
      ...(body === undefined ? {} : { body }),
    });
  }

  async peer<T>(what: string, body?: unknown, name: Name = 'senior'): Promise<T> {
    const answer = await this.ask(name, `/cross/peers/${this.#peer}${what}`, body);
    assert.equal(answer.status, 200, answer.text);
    return answer.body as T;
  }

  get standing(): Promise<Standing> {
    return this.peer<Standing>('');
  }

  /** A request through all five hands. */
  async pass(kind: string, input: object): Promise<Shown> {
    const given = { kind, input: { peer: this.#peer, ...input } };
    const submitted = await this.ask('reception', '/requests', given);
    assert.equal(submitted.status, 201, submitted.text);
    const { id, hash } = submitted.body as Shown;
    let last = submitted;
    for (const [name, step] of [
      ['examiner', 'examine'],
      ['approver', 'approve'],
      ['senior', 'execute'],
      ['otherSenior', 'execute'],
    ] as const) {
      last = await this.ask(name, `/requests/${id}/${step}`, step === 'examine' ? {} : { hash });
      assert.equal(last.status, 200, last.text);
    }
    const shown = last.body as Shown;
    assert.deepEqual([shown.state, shown.failure], ['executed', null]);
    return shown;
  }
}

async function bringRequest(of: Party, by: Party): Promise<void> {
  const { pem, certificate } = await of.peer<{
    readonly pem: string;
    readonly certificate: { readonly pem: string; readonly sha256: string };
  }>('/request', {});
  const given = { request: pem, certificate: certificate.pem, fingerprint: certificate.sha256 };
  const { findings, isTaken } = await by.peer<{ findings: unknown[]; isTaken: boolean }>(
    '/examination',
    given,
  );
  assert.deepEqual([findings, isTaken], [[], true]);
}

/** `by` issues for `of`, which accepts; the receipt goes back. @returns whether there is a pair at either side. */
async function certify(of: Party, by: Party): Promise<readonly unknown[]> {
  await by.pass('cross-issue', {});
  const certificate = (await by.standing).issued[0]?.pem;
  const accepted = await of.pass('cross-accept', { certificate });
  const text = (await of.standing).received[0]?.receipt;
  const { isPaired } = await by.peer<{ isPaired: boolean }>('/receipt', { text });
  return [accepted.result?.['isPaired'], isPaired];
}

describe('cross-certification over the API', () => {
  it('goes through the hands of five people, ends with a pair, and ends', async (t) => {
    const gunma = await Party.open(t, smallGunma, 'bca');
    const bca = await Party.open(t, smallBca, 'gunma');
    const early = await gunma.ask('reception', '/requests', {
      kind: 'cross-issue',
      input: { peer: 'bca' },
    });
    assert.deepEqual(
      [early.status, (early.body as { errors: { code: string }[] }).errors.map(({ code }) => code)],
      [422, ['CA_CROSS_STATE']],
    );
    await bringRequest(gunma, bca);
    await bringRequest(bca, gunma);
    assert.deepEqual(await certify(gunma, bca), [false, false]);
    assert.deepEqual(await certify(bca, gunma), [true, true]);
    const { pair, state } = await gunma.standing;
    assert.equal(state, 'certified');
    assert.notEqual(
      parseCertificatePair(Buffer.from(pair ?? '', 'base64')).issuedToThisCa,
      undefined,
    );

    const again = await gunma.ask('reception', '/requests', {
      kind: 'cross-accept',
      input: { peer: 'bca', certificate: (await bca.standing).issued[0]?.pem },
    });
    assert.equal(again.status, 422, 'it was accepted before');
    await gunma.pass('cross-revoke', { reason: 'cessationOfOperation' });
    assert.equal((await gunma.standing).state, 'cancelled');
  });

  it('is for those alone whom the policy names', async (t) => {
    const gunma = await Party.open(t, smallGunma, 'bca');
    for (const name of ['reception', 'examiner', 'auditor'] as const) {
      for (const [path, body] of [
        ['/cross/peers', undefined],
        ['/cross/peers/bca/request', {}],
        ['/cross/peers/bca/receipt', { text: 'a', isPaper: true }],
      ] as const) {
        assert.equal((await gunma.ask(name, path, body)).status, 403, `${name} ${path}`);
      }
    }
    const input = { peer: 'bca', reason: 'superseded' };
    const submitted = await gunma.ask('senior', '/requests', { kind: 'cross-revoke', input });
    assert.equal(submitted.status, 403);
    const unknown = await gunma.ask('senior', '/cross/peers/nobody');
    assert.equal(unknown.status, 404);
  });
});

/**
 * Every role of every shipped policy tries everything that there is: only what the policy lets it do succeeds.
 */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { reading } from '../../src/ca/ca-core.ts';
import { People } from '../../src/ca/policy/people.ts';
import type { PeopleDefinition } from '../../src/ca/policy/people-schema.ts';
import {
  otherPermissions,
  type Permission,
  type RequestKindName,
  type RequestStep,
  stepPermission,
} from '../../src/ca/policy/permissions.ts';
import { loadPolicy, type Policy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { Duty } from '../../src/ca/requests/duty.ts';
import type { RequestKind } from '../../src/ca/requests/request-kind.ts';
import type { RequestReport } from '../../src/ca/requests/request-report.ts';
import type { Acting, Requests } from '../../src/ca/requests/requests.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import { type CaTestBed, smallGunma } from '../support/ca-test-bed.ts';
import { addOperatorEntry, PeopleBed } from '../support/people-bed.ts';
import { openRequests, toyKind } from '../support/toy-requests.ts';

const presets = readdirSync(dirname(shippedPolicyFile('gunma')))
  .filter((name) => name.endsWith('.yaml') && !name.startsWith('municipalities'))
  // Tokyo's people are Gunma's (presets.test.ts).
  .filter((name) => name !== 'tokyo.yaml')
  .map((name) => name.replace('.yaml', ''));

let made = 0;

const policies = await Promise.all(
  presets.map(async (preset) => [preset, await loadPolicy(shippedPolicyFile(preset))] as const),
);

for (const [preset, { people }] of policies) {
  describe(`the people of ${preset}`, { skip: people === undefined }, () => {
    assert.ok(people !== undefined);
    // A small CA with these people: who may do what hangs on nothing else.
    const policy: Policy = { ...smallGunma, people };
    const kinds = new People(policy).kinds;

    it('take the steps that their roles are for, each role and each step of each kind', async (t) => {
      const { bed, requests, staff } = await open(t, policy, kinds);
      for (const kind of kinds) {
        let request: RequestReport | undefined;
        for (const step of stepsOf(people, kind)) {
          const holders: readonly string[] = people.permissions[stepPermission(kind, step)] ?? [];
          for (const [role, person] of Object.entries(staff)) {
            if (!holders.includes(role)) {
              const code = await codeOf(take(requests, { kind, step, request, by: person }));
              assert.equal(code, 'CA_NOT_PERMITTED', `${role} ${kind} ${step}`);
            }
          }
          const by = await fresh(bed, holders[0] ?? '');
          request = await take(requests, { kind, step, request, by });
          if (request.next !== null) {
            // The next step is nobody's who took this one.
            const next = request.next;
            const code = await codeOf(take(requests, { kind, step: next, request, by }));
            assert.ok(
              code === 'CA_NOT_PERMITTED' || code === 'CA_SAME_PERSON' || next === step,
              `${holders[0]} ${kind} ${step}, then ${next}: ${code}`,
            );
          }
        }
        assert.equal(request?.state, 'executed', kind);
      }
    });

    it('are alone in none: whoever had all roles of a kind takes one of its steps', async (t) => {
      const undivided = { ...policy, people: { ...people, separate: [] } };
      const { bed, requests } = await open(t, undivided, kinds);
      for (const kind of kinds) {
        const steps = stepsOf(people, kind);
        const roles = steps.flatMap((step) => people.permissions[stepPermission(kind, step)] ?? []);
        const all = await fresh(bed, ...new Set(roles));
        const request = await take(requests, { kind, step: 'receive', by: all });
        for (const step of [...new Set(steps.slice(1))]) {
          const code = await codeOf(take(requests, { kind, step, request, by: all }));
          const isTurn = request.next === step;
          assert.equal(code, isTurn ? 'CA_SAME_PERSON' : 'CA_REQUEST_STATE', `${kind} ${step}`);
        }
      }
    });

    it('have the other permissions by their roles alone', async (t) => {
      const { bed, staff } = await open(t, policy, []);
      const duty = new Duty({ ...bed.options, accounts: bed.directory.accounts });
      for (const permission of otherPermissions satisfies readonly Permission[]) {
        for (const [role, { operator }] of Object.entries(staff)) {
          const isHolder: boolean = people.permissions[permission]?.includes(role) === true;
          const expectation = reading(bed.store, (view) =>
            duty.expect(view, operator, { permission }),
          );
          const code = await codeOf(expectation);
          assert.equal(code, isHolder ? undefined : 'CA_NOT_PERMITTED', `${role} ${permission}`);
        }
      }
    });
  });
}

/** Somebody with these roles whom nobody else is. */
async function fresh(bed: CaTestBed, ...roles: readonly string[]): Promise<Acting> {
  made += 1;
  return await addOperatorEntry(bed, `person ${made}`, { roles, partitions: ['10201'] });
}

/** Each step as often as people take it. */
function stepsOf({ requests }: PeopleDefinition, kind: RequestKindName): readonly RequestStep[] {
  const route = requests[kind];
  assert.ok(route !== undefined);
  return route.steps.flatMap((step) => {
    const times = { receive: 1, examine: 1, approve: route.approvals, execute: route.executors };
    return Array.from({ length: times[step] }, () => step);
  });
}

async function open(
  t: TestContext,
  policy: Policy,
  kinds: readonly RequestKindName[],
): Promise<{
  readonly bed: CaTestBed;
  readonly requests: Requests;
  readonly staff: Readonly<Record<string, Acting>>;
}> {
  const { bed, people: staff } = await PeopleBed.open(t, { policy });
  const toys = kinds.map((kind) => toyKind(kind, () => undefined) as RequestKind<unknown>);
  return { bed, requests: await openRequests(bed, toys), staff };
}

async function take(
  requests: Requests,
  order: {
    readonly kind: RequestKindName;
    readonly step: RequestStep;
    readonly request?: RequestReport | undefined;
    readonly by: Acting;
  },
): Promise<RequestReport> {
  const { kind, step, request, by } = order;
  return request === undefined
    ? await requests.submit({ kind, input: { number: 1 } }, by)
    : await requests[step](request, by);
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    assert.ok(isCertdirError(error), String(error));
    return error.code;
  }
}

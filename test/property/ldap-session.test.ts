import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { anonymous } from '../../src/directory/accounts/principal.ts';
import { DirectoryError } from '../../src/directory/errors.ts';
import type { LdapAnswer } from '../support/ldap-answers.ts';
import {
  abandonOperation,
  bindOperation,
  compareOperation,
  deleteOperation,
  extendedOperation,
  int,
  message,
  searchOperation,
  tlv,
  unbindOperation,
  WHO_AM_I_OID,
} from '../support/ldap-request-bytes.ts';
import { LdapTestServer } from '../support/ldap-test-server.ts';

const CANCEL_OID = '1.3.6.1.1.8';
const CANCELED = 118;
/** success; noSuchOperation; tooLate; cannotCancel (RFC 3909 §2.3). */
const cancelResults = [0, 119, 120, 121];

/** What a client does; message ids are given in order from 1. */
type Step =
  | { readonly kind: 'bind'; readonly name: string; readonly password: string }
  | { readonly kind: 'search' | 'delete' | 'compare' | 'whoAmI' }
  | { readonly kind: 'abandon' | 'cancel'; readonly back: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('bind' as const),
    name: fc.constantFrom('', 'cn=a', 'cn=b'),
    password: fc.constantFrom('', 'right', 'wrong'),
  }),
  fc.record({ kind: fc.constantFrom('search', 'delete', 'compare', 'whoAmI') }),
  fc.record({
    kind: fc.constantFrom('abandon' as const, 'cancel' as const),
    back: fc.integer({ min: 1, max: 4 }),
  }),
);

function bytesOf(made: Step, messageId: number): Buffer {
  switch (made.kind) {
    case 'bind':
      return message(messageId, bindOperation(made.name, made.password));
    case 'search':
      return message(messageId, searchOperation({ base: `cn=${messageId}` }));
    case 'delete':
      return message(messageId, deleteOperation(`cn=${messageId}`));
    case 'compare':
      return message(messageId, compareOperation(`cn=${messageId}`, 'cn', 'v'));
    case 'whoAmI':
      return message(messageId, extendedOperation(WHO_AM_I_OID));
    case 'abandon':
      return message(messageId, abandonOperation(targetOf(made, messageId)));
    case 'cancel':
      return message(
        messageId,
        extendedOperation(CANCEL_OID, tlv(0x30, int(targetOf(made, messageId)))),
      );
  }
}

const targetOf = ({ back }: { readonly back: number }, messageId: number): number =>
  Math.max(0, messageId - back);

/** Who the session is after each step, and the result of each bind. */
function follow(steps: readonly Step[]): { as: string[]; bindResults: Map<number, number> } {
  let identity = 'anonymous';
  const bindResults = new Map<number, number>();
  const as = steps.map((made, index) => {
    if (made.kind === 'bind') {
      const { name, password } = made;
      const isRight = name !== '' && password === 'right';
      identity = isRight ? name : 'anonymous';
      bindResults.set(index + 1, bindResult(name, password));
    }
    return identity;
  });
  return { as, bindResults };
}

function bindResult(name: string, password: string): number {
  if (password === '') {
    return name === '' ? 0 : 53;
  }
  return name !== '' && password === 'right' ? 0 : 49;
}

/** A directory in which everything takes a few turns of the event loop, by a drawn list. */
function slowDown({ directory }: LdapTestServer, turns: readonly number[]): void {
  let drawn = 0;
  const pause = async (): Promise<void> => {
    const count = turns[drawn % turns.length] ?? 0;
    drawn += 1;
    for (let turn = 0; turn < count; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  directory.onWrite = pause;
  directory.onCompare = async () => {
    await pause();
    return true;
  };
  directory.onBind = async (name, password) => {
    await pause();
    if (Buffer.from(password).toString() === 'wrong') {
      throw new DirectoryError('DIRECTORY_INVALID_CREDENTIALS', 'invalid credentials');
    }
    return name === '' ? anonymous : { kind: 'system', name };
  };
  directory.onSearch = async function* ({ base, signal }) {
    for (let entry = 0; entry < 3; entry += 1) {
      await pause();
      if (signal?.aborted === true) {
        throw new DirectoryError('DIRECTORY_ABANDONED', 'abandoned');
      }
      yield { dn: base, attributes: [] };
    }
  };
}

/** RFC 4511 §4.11, §4.2.1: a search or compare may stay unanswered if an abandon or bind follows. */
function mayStayUnanswered(steps: readonly Step[], index: number): boolean {
  const { kind } = steps[index] ?? { kind: 'delete' };
  return (
    kind === 'abandon' ||
    ((kind === 'search' || kind === 'compare') &&
      steps.some(
        (later, at) =>
          at > index &&
          (later.kind === 'bind' || (later.kind === 'abandon' && at - later.back === index)),
      ))
  );
}

function isCancelledLater(steps: readonly Step[], index: number): boolean {
  return steps.some(
    (later, at) => at > index && later.kind === 'cancel' && at - later.back === index,
  );
}

/** RFC 3909: a Cancel that succeeded has its operation answered with `canceled`, unless it is abandoned. */
function checkCancel(steps: readonly Step[], index: number, answers: readonly LdapAnswer[]): void {
  const made = steps[index];
  const own = answers.find(({ messageId }) => messageId === index + 1);
  assert.ok(cancelResults.includes(own?.resultCode ?? -1), `${own?.resultCode}`);
  if (made?.kind !== 'cancel' || own?.resultCode !== 0) {
    return;
  }
  const target = index - made.back;
  const kind = steps[target]?.kind;
  assert.ok(kind === 'search' || kind === 'compare', `${kind} was cancelled`);
  const final = answers.find(
    (answer) => answer.messageId === target + 1 && answer.kind !== 'entry',
  );
  assert.ok(
    final?.resultCode === CANCELED || (final === undefined && mayStayUnanswered(steps, target)),
  );
}

function checkAnswers(steps: readonly Step[], answers: readonly LdapAnswer[]): void {
  const { as, bindResults } = follow(steps);
  for (const [index, made] of steps.entries()) {
    const messageId = index + 1;
    const own = answers.filter((answer) => answer.messageId === messageId);
    const final = own.filter(({ kind }) => kind !== 'entry');
    assert.ok(final.length === 1 || (final.length === 0 && mayStayUnanswered(steps, index)));
    if (final.length === 1) {
      assert.equal(own.at(-1), final[0], 'nothing behind the last answer');
    }
    if (made.kind === 'abandon') {
      assert.equal(own.length, 0);
    } else if (made.kind === 'bind') {
      assert.equal(final[0]?.resultCode, bindResults.get(messageId));
    } else if (made.kind === 'cancel') {
      checkCancel(steps, index, answers);
    } else if (final[0]?.resultCode === CANCELED) {
      assert.ok(made.kind === 'search' || made.kind === 'compare');
      assert.ok(isCancelledLater(steps, index), 'nobody cancelled it');
    } else if (made.kind === 'search' && final.length === 1) {
      assert.equal(own.length, 4);
    } else if (made.kind === 'whoAmI') {
      const expected = as[index] === 'anonymous' ? '' : `u:${as[index]}`;
      assert.equal(String(final[0]?.responseValue), expected);
    }
  }
}

describe('reliability LDAP row 18: races of bind, abandon, Cancel and unbind', () => {
  it('any sequence of requests has the answers and identities of the model', async (t) => {
    const run = fc.record({
      steps: fc.array(step, { minLength: 1, maxLength: 20 }),
      turns: fc.array(fc.nat(3), { minLength: 1, maxLength: 5 }),
      cuts: fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 4 }),
      runningOperations: fc.integer({ min: 1, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(run, async ({ steps, turns, cuts, runningOperations }) => {
        const opened = await LdapTestServer.open(t, { limits: { runningOperations } });
        slowDown(opened, turns);
        const client = await opened.connect();
        const stream = Buffer.concat(steps.map((made, index) => bytesOf(made, index + 1)));
        const pieces: Buffer[] = [];
        for (let at = 0, piece = 0; at < stream.length; piece += 1) {
          const size = cuts[piece % cuts.length] ?? 1;
          pieces.push(stream.subarray(at, at + size));
          at += size;
        }
        await client.sendPieces(...pieces);
        client.end();
        checkAnswers(steps, await client.untilClosed());
        const { as } = follow(steps);
        for (const { operation, request, as: asked } of opened.directory.calls) {
          if (operation !== 'bind') {
            const { dn, base } = request as { dn?: string; base?: string };
            const messageId = Number((dn ?? base ?? '').slice(3));
            assert.equal(asked, as[messageId - 1], `${operation} ${messageId}`);
          }
        }
        await opened.whenConnections(0);
        await opened.server.close();
      }),
      { seed: 4511, numRuns: 150 },
    );
  });

  it('a session cut anywhere leaves nothing behind', async (t) => {
    const opened = await LdapTestServer.open(t);
    slowDown(opened, [0, 1, 2]);
    const run = fc.record({
      steps: fc.array(step, { minLength: 1, maxLength: 12 }),
      sentBytes: fc.nat(300),
      how: fc.constantFrom('reset', 'unbind'),
    });
    await fc.assert(
      fc.asyncProperty(run, async ({ steps, sentBytes, how }) => {
        const client = await opened.connect();
        const stream = Buffer.concat(steps.map((made, index) => bytesOf(made, index + 1)));
        await client.sendPieces(
          how === 'unbind'
            ? Buffer.concat([stream, message(99, unbindOperation)])
            : stream.subarray(0, sentBytes + 1),
        );
        if (how === 'reset') {
          client.socket.resetAndDestroy();
        }
        await client.whenClosed();
        await opened.whenConnections(0);
        assert.equal(opened.server.statistics.unsentBytes, 0);
      }),
      { seed: 4511, numRuns: 150 },
    );
  });
});

/**
 * Whole conversations: what a client says arrives in pieces at a connection, with a scripted directory
 * behind it or a real one. What comes back must be whole LDAP messages, the connection must come to its end
 * when the client has, and nothing may be an internal error.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { isCertdirError } from '../../../src/core/errors.ts';
import { type Log, silentLog } from '../../../src/core/log.ts';
import type { DirectoryService } from '../../../src/directory/service.ts';
import { AnswerCache } from '../../../src/ldap/answer-cache.ts';
import { LdapConnection } from '../../../src/ldap/connection.ts';
import { defaultLdapLimits } from '../../../src/ldap/limits.ts';
import { OperationCounts } from '../../../src/ldap/operation-counts.ts';
import { OutputTotal } from '../../../src/ldap/output.ts';
import { PeerLog } from '../../../src/ldap/peer-log.ts';
import { PendingTotal } from '../../../src/ldap/pending-operations.ts';
import { serverCapabilities } from '../../../src/ldap/root-dse.ts';
import { createTlsContext } from '../../../src/ldap/tls-credentials.ts';
import {
  attributesOf,
  type DirectoryFixture,
  openDirectory,
  openToAll,
  suffix,
  system,
  type TextAttributes,
} from '../../support/directory-fixture.ts';
import { FakeDirectory } from '../../support/fake-directory.ts';
import { FakeSocket } from '../../support/fake-socket.ts';
import { answerLength, parseAnswer } from '../../support/ldap-answers.ts';
import { START_TLS_OID } from '../../support/ldap-request-bytes.ts';
import { makeTlsCredentials } from '../../support/ldap-test-server.ts';
import { SimulatedClock } from '../../support/simulated-clock.ts';
import { mutateBer } from '../ber-mutation.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { BOX, conversationSeeds, MANAGER, PASSWORD } from '../protocol-seeds.ts';
import { richCertificate, richList } from '../x509-seeds.ts';

/** A conversation that takes longer has come to a halt. */
const END_MS = 10_000;
const PIECES = 4;

const limits = { ...defaultLdapLimits, answerCacheBytes: 1024 * 1024 };
const secureContext = createTlsContext(makeTlsCredentials());

/** A log in which an error is a finding. */
function openStrictLog(): { readonly log: Log; readonly errors: string[] } {
  const errors: string[] = [];
  const log: Log = {
    ...silentLog,
    error: (message, fields) => void errors.push(`${message}: ${JSON.stringify(fields)}`),
    with: () => log,
  };
  return { log, errors };
}

async function converse(input: Uint8Array, directory: DirectoryService): Promise<string> {
  const fake = new FakeSocket();
  const { log, errors } = openStrictLog();
  const outputTotal = new OutputTotal();
  const pendingTotal = new PendingTotal(limits);
  const clock = new SimulatedClock();
  const { answers } = directory;
  const closed = new Promise<void>((resolve) => {
    const connection = new LdapConnection(fake.socket, {
      ...{ directory, limits, log, outputTotal, pendingTotal, onClosed: resolve },
      ...{ clock, tls: 'starttls', secureContext: () => secureContext },
      counts: new OperationCounts(),
      peerLog: new PeerLog(log, clock),
      allowClearPasswords: true,
      answerCache: answers && new AnswerCache({ answers, maxBytes: limits.answerCacheBytes }),
    });
    connection.start();
  });
  const size = Math.max(1, Math.ceil(input.length / PIECES));
  const starts = Array.from({ length: PIECES }, (_none, index) => index * size);
  await fake.arrive(
    starts.map((at) => input.subarray(at, at + size)).filter(({ length }) => length > 0),
  );
  fake.arriveEnd();
  await inTime(closed);
  assert.deepEqual(errors, [], 'no internal error');
  assert.equal(outputTotal.bytes, 0, 'nothing unsent is counted any more');
  assert.equal(pendingTotal.operations, 0, 'nothing pending is counted any more');
  assert.equal(pendingTotal.bytes, 0, 'no bytes received are counted any more');
  return readSent(fake.sent);
}

/** Kinds and results of the answers, each once; after StartTLS the rest is not LDAP. */
function readSent(sent: Buffer): string {
  const outcomes = new Set<string>();
  for (let at = 0; at < sent.length; ) {
    const length = answerLength(sent.subarray(at));
    assert.ok(length !== undefined && at + length <= sent.length, 'whole messages');
    const { kind, responseName, resultCode, diagnosticMessage } = parseAnswer(
      sent.subarray(at, at + length),
    );
    outcomes.add(`${kind} ${resultCode} ${diagnosticMessage.replace(/\d+/g, '0')}`);
    if (responseName === START_TLS_OID && resultCode === 0) {
      break;
    }
    at += length;
  }
  return [...outcomes].sort().join();
}

async function inTime(ended: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('the connection does not end')), END_MS);
  });
  try {
    await Promise.race([ended, late]);
  } finally {
    clearTimeout(timer);
  }
}

const mutate: FuzzTarget['mutate'] = (random, seed) => mutateBer(random, seed) ?? seed;

const scripted = new FakeDirectory();

export const connectionsTarget: FuzzTarget = {
  name: 'connections',
  seeds: conversationSeeds,
  run: (input) => {
    scripted.calls.length = 0;
    return converse(input, scripted);
  },
  mutate,
};

const boxEntries: readonly (readonly [dn: string, attributes: TextAttributes])[] = [
  [BOX, { objectClass: 'organizationalUnit', ou: 'Box' }],
  [`cn=x,${BOX}`, { objectClass: 'person', cn: 'x', sn: 'x' }],
  [
    `ou=ca,${BOX}`,
    { objectClass: ['organizationalUnit', 'pkiCA'], 'cACertificate;binary': richCertificate },
  ],
  [
    `cn=list,${BOX}`,
    { objectClass: 'cRLDistributionPoint', 'certificateRevocationList;binary': richList },
  ],
];

/** A directory whose manager may do everything in one corner of it. */
class FuzzedDirectory {
  readonly #endings: (() => unknown)[] = [];
  #opened: Promise<DirectoryFixture> | undefined;
  #runs = 0;

  async run(input: Uint8Array): Promise<string> {
    this.#opened ??= this.#open();
    const { directory } = await this.#opened;
    if (this.#runs % 200 === 0) {
      await this.#restore(await this.#opened);
    }
    this.#runs += 1;
    return await converse(input, directory);
  }

  async close(): Promise<void> {
    for (const end of this.#endings.reverse()) {
      await end();
    }
  }

  async #open(): Promise<DirectoryFixture> {
    const opened = await openDirectory(
      { after: (end) => void this.#endings.push(end) },
      {
        access: [
          { target: { subtree: BOX }, who: { kind: 'dn', dn: MANAGER }, rights: ['manage'] },
          ...openToAll,
        ],
        rootDse: serverCapabilities(true),
      },
    );
    await opened.add(suffix, { objectClass: 'organization', o: 'JPKI' });
    await opened.add(MANAGER, {
      objectClass: ['organizationalRole', 'simpleSecurityObject'],
      ...{ cn: 'manager', userPassword: PASSWORD },
    });
    return opened;
  }

  /** Puts back what conversations have deleted. */
  async #restore({ directory }: DirectoryFixture): Promise<void> {
    for (const [dn, attributes] of boxEntries) {
      try {
        await directory.add({ dn, attributes: attributesOf(attributes) }, system);
      } catch (error) {
        if (!isCertdirError(error)) {
          throw error;
        }
      }
    }
  }
}

const fuzzed = new FuzzedDirectory();

export const directoriesTarget: FuzzTarget = {
  name: 'directories',
  seeds: conversationSeeds,
  run: (input) => fuzzed.run(input),
  mutate,
  close: () => fuzzed.close(),
};

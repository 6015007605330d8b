/**
 * Opens a CA in a process of its own, so that its peak memory is that of publishing, and makes the next list of one scope
 * several times: published, and then only as far as its bytes, signed and verified.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { CaInstance } from '../../src/app/ca-instance.ts';
import type { CaCore } from '../../src/ca/ca-core.ts';
import { assembleList } from '../../src/ca/lists/crl-assembly.ts';
import { examineCandidate } from '../../src/ca/lists/publication-facts.ts';
import { benchOrigin, makeRequests, withInstance } from './bench-instance.ts';
import { openEngine } from './engine-core.ts';
import { memoryMiB, peakMemoryMiB } from './process-figures.ts';
import { type Cost, costOf } from './timing.ts';
import { answerQuestions } from './workshop.ts';

export interface PublishOrder {
  readonly folder: string;
  readonly scopeId: string;
  /** Rounds of one revocation and one list. */
  readonly rounds: number;
}

export interface PublishFigures {
  /** The bytes of the next list, signed and verified, of the state of a snapshot. */
  readonly made: readonly Cost[];
  /** The same bytes: hashed once, copied once, something else signed by the same key. */
  readonly limit: readonly Cost[];
  /** Durable and visible, with all that the first covers. */
  readonly published: readonly Cost[];
  readonly byteLength: number;
  readonly entryCount: number;
  /** Before anything was made, and at most. */
  readonly idleMiB: number | undefined;
  readonly peakMiB: number | undefined;
}

/** Lists have whole seconds and must differ in them; waiting for the next one is not publishing. */
const BETWEEN_LISTS_MS = 1_050;

const sleep = (delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, delayMs);
  });

function publish({ folder, scopeId, rounds }: PublishOrder): Promise<PublishFigures> {
  return withInstance(folder, async (instance) => {
    const { authority } = instance;
    const idleMiB = memoryMiB('self');
    const figures = { made: [] as Cost[], limit: [] as Cost[], published: [] as Cost[] };
    let last = { byteLength: 0, entryCount: 0 };
    for (const request of makeRequests(rounds, scopeId)) {
      const { serialNumber } = await authority.issue(request);
      await authority.revoke({ serialNumber, reason: 'superseded', origin: benchOrigin });
      await sleep(BETWEEN_LISTS_MS);
      figures.published.push(
        await costOf(async () => {
          last = await authority.publish(scopeId, benchOrigin);
        }),
      );
    }
    const peakMiB = peakMemoryMiB('self');
    for (let round = 0; round < rounds; round += 1) {
      await makeOnly(instance, scopeId, figures);
    }
    const { byteLength, entryCount } = last;
    return { ...figures, byteLength, entryCount, idleMiB, peakMiB };
  });
}

async function makeOnly(
  instance: CaInstance,
  scopeId: string,
  figures: { readonly made: Cost[]; readonly limit: Cost[] },
): Promise<void> {
  const core = await openEngine(instance);
  const scope = core.scopes.find(scopeId);
  const snapshot = instance.store.snapshot();
  let der: Uint8Array = new Uint8Array(0);
  try {
    figures.made.push(
      await costOf(async () => {
        const nowMs = instance.clock.nowMs();
        const assembled = await assembleList(core, scope, { view: snapshot, nowMs });
        const { list } = await examineCandidate(core, scope, { assembled, view: snapshot });
        if (!list.isSignatureValid) {
          throw new Error('the signature does not verify');
        }
        der = assembled.der;
      }),
    );
  } finally {
    await snapshot.close();
  }
  figures.limit.push(await costOf(() => doTheUnavoidable(instance, core, der)));
}

async function doTheUnavoidable(
  { signer }: CaInstance,
  { authorities }: CaCore,
  der: Uint8Array,
): Promise<void> {
  const copy = new Uint8Array(der.length);
  copy.set(der);
  createHash('sha256').update(copy).digest();
  const { keyLabel: label, algorithm, certificate } = authorities.current;
  await signer.sign({ label, purpose: 'certificate', algorithm, content: [certificate.tbs] });
}

answerQuestions((order) => publish(order as PublishOrder));

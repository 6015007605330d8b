/**
 * Who asks the publish gate for every list, full or delta: counts what it finds, logs it, and stops the list.
 *
 * @module
 */

import type { ReadView } from '../../store/store.ts';
import type { CaCore } from '../ca-core.ts';
import { CaError } from '../errors.ts';
import type { Scope } from '../policy/scope.ts';
import type { ScopeRecord } from '../records/scope-record.ts';
import type { AssembledList } from './crl-assembly.ts';
import type { PublicationFacts } from './gate-facts.ts';
import { type CandidateFacts, gatherFacts } from './publication-facts.ts';
import { checkPublication } from './publish-gate.ts';

/**
 * What every partition counts is summed up with every list while there are few of them; otherwise with the first, and again
 * after this time: with every list of a nation it would be millions of records.
 */
const MAX_ALWAYS_COUNTED = 64;
const COUNT_EVERY_MS = 5_000;

export class GateKeeper {
  readonly #core: CaCore;
  #countAgainMs = Number.NEGATIVE_INFINITY;
  /** How often the gate has found an invariant broken, by its number. */
  readonly findings: Map<string, number> = new Map();

  constructor(core: CaCore) {
    this.#core = core;
  }

  /**
   * Gathers the facts of a full list, in the publishing transaction, and judges them.
   *
   * @returns as `judge`. @throws {CaError} as `judge`.
   */
  async ask(
    view: ReadView,
    publication: {
      readonly scope: Scope;
      readonly assembled: AssembledList;
      readonly candidate: CandidateFacts;
      readonly state: ScopeRecord;
    },
  ): Promise<readonly string[]> {
    const { clock, scopes } = this.#core;
    const nowMs = clock.nowMs();
    const isCounted =
      scopes.list.length <= MAX_ALWAYS_COUNTED || clock.monotonicMs() >= this.#countAgainMs;
    const facts = await gatherFacts(this.#core, view, { ...publication, nowMs, isCounted });
    if (isCounted) {
      this.#countAgainMs = clock.monotonicMs() + COUNT_EVERY_MS;
    }
    return this.judge(facts);
  }

  /**
   * @returns What is wrong without the list being to blame.
   * @throws {CaError} The first invariant that does not hold; all of them are in the message.
   */
  judge(facts: PublicationFacts): readonly string[] {
    const findings = checkPublication(facts);
    const stops = findings.filter(({ effect }) => effect === 'stop');
    const what = stops.length > 0 ? 'the publish gate stopped a list' : 'the publish gate warns';
    for (const { code, message } of findings) {
      const invariant = code.replace('CA_GATE_', '');
      this.findings.set(invariant, (this.findings.get(invariant) ?? 0) + 1);
      this.#core.log.error(what, { code, message });
    }
    const [first] = stops;
    if (first !== undefined) {
      throw new CaError(first.code, stops.map(({ message }) => message).join('; '));
    }
    return findings.map(({ code, message }) => `${code} ${message}`);
  }
}

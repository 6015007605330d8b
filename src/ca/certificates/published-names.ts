/**
 * The names to which certificates were issued and from which they were taken back, where the policy publishes them
 * (`publishedNames`; mic 2.6.1). They are worked out from the register, so they are what it says.
 *
 * @module
 */

import { Turns } from '../../core/turns.ts';
import { parseCertificate } from '../../x509/certificate.ts';
import { formatName } from '../../x509/name.ts';
import { type CaCore, reading } from '../ca-core.ts';
import { serialNumberOfKey } from '../records/ca-tables.ts';
import { parseCertificateRecord, parseStatusRecord } from '../records/certificate-record.ts';
import { stateAt } from './certificate-state.ts';

export interface PublishedName {
  /** The subject, as RFC 4514 text. */
  readonly subject: string;
  /** The profile of its newest certificate. */
  readonly profile: string;
  /** `certified`: it has a certificate that is good. `cancelled`: its newest one was revoked. */
  readonly state: 'certified' | 'cancelled';
  /** When the certificate was issued, or revoked. */
  readonly sinceMs: number;
}

/** So many are shown; a CA that publishes names has thousands at most. */
const MAX_NAMES = 10_000;
/** How old a list of names may be when it is given again. */
const KEPT_MS = 60_000;
/** Certificates between which everything else gets its turn. */
const PER_TURN = 64;

export class PublishedNames {
  readonly #core: CaCore;
  #kept:
    | { readonly untilMs: number; readonly names: Promise<readonly PublishedName[]> }
    | undefined;

  constructor(core: CaCore) {
    this.#core = core;
  }

  /** By subject; empty where the policy publishes none. Up to a minute old. */
  list(): Promise<readonly PublishedName[]> {
    const { policy, clock } = this.#core;
    if (policy.publishedNames.length === 0) {
      return Promise.resolve([]);
    }
    const nowMs = clock.nowMs();
    if (this.#kept === undefined || nowMs >= this.#kept.untilMs) {
      const names = this.#read(nowMs);
      this.#kept = { untilMs: nowMs + KEPT_MS, names };
      names.catch(() => {
        this.#kept = undefined;
      });
    }
    return this.#kept.names;
  }

  async #read(nowMs: number): Promise<readonly PublishedName[]> {
    const { store, tables, policy } = this.#core;
    const profiles = new Set(policy.publishedNames);
    const newest = new Map<string, PublishedName & { readonly issuedMs: number }>();
    const turns = new Turns(PER_TURN);
    await reading(store, async (view) => {
      for await (const [key, value] of view.range(tables.certificates)) {
        await turns.spend(1);
        const { profile, issuedMs, notAfterMs, der } = parseCertificateRecord(value);
        if (!profiles.has(profile)) {
          continue;
        }
        const stored = await view.read(tables.status(serialNumberOfKey(key)));
        const status = stored && parseStatusRecord(stored);
        const state = stateAt({ recorded: status?.state ?? 'good', notAfterMs }, nowMs);
        if (state !== 'good' && state !== 'revoked') {
          continue;
        }
        const subject = formatName(parseCertificate(der).subject);
        const before = newest.get(subject);
        // Who has a good certificate is certified, also when another one was revoked since.
        const isBetter =
          before === undefined ||
          (before.state === 'cancelled' && state === 'good') ||
          ((before.state === 'cancelled') === (state === 'revoked') && issuedMs > before.issuedMs);
        if (isBetter && (before !== undefined || newest.size < MAX_NAMES)) {
          const isGood = state === 'good';
          const sinceMs = isGood ? issuedMs : (status?.sinceMs ?? issuedMs);
          const shown = isGood ? 'certified' : 'cancelled';
          newest.set(subject, { subject, profile, state: shown, sinceMs, issuedMs });
        }
      }
    });
    return [...newest.values()]
      .map(({ issuedMs: _issuedMs, ...name }) => name)
      .sort((left, right) => (left.subject < right.subject ? -1 : 1));
  }
}

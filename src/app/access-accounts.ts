/**
 * Puts what the directory tells of accesses into the access journal: who was given which list, and who was
 * refused one.
 *
 * Whoever gets the same answer again costs two look-ups here: what is counted is kept under the answer's own
 * notes and the session.
 *
 * @module
 */

import type { AccessFacts, AccessMethod } from '../audit/access-event.ts';
import type { AccessHandle, AccessJournal } from '../audit/access-journal.ts';
import { actorOf, type Principal } from '../directory/accounts/principal.ts';
import type {
  AccessObserver,
  Caller,
  ObservedAccess,
  RevocationLook,
  Session,
} from '../directory/service.ts';

/** A list as it is published now. */
export interface PublishedScope {
  /** The entry's name. */
  readonly dn: string;
  readonly partition: string;
  readonly listNumber: string;
}

/** What was counted last of a session. */
interface Latest extends Prepared {
  readonly looks: readonly RevocationLook[];
}

interface Prepared {
  readonly generation: number;
  readonly principal: Principal;
  readonly handles: readonly AccessHandle[];
}

/** Refused tries whose facts are remembered, so that repeating one costs little. */
const MAX_REFUSED = 1_000;
const MAX_SUBJECT_CHARACTERS = 256;

export class AccessAccounts implements AccessObserver {
  readonly #journal: AccessJournal;
  readonly #prepared = new WeakMap<readonly RevocationLook[], WeakMap<Session, Prepared>>();
  /** Most sessions ask for the same again and again. */
  readonly #latest = new WeakMap<Session, Latest>();
  readonly #refused = new Map<string, AccessHandle>();
  /** By CA. */
  readonly #published = new Map<string, readonly PublishedScope[]>();
  /** All of them, by the names of their entries. */
  #scopes: ReadonlyMap<string, PublishedScope> = new Map();
  /** Of the lists' numbers; what was prepared under an earlier one is looked at again. */
  #generation = 0;

  constructor(journal: AccessJournal) {
    this.#journal = journal;
  }

  /** To be told after lists of a CA were published: which numbers there are now. */
  publish(ca: string, scopes: readonly PublishedScope[]): void {
    this.#published.set(ca, scopes);
    const all = [...this.#published.values()].flat();
    this.#scopes = new Map(all.map((scope) => [nameKey(scope.dn), scope]));
    this.#generation += 1;
    this.#refused.clear();
  }

  repeated(looks: readonly RevocationLook[], { principal, session }: Caller): boolean {
    const latest = this.#latest.get(session);
    if (
      latest === undefined ||
      latest.looks !== looks ||
      latest.generation !== this.#generation ||
      latest.principal !== principal
    ) {
      return false;
    }
    this.#count(latest.handles);
    return true;
  }

  accessed(access: ObservedAccess): void {
    const { caller, looks, asked } = access;
    // Neither what nobody asked about, nor the program's own reading.
    const isOfNoConcern = looks.length === 0 && asked.length === 0;
    if (isOfNoConcern || caller.principal.kind === 'system') {
      return;
    }
    const known = this.#prepared.get(looks)?.get(caller.session);
    if (known?.generation === this.#generation && known.principal === caller.principal) {
      this.#latest.set(caller.session, { ...known, looks });
      this.#count(known.handles);
    } else {
      this.#count(this.#prepare(access));
    }
  }

  #count(handles: readonly AccessHandle[]): void {
    for (const handle of handles) {
      this.#journal.add(handle);
    }
  }

  #prepare(access: ObservedAccess): readonly AccessHandle[] {
    const { caller, looks } = access;
    const { session, principal } = caller;
    const given = looks.filter((look) => isProvided(look, access));
    if (given.length === 0) {
      return this.#prepareRefused(access);
    }
    const handles = given.map((look) => this.#journal.prepare(this.#factsOf(access, look)));
    const withheld = looks.filter(({ outcome }) => outcome === 'withheld');
    handles.push(...withheld.map((look) => this.#refusedHandle(this.#factsOf(access, look))));
    const bySession = this.#prepared.get(looks) ?? new WeakMap<Session, Prepared>();
    bySession.set(session, { generation: this.#generation, principal, handles });
    this.#prepared.set(looks, bySession);
    return handles;
  }

  #prepareRefused(access: ObservedAccess): readonly AccessHandle[] {
    const withheld = access.looks.filter(({ outcome }) => outcome === 'withheld');
    if (withheld.length > 0) {
      return withheld.map((look) => this.#refusedHandle(this.#factsOf(access, look)));
    }
    if (access.looks.length > 0) {
      // Names without values: nothing was provided, and nothing refused.
      return [];
    }
    const code = access.result === 'success' ? 'nothing' : access.result;
    const attribute = access.asked.join(' ');
    const facts = this.#facts(access, { dn: access.base, attribute });
    return [this.#refusedHandle({ ...facts, outcome: 'refused', code })];
  }

  #factsOf(access: ObservedAccess, look: RevocationLook): AccessFacts {
    const facts = this.#facts(access, look);
    return look.outcome === 'given' ? facts : { ...facts, outcome: 'refused', code: 'withheld' };
  }

  #facts(
    { caller }: ObservedAccess,
    { dn, attribute }: { readonly dn: string; readonly attribute: string },
  ): AccessFacts {
    const { principal, session } = caller;
    const scope = this.#scopes.get(nameKey(dn));
    return {
      method: methodOf(session.channel),
      verifier: principal.kind === 'entry' ? actorOf(principal) : '',
      address: session.address,
      partition: scope?.partition ?? '',
      subject: dn.slice(0, MAX_SUBJECT_CHARACTERS),
      attribute,
      listNumber: scope?.listNumber ?? '',
      outcome: 'provided',
      code: '',
    };
  }

  #refusedHandle(facts: AccessFacts): AccessHandle {
    const key = JSON.stringify(facts);
    const known = this.#refused.get(key);
    if (known !== undefined) {
      return known;
    }
    if (this.#refused.size >= MAX_REFUSED) {
      this.#refused.clear();
    }
    const handle = this.#journal.prepare(facts);
    this.#refused.set(key, handle);
    return handle;
  }
}

/** A compare tells of a value without giving it. */
function isProvided({ outcome, bytes }: RevocationLook, { operation }: ObservedAccess): boolean {
  return outcome === 'given' && (bytes > 0 || operation === 'compare');
}

function methodOf(channel: string): AccessMethod {
  return channel === 'http' || channel === 'ocsp' || channel === 'api' ? channel : 'ldap';
}

/** Names of the policy and of entries differ in case and spaces alone. */
function nameKey(dn: string): string {
  return dn.toLowerCase().replaceAll(/\s*([,=+])\s*/g, '$1');
}

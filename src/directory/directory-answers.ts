/**
 * What a front end that gives answers again needs of the directory: who may be given whose answers at
 * this moment, and a place where they are counted all the same.
 *
 * Not here: what outdates an answer (`answer-record.ts`), the answers themselves.
 *
 * @module
 */

import type { Audience } from './access/audience.ts';
import type { Credentials } from './accounts/credentials.ts';
import type { DirectoryCore } from './directory-core.ts';
import { AnswerRecord } from './search/answer-record.ts';
import type { Caller, ReusableAnswers } from './service.ts';

export class DirectoryAnswers implements ReusableAnswers {
  readonly #core: DirectoryCore;
  readonly #credentials: Credentials;
  /** Of callers who are nobody, and whose rights no account and no clock can change. */
  readonly #anonymous = new WeakMap<Caller, Audience>();

  constructor(core: DirectoryCore, credentials: Credentials) {
    this.#core = core;
    this.#credentials = credentials;
  }

  record(): AnswerRecord {
    return new AnswerRecord();
  }

  audienceOf(caller: Caller): Audience | undefined {
    if (caller.principal.kind === 'anonymous') {
      return this.#anonymous.get(caller) ?? this.#ofAnonymous(caller);
    }
    const current = this.#credentials.refresh(caller);
    return current instanceof Promise ? undefined : this.#audience(current);
  }

  repeated(record: AnswerRecord, caller: Caller): void {
    const { counters, observer } = this.#core;
    const { entries, withheldAttributes, notes } = record;
    counters.searches += 1;
    counters.entriesReturned += entries;
    counters.withheldAttributes += withheldAttributes;
    if (observer !== undefined && notes !== undefined) {
      const current = this.#credentials.refresh(caller);
      const asked = current instanceof Promise ? caller : current;
      if (observer.repeated?.(notes.looks, asked) === true) {
        return;
      }
      observer.accessed({
        operation: 'search',
        caller: asked,
        base: notes.base,
        asked: notes.asked,
        looks: notes.looks,
        entries,
        result: 'success',
        isRepeated: true,
      });
    }
  }

  #ofAnonymous(caller: Caller): Audience | undefined {
    const audience = this.#audience(caller);
    if (audience !== undefined) {
      this.#anonymous.set(caller, audience);
    }
    return audience;
  }

  #audience(caller: Caller): Audience | undefined {
    const { policy, clock } = this.#core;
    return policy.forCaller(caller, clock.nowMs()).audience();
  }
}

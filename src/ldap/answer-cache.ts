/**
 * Answers to searches that were given before, by the bytes of the request and by those who may be given
 * the same answer: the encoded messages without their message ids. Giving one again costs a look-up and
 * the message heads; large values are the same memory for all who are sent them. The answer to a question is
 * kept from its second time on (core/seen-before.ts).
 *
 * An answer is dropped as soon as an entry that it hangs on is written, before the write is acknowledged
 * (directory/entries/tree-watches.ts). Only successful searches without controls are kept. What is kept is bounded
 * by bytes; answers that nobody asked for again go first.
 *
 * Not here: who may be given an answer, and what it hangs on (directory/search/answer-record.ts).
 *
 * @module
 */

import { asBuffer } from '../core/bytes.ts';
import { SeenBefore } from '../core/seen-before.ts';
import { isPersonal } from '../directory/access/audience.ts';
import type { AnswerRecord } from '../directory/search/answer-record.ts';
import type { Caller, ReusableAnswers } from '../directory/service.ts';
import type { EncodedOperation } from './entry-encoder.ts';

/** Longer requests are not asked twice. */
const MAX_REQUEST_BYTES = 4096;
/** Questions that are remembered until they are asked again. */
const ASKED_PLACES = 65_536;
/** What the bookkeeping of an answer takes, roughly. */
const ANSWER_BYTES = 640;
const PART_BYTES = 96;
/** No answer takes more than this share of the room, nor do all that are being made together. */
const SHARE = 4;

/** Bytes of a request behind its message id, one character each. */
export type RequestText = string;

interface KeptAnswer {
  readonly request: RequestText;
  readonly audience: string;
  readonly record: AnswerRecord;
  readonly messages: readonly EncodedOperation[];
  readonly bytes: number;
  /** Since it was last considered for eviction. */
  isUsed: boolean;
}

export interface AnswerCacheOptions {
  readonly answers: ReusableAnswers;
  readonly maxBytes: number;
}

export interface AnswerCacheStatistics {
  readonly answers: number;
  readonly bytes: number;
  readonly hits: number;
  /** Searches that could have been answered from here and were not. */
  readonly misses: number;
}

export class AnswerCache {
  readonly #answers: ReusableAnswers;
  readonly #maxBytes: number;
  readonly #askedBefore = new SeenBefore(ASKED_PLACES);
  readonly #byRequest = new Map<RequestText, Map<string, KeptAnswer>>();
  /** In the order in which they are considered for eviction. */
  readonly #queue = new Set<KeptAnswer>();
  #bytes = 0;
  #draftBytes = 0;
  #hits = 0;
  #misses = 0;

  constructor({ answers, maxBytes }: AnswerCacheOptions) {
    this.#answers = answers;
    this.#maxBytes = maxBytes;
  }

  get statistics(): AnswerCacheStatistics {
    return {
      answers: this.#queue.size,
      bytes: this.#bytes,
      hits: this.#hits,
      misses: this.#misses,
    };
  }

  /**
   * The request as a key.
   *
   * @param start Where the operation begins behind the message id.
   * @returns undefined for a request that is not kept.
   */
  requestText(message: Uint8Array, start: number): RequestText | undefined {
    return message.length - start > MAX_REQUEST_BYTES
      ? undefined
      : asBuffer(message).toString('latin1', start);
  }

  /** The messages that answer the request for this caller, the last included; counted as given. */
  take(request: RequestText, caller: Caller): readonly EncodedOperation[] | undefined {
    const found = this.#find(request, caller);
    if (found === undefined) {
      this.#misses += 1;
      return undefined;
    }
    found.isUsed = true;
    this.#hits += 1;
    this.#answers.repeated(found.record, caller);
    return found.messages;
  }

  /** To be filled while an answer is made; undefined for a question that was not asked before. */
  draft(request: RequestText): AnswerDraft | undefined {
    if (!this.#askedBefore.note(request)) {
      return undefined;
    }
    return new AnswerDraft(this.#answers.record(), {
      takeRoom: (bytes) => this.#takeRoom(bytes),
      giveBack: (bytes) => {
        this.#draftBytes -= bytes;
      },
      keep: (draft) => this.#keep(request, draft),
    });
  }

  #find(request: RequestText, caller: Caller): KeptAnswer | undefined {
    const forAudiences = this.#byRequest.get(request);
    const audience = forAudiences && this.#answers.audienceOf(caller);
    const found = audience && forAudiences?.get(audience.name);
    const baseKey = found?.record.baseKey;
    return baseKey !== undefined && audience !== undefined && !isPersonal(audience, baseKey)
      ? found
      : undefined;
  }

  #takeRoom(bytes: number): boolean {
    if (this.#draftBytes + bytes > this.#maxBytes / SHARE) {
      return false;
    }
    this.#draftBytes += bytes;
    return true;
  }

  #keep(
    request: RequestText,
    { record, messages, bytes: draftBytes }: Pick<KeptAnswer, 'record' | 'messages' | 'bytes'>,
  ): void {
    const audience = record.audience?.name;
    if (audience === undefined) {
      record.close();
      return;
    }
    const bytes = draftBytes + request.length + ANSWER_BYTES;
    const kept: KeptAnswer = { request, audience, record, messages, bytes, isUsed: false };
    const forAudiences = this.#byRequest.get(request);
    const before = forAudiences?.get(audience);
    if (before !== undefined) {
      this.#drop(before);
    }
    const place = this.#byRequest.get(request) ?? new Map<string, KeptAnswer>();
    this.#byRequest.set(request, place);
    place.set(audience, kept);
    this.#queue.add(kept);
    this.#bytes += bytes;
    record.whenOutdated(() => this.#drop(kept));
    this.#evict();
  }

  #drop(kept: KeptAnswer): void {
    kept.record.close();
    if (!this.#queue.delete(kept)) {
      return;
    }
    this.#bytes -= kept.bytes;
    const forAudiences = this.#byRequest.get(kept.request);
    forAudiences?.delete(kept.audience);
    if (forAudiences?.size === 0) {
      this.#byRequest.delete(kept.request);
    }
  }

  /** An answer that was given again since it was last considered has another turn. */
  #evict(): void {
    for (const kept of this.#queue) {
      if (this.#bytes <= this.#maxBytes) {
        return;
      }
      if (kept.isUsed) {
        kept.isUsed = false;
        this.#queue.delete(kept);
        this.#queue.add(kept);
      } else {
        this.#drop(kept);
      }
    }
  }
}

interface DraftRoom {
  takeRoom(bytes: number): boolean;
  giveBack(bytes: number): void;
  keep(draft: Pick<KeptAnswer, 'record' | 'messages' | 'bytes'>): void;
}

/** An answer while it is made; to be closed whatever becomes of it. */
export class AnswerDraft {
  /** To go with the search. */
  readonly record: AnswerRecord;
  readonly #room: DraftRoom;
  #messages: EncodedOperation[] | undefined = [];
  #bytes = 0;

  constructor(record: AnswerRecord, room: DraftRoom) {
    this.record = record;
    this.#room = room;
  }

  add({ parts, length }: EncodedOperation): void {
    if (this.#messages === undefined) {
      return;
    }
    const bytes = length + (parts.length + 1) * PART_BYTES;
    if (this.record.audience === undefined || !this.#room.takeRoom(bytes)) {
      this.#giveUp();
      return;
    }
    this.#bytes += bytes;
    this.#messages.push({ parts: parts.map(ownMemory), length });
  }

  /** The answer is complete. */
  keep(): void {
    if (this.#messages !== undefined) {
      this.#room.keep({ record: this.record, messages: this.#messages, bytes: this.#bytes });
      this.#messages = undefined;
      this.#room.giveBack(this.#bytes);
    }
  }

  /** Forgets what was not kept. */
  close(): void {
    if (this.#messages !== undefined) {
      this.#giveUp();
    }
  }

  #giveUp(): void {
    this.#messages = undefined;
    this.#room.giveBack(this.#bytes);
    this.record.close();
  }
}

/** Bytes that hold no more memory than they need. */
function ownMemory(part: Uint8Array): Uint8Array {
  return part.length === part.buffer.byteLength ? part : new Uint8Array(part);
}

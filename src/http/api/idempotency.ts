/**
 * Requests that may come again (draft-ietf-httpapi-idempotency-key-header): the key, whose it is, what was asked and what
 * was answered are kept durably, so that a retry is given the first answer and nothing is done twice, whether the answer
 * was lost on the way or the server stopped before it could be given.
 *
 * Only what was done is kept: a request that was refused may be mended and sent again under its key.
 *
 * Not here: where it is kept (`app/kept-answers.ts`).
 *
 * @module
 */

import { createHash, createHmac } from 'node:crypto';

import { isCertdirError } from '../../core/errors.ts';
import { HttpError } from '../errors.ts';
import type { ApiRoute } from './api-route.ts';
import { IDEMPOTENCY_KEY } from './openapi.ts';
import { FieldsInvalid, TryLater } from './problem.ts';

/** What a key stands for. */
export type Begun =
  /** Nothing under this key until now. */
  | { readonly kind: 'new'; readonly operationKey: string }
  /** Begun once, and it is not known here how it ended. */
  | { readonly kind: 'open'; readonly operationKey: string }
  /** `answer` is JSON; undefined where it was not to be kept. */
  | { readonly kind: 'done'; readonly answer: string | undefined }
  /** The key belongs to another request. */
  | { readonly kind: 'other' }
  /** There is no room for more keys until the first of them have expired. */
  | { readonly kind: 'full' };

/** Durable; what one call returns is what the next one finds, whatever happens between. */
export interface KeptAnswers {
  /**
   * @param id 32 bytes: of CA, account and key.
   * @param digest 32 bytes: of what is asked.
   */
  begin(id: Uint8Array, digest: Uint8Array): Promise<Begun>;
  /** @param answer JSON; undefined for one that is not to be kept. */
  finish(id: Uint8Array, answer: string | undefined): Promise<void>;
  /** As if the key had never come. */
  forget(id: Uint8Array): Promise<void>;
}

/** A request as far as it matters whether it is the same. */
export interface AskedOnce {
  readonly route: ApiRoute;
  readonly ca: string;
  /** The account's entryUUID. */
  readonly account: string;
  /** The header's value. */
  readonly key: string;
  /** Of path, query and body, as they came. */
  readonly parts: unknown;
}

export interface OnceAnswer {
  readonly answer: unknown;
  readonly isReplayed: boolean;
}

/** Longer answers are not kept: that it was done is. */
const MAX_KEPT_CHARACTERS = 256 * 1024;

export class Idempotency {
  readonly #kept: KeptAnswers;
  readonly #onKeepFailed: (error: unknown) => void;
  readonly #inWork = new Set<string>();
  #replayed = 0;

  /** @param onKeepFailed Told when something was done whose answer could not be kept. */
  constructor(kept: KeptAnswers, onKeepFailed: (error: unknown) => void) {
    this.#kept = kept;
    this.#onKeepFailed = onKeepFailed;
  }

  /** Answers that were given once more. */
  get replayed(): number {
    return this.#replayed;
  }

  /**
   * Runs `work` unless it was done before under this key.
   *
   * @throws {HttpError} `HTTP_KEY_REUSED`, `HTTP_KEY_IN_WORK`, `HTTP_OUTCOME_UNKNOWN`, `HTTP_ANSWER_NOT_KEPT`,
   *   `HTTP_TOO_MANY_REQUESTS`, and whatever `work` throws.
   */
  async once(
    asked: AskedOnce,
    work: (operationKey: string) => Promise<unknown>,
  ): Promise<OnceAnswer> {
    assertKey(asked.key);
    const id = hashOf(asked.ca, asked.account, asked.key);
    const name = id.toString('base64');
    if (this.#inWork.has(name)) {
      throw inWork();
    }
    this.#inWork.add(name);
    try {
      return await this.#run(id, asked, work);
    } finally {
      this.#inWork.delete(name);
    }
  }

  async #run(
    id: Uint8Array,
    { route, key, parts }: AskedOnce,
    work: (operationKey: string) => Promise<unknown>,
  ): Promise<OnceAnswer> {
    const digest = digestOf(key, route.operationId, JSON.stringify(parts));
    const begun = await this.#kept.begin(id, digest);
    switch (begun.kind) {
      case 'other':
        throw new HttpError('HTTP_KEY_REUSED', 'this Idempotency-Key was used for another request');
      case 'full':
        throw new TryLater('HTTP_TOO_MANY_REQUESTS', 'too many Idempotency-Keys are kept', 3_600);
      case 'done':
        if (begun.answer !== undefined) {
          this.#replayed += 1;
          return { answer: JSON.parse(begun.answer), isReplayed: true };
        }
        throw new HttpError(
          'HTTP_ANSWER_NOT_KEPT',
          'this was done under this Idempotency-Key; its answer is not given a second time',
        );
      case 'open':
        if (route.isRepeatable !== true) {
          throw new HttpError(
            'HTTP_OUTCOME_UNKNOWN',
            'the first try under this Idempotency-Key was cut off; look at what there is before trying with another key',
          );
        }
        return await this.#work(id, { route, operationKey: begun.operationKey, work });
      case 'new':
        return await this.#work(id, { route, operationKey: begun.operationKey, work });
    }
  }

  async #work(
    id: Uint8Array,
    {
      route,
      operationKey,
      work,
    }: {
      readonly route: ApiRoute;
      readonly operationKey: string;
      readonly work: (operationKey: string) => Promise<unknown>;
    },
  ): Promise<OnceAnswer> {
    let answer: unknown;
    try {
      answer = await work(operationKey);
    } catch (error) {
      if (hasDoneNothing(error)) {
        await this.#kept.forget(id);
      }
      throw error;
    }
    const text = JSON.stringify(answer ?? null);
    const isKept = route.isSecret !== true && text.length <= MAX_KEPT_CHARACTERS;
    try {
      await this.#kept.finish(id, isKept ? text : undefined);
    } catch (error) {
      // It was done: whoever asked shall hear so.
      this.#onKeepFailed(error);
    }
    return { answer, isReplayed: false };
  }
}

/** A failure inside the server, or of a write, may have come after the effect; a refusal never does. */
function hasDoneNothing(error: unknown): boolean {
  return isCertdirError(error) && !/^(STORE_|HTTP_INTERNAL|HTTP_OUTCOME_UNKNOWN)/.test(error.code);
}

function assertKey(key: string): void {
  if (!IDEMPOTENCY_KEY.test(key)) {
    const detail = 'has 1 to 255 visible ASCII characters';
    throw new FieldsInvalid([{ pointer: 'Idempotency-Key', code: 'format', detail }]);
  }
}

function inWork(): TryLater {
  return new TryLater(
    'HTTP_KEY_IN_WORK',
    'a request with this Idempotency-Key is being worked on; ask again in a moment',
    1,
  );
}

/**
 * Keyed by the Idempotency-Key, which is not kept: what was asked may have passwords in it, which nobody shall be able to
 * guess from what is stored.
 */
function digestOf(key: string, ...texts: readonly string[]): Buffer {
  return createHmac('sha256', key)
    .update(hashOf(...texts))
    .digest();
}

/** Lengths are part of what is hashed: no two sequences of texts are one. */
function hashOf(...texts: readonly string[]): Buffer {
  const hash = createHash('sha256');
  for (const text of texts) {
    hash.update(`${Buffer.byteLength(text)}:`).update(text);
  }
  return hash.digest();
}

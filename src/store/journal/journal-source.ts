/**
 * Where a standby gets its journal from: the contract of a folder (`folder-source.ts`) and of a primary that is asked over
 * HTTPS (`app/standby-source.ts`).
 *
 * @module
 */

import type { JournalPosition } from './journal.ts';

export interface SourceDescription {
  readonly storeId: Uint8Array;
  /** Where the source ends; undefined where that cannot be told from outside. */
  readonly end: JournalPosition | undefined;
  /** First sequence numbers of its segments, ascending. */
  readonly segments: readonly number[];
  /** See `StandbyMark`. */
  readonly isLossless: boolean;
}

export interface SegmentRequest {
  /** The segment. */
  readonly first: number;
  readonly from: number;
  /** The last record that the standby has made durable. */
  readonly acknowledged: number;
  /** How long to wait for bytes. */
  readonly waitMs: number;
}

export interface SegmentPart {
  /** Of whole groups that are durable; empty when there are none yet. */
  readonly bytes: Uint8Array;
  readonly end: Pick<JournalPosition, 'sequence' | 'epoch'>;
}

export interface JournalSource {
  /** For messages. */
  readonly name: string;
  /**
   * @param own What the standby is; a source that is fenced by it refuses.
   * @throws {StoreError} `STORE_FEED_UNREACHABLE`, after which it is tried again, or another, after which it is not.
   */
  describe(own: {
    readonly storeId: Uint8Array | undefined;
    readonly epoch: number;
  }): Promise<SourceDescription>;
  /** Rejects as {@link describe} does. */
  read(request: SegmentRequest): Promise<SegmentPart>;
  /** Ends what waits. */
  close(): Promise<void>;
}

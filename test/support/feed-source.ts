/**
 * A primary's feed as the source of a standby in the same process, with whatever a test does to what is read.
 *
 * @module
 */

import { formatHex } from '../../src/core/bytes.ts';
import type { JournalFeed } from '../../src/store/journal/journal-feed.ts';
import type {
  JournalSource,
  SegmentPart,
  SegmentRequest,
  SourceDescription,
} from '../../src/store/journal/journal-source.ts';

export const STANDBY = 'standby of a test';

export class FeedSource implements JournalSource {
  readonly name = 'a feed';
  readonly #feed: JournalFeed;
  /** Changes what is read, or throws. */
  onRead: (part: SegmentPart, request: SegmentRequest) => SegmentPart = (part) => part;

  constructor(feed: JournalFeed) {
    this.#feed = feed;
  }

  async describe(own: {
    readonly storeId: Uint8Array | undefined;
    readonly epoch: number;
  }): Promise<SourceDescription> {
    const storeId = own.storeId && formatHex(own.storeId);
    return await this.#feed.describe({ standby: STANDBY, storeId, epoch: own.epoch });
  }

  async read(request: SegmentRequest): Promise<SegmentPart> {
    return this.onRead(await this.#feed.read(STANDBY, request), request);
  }

  async close(): Promise<void> {
    this.#feed.close();
  }
}

/**
 * A primary that is asked over HTTPS, as the source of a standby's journal.
 *
 * @module
 */

import { formatHex } from '../core/bytes.ts';
import { HttpError } from '../http/errors.ts';
import { PrimaryRefusal, ReplicationClient } from '../http/replication-client.ts';
import { StoreError } from '../store/errors.ts';
import type {
  JournalSource,
  SegmentPart,
  SegmentRequest,
  SourceDescription,
} from '../store/journal/journal-source.ts';

export class PrimarySource implements JournalSource {
  readonly name: string;
  readonly #client: ReplicationClient;

  constructor(
    url: string,
    credentials: { readonly certificate: string; readonly key: string; readonly server: string },
  ) {
    this.name = url;
    this.#client = new ReplicationClient({ url, ...credentials });
  }

  describe(own: {
    readonly storeId: Uint8Array | undefined;
    readonly epoch: number;
  }): Promise<SourceDescription> {
    const storeId = own.storeId && formatHex(own.storeId);
    return told(this.#client.describe({ storeId, epoch: own.epoch }));
  }

  read(request: SegmentRequest): Promise<SegmentPart> {
    return told(this.#client.read(request));
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

/** Tells another store's primary that this one has taken over. Throws as {@link PrimarySource.describe}. */
export async function tellPrimary(
  url: string,
  credentials: { readonly certificate: string; readonly key: string; readonly server: string },
  { storeId, epoch }: { readonly storeId: string; readonly epoch: number },
): Promise<boolean> {
  const client = new ReplicationClient({ url, ...credentials });
  try {
    return await told(client.fence(storeId, epoch));
  } finally {
    await client.close();
  }
}

/** The wire's errors as the store's, which says what is tried again. */
async function told<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    if (cause instanceof HttpError && cause.code === 'HTTP_SERVER_UNREACHABLE') {
      throw new StoreError('STORE_FEED_UNREACHABLE', cause.message, { cause });
    }
    if (cause instanceof PrimaryRefusal) {
      const code = cause.code === 'STORE_FENCED' ? 'STORE_FENCED' : 'STORE_FEED_UNREACHABLE';
      throw new StoreError(code, cause.message, { cause });
    }
    throw cause;
  }
}

/**
 * Brings the stored indexes to the configured list when the directory is opened: builds what is new,
 * deletes what is no longer wanted. The list of complete indexes is in the store; a build that was
 * interrupted is not on it and starts again.
 *
 * @module
 */

import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import type { Log } from '../../core/log.ts';
import { Keyspace, keyOf } from '../../store/keyspace.ts';
import type { Store } from '../../store/store.ts';
import { referralLookUp } from '../filters/candidate-plan.ts';
import type { AttributeType, SchemaLookup } from '../schema/schema-model.ts';
import type { Entry } from './entry.ts';
import { type EqualityIndex, indexPrefix } from './equality-index.ts';
import { prefixRange } from './key-range.ts';
import type { Tree } from './tree.ts';

/** Raised when postings or normalisation change, so that every index is built anew. */
const POSTINGS_FORMAT = '2';
const ENTRIES_PER_TRANSACTION = 500;
const KEYS_PER_TRANSACTION = 5000;
const stateKey = keyOf(Keyspace.directoryState, encodeUtf8('indexes'));

export interface IndexBuildContext {
  readonly store: Store;
  readonly tree: Tree;
  readonly index: EqualityIndex;
  readonly log: Log;
}

/** To be called before anything else writes entries. */
export async function settleIndexes(context: IndexBuildContext): Promise<void> {
  const { store, index, log } = context;
  const complete = await readComplete(store);
  const wanted = new Map(index.types.map((type) => [type.oid, type]));
  for (const oid of complete) {
    if (!wanted.has(oid)) {
      complete.delete(oid);
      await writeComplete(store, complete);
      await deletePostings(store, oid);
      log.info('index dropped', { attribute: oid });
    }
  }
  for (const [oid, type] of wanted) {
    if (!complete.has(oid)) {
      await deletePostings(store, oid);
      const entries = await buildOne(type, context);
      complete.add(oid);
      await writeComplete(store, complete);
      log.info('index built', { attribute: type.name, entries });
    }
  }
}

async function buildOne(
  type: AttributeType,
  { store, tree, index }: IndexBuildContext,
): Promise<number> {
  const snapshot = store.snapshot();
  let count = 0;
  let batch: Entry[] = [];
  const flush = async (): Promise<void> => {
    const entries = batch;
    batch = [];
    await store.transact('directory: build an index', async (transaction) => {
      for (const entry of entries) {
        await index.post(transaction, entry, type);
      }
    });
  };
  try {
    for await (const entry of tree.subtree(snapshot, new Uint8Array(0))) {
      count += 1;
      batch.push(entry);
      if (batch.length === ENTRIES_PER_TRANSACTION) {
        await flush();
      }
    }
    if (batch.length > 0) {
      await flush();
    }
  } finally {
    await snapshot.close();
  }
  return count;
}

async function deletePostings(store: Store, oid: string): Promise<void> {
  const range = { ...prefixRange(indexPrefix({ oid })), limit: KEYS_PER_TRANSACTION };
  let deleted = 0;
  do {
    deleted = await store.transact('directory: drop an index', async (transaction) => {
      const keys: Uint8Array[] = [];
      for await (const key of transaction.keys(range)) {
        keys.push(key);
      }
      for (const key of keys) {
        transaction.delete(key);
      }
      return keys.length;
    });
  } while (deleted === KEYS_PER_TRANSACTION);
}

async function readComplete(store: Store): Promise<Set<string>> {
  const snapshot = store.snapshot();
  try {
    const stored = await snapshot.read(stateKey);
    const [format, ...oids] = (decodeUtf8(stored ?? new Uint8Array(0)) ?? '').split(' ');
    return new Set(format === POSTINGS_FORMAT ? oids : []);
  } finally {
    await snapshot.close();
  }
}

async function writeComplete(store: Store, complete: ReadonlySet<string>): Promise<void> {
  const text = [POSTINGS_FORMAT, ...complete].join(' ');
  await store.transact('directory: list of indexes', async (transaction) => {
    transaction.put(stateKey, encodeUtf8(text));
  });
}

/**
 * Whether there is a referral object (RFC 3296). Without an index of objectClass it is not known; then
 * there may be.
 */
export async function mayHoldReferrals(
  store: Store,
  index: EqualityIndex,
  schema: SchemaLookup,
): Promise<boolean> {
  const lookUp = referralLookUp(index, schema);
  if (lookUp === undefined) {
    return true;
  }
  const snapshot = store.snapshot();
  try {
    const everywhere = { baseKey: new Uint8Array(0), limit: 1 };
    for await (const _ of await index.candidates(snapshot, lookUp, everywhere)) {
      return true;
    }
    return false;
  } finally {
    await snapshot.close();
  }
}

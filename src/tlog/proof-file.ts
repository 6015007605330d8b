/**
 * A proof as a file (C2SP tlog-proof): index, audit path and checkpoint. With the entry and the log's
 * key it shows, off line, that the entry is in the log.
 *
 * @module
 */

import { TlogError } from './errors.ts';
import { HASH_BYTES } from './merkle-tree.ts';

const HEADER = 'c2sp.org/tlog-proof@v1';
/** More than a log can have levels. */
const MAX_HASHES = 64;

export interface ProofFile {
  readonly index: bigint;
  /** From the leaf's sibling up. */
  readonly path: readonly Uint8Array[];
  /** A signed note, as it came. */
  readonly checkpoint: string;
}

export function formatProofFile({ index, path, checkpoint }: ProofFile): string {
  const hashes = path.map((hash) => `${Buffer.from(hash).toString('base64')}\n`);
  return `${HEADER}\nindex ${index}\n${hashes.join('')}\n${checkpoint}`;
}

/** @throws {TlogError} `TLOG_PROOF_MALFORMED`. Extra data, which proves nothing, is skipped. */
export function parseProofFile(text: string): ProofFile {
  const split = text.indexOf('\n\n');
  const [header, ...lines] = text.slice(0, Math.max(0, split)).split('\n');
  if (lines[0]?.startsWith('extra ')) {
    lines.shift();
  }
  const [, index] = /^index (0|[1-9]\d{0,18})$/.exec(lines.shift() ?? '') ?? [];
  const path = lines.map((line) => new Uint8Array(Buffer.from(line, 'base64')));
  const isShaped =
    header === HEADER &&
    path.length <= MAX_HASHES &&
    path.every(
      (hash, at) =>
        hash.length === HASH_BYTES && Buffer.from(hash).toString('base64') === lines[at],
    );
  if (!isShaped || index === undefined) {
    throw new TlogError(
      'TLOG_PROOF_MALFORMED',
      `a proof has the lines ${HEADER}, index, hashes, an empty one, and a checkpoint`,
    );
  }
  return { index: BigInt(index), path, checkpoint: text.slice(split + 2) };
}

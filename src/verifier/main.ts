/**
 * `certdir-verify`: checks an audit log, or one record of it, without certdir: from the log's files and
 * what somebody has kept of it. For auditors, and for anyone who fetches checkpoints.
 *
 * @module
 */

import { parseArgs } from 'node:util';

import { formatHex } from '../core/bytes.ts';
import { isCertdirError } from '../core/errors.ts';
import type { Checkpoint } from '../tlog/checkpoint.ts';
import type { TlogErrorCode } from '../tlog/errors.ts';
import { KeyLineage } from '../tlog/key-lineage.ts';
import { hashLeaf } from '../tlog/merkle-tree.ts';
import { verifyInclusion } from '../tlog/proof.ts';
import { parseProofFile } from '../tlog/proof-file.ts';
import { type NoteKey, parseNoteKey } from '../tlog/signed-note.ts';
import { readBoundedFile } from './bounded-file.ts';
import { VerifierError, type VerifierErrorCode } from './errors.ts';
import { openLogSource } from './log-source.ts';
import { readKeys, verifyLog } from './log-verification.ts';

const USAGE = `Usage: certdir-verify log PLACE --key FILE [--kept FILE]... [--pruned | --hashes-only]
       certdir-verify record FILE --proof FILE --key FILE [--kept FILE]...
       certdir-verify checkpoint FILE --key FILE

Checks an audit log of certdir without certdir.

  log         the whole log in PLACE: a folder that "certdir audit export" has written, or an
              address, e.g. https://ca.example.jp/audit
  record      that a record is in the log, by a proof from "certdir audit prove"
  checkpoint  that a checkpoint is signed with the log's key

  --key FILE      a verifier key of the log (audit-key.txt), from where you trust it. An earlier one
                  will do: the keys hand over to one another, and the log has the handovers
  --handover FILE for record and checkpoint: handover/1 and on, where the key is an earlier one;
                  each with an option of its own, in order
  --kept FILE     a checkpoint that was kept elsewhere; may be given many times. Without one, a log
                  that was rewritten as a whole cannot be told from the true one. With "record": of as
                  many entries as the proof's checkpoint
  --pruned        the first records may have been removed, as many as the log says; their hashes
                  must be there
  --hashes-only   the tree alone, for addresses that do not serve records
  --json          answer as one JSON document

Exit codes:
  0  everything is as it was
  1  something is not: changed, missing, cut off, forked, or signed with another key
  2  the command line, or a key, proof or checkpoint named in it, is wrong
  3  the log cannot be reached or read

Examples:
  $ certdir-verify log /media/audit --key audit-key.txt --kept checkpoint-2026-01
  $ certdir-verify log https://ca.example.jp/audit --key audit-key.txt --hashes-only
  $ certdir-verify record record.json --proof record.tlog-proof --key audit-key.txt
`;

interface Settings {
  readonly key: string;
  readonly kept: readonly string[];
  readonly proof: string | undefined;
  readonly handovers: readonly string[];
  readonly entries: 'all' | 'rest' | 'none';
}

const MAX_INPUT_BYTES = 128 * 1024;

/** Runs one command line. @returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const isJson = argv.includes('--json');
  try {
    const { command, subject, settings, isHelp } = parseCommandLine(argv);
    if (isHelp) {
      process.stdout.write(USAGE);
      return 0;
    }
    const key = await readKey(settings.key);
    const answer = await run(command, subject, { key, settings });
    const text = Object.entries(answer).map(([name, value]) => `${name} ${value}`);
    process.stdout.write(`${isJson ? JSON.stringify(answer) : text.join('\n')}\n`);
    return 0;
  } catch (error) {
    return reportFailure(error, isJson);
  }
}

function parseCommandLine(argv: readonly string[]): {
  readonly command: string;
  readonly subject: string;
  readonly settings: Settings;
  readonly isHelp: boolean;
} {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        key: { type: 'string', default: '' },
        kept: { type: 'string', multiple: true, default: [] },
        proof: { type: 'string' },
        handover: { type: 'string', multiple: true, default: [] },
        pruned: { type: 'boolean', default: false },
        'hashes-only': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const [command = '', subject = '', ...rest] = positionals;
    if (!values.help && (subject === '' || rest.length > 0 || values.key === '')) {
      throw new Error('name what is to be checked, and the key');
    }
    const entries = values['hashes-only'] ? 'none' : values.pruned ? 'rest' : 'all';
    const { key, kept, proof, handover } = values;
    const settings = { key, kept, proof, handovers: handover, entries } as const;
    return { command, subject, settings, isHelp: values.help };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VerifierError('VERIFIER_USAGE', `${reason}; see certdir-verify --help`, { cause });
  }
}

async function run(
  command: string,
  subject: string,
  { key, settings }: { readonly key: NoteKey; readonly settings: Settings },
): Promise<Readonly<Record<string, string>>> {
  switch (command) {
    case 'log': {
      const source = openLogSource(subject);
      const kept = await readKept(settings, await readKeys(source, key));
      const { entries } = settings;
      const { checkpoint, entriesRead } = await verifyLog({ source, key, kept, entries });
      return { ...facts(checkpoint), entriesRead: String(entriesRead), kept: String(kept.length) };
    }
    case 'record': {
      const keys = await followKeys(settings, key);
      return await checkRecord(subject, { keys, settings, kept: await readKept(settings, keys) });
    }
    case 'checkpoint':
      return facts((await followKeys(settings, key)).open(await readText(subject)));
    default:
      throw new VerifierError('VERIFIER_USAGE', `no command ${command}; see certdir-verify --help`);
  }
}

async function followKeys({ handovers }: Settings, key: NoteKey): Promise<KeyLineage> {
  const notes: string[] = [];
  for (const file of handovers) {
    notes.push(await readText(file));
  }
  return KeyLineage.follow(key, notes);
}

async function readKept({ kept }: Settings, keys: KeyLineage): Promise<readonly Checkpoint[]> {
  const checkpoints: Checkpoint[] = [];
  for (const file of kept) {
    checkpoints.push(keys.open(await readText(file)));
  }
  return checkpoints;
}

async function checkRecord(
  file: string,
  {
    keys,
    settings,
    kept,
  }: {
    readonly keys: KeyLineage;
    readonly settings: Settings;
    readonly kept: readonly Checkpoint[];
  },
): Promise<Readonly<Record<string, string>>> {
  if (settings.proof === undefined) {
    throw new VerifierError('VERIFIER_USAGE', 'name the proof with --proof');
  }
  const { index, path, checkpoint: note } = parseProofFile(await readText(settings.proof));
  const checkpoint = keys.open(note);
  verifyInclusion({ index, path, leafHash: hashLeaf(await readBytes(file)) }, checkpoint);
  const unrelated = kept.find(({ size }) => size !== checkpoint.size);
  if (unrelated !== undefined) {
    const text =
      `the proof is under a checkpoint of ${checkpoint.size} entries, which one of ${unrelated.size} cannot be ` +
      'compared with; check both with the log: certdir-verify log';
    throw new VerifierError('VERIFIER_USAGE', text);
  }
  const other = kept.find((one) => formatHex(one.rootHash) !== formatHex(checkpoint.rootHash));
  if (other !== undefined) {
    const text = `the proof is of another log than the checkpoint that was kept over ${other.size}`;
    throw new VerifierError('VERIFIER_FORKED', text);
  }
  return { ...facts(checkpoint), index: index.toString(), kept: String(kept.length) };
}

function facts({ origin, size, rootHash }: Checkpoint): Record<string, string> {
  return { log: origin, size: size.toString(), rootHash: formatHex(rootHash) };
}

async function readKey(file: string): Promise<NoteKey> {
  return parseNoteKey(await readText(file));
}

async function readText(file: string): Promise<string> {
  return (await readBytes(file)).toString('utf8');
}

async function readBytes(file: string): Promise<Buffer> {
  try {
    return await readBoundedFile(file, MAX_INPUT_BYTES);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VerifierError('VERIFIER_USAGE', `${file} cannot be read: ${reason}`, { cause });
  }
}

const exitCodes = {
  VERIFIER_CHANGED: 1,
  VERIFIER_MISSING: 1,
  VERIFIER_UNEXPECTED: 1,
  VERIFIER_SHORTENED: 1,
  VERIFIER_FORKED: 1,
  VERIFIER_UNREADABLE: 3,
  VERIFIER_USAGE: 2,
  TLOG_KEY_MALFORMED: 2,
  TLOG_NOTE_MALFORMED: 1,
  TLOG_SIGNATURE_WRONG: 1,
  TLOG_CHECKPOINT_MALFORMED: 1,
  TLOG_HANDOVER_MALFORMED: 1,
  TLOG_HANDOVER_WRONG: 1,
  TLOG_KEY_REPLACED: 1,
  TLOG_PROOF_MALFORMED: 2,
  TLOG_PROOF_WRONG: 1,
  TLOG_TILE_MALFORMED: 1,
  TLOG_BUNDLE_MALFORMED: 1,
} as const satisfies Record<VerifierErrorCode | TlogErrorCode, number>;

/** Anything that was not foreseen has verified nothing. */
const UNFORESEEN = 3;

function reportFailure(error: unknown, isJson: boolean): number {
  const code = isCertdirError(error) ? error.code : 'INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  const text = isJson
    ? JSON.stringify({ error: { code, message } })
    : `certdir-verify: ${message} [${code}]`;
  process.stderr.write(`${text}\n`);
  return new Map<string, number>(Object.entries(exitCodes)).get(code) ?? UNFORESEEN;
}

/**
 * Signed notes with Ed25519 (C2SP signed-note): a text, an empty line, and signature lines
 *
 *     — <key name> <base64 of key hash (4 bytes) and signature (64 bytes)>
 *
 * A key is known by its verifier key text, `<name>+<key hash in hexadecimal>+<base64>`, whose base64 is
 * the algorithm byte 0x01 and the 32 bytes of the public key.
 *
 * @module
 */

import { createPublicKey, hash, verify } from 'node:crypto';

import { concatBytes, encodeUtf8, equalBytes, formatHex } from '../core/bytes.ts';
import { TlogError } from './errors.ts';

const ED25519 = 0x01;
const KEY_HASH_BYTES = 4;
const PUBLIC_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const SIGNATURE_LINE = /^\u2014 (\S+) ([A-Za-z0-9+/]+={0,2})$/;
/** RFC 8410 §4: what stands before the 32 bytes in a SubjectPublicKeyInfo. */
const SPKI_PREFIX: Uint8Array = Buffer.from('302a300506032b6570032100', 'hex');

export const MAX_NOTE_CHARACTERS = 16_384;

/** A public key and its name. */
export interface NoteKey {
  readonly name: string;
  /** 32 bytes (RFC 8032 §5.1.5). */
  readonly publicKey: Uint8Array;
}

/** The 32 bytes of an Ed25519 SubjectPublicKeyInfo; undefined for any other. */
export function ed25519KeyOf(spki: Uint8Array): Uint8Array | undefined {
  const isEd25519 =
    spki.length === SPKI_PREFIX.length + PUBLIC_KEY_BYTES &&
    equalBytes(spki.subarray(0, SPKI_PREFIX.length), SPKI_PREFIX);
  return isEd25519 ? Uint8Array.from(spki.subarray(SPKI_PREFIX.length)) : undefined;
}

/** The verifier key as text. */
export function formatNoteKey(key: NoteKey): string {
  const bytes = concatBytes(Uint8Array.of(ED25519), key.publicKey);
  return `${key.name}+${formatHex(keyHash(key))}+${base64(bytes)}`;
}

/** @throws {TlogError} `TLOG_KEY_MALFORMED`. */
export function parseNoteKey(text: string): NoteKey {
  const [, name, hashText, encoded] =
    /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text.trim()) ?? [];
  const bytes = new Uint8Array(Buffer.from(encoded ?? '', 'base64'));
  if (name === undefined || bytes.length !== 1 + PUBLIC_KEY_BYTES || bytes[0] !== ED25519) {
    throw new TlogError(
      'TLOG_KEY_MALFORMED',
      'a verifier key is a name, eight hexadecimal digits and an Ed25519 key in base64, with + between',
    );
  }
  const key = { name, publicKey: bytes.subarray(1) };
  if (formatNoteKey(key) !== text.trim() || formatHex(keyHash(key)) !== hashText) {
    throw new TlogError('TLOG_KEY_MALFORMED', 'the verifier key does not fit its own hash');
  }
  return key;
}

/**
 * The note with one signature.
 *
 * @param text Ends with a newline.
 * @param signature Ed25519 over the UTF-8 of `text`.
 */
export function formatSignedNote(text: string, key: NoteKey, signature: Uint8Array): string {
  return addSignature(`${text}\n`, key, signature);
}

/** The note with one more signature. */
export function addSignature(note: string, key: NoteKey, signature: Uint8Array): string {
  return `${note}\u2014 ${key.name} ${base64(concatBytes(keyHash(key), signature))}\n`;
}

/**
 * The text of a note that `key` has signed. Signatures of other keys are not looked at.
 *
 * @throws {TlogError} `TLOG_NOTE_MALFORMED`, `TLOG_SIGNATURE_WRONG`.
 */
export function openSignedNote(note: string, key: NoteKey): string {
  const { text, signatures } = splitNote(note);
  const known = signatures.filter(
    ({ name, bytes }) =>
      name === key.name &&
      bytes.length === KEY_HASH_BYTES + SIGNATURE_BYTES &&
      equalBytes(bytes.subarray(0, KEY_HASH_BYTES), keyHash(key)),
  );
  const message = encodeUtf8(text);
  const isSigned =
    known.length === 1 &&
    known.every(({ bytes }) =>
      isEd25519Signature(key.publicKey, message, bytes.subarray(KEY_HASH_BYTES)),
    );
  if (!isSigned) {
    throw new TlogError('TLOG_SIGNATURE_WRONG', `the note has no good signature of ${key.name}`);
  }
  return text;
}

interface NoteSignature {
  readonly name: string;
  /** Key hash and signature. */
  readonly bytes: Uint8Array;
}

function splitNote(note: string): {
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
} {
  const split = note.lastIndexOf('\n\n');
  const text = note.slice(0, split + 1);
  const lines = note.slice(split + 2).split('\n');
  const isShaped =
    note.length <= MAX_NOTE_CHARACTERS && split > 0 && lines.length > 1 && lines.pop() === '';
  const signatures = lines.flatMap((line) => {
    const [, name, encoded] = SIGNATURE_LINE.exec(line) ?? [];
    const bytes = new Uint8Array(Buffer.from(encoded ?? '', 'base64'));
    // One text for one signature: base64 with stray bits would be another text.
    return name === undefined || base64(bytes) !== encoded ? [] : [{ name, bytes }];
  });
  const hasControls = [...note].some((character) => character < ' ' && character !== '\n');
  if (!isShaped || hasControls || signatures.length !== lines.length) {
    throw new TlogError(
      'TLOG_NOTE_MALFORMED',
      'a signed note is a text, an empty line and signature lines',
    );
  }
  return { text, signatures };
}

/** True for a good signature (RFC 8032 §5.1.7); never throws on what it may be. */
function isEd25519Signature(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  const der = Buffer.from(concatBytes(SPKI_PREFIX, publicKey));
  try {
    return verify(
      null,
      message,
      createPublicKey({ key: der, format: 'der', type: 'spki' }),
      signature,
    );
  } catch {
    return false;
  }
}

/** C2SP signed-note: `SHA-256(name || 0x0A || algorithm || key)`, the first four bytes. */
function keyHash({ name, publicKey }: NoteKey): Uint8Array {
  const input = concatBytes(encodeUtf8(`${name}\n`), Uint8Array.of(ED25519), publicKey);
  return hash('sha256', input, 'buffer').subarray(0, KEY_HASH_BYTES);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

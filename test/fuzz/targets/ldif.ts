/**
 * LDIF (RFC 2849) from administrators' files: entries and changes, whole and cut into chunks, and what is read
 * of entries written and read again.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { encodeUtf8 } from '../../../src/core/bytes.ts';
import { isCertdirError } from '../../../src/core/errors.ts';
import { parseLdifChange } from '../../../src/directory/ldif/ldif-change.ts';
import {
  defaultLdifLimits,
  type LdifReading,
  type LdifRecord,
  parseLdif,
  readLdif,
} from '../../../src/directory/ldif/ldif-reader.ts';
import { formatLdifRecord } from '../../../src/directory/ldif/ldif-writer.ts';
import type { FuzzRandom, FuzzTarget } from '../fuzz-target.ts';
import { mutateText } from '../text-mutation.ts';

const entries = `version: 1
# a comment
 that goes on
dn: ou=A,o=JPKI,c=JP
objectClass: organizationalUnit
ou: A
description;lang-ja:: 5YmN5qmL5biC
description: folded
  once
 and again

dn:: b3U9QixvPUpQS0ksYz1KUA==
objectClass: organizationalUnit
2.5.4.11: B
description:
`;

const changes = `version: 1
dn: ou=A,o=JPKI,c=JP
control: 1.3.6.1.1.12 true:: oxIEC2Rlc2NyaXB0aW9uBANvbGQ=
control: 2.16.840.1.113730.3.4.2
control: 1.2.3 false: value
changetype: modify
add: description
description: one
description:: dHdv
-
delete: ou
-
replace: l
l: Maebashi
-
increment: uidNumber
uidNumber: 1

dn: ou=B,o=JPKI,c=JP
changetype: add
objectClass: organizationalUnit
jpegPhoto:< file:///allowed/photo.jpeg

dn: ou=B,o=JPKI,c=JP
changetype: modrdn
newrdn: ou=C
deleteoldrdn: 1
newsuperior:: bz1KUEtJLGM9SlA=

dn: ou=C,o=JPKI,c=JP
changetype: delete
`;

/** Small, so that inputs reach them. */
const limits = {
  ...defaultLdifLimits,
  maxLineBytes: 2_000,
  maxValues: 60,
  maxRecordBytes: 4_000,
  maxFolds: 50,
  maxLines: 200,
};

const CHUNK_BYTES = 7;

function read(input: Uint8Array, reading: LdifReading): readonly LdifRecord[] | string {
  try {
    return parseLdif(input, reading);
  } catch (error) {
    if (!isCertdirError(error)) {
      throw error;
    }
    assert.match(error.message, /^line \d+: /);
    return error.code;
  }
}

async function readInChunks(
  input: Uint8Array,
  reading: LdifReading,
): Promise<readonly LdifRecord[] | string> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < input.length; at += CHUNK_BYTES) {
      yield input.subarray(at, at + CHUNK_BYTES);
    }
  }
  const records: LdifRecord[] = [];
  try {
    for await (const record of readLdif(chunks(), reading)) {
      records.push(record);
    }
    return records;
  } catch (error) {
    if (!isCertdirError(error)) {
      throw error;
    }
    return error.code;
  }
}

/** What was read says the same when it is written and read again, but for where it stands. */
function assertWritable(records: readonly LdifRecord[]): void {
  for (const { dn, attributes } of records) {
    const values = attributes.map(({ description, value }) => ({ description, values: [value] }));
    const [again] = parseLdif(encodeUtf8(formatLdifRecord(dn, values)));
    assert.equal(again?.dn, dn);
    assert.deepEqual(
      again.attributes.map(({ description, value }) => [description, Buffer.from(value)]),
      attributes.map(({ description, value }) => [description, Buffer.from(value)]),
    );
  }
}

function outcomeOf(record: LdifRecord): string {
  try {
    const { kind, request } = parseLdifChange(record, () => ({}));
    return `${kind} ${Object.keys(request).length}`;
  } catch (error) {
    if (!isCertdirError(error)) {
      throw error;
    }
    return error.code;
  }
}

async function run(input: Uint8Array): Promise<string> {
  const outcomes: string[] = [];
  for (const holds of ['entries', 'changes'] as const) {
    const whole = read(input, { holds, limits });
    assert.deepEqual(await readInChunks(input, { holds, limits }), whole);
    // A URL is passed on and nothing else of it: what may be read is for others to say.
    await readInChunks(input, { holds, limits, readUrl: async () => new Uint8Array(3) });
    if (typeof whole === 'string') {
      outcomes.push(whole);
    } else if (holds === 'entries') {
      assertWritable(whole);
      outcomes.push(String(Math.min(whole.length, 3)));
    } else {
      outcomes.push(...new Set(whole.map(outcomeOf)));
    }
  }
  return outcomes.join(' ');
}

const pieces = [
  ...['dn: ', 'dn:: ', 'version: 1\n', 'version: 2\n', 'changetype: ', 'control: ', '-\n', '\n\n'],
  ...['\n ', '\n#', ':<', '::', ': ', '\r\n', '\ufeff', '\0', '=', 'true', 'false', '1.2.3'],
  ...[
    'add',
    'delete',
    'modify',
    'replace',
    'increment',
    'modrdn',
    'moddn',
    'newrdn',
    'newsuperior',
  ],
  ...['deleteoldrdn', ';binary', ';lang-ja', 'file:///etc/passwd', 'AAAA', '===='],
];

/** Lines moved, doubled, dropped or folded anew; or text changed as in every other target. */
function mutate(random: FuzzRandom, seed: Uint8Array): Uint8Array {
  if (random.below(2) === 0) {
    return mutateText(random, seed, pieces);
  }
  const lines = Buffer.from(seed).toString('latin1').split('\n');
  const at = random.below(lines.length);
  const [line = ''] = lines.slice(at, at + 1);
  switch (random.below(4)) {
    case 0:
      lines.splice(at, 1);
      break;
    case 1:
      lines.splice(random.below(lines.length), 0, ...Array(1 + random.below(60)).fill(line));
      break;
    case 2:
      lines.splice(at, 1, line.slice(0, 2), ...[...line.slice(2)].map((each) => ` ${each}`));
      break;
    default:
      lines.splice(at, 1, pieces[random.below(pieces.length)] ?? '', line);
  }
  return Buffer.from(lines.join('\n'), 'latin1');
}

export const ldifTarget: FuzzTarget = {
  name: 'ldif',
  seeds: [entries, changes, 'dn:\ncn: a\n', `\ufeff${entries.replaceAll('\n', '\r\n')}`].map(
    encodeUtf8,
  ),
  run,
  mutate,
};

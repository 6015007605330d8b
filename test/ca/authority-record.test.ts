/**
 * The record of the CA's keys: what was written is read, also what was written before there were generations.
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  encodeInteger,
  encodeOctetString,
  encodeSequence,
  encodeUtf8String,
} from '../../src/asn1/der-writer.ts';
import { CaError } from '../../src/ca/errors.ts';
import {
  CURRENT_LAYOUT,
  encodeAuthorityRecord,
  type GenerationState,
  type KeyGeneration,
  parseAuthorityRecord,
} from '../../src/ca/records/authority-record.ts';

const states: readonly GenerationState[] = ['made', 'current', 'retiring', 'retired'];

function generation(number: number, state: GenerationState): KeyGeneration {
  return {
    number,
    keyLabel: `gunma-ca-${number}`,
    createdMs: 1000 * number,
    certificate: Uint8Array.of(0x30, number),
    state,
    stateSinceMs: 1000 * number + 1,
  };
}

describe('the record of the CA’s keys', () => {
  it('is read as it was written, in every state, with links and without', () => {
    const links = { oldWithNew: Uint8Array.of(1, 2), newWithOld: Uint8Array.of(3) };
    const generations = states.map((state, index) => ({
      ...generation(index + 1, state),
      ...(index === 0 ? {} : { links }),
    }));
    const record = { layout: CURRENT_LAYOUT, createdMs: 5, generations };
    assert.deepEqual(parseAuthorityRecord(encodeAuthorityRecord(record)), record);
  });

  it('of a CA that had one generation and no word for it: that one issues', () => {
    const der = encodeSequence(
      encodeInteger(5),
      encodeSequence(
        encodeSequence(
          encodeInteger(1),
          encodeUtf8String('gunma-ca-1'),
          encodeInteger(1000),
          encodeOctetString(Uint8Array.of(0x30, 1)),
        ),
      ),
      encodeInteger(2),
    );
    assert.deepEqual(parseAuthorityRecord(der), {
      layout: 2,
      createdMs: 5,
      generations: [{ ...generation(1, 'current'), stateSinceMs: 1000 }],
    });
  });

  it('with a state, or of a layout, that this version does not know is refused', () => {
    const good = { layout: CURRENT_LAYOUT, createdMs: 5, generations: [generation(1, 'current')] };
    const refused = { name: CaError.name, code: 'CA_RECORD_DAMAGED' };
    const newer = encodeAuthorityRecord({ ...good, layout: CURRENT_LAYOUT + 1 });
    assert.throws(() => parseAuthorityRecord(newer), refused);
    const der = encodeAuthorityRecord(good);
    // ENUMERATED, one octet, current.
    const at = Buffer.from(der).indexOf(Uint8Array.of(0x0a, 1, 2));
    const other = Uint8Array.from(der);
    other[at + 2] = 99;
    assert.throws(() => parseAuthorityRecord(other), refused);
  });
});

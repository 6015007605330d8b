import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import type { Filter } from '../../src/directory/filters/filter.ts';
import type { SearchResultEntry } from '../../src/directory/service.ts';
import { encodeSearchEntry } from '../../src/ldap/entry-encoder.ts';
import { PduFramer } from '../../src/ldap/framing.ts';
import { defaultLdapLimits } from '../../src/ldap/limits.ts';
import {
  type DecodedRequest,
  decodeEnvelope,
  decodeRequest,
} from '../../src/ldap/request-decoder.ts';
import { ResponseTag } from '../../src/ldap/requests.ts';
import { encodeResult } from '../../src/ldap/response-encoder.ts';
import { joinMessage } from '../support/joined-message.ts';
import { parseAnswer } from '../support/ldap-answers.ts';
import {
  abandonOperation,
  addOperation,
  bindOperation,
  compareOperation,
  deleteOperation,
  extendedOperation,
  message,
  modifyDnOperation,
  modifyOperation,
  octets,
  searchOperation,
  tlv,
} from '../support/ldap-request-bytes.ts';

const seed = 4511;

/** Records with the prototype that object literals have, as deepEqual wants it. */
const plain = { noNullPrototype: true } as const;

const decode = (pdu: Uint8Array): DecodedRequest =>
  decodeRequest(decodeEnvelope(pdu), defaultLdapLimits);

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const value = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
const piece = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes));
const messageId = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const limit = fc.integer({ min: 0, max: 2 ** 31 - 1 });

const item: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({ kind: fc.constant('present' as const), attribute: text }, plain),
  fc.record(
    {
      kind: fc.constantFrom('equality', 'greaterOrEqual', 'lessOrEqual', 'approx'),
      attribute: text,
      value,
    },
    plain,
  ),
  fc
    .record(
      {
        kind: fc.constant('substrings' as const),
        attribute: text,
        any: fc.array(piece, { maxLength: 3 }),
        initial: piece,
        final: piece,
      },
      { ...plain, requiredKeys: ['kind', 'attribute', 'any'] },
    )
    .filter((filter) => filter.any.length > 0 || 'initial' in filter || 'final' in filter),
  fc
    .record(
      {
        kind: fc.constant('extensible' as const),
        rule: text,
        attribute: text,
        value,
        dnAttributes: fc.boolean(),
      },
      { ...plain, requiredKeys: ['kind', 'value', 'dnAttributes'] },
    )
    .filter((filter) => 'rule' in filter || 'attribute' in filter),
);

const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    item,
    fc.record({ kind: fc.constantFrom('and', 'or'), filters: fc.array(tie('filter')) }, plain),
    fc.record({ kind: fc.constant('not' as const), filter: tie('filter') }, plain),
  ),
}));

const optional = (tag: number, part: Uint8Array | string | undefined): Buffer =>
  part === undefined ? Buffer.alloc(0) : tlv(tag, part);

function filterBytes(from: Filter): Buffer {
  switch (from.kind) {
    case 'and':
    case 'or':
      return tlv(from.kind === 'and' ? 0xa0 : 0xa1, ...from.filters.map(filterBytes));
    case 'not':
      return tlv(0xa2, filterBytes(from.filter));
    case 'present':
      return tlv(0x87, from.attribute);
    case 'substrings':
      return tlv(
        0xa4,
        octets(from.attribute),
        tlv(
          0x30,
          optional(0x80, from.initial),
          ...from.any.map((any) => tlv(0x81, any)),
          optional(0x82, from.final),
        ),
      );
    case 'extensible':
      return tlv(
        0xa9,
        optional(0x81, from.rule),
        optional(0x82, from.attribute),
        tlv(0x83, from.value),
        from.dnAttributes ? tlv(0x84, Uint8Array.of(0xff)) : Buffer.alloc(0),
      );
    default: {
      const tags = { equality: 0xa3, greaterOrEqual: 0xa5, lessOrEqual: 0xa6, approx: 0xa8 };
      return tlv(tags[from.kind], octets(from.attribute), octets(from.value));
    }
  }
}

/** A request as the decoder shall see it, and its bytes. */
interface Sample {
  readonly request: unknown;
  readonly bytes: Buffer;
}

const scopes = ['base', 'one', 'subtree'];
const operations = ['add', 'delete', 'replace'];

const sample: fc.Arbitrary<Sample> = fc.oneof(
  fc
    .record({
      base: text,
      scope: fc.integer({ min: 0, max: 2 }),
      sizeLimit: limit,
      timeLimitS: limit,
      typesOnly: fc.boolean(),
      filter,
      attributes: fc.array(text),
    })
    .map((search) => ({
      request: {
        kind: 'search',
        search: {
          base: search.base,
          scope: scopes[search.scope],
          filter: search.filter,
          attributes: search.attributes,
          typesOnly: search.typesOnly,
          sizeLimit: search.sizeLimit,
          timeLimitMs: search.timeLimitS * 1000,
        },
      },
      bytes: searchOperation({ ...search, filter: filterBytes(search.filter) }),
    })),
  fc.record({ name: text, password: value }).map(({ name, password }) => ({
    request: {
      kind: 'bind',
      bind: { version: 3, name, authentication: { kind: 'simple', password } },
    },
    bytes: bindOperation(name, password),
  })),
  fc
    .record({
      dn: text,
      attributes: fc.array(
        fc.record({ type: text, values: fc.array(value, { minLength: 1, maxLength: 5 }) }),
      ),
    })
    .map(({ dn, attributes }) => ({
      request: {
        kind: 'add',
        add: {
          dn,
          attributes: attributes.map(({ type, values }) => ({ description: type, values })),
        },
      },
      bytes: addOperation(dn, attributes),
    })),
  fc
    .record({
      dn: text,
      changes: fc.array(
        fc.record({
          operation: fc.integer({ min: 0, max: 2 }),
          type: text,
          values: fc.array(value, { maxLength: 5 }),
        }),
      ),
    })
    .map(({ dn, changes }) => ({
      request: {
        kind: 'modify',
        modify: {
          dn,
          changes: changes.map(({ operation, type, values }) => ({
            operation: operations[operation],
            attribute: type,
            values,
          })),
        },
      },
      bytes: modifyOperation(dn, changes),
    })),
  text.map((dn) => ({ request: { kind: 'delete', delete: { dn } }, bytes: deleteOperation(dn) })),
  fc
    .record(
      { dn: text, newRdn: text, deleteOldRdn: fc.boolean(), newSuperior: text },
      { ...plain, requiredKeys: ['dn', 'newRdn', 'deleteOldRdn'] },
    )
    .map((rename) => ({
      request: { kind: 'modifyDn', rename },
      bytes: modifyDnOperation(rename),
    })),
  fc.tuple(text, text, text).map(([dn, attribute, asserted]) => ({
    request: {
      kind: 'compare',
      compare: { dn, attribute, value: Buffer.from(asserted) },
    },
    bytes: compareOperation(dn, attribute, asserted),
  })),
  limit.map((id) => ({
    request: { kind: 'abandon', messageId: id },
    bytes: abandonOperation(id),
  })),
  fc.tuple(text, value).map(([name, given]) => ({
    request: { kind: 'extended', extended: { name, value: given } },
    bytes: extendedOperation(name, given),
  })),
);

/** Runs a decoder on bytes that may be anything: a value, or an error of ours. */
function survives(decoder: () => unknown): void {
  try {
    decoder();
  } catch (error) {
    assert.ok(['LdapError', 'DirectoryError'].includes((error as Error).name), String(error));
  }
}

describe('LDAP codec', () => {
  it('requests: what was written is read', () => {
    fc.assert(
      fc.property(sample, messageId, ({ request, bytes }, id) => {
        const pdu = message(id, bytes);
        assert.equal(decodeEnvelope(pdu).messageId, id);
        assert.deepEqual(decode(pdu), { request, controls: [] });
      }),
      { seed, numRuns: 1_000 },
    );
  });

  it('requests: a damaged one is refused or is another one, nothing worse', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(sample, damage, ({ bytes }, changes) => {
        const pdu = message(1, bytes);
        for (const [at, byte] of changes) {
          pdu[at % pdu.length] = byte;
        }
        survives(() => decode(pdu));
      }),
      { seed, numRuns: 2_000 },
    );
  });

  it('requests: arbitrary bytes, bare and inside a message, are refused or read', () => {
    const anyBytes = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(anyBytes, fc.nat(255), (bytes, tag) => {
        survives(() => decode(bytes));
        survives(() => decode(tlv(0x30, bytes)));
        survives(() => decode(message(1, tlv(tag, bytes))));
      }),
      { seed, numRuns: 3_000 },
    );
  });

  it('framing: however the bytes are cut up, the messages are the same', () => {
    const pdus = fc.array(
      fc.tuple(sample, messageId).map(([{ bytes }, id]) => message(id, bytes)),
      { minLength: 1, maxLength: 6 },
    );
    fc.assert(
      fc.property(pdus, fc.array(fc.nat({ max: 400 }), { minLength: 1 }), (sent, sizes) => {
        const stream = Buffer.concat(sent);
        const framer = new PduFramer();
        const received: Buffer[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const size = (sizes[turn % sizes.length] ?? 0) + 1;
          framer.push(Buffer.from(stream.subarray(at, at + size)));
          at += size;
          for (let pdu = framer.next(1 << 20); pdu !== undefined; pdu = framer.next(1 << 20)) {
            received.push(Buffer.from(pdu));
          }
        }
        assert.deepEqual(received, sent);
        assert.equal(framer.bufferedBytes, 0);
      }),
      { seed, numRuns: 300 },
    );
  });

  it('framing: arbitrary bytes end in a message or an error of ours', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 10 }), (chunks) => {
        const framer = new PduFramer();
        survives(() => {
          for (const chunk of chunks) {
            framer.push(chunk);
            framer.next(1_000);
          }
        });
      }),
      { seed, numRuns: 1_000 },
    );
  });

  it('entries: what was encoded is read, by a reader that takes minimal lengths alone', () => {
    const size = fc.oneof(fc.nat(300), fc.integer({ min: 4_000, max: 5_000 }), fc.nat(70_000));
    const entries: fc.Arbitrary<SearchResultEntry> = fc.record({
      dn: text,
      attributes: fc.uniqueArray(
        fc.record({
          description: text,
          values: fc.array(
            size.map((length) => Buffer.alloc(length, length)),
            { maxLength: 3 },
          ),
        }),
        { selector: ({ description }) => description },
      ),
    });
    fc.assert(
      fc.property(entries, messageId, (entry, id) => {
        const operation = encodeSearchEntry(entry);
        const answer = parseAnswer(joinMessage(id, operation));
        assert.equal(answer.messageId, id);
        assert.equal(answer.dn, entry.dn);
        assert.deepEqual(
          [...answer.attributes],
          entry.attributes.map(({ description, values }) => [description, values]),
        );
        const length = operation.parts.reduce((sum, part) => sum + part.length, 0);
        assert.equal(operation.length, length);
      }),
      { seed, numRuns: 300 },
    );
  });

  it('results: what was encoded is read', () => {
    // Entries and references are not results.
    const others: readonly number[] = [ResponseTag.searchEntry, ResponseTag.searchReference];
    const tags = Object.values(ResponseTag).filter((tag) => !others.includes(tag));
    fc.assert(
      fc.property(
        messageId,
        fc.constantFrom(...tags),
        fc.record({ resultCode: fc.nat(127), matchedDn: text, diagnosticMessage: text }, plain),
        (id, tag, result) => {
          const answer = parseAnswer(Buffer.from(encodeResult(id, tag, result)));
          const { resultCode, matchedDn, diagnosticMessage } = answer;
          assert.equal(answer.messageId, id);
          assert.deepEqual({ resultCode, matchedDn, diagnosticMessage }, result);
        },
      ),
      { seed, numRuns: 500 },
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { defaultLdapLimits, type LdapLimits } from '../../src/ldap/limits.ts';
import {
  type DecodedRequest,
  decodeEnvelope,
  decodeRequest,
} from '../../src/ldap/request-decoder.ts';
import {
  abandonOperation,
  addOperation,
  attributeBytes,
  bindOperation,
  bool,
  compareOperation,
  deleteOperation,
  enumerated,
  extendedOperation,
  int,
  lengthBytes,
  message,
  modifyDnOperation,
  modifyOperation,
  octets,
  present,
  saslBindOperation,
  searchOperation,
  tlv,
  unbindOperation,
} from '../support/ldap-request-bytes.ts';

function decode(pdu: Uint8Array, limits: Partial<LdapLimits> = {}): DecodedRequest {
  return decodeRequest(decodeEnvelope(pdu), { ...defaultLdapLimits, ...limits });
}

const buffer = (text: string): Buffer => Buffer.from(text);

const samples: { readonly [name: string]: Buffer } = {
  bind: bindOperation('cn=a', 'secret'),
  'sasl bind': saslBindOperation('EXTERNAL', buffer('u')),
  unbind: unbindOperation,
  search: searchOperation({ base: 'dc=x', scope: 1, attributes: ['cn', '*'] }),
  modify: modifyOperation('cn=a', [
    { operation: 0, type: 'sn', values: ['1', '2'] },
    { operation: 1, type: 'mail', values: [] },
    { operation: 2, type: 'cn', values: ['x'] },
  ]),
  add: addOperation('cn=a', [{ type: 'cn', values: ['a'] }]),
  delete: deleteOperation('cn=a'),
  modifyDn: modifyDnOperation({ dn: 'cn=a', newRdn: 'cn=b', newSuperior: 'dc=y' }),
  compare: compareOperation('cn=a', 'cn', 'v'),
  abandon: abandonOperation(77),
  extended: extendedOperation('1.2.3', buffer('v')),
};

describe('decodeRequest', () => {
  const rows: { section: string; operation: Uint8Array; request: unknown }[] = [
    {
      section: '§4.2 simple bind',
      operation: bindOperation('cn=日本', 'sécret', 3),
      request: {
        kind: 'bind',
        bind: {
          version: 3,
          name: 'cn=日本',
          authentication: { kind: 'simple', password: buffer('sécret') },
        },
      },
    },
    {
      section: '§4.2 SASL bind without credentials',
      operation: saslBindOperation('EXTERNAL'),
      request: {
        kind: 'bind',
        bind: { version: 3, name: '', authentication: { kind: 'sasl', mechanism: 'EXTERNAL' } },
      },
    },
    {
      section: '§4.2 SASL bind with credentials',
      operation: saslBindOperation('PLAIN', buffer('c')),
      request: {
        kind: 'bind',
        bind: {
          version: 3,
          name: '',
          authentication: { kind: 'sasl', mechanism: 'PLAIN', credentials: buffer('c') },
        },
      },
    },
    {
      section: '§4.2 another choice of authentication',
      operation: tlv(0x60, int(3), octets(''), tlv(0x81, 'krb')),
      request: {
        kind: 'bind',
        bind: { version: 3, name: '', authentication: { kind: 'unknown' } },
      },
    },
    { section: '§4.3 unbind', operation: unbindOperation, request: { kind: 'unbind' } },
    {
      section: '§4.5.1 search',
      operation: searchOperation({
        base: 'dc=x',
        scope: 2,
        derefAliases: 3,
        sizeLimit: 2 ** 31 - 1,
        timeLimitS: 2 ** 31 - 1,
        typesOnly: true,
        filter: present('cn'),
        attributes: ['1.1'],
      }),
      request: {
        kind: 'search',
        search: {
          base: 'dc=x',
          scope: 'subtree',
          filter: { kind: 'present', attribute: 'cn' },
          attributes: ['1.1'],
          typesOnly: true,
          sizeLimit: 2 ** 31 - 1,
          timeLimitMs: (2 ** 31 - 1) * 1000,
        },
      },
    },
    {
      section: '§4.6 modify',
      operation: samples['modify'] ?? unbindOperation,
      request: {
        kind: 'modify',
        modify: {
          dn: 'cn=a',
          changes: [
            { operation: 'add', attribute: 'sn', values: [buffer('1'), buffer('2')] },
            { operation: 'delete', attribute: 'mail', values: [] },
            { operation: 'replace', attribute: 'cn', values: [buffer('x')] },
          ],
        },
      },
    },
    {
      section: '§4.7 add',
      operation: addOperation('cn=a', [{ type: 'cn', values: [Uint8Array.of(0, 255)] }]),
      request: {
        kind: 'add',
        add: { dn: 'cn=a', attributes: [{ description: 'cn', values: [Buffer.of(0, 255)] }] },
      },
    },
    {
      section: '§4.8 delete',
      operation: deleteOperation('cn=a'),
      request: { kind: 'delete', delete: { dn: 'cn=a' } },
    },
    {
      section: '§4.9 modify DN in place',
      operation: modifyDnOperation({ dn: 'cn=a', newRdn: 'cn=b', deleteOldRdn: true }),
      request: {
        kind: 'modifyDn',
        rename: { dn: 'cn=a', newRdn: 'cn=b', deleteOldRdn: true },
      },
    },
    {
      section: '§4.9 modify DN with a new superior',
      operation: modifyDnOperation({ dn: 'cn=a', newRdn: 'cn=a', newSuperior: '' }),
      request: {
        kind: 'modifyDn',
        rename: { dn: 'cn=a', newRdn: 'cn=a', deleteOldRdn: false, newSuperior: '' },
      },
    },
    {
      section: '§4.10 compare',
      operation: compareOperation('cn=a', 'cn;lang-ja', 'v'),
      request: {
        kind: 'compare',
        compare: { dn: 'cn=a', attribute: 'cn;lang-ja', value: buffer('v') },
      },
    },
    {
      section: '§4.11 abandon',
      operation: abandonOperation(300),
      request: { kind: 'abandon', messageId: 300 },
    },
    {
      section: '§4.12 extended without value',
      operation: extendedOperation('1.2.3'),
      request: { kind: 'extended', extended: { name: '1.2.3' } },
    },
    {
      section: '§4.12 extended with an empty value',
      operation: extendedOperation('1.2.3', buffer('')),
      request: { kind: 'extended', extended: { name: '1.2.3', value: buffer('') } },
    },
  ];
  for (const { section, operation, request } of rows) {
    it(`reads ${section}`, () => {
      assert.deepEqual(decode(message(5, operation)), { request, controls: [] });
    });
  }

  it('reads controls (§4.1.11); criticality is false when absent', () => {
    const pdu = message(5, samples['delete'] ?? unbindOperation, [
      { type: '1.2.3' },
      { type: '1.2.4', isCritical: true },
      { type: '1.2.5', isCritical: false, value: buffer('v') },
    ]);
    assert.deepEqual(decode(pdu).controls, [
      { type: '1.2.3', isCritical: false },
      { type: '1.2.4', isCritical: true },
      { type: '1.2.5', isCritical: false, value: buffer('v') },
    ]);
  });

  for (const messageId of [1, 127, 128, 255, 256, 32_768, 2 ** 31 - 1]) {
    it(`reads message id ${messageId}`, () => {
      assert.equal(decodeEnvelope(message(messageId, unbindOperation)).messageId, messageId);
    });
  }
});

describe('decodeRequest on bytes that are no message', () => {
  const malformed = { name: 'LdapError', code: 'LDAP_MALFORMED' };

  for (const messageId of [0, -1, 2 ** 31]) {
    it(`refuses message id ${messageId} (§4.1.1)`, () => {
      assert.throws(() => decodeEnvelope(message(messageId, unbindOperation)), malformed);
    });
  }

  it('refuses every protocolOp tag but those of the ten requests', () => {
    const known = Object.values(samples).map((operation) => operation.readUInt8(0));
    for (let tag = 0; tag < 256; tag += 1) {
      if (!known.includes(tag)) {
        assert.throws(() => decodeEnvelope(message(1, tlv(tag, ''))), malformed, `tag ${tag}`);
      }
    }
  });

  for (const [name, operation] of Object.entries(samples)) {
    it(`refuses ${name} cut short at every byte`, () => {
      for (let length = 0; length < operation.length; length += 1) {
        const cut = operation.subarray(0, length);
        assert.throws(() => decode(message(1, cut)), malformed, `${length} bytes`);
        if (length >= 2 && length < 0x80) {
          const fitted = Buffer.from(cut);
          fitted.writeUInt8(length - 2, 1);
          decodesOrThrowsOurs(fitted);
        }
      }
    });

    it(`refuses ${name} with bytes behind the message`, () => {
      const whole = message(1, operation);
      assert.throws(() => decodeEnvelope(Buffer.concat([whole, Buffer.of(0)])), malformed);
    });
  }

  it('meets every tag with every form of length, cut at every byte, with our error or a value', () => {
    const forms = [
      Buffer.of(0x00),
      Buffer.of(0x01),
      Buffer.of(0x7f),
      Buffer.of(0x80),
      Buffer.of(0xff),
      ...[1, 2, 3, 4, 5, 8, 126].flatMap((size) =>
        [0, 1, 0x7f, 0x80, 0xff].map((last) =>
          Buffer.concat([Buffer.of(0x80 | size), Buffer.alloc(size - 1), Buffer.of(last)]),
        ),
      ),
      Buffer.of(0x84, 0x7f, 0xff, 0xff, 0xff),
      Buffer.of(0x84, 0xff, 0xff, 0xff, 0xff),
    ];
    let values = 0;
    for (let tag = 0; tag < 256; tag += 1) {
      for (const form of forms) {
        const element = Buffer.concat([Buffer.of(tag), form, Buffer.of(1, 0)]);
        for (let length = 1; length <= element.length; length += 1) {
          values += decodesOrThrowsOurs(element.subarray(0, length));
        }
      }
    }
    assert.ok(values > 0, 'some are requests: unbind, abandon, delete');
  });

  /** 1 when the operation is a request, 0 when it is refused with an error of ours. */
  function decodesOrThrowsOurs(operation: Uint8Array): number {
    try {
      decode(tlv(0x30, int(1), operation));
      return 1;
    } catch (error) {
      assert.equal((error as Error).name, 'LdapError');
      return 0;
    }
  }

  const rows: { why: string; operation: Uint8Array }[] = [
    {
      why: 'an OCTET STRING in constructed form (§5.1)',
      operation: tlv(0x60, int(3), tlv(0x24, octets('cn=a')), tlv(0x80, 'x')),
    },
    {
      why: 'a BOOLEAN other than FF and 00 (§5.1)',
      operation: tlv(0x6c, octets('cn=a'), octets('cn=b'), tlv(0x01, Uint8Array.of(1))),
    },
    { why: 'an unbind with content', operation: Buffer.of(0x42, 0x01, 0x00) },
    { why: 'a bind without authentication', operation: tlv(0x60, int(3), octets('')) },
    {
      why: 'a bind whose authentication is no choice of it',
      operation: tlv(0x60, int(3), octets(''), octets('x')),
    },
    {
      why: 'a new superior twice',
      operation: tlv(
        0x6c,
        octets('cn=a'),
        octets('cn=b'),
        bool(false),
        tlv(0x80, 'dc=x'),
        tlv(0x80, 'dc=y'),
      ),
    },
    {
      why: 'an inner length in five bytes',
      operation: Buffer.concat([Buffer.of(0x4a), lengthBytes(4, 5), Buffer.from('cn=a')]),
    },
  ];
  for (const { why, operation } of rows) {
    it(`refuses ${why}`, () => {
      assert.throws(() => decode(message(1, operation)), malformed);
    });
  }

  it('refuses controls twice', () => {
    const list = tlv(0xa0, tlv(0x30, octets('1.2.3')));
    const pdu = tlv(0x30, int(1), deleteOperation('cn=a'), list, list);
    assert.throws(() => decode(pdu), malformed);
  });
});

describe('decodeRequest on values it does not know', () => {
  const field = { name: 'LdapError', code: 'LDAP_FIELD' };
  const rows: { why: string; operation: Uint8Array }[] = [
    { why: 'scope 3', operation: searchOperation({ scope: 3 }) },
    { why: 'scope -1', operation: searchOperation({ scope: -1 }) },
    { why: 'derefAliases 4', operation: searchOperation({ derefAliases: 4 }) },
    { why: 'a size limit below zero', operation: searchOperation({ sizeLimit: -1 }) },
    { why: 'a time limit below zero', operation: searchOperation({ timeLimitS: -1 }) },
    { why: 'a size limit above 2^31 - 1', operation: searchOperation({ sizeLimit: 2 ** 31 }) },
    {
      why: 'a change that is none of the four',
      operation: modifyOperation('cn=a', [{ operation: 4, type: 'cn', values: ['1'] }]),
    },
    {
      why: 'an increment without value (RFC 4525 §2)',
      operation: modifyOperation('cn=a', [{ operation: 3, type: 'cn', values: [] }]),
    },
    {
      why: 'an increment with two values (RFC 4525 §2)',
      operation: modifyOperation('cn=a', [{ operation: 3, type: 'cn', values: ['1', '2'] }]),
    },
    {
      why: 'an attribute to add without value',
      operation: addOperation('cn=a', [{ type: 'cn', values: [] }]),
    },
    { why: 'a name that is no UTF-8', operation: tlv(0x4a, Uint8Array.of(0xff)) },
    {
      why: 'an attribute description that is no UTF-8',
      operation: tlv(
        0x6e,
        octets('cn=a'),
        tlv(0x30, octets(Uint8Array.of(0xc0, 0x80)), octets('x')),
      ),
    },
  ];
  for (const { why, operation } of rows) {
    it(`refuses ${why}`, () => {
      assert.throws(() => decode(message(1, operation)), field);
    });
  }

  for (const type of ['', 'x', '1', '1..2', '01.2', '1.2.3 ']) {
    it(`refuses the control type ${JSON.stringify(type)}`, () => {
      assert.throws(() => decode(message(1, deleteOperation('cn=a'), [{ type }])), field);
    });
  }
});

describe('decodeRequest and extensions of the protocol (RFC 4511 §4)', () => {
  const extra = tlv(0xbe, octets('later'));
  const rows: { name: string; pdu: Uint8Array }[] = [
    { name: 'LDAPMessage', pdu: tlv(0x30, int(1), deleteOperation('cn=a'), extra) },
    {
      name: 'BindRequest',
      pdu: message(1, tlv(0x60, int(3), octets(''), tlv(0x80, ''), extra)),
    },
    {
      name: 'ModifyRequest and its parts',
      pdu: message(
        1,
        tlv(
          0x66,
          octets('cn=a'),
          tlv(
            0x30,
            tlv(0x30, enumerated(0), tlv(0x30, octets('cn'), tlv(0x31, octets('x')), extra), extra),
          ),
          extra,
        ),
      ),
    },
    {
      name: 'AddRequest',
      pdu: message(
        1,
        tlv(0x68, octets('cn=a'), tlv(0x30, attributeBytes({ type: 'cn', values: ['a'] })), extra),
      ),
    },
    {
      name: 'ModifyDNRequest',
      pdu: message(1, tlv(0x6c, octets('cn=a'), octets('cn=b'), bool(true), extra)),
    },
    {
      name: 'CompareRequest and its assertion',
      pdu: message(
        1,
        tlv(0x6e, octets('cn=a'), tlv(0x30, octets('cn'), octets('v'), extra), extra),
      ),
    },
    { name: 'ExtendedRequest', pdu: message(1, tlv(0x77, tlv(0x80, '1.2.3'), extra)) },
  ];
  for (const { name, pdu } of rows) {
    it(`passes over a component behind those of ${name}`, () => {
      assert.doesNotThrow(() => decode(pdu));
    });
  }

  it('but not over bytes that are no component', () => {
    const operation = tlv(0x77, tlv(0x80, '1.2.3'), Uint8Array.of(0xbe, 0x05, 0));
    assert.throws(() => decode(message(1, operation)), { code: 'LDAP_MALFORMED' });
  });
});

describe('decodeRequest within limits', () => {
  const tooMany = { name: 'LdapError', code: 'LDAP_TOO_MANY_PARTS' };
  const attributes = (count: number): { type: string; values: string[] }[] =>
    Array.from({ length: count }, () => ({ type: 'cn', values: ['a'] }));

  const rows: {
    what: string;
    limits: Partial<LdapLimits>;
    pdu: (count: number) => Uint8Array;
  }[] = [
    {
      what: 'selected attributes',
      limits: { selectedAttributes: 3 },
      pdu: (count) => message(1, searchOperation({ attributes: Array(count).fill('cn') })),
    },
    {
      what: 'attributes of an add',
      limits: { attributes: 3 },
      pdu: (count) => message(1, addOperation('cn=a', attributes(count))),
    },
    {
      what: 'changes of a modify',
      limits: { attributes: 3 },
      pdu: (count) =>
        message(
          1,
          modifyOperation(
            'cn=a',
            attributes(count).map((each) => ({ operation: 0, ...each })),
          ),
        ),
    },
    {
      what: 'values over all attributes',
      limits: { values: 3 },
      pdu: (count) => message(1, addOperation('cn=a', attributes(count))),
    },
    {
      what: 'controls',
      limits: { controls: 3 },
      pdu: (count) => message(1, deleteOperation('cn=a'), Array(count).fill({ type: '1.2.3' })),
    },
  ];
  for (const { what, limits, pdu } of rows) {
    it(`takes ${what} up to the limit and refuses one more`, () => {
      assert.doesNotThrow(() => decode(pdu(3), limits));
      assert.throws(() => decode(pdu(4), limits), tooMany);
    });
  }
});

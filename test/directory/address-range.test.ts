import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { AddressRange, PeerAddress, sourceOf } from '../../src/directory/access/address-range.ts';

const has = (range: string, address: string): boolean =>
  AddressRange.parse(range).has(new PeerAddress(address));

const rows: readonly { range: string; inside: string[]; outside: string[] }[] = [
  { range: '0.0.0.0/0', inside: ['0.0.0.0', '255.255.255.255'], outside: ['::', '', 'x'] },
  { range: '192.0.2.0/24', inside: ['192.0.2.0', '192.0.2.255'], outside: ['192.0.1.255'] },
  { range: '192.0.2.0/25', inside: ['192.0.2.127'], outside: ['192.0.2.128', '192.0.3.0'] },
  { range: '192.0.2.1/32', inside: ['192.0.2.1'], outside: ['192.0.2.0', '192.0.2.2'] },
  { range: '192.0.2.1', inside: ['192.0.2.1'], outside: ['192.0.2.0', '192.0.2.2'] },
  {
    range: '192.0.2.0/24',
    inside: ['::ffff:192.0.2.9', '::FFFF:c000:209'],
    outside: ['::c000:209'],
  },
  {
    range: '::/0',
    inside: ['::', '2001:db8::1', 'fe80::1%eth0'],
    outside: ['192.0.2.1', '::ffff:192.0.2.1'],
  },
  { range: '2001:db8::/32', inside: ['2001:db8:ffff::'], outside: ['2001:db9::', '2001:db7::'] },
  { range: '2001:db8::/33', inside: ['2001:db8:7fff::'], outside: ['2001:db8:8000::'] },
  { range: '2001:db8::1/128', inside: ['2001:DB8:0:0:0:0:0:1'], outside: ['2001:db8::2'] },
  { range: '::1', inside: ['::1', '0:0:0:0:0:0:0:1'], outside: ['127.0.0.1', '::'] },
  {
    range: '::ffff:192.0.2.0/120',
    inside: ['192.0.2.7', '::ffff:192.0.2.7'],
    outside: ['192.0.3.0'],
  },
  { range: '::ffff:0:0/96', inside: ['10.0.0.1'], outside: ['::1'] },
];

describe('an address range (RFC 4632, RFC 4291 §2.3)', () => {
  for (const { range, inside, outside } of rows) {
    it(`${range} has ${inside.join(', ')} and not ${outside.join(', ')}`, () => {
      for (const address of inside) {
        assert.equal(has(range, address), true, address);
      }
      for (const address of outside) {
        assert.equal(has(range, address), false, address);
      }
    });
  }

  const refused = [
    ...['', 'x', '192.0.2', '192.0.2.0/', '192.0.2.0/33', '192.0.2.0/-1', '192.0.2.0/1/1'],
    ...['192.0.2.0/ 24', '192.0.2.1/24', '192.0.2.0/x', '2001:db8::/129', '2001:db8::1/32'],
    ...['fe80::1%eth0', '192.0.02.0/24', '::g/1', '0.0.0.0/0x8', '1:2:3:4:5:6:7:8:9'],
  ];
  for (const text of refused) {
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.throws(() => AddressRange.parse(text), { code: 'DIRECTORY_ACCESS_RULE' });
    });
  }

  it('says what to write instead of bits behind the prefix', () => {
    assert.throws(() => AddressRange.parse('2001:db8::1/32'), { message: /2001:db8::\/32/ });
  });

  it('has what node:net says it has', () => {
    const v4 = fc.ipV4().map((address) => ({ address, bits: 32, family: 'ipv4' as const }));
    const v6 = fc.ipV6().map((address) => ({ address, bits: 128, family: 'ipv6' as const }));
    const peers = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.ipV4().map((address) => `::ffff:${address}`),
    );
    const ranges = fc
      .oneof(v4, v6)
      .chain((one) =>
        fc.record({ one: fc.constant(one), prefix: fc.integer({ min: 1, max: one.bits }) }),
      );
    fc.assert(
      fc.property(ranges, peers, fc.boolean(), ({ one, prefix }, peer, isOwn) => {
        const asked = isOwn ? one.address : peer;
        const list = new BlockList();
        list.addSubnet(one.address, prefix, one.family);
        let range: AddressRange;
        try {
          range = AddressRange.parse(`${one.address}/${prefix}`);
        } catch (error) {
          const [, network = ''] = /write (\S+)/.exec(String(error)) ?? [];
          range = AddressRange.parse(network);
        }
        // For node:net a range of IPv6 has IPv4 addresses as well; here only when it has nothing else.
        const isMapped = asked.startsWith('::ffff:') || !asked.includes(':');
        const isOfIpv6 = one.family === 'ipv6';
        const isListed = list.check(asked, asked.includes(':') ? 'ipv6' : 'ipv4');
        const expected = isListed && !(isMapped && isOfIpv6 && prefix < 96);
        assert.equal(
          range.has(new PeerAddress(asked)),
          expected,
          `${one.address}/${prefix} ${asked}`,
        );
      }),
      { seed: 4632, numRuns: 2000 },
    );
  });
});

describe('sourceOf', () => {
  const rows = [
    { address: '192.0.2.1', source: '192.0.2.1' },
    { address: '::ffff:192.0.2.1', source: '192.0.2.1' },
    { address: '::FFFF:c000:201', source: '192.0.2.1' },
    { address: '2001:db8:1:2::1', source: '20010db800010002' },
    { address: '2001:db8:1:2:ffff:ffff:ffff:ffff', source: '20010db800010002' },
    { address: '2001:db8:1:3::1', source: '20010db800010003' },
    { address: 'fe80::1%eth0', source: 'fe80000000000000' },
    { address: '::1', source: '0000000000000000' },
    { address: '', source: '' },
    { address: 'local', source: 'local' },
  ];
  for (const { address, source } of rows) {
    it(`${JSON.stringify(address)}: ${source}`, () => assert.equal(sourceOf(address), source));
  }
});

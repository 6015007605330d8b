import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Log, LogFields } from '../../src/core/log.ts';
import { PeerLog } from '../../src/ldap/peer-log.ts';
import { message } from '../support/ldap-request-bytes.ts';
import { LdapTestServer } from '../support/ldap-test-server.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

type Line = readonly [level: string, text: string, fields: LogFields | undefined];

function collect(): { readonly log: Log; readonly lines: Line[] } {
  const lines: Line[] = [];
  const level =
    (name: string) =>
    (text: string, fields?: LogFields): void =>
      void lines.push([name, text, fields]);
  const log: Log = {
    debug: level('debug'),
    info: level('info'),
    warn: level('warn'),
    error: level('error'),
    with: () => log,
  };
  return { log, lines };
}

const MINUTE_MS = 60_000;

describe('PeerLog', () => {
  it('says each thing once for an address and minute, then how often more', async () => {
    const { log, lines } = collect();
    const clock = new SimulatedClock();
    const peers = new PeerLog(log, clock);
    for (let count = 0; count < 10; count += 1) {
      peers.info('192.0.2.1', 'disconnected', { code: 'A' });
    }
    peers.info('192.0.2.2', 'disconnected', { code: 'B' });
    peers.warn('192.0.2.1', 'refused');
    await clock.advance(MINUTE_MS - 1);
    peers.info('192.0.2.1', 'disconnected', { code: 'C' });
    await clock.advance(1);
    peers.info('192.0.2.1', 'disconnected', { code: 'D' });
    assert.deepEqual(lines, [
      ['info', 'disconnected', { address: '192.0.2.1', code: 'A' }],
      ['info', 'disconnected', { address: '192.0.2.2', code: 'B' }],
      ['warn', 'refused', { address: '192.0.2.1' }],
      ['info', 'disconnected', { address: '192.0.2.1', code: 'D', leftOut: 10 }],
    ]);
  });

  it('remembers a bounded number of addresses; later ones share a line', async () => {
    const { log, lines } = collect();
    const clock = new SimulatedClock();
    const peers = new PeerLog(log, clock);
    for (let count = 0; count < 5_000; count += 1) {
      peers.info(`192.0.2.${count}`, 'disconnected');
    }
    assert.equal(lines.length, 1024 + 1);
    assert.deepEqual(lines.at(-1)?.[2], { address: 'others' });
    await clock.advance(MINUTE_MS);
    peers.info('198.51.100.1', 'disconnected');
    const told = lines.slice(1025).map(([, , fields]) => fields?.['leftOut']);
    assert.deepEqual(told, [5_000 - 1024 - 1, undefined], 'what was left out is not forgotten');
  });
});

describe('a peer that breaks the protocol again and again', () => {
  it('makes one line a minute', async (t) => {
    const { log, lines } = collect();
    const opened = await LdapTestServer.open(t, { log });
    for (let count = 0; count < 20; count += 1) {
      const client = await opened.connect();
      client.send(Buffer.concat([message(1, Buffer.of(0x42, 0x01, 0x00)), Buffer.of(0xff)]));
      await client.untilClosed();
    }
    assert.deepEqual(
      lines.map(([level, text, fields]) => [level, text, fields?.['address']]),
      [['info', 'disconnected', '127.0.0.1']],
    );
  });
});

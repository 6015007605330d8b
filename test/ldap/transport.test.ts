import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';

import { createTlsContext } from '../../src/ldap/tls-credentials.ts';
import { Transport } from '../../src/ldap/transport.ts';
import { LdapTestClient } from '../support/ldap-test-client.ts';
import { makeTlsCredentials, turnsUntil } from '../support/ldap-test-server.ts';

describe('Transport', () => {
  /** A connection whose server side reports what happens. */
  async function open(t: {
    after(fn: () => unknown): void;
  }): Promise<{ client: LdapTestClient; transport: Transport; events: string[] }> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0);
    t.after(() => server.close());
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const client = await LdapTestClient.connect((server.address() as AddressInfo).port);
    t.after(() => client.destroy());
    const [socket] = await accepted;
    const events: string[] = [];
    const transport = new Transport(socket, {
      onData: (chunk) => events.push(`data ${Buffer.from(chunk)}`),
      onEnd: () => events.push('end'),
      onSecured: () => {
        events.push('secured');
        transport.resume();
      },
      onClosed: () => events.push('closed'),
    });
    t.after(() => transport.destroy());
    return { client, transport, events };
  }

  it('gives nothing out before it is resumed', async (t) => {
    const { client, transport, events } = await open(t);
    await client.sendPieces(Buffer.from('x'));
    assert.deepEqual(events, []);
    transport.resume();
    await turnsUntil(() => events.length > 0);
    assert.deepEqual(events, ['data x']);
  });

  it('reports each event once, in clear', async (t) => {
    const { client, transport, events } = await open(t);
    transport.resume();
    client.send(Buffer.from('x'));
    await turnsUntil(() => events.includes('data x'));
    client.end();
    await turnsUntil(() => events.includes('end'));
    transport.socket.end();
    await client.whenClosed();
    await turnsUntil(() => events.includes('closed'));
    assert.deepEqual(events, ['data x', 'end', 'closed']);
  });

  it('reports each event once, under TLS, and nothing of the socket below', async (t) => {
    const { client, transport, events } = await open(t);
    transport.secure(createTlsContext(makeTlsCredentials()));
    await client.handshake();
    client.send(Buffer.from('x'));
    await turnsUntil(() => events.includes('data x'));
    client.destroy();
    await turnsUntil(() => events.includes('closed'));
    await turnsUntil(() => transport.socket.destroyed);
    const withoutEnd = events.filter((event) => event !== 'end');
    assert.deepEqual(withoutEnd, ['secured', 'data x', 'closed']);
    assert.ok(events.length <= 4);
  });

  it('gives to TLS, and to nobody else, what had arrived before it', async (t) => {
    const { client, transport, events } = await open(t);
    transport.resume();
    client.send(Buffer.from('x'));
    await turnsUntil(() => events.includes('data x'));
    transport.pause();
    client.send(Buffer.from('this is no TLS'));
    await turnsUntil(() => transport.hasUnreadBytes);
    transport.secure(createTlsContext(makeTlsCredentials()));
    await turnsUntil(() => events.includes('closed'));
    assert.deepEqual(events, ['data x', 'closed']);
  });

  it('closes when what comes is no TLS', async (t) => {
    const { client, transport, events } = await open(t);
    transport.secure(createTlsContext(makeTlsCredentials()));
    client.send(Buffer.from('this is no TLS'));
    await turnsUntil(() => events.includes('closed'));
    assert.deepEqual(events, ['closed']);
  });
});

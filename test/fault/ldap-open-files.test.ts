/**
 * A server without a file descriptor left: connections that it cannot accept are lost, and nothing else
 * is. Needs a shell with `ulimit -n`.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { compareOperation } from '../support/ldap-request-bytes.ts';
import { LdapTestClient } from '../support/ldap-test-client.ts';

/** Enough to start with, and soon used up. */
const OPEN_FILES = 64;
const CONNECTIONS = 200;

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const main = fileURLToPath(new URL(`../support/ldap-server-main.${extension}`, import.meta.url));
const compare = compareOperation('cn=a', 'cn', 'v');

async function startServer(): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = spawn(
    'sh',
    ['-c', `ulimit -n ${OPEN_FILES}; exec "$0" "$@"`, process.execPath, main],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(createInterface(child.stdout ?? process.stdin), 'line')) as [string];
  return { child, port: Number(line) };
}

describe('reliability LDAP row 2: no file descriptors left', () => {
  it('the server lives, answers whom it has, and accepts again once there are some', async (t) => {
    const { child, port } = await startServer();
    const sockets: Socket[] = [];
    t.after(() => {
      for (const socket of sockets) {
        socket.destroy();
      }
      child.kill('SIGKILL');
    });
    const good = await LdapTestClient.connect(port);
    t.after(() => good.destroy());
    assert.equal((await good.ask(compare)).resultCode, 6);
    for (let count = 0; count < CONNECTIONS; count += 1) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      sockets.push(socket);
    }
    await Promise.all(
      sockets.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')])),
    );
    for (let round = 0; round < 100; round += 1) {
      assert.equal((await good.ask(compare)).resultCode, 6);
    }
    for (const socket of sockets) {
      socket.destroy();
    }
    assert.ok(await isServed(port), 'a connection is served again');
    assert.equal((await good.ask(compare)).resultCode, 6);
    assert.equal(child.exitCode, null);
  });
});

/** Tries until a connection is answered; those made before the server saw the others leave are not. */
async function isServed(port: number): Promise<boolean> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const client = await LdapTestClient.connect(port);
    const answer = await client.request(compare).catch(() => undefined);
    client.destroy();
    if (answer?.at(-1)?.resultCode === 6) {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

/**
 * OCSP answers that are at hand, by GET over 16 kept-alive connections, in turns with a bare Node HTTP server that has
 * the same bytes prepared. Prints rates and processor time of the servers; `--json` for machines.
 *
 * Not here: answers that have to be signed (the signer's rate is in `bench/signer.ts`), and accounts.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { requestFor } from '../test/support/ocsp-bed.ts';
import { cpuSeconds } from './support/process-figures.ts';

const CONNECTIONS = 16;
const ROUND_MS = 1_500;
const ROUNDS = 3;

const servers = ['ours', 'bare'] as const;
type ServerName = (typeof servers)[number];

const path = encodeURIComponent(Buffer.from(requestFor([0x4711n])).toString('base64'));
const request = Buffer.from(`GET /${path} HTTP/1.1\r\nhost: a\r\n\r\n`);

async function start(
  name: ServerName,
): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const file = fileURLToPath(
    new URL(`./support/ocsp-server-child${extname(import.meta.url)}`, import.meta.url),
  );
  const child = spawn(process.execPath, [file, name], { stdio: ['pipe', 'pipe', 'inherit'] });
  const port = await new Promise<number>((resolve) => {
    child.stdout?.once('data', (text: Buffer) => resolve(Number(text.toString())));
  });
  return { child, port };
}

/** Asks on one connection until `endMs`; each answer has as many bytes as the first. */
function ask(port: number, endMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    let count = 0;
    let wanted = 0;
    let received = 0;
    socket.on('data', (bytes) => {
      received += bytes.length;
      wanted ||= lengthOf(bytes);
      if (received >= wanted) {
        received -= wanted;
        count += 1;
        if (performance.now() < endMs) {
          socket.write(request);
        } else {
          socket.destroy();
          resolve(count);
        }
      }
    });
    socket.on('error', reject);
  });
}

function lengthOf(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n\r\n') + 4;
  const [, length = '0'] = /content-length: (\d+)/i.exec(bytes.subarray(0, end).toString()) ?? [];
  return end + Number(length);
}

interface Figure {
  perSecond: number;
  cpuMicroseconds: number;
}

const figures: Record<ServerName, Figure> = {
  ours: { perSecond: 0, cpuMicroseconds: Number.POSITIVE_INFINITY },
  bare: { perSecond: 0, cpuMicroseconds: Number.POSITIVE_INFINITY },
};
const running = { ours: await start('ours'), bare: await start('bare') };
for (let round = 0; round <= ROUNDS; round += 1) {
  for (const name of servers) {
    const { child, port } = running[name];
    const cpuBefore = cpuSeconds(child.pid ?? 0) ?? 0;
    const startMs = performance.now();
    const counts = await Promise.all(
      Array.from({ length: CONNECTIONS }, () => ask(port, startMs + ROUND_MS)),
    );
    const seconds = (performance.now() - startMs) / 1000;
    const count = counts.reduce((sum, one) => sum + one, 0);
    const cpu = ((cpuSeconds(child.pid ?? 0) ?? 0) - cpuBefore) * 1e6;
    // The first round warms up.
    if (round > 0) {
      const figure = figures[name];
      figure.perSecond = Math.max(figure.perSecond, count / seconds);
      figure.cpuMicroseconds = Math.min(figure.cpuMicroseconds, cpu / count);
    }
  }
}
for (const name of servers) {
  running[name].child.stdin?.end();
}
const ratio = {
  perSecond: figures.ours.perSecond / figures.bare.perSecond,
  cpu: figures.bare.cpuMicroseconds / figures.ours.cpuMicroseconds,
};
process.stdout.write(
  process.argv.includes('--json')
    ? `${JSON.stringify({ program: 'ocsp', ...figures, ratio })}\n`
    : `cached answers/s, ${CONNECTIONS} connections: ours ${Math.round(figures.ours.perSecond)}, bare Node ${Math.round(figures.bare.perSecond)}` +
        ` (${ratio.perSecond.toFixed(2)}); CPU of the server: ${figures.ours.cpuMicroseconds.toFixed(1)} µs, ${figures.bare.cpuMicroseconds.toFixed(1)} µs (${ratio.cpu.toFixed(2)})\n`,
);

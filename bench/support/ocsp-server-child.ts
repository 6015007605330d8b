/**
 * The two servers of `bench/ocsp.ts`, each in a process of its own: ours with an answer that is at hand, and Node's HTTP
 * server with the same bytes prepared. The first argument says which; the port goes to standard output.
 *
 * @module
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { silentLog } from '../../src/core/log.ts';
import { openOcspServer } from '../../src/http/ocsp-server.ts';
import { openOcspBed, requestFor, somebody } from '../../test/support/ocsp-bed.ts';

const bed = openOcspBed({ issuer: { httpMaxAgeMs: 600_000 } });
bed.register.set(0x4711n, { kind: 'good' });
if (process.argv[2] === 'ours') {
  const { url } = await openOcspServer({
    service: bed.responder,
    ...{ address: '127.0.0.1', port: 0, clock: bed.clock, log: silentLog },
  });
  process.stdout.write(`${new URL(url).port}\n`);
} else {
  const { der } = await bed.responder.answer(requestFor([0x4711n]), somebody);
  const headers = ['content-type', 'application/ocsp-response', 'content-length', `${der.length}`];
  const server = createServer((_request, response) => {
    response.writeHead(200, headers);
    response.end(der);
  });
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
  });
}
process.stdin.resume().on('end', () => process.exit(0));

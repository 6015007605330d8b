import assert from 'node:assert/strict';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { CertdirError } from '../../src/core/errors.ts';
import { silentLog } from '../../src/core/log.ts';
import { connectControl, isServerAnswering } from '../../src/http/control-client.ts';
import { openControlServer } from '../../src/http/control-server.ts';
import type {
  LdifModifyReport,
  Operations,
  Operator,
  Progress,
} from '../../src/http/operations.ts';
import { absentAudit } from '../support/absent-audit.ts';
import {
  absentCeremonies,
  absentCrl,
  absentCross,
  absentCustody,
  absentHolds,
  absentKeys,
  absentOperators,
  absentRevocations,
} from '../support/absent-custody.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

class SampleError extends CertdirError<'CA_SERIAL_UNKNOWN'> {}

/** Records what arrives and answers with something that shows it came through. */
const ocspReport = { access: 'off', url: null, responder: null, renewalDue: null };

function recordingOperations(calls: unknown[]): Operations {
  const never = (): Promise<never> => Promise.reject(new Error('a detail that must not leak'));
  return {
    audit: absentAudit,
    archive: {
      ...{ list: never, disclose: never, status: never, attest: never },
      export: () => absentAudit.export({ since: '0' }),
    },
    crl: absentCrl,
    custody: absentCustody,
    ceremonies: absentCeremonies,
    revocations: absentRevocations,
    cross: absentCross,
    holds: absentHolds,
    operators: absentOperators,
    keys: absentKeys,
    status: never,
    statuses: never,
    check: never,
    recoverConfirm: never,
    journal: never,
    backup: never,
    issue: never,
    findCertificates: (query) => {
      calls.push(query);
      return Promise.resolve([]);
    },
    revoke: (input) => {
      calls.push(input);
      return Promise.reject(new SampleError('CA_SERIAL_UNKNOWN', `${input.serialNumber} unknown`));
    },
    publish: async (input, operator, onProgress) => {
      calls.push(input, operator);
      onProgress({ done: 1, total: 2, what: 'lists' });
      return [];
    },
    ldifImport: async ({ source }) => {
      let bytes = 0;
      for await (const chunk of source) {
        bytes += chunk.length;
      }
      return { entries: bytes };
    },
    ldifModify: async ({ source, isAtomic }) => {
      let bytes = 0;
      for await (const chunk of source) {
        bytes += chunk.length;
      }
      return { changes: bytes, refusedCount: isAtomic ? 0 : 1, refused: [] };
    },
    ldifExport: async function* ({ base }) {
      yield `dn: ${base ?? ''}\n`;
      for (let index = 0; index < 2_000; index += 1) {
        yield `${'x'.repeat(1_000)}\n`;
      }
      if (base === 'broken') {
        throw new SampleError('CA_SERIAL_UNKNOWN', 'in the middle');
      }
    },
    explainAccess: never,
    operatorList: async () => [],
    ocspStatus: async () => ocspReport,
    ocspRenew: async () => ocspReport,
    operatorPassword: never,
    verifiers: {
      add: never,
      list: async () => [],
      change: never,
      password: never,
      certificate: never,
      disable: never,
      remove: never,
    },
  };
}

async function open(t: TestContext): Promise<{
  readonly socketFile: string;
  readonly calls: unknown[];
  readonly remote: Operations;
}> {
  const socketFile = join(temporaryFolder(t), 'c.sock');
  const calls: unknown[] = [];
  const operations = recordingOperations(calls);
  const server = await openControlServer({ socketFile, operations, log: silentLog });
  t.after(() => server.close());
  return { socketFile, calls, remote: connectControl(socketFile, '前橋 operator') };
}

const nobody: Operator = { name: 'unused: the client was told who asks' };

describe('several CAs behind one socket', () => {
  it('are told apart by the name that a command gives', async (t) => {
    const socketFile = join(temporaryFolder(t), 's');
    const calls: string[] = [];
    const named = (name: string): Operations => ({
      ...recordingOperations([]),
      journal: () => {
        calls.push(name);
        return Promise.reject(new SampleError('CA_SERIAL_UNKNOWN', name));
      },
    });
    const server = await openControlServer({
      ...{ socketFile, log: silentLog, operations: named('all') },
      operationsOf: (ca) => {
        if (ca === 'atlantis') {
          throw new SampleError('CA_SERIAL_UNKNOWN', ca);
        }
        return named(ca);
      },
    });
    t.after(() => server.close());
    for (const ca of ['東京', undefined, 'atlantis', '東京']) {
      const remote = connectControl(socketFile, 'tester', ca);
      await assert.rejects(remote.journal(), { code: 'CA_SERIAL_UNKNOWN' });
    }
    assert.deepEqual(calls, ['東京', 'all', '東京']);
  });
});

describe('control socket', () => {
  it('is for its owner only and is removed at the end', async (t) => {
    const { socketFile } = await open(t);
    assert.equal(statSync(socketFile).mode & 0o777, 0o600);
    assert.equal(await isServerAnswering(socketFile), true);
  });

  it('carries input, operator and progress', async (t) => {
    const { calls, remote } = await open(t);
    const seen: Progress[] = [];
    const result = await remote.publish({ scopes: ['10201'] }, nobody, (one) => seen.push(one));
    assert.deepEqual(result, []);
    assert.deepEqual(calls, [{ scopes: ['10201'] }, { name: '前橋 operator' }]);
    assert.deepEqual(seen, [{ done: 1, total: 2, what: 'lists' }]);
  });

  it('carries each way to ask for certificates, and no other', async (t) => {
    const { socketFile, calls, remote } = await open(t);
    const subscriber = {
      commonName: '前橋',
      gender: '1',
      dateOfBirth: '2000-01-01',
      address: '県',
    };
    const queries = [{ serialNumber: '0A' }, { publicKey: 'MFkw' }, { subscriber }];
    for (const query of queries) {
      assert.deepEqual(await remote.findCertificates(query), []);
    }
    assert.deepEqual(calls, queries);
    for (const query of [{}, { serialNumber: '0A', publicKey: 'MFkw' }, { subject: 'x' }]) {
      const body = JSON.stringify({ query });
      assert.equal((await post(socketFile, { path: '/v1/find-certificates', body })).status, 400);
    }
  });

  it('passes on an error with its code', async (t) => {
    const { remote } = await open(t);
    await assert.rejects(remote.revoke({ serialNumber: '0A', reason: 'superseded' }, nobody), {
      code: 'CA_SERIAL_UNKNOWN',
      message: '0A unknown',
    });
  });

  it('keeps the details of a fault inside', async (t) => {
    const { remote } = await open(t);
    await assert.rejects(remote.status(), (error: Error) => {
      assert.equal((error as { code?: string }).code, 'HTTP_INTERNAL');
      return !error.message.includes('must not leak');
    });
  });

  it('streams an import and an export of megabytes', async (t) => {
    const { remote } = await open(t);
    const chunks = [Buffer.alloc(1_000_000), Buffer.alloc(2_000_000)];
    async function* source(): AsyncIterable<Uint8Array> {
      yield* chunks;
    }
    const imported = await remote.ldifImport({ source: source() }, nobody, () => undefined);
    assert.deepEqual(imported, { entries: 3_000_000 });
    let length = 0;
    for await (const text of remote.ldifExport({ base: 'c=JP' }, nobody)) {
      length += text.length;
    }
    assert.equal(length, 'dn: c=JP\n'.length + 2_000 * 1_001);
  });

  it('carries changes, together or each by itself, and names no files to a server', async (t) => {
    const { remote } = await open(t);
    async function* source(): AsyncIterable<Uint8Array> {
      yield Buffer.alloc(10);
    }
    const modify = (isAtomic: boolean, filesUnder?: string): Promise<LdifModifyReport> =>
      remote.ldifModify({ source: source(), isAtomic, filesUnder }, nobody, () => undefined);
    assert.deepEqual(await modify(true), { changes: 10, refusedCount: 0, refused: [] });
    assert.deepEqual(await modify(false), { changes: 10, refusedCount: 1, refused: [] });
    await assert.rejects(modify(true, '/tmp'), { code: 'HTTP_FILES_REFUSED' });
  });

  it('sends no more of a file that is refused before it was read', async (t) => {
    const socketFile = join(temporaryFolder(t), 'c.sock');
    const refuse = async (): Promise<never> => {
      throw new SampleError('CA_SERIAL_UNKNOWN', 'refused at once');
    };
    const operations = { ...recordingOperations([]), ldifImport: refuse };
    const server = await openControlServer({ socketFile, operations, log: silentLog });
    let onEnd = (): void => undefined;
    const ended = new Promise<void>((resolve) => {
      onEnd = resolve;
    });
    async function* endless(): AsyncIterable<Uint8Array> {
      try {
        for (;;) {
          yield Buffer.alloc(100_000);
        }
      } finally {
        onEnd();
      }
    }
    const remote = connectControl(socketFile, 'operator');
    const input = { source: endless() };
    await assert.rejects(
      remote.ldifImport(input, nobody, () => undefined),
      { code: 'CA_SERIAL_UNKNOWN' },
    );
    await ended;
    await server.close();
  });

  it('ends an export that fails in the middle with its error, not as if it were whole', async (t) => {
    const { remote } = await open(t);
    const read = async (): Promise<void> => {
      for await (const text of remote.ldifExport({ base: 'broken' }, nobody)) {
        assert.ok(text.length > 0);
      }
    };
    await assert.rejects(read(), { code: 'CA_SERIAL_UNKNOWN' });
  });

  it('refuses a body that its schema does not allow', async (t) => {
    const { socketFile, calls } = await open(t);
    const bodies = [
      '{}',
      '{"serialNumber":1,"reason":"x"}',
      '{"serialNumber":"1","reason":"x","a":1}',
    ];
    for (const body of bodies) {
      const answer = await post(socketFile, { path: '/v1/revoke', body });
      assert.equal(answer.status, 400, body);
      assert.match(answer.text, /HTTP_REQUEST_INVALID/);
    }
    assert.deepEqual(calls, []);
  });

  it('takes over a socket file that a killed server left', async (t) => {
    const socketFile = join(temporaryFolder(t), 'c.sock');
    writeFileSync(socketFile, '');
    const operations = recordingOperations([]);
    const server = await openControlServer({ socketFile, operations, log: silentLog });
    t.after(() => server.close());
    assert.equal(await isServerAnswering(socketFile), true);
  });

  it('takes a path of 107 bytes and refuses one of 108, which the system would cut', async (t) => {
    const folder = temporaryFolder(t);
    const operations = recordingOperations([]);
    const fits = join(folder, 's'.repeat(107 - folder.length - 1));
    const server = await openControlServer({ socketFile: fits, operations, log: silentLog });
    t.after(() => server.close());
    assert.equal(await isServerAnswering(fits), true);
    const over = join(folder, 'l'.repeat(108 - folder.length - 1));
    await assert.rejects(openControlServer({ socketFile: over, operations, log: silentLog }), {
      code: 'HTTP_SOCKET_PATH',
    });
    assert.deepEqual(readdirSync(folder), [basename(fits)]);
  });

  it('refuses a socket that another server answers on', async (t) => {
    const { socketFile } = await open(t);
    const operations = recordingOperations([]);
    await assert.rejects(openControlServer({ socketFile, operations, log: silentLog }), {
      code: 'HTTP_ADDRESS_IN_USE',
    });
  });

  it('reports a server that is killed in the middle of an answer', async (t) => {
    const socketFile = join(temporaryFolder(t), 's');
    const server = createServer((peer) => {
      peer.once('data', () => {
        peer.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}', () =>
          peer.destroy(),
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(socketFile, resolve));
    t.after(() => server.close());
    await assert.rejects(connectControl(socketFile, 'anna').status(), { code: 'HTTP_ANSWER_CUT' });
  });

  it('reports a server that goes away before it has answered', async (t) => {
    const socketFile = join(temporaryFolder(t), 'c.sock');
    const server = createServer((socket) => {
      socket.once('data', () => {
        socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
      });
    }).listen(socketFile);
    t.after(() => server.close());
    await assert.rejects(connectControl(socketFile, 'x').verifiers.list(), {
      code: 'HTTP_ANSWER_CUT',
    });
    const absent = join(temporaryFolder(t), 'none.sock');
    await assert.rejects(connectControl(absent, 'x').verifiers.list(), {
      code: 'HTTP_SERVER_UNREACHABLE',
    });
  });
});

function post(
  socketFile: string,
  { path, body }: { readonly path: string; readonly body: string },
): Promise<{ readonly status: number | undefined; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const outgoing = httpRequest(
      { socketPath: socketFile, path, method: 'POST', headers },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('end', () => resolve({ status: answer.statusCode, text }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

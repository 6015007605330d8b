import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { auditHandlers, remoteAudit } from '../../src/http/audit-control.ts';
import type { AuditRecordReport } from '../../src/http/audit-operations.ts';
import { absentAudit } from '../support/absent-audit.ts';

const record = (sequence: number): AuditRecordReport => ({
  ...{ sequence: String(sequence), time: '2026-01-05T00:00:00.000Z', kind: 'crl.publish' },
  ...{ result: 'done', channel: 'cli', actor: 'anna', address: null, subject: 'arl' },
  ...{ request: null, before: null, after: null, details: {} },
});

describe('audit list over the control socket', () => {
  for (const count of [0, 1, 250, 251, 1_000]) {
    it(`${count} records come as they were found, no more than 250 in one piece`, async () => {
      const found = Array.from({ length: count }, (_none, at) => record(at));
      const handlers = auditHandlers({ ...absentAudit, list: async () => found });
      const pieces: string[] = [];
      const onChunk = async (text: string): Promise<void> => {
        pieces.push(text);
      };
      const request = { body: { limit: 10 }, operator: { name: 'anna' }, onChunk };
      assert.equal(await handlers['audit-list']?.(request), null);
      assert.equal(pieces.length, Math.ceil(count / 250));
      const remote = remoteAudit({
        call: () => Promise.reject(new Error('nothing is called')),
        chunks: async function* () {
          yield* pieces;
        },
      });
      assert.deepEqual(await remote.list({ limit: 10 }), found);
    });
  }
});

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';

import { openLog } from '../../src/core/log.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';

function capture(
  format: 'json' | 'text',
  level: 'info' | 'silent',
): {
  readonly log: ReturnType<typeof openLog>;
  readonly text: () => string;
} {
  const stream = new PassThrough();
  const log = openLog(new SimulatedClock(Date.UTC(2026, 0, 5)), { level, format, stream });
  return { log, text: () => String(stream.read() ?? '') };
}

describe('openLog', () => {
  it('writes one JSON object a line, stamped by the injected clock', () => {
    const { log, text } = capture('json', 'info');
    log.with({ component: 'ldap' }).info('listening', { port: 1389 });
    log.debug('not shown');
    assert.deepEqual(JSON.parse(text()), {
      level: 'info',
      message: 'listening',
      component: 'ldap',
      port: 1389,
      timestamp: '2026-01-05T00:00:00.000Z',
    });
  });

  it('writes one readable line for people', () => {
    const { log, text } = capture('text', 'info');
    log.warn('late', { scope: 'arl', hours: 26, absent: undefined });
    assert.equal(text(), '2026-01-05T00:00:00.000Z WARN  late scope=arl hours=26\n');
  });

  it('is silent when told so', () => {
    const { log, text } = capture('json', 'silent');
    log.error('unheard');
    assert.equal(text(), '');
  });
});

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';

import { type ArchiveExportParts, exportArchive, MANIFEST } from '../../src/http/archive-export.ts';
import type { ProvisionReport } from '../../src/http/provision-report.ts';
import { CaTestBed, collect, tester } from '../support/ca-test-bed.ts';
import { withDeltas } from '../support/delta-policy.ts';

const HOUR = 3_600_000;

describe('a month of the archive as files', () => {
  it('has every list of the month, delta lists beside the full ones (gunma 4-12-2)', async (t) => {
    const bed = await CaTestBed.open(t, { policy: withDeltas });
    await bed.clock.advance(HOUR);
    await bed.ca.deltas.publish('10201', tester);
    const nowMs = bed.clock.nowMs();
    const period = new Date(nowMs).toISOString().slice(0, 7);
    bed.clock.setWallClock(nowMs + 31 * 24 * HOUR);
    await bed.ca.publish('10201', tester);
    const parts: ArchiveExportParts = {
      ...{ authority: bed.ca, policyId: 'gunma', utcOffsetMs: 0 },
      provisions: async () => ({}) as ProvisionReport,
      signNote: async (text) => text,
      noteManifest: async () => undefined,
    };
    const files = await collect(exportArchive(parts, period));
    const own = files.map(({ path }) => path).filter((path) => path.startsWith('lists/10201/'));
    assert.deepEqual(own.sort(), [
      'lists/10201/1.crl',
      'lists/10201/2-delta.crl',
      'lists/10201/3-delta.crl',
    ]);
    const { dn } = bed.ca.scopes.find('10202');
    const [delta] = await bed.published(dn, 'deltaRevocationList');
    const file = files.find(({ path }) => path === 'lists/10202/2-delta.crl');
    const bytes = Buffer.from(file?.content ?? '', 'base64');
    assert.deepEqual(bytes, Buffer.from(delta ?? assert.fail('no delta list')));
    const manifest = files.find(({ path }) => path === MANIFEST)?.content ?? '';
    const digest = createHash('sha256').update(bytes).digest('hex');
    const line = `${digest}  lists/10202/2-delta.crl\n`;
    assert.ok(Buffer.from(manifest, 'base64').toString().includes(line));
  });
});

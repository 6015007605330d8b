/**
 * A short run of the fuzzer over every target, the same each time, and every input that went wrong before.
 * What runs for longer is `npm run fuzz`.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import { packageRoot } from '../../src/config/package-root.ts';
import { CertdirError } from '../../src/core/errors.ts';
import { allTargets } from './all-targets.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { Fuzzer, MAX_INPUT_MS, minimise } from './fuzzer.ts';
import { SequenceRandom } from './sequence-random.ts';

const INPUTS = 1000;
const regressions = join(packageRoot, 'test/fixtures/fuzz');

/** Reliability rows that name what a target reads. */
const rows: Readonly<Record<string, string>> = {
  assertions: ' (reliability LDAP row 21: GSER assertions)',
  certificates: ' (reliability LDAP row 21: certificates)',
  lists: ' (reliability LDAP row 21: lists)',
  extensions: ' (reliability LDAP row 21: X.509 names)',
  frames: ' (reliability LDAP row 1)',
  filters: ' (reliability LDAP row 3)',
  names: ' (reliability LDAP row 12)',
};

function filesOf(target: FuzzTarget): readonly string[] {
  const folder = join(regressions, target.name);
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

describe('fuzzing', () => {
  for (const target of allTargets) {
    after(() => target.close?.());

    it(`${target.name}: nothing but our errors, in time${rows[target.name] ?? ''}`, async () => {
      const fuzzer = new Fuzzer(target, new SequenceRandom('npm test'));
      while (fuzzer.tried < INPUTS) {
        const input = fuzzer.next();
        const finding = await fuzzer.try(input);
        assert.equal(finding, undefined, finding && `${finding.detail}: ${hex(finding.input)}`);
      }
    });

    for (const file of filesOf(target)) {
      it(`${target.name}: ${file.slice(regressions.length + 1)} does no harm any more`, async () => {
        const fuzzer = new Fuzzer(target, new SequenceRandom(file));
        const finding = await fuzzer.try(new Uint8Array(readFileSync(file)));
        assert.equal(finding, undefined, finding?.detail);
      });
    }
  }
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').slice(0, 2000);

describe('the fuzzer', () => {
  const seeds = [Buffer.from('(a=b)'), Buffer.from('30060201050a0100', 'hex')];

  /** Tries `run` on what the fuzzer makes, up to the first finding. */
  async function fuzz(run: FuzzTarget['run']): ReturnType<Fuzzer['try']> {
    const fuzzer = new Fuzzer({ name: 'test', seeds, run }, new SequenceRandom('test'));
    for (let tries = 0; tries < 5000; tries += 1) {
      const finding = await fuzzer.try(fuzzer.next());
      if (finding !== undefined) {
        return finding;
      }
    }
    return undefined;
  }

  it('finds what is thrown and not ours, and makes it shorter', async () => {
    const target: FuzzTarget = {
      name: 'test',
      seeds,
      run: (input) => {
        if (input.includes(0xff)) {
          throw new TypeError('an octet too much');
        }
      },
    };
    const finding = await fuzz(target.run);
    assert.equal(finding?.kind, 'threw');
    assert.deepEqual([...(await minimise(target, finding))], [0xff]);
  });

  it('takes our errors and rejections for refusals, and others for findings', async () => {
    const ours = new CertdirError('TEST', 'refused');
    assert.equal(await fuzz(() => Promise.reject(ours)), undefined);
    assert.equal((await fuzz(() => Promise.reject(new Error('no'))))?.kind, 'threw');
  });

  it('finds what takes too long', async () => {
    const finding = await fuzz((input) => {
      // Processor time, however many others want it too.
      const start = process.cpuUsage();
      while (input.length > 60 && process.cpuUsage(start).user < 2 * MAX_INPUT_MS * 1000) {
        performance.now();
      }
    });
    assert.equal(finding?.kind, 'slow');
  });

  it('comes to outcomes that lie behind others', async () => {
    const finding = await fuzz((input) => {
      const known = Buffer.from('(((').findIndex((octet, at) => input[at] !== octet);
      if (known < 0) {
        throw new TypeError('three in a row');
      }
      return String(known);
    });
    assert.equal(finding?.kind, 'threw');
  });

  it('makes the same of the same seed', async () => {
    const made = async (seed: string): Promise<string> => {
      const inputs: string[] = [];
      const run = (input: Uint8Array): void => void inputs.push(hex(input));
      const fuzzer = new Fuzzer({ name: 'test', seeds, run }, new SequenceRandom(seed));
      while (fuzzer.tried < 50) {
        await fuzzer.try(fuzzer.next());
      }
      return inputs.join();
    };
    assert.equal(await made('1'), await made('1'));
    assert.notEqual(await made('1'), await made('2'));
  });
});

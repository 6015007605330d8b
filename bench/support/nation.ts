/**
 * A nation's CA as a fixture: 1,741 municipalities with a partition each, and lists published some hours ago that hold as
 * many revoked entries together as is asked for. Sizes are uneven, as municipalities are: the largest partition has a
 * twentieth of all entries. Loading goes straight into the engine's records (`test/support/published-load.ts`): there are
 * no certificates behind the entries, but for those that leave with the next list and those that come in.
 *
 * @module
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { checkDigit } from '../../src/ca/policy/municipality.ts';
import { addRevoked } from '../../test/support/ca-load.ts';
import { loadPublished } from '../../test/support/published-load.ts';
import { makeBenchFolder, makeRequests, withInstance } from './bench-instance.ts';
import { openEngine } from './engine-core.ts';

export const PARTITIONS = 1_741;
const GUNMA_PARTITIONS = 35;
const FILE = 'municipalities-nation.yaml';
const HOUR_MS = 3_600_000;
const LARGEST_PART = 0.05;
/** In each partition, since the last list. */
const NEW_EACH = 6;
/** One entry in a thousand leaves with a day's list: a certificate lasts three years. */
const SERVED_EVERY = 1_000;

export interface NationFigures {
  readonly entries: number;
  readonly bytes: number;
  readonly loadMs: number;
}

/** Makes the data folder. @param entries Of all partitions together. */
export async function makeNation(folder: string, entries: number): Promise<NationFigures> {
  await makeBenchFolder(folder);
  writePolicy(folder);
  return await withInstance(folder, async (instance) => {
    const core = await openEngine(instance);
    const { authority: ca, store, random } = instance;
    const partitions = core.scopes.list.filter(({ municipality }) => municipality !== undefined);
    const publishedMs = Date.now() - 2 * HOUR_MS;
    const startMs = performance.now();
    let bytes = 0;
    for (const [index, scope] of partitions.entries()) {
      const list = {
        scope,
        entries: sizeOf(index, entries),
        servedEvery: SERVED_EVERY,
        publishedMs,
      };
      bytes += await loadPublished(core, list);
    }
    const loadMs = performance.now() - startMs;
    for (const { id } of partitions) {
      const [request] = makeRequests(1, id);
      if (request !== undefined) {
        await addRevoked({ store, ca, random }, await ca.issue(request), NEW_EACH);
      }
    }
    return { entries, bytes, loadMs };
  });
}

/** How many entries a partition has: one has a twentieth, the rest halves every 300 partitions. */
function sizeOf(index: number, entries: number): number {
  if (index === 0) {
    return Math.round(entries * LARGEST_PART);
  }
  const weight = (at: number): number => 0.5 ** (at / 300);
  let total = 0;
  for (let at = 1; at < PARTITIONS; at += 1) {
    total += weight(at);
  }
  return Math.round((entries * (1 - LARGEST_PART) * weight(index)) / total);
}

/** The policy of gunma with as many municipalities as Japan has. */
function writePolicy(folder: string): void {
  const policyFile = join(folder, 'policy.yaml');
  const policy = readFileSync(policyFile, 'utf8');
  writeFileSync(policyFile, policy.replace('municipalities-gunma.yaml', FILE));
  const gunma = new URL('../../../cps/municipalities-gunma.yaml', import.meta.url);
  const source = new URL('../../cps/municipalities-gunma.yaml', import.meta.url);
  const text = readText(gunma) ?? readText(source) ?? '';
  writeFileSync(join(folder, FILE), text + furtherMunicipalities());
}

function readText(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function furtherMunicipalities(): string {
  const lines: string[] = [];
  for (let index = GUNMA_PARTITIONS; index < PARTITIONS; index += 1) {
    const code5 = String(11_000 + index);
    const name = `Machi ${letters(index)}`;
    lines.push(
      `  - code5: "${code5}"`,
      `    code6: "${code5}${checkDigit(code5)}"`,
      `    kanji: 町${index}`,
      `    kana: まち${index}`,
      `    dnName: ${name}`,
      '    dnPrefecture: Gunma-ken',
    );
  }
  return `${lines.join('\n')}\n`;
}

/** A number as letters, since names have no digits. */
function letters(index: number): string {
  const text = [...String(index)].map((digit) => String.fromCharCode(65 + Number(digit)));
  return text.join('');
}

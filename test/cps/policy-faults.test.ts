/**
 * Every setting of the policies that are shipped, wrong in each way that a value can be: refused, with file, line and
 * path. A sample of the places; another run of numbers finds the same.
 */

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type Document, isMap, isScalar, isSeq, parseDocument } from 'yaml';

import { loadPolicy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

type Path = readonly (string | number)[];

/** Of the places of all presets, one in so many. */
const ONE_IN = 40;
const wrong: readonly unknown[] = [{ wrong: true }, '', -1, []];

function placesOf(document: Document): readonly Path[] {
  const places: Path[] = [];
  const walk = (node: unknown, path: Path): void => {
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        walk(value, [...path, isScalar(key) ? String(key.value) : '']);
      }
    } else if (isSeq(node)) {
      for (const [index, value] of node.items.entries()) {
        walk(value, [...path, index]);
      }
    } else if (isScalar(node)) {
      places.push(path);
    }
  };
  walk(document.contents, []);
  return places;
}

describe('a policy with one wrong value', () => {
  for (const [at, preset] of ['gunma', 'jlis-auth', 'secom-gid', 'mic-ops', 'bca'].entries()) {
    it(`is refused, and told where: ${preset}`, async (t) => {
      const text = readFileSync(shippedPolicyFile(preset), 'utf8');
      const file = join(temporaryFolder(t), 'policy.yaml');
      const places = placesOf(parseDocument(text)).filter((_, index) => index % ONE_IN === at);
      assert.ok(places.length > 1);
      for (const [index, place] of places.entries()) {
        const document = parseDocument(text);
        const value = wrong[index % wrong.length];
        document.setIn(place, document.createNode(value));
        writeFileSync(file, document.toString({ lineWidth: 0 }));
        const path = place.join('.');
        await assert.rejects(loadPolicy(file), (error) => {
          assert.ok(isCertdirError(error) && error.code === 'CONFIG_INVALID', path);
          const told = error.message.split('\n');
          const position = /^:\d+:\d+: /;
          assert.ok(
            told.some(
              (line) =>
                line.startsWith(file) &&
                position.test(line.slice(file.length)) &&
                line.includes(path),
            ),
            `${path} as ${JSON.stringify(value)}: ${error.message}`,
          );
          return true;
        });
      }
    });
  }
});

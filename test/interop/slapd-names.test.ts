/**
 * Distinguished names compared with slapd: generated pairs of spellings, of the same name or of nearly the
 * same, put to both. `slapdn` says what slapd makes of a name; two are the same to it when it normalises them
 * alike. Where the two servers differ, the difference is one of those explained here, or the test fails.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { isCertdirError } from '../../src/core/errors.ts';
import { Dn } from '../../src/directory/names/dn.ts';
import { SequenceRandom } from '../fuzz/sequence-random.ts';
import { runCommand } from '../support/command-run.ts';
import { type NameParts, NameSpeller } from '../support/name-spelling.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { shippedSchema as schema } from '../support/shipped-schema.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const IS_LONG = process.env['CERTDIR_TEST_LONG'] === '1';
const PAIRS = IS_LONG ? 1_000_000 : 20_000;
/** Names given to one process: their text has to fit on its command line. */
const BATCH = 1500;
/** At once. */
const PROCESSES = 2;

interface Pair {
  readonly left: string;
  readonly right: string;
  readonly isSameName: boolean;
  /** What the name's values were made from. */
  readonly parts: readonly NameParts[];
}

/** slapd's normalised form; undefined for a name that it refuses. */
type SlapdForm = string | undefined;

class Slapdn {
  readonly #configurationFile: string;

  constructor(folder: string) {
    this.#configurationFile = join(folder, 'slapd.conf');
    const schemas = ['core', 'cosine', 'inetorgperson'];
    const lines = schemas.map((name) => `include /etc/ldap/schema/${name}.schema`);
    writeFileSync(this.#configurationFile, `${lines.join('\n')}\n`);
  }

  /** It ends at the first name that it refuses, and is started again behind that. */
  async normalise(names: readonly string[]): Promise<readonly SlapdForm[]> {
    const forms: SlapdForm[] = [];
    while (forms.length < names.length) {
      const rest = names.slice(forms.length);
      const args = ['-N', '-f', this.#configurationFile, '--', ...rest];
      const { stdout } = await runCommand('/usr/sbin/slapdn', args);
      const lines = stdout.split('\n').slice(0, -1);
      forms.push(...lines);
      if (lines.length < rest.length) {
        forms.push(undefined);
      }
    }
    return forms;
  }
}

/** Our key as text; undefined for a name that we refuse. */
function ownForm(text: string): string | undefined {
  try {
    return Buffer.from(Dn.parse(text, schema).key).toString('latin1');
  } catch (error) {
    assert.ok(isCertdirError(error), String(error));
    return undefined;
  }
}

type Verdict = 'same' | 'different' | 'refused';

function verdict(left: string | undefined, right: string | undefined): Verdict {
  if (left === undefined || right === undefined) {
    return 'refused';
  }
  return left === right ? 'same' : 'different';
}

interface Judged {
  readonly pair: Pair;
  readonly own: Verdict;
  readonly slapd: Verdict;
}

interface Explanation {
  readonly why: string;
  /** True of the pairs on which the servers differ for this reason. */
  readonly fits: (judged: Judged) => boolean;
}

const isAny = (pair: Pair, shape: RegExp): boolean => shape.test(`${pair.left}\n${pair.right}`);
const hasValue = (pair: Pair, shape: RegExp): boolean =>
  pair.parts.some(({ pairs }) => pairs.some(({ value }) => shape.test(value)));

const explanations: readonly Explanation[] = [
  {
    why: 'RFC 4514 §3: a value may be written as # and its BER; slapd refuses every such value',
    fits: ({ pair, slapd }) => slapd === 'refused' && isAny(pair, /=\s*#/),
  },
  {
    why: 'RFC 4514 has no quotes and no semicolons between names; slapd takes those of LDAPv2',
    fits: ({ pair, own }) => own === 'refused' && isAny(pair, /[";]/),
  },
  {
    why: 'RFC 4518 §2.2: what is mapped to space or nothing is kept by slapd',
    fits: ({ pair }) => hasValue(pair, /[\t\u00ad\u200b\u0085\u1806]/u),
  },
  {
    why: 'RFC 4518 §2.2, RFC 3454 B.2: full case folding (ß is ss, ς is σ); slapd changes single letters',
    fits: ({ pair }) => hasValue(pair, /[ßςİſŉ]/u),
  },
  {
    why: 'RFC 4517 §4.2.15: names as values compare as names; slapd compares their octets',
    fits: ({ pair, own, slapd }) =>
      own === 'same' && slapd === 'different' && isAny(pair, /member|2\.5\.4\.31/i),
  },
];

function explain(judged: Judged): string | undefined {
  return explanations.find(({ fits }) => fits(judged))?.why;
}

describe('names to slapd and to us', { skip: skipWithout('slapdn') }, () => {
  it(`reliability LDAP row 12: ${PAIRS} pairs of spellings are the same or not to both`, async (t) => {
    const slapdn = new Slapdn(temporaryFolder(t));
    const random = new SequenceRandom('names');
    const speller = new NameSpeller(random);
    const counts = new Map<string, number>();
    const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);

    const unexplained: string[] = [];
    const makePair = (): Pair => {
      const parts = speller.makeName();
      const isSameName = random.below(2) === 0;
      const others = isSameName ? parts : speller.changeName(parts);
      const left = speller.spell(parts);
      return { left, right: speller.spell(others), isSameName, parts: [...parts, ...others] };
    };
    const judgeBatch = async (pairs: readonly Pair[]): Promise<void> => {
      const forms = await slapdn.normalise(pairs.flatMap(({ left, right }) => [left, right]));
      for (const [index, pair] of pairs.entries()) {
        const own = verdict(ownForm(pair.left), ownForm(pair.right));
        const slapd = verdict(forms[2 * index], forms[2 * index + 1]);
        count(`${own} to us, ${slapd} to slapd`);
        if (own === 'different') {
          assert.ok(!pair.isSameName, `two spellings of one name: ${JSON.stringify(pair)}`);
        }
        if (own !== slapd) {
          const why = explain({ pair, own, slapd });
          if (why === undefined) {
            unexplained.push(`${own} to us, ${slapd} to slapd: ${JSON.stringify(pair)}`);
          } else {
            count(why);
          }
        }
      }
    };

    for (let done = 0; done < PAIRS; ) {
      const batches: Promise<void>[] = [];
      for (let batch = 0; batch < PROCESSES && done < PAIRS; batch += 1) {
        const size = Math.min(BATCH / 2, PAIRS - done);
        batches.push(judgeBatch(Array.from({ length: size }, makePair)));
        done += size;
      }
      await Promise.all(batches);
    }
    for (const [what, number] of counts) {
      t.diagnostic(`${number} ${what}`);
    }
    assert.ok(
      (counts.get('same to us, same to slapd') ?? 0) > PAIRS / 4,
      'enough that are the same',
    );
    assert.ok((counts.get('different to us, different to slapd') ?? 0) > PAIRS / 8);
    assert.ok((counts.get('refused to us, refused to slapd') ?? 0) > 0);
  });
});

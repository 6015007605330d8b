/**
 * The municipalities that a CA's certificates and partitions belong to, from a data file beside the
 * policy. Partitions are keyed by the five-digit code, never by a name: romanised names are not
 * unique in Japan (Hokkaido has two Esashi-cho).
 *
 * @module
 */

import { z } from 'zod';

import { loadTableFile } from '../../config/table-file.ts';
import { loadYamlFile } from '../../config/yaml-file.ts';
import { CaError } from '../errors.ts';

export interface Municipality {
  /** JIS X 0402 code with the prefecture's two digits in front: the partition's code. */
  readonly code5: string;
  /** The same with its check digit, as municipalities write it. */
  readonly code6: string;
  readonly kanji: string;
  readonly kana: string;
  /** As it stands in distinguished names, e.g. `Maebashi-shi`. */
  readonly dnName: string;
  /** The prefecture as it stands in distinguished names, e.g. `Gunma-ken`. */
  readonly dnPrefecture: string;
  /** The municipality that it has become part of: no certificates any more, and its list goes on. */
  readonly mergedInto?: string | undefined;
}

interface MunicipalityFile {
  readonly formatVersion: 1;
  readonly source: string;
  readonly licence: string;
  readonly asOf: string;
  readonly municipalities: readonly Municipality[];
}

const dnText = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z '-]*$/,
    'letters, spaces, hyphens and apostrophes, as in "Maebashi-shi"',
  );

const municipality = z
  .strictObject({
    code5: z.string().regex(/^[0-9]{5}$/, 'five digits in quotes'),
    code6: z.string().regex(/^[0-9]{6}$/, 'six digits in quotes'),
    kanji: z.string().min(1),
    kana: z.string().min(1),
    dnName: dnText,
    dnPrefecture: dnText,
    mergedInto: z
      .string()
      .regex(/^[0-9]{5}$/, 'five digits in quotes')
      .optional(),
  })
  .refine(({ code5, code6 }) => code6 === `${code5}${checkDigit(code5)}`, {
    path: ['code6'],
    error: 'is code5 followed by its check digit',
  });

const listSchema: z.ZodType<readonly Municipality[]> = z
  .array(municipality)
  .min(1)
  .superRefine((list, context) => {
    for (const field of ['code5', 'dnName'] as const) {
      const seen = new Set<string>();
      for (const [index, entry] of list.entries()) {
        // Two municipalities of one name in one prefecture would share a distribution point.
        const key = field === 'code5' ? entry.code5 : `${entry.dnPrefecture}/${entry.dnName}`;
        if (seen.has(key)) {
          context.addIssue({
            code: 'custom',
            path: [index, field],
            message: `"${entry[field]}" is there twice; each municipality once`,
          });
        }
        seen.add(key);
      }
    }
  });

const fileSchema: z.ZodType<MunicipalityFile> = z.strictObject({
  formatVersion: z.literal(1),
  source: z.string().min(1),
  licence: z.string().min(1),
  asOf: z.string().min(1),
  municipalities: listSchema,
});

/** The check digit of JIS X 0402 appendix: modulus 11 with weights 6 to 2. */
export function checkDigit(code5: string): string {
  const sum = [...code5].reduce((total, digit, index) => total + Number(digit) * (6 - index), 0);
  const rest = sum < 11 ? sum : sum % 11;
  return String((11 - rest) % 10);
}

/** The municipalities of one CA. */
export class Municipalities {
  readonly #byCode: ReadonlyMap<string, Municipality>;
  readonly list: readonly Municipality[];

  constructor(list: readonly Municipality[]) {
    this.list = list;
    this.#byCode = new Map(
      list.flatMap((entry) => [
        [entry.code5, entry],
        [entry.code6, entry],
      ]),
    );
  }

  /**
   * @param file YAML, or a table (`.csv`) with the columns of a municipality: that of a nation.
   * @throws {ConfigError} as `loadYamlFile` and `loadTableFile` do.
   */
  static async load(file: string): Promise<Municipalities> {
    const list = file.endsWith('.csv')
      ? await loadTableFile(file, listSchema)
      : (await loadYamlFile(file, fileSchema)).municipalities;
    return new Municipalities(list);
  }

  /**
   * Finds a municipality by its code of five or six digits.
   *
   * @throws {CaError} `CA_MUNICIPALITY_UNKNOWN`, saying when only the check digit is wrong.
   */
  find(code: string): Municipality {
    const found = this.#byCode.get(code);
    if (found !== undefined) {
      return found;
    }
    if (!/^[0-9]{5,6}$/.test(code)) {
      throw new CaError(
        'CA_MUNICIPALITY_UNKNOWN',
        'a municipality code has five digits, or six with its check digit, e.g. 10201 or 102016',
      );
    }
    const sameStart = this.#byCode.get(code.slice(0, 5));
    throw new CaError(
      'CA_MUNICIPALITY_UNKNOWN',
      sameStart === undefined
        ? `no municipality of this CA has the code ${code}`
        : `${code} has a wrong check digit; ${sameStart.kanji} is ${sameStart.code6}`,
    );
  }
}

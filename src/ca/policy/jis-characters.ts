/**
 * Which characters a subject's name and address may be written in: those of JIS X 0208 and JIS X 0212
 * (gunma 3-1-8). The table is data of this program (`jis-repertoire.ts`), not a converter of
 * the machine, so that the answer is the same everywhere and for ever.
 *
 * Not here: what to write instead. The subscriber chooses a substitute character and the request says
 * so (`subject-attributes.ts`).
 *
 * @module
 */

import { jisX0208Rows, jisX0212Rows } from './jis-repertoire.ts';

export type CharacterSet = 'JIS X 0208' | 'JIS X 0212';

/** A character that may not stand in a text. */
export interface ForeignCharacter {
  readonly character: string;
  /** Counted in characters from 1, as a person counts. */
  readonly position: number;
  readonly codePoint: number;
  /** The character of the repertoire that other code tables confuse it with. */
  readonly confusedWith?: string;
}

const rows: Readonly<Record<CharacterSet, readonly string[]>> = {
  'JIS X 0208': jisX0208Rows,
  'JIS X 0212': jisX0212Rows,
};

/**
 * What Windows code page 932 and plain keyboards produce where JIS X 0208 has another code point.
 * Named in the message, never replaced silently: the certificate says what the register says.
 */
const confusable: ReadonlyMap<string, string> = new Map([
  ['\uff0d', '\u2212'],
  ['\u2225', '\u2016'],
  ['\uffe0', '\u00a2'],
  ['\uffe1', '\u00a3'],
  ['\uffe2', '\u00ac'],
  ['\u2014', '\u2015'],
  ['\u00a5', '\uffe5'],
  ['\u203e', '\uffe3'],
]);

/** The assigned characters of a set. */
export function charactersOf(set: CharacterSet): ReadonlySet<string> {
  return new Set(rows[set].join(''));
}

/** A repertoire to check texts against. */
export class CharacterRepertoire {
  readonly #allowed: ReadonlySet<string>;

  constructor(sets: readonly CharacterSet[]) {
    this.#allowed = new Set(sets.flatMap((set) => [...charactersOf(set)]));
  }

  has(character: string): boolean {
    return this.#allowed.has(character);
  }

  /** Every character of `text` outside the repertoire, in order; empty when all are inside. */
  foreignCharacters(text: string): readonly ForeignCharacter[] {
    const found: ForeignCharacter[] = [];
    for (const [index, character] of [...text].entries()) {
      if (this.#allowed.has(character)) {
        continue;
      }
      const confusedWith = this.#counterpart(character);
      found.push({
        character,
        position: index + 1,
        codePoint: character.codePointAt(0) ?? 0,
        ...(confusedWith === undefined ? {} : { confusedWith }),
      });
    }
    return found;
  }

  #counterpart(character: string): string | undefined {
    const codePoint = character.codePointAt(0) ?? 0;
    // ASCII has its counterpart among the full-width forms.
    const counterpart =
      codePoint === 0x20
        ? '\u3000'
        : codePoint > 0x20 && codePoint < 0x7f
          ? String.fromCodePoint(codePoint + 0xfee0)
          : confusable.get(character);
    return counterpart !== undefined && this.#allowed.has(counterpart) ? counterpart : undefined;
  }
}

/** `U+9AD9 (髙) at character 1`, with the counterpart where there is one. */
export function formatForeignCharacter(foreign: ForeignCharacter): string {
  const name = formatCodePoint(foreign.character);
  const advice =
    foreign.confusedWith === undefined ? '' : `; write ${formatCodePoint(foreign.confusedWith)}`;
  return `${name} at character ${foreign.position}${advice}`;
}

function formatCodePoint(character: string): string {
  const codePoint = character.codePointAt(0) ?? 0;
  const hex = codePoint.toString(16).toUpperCase().padStart(4, '0');
  // Control characters and lone surrogates must not reach a terminal.
  const isPrintable = codePoint >= 0x20 && !(codePoint >= 0x7f && codePoint < 0xa0);
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  return isPrintable && !isSurrogate ? `U+${hex} (${character})` : `U+${hex}`;
}

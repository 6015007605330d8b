/**
 * Distinguished names made up, changed a little, and written in the many ways in which a name can be.
 *
 * @module
 */

import { choose, type SequenceRandom } from '../fuzz/sequence-random.ts';

/** An attribute type and a value as text. */
export interface NamePart {
  readonly type: string;
  readonly value: string;
}

/** One relative name. */
export interface NameParts {
  readonly pairs: readonly NamePart[];
}

interface TypeFacts {
  /** Every name of the type, and its OID. */
  readonly names: readonly string[];
  readonly kind: 'text' | 'ascii' | 'printable' | 'country' | 'telephone' | 'name' | 'exact';
}

const types: readonly TypeFacts[] = [
  { names: ['cn', 'commonName', '2.5.4.3'], kind: 'text' },
  { names: ['sn', 'surname', '2.5.4.4'], kind: 'text' },
  { names: ['o', 'organizationName', '2.5.4.10'], kind: 'text' },
  { names: ['ou', 'organizationalUnitName', '2.5.4.11'], kind: 'text' },
  { names: ['l', 'localityName', '2.5.4.7'], kind: 'text' },
  { names: ['title', '2.5.4.12'], kind: 'text' },
  { names: ['uid', 'userid', '0.9.2342.19200300.100.1.1'], kind: 'text' },
  { names: ['dc', 'domainComponent', '0.9.2342.19200300.100.1.25'], kind: 'ascii' },
  { names: ['serialNumber', '2.5.4.5'], kind: 'printable' },
  { names: ['c', 'countryName', '2.5.4.6'], kind: 'country' },
  { names: ['telephoneNumber', '2.5.4.20'], kind: 'telephone' },
  { names: ['member', '2.5.4.31'], kind: 'name' },
  { names: ['userPassword', '2.5.4.35'], kind: 'exact' },
];

const plain = [...'abcdeABCDE012 -./\'()=#,+"\\<>;:?'];
const foreign = [...'éÉàÀñÑöÖłŁжЖ前橋市カｶがＡｂ①ﬁ'];
/** With marks of their own, which compose. */
const composing = ['e\u0301', 'E\u0301', 'か\u3099', 'o\u0308', '\u212b', 'A\u030a', '\u3000'];
/** Of these more is said in test/interop/slapd-names.test.ts. */
const awkward = ['\t', '\u00ad', '\u200b', 'ß', 'ς', 'İ', 'ſ'];

const mustBeEscaped = new Set('"+,;<>\\');
const MAX_PAIRS = 3;
const MAX_RDNS = 4;

export class NameSpeller {
  readonly #random: SequenceRandom;

  constructor(random: SequenceRandom) {
    this.#random = random;
  }

  /** Relative names, most specific first; none more than four. */
  makeName(): readonly NameParts[] {
    return Array.from({ length: 1 + this.#random.below(MAX_RDNS) }, () => this.#makeRdn());
  }

  /** Nearly the same name. */
  changeName(name: readonly NameParts[]): readonly NameParts[] {
    const at = this.#random.below(name.length);
    const rdn = name[at] ?? this.#makeRdn();
    switch (this.#random.below(6)) {
      case 0:
        return name.toSpliced(at, 1);
      case 1:
        return name.toSpliced(at, 0, this.#makeRdn());
      case 2:
        return name.toReversed();
      case 3:
        return name.with(at, this.#makeRdn());
      default:
        return name.with(at, { pairs: rdn.pairs.map((pair) => this.#changePair(pair)) });
    }
  }

  /** The name in one of its spellings. */
  spell(name: readonly NameParts[]): string {
    return name
      .map(({ pairs }) => {
        const ordered = this.#isRarely(2) ? pairs.toReversed() : pairs;
        return ordered.map((pair) => this.#spellPair(pair)).join('+');
      })
      .join(this.#isRarely(2000) ? ';' : ',');
  }

  #isRarely(times: number): boolean {
    return this.#random.below(times) === 0;
  }

  #makeRdn(): NameParts {
    const wanted = this.#isRarely(4) ? 1 + this.#random.below(MAX_PAIRS) : 1;
    const chosen = new Map<TypeFacts, NamePart>();
    while (chosen.size < wanted) {
      const facts = choose(this.#random, types);
      chosen.set(facts, { type: facts.names[0] ?? '', value: this.#makeValue(facts) });
    }
    return { pairs: [...chosen.values()] };
  }

  #makeValue({ kind }: TypeFacts): string {
    switch (kind) {
      case 'country':
        return choose(this.#random, ['JP', 'jp', 'US']);
      case 'telephone':
        return choose(this.#random, ['+81 27-224-1111', '0272241111', '81 27 2', '027-224']);
      case 'name':
        return choose(this.#random, ['cn=a,c=JP', 'CN=A, C=jp', 'cn=b', 'ou=x+cn=y']);
      case 'printable':
        return this.#characters([...'abAB01 -.']);
      case 'ascii':
        return this.#characters([...'abAB01-']);
      case 'exact':
        return this.#characters(plain);
      case 'text':
        return this.#characters(
          this.#isRarely(40)
            ? [...plain, ...awkward]
            : choose(this.#random, [plain, plain, [...plain, ...foreign, ...composing]]),
        );
    }
  }

  /** At least one that is not a space. */
  #characters(from: readonly string[]): string {
    const length = 1 + this.#random.below(6);
    const made = Array.from({ length }, () => choose(this.#random, from)).join('');
    return /[^\s\u00ad\u200b]/u.test(made) && !/^\p{M}/u.test(made) ? made : `a${made}`;
  }

  #changePair(pair: NamePart): NamePart {
    const facts = types.find(({ names }) => names[0] === pair.type);
    if (facts === undefined || this.#isRarely(3)) {
      return pair;
    }
    const characters = [...pair.value];
    const at = this.#random.below(characters.length);
    const isFree = facts.kind === 'text' || facts.kind === 'exact';
    switch (isFree ? this.#random.below(4) : 3) {
      case 0:
        return { ...pair, value: characters.toSpliced(at, 1).join('').trim() || 'a' };
      case 1:
        return {
          ...pair,
          value: characters.toSpliced(at, 0, choose(this.#random, plain)).join(''),
        };
      case 2:
        return { ...pair, value: `${pair.value}${choose(this.#random, ['a', ' b', '.'])}` };
      default:
        return { ...pair, value: this.#makeValue(facts) };
    }
  }

  #spellPair({ type, value }: NamePart): string {
    const facts = types.find(({ names }) => names[0] === type);
    const name = choose(this.#random, facts?.names ?? [type]);
    const spelt = this.#isRarely(3) ? this.#respellCase(name) : name;
    const text = facts === undefined ? value : this.#respell(value, facts);
    return `${this.#space()}${spelt}${this.#space()}=${this.#space()}${this.#escape(text)}${this.#space()}`;
  }

  #space(): string {
    return this.#isRarely(6) ? ' '.repeat(1 + this.#random.below(2)) : '';
  }

  #respellCase(text: string): string {
    // Letter by letter: what changes its length with its case is left alone.
    return [...text]
      .map((character) => {
        const other = this.#isRarely(2) ? character.toUpperCase() : character.toLowerCase();
        return this.#isRarely(2) && /^[a-zéàñöж]$/iu.test(character) ? other : character;
      })
      .join('');
  }

  /** The same value to the rules of its type. */
  #respell(value: string, { kind }: TypeFacts): string {
    switch (kind) {
      case 'exact':
      case 'name':
        return value;
      case 'country':
        // A space would be one character too many.
        return this.#isRarely(50) ? `${value} ` : this.#respellCase(value);
      case 'telephone':
        return this.#isRarely(2) ? value.replaceAll(/[ -]/g, '') : value;
      case 'text':
        return this.#respellText(value);
      default:
        return this.#respellSpaces(this.#respellCase(value));
    }
  }

  #respellText(value: string): string {
    const form = choose(this.#random, ['NFC', 'NFD', 'NFKC', 'NFKD', ''] as const);
    const text = form === '' ? value : value.normalize(form);
    return this.#respellSpaces(this.#respellCase(text));
  }

  #respellSpaces(text: string): string {
    const doubled = this.#isRarely(3) ? text.replaceAll(' ', '  ') : text;
    return this.#isRarely(8) ? ` ${doubled} ` : doubled;
  }

  #escape(text: string): string {
    if (this.#isRarely(800)) {
      const hex = Buffer.from(text, 'utf8').toString('hex');
      return `#04${(hex.length / 2).toString(16).padStart(2, '0')}${hex}`;
    }
    if (this.#isRarely(2000)) {
      return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
    }
    const characters = [...text];
    return characters
      .map((character, at) => {
        const isAtEdge = at === 0 || at === characters.length - 1;
        if (this.#isRarely(8)) {
          return this.#hexOf(character);
        }
        const must =
          mustBeEscaped.has(character) ||
          (character === '#' && at === 0) ||
          (character === ' ' && isAtEdge) ||
          (character === '=' && this.#isRarely(2));
        return must ? (this.#isRarely(3) ? this.#hexOf(character) : `\\${character}`) : character;
      })
      .join('');
  }

  #hexOf(character: string): string {
    const hex = Buffer.from(character, 'utf8').toString('hex').replaceAll(/../g, '\\$&');
    return this.#isRarely(2) ? hex.toUpperCase() : hex;
  }
}

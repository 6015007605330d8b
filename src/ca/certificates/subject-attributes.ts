/**
 * The attributes of a subject as a municipality notifies them (gunma 3-1-7, 3-1-8, 4-2-2), checked and
 * put into the form in which the certificate holds them.
 *
 * @module
 */

import assert from 'node:assert/strict';

import type { JpkiSubject } from '../../x509/jpki-other-name.ts';
import { CaError } from '../errors.ts';
import { civilDayOf, formatCivilDay } from '../policy/civil-time.ts';
import { parseDateOfBirth } from '../policy/era-date.ts';
import { CharacterRepertoire, formatForeignCharacter } from '../policy/jis-characters.ts';
import type { Policy, SubjectAttributePolicy } from '../policy/policy.ts';

/** What a request says. */
export interface SubjectAttributes {
  /** Family and given name joined by U+3000. */
  readonly commonName: string;
  /** One digit per character; all original when left out. */
  readonly substituteCharacterOfCommonName?: string | undefined;
  /** One of the policy's digits. */
  readonly gender: string;
  /** `YYYY-MM-DD`, nine digits, or `unknown`. */
  readonly dateOfBirth: string;
  readonly address: string;
  readonly substituteCharacterOfAddress?: string | undefined;
}

/** What is wrong with an attribute. */
export interface AttributeFinding {
  readonly field: keyof SubjectAttributes;
  readonly error: CaError;
}

/** Code and message are the first finding's. */
export class AttributesRefused extends CaError {
  readonly findings: readonly AttributeFinding[];

  constructor(findings: readonly AttributeFinding[]) {
    const first = findings[0]?.error;
    super(first?.code ?? 'CA_ATTRIBUTE_INVALID', first?.message ?? 'the attributes are refused');
    this.name = 'CaError';
    this.findings = findings;
  }
}

/** More would not help anyone to find the next one. */
const MAX_NAMED_CHARACTERS = 8;

/** Checks attributes by the rules of one policy. */
export class SubjectAttributeRules {
  readonly #rules: SubjectAttributePolicy;
  readonly #utcOffsetMs: number;
  readonly #repertoire: CharacterRepertoire;

  /** @param policy One that has `subjectAttributes`. */
  constructor(policy: Pick<Policy, 'subjectAttributes' | 'utcOffsetMs'>) {
    const { subjectAttributes, utcOffsetMs } = policy;
    assert(subjectAttributes !== undefined, 'the policy has rules for attributes');
    this.#rules = subjectAttributes;
    this.#utcOffsetMs = utcOffsetMs;
    this.#repertoire = new CharacterRepertoire(subjectAttributes.characterSets);
  }

  /**
   * The values of the six otherNames.
   *
   * @throws {AttributesRefused} `CA_CHARACTER_NOT_ALLOWED`, naming each character and its place;
   *   `CA_ATTRIBUTE_INVALID`: the first of what is wrong, and in `findings` all of it.
   */
  check(attributes: SubjectAttributes, nowMs: number): JpkiSubject {
    const findings = this.#findings(attributes, nowMs);
    if (findings.length > 0) {
      throw new AttributesRefused(findings);
    }
    const { commonName, address, gender } = attributes;
    return {
      commonName,
      dateOfBirth: this.#dateOfBirth(attributes.dateOfBirth, nowMs),
      gender,
      address,
      substituteCharacterOfCommonName: this.#flags(
        'substituteCharacterOfCommonName',
        attributes.substituteCharacterOfCommonName,
        commonName,
      ),
      substituteCharacterOfAddress: this.#flags(
        'substituteCharacterOfAddress',
        attributes.substituteCharacterOfAddress,
        address,
      ),
    };
  }

  /** Attribute by attribute, so that nobody learns of a second fault after mending the first. */
  #findings(attributes: Partial<SubjectAttributes>, nowMs: number): readonly AttributeFinding[] {
    const { maxNameCharacters, maxAddressCharacters } = this.#rules;
    const { commonName, address } = attributes;
    const checks: Readonly<Record<keyof SubjectAttributes, (text: string) => unknown>> = {
      commonName: (text) => this.#checkText('commonName', text, maxNameCharacters),
      address: (text) => this.#checkText('address', text, maxAddressCharacters),
      gender: (text) => this.#checkGender(text),
      dateOfBirth: (text) => this.#dateOfBirth(text, nowMs),
      substituteCharacterOfCommonName: (text) =>
        commonName && this.#flags('substituteCharacterOfCommonName', text, commonName),
      substituteCharacterOfAddress: (text) =>
        address && this.#flags('substituteCharacterOfAddress', text, address),
    };
    return Object.entries(checks).flatMap(([name, check]): readonly AttributeFinding[] => {
      const field = name as keyof SubjectAttributes;
      const text = attributes[field];
      try {
        if (text !== undefined) {
          check(text);
        } else if (!field.startsWith('substitute')) {
          throw new CaError('CA_ATTRIBUTE_INVALID', `${field} is missing`);
        }
        return [];
      } catch (error) {
        if (error instanceof CaError) {
          return [{ field, error }];
        }
        throw error;
      }
    });
  }

  #checkGender(gender: string): void {
    const { genders } = this.#rules;
    if (!Object.hasOwn(genders, gender)) {
      const allowed = Object.entries(genders).map(([digit, meaning]) => `${digit} ${meaning}`);
      throw new CaError('CA_ATTRIBUTE_INVALID', `gender is one of: ${allowed.join(', ')}`);
    }
  }

  #dateOfBirth(text: string, nowMs: number): string {
    return parseDateOfBirth(text, formatCivilDay(civilDayOf(nowMs, this.#utcOffsetMs)));
  }

  #checkText(field: string, text: string, maxCharacters: number): void {
    const count = [...text].length;
    if (count === 0 || count > maxCharacters) {
      throw new CaError(
        'CA_ATTRIBUTE_INVALID',
        `${field} has ${count} characters; it has 1 to ${maxCharacters}`,
      );
    }
    const foreign = this.#repertoire.foreignCharacters(text);
    if (foreign.length > 0) {
      const named = foreign.slice(0, MAX_NAMED_CHARACTERS).map(formatForeignCharacter);
      const more = foreign.length - named.length;
      const sets = this.#rules.characterSets.join(' or ');
      throw new CaError(
        'CA_CHARACTER_NOT_ALLOWED',
        `${field}: not in ${sets}: ${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}. ` +
          'Let the subscriber choose a substitute character and flag it',
      );
    }
  }

  #flags(field: string, flags: string | undefined, text: string): string {
    const { original, substitute } = this.#rules.substituteFlags;
    const length = [...text].length;
    if (flags === undefined) {
      return original.repeat(length);
    }
    const isWellFormed = [...flags].every((flag) => flag === original || flag === substitute);
    if (flags.length !== length || !isWellFormed) {
      throw new CaError(
        'CA_ATTRIBUTE_INVALID',
        `${field} has one digit for each of the ${length} characters: ${original} for an original, ` +
          `${substitute} for a substitute`,
      );
    }
    return flags;
  }
}

/**
 * Rules that hold a certificate about to be signed against the policy by which it is made: that the bytes say what the
 * profile, the list and the statement say.
 *
 * @module
 */

import { Tag } from '../../asn1/tags.ts';
import { equalBytes } from '../../core/bytes.ts';
import type { LintRule } from '../../core/lint-rule.ts';
import { parseCertificatePolicies } from '../../x509/certificate-policies.ts';
import { parseCrlDistributionPoints } from '../../x509/distribution-point.ts';
import type { GeneralName } from '../../x509/general-name.ts';
import { type JpkiSubject, parseJpkiOtherNames } from '../../x509/jpki-other-name.ts';
import { findNamingAttribute, fixedStringTag } from '../../x509/name-attributes.ts';
import { Oid } from '../../x509/object-identifiers.ts';
import { CharacterRepertoire, type CharacterSet } from '../policy/jis-characters.ts';
import type { Policy, SubjectAttributePolicy } from '../policy/policy.ts';
import { latestEndOfRuleMs } from '../policy/validity-rule.ts';
import type { CertificateSubject } from './certificate-subject.ts';

type Rule = LintRule<CertificateSubject>;

/** The order that certificates in use have. */
const jpkiOrder: readonly string[] = [
  Oid.jpkiCommonName,
  Oid.jpkiDateOfBirth,
  Oid.jpkiGender,
  Oid.jpkiAddress,
  Oid.jpkiSubstituteCharacterOfCommonName,
  Oid.jpkiSubstituteCharacterOfAddress,
];

export const policyRules: readonly Rule[] = [
  {
    id: 'profile-extensions',
    source: 'policy',
    severity: 'error',
    holds: "the extensions are the profile's, in its order and with its criticality",
    check: ({ certificate, made }) => {
      if (made === undefined) {
        return undefined;
      }
      const { expectedExtensions: expected } = made.profile;
      const isSame =
        certificate.extensions.length === expected.length &&
        certificate.extensions.every(
          ({ oid, critical }, index) =>
            oid === expected[index]?.oid && critical === expected[index].critical,
        );
      return isSame ? undefined : "the extensions are not the profile's";
    },
  },
  {
    id: 'profile-validity',
    source: 'policy',
    severity: 'error',
    holds: "the certificate does not live longer than the profile's rule allows",
    check: ({ certificate, made }) => {
      const rule = made?.profile.definition.validity;
      if (made === undefined || rule === undefined) {
        return undefined;
      }
      const latestMs = latestEndOfRuleMs(
        rule,
        certificate.notBeforeMs,
        made.profile.policy.utcOffsetMs,
      );
      return certificate.notAfterMs <= latestMs
        ? undefined
        : 'notAfter lies beyond what the profile allows';
    },
  },
  {
    id: 'profile-string-types',
    source: 'policy',
    severity: 'error',
    holds:
      'the attributes of the subject that the policy says are PrintableString, and no others that leave the choice',
    check: ({ attributes, made }) => {
      // The name of another CA is as that CA writes it.
      if (made === undefined || made.profile.definition.kind === 'cross') {
        return undefined;
      }
      const printable = printableTypes(made.profile.printable);
      const isRight = attributes.every(
        ({ type, stringTag }) =>
          fixedStringTag(type) !== undefined ||
          stringTag === (printable.has(type) ? Tag.printableString : Tag.utf8String),
      );
      return isRight ? undefined : "a string type in the subject is not the policy's";
    },
  },
  {
    id: 'profile-policies',
    source: 'policy',
    severity: 'error',
    holds: "certificatePolicies has identifiers of the policy's column for its environment alone",
    check: ({ extension, made }) => {
      const found = extension(Oid.certificatePolicies);
      if (made === undefined || found === undefined) {
        return undefined;
      }
      const { policyIdentifiers, environment } = made.profile.policy;
      const known = new Set(Object.values(policyIdentifiers).map((one) => one[environment]));
      const stranger = parseCertificatePolicies(found.value).find(({ oid }) => !known.has(oid));
      return stranger === undefined
        ? undefined
        : `${stranger.oid} is no policy of the ${environment} environment`;
    },
  },
  {
    id: 'list-named',
    source: 'policy',
    severity: 'error',
    holds:
      'the certificate names the list that will carry its revocation; it names none where the list names no point itself',
    check: ({ extension, made }) => {
      if (made === undefined) {
        return undefined;
      }
      const { scope } = made;
      const found = extension(Oid.cRLDistributionPoints);
      if (!scope.isNamed) {
        return found === undefined ? undefined : 'the list of the certificate names no point';
      }
      if (found === undefined) {
        return 'cRLDistributionPoints is missing';
      }
      const isNamed = parseCrlDistributionPoints(found.value).some(({ fullName }) =>
        fullName?.some(
          (name) =>
            name.kind === 'directoryName' && equalBytes(name.name.der, scope.distributionPoint.der),
        ),
      );
      return isNamed
        ? undefined
        : "cRLDistributionPoints is not the point of the certificate's list";
    },
  },
  {
    id: 'jpki-other-names',
    source: 'gunma 4-2-2, 3-1-7, 3-1-8',
    severity: 'error',
    holds:
      'JPKI otherNames are all six, each once, in the order of certificates in use; the date has an era and eight digits, ' +
      'the gender is one of the policy, substitute flags are as many as characters, names and addresses are in its JIS sets',
    check: ({ alternativeNames, made }) => {
      const names = jpkiNames(alternativeNames);
      if (names.length === 0) {
        return undefined;
      }
      const isWhole =
        names.length === jpkiOrder.length &&
        names.every(({ type }, index) => type === jpkiOrder[index]);
      return isWhole
        ? jpkiFault(parseJpkiOtherNames(names), made?.profile.policy)
        : 'the JPKI otherNames are not six, each once and in their order';
    },
  },
];

type OtherName = Extract<GeneralName, { readonly kind: 'otherName' }>;

function jpkiNames(names: readonly GeneralName[]): readonly OtherName[] {
  return names.filter(
    (name): name is OtherName => name.kind === 'otherName' && jpkiOrder.includes(name.type),
  );
}

function jpkiFault(
  {
    commonName = '',
    address = '',
    gender = '',
    dateOfBirth = '',
    substituteCharacterOfCommonName: nameFlags = '',
    substituteCharacterOfAddress: addressFlags = '',
  }: Partial<JpkiSubject>,
  policy: Policy | undefined,
): string | undefined {
  if (!/^[1-5](18|19|20)[0-9]{6}$|^400000000$/.test(dateOfBirth)) {
    return 'dateOfBirth is not an era digit and eight digits, nor unknown';
  }
  if (nameFlags.length !== [...commonName].length || addressFlags.length !== [...address].length) {
    return 'there is not one substitute flag for each character';
  }
  const rules = policy?.subjectAttributes;
  if (rules === undefined) {
    return undefined;
  }
  return attributeFault({ commonName, address, gender, flags: nameFlags + addressFlags }, rules);
}

function attributeFault(
  {
    commonName,
    address,
    gender,
    flags,
  }: Pick<JpkiSubject, 'commonName' | 'address' | 'gender'> & { readonly flags: string },
  { characterSets, genders, substituteFlags }: SubjectAttributePolicy,
): string | undefined {
  if (!Object.hasOwn(genders, gender)) {
    return 'gender is none of the policy';
  }
  const { original, substitute } = substituteFlags;
  if (![...flags].every((flag) => flag === original || flag === substitute)) {
    return 'a substitute flag is none of the policy';
  }
  const repertoire = repertoireOf(characterSets);
  return [...commonName, ...address].every((character) => repertoire.has(character))
    ? undefined
    : `a character is in none of ${characterSets.join(', ')}`;
}

const repertoires = new Map<string, CharacterRepertoire>();

function repertoireOf(sets: readonly CharacterSet[]): CharacterRepertoire {
  const key = sets.join();
  let found = repertoires.get(key);
  if (found === undefined) {
    found = new CharacterRepertoire(sets);
    repertoires.set(key, found);
  }
  return found;
}

const printables = new WeakMap<readonly string[], ReadonlySet<string>>();

function printableTypes(names: readonly string[]): ReadonlySet<string> {
  let types = printables.get(names);
  if (types === undefined) {
    types = new Set(names.map((name) => findNamingAttribute(name) ?? name));
    printables.set(names, types);
  }
  return types;
}

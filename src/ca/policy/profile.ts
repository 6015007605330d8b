/**
 * Profiles compiled for issuing: what is the same in every certificate of a profile is encoded once,
 * issuing fills in the rest.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { Tag } from '../../asn1/tags.ts';
import type { Extension } from '../../x509/extensions.ts';
import type { Name } from '../../x509/name.ts';
import { CaError } from '../errors.ts';
import {
  type AlternativeNameSource,
  extensionOid,
  sourcesOf,
  templateOf,
} from './extension-definition.ts';
import type { Municipality } from './municipality.ts';
import {
  NameTemplate,
  type PlaceholderValues,
  placeholders,
  placeholdersIn,
} from './name-template.ts';
import type { Policy } from './policy.ts';
import type { ProfileDefinition } from './profile-definition.ts';
import {
  type CertificateFacts,
  compileExtension,
  type ExtensionSource,
} from './profile-extensions.ts';
import { endOfRuleMs, formatValidityRule, type ValidityFacts } from './validity-rule.ts';

export interface ValidityPeriod {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export class Profile {
  readonly name: string;
  readonly definition: ProfileDefinition;
  readonly policy: Policy;
  /** True when a request of this profile must name a municipality. */
  readonly needsMunicipality: boolean;
  /** True when it must bring the subject's attributes. */
  readonly needsSubjectAttributes: boolean;
  /** True when the subject's name is made unique by an issue id. */
  readonly needsIssueId: boolean;
  /** True when the request says which names of the DNS the certificate is for. */
  readonly needsDnsNames: boolean;
  readonly needsBirthDate: boolean;
  readonly needsCardExpiry: boolean;
  /** Attributes of its names that are PrintableString. */
  readonly printable: readonly string[];
  /** Which extensions its certificates have, in their order. */
  readonly expectedExtensions: readonly Pick<Extension, 'oid' | 'critical'>[];
  readonly #subject: NameTemplate;
  readonly #sources: readonly ExtensionSource[];
  /** Fields that stand in attributes of the subject that are PrintableString. */
  readonly #printableFields: ReadonlySet<string>;
  /** Fields that are a name of the DNS in an alternative name. */
  readonly #dnsFields: ReadonlySet<string>;

  constructor(name: string, definition: ProfileDefinition, policy: Policy) {
    const names = alternativeNamesOf(definition);
    const templates = [definition.subject, ...names.map(templateOf)];
    const places = templates.flatMap((template) => placeholdersIn(template ?? ''));
    const scope = policy.crl.scopes.find(({ id }) => id === definition.scope);
    this.name = name;
    this.definition = definition;
    this.needsMunicipality =
      scope?.partition === 'municipality' ||
      scope?.by === 'prefecture' ||
      places.includes('municipality') ||
      places.includes('prefecture');
    this.needsSubjectAttributes =
      definition.onePerSubscriber || names.includes('subjectAttributes');
    this.needsIssueId = placeholdersIn(definition.subject ?? '').includes('issueId');
    this.needsDnsNames = names.includes('dnsNames');
    this.needsBirthDate = definition.validity?.untilBirthday !== undefined;
    this.needsCardExpiry = definition.validity?.notBeyond === 'cardExpiry';
    this.policy = policy;
    const { issuer } = policy.names;
    const printable = definition.printable ?? policy.names.printable;
    this.printable = printable;
    this.expectedExtensions = definition.extensions.map((one) => ({
      oid: extensionOid(one),
      critical: one.critical,
    }));
    this.#subject = new NameTemplate(definition.subject ?? issuer, printable);
    this.#sources = definition.extensions.map((one) => compileExtension(one, policy, printable));
    this.#printableFields = printableFieldsOf(definition, this.#subject);
    this.#dnsFields = new Set(
      names.flatMap((source) =>
        typeof source === 'object' && 'dnsName' in source ? placeholdersIn(source.dnsName) : [],
      ),
    );
  }

  /** The subject's name; the issuer's own for self-signed and link certificates. */
  subject(texts: PlaceholderValues = {}): Name {
    return this.#subject.render(texts);
  }

  /** How a field is written wherever it stands. */
  formOf(field: string): { readonly isPrintable: boolean; readonly isDnsName: boolean } {
    return {
      isPrintable: this.#printableFields.has(field),
      isDnsName: this.#dnsFields.has(field),
    };
  }

  /** The extensions in the profile's order. */
  extensions(facts: CertificateFacts): readonly Extension[] {
    return this.#sources.map((source) => (typeof source === 'function' ? source(facts) : source));
  }

  /**
   * From now, in whole seconds, by the profile's rule; never past the issuer.
   *
   * @param issuerEndMs The issuer's notAfter; undefined for the self-signed certificate.
   * @throws {CaError} `CA_ISSUER_ENDS` when the issuer has ended, or ends sooner than the profile
   *   allows; `CA_ATTRIBUTE_INVALID` for a birthday to come or a card that has ended.
   */
  validity(
    nowMs: number,
    issuerEndMs: number | undefined,
    facts: ValidityFacts = {},
  ): ValidityPeriod {
    const { validity } = this.definition;
    assert(validity !== undefined, `${this.name} has a validity of its own`);
    const notBeforeMs = Math.floor(nowMs / 1000) * 1000;
    const offsetMs = this.policy.utcOffsetMs;
    const wantedMs = endOfRuleMs(validity, notBeforeMs, { ...facts, offsetMs });
    if (issuerEndMs === undefined || wantedMs <= issuerEndMs) {
      return { notBeforeMs, notAfterMs: wantedMs };
    }
    if (issuerEndMs <= notBeforeMs || validity.beyondIssuer === 'refuse') {
      const end = new Date(issuerEndMs).toISOString();
      const wanted = formatValidityRule(validity);
      throw new CaError(
        'CA_ISSUER_ENDS',
        `the CA's certificate ends ${end}, too soon for ${wanted}; renew the CA's key first`,
      );
    }
    return { notBeforeMs, notAfterMs: issuerEndMs };
  }
}

/** What fills the places of templates that are a municipality's. */
export function municipalityTexts(municipality: Municipality | undefined): PlaceholderValues {
  return municipality === undefined
    ? {}
    : { municipality: municipality.dnName, prefecture: municipality.dnPrefecture };
}

/** By an example: what the attribute is in which its own name stands. */
function printableFieldsOf(
  { fields, subject }: ProfileDefinition,
  template: NameTemplate,
): ReadonlySet<string> {
  if (subject === undefined) {
    return new Set();
  }
  const sampleOf = (field: string): string => `X${field}X`;
  const samples = [...placeholders, ...Object.keys(fields)].map((name) => [name, sampleOf(name)]);
  const pairs = template.render(Object.fromEntries(samples)).rdns.flat();
  return new Set(
    Object.keys(fields).filter((field) =>
      pairs.some(
        ({ stringTag, value }) =>
          stringTag === Tag.printableString && value.includes(sampleOf(field)),
      ),
    ),
  );
}

function alternativeNamesOf({ extensions }: ProfileDefinition): readonly AlternativeNameSource[] {
  return extensions.flatMap((one) =>
    one.type === 'subjectAltName' || one.type === 'issuerAltName' ? sourcesOf(one) : [],
  );
}

/** Every profile of a policy by name. */
export function compileProfiles(policy: Policy): ReadonlyMap<string, Profile> {
  return new Map(
    Object.entries(policy.profiles).map(([name, definition]) => [
      name,
      new Profile(name, definition, policy),
    ]),
  );
}

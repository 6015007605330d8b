/**
 * Assertions about certificates, pairs, lists and algorithms (RFC 4523 §3): GSER and the older form with a
 * dollar sign, each put to values that they may or may not fit.
 *
 * @module
 */

import { encodeUtf8 } from '../../../src/core/bytes.ts';
import { isCertdirError } from '../../../src/core/errors.ts';
import { certificateRules } from '../../../src/directory/certificates/certificate-rules.ts';
import { shippedSchema as schema } from '../../support/shipped-schema.ts';
import type { FuzzTarget } from '../fuzz-target.ts';
import { orRefused } from '../refusals.ts';
import { mutateText } from '../text-mutation.ts';
import { richCertificate, richList, richPair, richSupportedAlgorithm } from '../x509-seeds.ts';

const name = 'rdnSequence:"CN=Sample CA,O=JPKI,C=JP"';
const certificate =
  `{ serialNumber 4660, issuer ${name}, subject ${name}, subjectKeyIdentifier '01'H,
  authorityKeyIdentifier { keyIdentifier '01'H, authorityCertIssuer { directoryName:${name} }, authorityCertSerialNumber 1 },
  certificateValid utcTime:"260301000000Z", privateKeyValid "20260301000000Z", subjectPublicKeyAlgID 1.2.840.10045.2.1,
  keyUsage { cRLSign, keyCertSign }, subjectAltName builtinNameForm:dNSName, policy { 1.2.3 }, pathToName ${name},
  nameConstraints { permittedSubtrees { { base dNSName:"example", minimum 0 } }, excludedSubtrees { { base rfc822Name:"a@b" } } } }`.replaceAll(
    /\s+/g,
    ' ',
  );
const list =
  `{ issuer ${name}, minCRLNumber 1, maxCRLNumber 9, reasonFlags { keyCompromise }, dateAndTime utcTime:"260107000000Z",
  distributionPoint fullName:{ uniformResourceIdentifier:"http://a.example/", directoryName:${name} }, authorityKeyIdentifier { keyIdentifier '01'H } }`.replaceAll(
    /\s+/g,
    ' ',
  );

const texts = [
  certificate,
  list,
  `{ serialNumber 4660, issuer ${name} }`,
  '4660$CN=Sample CA,O=JPKI,C=JP',
  `{ issuer ${name}, thisUpdate generalizedTime:"20260106000000Z", distributionPoint nameRelativeToCRLIssuer:"cn=a" }`,
  'CN=Sample CA,O=JPKI,C=JP$260106000000Z',
  `{ issuedToThisCAAssertion { serialNumber 4660, issuer ${name} }, issuedByThisCAAssertion { serialNumber 1, issuer ${name} } }`,
  `{ issuedToThisCAAssertion ${certificate} }`,
  '{ algorithm 1.2.840.113549.1.1.11, parameters NULL }',
  "{ subjectAltName otherNameForm:1.2.3, subjectPublicKeyAlgID 1.2, keyUsage '01'B }",
];

const values = [richCertificate, richList, richPair, richSupportedAlgorithm];

function run(input: Uint8Array): string {
  const taken: string[] = [];
  let refusal: unknown;
  for (const rule of certificateRules) {
    try {
      const assertion = rule.readAssertion(input, schema);
      // A rule may refuse a value of another syntax.
      const matched = values.map((value) => orRefused(() => assertion.matches(value)));
      taken.push(`${rule.name} ${matched.join()}`);
    } catch (error) {
      if (!isCertdirError(error)) {
        throw error;
      }
      refusal ??= error;
    }
  }
  if (taken.length === 0) {
    throw refusal;
  }
  return taken.join(' ');
}

const words = certificate.concat(list).match(/[a-zA-Z][a-zA-Z0-9-]+/g) ?? [];

export const assertionsTarget: FuzzTarget = {
  name: 'assertions',
  seeds: texts.map(encodeUtf8),
  run,
  mutate: (random, seed) =>
    mutateText(random, seed, [
      ...words,
      ...[
        'otherName',
        'type-id',
        'value',
        'iPAddress',
        'registeredID',
        'x400Address',
        'ediPartyName',
      ],
    ]),
};

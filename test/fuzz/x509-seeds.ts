/**
 * A certificate, a list, a pair and a request with as many extensions as there are readers for.
 *
 * @module
 */

import { buildSubjectAltName } from '../../src/x509/alternative-name.ts';
import { buildBasicConstraints } from '../../src/x509/basic-constraints.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { encodeCertificatePair } from '../../src/x509/certificate-pair.ts';
import { buildCertificatePolicies } from '../../src/x509/certificate-policies.ts';
import { buildCrlNextPublish, buildCrlNumber } from '../../src/x509/crl-extensions.ts';
import {
  buildCrlDistributionPoints,
  buildIssuingDistributionPoint,
} from '../../src/x509/distribution-point.ts';
import type { GeneralName } from '../../src/x509/general-name.ts';
import { buildJpkiOtherNames } from '../../src/x509/jpki-other-name.ts';
import {
  buildAuthorityKeyIdentifier,
  buildSubjectKeyIdentifier,
} from '../../src/x509/key-identifier.ts';
import { buildExtendedKeyUsage, buildKeyUsage } from '../../src/x509/key-usage.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { buildNameConstraints } from '../../src/x509/name-constraints.ts';
import {
  buildInhibitAnyPolicy,
  buildPolicyConstraints,
} from '../../src/x509/policy-constraints.ts';
import { buildPolicyMappings } from '../../src/x509/policy-mappings.ts';
import { buildPrivateKeyUsagePeriod } from '../../src/x509/private-key-usage-period.ts';
import {
  sampleCertificate,
  sampleEntries,
  sampleKey,
  sampleList,
  sampleRequest,
} from '../support/x509-samples.ts';

const key = sampleKey('p256');
const directoryName: GeneralName = { kind: 'directoryName', name: nameFromText('CN=a,C=JP') };
const names: readonly GeneralName[] = [
  directoryName,
  { kind: 'dnsName', text: 'a.example' },
  { kind: 'rfc822Name', text: 'a@a.example' },
  { kind: 'uri', text: 'ldap://a.example/cn=a?certificateRevocationList?base' },
  { kind: 'ipAddress', bytes: Uint8Array.of(10, 0, 0, 1) },
];
const keyIdentifier = Uint8Array.of(1);

export const richCertificate: Uint8Array = sampleCertificate(key, {
  extensions: [
    buildBasicConstraints({ isCa: true, pathLength: 1 }),
    buildSubjectAltName([
      ...names,
      ...buildJpkiOtherNames({
        ...{ commonName: '前橋\u3000太郎', dateOfBirth: '319500101', gender: '1' },
        ...{ address: '群馬県前橋市', substituteCharacterOfCommonName: '00000' },
        substituteCharacterOfAddress: '000000',
      }),
    ]),
    buildSubjectKeyIdentifier(keyIdentifier),
    buildAuthorityKeyIdentifier({ keyIdentifier, issuer: [directoryName], serialNumber: 1n }),
    buildPrivateKeyUsagePeriod({ notBeforeMs: 0 }),
    buildKeyUsage(['cRLSign', 'keyCertSign']),
    buildExtendedKeyUsage(['1.3.6.1.5.5.7.3.1']),
    buildCertificatePolicies([{ oid: '1.2.3' }]),
    buildNameConstraints({ permitted: [{ base: directoryName }] }),
    buildPolicyMappings([{ issuerDomain: '1.2.3', subjectDomain: '1.2.4' }]),
    buildPolicyConstraints({ requireExplicitPolicy: 0, inhibitPolicyMapping: 1 }),
    buildInhibitAnyPolicy(0),
    buildCrlDistributionPoints([{ fullName: names }]),
  ],
});

export const richList: Uint8Array = sampleList(key, sampleEntries(3), {
  extensions: [
    buildCrlNumber(7n),
    buildCrlNextPublish(Date.UTC(2026, 0, 7)),
    buildAuthorityKeyIdentifier({ keyIdentifier }),
    buildIssuingDistributionPoint({ fullName: names, onlySomeReasons: new Set([1]) }),
  ],
});

export const richPair: Uint8Array = encodeCertificatePair({
  issuedToThisCa: parseCertificate(richCertificate),
  issuedByThisCa: parseCertificate(sampleCertificate(key)),
});

export const richRequest: Uint8Array = sampleRequest(key);

/** RFC 4523 §2.6: SHA-256 with RSA. */
export const richSupportedAlgorithm: Uint8Array = Uint8Array.from(
  Buffer.from('300f300d06092a864886f70d01010b0500', 'hex'),
);

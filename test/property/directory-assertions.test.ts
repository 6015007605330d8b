import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { certificateRules } from '../../src/directory/certificates/certificate-rules.ts';
import { DirectoryError } from '../../src/directory/errors.ts';
import type { EqualityRule } from '../../src/directory/schema/schema-model.ts';
import { buildSubjectAltName } from '../../src/x509/alternative-name.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { encodeCertificatePair } from '../../src/x509/certificate-pair.ts';
import { buildCertificatePolicies } from '../../src/x509/certificate-policies.ts';
import { buildCrlNumber } from '../../src/x509/crl-extensions.ts';
import { buildIssuingDistributionPoint } from '../../src/x509/distribution-point.ts';
import type { GeneralName } from '../../src/x509/general-name.ts';
import {
  buildAuthorityKeyIdentifier,
  buildSubjectKeyIdentifier,
} from '../../src/x509/key-identifier.ts';
import { buildKeyUsage } from '../../src/x509/key-usage.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { buildNameConstraints } from '../../src/x509/name-constraints.ts';
import { buildPrivateKeyUsagePeriod } from '../../src/x509/private-key-usage-period.ts';
import { equalityRule } from '../support/matching.ts';
import { shippedSchema as schema } from '../support/shipped-schema.ts';
import {
  sampleCertificate,
  sampleEntries,
  sampleKey,
  sampleList,
} from '../support/x509-samples.ts';

const seed = 20260311;
/** What a stranger sends holds the server up no longer than this. */
const MAX_MS = 50;

const key = sampleKey('p256');
const directoryName: GeneralName = { kind: 'directoryName', name: nameFromText('CN=a,C=JP') };
const names: readonly GeneralName[] = [
  directoryName,
  { kind: 'dnsName', text: 'a.example' },
  { kind: 'rfc822Name', text: 'a@a.example' },
  { kind: 'uri', text: 'http://a.example/' },
  { kind: 'ipAddress', bytes: Uint8Array.of(10, 0, 0, 1) },
];
const certificate = sampleCertificate(key, {
  extensions: [
    buildSubjectAltName(names),
    buildSubjectKeyIdentifier(Uint8Array.of(1)),
    buildAuthorityKeyIdentifier({
      keyIdentifier: Uint8Array.of(1),
      issuer: [directoryName],
      serialNumber: 1n,
    }),
    buildPrivateKeyUsagePeriod({ notBeforeMs: 0 }),
    buildKeyUsage(['cRLSign']),
    buildCertificatePolicies([{ oid: '1.2.3' }]),
    buildNameConstraints({ permitted: [{ base: directoryName }] }),
  ],
});
const list = sampleList(key, sampleEntries(3), {
  extensions: [
    buildCrlNumber(1n),
    buildIssuingDistributionPoint({ fullName: names, onlySomeReasons: new Set([1]) }),
  ],
});
const pair = encodeCertificatePair({ issuedToThisCa: parseCertificate(certificate) });
const algorithm = Uint8Array.from(Buffer.from('300f300d06092a864886f70d01010b0500', 'hex'));
const values: readonly Uint8Array[] = [certificate, list, pair, algorithm];

/** Runs `body`; anything but a result or our error fails. */
function orRefused<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    assert.ok(error instanceof DirectoryError, String(error));
    assert.equal(error.code, 'DIRECTORY_INVALID_SYNTAX');
    return undefined;
  }
}

/** For each value true, false, or undefined when the assertion or the value is refused. */
function outcomes(rule: EqualityRule, assertion: Uint8Array): (boolean | undefined)[] {
  const read = orRefused(() => rule.readAssertion(assertion, schema));
  return values.map((value) => read && orRefused(() => read.matches(value)));
}

/** Processor time, since the machine may be busy with something else; the quickest of three tries counts. */
function inTime(rule: EqualityRule, assertion: Uint8Array): void {
  let tookMs = Infinity;
  for (let tries = 0; tries < 3 && tookMs >= MAX_MS; tries += 1) {
    const start = process.cpuUsage();
    outcomes(rule, assertion);
    const { user, system } = process.cpuUsage(start);
    tookMs = Math.min(tookMs, (user + system) / 1000);
  }
  assert.ok(tookMs < MAX_MS, `${rule.name} took ${tookMs} ms`);
}

const rules = fc.constantFrom(...certificateRules);

/** Components with what may follow them, right and wrong, as deep as it gets. */
const { sequence } = fc.letrec<{ sequence: string; value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(
      '1',
      '-1',
      '4660',
      '1.2.3',
      'NULL',
      'TRUE',
      '"a"',
      '""',
      '"cn=a"',
      "'01'H",
      "'0'H",
      "'0101'B",
      'rdnSequence:"CN=a,C=JP"',
      'rdnSequence:"__proto__=a"',
      'utcTime:"260301000000Z"',
      'generalizedTime:"20260301000000Z"',
      'builtinNameForm:dNSName',
      'otherNameForm:1.2.3',
      'dNSName:"a.example"',
      'directoryName:rdnSequence:"CN=a,C=JP"',
      "iPAddress:'0A000001FFFFFFFF'H",
      'fullName:{ dNSName:"a.example" }',
      '{ keyCertSign, cRLSign }',
      '{ 1.2.3 }',
    ),
    tie('sequence'),
    fc.array(tie('value'), { maxLength: 3 }).map((each) => `{ ${each.join(', ')} }`),
  ),
  sequence: fc
    .array(
      fc.tuple(
        fc.constantFrom(
          'serialNumber',
          'issuer',
          'subject',
          'subjectKeyIdentifier',
          'authorityKeyIdentifier',
          'keyIdentifier',
          'authorityCertIssuer',
          'authorityCertSerialNumber',
          'certificateValid',
          'privateKeyValid',
          'subjectPublicKeyAlgID',
          'keyUsage',
          'subjectAltName',
          'policy',
          'pathToName',
          'nameConstraints',
          'permittedSubtrees',
          'excludedSubtrees',
          'base',
          'minimum',
          'maximum',
          'minCRLNumber',
          'maxCRLNumber',
          'reasonFlags',
          'dateAndTime',
          'distributionPoint',
          'thisUpdate',
          'issuedToThisCAAssertion',
          'issuedByThisCAAssertion',
          'algorithm',
          'parameters',
          'type-id',
          'value',
          '__proto__',
          'toString',
        ),
        tie('value'),
      ),
      { maxLength: 3 },
    )
    .map((parts) => `{ ${parts.map(([name, value]) => `${name} ${value}`).join(', ')} }`),
}));

describe('assertions about certificates, property', () => {
  it('of any shape end in an outcome or our error, in time', () => {
    fc.assert(
      fc.property(rules, sequence, (rule, text) => inTime(rule, encodeUtf8(text))),
      { seed, numRuns: 4000 },
    );
  });

  it('with damage end in an outcome or our error, in time', () => {
    fc.assert(
      fc.property(
        rules,
        sequence,
        fc.nat(80),
        fc.nat(80),
        fc.string({ unit: 'binary', maxLength: 4 }),
        (rule, text, from, to, put) =>
          inTime(rule, encodeUtf8(text.slice(0, from) + put + text.slice(to))),
      ),
      { seed, numRuns: 3000 },
    );
  });

  it('any octets end in an outcome or our error, in time', () => {
    fc.assert(
      fc.property(rules, fc.uint8Array({ maxLength: 60 }), (rule, octets) => inTime(rule, octets)),
      { seed, numRuns: 3000 },
    );
  });

  it('of conditions that each hold, hold together', () => {
    const holding = [
      'serialNumber 4660',
      'issuer rdnSequence:"cn=sample ca,o=jpki,c=jp"',
      'subject rdnSequence:"cn=sample ca,o=jpki,c=jp"',
      "subjectKeyIdentifier '01'H",
      "authorityKeyIdentifier { keyIdentifier '01'H }",
      'certificateValid utcTime:"260301000000Z"',
      'privateKeyValid "20260301000000Z"',
      'subjectPublicKeyAlgID 1.2.840.10045.2.1',
      'keyUsage { cRLSign }',
      'subjectAltName builtinNameForm:dNSName',
      'policy { 1.2.3 }',
      'pathToName rdnSequence:"cn=b,cn=a,c=jp"',
      'nameConstraints { permittedSubtrees { { base dNSName:"example" } } }',
    ];
    const failing = ['serialNumber 1', 'keyUsage { keyCertSign }', 'policy { 1.2.4 }'];
    const nameOf = (part: string): string => part.split(' ')[0] ?? '';
    const rule = equalityRule('certificateMatch');
    fc.assert(
      fc.property(
        fc.shuffledSubarray(holding),
        fc.option(fc.constantFrom(...failing)),
        (parts, failure) => {
          const others = parts.filter((part) => nameOf(part) !== nameOf(failure ?? ''));
          const text = `{ ${[...others, ...(failure === null ? [] : [failure])].join(', ')} }`;
          assert.equal(outcomes(rule, encodeUtf8(text))[0], failure === null, text);
        },
      ),
      { seed, numRuns: 500 },
    );
  });
});

describe('assertions about certificates, as long as they may be', () => {
  const LENGTH = 65_000;
  const fill = (text: string): string => text.repeat(Math.floor(LENGTH / text.length));
  const names64 = (name: string): string => `{ ${Array(64).fill(name).join(', ')} }`;
  const rows: readonly (readonly [why: string, text: string])[] = [
    ['braces', fill('{')],
    ['braces with names', fill('{ a ')],
    ['choices', `{ algorithm 1.2, parameters ${fill('a:')}`],
    ['spaces', `{${fill(' ')}`],
    ['spaces behind', `{ serialNumber 1 }${fill(' ')}`],
    ['quotes', `{ issuer rdnSequence:"${fill('""')}`],
    ['a name of letters', `{ issuer rdnSequence:"cn=${'a'.repeat(16_000)}" }`],
    ['a name of marks', `{ issuer rdnSequence:"cn=${'e\u0301'.repeat(8000)}" }`],
    ['a name of escapes', `{ issuer rdnSequence:"cn=${'\\41'.repeat(5000)}" }`],
    ['a name of plus signs', `{ issuer rdnSequence:"${'cn=a+'.repeat(3000)}" }`],
    ['names', `{ issuer rdnSequence:"${'cn=a,'.repeat(3000)}" }`],
    [
      'names with 64 parts each',
      `{ authorityKeyIdentifier { authorityCertIssuer ${names64(
        `directoryName:rdnSequence:"${'cn=a,'.repeat(60)}c=jp"`,
      )}, authorityCertSerialNumber 1 } }`,
    ],
    ['digits', `{ serialNumber ${fill('1')} }`],
    ['digits before a dollar', `${fill('1')}$cn=a`],
    ['dollars', fill('$')],
    ['arcs', `{ subjectPublicKeyAlgID 1.2${fill('.1')} }`],
    ['one arc', `{ subjectPublicKeyAlgID 1.2.${fill('1')} }`],
    ['octets', `{ subjectKeyIdentifier '${fill('00')}'H }`],
    ['bits', `{ keyUsage '${fill('1')}'B }`],
    ['bits by name', `{ keyUsage { ${fill('cRLSign,')} } }`],
    ['bits in an open value', `{ algorithm 1.2, parameters '${fill('A')}'H }`],
    ['components', `{ ${Array.from({ length: 8000 }, (_none, at) => `a${at} 1`).join(',')} }`],
    ['policies', `{ policy { ${fill('1.2,')} } }`],
    [
      'subtrees',
      `{ nameConstraints { permittedSubtrees ${names64(
        `{ base uniformResourceIdentifier:"${'.a'.repeat(400)}" }`,
      )} } }`,
    ],
    [
      'a mailbox',
      `{ nameConstraints { permittedSubtrees { { base rfc822Name:"${fill('@')}" } } } }`,
    ],
    ['more than may be', `{ serialNumber 1 }${' '.repeat(65_536)}`],
  ];
  for (const [why, text] of rows) {
    it(`${why}, in time`, () => {
      for (const rule of certificateRules) {
        inTime(rule, encodeUtf8(text));
      }
    });
  }
});

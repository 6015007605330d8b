/**
 * Filters and comparisons about certificates, pairs and lists with OpenLDAP's tools (RFC 4523), and
 * how their values travel (`;binary`, RFC 4522).
 *
 * @module
 */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { parseCertificate } from '../../src/x509/certificate.ts';
import { encodeCertificatePair } from '../../src/x509/certificate-pair.ts';
import { buildCrlNumber } from '../../src/x509/crl-extensions.ts';
import { buildIssuingDistributionPoint } from '../../src/x509/distribution-point.ts';
import { buildKeyUsage } from '../../src/x509/key-usage.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { CertdirFolder } from '../support/certdir-process.ts';
import { type LdapIdentity, LdapTools } from '../support/ldap-tools.ts';
import { skipWithout } from '../support/outside-tool.ts';
import {
  sampleCertificate,
  sampleEntries,
  sampleKey,
  sampleList,
} from '../support/x509-samples.ts';

const CA = 'ou=Gunma Prefectural CA,o=JPKI,c=JP';
const staff = 'ou=Staff,o=JPKI,c=JP';
const holder = `cn=holder,${staff}`;
const other = `cn=other,${staff}`;
const plain = `cn=plain,${staff}`;
/** The example of RFC 4523's forms that JPKI's documents give. */
const SERIAL = 117847440;
const ISSUER = 'OU=BridgeCA,OU=Prefectural Association For JPKI,O=JPKI,C=JP';

const Result = {
  success: 0,
  compareFalse: 5,
  compareTrue: 6,
  undefinedAttributeType: 17,
  inappropriateMatching: 18,
  invalidAttributeSyntax: 21,
} as const;

const key = sampleKey('p256');
const certificateOf = (serialNumber: number, usage: 'cRLSign' | 'digitalSignature'): Uint8Array =>
  sampleCertificate(key, {
    serialNumber: BigInt(serialNumber),
    issuer: nameFromText(ISSUER),
    extensions: [buildKeyUsage([usage])],
  });
const certificate = certificateOf(SERIAL, 'cRLSign');
const pair = encodeCertificatePair({ issuedToThisCa: parseCertificate(certificate) });
const list = sampleList(key, sampleEntries(3), {
  issuer: nameFromText(ISSUER),
  thisUpdateMs: Date.UTC(2026, 1, 1),
  nextUpdateMs: Date.UTC(2026, 1, 4),
  extensions: [
    buildCrlNumber(7n),
    buildIssuingDistributionPoint({
      fullName: [{ kind: 'directoryName', name: nameFromText(`CN=CRL1,${ISSUER}`) }],
    }),
  ],
});

const line = (description: string, value: Uint8Array): string =>
  `${description}:: ${Buffer.from(value).toString('base64')}`;

function entry(cn: string, ...lines: readonly string[]): string {
  const classes = ['person', 'pkiUser', 'pkiCA'].map((name) => `objectClass: ${name}`);
  return [`dn: cn=${cn},${staff}`, ...classes, `cn: ${cn}`, 'sn: Sato', ...lines, ''].join('\n');
}

describe('certificate matching over LDAP', { skip: skipWithout('ldapsearch') }, () => {
  const certdir = new CertdirFolder({ after });
  let ldap: LdapTools;
  let ldaps: LdapTools;
  let administrator: LdapIdentity;

  const add = (input: string): Promise<number> =>
    ldaps.resultCode('ldapadd', [], { as: administrator, input });

  before(async () => {
    const report = await certdir.init();
    administrator = { dn: report.administratorDn, passwordFile: report.administratorPasswordFile };
    const server = await certdir.serve();
    const caFile = join(certdir.folder, 'tls/server.pem');
    ldap = new LdapTools({ url: server.ldapUrl, caFile });
    ldaps = new LdapTools({ url: server.ldapsUrl, caFile });
    const entries = [
      `dn: ${staff}\nobjectClass: organizationalUnit\nou: Staff\n`,
      entry(
        'holder',
        line('userCertificate;binary', certificate),
        line('crossCertificatePair;binary', pair),
        line('certificateRevocationList;binary', list),
      ),
      entry('other', line('userCertificate;binary', certificateOf(1, 'digitalSignature'))),
      entry('plain'),
    ];
    assert.equal(await add(entries.join('\n')), Result.success);
  });

  async function names(filter: string, base = staff): Promise<readonly string[]> {
    const found = await ldaps.search({
      base,
      scope: 'sub',
      filter,
      attributes: ['1.1'],
      as: administrator,
    });
    assert.equal(found.resultCode, Result.success, found.diagnostics);
    return found.entries.map(({ dn }) => dn);
  }

  describe('filters', () => {
    const exact = `{ serialNumber ${SERIAL}, issuer rdnSequence:"${ISSUER}" }`;
    const listExact = `{ issuer rdnSequence:"${ISSUER}", thisUpdate utcTime:"260201000000Z"`;
    const point = `distributionPoint fullName:{ directoryName:rdnSequence:"CN=CRL1,${ISSUER}" }`;
    const rows: readonly (readonly [filter: string, ...names: readonly string[]])[] = [
      [`(userCertificate=${exact})`, holder],
      [`(userCertificate=${SERIAL}$${ISSUER})`, holder],
      [`(userCertificate;binary=${SERIAL}$${ISSUER})`, holder],
      [`(2.5.4.36=${SERIAL}$${ISSUER.toLowerCase()})`, holder],
      [`(userCertificate=${SERIAL + 1}$${ISSUER})`],
      [`(userCertificate:=${exact})`, holder],
      [`(userCertificate:certificateExactMatch:=${exact})`, holder],
      [`(userCertificate:2.5.13.34:=${exact})`, holder],
      [`(userCertificate:dn:certificateExactMatch:=${exact})`, holder],
      [`(:certificateExactMatch:=${exact})`, holder],
      [`(:dn:2.5.13.34:=${exact})`, holder],
      ['(userCertificate:certificateMatch:={ keyUsage { cRLSign } })', holder],
      [`(userCertificate:certificateMatch:={ issuer rdnSequence:"${ISSUER}" })`, holder, other],
      ['(userCertificate:2.5.13.35:={ certificateValid utcTime:"270101000000Z" })', holder, other],
      ['(userCertificate:certificateMatch:={ certificateValid utcTime:"200101000000Z" })'],
      ['(userCertificate:dn:certificateMatch:={ serialNumber 1 })', other],
      ['(cACertificate:certificateMatch:={ serialNumber 1 })'],
      [`(crossCertificatePair={ issuedToThisCAAssertion ${exact} })`, holder],
      [`(crossCertificatePair={ issuedByThisCAAssertion ${exact} })`],
      [
        '(crossCertificatePair:certificatePairMatch:={ issuedToThisCAAssertion { keyUsage { cRLSign } } })',
        holder,
      ],
      [`(certificateRevocationList=${listExact} })`, holder],
      [`(certificateRevocationList=${listExact}, ${point} })`, holder],
      [`(certificateRevocationList=${listExact}, ${point.replace('CRL1', 'CRL2')} })`],
      ['(certificateRevocationList:certificateListMatch:={ minCRLNumber 7 })', holder],
      ['(certificateRevocationList:certificateListMatch:={ minCRLNumber 8 })'],
      [
        '(certificateRevocationList:2.5.13.39:={ dateAndTime generalizedTime:"20260203000000Z" })',
        holder,
      ],
      // Undefined is neither true nor, negated, true.
      ['(userCertificate=nonsense)'],
      ['(!(userCertificate=nonsense))'],
      ['(!(userCertificate:certificateMatch:={ nonsense 1 }))'],
      ['(!(sn:certificateMatch:={ serialNumber 1 }))'],
      ['(userCertificate>=1)'],
      ['(userCertificate=*1*)'],
      ['(&(cn=*)(!(userCertificate:certificateMatch:={ serialNumber 1 })))', holder, plain],
    ];
    for (const [filter, ...expected] of rows) {
      it(filter.replaceAll(ISSUER, '…'), async () => {
        assert.deepEqual([...(await names(filter))].sort(), [...expected].sort());
      });
    }

    it("anyone finds the CA by its certificate's subject", async () => {
      const found = await ldap.search({
        base: 'o=JPKI,c=JP',
        scope: 'sub',
        filter: `(cACertificate:certificateMatch:={ subject rdnSequence:"${CA}", keyUsage { keyCertSign } })`,
        attributes: ['1.1'],
      });
      assert.deepEqual(
        found.entries.map(({ dn }) => dn),
        [CA],
      );
    });
  });

  describe('ldapcompare', () => {
    const rows: readonly (readonly [assertion: string, code: number])[] = [
      [`userCertificate:${SERIAL}$${ISSUER}`, Result.compareTrue],
      [`userCertificate;binary:${SERIAL}$${ISSUER}`, Result.compareTrue],
      [`userCertificate:1$${ISSUER}`, Result.compareFalse],
      [
        `certificateRevocationList:{ issuer rdnSequence:"${ISSUER}", thisUpdate utcTime:"260201000000Z" }`,
        Result.compareTrue,
      ],
      ['userCertificate:nonsense', Result.invalidAttributeSyntax],
    ];
    for (const [assertion, code] of rows) {
      it(`${assertion.replaceAll(ISSUER, '…')}: ${code}`, async () => {
        const result = await ldaps.resultCode('ldapcompare', [holder, assertion], {
          as: administrator,
        });
        assert.equal(result, code);
      });
    }
  });

  describe(';binary', () => {
    it('is in every answer, asked for or not, and the value is what was added', async () => {
      for (const asked of ['userCertificate', 'userCertificate;binary', '2.5.4.36', '*']) {
        const { entries } = await ldaps.search({
          base: holder,
          attributes: [asked],
          as: administrator,
        });
        const attributes = entries[0]?.attributes;
        assert.deepEqual(attributes?.get('userCertificate;binary')?.[0], Buffer.from(certificate));
        assert.equal(attributes?.has('userCertificate'), false);
      }
    });

    it('left out of an add or modify is undefinedAttributeType', async () => {
      for (const [name, value] of [
        ['userCertificate', certificate],
        ['cACertificate', certificate],
        ['crossCertificatePair', pair],
        ['certificateRevocationList', list],
      ] as const) {
        assert.equal(await add(entry('x', line(name, value))), Result.undefinedAttributeType, name);
        const input = `dn: ${plain}\nchangetype: modify\nadd: ${name}\n${line(name, value)}\n`;
        const code = await ldaps.resultCode('ldapmodify', [], { as: administrator, input });
        assert.equal(code, Result.undefinedAttributeType, name);
      }
    });

    it('with bytes that are no such value is invalidAttributeSyntax', async () => {
      const garbage = [
        Uint8Array.of(0x30, 0),
        Buffer.from('garbage'),
        certificate.subarray(0, certificate.length - 1),
        Buffer.concat([certificate, Uint8Array.of(0)]),
      ];
      const names = ['userCertificate', 'crossCertificatePair', 'certificateRevocationList'];
      for (const name of names) {
        for (const value of garbage) {
          const code = await add(entry('x', line(`${name};binary`, value)));
          assert.equal(code, Result.invalidAttributeSyntax, `${name} ${value.length}`);
        }
      }
      // One kind is not another.
      const code = await add(entry('x', line('certificateRevocationList;binary', certificate)));
      assert.equal(code, Result.invalidAttributeSyntax);
    });
  });
});

/**
 * What we write, read by OpenSSL; what OpenSSL writes, read by us.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { formatHex } from '../../src/core/bytes.ts';
import { buildSubjectAltName } from '../../src/x509/alternative-name.ts';
import { buildBasicConstraints } from '../../src/x509/basic-constraints.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { parseCertificateList } from '../../src/x509/certificate-list.ts';
import { buildCertificatePolicies } from '../../src/x509/certificate-policies.ts';
import { buildCrlNumber } from '../../src/x509/crl-extensions.ts';
import { parseCertificationRequest, verifyProofOfPossession } from '../../src/x509/csr.ts';
import {
  buildCrlDistributionPoints,
  buildIssuingDistributionPoint,
} from '../../src/x509/distribution-point.ts';
import type { Extension } from '../../src/x509/extensions.ts';
import { fingerprint } from '../../src/x509/fingerprint.ts';
import { buildJpkiOtherNames, type JpkiSubject } from '../../src/x509/jpki-other-name.ts';
import {
  buildAuthorityKeyIdentifier,
  buildSubjectKeyIdentifier,
  computeKeyIdentifier,
} from '../../src/x509/key-identifier.ts';
import {
  buildExtendedKeyUsage,
  buildKeyUsage,
  buildNetscapeCertType,
  buildOcspNoCheck,
} from '../../src/x509/key-usage.ts';
import { formatName, nameFromText } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { runOpenssl } from '../support/openssl.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import {
  caCertificateFiles,
  crlFiles,
  readFixture,
  sampleCertificate,
  sampleEntries,
  sampleKey,
  sampleList,
  sampleRequest,
  sampleTimes,
} from '../support/x509-samples.ts';

const skip = skipWithout('openssl');
const nameOptions = 'RFC2253,-esc_msb,utf8';

/** The lines `name=value` of an OpenSSL listing. */
function listing(text: Buffer): ReadonlyMap<string, string> {
  const lines = text.toString().trimEnd().split('\n');
  return new Map(
    lines.map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

describe('real certificates and CRLs as OpenSSL reads them', { skip }, () => {
  for (const file of caCertificateFiles) {
    it(file, () => {
      const der = readFixture(`ca-certs/${file}`);
      const options = [
        '-noout',
        '-serial',
        '-subject',
        '-issuer',
        '-dates',
        '-nameopt',
        nameOptions,
      ];
      const facts = listing(runOpenssl(['x509', '-inform', 'DER', ...options], der));
      const certificate = parseCertificate(der);
      assert.equal(facts.get('subject'), formatName(certificate.subject));
      assert.equal(facts.get('issuer'), formatName(certificate.issuer));
      assert.equal(BigInt(`0x${facts.get('serial')}`), certificate.serialNumber);
      assert.equal(Date.parse(facts.get('notBefore') ?? ''), certificate.notBeforeMs);
      assert.equal(Date.parse(facts.get('notAfter') ?? ''), certificate.notAfterMs);
    });
  }

  for (const file of crlFiles) {
    it(file, () => {
      const der = readFixture(`crls/${file}`);
      const options = ['-noout', '-issuer', '-crlnumber', '-lastupdate', '-nextupdate'];
      const facts = listing(
        runOpenssl(['crl', '-inform', 'DER', ...options, '-nameopt', nameOptions], der),
      );
      const list = parseCertificateList(der);
      assert.equal(facts.get('issuer'), formatName(list.issuer));
      assert.equal(BigInt(facts.get('crlNumber') ?? ''), list.number);
      assert.equal(Date.parse(facts.get('lastUpdate') ?? ''), list.thisUpdateMs);
      assert.equal(Date.parse(facts.get('nextUpdate') ?? ''), list.nextUpdateMs);
    });
  }
});

describe('names that OpenSSL writes', { skip }, () => {
  const rows = [
    { subject: '/C=JP/O=JPKI/CN=a', text: 'CN=a,O=JPKI,C=JP' },
    { subject: '/O=Co., Ltd./CN=a+OU=b', text: 'CN=a+OU=b,O=Co.\\, Ltd.' },
    { subject: '/CN=#1 "x" <y>; \\\\', text: 'CN=\\#1 \\"x\\" \\<y\\>\\; \\\\' },
    { subject: '/CN=群馬 花子', text: 'CN=群馬 花子' },
    { subject: '/CN=a/emailAddress=a@b.jp', text: 'emailAddress=a@b.jp,CN=a' },
  ];
  for (const { subject, text } of rows) {
    it(text, async (t) => {
      const folder = temporaryFolder(t);
      const keyFile = join(folder, 'key.pem');
      const key = sampleKey('p256').privateKey.export({ format: 'pem', type: 'pkcs8' });
      writeFileSync(keyFile, key, { mode: 0o600 });
      const der = runOpenssl([
        'req',
        '-new',
        '-key',
        keyFile,
        '-outform',
        'DER',
        '-utf8',
        '-subj',
        subject,
      ]);
      const request = parseCertificationRequest(der);
      assert.equal(formatName(request.subject), text);
      assert.ok(await verifyProofOfPossession(request));
    });
  }
});

const key = sampleKey('rsa-2048');
const keyIdentifier = computeKeyIdentifier(key.spki);
const point = nameFromText('CN=Maebashi-shi CRLDP,OU=Gunma-ken,O=JPKI,C=JP');
const subject: JpkiSubject = {
  commonName: '群馬\u3000花子',
  dateOfBirth: '419900215',
  gender: '2',
  address: '群馬県前橋市大手町一丁目一番一号',
  substituteCharacterOfCommonName: '00000',
  substituteCharacterOfAddress: '0000000000000000',
};

describe('extensions: the bytes OpenSSL writes for the same setting', { skip }, () => {
  const section = '[point]\nC=JP\nO=JPKI\nOU=Gunma-ken\nCN=Maebashi-shi CRLDP\n';
  const rows: readonly { readonly setting: string; readonly ours: Extension; sections?: string }[] =
    [
      { setting: 'basicConstraints=critical,CA:TRUE', ours: buildBasicConstraints({ isCa: true }) },
      {
        setting: 'basicConstraints=CA:TRUE,pathlen:0',
        ours: buildBasicConstraints({ isCa: true, pathLength: 0 }, false),
      },
      {
        setting: 'basicConstraints=critical,CA:FALSE',
        ours: buildBasicConstraints({ isCa: false }),
      },
      {
        setting: 'keyUsage=critical,keyCertSign,cRLSign',
        ours: buildKeyUsage(['keyCertSign', 'cRLSign']),
      },
      { setting: 'keyUsage=critical,decipherOnly', ours: buildKeyUsage(['decipherOnly']) },
      { setting: 'extendedKeyUsage=OCSPSigning', ours: buildExtendedKeyUsage([Oid.ocspSigning]) },
      {
        setting: 'nsCertType=sslCA,objCA',
        ours: buildNetscapeCertType(['sslCa', 'objectSigningCa']),
      },
      { setting: 'noCheck=ignored', ours: buildOcspNoCheck() },
      { setting: 'subjectKeyIdentifier=hash', ours: buildSubjectKeyIdentifier(keyIdentifier) },
      {
        setting: 'authorityKeyIdentifier=keyid:always',
        ours: buildAuthorityKeyIdentifier({ keyIdentifier }),
      },
      {
        setting: 'crlDistributionPoints=dp\n[dp]\nfullname=dirName:point',
        sections: section,
        ours: buildCrlDistributionPoints([{ fullName: [{ kind: 'directoryName', name: point }] }]),
      },
      {
        setting:
          'crlDistributionPoints=dp\n[dp]\nfullname=URI:ldap://a\nCRLissuer=dirName:point\nreasons=keyCompromise,superseded',
        sections: section,
        ours: buildCrlDistributionPoints([
          {
            fullName: [{ kind: 'uri', text: 'ldap://a' }],
            reasons: new Set([1, 4]),
            crlIssuer: [{ kind: 'directoryName', name: point }],
          },
        ]),
      },
      {
        setting:
          'issuingDistributionPoint=critical,@idp\n[idp]\nfullname=URI:ldap://a\nonlyuser=TRUE',
        ours: buildIssuingDistributionPoint({
          fullName: [{ kind: 'uri', text: 'ldap://a' }],
          onlyContains: 'user',
        }),
      },
      {
        setting: 'issuingDistributionPoint=critical,@idp\n[idp]\nonlyAA=TRUE\nindirectCRL=TRUE',
        ours: buildIssuingDistributionPoint({ onlyContains: 'attribute', isIndirect: true }),
      },
      {
        setting:
          'certificatePolicies=1.2.392.200149.8.5.1.1.10,@pol\n[pol]\npolicyIdentifier=1.2.3.4\nCPS=http://example.jp/cps',
        ours: buildCertificatePolicies([
          { oid: '1.2.392.200149.8.5.1.1.10' },
          { oid: '1.2.3.4', cpsUri: 'http://example.jp/cps' },
        ]),
      },
      {
        setting: 'subjectAltName=DNS:a.jp,IP:127.0.0.1,IP:::1,email:a@b.jp,RID:1.2.3.4',
        ours: buildSubjectAltName([
          { kind: 'dnsName', text: 'a.jp' },
          { kind: 'ipAddress', bytes: Uint8Array.of(127, 0, 0, 1) },
          { kind: 'ipAddress', bytes: Uint8Array.of(...new Uint8Array(15), 1) },
          { kind: 'rfc822Name', text: 'a@b.jp' },
          { kind: 'registeredId', oid: '1.2.3.4' },
        ]),
      },
      {
        setting: 'subjectAltName=@jpki\n[jpki]',
        sections: [
          ['1', subject.commonName],
          ['4', subject.dateOfBirth],
          ['3', subject.gender],
          ['5', subject.address],
          ['2', subject.substituteCharacterOfCommonName],
          ['6', subject.substituteCharacterOfAddress],
        ]
          .map(([arc, text]) => `1.2.392.200149.8.5.5.${arc};FORMAT:UTF8,UTF8:${text}`)
          .map((value, index) => `otherName.${index + 1}=${value}\n`)
          .join(''),
        ours: buildSubjectAltName(buildJpkiOtherNames(subject)),
      },
    ];
  for (const { setting, sections, ours } of rows) {
    it(setting.split('\n')[0] ?? setting, (t) => {
      const folder = temporaryFolder(t);
      const keyFile = join(folder, 'key.pem');
      const configFile = join(folder, 'openssl.cnf');
      writeFileSync(keyFile, key.privateKey.export({ format: 'pem', type: 'pkcs8' }), {
        mode: 0o600,
      });
      const start = '[req]\ndistinguished_name=dn\nstring_mask=utf8only\nutf8=yes\n[dn]\n[ext]\n';
      writeFileSync(configFile, `${start}${setting}\n${sections ?? ''}`);
      const der = runOpenssl([
        'req',
        '-x509',
        '-new',
        '-key',
        keyFile,
        '-config',
        configFile,
        '-extensions',
        'ext',
        '-subj',
        '/CN=a',
        '-outform',
        'DER',
      ]);
      const theirs = parseCertificate(der).extensions.find(({ oid }) => oid === ours.oid);
      assert.equal(formatHex(theirs?.value ?? new Uint8Array(0)), formatHex(ours.value));
      assert.equal(theirs?.critical, ours.critical);
    });
  }
});

describe('what we write, as OpenSSL reads it', { skip }, () => {
  it('a certificate, verified and listed', (t) => {
    const folder = temporaryFolder(t);
    const der = sampleCertificate(key, {
      subject: nameFromText('CN=Sample CA,O=JPKI,C=JP'),
      extensions: [
        buildBasicConstraints({ isCa: true }),
        buildKeyUsage(['keyCertSign', 'cRLSign']),
        buildSubjectKeyIdentifier(keyIdentifier),
        buildSubjectAltName(buildJpkiOtherNames(subject)),
      ],
    });
    const file = join(folder, 'ca.pem');
    writeFileSync(file, encodePem('CERTIFICATE', der));
    const at = String(sampleTimes.notBeforeMs / 1000 + 60);
    const verified = runOpenssl(['verify', '-check_ss_sig', '-attime', at, '-CAfile', file, file]);
    assert.match(verified.toString(), /: OK/);
    const text = runOpenssl(['x509', '-in', file, '-noout', '-text']).toString();
    assert.match(text, /Version: 3/);
    assert.match(text, /othername: 1\.2\.392\.200149\.8\.5\.5\.4::419900215/i);
    const stated = runOpenssl([
      'x509',
      '-in',
      file,
      '-noout',
      '-fingerprint',
      '-sha256',
    ]).toString();
    assert.ok(stated.includes(fingerprint(der)));
  });

  const algorithms = [
    { type: 'rsa-2048', scheme: 'rsa-pkcs1' },
    { type: 'rsa-2048', scheme: 'rsa-pss' },
    { type: 'p256', scheme: 'ecdsa' },
    { type: 'p384', scheme: 'ecdsa' },
  ] as const;
  for (const { type, scheme } of algorithms) {
    for (const digest of ['sha256', 'sha384', 'sha512'] as const) {
      it(`a certificate and a CRL signed ${scheme} with ${digest} by ${type}`, (t) => {
        const folder = temporaryFolder(t);
        const signer = sampleKey(type);
        const algorithm = { scheme, digest };
        const caFile = join(folder, 'ca.pem');
        const pem = encodePem('CERTIFICATE', sampleCertificate(signer, { algorithm }));
        writeFileSync(caFile, pem);
        const at = String(sampleTimes.notBeforeMs / 1000 + 60);
        runOpenssl(['verify', '-check_ss_sig', '-attime', at, '-CAfile', caFile, caFile]);
        const list = sampleList(signer, sampleEntries(3), { algorithm });
        runOpenssl(['crl', '-inform', 'DER', '-CAfile', caFile, '-noout', '-verify'], list);
      });
    }
  }

  for (const count of [0, 1, 127, 128, 255, 256, 3000]) {
    it(`a CRL of ${count} entries`, () => {
      const list = sampleList(key, sampleEntries(count), {
        extensions: [
          buildCrlNumber(42n),
          buildAuthorityKeyIdentifier({ keyIdentifier }),
          buildIssuingDistributionPoint({
            fullName: [{ kind: 'directoryName', name: point }],
            onlyContains: 'user',
          }),
        ],
      });
      const text = runOpenssl(['crl', '-inform', 'DER', '-noout', '-text'], list).toString();
      assert.equal(text.match(/Serial Number:/g)?.length ?? 0, count);
      assert.equal(text.includes('No Revoked Certificates.'), count === 0);
      assert.match(text, /X509v3 CRL Number:\s+42\n/);
      assert.match(text, /X509v3 Issuing Distribution Point: critical/);
      assert.match(text, /Only User Certificates/);
      if (count > 1) {
        assert.match(text, /X509v3 CRL Reason Code:\s+Key Compromise/);
        assert.ok(!text.includes('Unspecified'));
      }
    });
  }

  it('a certification request', () => {
    const der = sampleRequest(key, {
      extensionRequest: [buildSubjectAltName([{ kind: 'dnsName', text: 'a.example' }])],
    });
    const text = runOpenssl(['req', '-inform', 'DER', '-noout', '-verify', '-text'], der);
    assert.match(text.toString(), /DNS:a\.example/);
  });
});

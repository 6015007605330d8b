import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  encodeExplicit,
  encodeInteger,
  encodeSequence,
  encodeTime,
} from '../../src/asn1/der-writer.ts';
import { concatBytes, formatHex } from '../../src/core/bytes.ts';
import { encodeSignatureAlgorithm } from '../../src/x509/algorithms.ts';
import { assembleSigned, maxSerialNumber } from '../../src/x509/certificate.ts';
import {
  buildSignedEnvelope,
  buildTbsCertificateList,
  encodeRevokedEntry,
  findRevokedEntry,
  parseCertificateList,
  type TbsCertificateList,
} from '../../src/x509/certificate-list.ts';
import {
  buildCrlNextPublish,
  buildCrlNumber,
  buildInvalidityDate,
} from '../../src/x509/crl-extensions.ts';
import {
  buildIssuingDistributionPoint,
  parseIssuingDistributionPoint,
} from '../../src/x509/distribution-point.ts';
import { encodeExtensions, findExtension } from '../../src/x509/extensions.ts';
import { parseAuthorityKeyIdentifier } from '../../src/x509/key-identifier.ts';
import { formatName, nameFromText } from '../../src/x509/name.ts';
import { Oid } from '../../src/x509/object-identifiers.ts';
import { verifySignature } from '../../src/x509/verify-signature.ts';
import {
  crlFiles,
  readFixture,
  sampleEntries,
  sampleKey,
  sampleList,
} from '../support/x509-samples.ts';

const refusal = (code: string): { name: string; code: string } => ({ name: 'X509Error', code });
const listRefusal = refusal('X509_CERTIFICATE_LIST');

describe('parseCertificateList of real CRLs', () => {
  const issuer =
    'OU=DHS CA4,OU=Certification Authorities,OU=Department of Homeland Security,O=U.S. Government';
  const facts: Readonly<
    Record<
      (typeof crlFiles)[number],
      { issuer: string; number: bigint; nextUpdate: string; point: string; keyOctets: number }
    >
  > = {
    'dhs-ca4-crl1249.crl': {
      issuer: `${issuer},C=US`,
      number: 10613n,
      nextUpdate: '2017-05-16T04:56:27Z',
      point: `CN=CRL1249,${issuer},C=US`,
      keyOctets: 20,
    },
    'dhs-ca4-crl1251.crl': {
      issuer: `${issuer},C=US`,
      number: 10607n,
      nextUpdate: '2017-05-16T04:56:27Z',
      point: `CN=CRL1251,${issuer},C=US`,
      keyOctets: 20,
    },
    'mock-dhs-ca4-crl1273.crl': {
      issuer: `${issuer},O=Mock,C=US`,
      number: 10410n,
      nextUpdate: '2019-04-18T15:06:47Z',
      point: `CN=CRL1273,${issuer},O=Mock,C=US`,
      keyOctets: 21,
    },
  };

  for (const file of crlFiles) {
    it(`${file}: fields and extensions`, () => {
      const der = readFixture(`crls/${file}`);
      const list = parseCertificateList(der);
      const fact = facts[file];
      assert.equal(list.version, 2);
      assert.equal(formatName(list.issuer), fact.issuer);
      assert.equal(list.thisUpdateMs, Date.parse('2017-05-15T10:56:27Z'));
      assert.equal(list.nextUpdateMs, Date.parse(fact.nextUpdate));
      assert.equal(list.number, fact.number);
      assert.equal(list.entryCount, 0);
      assert.deepEqual([...list.entries()], []);
      assert.deepEqual(
        list.extensions.map(({ oid, critical }) => [oid, critical]),
        [
          [Oid.issuingDistributionPoint, true],
          [Oid.crlNumber, false],
          [Oid.authorityKeyIdentifier, false],
        ],
      );
      const keyIdentifier = findExtension(list.extensions, Oid.authorityKeyIdentifier)?.value;
      const identifier = parseAuthorityKeyIdentifier(keyIdentifier ?? new Uint8Array(0));
      assert.equal(identifier.keyIdentifier?.length, fact.keyOctets);
      assert.deepEqual(assembleSigned(list.tbs, list.signatureAlgorithm, list.signature), der);
    });

    it(`${file}: issuing distribution point, and the same bytes when built again`, () => {
      const { extensions } = parseCertificateList(readFixture(`crls/${file}`));
      const value = extensions[0]?.value ?? new Uint8Array(0);
      const point = parseIssuingDistributionPoint(value);
      assert.equal(point.onlyContains, 'user');
      const [name, uri] = point.fullName ?? [];
      assert.ok(name?.kind === 'directoryName' && uri?.kind === 'uri');
      assert.equal(formatName(name.name), facts[file].point);
      assert.match(uri.text, /^ldap:\/\/.*\?certificateRevocationList$/);
      assert.deepEqual(buildIssuingDistributionPoint(point).value, value);
    });
  }
});

const key = sampleKey('p256');

describe('CRLs of ours', () => {
  for (const count of [1, 2, 126, 127, 128, 129, 254, 255, 256, 257]) {
    it(`${count} entries are written and read`, () => {
      const der = sampleList(key, sampleEntries(count));
      const list = parseCertificateList(der);
      assert.equal(list.entryCount, count);
      const serials = [...list.entries()].map(({ serialNumber }) => serialNumber);
      assert.deepEqual(
        serials,
        Array.from({ length: count }, (_none, index) => BigInt(index + 1)),
      );
      assert.equal(findRevokedEntry(list, BigInt(count))?.serialNumber, BigInt(count));
      assert.equal(findRevokedEntry(list, BigInt(count + 1)), undefined);
      const { tbs, signature } = list;
      assert.ok(
        verifySignature({ spki: key.spki, algorithm: key.algorithm, message: tbs, signature }),
      );
    });
  }

  it('RFC 5280 §5.1.2.6: an empty list has no revokedCertificates', () => {
    const list = parseCertificateList(sampleList(key, new Uint8Array(0)));
    assert.equal(list.entryCount, 0);
    const fields = concatBytes(
      encodeInteger(1),
      encodeSignatureAlgorithm(key.algorithm),
      list.issuer.der,
      encodeTime(list.thisUpdateMs),
      encodeTime(list.nextUpdateMs ?? 0),
      encodeExplicit(0, encodeExtensions([buildCrlNumber(7n)])),
    );
    assert.deepEqual(list.tbs, encodeSequence(fields));
  });

  it('an entry: serial number, time, reason and what stands in the list', () => {
    const revokedMs = Date.UTC(2026, 0, 5, 1, 2, 3);
    const entries = concatBytes(
      encodeRevokedEntry({ serialNumber: 0x80n, revokedMs, reason: 1 }),
      encodeRevokedEntry({ serialNumber: maxSerialNumber, revokedMs: Date.UTC(2050, 0, 1) }),
    );
    const [first, second] = [...parseCertificateList(sampleList(key, entries)).entries()];
    assert.equal(
      formatHex(first?.raw ?? new Uint8Array(0)),
      '302102020080170d3236303130353031303230335a300c300a0603551d1504030a0101',
    );
    assert.equal(first?.serialNumber, 0x80n);
    assert.equal(first.revocationMs, revokedMs);
    assert.equal(first.reason, 1);
    assert.equal(second?.serialNumber, maxSerialNumber);
    assert.equal(second.revocationMs, Date.UTC(2050, 0, 1));
    assert.equal('reason' in second, false);
  });

  it('a serial number is found whole, not by its beginning or end', () => {
    const entries = encodeRevokedEntry({ serialNumber: 0x123456n, revokedMs: 0 });
    const list = parseCertificateList(sampleList(key, entries));
    assert.equal(findRevokedEntry(list, 0x123456n)?.serialNumber, 0x123456n);
    for (const serialNumber of [0x56n, 0x3456n, 0x12n, 0x1234n, 0x1123456n]) {
      assert.equal(findRevokedEntry(list, serialNumber), undefined);
    }
  });

  it('RFC 5280 §5.3.1: the reason unspecified is not written', () => {
    const entry = { serialNumber: 1n, revokedMs: 0 };
    assert.deepEqual(encodeRevokedEntry({ ...entry, reason: 0 }), encodeRevokedEntry(entry));
  });

  it('an entry with more than a reason', () => {
    const further = buildInvalidityDate(Date.UTC(2026, 0, 1));
    const entries = concatBytes(
      encodeRevokedEntry({ serialNumber: 1n, revokedMs: 0, reason: 4, extensions: [further] }),
      encodeRevokedEntry({ serialNumber: 2n, revokedMs: 0, extensions: [further] }),
    );
    const list = parseCertificateList(sampleList(key, entries));
    assert.deepEqual(
      [...list.entries()].map(({ reason }) => reason),
      [4, undefined],
    );
    const cursor = list.cursor();
    assert.ok(cursor.next());
    assert.deepEqual(
      cursor.extensions.map(({ oid }) => oid),
      [Oid.reasonCode, Oid.invalidityDate],
    );
    assert.ok(cursor.next());
    assert.deepEqual(cursor.extensions, [further]);
    assert.equal(cursor.next(), false);
    assert.equal(cursor.next(), false);
  });

  it('an entry longer than 127 octets', () => {
    const long = { oid: '1.2.3', critical: false, value: new Uint8Array(300).fill(5) };
    const entries = encodeRevokedEntry({ serialNumber: 9n, revokedMs: 0, extensions: [long] });
    const list = parseCertificateList(sampleList(key, entries));
    assert.equal(list.entryCount, 1);
    assert.equal(findRevokedEntry(list, 9n)?.raw.length, entries.length);
  });

  const lengths = [127, 128, 255, 256, 65_535, 65_536];
  for (const target of lengths.slice(2)) {
    it(`a tbs whose content has ${target} octets`, () => {
      const entries = sampleEntries(1);
      const bare = parseCertificateList(sampleList(key, entries)).tbs.length - 3;
      const padding = { oid: '1.2.3', critical: false, value: new Uint8Array(0) };
      // Pads with an unknown extension until the content has the length wanted.
      for (let size = Math.max(0, target - bare - 40); ; size += 1) {
        const extensions = [buildCrlNumber(7n), { ...padding, value: new Uint8Array(size) }];
        const der = sampleList(key, entries, { extensions });
        const { tbs, entryCount } = parseCertificateList(der);
        const headerLength = target < 0x100 ? 3 : target < 0x10000 ? 4 : 5;
        if (tbs.length - headerLength === target) {
          assert.equal(entryCount, 1);
          break;
        }
        assert.ok(tbs.length - headerLength < target, 'the target was passed over');
      }
    });
  }

  for (const target of lengths) {
    it(`entries of ${target} octets together`, () => {
      const entry = encodeRevokedEntry({ serialNumber: 1n, revokedMs: 0 });
      assert.equal(entry.length, 20);
      // Entries of 20 octets, and one with a serial number that makes up the rest.
      const whole = Math.max(0, Math.floor(target / 20) - 1);
      const rest = target - whole * 20;
      const serialNumber = 1n << BigInt(8 * (rest - 20));
      const entries = concatBytes(
        ...Array.from({ length: whole }, () => entry),
        encodeRevokedEntry({ serialNumber, revokedMs: 0 }),
      );
      assert.equal(entries.length, target);
      const list = parseCertificateList(sampleList(key, entries));
      assert.equal(list.entryCount, whole + 1);
      assert.deepEqual(list.entryBytes, entries);
    });
  }

  it('head, entries and tail in pieces are the CRL', () => {
    const entries = sampleEntries(3);
    const fields: TbsCertificateList = {
      issuer: nameFromText('CN=Sample CA,O=JPKI,C=JP'),
      algorithm: key.algorithm,
      thisUpdateMs: Date.UTC(2026, 0, 6),
      nextUpdateMs: Date.UTC(2026, 0, 9),
      extensions: [buildCrlNumber(1n), buildCrlNextPublish(Date.UTC(2026, 0, 7))],
      entriesLength: entries.length,
    };
    const parts = buildTbsCertificateList(fields);
    const signature = new Uint8Array(71).fill(0x30);
    const around = buildSignedEnvelope(parts.length, key.algorithm, signature);
    const der = concatBytes(around.head, parts.head, entries, parts.tail, around.tail);
    const list = parseCertificateList(der);
    assert.equal(list.entryCount, 3);
    assert.equal(list.tbs.length, parts.length);
    assert.deepEqual(
      der,
      assembleSigned(list.tbs, encodeSignatureAlgorithm(key.algorithm), signature),
    );
  });
});

describe('CRLs that are not written', () => {
  const fields: TbsCertificateList = {
    issuer: nameFromText('CN=a'),
    algorithm: key.algorithm,
    thisUpdateMs: 1000,
    nextUpdateMs: 2000,
    extensions: [buildCrlNumber(1n)],
    entriesLength: 0,
  };
  it('nextUpdate at thisUpdate', () => {
    const change = { nextUpdateMs: 1000 };
    assert.throws(() => buildTbsCertificateList({ ...fields, ...change }), listRefusal);
  });
  it('nextUpdate that is no time', () => {
    const change = { nextUpdateMs: Number.NaN };
    assert.throws(() => buildTbsCertificateList({ ...fields, ...change }), listRefusal);
  });
  it('thisUpdate before 1950', () => {
    const change = { thisUpdateMs: Date.UTC(1949, 0, 1) };
    assert.throws(() => buildTbsCertificateList({ ...fields, ...change }), listRefusal);
  });
  it('no extensions', () => {
    const change = { extensions: [] };
    assert.throws(
      () => buildTbsCertificateList({ ...fields, ...change }),
      refusal('X509_EXTENSION'),
    );
  });
  for (const serialNumber of [0n, -1n, maxSerialNumber + 1n]) {
    it(`an entry with the serial number ${serialNumber}`, () => {
      assert.throws(() => encodeRevokedEntry({ serialNumber, revokedMs: 0 }), listRefusal);
    });
  }
  it('an entry with the reason 7', () => {
    assert.throws(
      () => encodeRevokedEntry({ serialNumber: 1n, revokedMs: 0, reason: 7 }),
      refusal('X509_EXTENSION'),
    );
  });
});

describe('CRLs that are refused', () => {
  const algorithm = encodeSignatureAlgorithm(key.algorithm);
  const name = nameFromText('CN=a').der;
  const extensions = encodeExplicit(0, encodeExtensions([buildCrlNumber(1n)]));
  const head = [algorithm, name, encodeTime(0), encodeTime(1000)];
  const signed = (...fields: readonly Uint8Array[]): Uint8Array =>
    assembleSigned(encodeSequence(...fields), algorithm, Uint8Array.of(1));
  const version = encodeInteger(1);
  const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
  const withEntries = (entries: string): Uint8Array =>
    signed(version, ...head, encodeSequence(hex(entries)), extensions);
  const time = '170d3236303130353030303030305a';

  it('takes version 1 and a list without nextUpdate', () => {
    assert.equal(parseCertificateList(signed(...head)).version, 1);
    const list = parseCertificateList(signed(version, ...head.slice(0, 3), extensions));
    assert.equal(list.nextUpdateMs, undefined);
  });

  it('takes the entry that the refused ones differ from', () => {
    assert.equal(parseCertificateList(withEntries(`3012020101${time}`)).entryCount, 1);
  });

  const refused = [
    { why: 'nothing', der: new Uint8Array(0) },
    { why: 'version 1 spelt out', der: signed(encodeInteger(0), ...head) },
    { why: 'version 3', der: signed(encodeInteger(2), ...head, extensions) },
    { why: 'extensions in version 1', der: signed(...head, extensions) },
    { why: 'revokedCertificates without entries', der: withEntries('') },
    { why: 'an entry that is no SEQUENCE', der: withEntries(`3112020101${time}`) },
    { why: 'a serial number that is no INTEGER', der: withEntries(`30120a0101${time}`) },
    { why: 'an entry cut short', der: withEntries(`3013020101${time}`) },
    { why: 'an entry without a time', der: withEntries('3003020101') },
    { why: 'an entry with an empty serial number', der: withEntries(`30110200${time}`) },
    { why: 'a serial number with a needless 00', der: withEntries(`301302020001${time}`) },
    { why: 'a serial number with a needless FF', der: withEntries(`30130202ff80${time}`) },
    { why: 'a length that is not minimal', der: withEntries(`308112020101${time}`) },
    { why: 'an indefinite length', der: withEntries(`3080020101${time}0000`) },
    { why: 'a serial number that reaches into the time', der: withEntries(`3012020401${time}`) },
    {
      why: 'a serial number of 4097 octets',
      der: withEntries(`3082101402821001${'11'.repeat(4097)}${time}`),
    },
    { why: '30 February', der: withEntries('3012020101170d3236303233303030303030305a') },
    {
      why: 'a GeneralizedTime before 2050',
      der: withEntries('3014020101180f32303236303130353030303030305a'),
    },
    {
      why: 'something behind the list of extensions',
      der: signed(version, ...head, extensions, encodeInteger(1)),
    },
    {
      why: 'two signature algorithms (§5.1.1.2)',
      der: assembleSigned(
        encodeSequence(version, ...head, extensions),
        encodeSignatureAlgorithm({ scheme: 'ecdsa', digest: 'sha384' }),
        Uint8Array.of(1),
      ),
    },
  ];
  for (const { why, der } of refused) {
    it(why, () => {
      assert.throws(() => parseCertificateList(der), listRefusal);
    });
  }

  const refusedExtensions = [
    { why: 'an entry with an empty list of extensions', entries: `3014020101${time}3000` },
    { why: 'an entry with the reason 7', entries: `3020020101${time}300c300a0603551d1504030a0107` },
    {
      why: 'an entry with a reason of two octets',
      entries: `3021020101${time}300d300b0603551d1504040a020001`,
    },
    {
      why: 'an entry with a reason twice',
      entries: `302c020101${time}3018300a0603551d1504030a0101300a0603551d1504030a0101`,
    },
    { why: 'an entry with something else behind the time', entries: `3014020101${time}0500` },
  ];
  for (const { why, entries } of refusedExtensions) {
    it(why, () => {
      assert.throws(() => parseCertificateList(withEntries(entries)), refusal('X509_EXTENSION'));
    });
  }
});

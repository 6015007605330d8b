import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { formatHex } from '../../src/core/bytes.ts';
import {
  buildCrlDistributionPoints,
  buildIssuingDistributionPoint,
  type DistributionPoint,
  type IssuingDistributionPoint,
  parseCrlDistributionPoints,
  parseIssuingDistributionPoint,
} from '../../src/x509/distribution-point.ts';
import type { GeneralName } from '../../src/x509/general-name.ts';
import { nameFromText } from '../../src/x509/name.ts';

const refusal = { name: 'X509Error', code: 'X509_EXTENSION' };
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const japan: GeneralName = { kind: 'directoryName', name: nameFromText('C=JP') };
const japanHex = 'a40f300d310b3009060355040613024a50';
const uri: GeneralName = { kind: 'uri', text: 'ldap://a' };

describe('cRLDistributionPoints, RFC 5280 §4.2.1.13', () => {
  const rows: readonly {
    readonly why: string;
    readonly points: readonly DistributionPoint[];
    readonly value: string;
  }[] = [
    {
      why: 'a directoryName, as JPKI writes it',
      points: [{ fullName: [japan] }],
      value: `30173015a013a011${japanHex}`,
    },
    {
      why: 'a directoryName and a URI',
      points: [{ fullName: [japan, uri] }],
      value: `3021301fa01da01b${japanHex}86086c6461703a2f2f61`,
    },
    {
      why: 'reasons and a CRL issuer',
      points: [{ fullName: [uri], reasons: new Set([1, 4]), crlIssuer: [japan] }],
      value: `30273025a00ca00a86086c6461703a2f2f6181020348a211${japanHex}`,
    },
    {
      why: 'a CRL issuer alone',
      points: [{ crlIssuer: [japan] }],
      value: `30153013a211${japanHex}`,
    },
    {
      why: 'two points',
      points: [{ fullName: [uri] }, { fullName: [uri] }],
      value: '3020300ea00ca00a86086c6461703a2f2f61300ea00ca00a86086c6461703a2f2f61',
    },
  ];
  for (const { why, points, value } of rows) {
    it(why, () => {
      const built = buildCrlDistributionPoints(points);
      assert.equal(formatHex(built.value), value);
      assert.equal(built.critical, false);
      assert.deepEqual(parseCrlDistributionPoints(built.value), points);
    });
  }

  it('a name relative to the CRL issuer is read and not written', () => {
    const value = hex('3011300fa00da10b3009060355040613024a50');
    const points = parseCrlDistributionPoints(value);
    assert.deepEqual(
      points.map(({ relativeName }) => relativeName?.map((pair) => pair.value)),
      [['JP']],
    );
    assert.throws(() => buildCrlDistributionPoints(points), refusal);
  });

  it('nothing, or a point of nothing, is not written', () => {
    assert.throws(() => buildCrlDistributionPoints([]), refusal);
    assert.throws(() => buildCrlDistributionPoints([{}]), refusal);
    assert.throws(() => buildCrlDistributionPoints([{ fullName: [] }]), refusal);
    assert.throws(() => buildCrlDistributionPoints([{ reasons: new Set([1]) }]), refusal);
  });

  for (const { why, value } of [
    { why: 'an empty list', value: '3000' },
    { why: 'two names in one point', value: '300e300ca00aa003820161a003820161' },
    {
      why: 'a relative name and another name',
      value: '30163014a012a10b3009060355040613024a50a003820161',
    },
    { why: 'a name that is no GeneralName', value: '30083006a004a0020500' },
    { why: 'a name of no alternative', value: '30083006a004a2020500' },
    { why: 'fields out of order', value: '3014301281020348a00ca00a86086c6461703a2f2f61' },
  ]) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parseCrlDistributionPoints(hex(value)), refusal);
    });
  }
});

describe('issuingDistributionPoint, RFC 5280 §5.2.5', () => {
  const rows: readonly {
    readonly why: string;
    readonly point: IssuingDistributionPoint;
    readonly value: string;
  }[] = [
    {
      why: 'a partition of end-entity certificates',
      point: { fullName: [japan], onlyContains: 'user' },
      value: `3018a013a011${japanHex}8101ff`,
    },
    { why: 'an ARL', point: { onlyContains: 'ca' }, value: '30038201ff' },
    { why: 'attribute certificates', point: { onlyContains: 'attribute' }, value: '30038501ff' },
    {
      why: 'some reasons, indirect',
      point: { onlyContains: 'user', onlySomeReasons: new Set([1]), isIndirect: true },
      value: '300a8101ff830206408401ff',
    },
    {
      why: 'attribute certificates, indirect: the flags in the order of the syntax',
      point: { onlyContains: 'attribute', isIndirect: true },
      value: '30068401ff8501ff',
    },
  ];
  for (const { why, point, value } of rows) {
    it(why, () => {
      const built = buildIssuingDistributionPoint(point);
      assert.equal(formatHex(built.value), value);
      assert.equal(built.critical, true);
      assert.deepEqual(parseIssuingDistributionPoint(built.value), point);
    });
  }

  it('the same name has the same bytes in certificate and CRL', () => {
    const point = { fullName: [japan, uri] };
    const inCertificate = formatHex(buildCrlDistributionPoints([point]).value);
    const inList = formatHex(buildIssuingDistributionPoint(point).value);
    assert.equal(inCertificate.slice(4), inList);
  });

  it('nothing is not written', () => {
    assert.throws(() => buildIssuingDistributionPoint({}), refusal);
    assert.throws(() => buildIssuingDistributionPoint({ isIndirect: false }), refusal);
  });

  it('a flag that is spelt out as false is read', () => {
    assert.deepEqual(parseIssuingDistributionPoint(hex('30068101008201ff')), {
      onlyContains: 'ca',
    });
  });

  for (const { why, value } of [
    { why: 'two kinds of certificates only', value: '30068101ff8201ff' },
    { why: 'flags out of order', value: '30068401ff8101ff' },
    { why: 'a flag twice', value: '30068101ff8101ff' },
    { why: 'a flag of two octets', value: '30048102ffff' },
    { why: 'an unknown field', value: '30038601ff' },
  ]) {
    it(`refuses ${why}`, () => {
      assert.throws(() => parseIssuingDistributionPoint(hex(value)), refusal);
    });
  }
});

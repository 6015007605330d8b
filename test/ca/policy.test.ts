import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'node:test';
import { placeholdersIn, renderName } from '../../src/ca/policy/name-template.ts';
import {
  keyTypeOf,
  loadPolicy,
  shippedPolicyFile,
  signatureAlgorithmOf,
} from '../../src/ca/policy/policy.ts';
import { formatName } from '../../src/x509/name.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const file = shippedPolicyFile('gunma');
const text = readFileSync(file, 'utf8');

describe('the policy of Gunma', async () => {
  const policy = await loadPolicy(file);

  it('has the figures of the statement', () => {
    assert.equal(policy.crl.periodHours, 24);
    assert.equal(policy.crl.validityHours, 72);
    assert.deepEqual(policy.revocation, {
      reasons: [
        'keyCompromise',
        'cACompromise',
        'affiliationChanged',
        'superseded',
        'cessationOfOperation',
      ],
      hold: 'never',
    });
    assert.equal(policy.profiles['end-entity']?.validity?.years, 3);
    assert.equal(policy.profiles['self-signed']?.validity?.years, 10);
    assert.equal(policy.keys.authority.renewAfterYears, 5);
    assert.equal(policy.utcOffsetMs, 9 * 3_600_000);
    assert.equal(policy.policyIdentifiers['subscriber']?.production, '1.2.392.200149.8.5.1.1.10');
    assert.equal(policy.policyIdentifiers['ocsp-responder']?.test, '1.2.392.200149.8.5.1.0.300');
  });

  it('brings its municipalities and its base tree', () => {
    assert.equal(policy.municipalities.list.length, 35);
    assert.equal(basename(policy.baseTreeFile), 'gunma.ldif');
  });

  it('can be copied alone', async (t) => {
    const copy = join(temporaryFolder(t), 'policy.yaml');
    writeFileSync(copy, text);
    const copied = await loadPolicy(copy);
    assert.equal(copied.municipalities.list.length, 35);
    assert.equal(copied.baseTreeFile, policy.baseTreeFile);
  });

  it('prefers a file beside it over the shipped one', async (t) => {
    const folder = temporaryFolder(t);
    const copy = join(folder, 'policy.yaml');
    writeFileSync(copy, text);
    writeFileSync(join(folder, 'gunma.ldif'), '');
    assert.equal((await loadPolicy(copy)).baseTreeFile, join(folder, 'gunma.ldif'));
  });
});

describe('a policy is refused', () => {
  const rows: readonly {
    readonly why: string;
    readonly from: string | RegExp;
    readonly to: string;
    /** What the message must name. */
    readonly names: readonly string[];
  }[] = [
    {
      why: 'with an unknown key',
      from: 'utcOffset:',
      to: 'timeZone: Asia/Tokyo\nutcOffset:',
      names: ['timeZone', 'unknown key', 'utcOffset'],
    },
    {
      why: 'with a reason that does not exist',
      from: 'reasons: [keyCompromise,',
      to: 'reasons: [keyCompromised,',
      names: ['revocation.reasons.0', 'keyCompromise', '"keyCompromised"'],
    },
    {
      why: 'with removeFromCRL, which only a delta list may carry',
      from: 'reasons: [keyCompromise,',
      to: 'reasons: [removeFromCRL,',
      names: ['revocation.reasons.0'],
    },
    {
      why: 'whose lists are valid for no longer than the period',
      from: 'validityHours: 72',
      to: 'validityHours: 24',
      names: ['crl.validityHours', 'found 24'],
    },
    {
      why: 'whose warning comes with every list',
      from: 'warningAgeHours: 26',
      to: 'warningAgeHours: 24',
      names: ['crl.warningAgeHours'],
    },
    {
      why: 'that publishes at once for a reason it does not know',
      from: 'atOnceReasons: [cACompromise]',
      to: 'atOnceReasons: [privilegeWithdrawn]',
      names: ['crl.atOnceReasons.0'],
    },
    {
      why: 'whose alarm comes when the list has lapsed',
      from: 'alarmAgeHours: 36',
      to: 'alarmAgeHours: 72',
      names: ['crl.alarmAgeHours'],
    },
    {
      why: 'whose period is no whole number',
      from: 'periodHours: 24',
      to: 'periodHours: 23.5',
      names: ['crl.periodHours'],
    },
    {
      why: 'with a signature that the key cannot make',
      from: 'signature: rsa-pkcs1-sha256',
      to: 'signature: ecdsa-sha256',
      names: ['keys.authority.signature', 'rsa-2048'],
    },
    {
      why: 'that never renews its key',
      from: 'renewAfterYears: 5',
      to: 'renewForLongest: false',
      names: ['keys.authority.renewAfterYears', 'renewForLongest'],
    },
    {
      why: 'that renews its key when the certificate has ended',
      from: 'renewAfterYears: 5',
      to: 'renewAfterYears: 10',
      names: ['keys.authority.renewAfterYears', '10 years'],
    },
    {
      why: 'whose certificates live as long as the key that issues them',
      from: /renewAfterYears: 5([\s\S]*?)validity: \{ years: 10/,
      to: 'renewForLongest: true$1validity: { years: 5',
      names: ['keys.authority.renewForLongest', '5 years'],
    },
    {
      why: 'with two profiles of link certificates',
      from: /( {2}link)(: [\s\S]*?)( {2}cross:)/,
      to: '$1$2$1-2$2$3',
      names: ['profiles'],
    },
    {
      why: 'whose key may not sign the cross certificates of a profile',
      from: 'certificates: [self-signed, link, cross, end-entity]',
      to: 'certificates: [self-signed, link, end-entity]',
      names: ['keys.authority.certificates', 'cross'],
    },
    {
      why: 'with a peer that gets no cross certificate',
      from: /(name: OU=BridgeCA[^\n]*\n\s*profile: )cross/,
      to: '$1end-entity',
      names: ['cross.peers.bca.profile', 'of kind cross: cross'],
    },
    {
      why: 'with a peer of its own name',
      from: /name: OU=BridgeCA[^\n]*/,
      to: 'name: OU=Gunma Prefectural CA,O=JPKI,C=JP',
      names: ['cross.peers.bca.name', 'another name'],
    },
    {
      why: 'that wants a policy of a peer that nobody knows',
      from: /policies: \[cross\]\n(\s*leastPathLength)/,
      to: 'policies: [bridge]\n$1',
      names: ['cross.peers.bca.received.policies', 'policyIdentifiers'],
    },
    {
      why: 'that maps a policy that nobody knows',
      from: 'critical: true, policies: [cross] } # 1-2',
      to: 'critical: true, policies: [cross] }\n      - { type: policyMappings, critical: true, mappings: [{ issuer: cross, subject: theirs }] }',
      names: ['mappings', 'subject', 'policyIdentifiers'],
    },
    {
      why: 'with constraints that say nothing',
      from: 'critical: true, policies: [cross] } # 1-2',
      to: 'critical: true, policies: [cross] }\n      - { type: policyConstraints, critical: true }',
      names: ['requireExplicitPolicy'],
    },
    {
      why: 'with name constraints that verifiers may pass over (RFC 5280 4.2.1.10)',
      from: 'critical: true, policies: [cross] } # 1-2',
      to: 'critical: true, policies: [cross] }\n      - { type: nameConstraints, critical: false, permitted: [{ dnsName: a.jp }] }',
      names: ['critical'],
    },
    {
      why: 'with a name constraint that is no name',
      from: 'critical: true, policies: [cross] } # 1-2',
      to: 'critical: true, policies: [cross] }\n      - { type: nameConstraints, critical: true, permitted: [{ directoryName: nowhere }] }',
      names: ['permitted', 'no name'],
    },
    {
      why: 'whose key may not sign the link certificates of a profile',
      from: 'certificates: [self-signed, link, cross, end-entity]',
      to: 'certificates: [self-signed, cross, end-entity]',
      names: ['profiles', 'link'],
    },
    {
      why: 'whose link certificates have a validity of their own',
      from: 'begins: { oldWithNew: old-key, newWithOld: new-key }',
      to: 'validity: { years: 5, beyondIssuer: shorten }',
      names: ['profiles.link'],
    },
    {
      why: 'whose link certificates are revoked on a list of subscribers',
      from: /kind: link\n {4}scope: arl/,
      to: 'kind: link\n    scope: operations',
      names: ['profiles.link.scope', 'arl'],
    },
    {
      why: 'with a newer key that is certified from before it was made',
      from: 'newWithOld: new-key',
      to: 'newWithOld: old-key',
      names: ['profiles.link.begins.newWithOld'],
    },
    {
      why: 'with a kind of characters that does not exist',
      from: 'characterKinds: []',
      to: 'characterKinds: [vowel]',
      names: ['passwords.characterKinds.0', 'upperCase', '"vowel"'],
    },
    {
      why: 'that takes passwords of seven characters',
      from: 'minCharacters: 12',
      to: 'minCharacters: 7',
      names: ['passwords.minCharacters', 'found 7'],
    },
    {
      why: 'whose passwords are always about to end',
      from: 'warningDays: 14',
      to: 'warningDays: 180',
      names: ['passwords.ageing.warningDays', 'maxAgeDays'],
    },
    {
      why: 'whose longest delay is shorter than the first',
      from: 'firstSeconds: 1',
      to: 'firstSeconds: 301',
      names: ['passwords.delays.maxSeconds', 'firstSeconds'],
    },
    {
      why: 'with a key that is too short',
      from: 'type: rsa-2048 #',
      to: 'type: rsa-1024 #',
      names: ['keys.authority.type', 'rsa-2048', '"rsa-1024"'],
    },
    {
      why: 'with SHA-1',
      from: 'rsa-pkcs1-sha256',
      to: 'rsa-pkcs1-sha1',
      names: ['keys.authority.signature'],
    },
    {
      why: 'with a profile in a scope that is not there',
      from: /scope: municipality$/m,
      to: 'scope: city',
      names: ['profiles.end-entity.scope', 'municipality'],
    },
    {
      why: 'with a CA certificate in a list of user certificates',
      from: 'scope: arl',
      to: 'scope: operations',
      names: ['profiles.self-signed.scope', 'arl'],
    },
    {
      why: 'with a user certificate in the ARL',
      from: 'scope: operations',
      to: 'scope: arl',
      names: ['profiles.ocsp-responder.scope', 'operations'],
    },
    {
      why: 'with a service certificate in a municipality',
      from: 'scope: operations',
      to: 'scope: municipality',
      names: ['profiles.ocsp-responder.scope', 'operations'],
    },
    {
      why: 'with an unknown placeholder',
      from: 'CN={issueId},L={municipality}',
      to: 'CN={id},L={municipality}',
      names: ['profiles.end-entity.subject', '{issueId}'],
    },
    {
      why: 'with a municipality in the name of a service',
      from: 'CN=OCSP Responder {issueId}',
      to: 'CN=OCSP Responder {municipality}',
      names: ['profiles.ocsp-responder.subject'],
    },
    {
      why: 'with one distribution point for all municipalities',
      from: 'CN={municipality} CRLDP',
      to: 'CN=All CRLDP',
      names: ['crl.scopes.2.distributionPoint', '{municipality}'],
    },
    {
      why: 'with an issuer that is no name',
      from: 'issuer: OU=Gunma Prefectural CA,O=JPKI,C=JP',
      to: 'issuer: Gunma Prefectural CA',
      names: ['names.issuer', 'OU=Example CA'],
    },
    {
      why: 'with a country that is no PrintableString',
      from: 'issuer: OU=Gunma Prefectural CA,O=JPKI,C=JP',
      to: 'issuer: OU=Gunma Prefectural CA,O=JPKI,C=日本',
      names: ['names.issuer'],
    },
    {
      why: 'with a policy identifier that is none',
      from: 'production: 1.2.392.200149.8.5.1.1.10',
      to: 'production: 1.2.392.200149.8.5.01.1.10',
      names: ['policyIdentifiers.subscriber.production', '1.2.392.200149.8.5.01.1.10'],
    },
    {
      why: 'with a policy that is not listed',
      from: 'policies: [subscriber]',
      to: 'policies: [citizen]',
      names: ['extensions.3.policies.0', 'subscriber', '"citizen"'],
    },
    {
      why: 'with an extension twice',
      from: '{ type: ocspNoCheck, critical: false }',
      to: '{ type: cRLDistributionPoints, critical: false }',
      names: ['profiles.ocsp-responder.extensions.6.type'],
    },
    {
      why: 'with an unknown extension',
      from: 'type: ocspNoCheck',
      to: 'type: ocspNocheck',
      names: ['extensions.6.type', 'ocspNoCheck', '"ocspNocheck"'],
    },
    {
      why: 'with the attributes of a person in the certificate of a service',
      from: '{ type: ocspNoCheck, critical: false }',
      to: '{ type: subjectAltName, critical: false, content: subjectAttributes }',
      names: ['profiles.ocsp-responder.extensions.6.content'],
    },
    {
      why: 'without the alternative name that an extension needs',
      from: '  issuerAlternative: OU=群馬県知事,O=公的個人認証サービス,C=JP\n',
      to: '',
      names: ['profiles.end-entity.extensions.5.content', 'names.issuerAlternative'],
    },
    {
      why: 'with two scopes of one id',
      from: '- { id: arl, partition: authority }',
      to: '- { id: operations, partition: authority }',
      names: ['crl.scopes.1.id'],
    },
    {
      why: 'without a scope for CA certificates',
      from: '- { id: arl, partition: authority }',
      to: '- { id: arl, partition: single, distributionPoint: CN=x }',
      names: ['crl.scopes', 'authority'],
    },
    {
      why: 'with a full list that has a distribution point',
      from: '{ id: arl, partition: authority }',
      to: '{ id: arl, partition: authority }\n    - { id: full, partition: full, distributionPoint: CN=x }',
      names: ['crl.scopes.1.distributionPoint'],
    },
    {
      why: 'with numbered lists that never end',
      from: '{ id: arl, partition: authority }',
      to: '{ id: arl, partition: authority }\n    - { id: crl, partition: count, distributionPoint: "CN=CRL{number}" }',
      names: ['crl.scopes.1.opens'],
    },
    {
      why: 'with numbered lists that share a point',
      from: '{ id: arl, partition: authority }',
      to: '{ id: arl, partition: authority }\n    - { id: crl, partition: count, opens: { entries: 9 }, distributionPoint: CN=CRL }',
      names: ['crl.scopes.1.distributionPoint', 'number'],
    },
    {
      why: 'with lists by an attribute that is not named',
      from: '{ id: arl, partition: authority }',
      to: '{ id: arl, partition: authority }\n    - { id: at, partition: attribute, distributionPoint: "CN={value}" }',
      names: ['crl.scopes.1.by'],
    },
    {
      why: 'with values where nobody names one',
      from: '{ id: arl, partition: authority }',
      to: '{ id: arl, partition: authority }\n    - { id: at, partition: attribute, by: profile, values: [a], distributionPoint: "CN={value}" }',
      names: ['crl.scopes.1.values'],
    },
    {
      why: 'with a list whose id could be a numbered one',
      from: '{ id: arl, partition: authority }',
      to: '{ id: arl, partition: authority }\n    - { id: crl-2, partition: single, distributionPoint: CN=2 }\n    - { id: crl, partition: count, opens: { entries: 9 }, distributionPoint: "CN={number}" }',
      names: ['crl.scopes.1.id'],
    },
    {
      why: 'with a closed list that certificates go into',
      from: '    - id: operations\n',
      to: '    - id: operations\n      closed: true\n',
      names: ['crl.scopes.1.closed', 'ocsp-responder'],
    },
    {
      why: 'with a path that the repository has itself',
      from: '{ id: arl, partition: authority }',
      to: '{ id: arl, partition: authority, httpPaths: [/crl/arl.crl] }',
      names: ['crl.scopes.0.httpPaths'],
    },
    {
      why: 'with a right that does not exist',
      from: 'rights: [manage]',
      to: 'rights: [own]',
      names: ['access.0.rights.0', 'manage', '"own"'],
    },
    {
      why: 'with a rule for a kind of caller that does not exist',
      from: 'who: { kind: self }',
      to: 'who: { kind: everyone }',
      names: ['access.1.who.kind', 'anyone', '"everyone"'],
    },
    {
      why: 'with names published of a profile that there is not (mic 2.6.1)',
      from: 'clauses: clauses/gunma.yaml',
      to: 'publishedNames: [servers]',
      names: ['publishedNames.0', 'end-entity', '"servers"'],
    },
    {
      why: 'with clauses in itself instead of in a file',
      from: 'clauses: clauses/gunma.yaml',
      to: 'clauses: []',
      names: ['clauses', 'clauses/gunma.yaml'],
    },
    {
      why: 'with one digit for original and substitute',
      from: 'substitute: "1"',
      to: 'substitute: "0"',
      names: ['subjectAttributes.substituteFlags.substitute'],
    },
    {
      why: 'with a gender that is no digit',
      from: '"3": unknown',
      to: 'x: unknown',
      names: ['subjectAttributes.genders'],
    },
    {
      why: 'with records that two classes cover (gunma 4-12-2-2)',
      from: 'covers: [lists, accessJournal]',
      to: 'covers: [lists, accessJournal, certificates]',
      names: ['retention.archive.covers.2', 'issuedCertificates'],
    },
    {
      why: 'with records that no class covers (gunma 4-12-2-2)',
      from: 'covers: [lists, accessJournal]',
      to: 'covers: [lists]',
      names: ['retention', 'accessJournal'],
    },
    {
      why: 'with a kind of records that is none',
      from: 'covers: [lists, accessJournal]',
      to: 'covers: [lists, accessJournals]',
      names: ['retention.archive.covers.1', 'accessJournal'],
    },
    {
      why: 'with an audit log kept by certificates that says nowhere when it leaves the store',
      from: 'covers: [auditRecords], years: 1',
      to: 'covers: [auditRecords], years: 10, from: certificateEnd',
      names: ['retention.auditLog.onLineWeeks'],
    },
    {
      why: 'with a retention of no time',
      from: 'covers: [auditRecords], years: 1',
      to: 'covers: [auditRecords], years: 0',
      names: ['retention.auditLog.years'],
    },
    {
      why: 'whose delta lists come no sooner than full ones (RFC 5280 §5.2.4)',
      from: 'nextPublish: true',
      to: 'delta: { periodHours: 24, validityHours: 30 }\n  nextPublish: true',
      names: ['crl.delta.periodHours', 'found 24'],
    },
    {
      why: 'whose delta lists would lapse before the next',
      from: 'nextPublish: true',
      to: 'delta: { periodHours: 4, validityHours: 4 }\n  nextPublish: true',
      names: ['crl.delta.validityHours', 'found 4'],
    },
    {
      why: 'with freshestCRL and no delta lists (RFC 5280 §4.2.1.15)',
      from: /(end-entity:[\s\S]*?)- \{ type: cRLDistributionPoints/,
      to: '$1- { type: freshestCRL, critical: false }\n      - { type: cRLDistributionPoints',
      names: ['profiles.end-entity.extensions.6', 'crl.delta'],
    },
    {
      why: 'with freshestCRL in certificates of the ARL, which has no delta lists',
      from: /- \{ type: cRLDistributionPoints([\s\S]*?)nextPublish: true/,
      to:
        '- { type: freshestCRL, critical: false }\n      - { type: cRLDistributionPoints$1' +
        'delta: { periodHours: 4, validityHours: 12 }\n  nextPublish: true',
      names: ['profiles.self-signed.extensions.4', "users' certificates"],
    },
    {
      why: 'of another format version',
      from: 'formatVersion: 1',
      to: 'formatVersion: 2',
      names: ['formatVersion', 'found 2'],
    },
  ];
  for (const { why, from, to, names } of rows) {
    it(why, async (t) => {
      const changed = text.replace(from, to);
      assert.notEqual(changed, text, 'the row changes nothing');
      const path = join(temporaryFolder(t), 'policy.yaml');
      writeFileSync(path, changed);
      await assert.rejects(loadPolicy(path), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'CONFIG_INVALID');
        for (const name of names) {
          assert.ok(error.message.includes(name), `${name} is not in: ${error.message}`);
        }
        return true;
      });
    });
  }
});

describe('key types and signatures', () => {
  it('are said in the words of the signer', () => {
    assert.deepEqual(keyTypeOf('rsa-3072'), { kind: 'rsa', modulusBits: 3072 });
    assert.deepEqual(keyTypeOf('ec-p384'), { kind: 'ec', curve: 'P-384' });
    assert.deepEqual(signatureAlgorithmOf('rsa-pss-sha384'), {
      scheme: 'rsa-pss',
      digest: 'sha384',
    });
    assert.deepEqual(signatureAlgorithmOf('ecdsa-sha256'), { scheme: 'ecdsa', digest: 'sha256' });
  });
});

describe('a name template', () => {
  it('escapes what is filled in', () => {
    const name = renderName('CN={municipality} CRLDP,C=JP', { municipality: 'A+B, "C"' }, ['C']);
    assert.equal(formatName(name), 'CN=A\\+B\\, \\"C\\" CRLDP,C=JP');
  });

  it('writes PrintableString where asked and UTF8String elsewhere', () => {
    const name = renderName('CN=a,O=b,C=JP', {}, ['C', 'O']);
    assert.deepEqual(
      name.rdns.map(([pair]) => pair?.stringTag),
      [0x13, 0x13, 0x0c],
    );
  });

  it('tells its placeholders, unknown ones too', () => {
    assert.deepEqual(placeholdersIn('CN={issueId}{x},L={municipality}{issueId}'), [
      'issueId',
      'x',
      'municipality',
    ]);
  });
});

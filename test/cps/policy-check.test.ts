import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { loadPolicy, type Policy, shippedPolicyFile } from '../../src/ca/policy/policy.ts';
import { policyJsonSchema } from '../../src/ca/policy/policy-json-schema.ts';
import { packageRoot } from '../../src/config/package-root.ts';
import { isCertdirError } from '../../src/core/errors.ts';
import { checkPolicy } from '../../src/cps/policy-check.ts';
import { writableOperators } from '../../src/cps/writable-operators.ts';
import { Schema } from '../../src/directory/schema/schema.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const presets = readdirSync(join(packageRoot, 'cps'))
  .filter((name) => name.endsWith('.yaml') && !name.startsWith('municipalities'))
  .map((name) => name.slice(0, -'.yaml'.length));

describe('checking a policy', () => {
  for (const preset of presets) {
    it(`finds nothing wrong with ${preset}, which is shipped`, async () => {
      const report = await checkPolicy(shippedPolicyFile(preset));
      assert.equal(report.id, preset);
      assert.ok(report.lists > 0);
      const { clauses } = await loadPolicy(shippedPolicyFile(preset));
      assert.equal(report.clauses > 0, clauses !== undefined);
    });
  }

  it('warns of what can be run and should not', async () => {
    const { warnings } = await checkPolicy(shippedPolicyFile('mic-ops'));
    // 7.1.1 and 7.1.3 print a keyUsage that is not critical.
    assert.deepEqual(warnings, [
      'profile self-signed: keyUsage is not critical (key-usage-critical)',
      'profile code-signing: keyUsage is not critical (key-usage-critical)',
    ]);
  });

  const text = readFileSync(shippedPolicyFile('gunma'), 'utf8');
  const faults: readonly (readonly [string, string | RegExp, string, RegExp])[] = [
    ['a value', 'periodHours: 24', 'periodHours: 0', /:\d+:\d+: crl\.periodHours/],
    ['an unknown setting', 'crl:\n', 'crl:\n  periodDays: 1\n', /crl.*unknown key/s],
    [
      'an attribute that no schema has',
      '      - cACertificate\n',
      '      - caCertificates\n',
      /:\d+:\d+: access\.\d+/,
    ],
    [
      'a tree of its own that the base tree has not',
      '  baseTree: gunma.ldif\n',
      '  baseTree: gunma.ldif\n  subtrees: ["OU=Gunma Prefectural CA,O=JPKI,C=JP", "OU=Elsewhere,C=JP"]\n',
      /:\d+:\d+: directory\.subtrees.*OU=Elsewhere,C=JP.*gunma\.ldif/,
    ],
    [
      'a profile whose certificates the linter refuses',
      '- { type: cRLDistributionPoints, critical: false }',
      '- { type: cRLDistributionPoints, critical: true }',
      /:\d+:\d+: profiles\.self-signed: never-critical: .*departures/,
    ],
    [
      'a departure from no rule',
      '    kind: self-signed\n',
      '    kind: self-signed\n    departures: { no-such-rule: it is said so }\n',
      /:\d+:\d+: profiles\.self-signed\.departures\.no-such-rule/,
    ],
    [
      'a legacy algorithm',
      'signature: rsa-pkcs1-sha256',
      'signature: rsa-pkcs1-sha1',
      /:\d+:\d+: keys\.authority\.signature.*allowLegacyAlgorithms/,
    ],
    [
      'a field that stands nowhere',
      '    kind: subscriber\n',
      '    kind: subscriber\n    fields: { nickname: { maxCharacters: 9 } }\n',
      /:\d+:\d+: profiles\.end-entity\.fields\.nickname/,
    ],
    [
      'a list without a place in the base tree',
      'CN={municipality} CRLDP,OU={prefecture},',
      'CN={municipality} CRLDP,OU=Elsewhere,OU={prefecture},',
      /:\d+:\d+: crl\.scopes.*gunma\.ldif/,
    ],
  ];
  for (const [name, from, to, message] of faults) {
    it(`says where ${name} stands and what is allowed`, async (t) => {
      const file = join(temporaryFolder(t), 'policy.yaml');
      const wrong = text.replace(from, to);
      assert.notEqual(wrong, text);
      writeFileSync(file, wrong);
      await assert.rejects(checkPolicy(file), (error) => {
        assert.ok(isCertdirError(error));
        assert.equal(error.code, 'CONFIG_INVALID');
        assert.match(error.message, message);
        return true;
      });
    });
  }

  describe('warns of lists that no rule lets anybody read', () => {
    const withDelta = text.replace(
      'scopes:\n    - { id: arl',
      'delta: { periodHours: 4, validityHours: 12 }\n  scopes:\n    - { id: arl',
    );
    const rows: readonly (readonly [why: string, policy: string, from: RegExp, found: RegExp[]])[] =
      [
        ['none, with delta lists', withDelta, /(?!)/, []],
        [
          'a delta list that the rule for its full list does not name',
          withDelta,
          /, deltaRevocationList(?=\]\n {4}rights: \[read, search, compare\]\n {2}# 2-6-3)/,
          [/^crl\.scopes\.operations: .*deltaRevocationList of CN=Operations CRLDP/],
        ],
        [
          'delta lists for verifiers',
          withDelta,
          /, deltaRevocationList(?=\]\n {4}tls)/,
          [/^crl\.scopes\.municipality: .*deltaRevocationList/],
        ],
        [
          'full lists, by a rule for entries of another class',
          text,
          /entry: "CN=Operations CRLDP[^"]*"/,
          [/^crl\.scopes\.operations: .*certificateRevocationList/],
        ],
        ['the ARL', text, / {6}- authorityRevocationList\n/, [/^crl\.scopes\.arl: /]],
      ];
    for (const [why, policy, from, found] of rows) {
      it(why, async (t) => {
        const file = join(temporaryFolder(t), 'policy.yaml');
        const other =
          'subtree: "OU=Gunma Prefectural CA,O=JPKI,C=JP", entryClass: certdirPartition';
        const changed = policy.replace(from, (was) => (was.startsWith('entry:') ? other : ''));
        assert.equal(changed === policy, found.length === 0);
        writeFileSync(file, changed);
        const { warnings } = await checkPolicy(file);
        assert.equal(warnings.length, found.length, warnings.join('\n'));
        for (const [index, pattern] of found.entries()) {
          assert.match(warnings[index] ?? '', pattern);
        }
      });
    }
  });

  describe('warns of operators who write operators’ accounts over LDAP', () => {
    const subtree = 'OU=Operators,OU=Gunma Prefectural CA,O=JPKI,C=JP';
    const reading = `    target: { subtree: "${subtree}" }\n    tls: true\n    rights: [read, search, compare]\n`;
    const hidden = `  - who: { kind: anyone }\n    target: { subtree: "${subtree}" }\n    rights: []\n`;
    const manager = /^access\.4: lets manager write accounts below OU=Operators,/;
    const repository = /^access\.\d+: lets repositoryOperator write/;
    const rows: readonly (readonly [why: string, from: string, to: string, found: RegExp[]])[] = [
      ['who manage them', reading, reading.replace('read, search, compare', 'manage'), [manager]],
      ['who write', reading, reading.replace('read, search, compare', 'read, write'), [manager]],
      ['who add', reading, reading.replace('read, search, compare', 'add'), [manager]],
      [
        'one attribute',
        reading,
        reading.replace(
          '    rights: [read,',
          '    attributes: [certdirOperatorRole]\n    rights: [write,',
        ),
        [manager],
      ],
      [
        'of one entry',
        reading,
        reading.replace('subtree: "', 'entry: "CN=administrator,').replace('[read', '[write'),
        [manager],
      ],
      ['who manage what is above', hidden, '', [repository]],
      [
        'behind a rule for one attribute',
        hidden,
        hidden.replace('    rights', '    attributes: [cn]\n    rights'),
        [repository],
      ],
      [
        'behind a rule for TLS',
        hidden,
        hidden.replace('    rights', '    tls: true\n    rights'),
        [repository],
      ],
      [
        'behind a rule for some entries',
        hidden,
        hidden.replace(' }\n    rights', ', filter: "(cn=a)" }\n    rights'),
        [repository],
      ],
      ['everybody', hidden, hidden.replace('[]', '[write]'), [/^access\.7: lets all write/]],
      [
        'none: who write elsewhere',
        reading,
        reading.replaceAll('Operators', 'Verifiers').replace('read', 'write, read'),
        [],
      ],
      ['none: hidden by what is above', hidden, hidden.replace('OU=Operators,', ''), []],
    ];
    for (const [why, from, to, found] of rows) {
      it(why, async (t) => {
        const file = join(temporaryFolder(t), 'policy.yaml');
        assert.equal(text.split(from).length, 2, 'the row fits the file');
        writeFileSync(file, text.replace(from, to));
        const warnings = (await checkPolicy(file)).warnings.filter((one) =>
          one.startsWith('access.'),
        );
        assert.equal(warnings.length, found.length, warnings.join('\n'));
        for (const [index, pattern] of found.entries()) {
          assert.match(warnings[index] ?? '', pattern);
        }
      });
    }

    it('none where a policy does not speak of people', async () => {
      const { access, directory, people } = await loadPolicy(shippedPolicyFile('gunma'));
      const open = access.filter(({ who }) => who.kind === 'operator');
      const schema = await Schema.load(join(packageRoot, 'schema'));
      const found = (policy: Pick<Policy, 'people'>): number =>
        writableOperators({ access: open, directory, ...policy }, schema).length;
      assert.deepEqual([found({ people }), found({ people: undefined })], [1, 0]);
    });
  });

  it('comes with a JSON Schema for editors that is what the program reads', () => {
    const shipped = readFileSync(join(packageRoot, 'cps/policy.schema.json'), 'utf8');
    const now = `${JSON.stringify(policyJsonSchema(), undefined, 2)}\n`;
    assert.equal(shipped, now, 'run: certdir cps schema > cps/policy.schema.json');
    assert.match(text, /^# yaml-language-server: \$schema=policy\.schema\.json$/m);
  });
});

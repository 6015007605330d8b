/**
 * A policy put to the test without a CA: what its file says (`ca/policy/policy-schema.ts`), and what that comes to
 * with the schema and the base tree, which a CA would otherwise find out when it is made.
 *
 * @module
 */

import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { certificateLintRules } from '../ca/lint/lint.ts';
import { tryProfiles } from '../ca/lint/profile-trial.ts';
import { legacyWarnings } from '../ca/policy/legacy-algorithms.ts';
import { loadPolicy, type Policy } from '../ca/policy/policy.ts';
import { compileProfiles } from '../ca/policy/profile.ts';
import { Scopes } from '../ca/policy/scope.ts';
import { ConfigError } from '../config/errors.ts';
import { packageRoot } from '../config/package-root.ts';
import { locateInYamlFile } from '../config/yaml-file.ts';
import { isCertdirError } from '../core/errors.ts';
import { formatFindings } from '../core/lint-rule.ts';
import { AccessPolicy } from '../directory/access/access.ts';
import { AccessRuleError } from '../directory/access/rule-items.ts';
import { parseLdif } from '../directory/ldif/ldif-reader.ts';
import { Dn } from '../directory/names/dn.ts';
import { Schema } from '../directory/schema/schema.ts';
import { assertSettings, loadStatement } from './statement.ts';
import { unreadLists } from './unread-lists.ts';
import { writableOperators } from './writable-operators.ts';

export interface PolicyCheckReport {
  readonly id: string;
  readonly title: string;
  readonly statement: string;
  readonly profiles: number;
  readonly lists: number;
  readonly accessRules: number;
  /** What can be run and should not: algorithms no longer safe, lists nobody may read, accounts of operators
   * that operators write over LDAP, profiles RFC 5280 advises against. */
  readonly warnings: readonly string[];
  /** Carried by the software, and outside it. */
  readonly clauses: number;
  readonly outside: number;
}

/**
 * Checks a policy file.
 *
 * @throws {ConfigError} `CONFIG_UNREADABLE`, `CONFIG_SYNTAX`, `CONFIG_INVALID`: every fault of the file with its
 *   place, or the first that shows with schema and base tree.
 */
export async function checkPolicy(file: string): Promise<PolicyCheckReport> {
  const policy = await loadPolicy(file);
  const schema = await Schema.load(join(packageRoot, 'schema'));
  const profileWarnings = await checkProfiles(file, policy);
  await checkAccess(file, policy, schema);
  const scopes = new Scopes(policy);
  await checkBaseTree(file, policy, { schema, scopes });
  const clauses = await loadStatement(policy);
  if (clauses !== undefined) {
    await assertSettings(policy, clauses);
  }
  const { statement } = policy;
  return {
    id: policy.id,
    title: `${policy.title.ja} (${policy.title.en})`,
    statement: `${statement.title}, ${statement.version}, ${statement.date}`,
    profiles: Object.keys(policy.profiles).length,
    lists: scopes.list.length,
    accessRules: policy.access.length,
    warnings: [
      ...legacyWarnings(policy),
      ...unreadLists(policy, scopes, schema),
      ...writableOperators(policy, schema),
      ...profileWarnings,
    ],
    clauses: clauses?.clauses.length ?? 0,
    outside: clauses?.outside.length ?? 0,
  };
}

/**
 * A certificate of each profile is put together and held against the linter.
 *
 * @returns what the linter warns of.
 */
async function checkProfiles(file: string, policy: Policy): Promise<readonly string[]> {
  const known = new Set(certificateLintRules.map(({ id }) => id));
  const warnings: string[] = [];
  const keys = { issuer: newPublicKey(), subject: newPublicKey() };
  for (const trial of tryProfiles(policy, compileProfiles(policy), keys)) {
    const { profile, findings, idleDepartures } = trial;
    const unknown = idleDepartures.find((rule) => !known.has(rule));
    if (unknown !== undefined) {
      const where = await locateInYamlFile(file, ['profiles', profile, 'departures', unknown]);
      throw new ConfigError('CONFIG_INVALID', `${where}: is no rule of the linter (docs/lint.md)`);
    }
    const errors = findings.filter(({ severity }) => severity === 'error');
    if (errors.length > 0) {
      const where = await locateInYamlFile(file, ['profiles', profile]);
      const remedy = 'change the profile, or name the rule under departures with the reason';
      throw new ConfigError('CONFIG_INVALID', `${where}: ${formatFindings(errors)}; ${remedy}`);
    }
    warnings.push(
      ...findings.map(({ rule, message }) => `profile ${profile}: ${message} (${rule})`),
      ...idleDepartures.map((rule) => `profile ${profile} does not need the departure ${rule}`),
    );
  }
  return warnings;
}

/** Of nobody: its private half is not kept. */
function newPublicKey(): Uint8Array {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
}

async function checkAccess(file: string, { access }: Policy, schema: Schema): Promise<void> {
  try {
    AccessPolicy.compile(access, schema);
  } catch (error) {
    if (!(error instanceof AccessRuleError)) {
      throw error;
    }
    const where = await locateInYamlFile(file, ['access', error.ruleNumber - 1]);
    throw new ConfigError('CONFIG_INVALID', `${where}: ${error.problem}`, { cause: error });
  }
}

/** Entries that the CA makes need their parents; those that people stand below are there themselves. */
async function checkBaseTree(
  file: string,
  policy: Policy,
  { schema, scopes }: { readonly schema: Schema; readonly scopes: Scopes },
): Promise<void> {
  const present = await namesIn(policy.baseTreeFile, schema);
  const { suffix, verifiers, operators } = policy.directory;
  const own = scopes.list.filter(({ definition }) => definition.distributionPoint !== undefined);
  const needed: readonly (readonly [setting: readonly string[], dn: Dn | undefined])[] = [
    [['directory', 'suffix'], Dn.parse(suffix, schema)],
    [['directory', 'verifiers'], verifiers === undefined ? undefined : Dn.parse(verifiers, schema)],
    [['directory', 'operators'], Dn.parse(operators, schema)],
    [['names', 'issuer'], Dn.parse(policy.names.issuer, schema)],
    ...(policy.directory.subtrees ?? []).map(
      (text) => [['directory', 'subtrees'], Dn.parse(text, schema)] as const,
    ),
    ...own.map(({ dn }) => [['crl', 'scopes'], Dn.parse(dn, schema).parent()] as const),
  ];
  for (const [setting, dn] of needed) {
    if (dn !== undefined && !present.has(keyOf(dn))) {
      const where = await locateInYamlFile(file, setting);
      throw new ConfigError(
        'CONFIG_INVALID',
        `${where}: ${dn.text} is not in ${policy.baseTreeFile}; add the entry there, or name another`,
      );
    }
  }
}

async function namesIn(baseTree: string, schema: Schema): Promise<ReadonlySet<string>> {
  try {
    const records = parseLdif(await readFile(baseTree));
    return new Set(records.map(({ dn }) => keyOf(Dn.parse(dn, schema))));
  } catch (cause) {
    const reason = isCertdirError(cause) || cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError('CONFIG_INVALID', `${baseTree}: ${reason}`, { cause });
  }
}

function keyOf(dn: Dn): string {
  return Buffer.from(dn.key).toString('hex');
}

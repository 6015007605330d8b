/**
 * What a changed policy means for what a CA has issued and published under the one before it: every
 * setting that differs, what it comes to, and whether the CA could go on with it at all.
 *
 * Not here: what the store says (`authority-opening.ts` refuses there what is refused here, by the records).
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import type { Policy } from './policy.ts';
import { type Scope, Scopes } from './scope.ts';

/**
 * What a change comes to.
 *
 * `breaks`: certificates that were issued, or lists that they point to, would no longer be served.
 * `issued-from-now`: what is issued from now on is different; what was issued stays as it is.
 * `next-key`: nothing changes before the CA's key is renewed.
 * `at-once`: the running of the CA, its lists or its access changes with the next start.
 * `text`: words and references alone.
 */
export type PolicyEffect = 'breaks' | 'next-key' | 'issued-from-now' | 'at-once' | 'text';

export interface PolicyChange {
  /** The setting, as `crl.periodHours`; of lists `crl.scopes` and the list's id. */
  readonly path: string;
  /** As JSON; undefined when it was not there. */
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly effect: PolicyEffect;
  readonly meaning: string;
}

interface Rule {
  /** The setting or everything below it; `*` stands for one name. */
  readonly path: string;
  readonly effect: PolicyEffect;
  readonly meaning: string;
  /** Further condition on the change. */
  readonly when?: (before: unknown, after: unknown) => boolean;
}

const isRemoved = (_before: unknown, after: unknown): boolean => after === undefined;
const isLess = (before: unknown, after: unknown): boolean => Number(after) < Number(before);

/** The first rule that fits decides. */
const rules: readonly Rule[] = [
  { path: 'id', effect: 'breaks', meaning: 'the records of the CA are kept under its id' },
  {
    path: 'names.issuer',
    effect: 'breaks',
    meaning: 'a CA keeps its name: it is the issuer in every certificate and list',
  },
  {
    path: 'directory.suffix',
    effect: 'breaks',
    meaning: 'the entries that certificates point to stand below it',
  },
  {
    path: 'directory.verifiers',
    effect: 'breaks',
    meaning: 'registered verifiers stand below it, and would lose their access',
  },
  {
    path: 'directory.operators',
    effect: 'breaks',
    meaning: 'the operators stand below it, and would lose their rights',
  },
  {
    path: 'directory.subtrees',
    effect: 'at-once',
    meaning: 'beside other CAs, where its access rules hold and whose accounts they mean',
  },
  {
    path: 'directory.baseTree',
    effect: 'text',
    meaning: 'is read when the CA is made, not again',
  },
  {
    path: 'revocation.reasons',
    effect: 'breaks',
    meaning: 'a list that has an entry with this reason would be stopped by the publish gate',
    when: isRemoved,
  },
  {
    path: 'revocation.hold',
    effect: 'at-once',
    meaning: 'which certificates can be held; what is held now stays held until it is decided',
  },
  {
    path: 'keys.authority',
    effect: 'next-key',
    meaning: 'the key in use was made for what the policy said then',
  },
  {
    path: 'allowLegacyAlgorithms',
    effect: 'issued-from-now',
    meaning: 'whether SHA-1 and RSA-1024 can be chosen',
  },
  { path: 'keys.subject', effect: 'issued-from-now', meaning: 'keys that are accepted' },
  {
    path: 'profiles.*.scope',
    effect: 'issued-from-now',
    meaning: 'certificates that were issued stay in the list that they name',
  },
  {
    path: 'profiles.*.kind',
    effect: 'issued-from-now',
    meaning: 'no such certificates any more, nor renewals of them; those that were issued stay',
    when: isRemoved,
  },
  {
    path: 'profiles.*.delivery',
    effect: 'issued-from-now',
    meaning: 'whether certificates wait for their delivery; those that wait now go on waiting',
  },
  {
    path: 'profiles.*.validity',
    effect: 'issued-from-now',
    meaning:
      'how long certificates live; older keys retire when what they may have issued has ended',
  },
  { path: 'profiles', effect: 'issued-from-now', meaning: 'what certificates look like' },
  {
    path: 'policyIdentifiers',
    effect: 'issued-from-now',
    meaning: 'the identifiers that certificates carry',
  },
  { path: 'environment', effect: 'issued-from-now', meaning: 'the identifiers that are used' },
  { path: 'names', effect: 'issued-from-now', meaning: 'how names are written' },
  { path: 'subjectAttributes', effect: 'issued-from-now', meaning: 'what requests may hold' },
  {
    path: 'crl.validityHours',
    effect: 'at-once',
    meaning: 'with each next list; one that is out keeps its nextUpdate',
  },
  {
    path: 'crl.delta',
    effect: 'at-once',
    meaning: 'delta lists come out no more; certificates may point to them (freshestCRL)',
    when: isRemoved,
  },
  { path: 'crl', effect: 'at-once', meaning: 'with each next list' },
  {
    path: 'ocsp',
    effect: 'at-once',
    meaning: 'OCSP is no longer answered; certificates may point to it',
    when: isRemoved,
  },
  { path: 'ocsp', effect: 'at-once', meaning: 'with each next answer' },
  {
    path: 'cross.peers.*.name',
    effect: 'breaks',
    meaning: 'a peer keeps its name: the records of what was exchanged are for it',
    when: (before) => before !== undefined,
  },
  {
    path: 'cross',
    effect: 'issued-from-now',
    meaning: 'whom certificates are exchanged with, and what theirs have to say',
  },
  { path: 'repository', effect: 'at-once', meaning: 'where things are on the Web' },
  {
    path: 'deliveries.*.keys',
    effect: 'breaks',
    meaning: 'certificates that wait for their delivery could be neither delivered nor discarded',
    when: isRemoved,
  },
  {
    path: 'deliveries',
    effect: 'issued-from-now',
    meaning:
      'how keys are made and handed over; what was ordered before is handed over as it was made',
  },
  {
    path: 'notices.kinds',
    effect: 'at-once',
    meaning: 'notices of this kind are no longer taken, those under way included',
    when: isRemoved,
  },
  { path: 'notices', effect: 'at-once', meaning: 'what certificates are revoked for ex officio' },
  {
    path: 'onlineRevocation',
    effect: 'at-once',
    meaning: 'what subscribers can have revoked on line, with their key',
  },
  {
    path: 'verifierKinds',
    effect: 'at-once',
    meaning: 'verifiers of this kind lose their access',
    when: isRemoved,
  },
  { path: 'verifierKinds', effect: 'at-once', meaning: 'who can be registered' },
  {
    path: 'access',
    effect: 'at-once',
    meaning: 'who may see and do what; certdir acl explain says it for one',
  },
  {
    path: 'people.roles',
    effect: 'at-once',
    meaning: 'operators with this role alone may do nothing any more',
    when: isRemoved,
  },
  {
    path: 'people.requests',
    effect: 'at-once',
    meaning: 'requests under way go on by the steps as they are now',
  },
  { path: 'people', effect: 'at-once', meaning: 'who may do what, with the next act' },
  {
    path: 'publishedNames',
    effect: 'at-once',
    meaning: 'whose names the repository shows',
  },
  { path: 'passwords', effect: 'at-once', meaning: 'with the next password that is set' },
  {
    path: 'retention.*.years',
    effect: 'at-once',
    meaning: 'records may be removed earlier than those who made them were told',
    when: isLess,
  },
  { path: 'retention', effect: 'at-once', meaning: 'how long records are kept' },
  { path: 'audit', effect: 'at-once', meaning: 'who reviews and removes records' },
  { path: 'keeping', effect: 'at-once', meaning: 'when operators are reminded' },
  { path: 'utcOffset', effect: 'at-once', meaning: 'where days begin and end' },
  { path: 'title', effect: 'text', meaning: 'a title' },
  { path: 'statement', effect: 'text', meaning: 'the statement that is followed' },
  { path: 'clauses', effect: 'text', meaning: 'the conformance report' },
  { path: 'formatVersion', effect: 'text', meaning: 'how the file is read' },
];

/** What is compared by what it means instead of by its text. */
const comparedOtherwise = new Set([
  'municipalities',
  'utcOffsetMs',
  'baseTreeFile',
  'clausesFile',
  'crl.scopes',
]);

/**
 * Compares two policies.
 *
 * @returns Every setting that differs, those that break something first.
 */
export function comparePolicies(before: Policy, after: Policy): readonly PolicyChange[] {
  const [old, now] = [flatten(before), flatten(after)];
  const changes: PolicyChange[] = [];
  for (const path of new Set([...old.keys(), ...now.keys()])) {
    const pair = [old.get(path), now.get(path)] as const;
    if (JSON.stringify(pair[0]) !== JSON.stringify(pair[1])) {
      changes.push(changeOf(path, ...pair));
    }
  }
  changes.push(...compareScopes(new Scopes(before), new Scopes(after)));
  changes.push(...compareDefinitions(before, after));
  const isBreaking = ({ effect }: PolicyChange): number => (effect === 'breaks' ? 0 : 1);
  return changes.sort((left, right) => isBreaking(left) - isBreaking(right));
}

function changeOf(path: string, before: unknown, after: unknown): PolicyChange {
  const rule = rules.find((one) => fits(one.path, path) && (one.when?.(before, after) ?? true));
  return {
    path,
    before: toText(before),
    after: toText(after),
    effect: rule?.effect ?? 'at-once',
    meaning: rule?.meaning ?? 'with the next start',
  };
}

/** Whether somebody has said what changes of a section come to. */
export function isSectionKnown(section: string): boolean {
  return rules.some(({ path }) => path.split('.')[0] === section) || comparedOtherwise.has(section);
}

function fits(pattern: string, path: string): boolean {
  const names = path.split('.');
  return pattern.split('.').every((name, index) => name === '*' || name === names[index]);
}

/** Settings by path: lists of plain values by their members, other lists whole. */
function flatten(policy: Policy): ReadonlyMap<string, unknown> {
  const settings = new Map<string, unknown>();
  const walk = (path: string, value: unknown): void => {
    if (comparedOtherwise.has(path)) {
      return;
    }
    if (Array.isArray(value) && value.every((one) => typeof one === 'string')) {
      for (const one of value) {
        settings.set(`${path}.${one}`, one);
      }
    } else if (isRecord(value)) {
      for (const [name, inner] of Object.entries(value)) {
        walk(path === '' ? name : `${path}.${name}`, inner);
      }
    } else if (value !== undefined) {
      settings.set(path, value);
    }
  };
  walk('', policy);
  return settings;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toText(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}

/** By what certificates carry: a list that was there stays where it is and for the same certificates. */
function compareScopes(before: Scopes, after: Scopes): readonly PolicyChange[] {
  const byId = new Map(after.list.map((scope) => [scope.id, scope]));
  const changes = before.list.flatMap((old) => {
    const now = byId.get(old.id);
    byId.delete(old.id);
    return now !== undefined && isSameScope(old, now) ? [] : [scopeChange(old, now)];
  });
  return [...changes, ...[...byId.values()].map((scope) => scopeChange(undefined, scope))];
}

/** What of a list may change: who goes in, and where else it is. */
function compareDefinitions(before: Policy, after: Policy): readonly PolicyChange[] {
  return after.crl.scopes.flatMap((now) => {
    const old = before.crl.scopes.find(({ id }) => id === now.id);
    return (['opens', 'closed', 'httpPaths'] as const).flatMap((setting): PolicyChange[] => {
      const [was, is] = [toText(old?.[setting]), toText(now[setting])];
      const isPath = setting === 'httpPaths';
      const change = { path: `crl.scopes.${now.id}.${setting}`, before: was, after: is };
      return old === undefined || was === is
        ? []
        : [
            {
              ...change,
              effect: isPath ? 'at-once' : 'issued-from-now',
              meaning: isPath
                ? 'where else the list is; certificates may name the address'
                : 'which list new certificates go into',
            },
          ];
    });
  });
}

function isSameScope(left: Scope, right: Scope): boolean {
  return (
    equalBytes(left.distributionPoint.der, right.distributionPoint.der) &&
    left.definition.partition === right.definition.partition &&
    left.value === right.value &&
    left.isNamed === right.isNamed &&
    left.attribute === right.attribute &&
    left.onlyContains === right.onlyContains
  );
}

function scopeChange(before: Scope | undefined, after: Scope | undefined): PolicyChange {
  const isNew = before === undefined;
  const lost = 'certificates that were issued name this list; it would be published no more';
  const moved = 'certificates that were issued name the list as it was';
  return {
    path: `crl.scopes.${(before ?? after)?.id}`,
    before: before?.dn,
    after: after?.dn,
    effect: isNew ? 'issued-from-now' : 'breaks',
    meaning: isNew ? 'a list that is made with the next start' : after === undefined ? lost : moved,
  };
}

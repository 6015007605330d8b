/**
 * Effective rights: what someone may do with an entry, each right with the rule that decides and the reason.
 * The decision is made by what decides every request (`access.ts`, `compiled-rule.ts`); only the words
 * are added here.
 *
 * Not here: who may ask. The answer tells of everything, so it is for administrators of the data folder.
 *
 * @module
 */

import { isDisabled, isInForce } from '../accounts/account.ts';
import type { Credentials, KnownAccount } from '../accounts/credentials.ts';
import { anonymous, type EntryPrincipal } from '../accounts/principal.ts';
import type { DirectoryCore } from '../directory-core.ts';
import type { Entry } from '../entries/entry.ts';
import { DirectoryError } from '../errors.ts';
import { Dn } from '../names/dn.ts';
import { parseAttributeDescription } from '../schema/attribute-description.ts';
import type { Caller, Session } from '../service.ts';
import { type AccessPolicy, factsOf, unlimitedAccess } from './access.ts';
import { phraseOf, standingPhrase } from './access-phrases.ts';
import type { AccessRight } from './access-rule.ts';
import { type CompiledRule, type EntryMismatch, rightBits } from './compiled-rule.ts';
import type { AccessItem } from './rule-items.ts';
import type { CallerMismatch } from './rule-subject.ts';

/** Over what kind of connection: in clear, TLS, TLS and a bind with a client certificate. */
export type ExplainedTls = 'none' | 'tls' | 'client';

export interface AccessQuestion {
  /** An account's name; undefined for who has not bound. */
  readonly as?: string | undefined;
  readonly on: string;
  /** An attribute description, `entry` or `children`; what the entry has when undefined. */
  readonly attribute?: string | undefined;
  readonly tls: ExplainedTls;
  /** The peer's address; none when undefined. */
  readonly address?: string | undefined;
}

/** The rights that decisions are made of: `write` is `add` and `delete`, `manage` all. */
export type ExplainedRight = Exclude<AccessRight, 'write' | 'manage'>;

export interface RightExplanation {
  readonly right: ExplainedRight;
  readonly isGranted: boolean;
  /** The rule that decides, from 1; null when none fits. */
  readonly rule: number | null;
  /** Whose rule it is, where each CA has its own. */
  readonly policy?: string;
  readonly ruleName: string | null;
  readonly why: string;
}

/** A rule above the deciding one that grants something and is not for this caller, entry or moment. */
export interface PassedRule {
  readonly rule: number;
  readonly policy?: string;
  readonly ruleName: string | null;
  readonly rights: readonly ExplainedRight[];
  readonly why: string;
}

export interface ItemExplanation {
  /** `entry`, `children` or the attribute type's name. */
  readonly item: string;
  /** Null for `children`. */
  readonly isPresent: boolean | null;
  readonly rights: readonly RightExplanation[];
  readonly passed: readonly PassedRule[];
}

export interface AccessExplanation {
  readonly as: string;
  /** What the rules take it for. */
  readonly judgedAs: string;
  readonly on: string;
  readonly tls: ExplainedTls;
  readonly address: string | null;
  readonly items: readonly ItemExplanation[];
  /** What else decides. */
  readonly notes: readonly string[];
}

const explainedRights: readonly ExplainedRight[] = [
  ...(['disclose', 'search', 'compare', 'read', 'add', 'delete', 'auth'] as const),
];

/** Who asks, as it is and as it counts. */
interface Asker {
  readonly name: string;
  readonly account: KnownAccount | undefined;
  /** What the account would be to the rules if nothing spoke against it. */
  readonly claimed: Caller;
  /** What it is. */
  readonly effective: Caller;
  /** Why the two differ. */
  readonly standing: string | undefined;
}

interface Subject {
  readonly asker: Asker;
  readonly entry: Entry;
  readonly nowMs: number;
}

/**
 * @throws {DirectoryError} `DIRECTORY_NO_SUCH_OBJECT` when there is no such account or entry,
 *   `DIRECTORY_UNDEFINED_TYPE`, `DIRECTORY_DN_SYNTAX`.
 */
export async function explainAccess(
  core: DirectoryCore,
  credentials: Pick<Credentials, 'account'>,
  question: AccessQuestion,
): Promise<AccessExplanation> {
  const nowMs = core.clock.nowMs();
  const asker = await readAsker(core, credentials, { ...question, nowMs });
  const entry = await readEntry(core, question.on);
  const subject = { asker, entry, nowMs };
  const items = itemsOf(core, question.attribute, entry);
  return {
    as: asker.name,
    judgedAs: asker.standing === undefined ? asker.name : `anonymous: ${asker.standing}`,
    on: entry.dn,
    tls: question.tls,
    address: question.address ?? null,
    items: items.map((item) => explainItem(core.policy, item, subject)),
    notes: notesOn(core, subject, question.tls),
  };
}

async function readAsker(
  core: DirectoryCore,
  credentials: Pick<Credentials, 'account'>,
  question: AccessQuestion & { readonly nowMs: number },
): Promise<Asker> {
  const { as, tls, address, nowMs } = question;
  const session: Session = {
    isProtected: tls !== 'none',
    address: address ?? '',
    channel: 'ldap',
  };
  const nobody: Caller = { principal: anonymous, session };
  if (as === undefined) {
    const asker = { name: 'anonymous', account: undefined, standing: undefined };
    return { ...asker, claimed: nobody, effective: nobody };
  }
  const account = await credentials.account(Dn.parse(as, core.schema));
  if (account === undefined) {
    throw new DirectoryError('DIRECTORY_NO_SUCH_OBJECT', `there is no entry ${as} to ask as`);
  }
  const standing = standingOf(account, core, nowMs);
  const claimed = { principal: provenBy(account, core, tls), session };
  const effective = standing === undefined ? claimed : nobody;
  return { name: account.entry.dn, account, claimed, effective, standing };
}

/** Why an account may not be used now; undefined when it may. */
function standingOf(
  { entry, principal }: KnownAccount,
  { types }: DirectoryCore,
  nowMs: number,
): string | undefined {
  if (isDisabled(entry, types)) {
    return 'the account is disabled';
  }
  const grant = principal.verifier;
  return grant === undefined || isInForce(grant, nowMs) ? undefined : standingPhrase(grant, nowMs);
}

/** As it is after a bind of the kind that is asked for. */
function provenBy(
  { entry, principal }: KnownAccount,
  { types }: DirectoryCore,
  tls: ExplainedTls,
): EntryPrincipal {
  const [sha256] = tls === 'client' ? entry.values(types.certificateSha256) : [];
  return sha256 === undefined
    ? principal
    : {
        ...principal,
        certificate: {
          sha256: Buffer.from(sha256).toString('latin1'),
          notBeforeMs: Number.NEGATIVE_INFINITY,
          notAfterMs: Number.POSITIVE_INFINITY,
        },
      };
}

async function readEntry(core: DirectoryCore, text: string): Promise<Entry> {
  const dn = Dn.parse(text, core.schema);
  const shown = await core.monitor.find(dn, { scope: 'base', access: unlimitedAccess });
  if (shown !== undefined) {
    return shown.base.entry;
  }
  const view = core.store.snapshot();
  try {
    const entry = await core.tree.read(view, dn.key);
    if (entry === undefined) {
      throw new DirectoryError(
        'DIRECTORY_NO_SUCH_OBJECT',
        `there is no entry "${text}" in the tree; the root DSE and the schema are everyone's`,
      );
    }
    return entry;
  } finally {
    await view.close();
  }
}

function itemsOf(
  { schema }: DirectoryCore,
  text: string | undefined,
  entry: Entry,
): readonly AccessItem[] {
  if (text === undefined) {
    const types = [...new Set(entry.attributes.map(({ type }) => type))];
    types.sort((left, right) => (left.name < right.name ? -1 : 1));
    return ['entry', 'children', ...types];
  }
  if (text === 'entry' || text === 'children') {
    return [text];
  }
  const { type } = parseAttributeDescription(text, schema);
  if (type === undefined) {
    throw new DirectoryError('DIRECTORY_UNDEFINED_TYPE', `the schema defines no attribute ${text}`);
  }
  return [type];
}

function explainItem(policy: AccessPolicy, item: AccessItem, subject: Subject): ItemExplanation {
  const { asker, entry, nowMs } = subject;
  const facts = factsOf(asker.effective, nowMs);
  const covering = policy.rulesOn(entry.key).filter((rule) => rule.covers(item));
  const deciding = covering.find(
    (rule) =>
      rule.subject.mismatch(facts) === undefined &&
      rule.asAppliedTo(entry, facts.principal) !== undefined,
  );
  const access = policy.forCaller(asker.effective, nowMs).on(entry);
  const above = deciding === undefined ? covering : covering.slice(0, covering.indexOf(deciding));
  const passed = above.flatMap((rule) => passedRule(rule, item, subject) ?? []);
  return {
    item: typeof item === 'string' ? item : item.name,
    isPresent: presenceOf(item, entry),
    rights: explainedRights.map((right) => {
      const isGranted = access.allows(right, item);
      const near = passed.find(({ isNear, rights }) => isNear && rights.includes(right));
      const butFor = isGranted || near === undefined ? '' : `; rule ${near.rule}: ${near.why}`;
      return {
        right,
        isGranted,
        rule: deciding?.number ?? null,
        ...ofRealm(deciding),
        ruleName: deciding?.source.name ?? null,
        why: `${reasonOf(deciding, { right, item, subject })}${butFor}`,
      };
    }),
    passed: passed.map(({ isNear, ...each }) => each),
  };
}

/** Left out where there is one list of rules. */
function ofRealm(rule: CompiledRule | undefined): { readonly policy?: string } {
  return rule === undefined || rule.realm === '' ? {} : { policy: rule.realm };
}

/** A rule that is for this kind of caller, but not as things stand. */
const nearMismatches: ReadonlySet<CallerMismatch | EntryMismatch> = new Set([
  ...(['clear', 'noClientCertificate', 'address', 'noAgreement', 'agreementNotBegun'] as const),
  ...(['agreementEnded', 'otherVerifierKind', 'otherRole', 'partitionNotGranted'] as const),
]);

function presenceOf(item: AccessItem, { attributes }: Entry): boolean | null {
  if (typeof item === 'string') {
    return item === 'entry' ? true : null;
  }
  return attributes.some(({ type }) => type === item);
}

function reasonOf(
  rule: CompiledRule | undefined,
  {
    right,
    item,
    subject,
  }: { readonly right: ExplainedRight; readonly item: AccessItem; readonly subject: Subject },
): string {
  if (rule === undefined) {
    return 'no rule fits, and what no rule grants is denied';
  }
  const { entry, asker, nowMs } = subject;
  const { principal } = factsOf(asker.effective, nowMs);
  if (rule.mismatchOn(entry, principal) === 'undecided') {
    return 'its filter compares a value that is kept apart from the entry: it grants nothing here';
  }
  if ((rule.rightsOn(item) & rightBits[right]) !== 0) {
    return 'the first rule that fits grants it';
  }
  if (rule.withholdsSecret(item) && ['search', 'compare', 'read'].includes(right)) {
    return 'the first rule that fits does not name this secret';
  }
  return rule.source.rights.length === 0
    ? 'the first rule that fits grants nothing'
    : `the first rule that fits grants ${rule.source.rights.join(', ')}`;
}

/** Undefined for a rule that grants nothing, or is about other entries. */
function passedRule(
  rule: CompiledRule,
  item: AccessItem,
  { asker, entry, nowMs }: Subject,
): (PassedRule & { readonly isNear: boolean }) | undefined {
  const bits = rule.rightsOn(item);
  const rights = explainedRights.filter((right) => (bits & rightBits[right]) !== 0);
  const claimed = factsOf(asker.claimed, nowMs);
  const onEntry = rule.mismatchOn(entry, claimed.principal);
  const isElsewhere =
    onEntry === 'otherEntry' || onEntry === 'outsideSubtree' || onEntry === 'otherClass';
  if (rights.length === 0 || isElsewhere) {
    return undefined;
  }
  const mismatch = rule.subject.mismatch(claimed) ?? onEntry;
  const named = {
    ...{ rule: rule.number, ...ofRealm(rule), ruleName: rule.source.name ?? null },
    rights,
  };
  if (mismatch !== undefined && mismatch !== 'undecided') {
    const why = phraseOf(mismatch, { rule: rule.source, principal: claimed.principal, nowMs });
    return { ...named, why, isNear: nearMismatches.has(mismatch) };
  }
  return asker.standing === undefined ? undefined : { ...named, why: asker.standing, isNear: true };
}

function notesOn(
  core: DirectoryCore,
  { asker, entry, nowMs }: Subject,
  tls: ExplainedTls,
): string[] {
  const notes: string[] = [];
  const access = core.policy.forCaller(asker.effective, nowMs).on(entry);
  if (!access.allows('disclose', 'entry')) {
    notes.push('it may not know of the entry: every operation answers as if there were none');
  } else if (!access.allows('read', 'entry')) {
    notes.push('it may not read the entry: searches do not return it');
  }
  if (entry.attribute(core.types.managedBy) !== undefined) {
    notes.push('the CA keeps this entry: what it writes there is refused to all others');
  }
  if (asker.account !== undefined && asker.standing === undefined) {
    notes.push(...bindNotes(core, asker, { nowMs, tls }));
  }
  return notes;
}

/** Whether it can be who it claims to be over such a connection. */
function bindNotes(
  { policy, types }: DirectoryCore,
  { account, claimed }: Asker,
  { nowMs, tls }: { readonly nowMs: number; readonly tls: ExplainedTls },
): string[] {
  const entry = account?.entry;
  const credential = tls === 'client' ? types.certificateSha256 : types.userPassword;
  if (entry === undefined) {
    return [];
  }
  if (entry.attribute(credential) === undefined) {
    return [`it cannot bind like this: the account has no ${credential.name}`];
  }
  const nobody = { principal: anonymous, session: claimed.session };
  return policy.forCaller(nobody, nowMs).on(entry).allows('auth', credential)
    ? []
    : [`it cannot bind over such a connection: no rule grants auth on its ${credential.name}`];
}

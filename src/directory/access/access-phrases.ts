/**
 * Why an access rule does not fit, in words for an administrator.
 *
 * @module
 */

import type { EntryPrincipal, VerifierGrant } from '../accounts/principal.ts';
import type { AccessRule } from './access-rule.ts';
import type { EntryMismatch } from './compiled-rule.ts';
import type { CallerMismatch } from './rule-subject.ts';

export interface PhraseContext {
  readonly rule: AccessRule;
  readonly principal: EntryPrincipal | undefined;
  readonly nowMs: number;
}

type Phrase = (context: PhraseContext) => string;

const dnOf = ({ who }: AccessRule): string => ('dn' in who ? who.dn : '');

const agreement: Phrase = ({ principal, nowMs }) =>
  principal?.verifier === undefined ? '' : standingPhrase(principal.verifier, nowMs);

const phrases = {
  clear: () => 'it asks for TLS',
  noClientCertificate: () => 'it asks for a bind with a client certificate',
  address: ({ rule }) => `it is for addresses in ${(rule.address ?? []).join(', ')}`,
  bound: () => 'it is for those who have not bound',
  notBound: () => 'it is for those who have bound',
  otherName: ({ rule }) => `it is for ${dnOf(rule)}`,
  notMember: ({ rule }) => `it is for members of ${dnOf(rule)}`,
  notVerifier: () => 'it is for verifiers',
  noAgreement: agreement,
  agreementNotBegun: agreement,
  agreementEnded: agreement,
  otherVerifierKind: ({ rule: { who }, principal }) =>
    `it is for verifiers of kind ${who.kind === 'verifier' ? who.kinds?.join(', ') : ''}, not ` +
    `${principal?.verifier?.kind}`,
  notOperator: () => 'it is for operators',
  otherRealm: () => 'it is for accounts of its own CA',
  otherRole: ({ rule: { who }, principal }) =>
    `it is for operators with the role ${who.kind === 'operator' ? who.roles?.join(', ') : ''}, not ` +
    `${principal?.operatorRoles?.join(', ')}`,
  notSelf: () => 'it is for the entry itself',
  partitionNotGranted: () => "the verifier was not granted the entry's partition",
  otherEntry: ({ rule }) => `it is about ${rule.target?.entry} alone`,
  outsideSubtree: ({ rule }) => `it is about ${rule.target?.subtree} and below`,
  otherClass: ({ rule }) => `it is about entries of class ${rule.target?.entryClass}`,
  filter: ({ rule }) => `the entry does not match ${rule.target?.filter}`,
} as const satisfies Readonly<Record<CallerMismatch | EntryMismatch, Phrase>>;

export function phraseOf(mismatch: CallerMismatch | EntryMismatch, context: PhraseContext): string {
  return phrases[mismatch](context);
}

/** Why an agreement that is not in force is not. */
export function standingPhrase(grant: VerifierGrant, nowMs: number): string {
  const { notBeforeMs = Number.NaN, notAfterMs = Number.NaN } = grant;
  if (Number.isNaN(notBeforeMs) || Number.isNaN(notAfterMs)) {
    return "the verifier's agreement has no first or no last day";
  }
  return nowMs > notAfterMs
    ? `the verifier's agreement ended at ${timeText(notAfterMs)}`
    : `the verifier's agreement begins at ${timeText(notBeforeMs)}`;
}

function timeText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}

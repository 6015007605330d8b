/**
 * The steps of a renewal ceremony that certdir does or has custodians approve. Done again after an interruption, each
 * comes to the same.
 *
 * @module
 */

import type { AuditOrigin } from '../audit/audit-log.ts';
import { authorityKeyRequest } from '../ca/generations/authority-key.ts';
import type { CeremonyReport } from '../http/ceremony-operations.ts';
import type { PublishLists } from '../http/local-operations.ts';
import { formatTime } from '../http/report-time.ts';
import type { CustodyOperation } from '../signing/custody/approval.ts';
import { formatKeyType } from '../signing/key-rules.ts';
import { storeKeyUse } from '../signing/key-use.ts';
import type { CaInstance } from './ca-instance.ts';
import { type Facts, hasKey, refused, sha256 } from './ceremony-evidence.ts';
import { linksOf } from './key-generations.ts';

export type RenewalParts = Pick<CaInstance, 'policy' | 'authority' | 'signer'> & {
  readonly publishLists: PublishLists;
};

/** Steps of a renewal that a policy does not need. */
export function needlessSteps({ policy }: Pick<CaInstance, 'policy'>): readonly string[] {
  const answers = policy.ocsp !== undefined && policy.ocsp.access !== 'off';
  return answers ? [] : ['delegate', 'answers'];
}

/** What custodians are asked to have made in a step; undefined for steps that make no key. */
export function keyToBeMade(
  { policy, authority }: RenewalParts,
  { kind, label }: CeremonyReport,
  step: string,
): (CustodyOperation & { readonly act: 'generate' }) | undefined {
  if (kind !== 'renewal') {
    return undefined;
  }
  if (step === 'generate') {
    const { type, purposes, use } = authorityKeyRequest(policy, authority.renewal.nextNumber);
    return { act: 'generate', label, type, purposes, use: storeKeyUse(use) };
  }
  if (step !== 'delegate') {
    return undefined;
  }
  const { label: delegate, type, purposes, use } = authority.responder.nextKeyRequest;
  return { act: 'generate', label: delegate, type, purposes, use: storeKeyUse(use) };
}

/** The key is there although nobody wrote down that it was made: the program ended in between. */
export async function isMade(
  parts: RenewalParts,
  report: CeremonyReport,
  step: string,
): Promise<boolean> {
  if (step === 'delegate' && parts.authority.responder.current !== undefined) {
    // By the schedule, which needed nobody's approval.
    return true;
  }
  const wanted = keyToBeMade(parts, report, step);
  return wanted !== undefined && (await hasKey(parts, wanted.label));
}

/** What certdir does in a step. */
export async function doRenewalStep(
  parts: RenewalParts,
  report: CeremonyReport,
  { step, origin }: { readonly step: string; readonly origin: AuditOrigin },
): Promise<Facts> {
  switch (step) {
    case 'open':
      return await lookOpen(parts);
    case 'make':
      return await makeGeneration(parts, report, origin);
    case 'switch':
      return await switchOver(parts, report, origin);
    case 'lists':
      return await publishLists(parts, origin);
    case 'answers':
      return await certifyResponder(parts, origin);
    default:
      throw refused(`this program does not know the step ${step}`);
  }
}

async function lookOpen({ signer, policy, authority }: RenewalParts): Promise<Facts> {
  if (!(await signer.isActive())) {
    throw refused('the token is locked; have custodians activate it first');
  }
  const { type, signature } = policy.keys.authority;
  return {
    'renewal is due': formatTime(authority.renewal.dueMs),
    'the new key will be': `${type}, signing with ${signature}`,
  };
}

async function makeGeneration(
  { authority, signer }: RenewalParts,
  { label }: CeremonyReport,
  origin: AuditOrigin,
): Promise<Facts> {
  const made = await authority.renewal.prepare(origin);
  if (made.keyLabel !== label) {
    throw refused(`the key that waits is ${made.keyLabel}, not ${label}`);
  }
  const { type, spki } = await signer.describe(label);
  const links = linksOf(made).map(
    ({ kind, notBefore, notAfter, sha256: digest }) =>
      [`${kind} SHA-256`, `${digest}\n${notBefore} to ${notAfter}`] as const,
  );
  return {
    key: `${label}, ${formatKeyType(type)}, made ${formatTime(made.createdMs)}`,
    'public key SHA-256': sha256(spki),
    'certificate SHA-256': sha256(made.certificate),
    ...Object.fromEntries(links),
  };
}

async function switchOver(
  { authority }: RenewalParts,
  { label }: CeremonyReport,
  origin: AuditOrigin,
): Promise<Facts> {
  const { authorities, renewal } = authority;
  if (authorities.current.keyLabel !== label) {
    await renewal.switchOver(origin);
  }
  const { generation, keyLabel } = authorities.current;
  const { stateSinceMs } = authorities.generation(generation);
  return { 'key that issues': keyLabel, since: formatTime(stateSinceMs) };
}

async function publishLists(
  { authority, publishLists: publish }: RenewalParts,
  origin: AuditOrigin,
): Promise<Facts> {
  const scopeIds = authority.scopes.list.map(({ id }) => id);
  const publications = await publish({ scopeIds, origin }, () => undefined);
  return { lists: `${publications.length}` };
}

async function certifyResponder({ authority }: RenewalParts, origin: AuditOrigin): Promise<Facts> {
  const { responder } = authority;
  const { keyLabel, certificate } = responder.current ?? (await responder.renew(origin));
  return {
    'responder key': keyLabel,
    'certificate SHA-256': sha256(certificate.der),
    'valid until': formatTime(certificate.notAfterMs),
  };
}

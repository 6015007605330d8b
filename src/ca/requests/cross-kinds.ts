/**
 * Requests about certificates exchanged with other CAs (gunma 4-6 to 4-10, 5-2-1-1 (3) to (6)): to issue ours for a peer,
 * to accept the peer's, to end it. Each is one transaction with the end of its request. The peer's request for ours is
 * examined, and its directory read, before: those are acts of whoever has cross.manage.
 *
 * @module
 */

import { z } from 'zod';

import { strictObject } from '../../config/strict-object.ts';
import { SigningError } from '../../signing/errors.ts';
import type { Certificate } from '../../x509/certificate.ts';
import type { Bridge } from '../bridge/bridge.ts';
import type { CrossOutcome } from '../bridge/cross-change.ts';
import { peerOf } from '../bridge/peers.ts';
import { findReason } from '../certificates/certificate-state.ts';
import { formatSerialNumber } from '../certificates/serial-number.ts';
import type { Policy } from '../policy/policy.ts';
import type { JsonObject } from './canonical-json.ts';
import { finding } from './findings.ts';
import type { Finding, RequestKind } from './request-kind.ts';

/** What these kinds have a CA do. */
export interface CrossActs {
  readonly policy: Policy;
  readonly bridge: Pick<
    Bridge,
    'assertIssuable' | 'issue' | 'examineReceived' | 'accept' | 'revoke'
  >;
}

export interface CrossIssueInput {
  /** A peer of the policy. */
  readonly peer: string;
  /** Also where the certificate that the peer has stands and says the same (gunma 4-9). */
  readonly isRenewal?: boolean | undefined;
}

export interface CrossAcceptInput {
  readonly peer: string;
  /** PEM, or base64 of the DER. */
  readonly certificate: string;
}

export interface CrossRevokeInput {
  readonly peer: string;
  /** A reason of the policy's table, by its name in RFC 5280 §5.3.1. */
  readonly reason: string;
}

const peer = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, 'lower-case letters, digits and hyphens')
  .describe('a peer of the policy (cross.peers)');

export const crossIssueSchema: z.ZodType<CrossIssueInput> = strictObject({
  peer,
  isRenewal: z.boolean().optional(),
});

export const crossAcceptSchema: z.ZodType<CrossAcceptInput> = strictObject({
  peer,
  certificate: z.string().min(1).max(64_000).describe('PEM, or base64 of the DER'),
});

export const crossRevokeSchema: z.ZodType<CrossRevokeInput> = strictObject({
  peer,
  reason: z.string().min(1).max(64).describe('reason by its name in RFC 5280'),
});

export function crossIssueKind({ policy, bridge }: CrossActs): RequestKind<CrossIssueInput> {
  return {
    name: 'cross-issue',
    schema: crossIssueSchema,
    describe: ({ peer: name }) => ({
      ja: `${titleOf(policy, name).ja} への相互認証証明書の発行`,
      en: `issue a cross certificate for ${titleOf(policy, name).en}`,
    }),
    subjects: subjectsOf,
    check: async ({ peer: name, isRenewal }) =>
      await finding('/peer', () => bridge.assertIssuable(name, isRenewal === true)),
    execute: async ({ peer: name, isRenewal }, context) => {
      const signing = await bridge.issue(name, {
        origin: context.origin,
        isRenewal: isRenewal === true,
        within: (transaction, certificate) =>
          context.complete(transaction, issuedResult(name, certificate)),
      });
      if (signing.kind === 'waits') {
        throw new SigningError(
          'SIGNING_APPROVAL_NEEDED',
          `custodians have to approve of ${signing.pending.sha256} first (certdir cross issue ${name} puts it before them)`,
        );
      }
      return issuedResult(name, signing.certificate);
    },
  };
}

function issuedResult(name: string, { serialNumber, notAfterMs }: Certificate): JsonObject {
  return {
    peer: name,
    serialNumber: formatSerialNumber(serialNumber),
    notAfter: new Date(notAfterMs).toISOString(),
  };
}

export function crossAcceptKind({ policy, bridge }: CrossActs): RequestKind<CrossAcceptInput> {
  return {
    name: 'cross-accept',
    schema: crossAcceptSchema,
    describe: ({ peer: name }) => ({
      ja: `${titleOf(policy, name).ja} からの相互認証証明書の受領`,
      en: `accept the cross certificate of ${titleOf(policy, name).en}`,
    }),
    subjects: subjectsOf,
    check: async ({ peer: name, certificate }) => {
      const refused: Finding[] = [];
      const others = await finding('/peer', async () => {
        const { findings } = await bridge.examineReceived(name, decodeFile(certificate));
        refused.push(
          ...findings.map(({ path, message }) => ({
            ...{ path: '/certificate', code: 'CA_CROSS_REFUSED' },
            message: `${path}: ${message}`,
          })),
        );
      });
      return [...others, ...refused];
    },
    execute: async ({ peer: name, certificate }, { origin, complete }) => {
      const outcome = await bridge.accept(name, decodeFile(certificate), {
        origin,
        within: (transaction, of) => complete(transaction, acceptedResult(name, of)),
      });
      return acceptedResult(name, outcome);
    },
  };
}

function acceptedResult(name: string, { isPaired, superseded }: CrossOutcome): JsonObject {
  return { peer: name, isPaired, superseded: [...superseded] };
}

export function crossRevokeKind({ policy, bridge }: CrossActs): RequestKind<CrossRevokeInput> {
  return {
    name: 'cross-revoke',
    schema: crossRevokeSchema,
    describe: ({ peer: name, reason }) => ({
      ja: `${titleOf(policy, name).ja} との相互認証の終了（${reason}）`,
      en: `end the cross-certification with ${titleOf(policy, name).en} (${reason})`,
    }),
    subjects: subjectsOf,
    check: async ({ peer: name, reason }) => [
      ...(await finding('/peer', () => peerOf(policy, name))),
      ...(await finding('/reason', () => findReason(reason, policy.revocation.reasons))),
    ],
    execute: async ({ peer: name, reason }, { origin, complete }) => {
      const { revoked } = await bridge.revoke(name, {
        ...{ reason, origin },
        within: (transaction) => complete(transaction, { peer: name }),
      });
      return { peer: name, revoked: [...revoked] };
    },
  };
}

function subjectsOf({ peer: name }: { readonly peer: string }): readonly string[] {
  return [`cross:${name}`];
}

/** Of a peer that the policy does not have, its name: that it has none is for the check to say. */
function titleOf({ cross }: Policy, name: string): { readonly ja: string; readonly en: string } {
  return cross?.peers[name]?.title ?? { ja: name, en: name };
}

function decodeFile(text: string): Uint8Array | string {
  return text.includes('-----BEGIN') ? text : Uint8Array.from(Buffer.from(text, 'base64'));
}

/**
 * Exchanging certificates with other CAs: how it stands, our request, the peer's request examined, its directory read, and
 * its receipts. Issuing ours, accepting theirs and ending it go through requests, which several people pass
 * (`cross-issue`, `cross-accept`, `cross-revoke`).
 *
 * @module
 */

import { z } from 'zod';

import { type ApiRoute, operatorRoute } from './api-route.ts';
import { callingOperator } from './call-operator.ts';
import { instant, serialNumber } from './field-shapes.ts';

const peerName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, 'lower-case letters, digits and hyphens')
  .describe("A peer of the CA's policy.");
const params = z.strictObject({ peer: peerName });
const file = z.string().min(1).max(65_536).describe('PEM, or base64 of the DER.');
const sha256 = z.string().describe('Hexadecimal.');

const finding = z.object({
  path: z.string().describe('What it is in.'),
  code: z.string(),
  message: z.string(),
});

const certificate = z.object({
  serialNumber,
  notBefore: instant,
  notAfter: instant,
  sha256,
  state: z
    .enum(['pair', 'waits', 'revoked', 'ended'])
    .describe('`pair`: published. `waits`: for a receipt, or for the other half.'),
  pem: z.string(),
  receipt: z.string().nullable().describe('Of whom it was issued for.'),
});

const standing = z.object({
  peer: peerName,
  title: z.object({ ja: z.string(), en: z.string() }),
  name: z.string(),
  state: z.enum(['certified', 'cancelled', 'in-exchange', 'none']),
  since: instant.nullable(),
  requested: instant.nullable(),
  examined: instant.nullable(),
  tested: instant.nullable(),
  peerCertificate: sha256.nullable(),
  issued: z.array(certificate).describe('By this CA for the peer, newest first.'),
  received: z.array(certificate).describe('By the peer for this CA, newest first.'),
  pair: z.string().nullable().describe('CertificatePair (RFC 4523) in base64.'),
  needs: z
    .array(
      z.object({
        case: z.enum(['theirs-ends', 'ours-ends', 'theirs-changes', 'ours-changes']),
        why: z.string(),
        ends: instant,
        withinDays: z.int().nullable(),
      }),
    )
    .describe('What has to be renewed.'),
  pending: z.object({ serialNumber, sha256 }).nullable().describe("For custodians' approval."),
});

const examination = z.object({
  peer: peerName,
  findings: z.array(finding),
  isTaken: z.boolean(),
});

const notThere = ['CA_CROSS_PEER_UNKNOWN'];

export const crossRoutes: readonly ApiRoute[] = [
  operatorRoute({
    operationId: 'listCrossPeers',
    family: 'cross',
    method: 'GET',
    path: '/cross/peers',
    permission: 'cross.manage',
    summary: 'How the exchange with each peer stands',
    answer: z.strictObject({ peers: z.array(standing) }),
    handle: async ({ ca }) => ({ peers: await ca.operations.cross.show({ peer: null }) }),
  }),
  operatorRoute({
    operationId: 'showCrossPeer',
    family: 'cross',
    method: 'GET',
    path: '/cross/peers/{peer}',
    permission: 'cross.manage',
    summary: 'How the exchange with a peer stands',
    description: 'With the certificates and the receipts, to be handed to the peer.',
    params,
    answer: standing,
    errors: notThere,
    handle: async ({ ca, params: { peer } }) => {
      const [found] = await ca.operations.cross.show({ peer });
      return found ?? {};
    },
  }),
  operatorRoute({
    operationId: 'makeCrossRequest',
    family: 'cross',
    method: 'POST',
    path: '/cross/peers/{peer}/request',
    permission: 'cross.manage',
    summary: 'Makes our request to the peer',
    description: 'A PKCS#10 for the key that issues, and the certificate that goes with it.',
    params,
    answer: z.object({
      peer: peerName,
      pem: z.string(),
      sha256,
      certificate: z.object({ pem: z.string(), sha256 }),
    }),
    errors: [...notThere, 'CA_ISSUING_STOPPED'],
    // Once more is the same request for the same key.
    isRepeatable: true,
    handle: async (call) =>
      await call.ca.operations.cross.request(call.params, callingOperator(call)),
  }),
  operatorRoute({
    operationId: 'examineCrossRequest',
    family: 'cross',
    method: 'POST',
    path: '/cross/peers/{peer}/examination',
    permission: 'cross.manage',
    summary: "Examines the peer's request, and takes it if it has no fault",
    description: 'Every fault is told; with `isTrial` nothing else happens.',
    params,
    body: z.strictObject({
      request: file,
      certificate: file.describe("The peer's self-signed certificate: PEM, or base64 of the DER."),
      fingerprint: z
        .string()
        .min(1)
        .max(128)
        .describe('SHA-256 of it, as its people have told it.'),
      isTrial: z.boolean().default(false),
    }),
    answer: examination,
    errors: [...notThere, 'CA_CROSS_REFUSED'],
    isRepeatable: true,
    handle: async (call) =>
      await call.ca.operations.cross.examine(
        { ...call.body, ...call.params },
        callingOperator(call),
      ),
  }),
  operatorRoute({
    operationId: 'testCrossConnection',
    family: 'cross',
    method: 'POST',
    path: '/cross/peers/{peer}/test',
    permission: 'cross.manage',
    summary: "Reads the peer's directory, whose address is in the policy",
    params,
    answer: examination.extend({ url: z.string() }),
    errors: [...notThere, 'CA_CROSS_STATE', 'READBACK_FAILED'],
    isRepeatable: true,
    // No address of the caller's: a server asks nobody whom its policy does not name.
    handle: async (call) =>
      await call.ca.operations.cross.test({ ...call.params, url: null }, callingOperator(call)),
  }),
  operatorRoute({
    operationId: 'takeCrossReceipt',
    family: 'cross',
    method: 'POST',
    path: '/cross/peers/{peer}/receipt',
    permission: 'cross.manage',
    summary: "Takes the peer's receipt for our newest certificate",
    params,
    body: z.strictObject({
      text: z.string().min(1).max(65_536).describe('The receipt, or where the paper is kept.'),
      isPaper: z.boolean().default(false),
    }),
    answer: z.object({
      peer: peerName,
      isPaired: z.boolean().describe('The pair is published now.'),
      superseded: z.array(serialNumber).describe('What it replaces, revoked.'),
    }),
    errors: [...notThere, 'CA_CROSS_REFUSED', 'CA_CROSS_STATE'],
    handle: async (call) =>
      await call.ca.operations.cross.receipt(
        { ...call.body, ...call.params },
        callingOperator(call),
      ),
  }),
];

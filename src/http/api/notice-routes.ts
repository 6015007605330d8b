/**
 * Revocation that nobody comes to a counter for: notices of changes from municipalities, subscribers with two
 * certificates, requests that subscribers sign.
 *
 * @module
 */

import { z } from 'zod';

import { formatSerialNumber, parseSerialNumber } from '../../ca/certificates/serial-number.ts';
import { CaError } from '../../ca/errors.ts';
import type { ChangeNotice } from '../../ca/notices/change-notices.ts';
import { subjectAttributesSchema } from '../../ca/requests/issue-kind.ts';
import { MAX_MESSAGE_BYTES } from '../../x509/cms-signed-data.ts';
import { type ApiRoute, type OperatorCall, operatorRoute, publicRoute } from './api-route.ts';
import { base64, instant, serialNumber } from './field-shapes.ts';
import { type Problem, problemShape } from './problem.ts';

const notice = z
  .strictObject({
    id: z
      .string()
      .regex(/^[\x21-\x7e]{1,64}$/, '1 to 64 characters of ASCII without spaces')
      .describe('Of whoever gives notice: no other notice has it.'),
    kind: z.string().min(1).max(32).describe("One of the policy's `notices.kinds`."),
    attributes: subjectAttributesSchema
      .optional()
      .describe('The person as the certificate has it: before the change.'),
    serialNumber: serialNumber.optional(),
  })
  .refine(
    ({ attributes, serialNumber: serial }) => (attributes === undefined) !== (serial === undefined),
    {
      message: 'names either the person (attributes) or the certificate (serialNumber)',
    },
  );

const result = z.object({
  id: z.string(),
  kind: z.string(),
  carriedOutAt: instant,
  revoked: z.array(z.string()).describe('Serial numbers.'),
  isNew: z.boolean().describe('False when it has come before.'),
});

const MAX_BULK = 1_000;
const noticeErrors = [
  'CA_NOTICE_OFF',
  'CA_NOTICE_INVALID',
  'CA_SERIAL_UNKNOWN',
  'CA_ATTRIBUTE_INVALID',
  'CA_CHARACTER_NOT_ALLOWED',
  'CA_PARTITION_FOREIGN',
];

export const noticeRoutes: readonly ApiRoute[] = [
  operatorRoute({
    operationId: 'giveNotice',
    family: 'notices',
    method: 'POST',
    path: '/notices',
    permission: 'notices.manage',
    summary: 'A change in a resident record: what the person holds is revoked',
    description: 'Whoever acts for an office gives notice of what is in its partitions.',
    body: notice,
    answer: result,
    errors: noticeErrors,
    isRepeatable: true,
    examples: { body: { id: '10201-2026-000017', kind: 'death', serialNumber: '5A17' } },
    handle: async (call) => await take(call, call.body),
  }),
  operatorRoute({
    operationId: 'giveNotices',
    family: 'notices',
    method: 'POST',
    path: '/notices/bulk',
    permission: 'notices.manage',
    summary: 'Many of them',
    description: 'Each by itself: one that is refused stops none of the others.',
    body: z.strictObject({ notices: z.array(notice).min(1).max(MAX_BULK) }),
    answer: z.object({
      results: z
        .array(z.strictObject({ result: result.optional(), problem: problemShape.optional() }))
        .describe('In the order of the notices.'),
    }),
    errors: noticeErrors,
    isRepeatable: true,
    handle: async (call) => {
      const results: { result?: Taken; problem?: Problem }[] = [];
      for (const one of call.body.notices) {
        try {
          results.push({ result: await take(call, one) });
        } catch (error) {
          results.push({ problem: call.service.problemOf(error) });
        }
      }
      return { results };
    },
  }),
  operatorRoute({
    operationId: 'listDuplicates',
    family: 'notices',
    method: 'GET',
    path: '/duplicates',
    permission: 'notices.manage',
    summary: 'Subscribers with two certificates',
    answer: z.object({
      duplicates: z.array(z.object({ older: z.string(), newer: z.array(z.string()) })),
    }),
    errors: ['CA_PARTITION_FOREIGN'],
    handle: async ({ ca, identity }) => {
      assertForAll({ ca, identity });
      const duplicates: { older: string; newer: string[] }[] = [];
      for await (const { older, newer } of ca.subscribers.duplicates.find()) {
        if (duplicates.length >= MAX_BULK) {
          break;
        }
        duplicates.push({
          older: formatSerialNumber(older.serialNumber),
          newer: newer.map((one) => formatSerialNumber(one.serialNumber)),
        });
      }
      return { duplicates };
    },
  }),
  operatorRoute({
    operationId: 'revokeDuplicates',
    family: 'notices',
    method: 'POST',
    path: '/duplicates/revoke',
    permission: 'notices.manage',
    summary: 'Revokes the newer certificate of each who has two',
    answer: z.object({ revoked: z.int() }),
    errors: ['CA_NOTICE_OFF', 'CA_PARTITION_FOREIGN'],
    isRepeatable: true,
    handle: async ({ ca, identity, origin }) => {
      assertForAll({ ca, identity });
      return { revoked: await ca.subscribers.duplicates.revokeNewer(origin) };
    },
  }),
  publicRoute({
    operationId: 'prepareOnlineRevocation',
    family: 'notices',
    method: 'POST',
    path: '/online-revocations/content',
    summary: 'What a subscriber signs to have a certificate revoked',
    description: 'PKIData (RFC 5272) to be signed as CMS SignedData, with the content inside.',
    body: z.strictObject({ serialNumber, reason: z.string().min(1).max(64) }),
    answer: z.object({ content: z.string().describe('base64 of the DER.') }),
    errors: ['CA_NOTICE_OFF', 'CA_REASON_NOT_ALLOWED'],
    isRepeatable: true,
    handle: async ({ ca, body }) => {
      const content = ca.subscribers.online.content(
        parseSerialNumber(body.serialNumber),
        body.reason,
      );
      return { content: Buffer.from(content).toString('base64') };
    },
  }),
  publicRoute({
    operationId: 'revokeOnline',
    family: 'notices',
    method: 'POST',
    path: '/online-revocations',
    summary: 'Revokes a certificate at the signed request of its subscriber',
    body: z.strictObject({
      message: base64(MAX_MESSAGE_BYTES).describe('DER of the CMS SignedData, base64.'),
    }),
    answer: z.object({
      serialNumber: z.string(),
      reason: z.string(),
      acceptedAt: instant,
      revokedAt: instant,
      publicationDue: instant,
      messageSha256: z.string(),
    }),
    errors: [
      ...['CA_NOTICE_OFF', 'CA_REQUEST_MALFORMED', 'CA_ONLINE_FOREIGN', 'CA_ONLINE_STALE'],
      ...['CA_ONLINE_REPLAYED', 'CA_REASON_NOT_ALLOWED', 'CA_ALREADY_REVOKED'],
    ],
    handle: async ({ ca, body, origin }) => {
      const message = Uint8Array.from(Buffer.from(body.message, 'base64'));
      const receipt = await ca.subscribers.online.take({ message, origin });
      return {
        serialNumber: formatSerialNumber(receipt.serialNumber),
        reason: receipt.reason,
        acceptedAt: new Date(receipt.acceptedMs).toISOString(),
        revokedAt: new Date(receipt.revokedMs).toISOString(),
        publicationDue: new Date(receipt.publicationDueMs).toISOString(),
        messageSha256: receipt.messageSha256,
      };
    },
  }),
];

type Taken = z.output<typeof result>;

/** What goes through all subscribers is for those who act for all. @throws {CaError} `CA_PARTITION_FOREIGN` */
function assertForAll({ ca, identity }: Pick<OperatorCall, 'ca' | 'identity'>): void {
  if (!ca.people.reaches(identity, 'notices.manage', '')) {
    throw new CaError('CA_PARTITION_FOREIGN', 'this is for those who act for all municipalities');
  }
}

async function take(
  { ca, identity, origin }: Pick<OperatorCall, 'ca' | 'identity' | 'origin'>,
  { id, kind, attributes, serialNumber: serial }: z.output<typeof notice>,
): Promise<Taken> {
  const taken = await ca.subscribers.notices.take({
    ...{ id, kind, origin },
    about: aboutOf({ attributes, serialNumber: serial }),
    reaches: (partition) => ca.people.reaches(identity, 'notices.manage', partition),
  });
  const { atMs, revoked, isNew } = taken;
  return { id, kind, carriedOutAt: new Date(atMs).toISOString(), revoked: [...revoked], isNew };
}

function aboutOf({
  attributes,
  serialNumber: serial,
}: Pick<z.output<typeof notice>, 'attributes' | 'serialNumber'>): ChangeNotice['about'] {
  if (attributes !== undefined) {
    return { subjectAttributes: attributes };
  }
  if (serial === undefined) {
    throw new CaError('CA_NOTICE_INVALID', 'the notice is about nobody');
  }
  return { serialNumber: parseSerialNumber(serial) };
}

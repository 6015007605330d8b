/**
 * What the CA knows of its certificates: states for whoever may read certificates, what they say of persons for whoever
 * may read that. An office sees the certificates of its own partitions and learns nothing of the others, not even that
 * they are there. Every state that is given out, and every one that is not, is in the access journal.
 *
 * @module
 */

import { z } from 'zod';

import { CaError } from '../../ca/errors.ts';
import type { CertificateReport } from '../operations.ts';
import { type ApiRoute, type OperatorCall, operatorRoute } from './api-route.ts';
import { base64, instant, serialNumber } from './field-shapes.ts';

const facts = z.object({
  serialNumber: z.string(),
  profile: z.string(),
  state: z.string().describe('`good`, `revoked`, `expired`, `held` or `not-delivered`.'),
  notBefore: instant,
  notAfter: instant,
  partition: z.string(),
  revokedAt: instant.nullable().describe('Since when it is revoked, or held.'),
  reason: z.string().nullable(),
  sha256Fingerprint: z.string(),
  subject: z.string().nullable().describe('Null for whoever may not read what is said of persons.'),
  certificate: z.string().nullable().describe('PEM; null for the same.'),
});

type Facts = z.output<typeof facts>;

const text = z.string().min(1).max(1_000);

/** A subscriber as the certificates name it (gunma 4-2-2). */
const subscriber = z.strictObject({
  commonName: text,
  substituteCharacterOfCommonName: text.optional(),
  gender: z.string().regex(/^\d$/, 'one digit'),
  dateOfBirth: z
    .string()
    .regex(/^(\d{4}-\d{2}-\d{2}|\d{9})$/, 'YYYY-MM-DD, or era digit and YYYYMMDD'),
  address: text,
  substituteCharacterOfAddress: text.optional(),
});

const MAX_KEY_BYTES = 4_096;

export const certificateRoutes: readonly ApiRoute[] = [
  operatorRoute({
    operationId: 'showCertificate',
    family: 'certificates',
    method: 'GET',
    path: '/certificates/{serialNumber}',
    permission: 'certificates.read',
    summary: 'A certificate and its state at this moment',
    params: z.strictObject({ serialNumber }),
    answer: facts,
    errors: ['CA_SERIAL_UNKNOWN'],
    handle: async (call) => {
      const { ca, params } = call;
      const [shown] = reachable(await ca.operations.findCertificates(params), call);
      if (shown === undefined) {
        throw new CaError('CA_SERIAL_UNKNOWN', `this CA has not issued ${params.serialNumber}`);
      }
      return shown;
    },
  }),
  operatorRoute({
    operationId: 'findCertificatesOfKey',
    family: 'certificates',
    method: 'POST',
    path: '/certificates/of-key',
    permission: 'certificates.read',
    summary: 'The certificates of a public key',
    description: 'How a card is looked up: by the key on it.',
    body: z.strictObject({
      publicKey: base64(MAX_KEY_BYTES).describe('DER of the SubjectPublicKeyInfo, base64.'),
    }),
    answer: z.object({ certificates: z.array(facts) }),
    isRepeatable: true,
    handle: async (call) => ({
      certificates: reachable(await call.ca.operations.findCertificates(call.body), call),
    }),
  }),
  operatorRoute({
    operationId: 'findCertificatesOfSubscriber',
    family: 'certificates',
    method: 'POST',
    path: '/certificates/of-subscriber',
    permission: 'subscribers.read',
    summary: 'The certificates of a person',
    body: z.strictObject({ subscriber }),
    answer: z.object({ certificates: z.array(facts) }),
    errors: ['CA_ATTRIBUTE_INVALID', 'CA_CHARACTER_NOT_ALLOWED'],
    isRepeatable: true,
    handle: async (call) => ({
      certificates: reachable(await call.ca.operations.findCertificates(call.body), call),
    }),
  }),
];

/** Those that the caller may know of, as far as it may; each on record. */
function reachable(found: readonly CertificateReport[], call: OperatorCall): readonly Facts[] {
  const { ca, identity, origin } = call;
  const permitted = ca.people.permissionsOf(identity);
  const maySeePersons = permitted.includes('subscribers.read');
  const mayDownload = maySeePersons || permitted.includes('certificates.download');
  return found.flatMap((report) => {
    const { subject, certificate, serialNumber: serial, partition, state, ...rest } = report;
    const isWithheld = !ca.people.reaches(identity, 'certificates.read', partition);
    ca.accesses.looked({
      ...{ operator: identity.dn, address: origin.address ?? '', serialNumber: serial },
      ...{ partition, state, isWithheld },
    });
    return isWithheld
      ? []
      : [
          {
            ...{ serialNumber: serial, partition, state, ...rest },
            subject: maySeePersons ? subject : null,
            certificate: mayDownload ? certificate : null,
          },
        ];
  });
}

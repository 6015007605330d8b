/**
 * Certificates and keys on their way to subscribers: for offices their own deliveries, for the subscriber the file that
 * was made, by its reference alone. Passwords go to whoever prints them and are never kept for a retry.
 *
 * Not here: that a key is to be made (a request of the kind `issue` or `renew`), that something was received or never handed over, which are requests (`deliver`, `discard`) with steps of
 * several people.
 *
 * @module
 */

import { z } from 'zod';

import { parseSerialNumber } from '../../ca/certificates/serial-number.ts';
import type { DeliveryRecord } from '../../ca/delivery/delivery-record.ts';
import { CaError } from '../../ca/errors.ts';
import { encodePem } from '../../x509/pem.ts';
import { type ApiRoute, type OperatorCall, operatorRoute, publicRoute } from './api-route.ts';
import { instant, serialNumber } from './field-shapes.ts';

const line = z.string().min(1).max(200);
const params = z.strictObject({ serialNumber });

const delivery = z.object({
  serialNumber: z.string(),
  profile: z.string(),
  form: z.enum(['certificate', 'card', 'pkcs12']).describe('`certificate`: without a key.'),
  state: z.enum(['prepared', 'delivered', 'discarded']),
  preparedAt: instant,
  endedAt: instant.nullable(),
  key: z.enum(['none', 'held', 'erased']).describe('Whether the key or file can be fetched.'),
  password: z.enum(['none', 'held', 'erased']).describe('Whether it waits to be printed.'),
  reference: z.string().nullable().describe('With which the subscriber fetches the file.'),
  fetchedAt: instant.nullable(),
  eraseAt: instant.nullable(),
  handedOver: z.object({ at: instant, to: z.string(), by: z.string() }).nullable(),
  receipt: z
    .object({ at: instant, from: z.string().nullable(), reference: z.string().nullable() })
    .nullable(),
  isOverdue: z.boolean().describe('The receipt should be there by now.'),
});

const packageShape = z.object({
  serialNumber: z.string(),
  form: z.enum(['card', 'pkcs12']),
  content: z.string().describe('base64: the key as the card takes it, or the PKCS#12 file.'),
  certificate: z.string().describe('PEM.'),
  eraseAt: instant.nullable(),
});

const MAX_SHOWN = 1_000;

export const deliveryRoutes: readonly ApiRoute[] = [
  operatorRoute({
    operationId: 'listDeliveries',
    family: 'deliveries',
    method: 'GET',
    path: '/deliveries',
    permission: 'deliveries.manage',
    summary: 'Deliveries of which something is to be done, or all',
    description: 'An office sees its own. The thousand first by serial number.',
    query: z.strictObject({ all: z.stringbool().optional() }),
    answer: z.object({ deliveries: z.array(delivery) }),
    handle: async (call) => {
      const shown: Shown[] = [];
      for await (const record of call.ca.subscribers.delivery.list({ open: !call.query.all })) {
        if (shown.length >= MAX_SHOWN) {
          break;
        }
        if (await isReached(call, record)) {
          shown.push(show(call, record));
        }
      }
      return { deliveries: shown };
    },
  }),
  operatorRoute({
    operationId: 'showDelivery',
    family: 'deliveries',
    method: 'GET',
    path: '/deliveries/{serialNumber}',
    permission: 'deliveries.manage',
    summary: 'How a delivery stands',
    params,
    answer: delivery,
    errors: ['CA_DELIVERY_UNKNOWN'],
    handle: async (call) => show(call, await reached(call, call.params.serialNumber)),
  }),
  operatorRoute({
    operationId: 'fetchDelivery',
    family: 'deliveries',
    method: 'POST',
    path: '/deliveries/{serialNumber}/package',
    permission: 'deliveries.manage',
    summary: 'Fetches key or file',
    description: 'From the first time on it is erased after what the policy says.',
    params,
    answer: packageShape,
    errors: ['CA_DELIVERY_UNKNOWN', 'CA_DELIVERY_GONE'],
    isRepeatable: true,
    isSecret: true,
    handle: async (call) => {
      await reached(call, call.params.serialNumber);
      return await fetched(call, { serialNumber: parseSerialNumber(call.params.serialNumber) });
    },
  }),
  operatorRoute({
    operationId: 'showDeliveryPassword',
    family: 'deliveries',
    method: 'POST',
    path: '/deliveries/{serialNumber}/password',
    permission: 'deliveries.manage',
    summary: 'The password of a file, to be printed',
    params,
    answer: z.object({ password: z.string() }),
    errors: ['CA_DELIVERY_UNKNOWN', 'CA_DELIVERY_GONE'],
    isRepeatable: true,
    isSecret: true,
    handle: async (call) => {
      const act = await actOn(call, call.params.serialNumber);
      const secret = await call.ca.subscribers.delivery.password(act);
      const text = Buffer.from(secret).toString('latin1');
      secret.fill(0);
      return { password: text };
    },
  }),
  operatorRoute({
    operationId: 'noteDeliveryPasswordSent',
    family: 'deliveries',
    method: 'POST',
    path: '/deliveries/{serialNumber}/password-sent',
    permission: 'deliveries.manage',
    summary: 'The password is on its way: it is erased here',
    params,
    answer: delivery,
    errors: ['CA_DELIVERY_UNKNOWN', 'CA_DELIVERY_STATE'],
    isRepeatable: true,
    handle: async (call) => {
      const act = await actOn(call, call.params.serialNumber);
      return show(call, await call.ca.subscribers.delivery.passwordSent(act));
    },
  }),
  operatorRoute({
    operationId: 'handOverDelivery',
    family: 'deliveries',
    method: 'POST',
    path: '/deliveries/{serialNumber}/hand-over',
    permission: 'deliveries.manage',
    summary: 'Puts on record to whom it was given, and how',
    params,
    body: z.strictObject({ to: line, by: line.describe('The way: by hand, registered post, …') }),
    answer: delivery,
    errors: ['CA_DELIVERY_UNKNOWN', 'CA_DELIVERY_STATE', 'CA_DELIVERY_INVALID'],
    isRepeatable: true,
    handle: async (call) => {
      const act = await actOn(call, call.params.serialNumber);
      return show(call, await call.ca.subscribers.delivery.handOver({ ...act, ...call.body }));
    },
  }),
  publicRoute({
    operationId: 'download',
    family: 'deliveries',
    method: 'POST',
    path: '/downloads',
    summary: 'Fetches the file that was made for a subscriber',
    description: 'By the reference that the subscriber was sent; the password comes apart.',
    body: z.strictObject({
      reference: z.string().regex(/^[0-9a-f]{40}$/, '40 hexadecimal digits'),
    }),
    answer: packageShape,
    errors: ['CA_DELIVERY_UNKNOWN', 'CA_DELIVERY_GONE'],
    isRepeatable: true,
    isSecret: true,
    handle: async (call) => await fetched(call, call.body),
  }),
];

type Shown = z.output<typeof delivery>;
type AnyCall = Pick<OperatorCall, 'ca' | 'identity' | 'origin'>;

function show({ ca }: AnyCall, record: DeliveryRecord): Shown {
  const { serialNumber: serial, profile, form, state, key, password: kept } = record;
  const { handedOver, receipt } = record;
  return {
    ...{ serialNumber: serial, profile, form, state, key, password: kept },
    preparedAt: timeOf(record.preparedMs),
    endedAt: timeOrNull(record.endedMs),
    // A file for a subscriber; what is for a card goes to the office.
    reference: form === 'pkcs12' ? (record.reference ?? null) : null,
    fetchedAt: timeOrNull(record.fetchedMs),
    eraseAt: timeOrNull(record.eraseMs),
    handedOver:
      handedOver === undefined
        ? null
        : { at: timeOf(handedOver.atMs), to: handedOver.to, by: handedOver.by },
    receipt:
      receipt === undefined
        ? null
        : {
            at: timeOf(receipt.atMs),
            from: receipt.from ?? null,
            reference: receipt.reference ?? null,
          },
    isOverdue: ca.subscribers.delivery.isOverdue(record),
  };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

function timeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : timeOf(ms);
}

async function isReached(
  { ca, identity }: AnyCall,
  { serialNumber: serial }: DeliveryRecord,
): Promise<boolean> {
  const found = await ca.subscribers.findCertificate(parseSerialNumber(serial));
  return ca.people.reaches(identity, 'deliveries.manage', found?.scopeId ?? '');
}

/** What another office has on its way is not there for this one. */
async function reached(call: AnyCall, serial: string): Promise<DeliveryRecord> {
  const record = await call.ca.subscribers.delivery.find(parseSerialNumber(serial));
  if (record === undefined || !(await isReached(call, record))) {
    throw new CaError('CA_DELIVERY_UNKNOWN', `there is no delivery of ${serial}`);
  }
  return record;
}

async function actOn(
  call: AnyCall,
  serial: string,
): Promise<{ readonly serialNumber: bigint; readonly origin: AnyCall['origin'] }> {
  await reached(call, serial);
  return { serialNumber: parseSerialNumber(serial), origin: call.origin };
}

async function fetched(
  { ca, origin }: Pick<AnyCall, 'ca' | 'origin'>,
  by: { readonly serialNumber: bigint } | { readonly reference: string },
): Promise<z.output<typeof packageShape>> {
  const { record, bytes, certificate } = await ca.subscribers.delivery.fetch(by, origin);
  return {
    serialNumber: record.serialNumber,
    form: record.form === 'card' ? 'card' : 'pkcs12',
    content: Buffer.from(bytes).toString('base64'),
    certificate: encodePem('CERTIFICATE', certificate.der),
    eraseAt: timeOrNull(record.eraseMs),
  };
}

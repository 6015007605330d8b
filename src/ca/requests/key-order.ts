/**
 * Requests without a PKCS#10: the CA makes the key (`ca/delivery`). Passwords are never part of a request, which is
 * kept: where somebody gives that of a file, it comes with the step that has the request carried out.
 *
 * @module
 */

import type { IssueRequest } from '../certificates/issue-request.ts';
import type { Deliveries } from '../delivery/deliveries.ts';
import type { DeliveryRecord } from '../delivery/delivery-record.ts';
import type { JsonObject } from './canonical-json.ts';
import { finding } from './findings.ts';
import type { Finding, RequestContext } from './request-kind.ts';

export interface KeyOrder {
  readonly issue: Omit<IssueRequest, 'csr' | 'within'>;
  /** The card's public key: PEM, or base64 of the SubjectPublicKeyInfo. */
  readonly transportKey: string | undefined;
}

/** What is wrong with the order beside the certificate. */
export async function keyOrderFindings(
  delivery: Pick<Deliveries, 'assertOrder'>,
  { issue, transportKey }: KeyOrder,
): Promise<readonly Finding[]> {
  const path = transportKey === undefined ? '/request' : '/transportKey';
  return await finding(path, () => {
    const wishes = transportKey === undefined ? {} : { transportKey: decodeKey(transportKey) };
    delivery.assertOrder({ issue, ...wishes, isPasswordLater: true });
  });
}

/** Makes key and certificate and ends the request in one transaction. */
export async function carryOutKeyOrder(
  delivery: Pick<Deliveries, 'prepare'>,
  { issue, transportKey }: KeyOrder,
  context: RequestContext,
): Promise<JsonObject> {
  const record = await delivery.prepare({
    order: `request:${context.requestId}`,
    issue,
    ...(context.password === undefined ? {} : { password: context.password }),
    ...(transportKey === undefined ? {} : { transportKey: decodeKey(transportKey) }),
    within: (transaction, made) => context.complete(transaction, keyOrderResult(made)),
  });
  return keyOrderResult(record);
}

function keyOrderResult({ serialNumber, form }: DeliveryRecord): JsonObject {
  return { serialNumber, delivery: form };
}

function decodeKey(text: string): Uint8Array | string {
  return text.includes('-----BEGIN') ? text : Uint8Array.from(Buffer.from(text, 'base64'));
}

/**
 * Where deliveries are kept: a row for each by serial number, another while something is to be done, and what leads to
 * it: the order that it was made for, the reference that subscribers fetch it with.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import type { ReadView, Transaction } from '../../store/store.ts';
import {
  encodeSerialKey,
  formatSerialNumber,
  parseSerialNumber,
} from '../certificates/serial-number.ts';
import { CaError } from '../errors.ts';
import { type CaTables, serialNumberOfKey } from '../records/ca-tables.ts';
import {
  type DeliveryRecord,
  encodeDeliveryRecord,
  isOpen,
  parseDeliveryRecord,
} from './delivery-record.ts';

const nothing = new Uint8Array(0);

export function writeDelivery(
  tables: CaTables,
  transaction: Transaction,
  record: DeliveryRecord,
): void {
  const serialNumber = parseSerialNumber(record.serialNumber);
  transaction.put(tables.delivery(serialNumber), encodeDeliveryRecord(record));
  const open = tables.openDelivery(serialNumber);
  if (isOpen(record)) {
    transaction.put(open, nothing);
  } else {
    transaction.delete(open);
  }
}

/** Notes what a new delivery is found by. */
export function indexDelivery(
  tables: CaTables,
  transaction: Transaction,
  {
    serialNumber,
    order,
    reference,
  }: { readonly serialNumber: bigint; readonly order: string; readonly reference: string },
): void {
  const key = encodeSerialKey(serialNumber);
  transaction.put(tables.deliveryOrder(digest(order)), key);
  transaction.put(tables.deliveryReference(digest(reference)), key);
}

/** @returns undefined when there is none. @throws {CaError} `CA_RECORD_DAMAGED` */
export async function findDelivery(
  view: ReadView,
  tables: CaTables,
  serialNumber: bigint,
): Promise<DeliveryRecord | undefined> {
  const bytes = await view.read(tables.delivery(serialNumber));
  return bytes && parseDeliveryRecord(bytes);
}

/** @throws {CaError} `CA_DELIVERY_UNKNOWN`, `CA_RECORD_DAMAGED` */
export async function readDelivery(
  view: ReadView,
  tables: CaTables,
  serialNumber: bigint,
): Promise<DeliveryRecord> {
  const found = await findDelivery(view, tables, serialNumber);
  if (found === undefined) {
    throw new CaError(
      'CA_DELIVERY_UNKNOWN',
      `there is no delivery of ${formatSerialNumber(serialNumber)}`,
    );
  }
  return found;
}

export async function findByOrder(
  view: ReadView,
  tables: CaTables,
  order: string,
): Promise<DeliveryRecord | undefined> {
  const key = await view.read(tables.deliveryOrder(digest(order)));
  return key && (await findDelivery(view, tables, serialNumberOfKey(key)));
}

export async function findByReference(
  view: ReadView,
  tables: CaTables,
  reference: string,
): Promise<DeliveryRecord | undefined> {
  const key = await view.read(tables.deliveryReference(digest(reference)));
  return key && (await findDelivery(view, tables, serialNumberOfKey(key)));
}

/** In the order of serial numbers; those alone of which something is to be done, where asked. */
export async function* listDeliveries(
  view: ReadView,
  tables: CaTables,
  { open }: { readonly open: boolean },
): AsyncIterable<DeliveryRecord> {
  if (!open) {
    for await (const [, bytes] of view.range(tables.deliveries)) {
      yield parseDeliveryRecord(bytes);
    }
    return;
  }
  for await (const key of view.keys(tables.openDeliveries)) {
    yield await readDelivery(view, tables, serialNumberOfKey(key));
  }
}

function digest(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}

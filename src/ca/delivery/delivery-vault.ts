/**
 * Where keys and files for subscribers lie until they are fetched: outside the store, so that no journal, backup or
 * standby has a copy of what is to be erased. All in it is encrypted for somebody, but for passwords that wait to be
 * printed.
 *
 * @module
 */

import { CaError } from '../errors.ts';

export interface DeliveryVault {
  /** Durable when it resolves. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** @returns undefined when there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Overwrites and removes; does nothing when there is none. */
  erase(name: string): Promise<void>;
  /** Of everything in it. */
  names(): Promise<readonly string[]>;
}

function off(): Promise<never> {
  return Promise.reject(
    new CaError('CA_DELIVERY_OFF', 'there is no folder for deliveries (deliveries.folder)'),
  );
}

/** Where nothing can be laid down. */
export const absentVault: DeliveryVault = {
  put: off,
  read: () => Promise.resolve(undefined),
  erase: () => Promise.resolve(),
  names: () => Promise.resolve([]),
};

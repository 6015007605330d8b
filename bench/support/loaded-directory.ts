/**
 * A directory's store filled from an LDIF file by a process of its own, as `slapadd` does for the peer: the one
 * that serves it afterwards has nothing of the loading in its memory.
 *
 * @module
 */

import type { LoadOrder } from './ldap-directory-child.ts';
import type { Workshop } from './workshop.ts';

export async function loadDirectory(
  workshop: Workshop,
  order: Omit<LoadOrder, 'kind'>,
): Promise<void> {
  const loader = workshop.fork('ldap-directory-child');
  await loader.ask({ kind: 'load', ...order });
  await loader.close();
}

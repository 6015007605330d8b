/**
 * Who has the key of a peer's request already: a key is one CA's.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import { isCertdirError } from '../../core/errors.ts';
import type { ReadView } from '../../store/store.ts';
import { parseCertificationRequest } from '../../x509/csr.ts';
import type { CaCore } from '../ca-core.ts';
import { findByIndex } from '../certificates/certificate-register.ts';
import { digestOfKey } from '../certificates/issue-request.ts';
import { parseSerialNumber } from '../certificates/serial-number.ts';
import { readAllCross, trustedOf } from './peers.ts';
import type { PeerRequest } from './request-examination.ts';

/** In words; undefined when nobody has it, and for a request that cannot be read. */
export async function findOwnerOfKey(
  { authorities, tables, clock }: CaCore,
  view: ReadView,
  { peer, request }: Pick<PeerRequest, 'request'> & { readonly peer: string },
): Promise<string | undefined> {
  const spki = keyOf(request);
  if (spki === undefined) {
    return undefined;
  }
  if (authorities.all.some(({ certificate }) => equalBytes(certificate.spki, spki))) {
    return "one of this CA's own";
  }
  const records = await readAllCross(view, tables);
  const other = records.find(
    (record) =>
      record.peer !== peer &&
      record.trusted !== undefined &&
      equalBytes(trustedOf(record).spki, spki),
  );
  if (other !== undefined) {
    return `that of the peer ${other.peer}`;
  }
  const issued = records.find((record) => record.peer === peer)?.issued ?? [];
  const own = new Set(issued.map(({ serialNumber }) => parseSerialNumber(serialNumber)));
  const at = { index: 'publicKey', digest: digestOfKey(spki), nowMs: clock.nowMs() } as const;
  const same = await findByIndex(view, tables, at);
  return same.some(({ serialNumber }) => !own.has(serialNumber))
    ? 'in a certificate for somebody else'
    : undefined;
}

function keyOf(request: Uint8Array | string): Uint8Array | undefined {
  try {
    return parseCertificationRequest(request).spki;
  } catch (error) {
    if (!isCertdirError(error)) {
      throw error;
    }
    return undefined;
  }
}

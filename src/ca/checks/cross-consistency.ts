/**
 * Whether the records of what was exchanged with other CAs fit the register, and the CA's entry has the pairs that they say.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import { assertPairMatches, parseCertificatePair } from '../../x509/certificate-pair.ts';
import { readAllCross } from '../bridge/peers.ts';
import { pairOf } from '../bridge/published-pairs.ts';
import { findCertificate } from '../certificates/certificate-register.ts';
import { parseSerialNumber } from '../certificates/serial-number.ts';
import { type CrossRecord, fromBase64 } from '../records/cross-record.ts';
import {
  type ConsistencyContext,
  type ConsistencyFault,
  faultOf,
  inconsistent,
} from './consistency-fault.ts';

export async function* findCrossFaults(
  context: ConsistencyContext,
): AsyncGenerator<ConsistencyFault, void, undefined> {
  const { view, tables, policy, publishedValues } = context;
  const records = await readAllCross(view, tables);
  const wanted: Uint8Array[] = [];
  for (const record of records) {
    yield* checkIssued(context, record);
    const pair = pairOf(record);
    if (pair !== undefined) {
      wanted.push(pair);
      yield* checkPair(record, pair);
    }
    await context.step();
  }
  const kept = await publishedValues(policy.names.issuer, 'crossCertificatePair');
  const isSame =
    kept.length === wanted.length &&
    wanted.every((value) => kept.some((other) => equalBytes(other, value)));
  if (!isSame) {
    yield inconsistent(
      'cross',
      `the CA's entry has ${kept.length} pairs, the records say ${wanted.length}, or others`,
    );
  }
}

async function* checkIssued(
  { view, tables, nowMs }: ConsistencyContext,
  { peer, issued }: CrossRecord,
): AsyncGenerator<ConsistencyFault, void, undefined> {
  for (const { serialNumber: text, der, revokedMs } of issued) {
    const serialNumber = parseSerialNumber(text);
    const found = await findCertificate(view, tables, { serialNumber, nowMs });
    if (found === undefined || !equalBytes(found.der, fromBase64(der))) {
      yield inconsistent(peer, `the register does not have certificate ${text} as the peer got it`);
    } else if ((found.state === 'revoked') !== (revokedMs !== undefined)) {
      yield inconsistent(peer, `certificate ${text} is ${found.state}, its record says otherwise`);
    }
  }
}

function* checkPair(
  { peer, issued, pair }: CrossRecord,
  value: Uint8Array,
): Generator<ConsistencyFault> {
  const ours = pair && issued[pair.issued];
  if (ours?.revokedMs !== undefined) {
    yield inconsistent(peer, 'the pair has a certificate that is revoked');
  }
  try {
    assertPairMatches(parseCertificatePair(value));
  } catch (error) {
    yield faultOf(peer, error);
  }
}

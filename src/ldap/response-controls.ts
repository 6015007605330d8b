/**
 * Response controls (RFC 4511 §4.1.11): what goes back beside a result.
 *
 * @module
 */

import { BerWriter } from '../asn1/ber-writer.ts';
import { contextTag } from '../asn1/tags.ts';
import type { ChangeOutcome, SearchOutcome, SearchResultEntry } from '../directory/service.ts';
import { encodeSearchEntry } from './entry-encoder.ts';
import { ControlOid } from './request-controls.ts';
import { ResultCode } from './result-codes.ts';

const SORT_ATTRIBUTE_TAG = contextTag(0, 'primitive');

/** Never critical: nobody has to understand them. */
export interface ResponseControl {
  readonly type: string;
  readonly value: Uint8Array;
}

/** RFC 4527: the entry as it was, and as it is. */
export function readEntryControls({
  preRead,
  postRead,
}: ChangeOutcome): readonly ResponseControl[] {
  const controls: ResponseControl[] = [];
  if (preRead !== undefined) {
    controls.push({ type: ControlOid.preRead, value: encodeEntry(preRead) });
  }
  if (postRead !== undefined) {
    controls.push({ type: ControlOid.postRead, value: encodeEntry(postRead) });
  }
  return controls;
}

/** RFC 2891, also with a failure, and RFC 2696, which a search that fails does not come to. */
export function searchControls({ sort, page }: SearchOutcome): readonly ResponseControl[] {
  const controls: ResponseControl[] = [];
  if (sort !== undefined) {
    controls.push({ type: ControlOid.sortResponse, value: encodeSortResult(sort) });
  }
  if (page !== undefined) {
    controls.push({ type: ControlOid.pagedResults, value: encodePage(page.cookie) });
  }
  return controls;
}

function encodeSortResult(sort: NonNullable<SearchOutcome['sort']>): Uint8Array {
  const writer = new BerWriter();
  writer.begin();
  writer.writeEnumerated(ResultCode[sort.result]);
  if ('attribute' in sort && sort.attribute !== undefined) {
    writer.writeUtf8(sort.attribute, SORT_ATTRIBUTE_TAG);
  }
  writer.end();
  return writer.finish();
}

/** The size is an estimate of all entries; 0 for none. */
function encodePage(cookie: Uint8Array): Uint8Array {
  const writer = new BerWriter();
  writer.begin();
  writer.writeInteger(0);
  writer.writeOctetString(cookie);
  writer.end();
  return writer.finish();
}

function encodeEntry(entry: SearchResultEntry): Uint8Array {
  return Buffer.concat(encodeSearchEntry(entry).parts);
}

/**
 * Response controls (RFC 4511 §4.1.11): what goes back beside a result.
 *
 * @module
 */

import type { ChangeOutcome, SearchResultEntry } from '../directory/service.ts';
import { encodeSearchEntry } from './entry-encoder.ts';
import { ControlOid } from './request-controls.ts';

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

function encodeEntry(entry: SearchResultEntry): Uint8Array {
  return Buffer.concat(encodeSearchEntry(entry).parts);
}

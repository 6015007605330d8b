/**
 * Change sequence numbers as OpenLDAP writes them in entryCSN and contextCSN
 * (draft-ietf-ldup-model; RFC 4533 cookies carry them): time to the microsecond, a count, a server
 * id and a modifier, all of one width, so that they sort as text:
 *
 * `20260105000000.000000Z#000000#000#000000`
 *
 * @module
 */

import { formatGeneralizedTime, parseGeneralizedTime } from '../schema/generalized-time.ts';

const shape = /^\d{14}\.(\d{6})Z#[0-9a-f]{6}#[0-9a-f]{3}#[0-9a-f]{6}$/;

/**
 * The next number: the time of now, or one microsecond after the last where the clock stands still
 * or has been set back.
 *
 * @param last The number given last; undefined before the first.
 */
export function nextChangeSequence(last: string | undefined, nowMs: number): string {
  const nowMicroseconds = BigInt(Math.floor(nowMs)) * 1000n;
  const lastMicroseconds = last === undefined ? undefined : parseMicroseconds(last);
  const next =
    lastMicroseconds !== undefined && lastMicroseconds >= nowMicroseconds
      ? lastMicroseconds + 1n
      : nowMicroseconds;
  const seconds = formatGeneralizedTime(Number(next / 1000n)).slice(0, -1);
  const fraction = String(next % 1_000_000n).padStart(6, '0');
  return `${seconds}.${fraction}Z#000000#000#000000`;
}

/** The number with this count: behind the one it is made of, before the next time's. */
export function countedChangeSequence(base: string, count: number): string {
  const at = base.indexOf('#') + 1;
  return `${base.slice(0, at)}${count.toString(16).padStart(6, '0')}${base.slice(at + 6)}`;
}

function parseMicroseconds(text: string): bigint | undefined {
  const match = shape.exec(text);
  const seconds = match === null ? undefined : parseGeneralizedTime(`${text.slice(0, 14)}Z`);
  return seconds === undefined || match === null
    ? undefined
    : BigInt(seconds.atMs) * 1000n + BigInt(match[1] ?? '');
}

/**
 * CRC-32C (Castagnoli; RFC 3720 §12.1), eight bytes at a time.
 *
 * Own code, because `zlib.crc32` is the other polynomial. Finds every burst of up to 32 bits and, in
 * records of the journal's size, every error of up to three bits; what someone changed on purpose is
 * found by the SHA-256 chain beside it.
 *
 * @module
 */

const POLYNOMIAL = 0x82f63b78;
const TABLES = 8;

const table: Int32Array = makeTables();

/** Eight tables of 256 in one array: table `n` advances a byte by `n` further bytes. */
function makeTables(): Int32Array {
  const made = new Int32Array(TABLES * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit += 1) {
      sum = (sum & 1) === 0 ? sum >>> 1 : (sum >>> 1) ^ POLYNOMIAL;
    }
    made[byte] = sum;
  }
  for (let at = 256; at < made.length; at += 1) {
    const before = made[at - 256] ?? 0;
    made[at] = (before >>> 8) ^ (made[before & 0xff] ?? 0);
  }
  return made;
}

/**
 * The checksum of `bytes`.
 *
 * @param before The checksum of what comes before them, when they are not the first.
 * @returns 0 to 2³² - 1.
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const t = table;
  let sum = ~before;
  let at = 0;
  const lastEight = bytes.length - 7;
  // Every index is within bounds; the casts say so without a test in the innermost loop.
  while (at < lastEight) {
    const low =
      sum ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    sum =
      (t[0x700 | (low & 0xff)] as number) ^
      (t[0x600 | ((low >>> 8) & 0xff)] as number) ^
      (t[0x500 | ((low >>> 16) & 0xff)] as number) ^
      (t[0x400 | (low >>> 24)] as number) ^
      (t[0x300 | (bytes[at + 4] as number)] as number) ^
      (t[0x200 | (bytes[at + 5] as number)] as number) ^
      (t[0x100 | (bytes[at + 6] as number)] as number) ^
      (t[bytes[at + 7] as number] as number);
    at += 8;
  }
  for (; at < bytes.length; at += 1) {
    sum = (t[(sum ^ (bytes[at] as number)) & 0xff] as number) ^ (sum >>> 8);
  }
  return ~sum >>> 0;
}

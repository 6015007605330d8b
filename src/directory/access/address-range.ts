/**
 * Addresses of peers and ranges of them in CIDR notation (RFC 4632, RFC 4291 §2.3): `192.0.2.0/24`,
 * `2001:db8::/32`, or one address alone.
 *
 * IPv4-mapped addresses (`::ffff:192.0.2.1`, RFC 4291 §2.5.5.2), as a socket that serves both families
 * gives them, are IPv4 addresses here. So `::/0` is every IPv6 address and no IPv4 address.
 *
 * @module
 */

import { isIPv4, isIPv6 } from 'node:net';

import { formatHex } from '../../core/bytes.ts';
import { DirectoryError } from '../errors.ts';

/** 4 or 16 bytes. */
type AddressBytes = readonly number[];

/** `::ffff:0:0/96`. */
const mappedPrefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] as const;

export class AddressRange {
  readonly #network: AddressBytes;
  readonly #prefixBits: number;

  private constructor(network: AddressBytes, prefixBits: number) {
    this.#network = network;
    this.#prefixBits = prefixBits;
  }

  /**
   * Reads a range. What stands behind the prefix must be zero: `192.0.2.1/24` is more likely a slip than
   * a wish.
   *
   * @throws {DirectoryError} `DIRECTORY_ACCESS_RULE` with a phrase that says what is wrong and what to
   *   write.
   */
  static parse(text: string): AddressRange {
    const [addressText = '', prefixText, ...rest] = text.split('/');
    const bytes = addressText.includes('%') ? undefined : bytesOf(addressText);
    if (bytes === undefined || rest.length > 0) {
      throw fault(`${text} is not an address range; write e.g. 192.0.2.0/24 or 2001:db8::/32`);
    }
    const bits = bytes.length * 8;
    if (prefixText === undefined) {
      return AddressRange.#within(bytes, bits);
    }
    const prefixBits = /^[0-9]{1,3}$/.test(prefixText) ? Number(prefixText) : Number.NaN;
    if (!(prefixBits <= bits)) {
      throw fault(`${text}: the prefix must be a number from 0 to ${bits}`);
    }
    if (bytes.some((byte, index) => (byte & ~maskAt(index, prefixBits)) !== 0)) {
      const network = bytes.map((byte, index) => byte & maskAt(index, prefixBits));
      throw fault(
        `${text} has bits behind its prefix; write ${format(network)}/${prefixBits} for the range` +
          ` or ${addressText} for the one address`,
      );
    }
    return AddressRange.#within(bytes, prefixBits);
  }

  /** A range of mapped addresses alone is one of IPv4. */
  static #within(bytes: AddressBytes, prefixBits: number): AddressRange {
    const mappedBits = mappedPrefix.length * 8;
    return isMapped(bytes) && prefixBits >= mappedBits
      ? new AddressRange(bytes.slice(mappedPrefix.length), prefixBits - mappedBits)
      : new AddressRange(bytes, prefixBits);
  }

  has(address: PeerAddress): boolean {
    const { bytes } = address;
    return (
      bytes !== undefined &&
      bytes.length === this.#network.length &&
      this.#network.every(
        (byte, index) => (((bytes[index] ?? 0) ^ byte) & maskAt(index, this.#prefixBits)) === 0,
      )
    );
  }
}

/** A peer's address as a socket names it; what is no address (a local peer) is in no range. */
export class PeerAddress {
  readonly #text: string;
  /** Worked out when a rule asks: most policies have no ranges. */
  #bytes: { readonly known: AddressBytes | undefined } | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** Undefined for what is no address. */
  get bytes(): AddressBytes | undefined {
    this.#bytes ??= { known: unmappedBytesOf(this.#text) };
    return this.#bytes.known;
  }
}

function unmappedBytesOf(text: string): AddressBytes | undefined {
  const [address = ''] = text.split('%');
  const bytes = bytesOf(address);
  return bytes && isMapped(bytes) ? bytes.slice(mappedPrefix.length) : bytes;
}

/** Of an IPv6 address, what one host can have to itself: a /64 (RFC 4291 §2.5.4). */
const HOST_BYTES = 8;

/**
 * What stands for the host at an address when something is counted or held against it: an IPv4 address, or
 * the /64 of an IPv6 one, its zone aside. Text that is no address stands for itself.
 */
export function sourceOf(address: string): string {
  if (isIPv4(address)) {
    // Its only notation: no part may begin with a needless zero.
    return address;
  }
  const { bytes } = new PeerAddress(address);
  if (bytes === undefined) {
    return address;
  }
  return bytes.length === 4
    ? bytes.join('.')
    : formatHex(Uint8Array.from(bytes.slice(0, HOST_BYTES)));
}

function bytesOf(text: string): AddressBytes | undefined {
  if (isIPv4(text)) {
    return text.split('.').map(Number);
  }
  return isIPv6(text) ? bytesOfIpv6(text) : undefined;
}

/** Of text that `node:net` has found to be an IPv6 address. */
function bytesOfIpv6(text: string): AddressBytes {
  const [head = '', tail] = text.split('::');
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  return [...front, ...Array<number>(16 - front.length - back.length).fill(0), ...back];
}

function groups(text: string): number[] {
  return text === ''
    ? []
    : text.split(':').flatMap((group) => {
        const value = Number.parseInt(group, 16);
        return group.includes('.') ? group.split('.').map(Number) : [value >> 8, value & 0xff];
      });
}

function isMapped(bytes: AddressBytes): boolean {
  return bytes.length === 16 && mappedPrefix.every((byte, index) => bytes[index] === byte);
}

/** The bits of the byte at `index` that belong to the prefix. */
function maskAt(index: number, prefixBits: number): number {
  const bits = Math.min(8, Math.max(0, prefixBits - index * 8));
  return (0xff << (8 - bits)) & 0xff;
}

function format(bytes: AddressBytes): string {
  if (bytes.length === 4) {
    return bytes.join('.');
  }
  const texts = Array.from({ length: 8 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  );
  return new URL(`http://[${texts.join(':')}]/`).hostname.slice(1, -1);
}

function fault(message: string): DirectoryError {
  return new DirectoryError('DIRECTORY_ACCESS_RULE', message);
}

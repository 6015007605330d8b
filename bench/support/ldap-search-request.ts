/**
 * One LDAP base search, written by hand and independent of the server's codec (RFC 4511 §4.5.1), so that many
 * copies can be sent with nothing to do but to write the message id.
 *
 * @module
 */

/** Message ids are written with four octets, so that all requests have one length. */
export const FIRST_MESSAGE_ID = 0x0100_0000;
export const LAST_MESSAGE_ID = 0x7fff_ffff;

const MESSAGE_ID_OCTETS = 4;

export interface PreparedRequest {
  readonly bytes: Buffer;
  /** Where the message id's four octets are. */
  readonly idOffset: number;
}

/** A search for the entry `base` itself, all its user attributes, filter `(objectClass=*)`. */
export function prepareBaseSearch(base: string): PreparedRequest {
  const operation = element(
    0x63,
    octetString(Buffer.from(base)),
    Buffer.of(0x0a, 1, 0, 0x0a, 1, 0, 0x02, 1, 0, 0x02, 1, 0, 0x01, 1, 0),
    element(0x87, Buffer.from('objectClass')),
    element(0x30),
  );
  const messageId = element(0x02, Buffer.alloc(MESSAGE_ID_OCTETS));
  const bytes = element(0x30, messageId, operation);
  return { bytes, idOffset: bytes.length - operation.length - MESSAGE_ID_OCTETS };
}

const octetString = (content: Buffer): Buffer => element(0x04, content);

function element(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length > 0xffff) {
    throw new Error('longer than any request here');
  }
  const header =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >>> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

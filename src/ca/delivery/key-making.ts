/**
 * Keys for subscribers on the way from the signer to the vault, and PKCS#12 files made of them. The private key is
 * encrypted before it leaves the signer process; here it is bytes that nobody opens.
 *
 * @module
 */

import { isCertdirError } from '../../core/errors.ts';
import { assertTransportKey, type KeyProtection } from '../../signing/subject-key.ts';
import { parseCertificate } from '../../x509/certificate.ts';
import { decodePem } from '../../x509/pem.ts';
import { encodePkcs12 } from '../../x509/pkcs12.ts';
import type { CaCore } from '../ca-core.ts';
import { formatSerialNumber } from '../certificates/serial-number.ts';
import { CaError } from '../errors.ts';
import type { DeliveryTerms } from '../policy/delivery-policy.ts';
import { keyTypeOf } from '../policy/policy.ts';
import { assertPassword, drawPassword } from './subject-password.ts';

/** What whoever orders a key gives for it. */
export interface KeyWishes {
  /** The card's RSA key, SubjectPublicKeyInfo: DER, or text with a PEM block. */
  readonly transportKey?: Uint8Array | string | undefined;
  /** UTF-8; overwritten by whoever gave it. */
  readonly password?: Uint8Array | undefined;
}

export interface MadeKey {
  readonly csr: Uint8Array;
  /** DER SubjectPublicKeyInfo of the card. */
  readonly transportKey: Uint8Array | undefined;
  /** What goes into the vault, by the ending of its name. */
  readonly shelved: Readonly<Partial<Record<'key' | 'pin', Uint8Array>>>;
}

/** @throws {CaError} `CA_DELIVERY_INVALID`; {SigningError} */
export async function makeKey(
  { signer, random }: Pick<CaCore, 'signer' | 'random'>,
  terms: DeliveryTerms,
  wishes: KeyWishes,
): Promise<MadeKey> {
  const type = keyTypeOf(terms.keyType);
  if (terms.keys === 'card') {
    const spki = readTransportKey(wishes.transportKey);
    const protection: KeyProtection = { kind: 'transport', spki, oaep: terms.oaep };
    const { csr, encryptedKey } = await signer.makeSubjectKey({ type, protection });
    return { csr, transportKey: spki, shelved: { key: encryptedKey } };
  }
  const password = passwordFor(terms, wishes, random);
  // The signer process has a copy of its own, which it overwrites.
  const protection: KeyProtection = {
    kind: 'password',
    password: Uint8Array.from(password),
    iterations: terms.rounds,
  };
  try {
    const { csr, encryptedKey } = await signer.makeSubjectKey({ type, protection });
    return { csr, transportKey: undefined, shelved: { key: encryptedKey, pin: password } };
  } finally {
    protection.password.fill(0);
  }
}

/** @throws {CaError} `CA_DELIVERY_INVALID` for wishes that do not go with the terms. */
export function assertWishes(
  terms: DeliveryTerms,
  wishes: KeyWishes & { readonly isPasswordLater?: boolean },
): void {
  if (terms.keys === 'card') {
    readTransportKey(wishes.transportKey);
  } else if (wishes.transportKey !== undefined) {
    throw invalid('there is no card, so there is no transport key');
  }
  const isGiven = terms.keys === 'pkcs12' && terms.password === 'given';
  const isAbsent = wishes.password === undefined && !(isGiven && wishes.isPasswordLater === true);
  if (isGiven === isAbsent) {
    throw invalid(
      isGiven ? 'the password of the file is missing' : 'the password is not chosen by anybody',
    );
  }
  if (wishes.password !== undefined) {
    assertPassword(wishes.password);
  }
}

function passwordFor(
  terms: DeliveryTerms,
  { password }: KeyWishes,
  random: CaCore['random'],
): Uint8Array {
  return password === undefined
    ? drawPassword(terms.passwordCharacters, random)
    : Uint8Array.from(password);
}

function readTransportKey(given: Uint8Array | string | undefined): Uint8Array {
  if (given === undefined) {
    throw invalid("the card's transport key is missing");
  }
  try {
    const spki = typeof given === 'string' ? decodePem(given, 'PUBLIC KEY') : given;
    assertTransportKey(spki);
    return spki;
  } catch (cause) {
    throw isCertdirError(cause) ? invalid(cause.message, cause) : cause;
  }
}

function invalid(message: string, cause?: unknown): CaError {
  return new CaError('CA_DELIVERY_INVALID', message, cause === undefined ? {} : { cause });
}

/** A PKCS#12 file with key, certificate and the CA's own. */
export async function assembleFile(
  core: CaCore,
  of: {
    readonly encryptedKey: Uint8Array;
    readonly password: Uint8Array;
    readonly rounds: number;
    /** DER of the subscriber's certificate. */
    readonly certificate: Uint8Array;
    readonly generation: number;
  },
): Promise<Uint8Array> {
  const issuer = core.authorities.of(of.generation).certificate;
  const { serialNumber } = parseCertificate(of.certificate);
  return await encodePkcs12({
    encryptedKey: of.encryptedKey,
    password: of.password,
    iterations: of.rounds,
    random: core.random,
    certificates: [of.certificate, issuer.der],
    friendlyName: `${core.policy.id} ${formatSerialNumber(serialNumber)}`,
  });
}

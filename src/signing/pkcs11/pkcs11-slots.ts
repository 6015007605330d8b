/**
 * What a PKCS#11 module (OASIS PKCS#11 v2.40) says of itself: library, slots, tokens. Runs only inside a
 * child process, see `pkcs11-module.ts`: a vendor's library may crash or hang whoever loads it.
 *
 * pkcs11js is an optional package that is compiled when it is installed, so nothing here depends on its
 * being there, its types included.
 *
 * @module
 */

import { SigningError } from '../errors.ts';

export interface Pkcs11Token {
  readonly label: string;
  readonly manufacturer: string;
  readonly model: string;
  readonly serialNumber: string;
  readonly isInitialized: boolean;
  readonly isLoginRequired: boolean;
  /** The PIN is entered at the device itself. */
  readonly isPinEnteredAtDevice: boolean;
  readonly pinState: 'none' | 'set' | 'few tries left' | 'last try' | 'locked';
}

export interface Pkcs11Slot {
  /** CK_SLOT_ID in decimal. Numbers change with the machine; name a token by label or serial. */
  readonly id: string;
  readonly description: string;
  readonly manufacturer: string;
  /** Undefined when the slot is empty. */
  readonly token: Pkcs11Token | undefined;
}

export interface Pkcs11Module {
  readonly manufacturer: string;
  readonly description: string;
  readonly libraryVersion: string;
  readonly cryptokiVersion: string;
  readonly slots: readonly Pkcs11Slot[];
}

interface Version {
  readonly major: number;
  readonly minor: number;
}

/** The part of pkcs11js that is used here. */
export interface Pkcs11Session {
  load(path: string): void;
  close(): void;
  C_Initialize(options: { readonly flags: number }): void;
  C_Finalize(): void;
  C_GetInfo(): {
    readonly manufacturerID: string;
    readonly libraryDescription: string;
    readonly libraryVersion: Version;
    readonly cryptokiVersion: Version;
  };
  C_GetSlotList(isTokenPresent: boolean): Buffer[];
  C_GetSlotInfo(slot: Buffer): {
    readonly slotDescription: string;
    readonly manufacturerID: string;
    readonly flags: number;
  };
  C_GetTokenInfo(slot: Buffer): {
    readonly label: string;
    readonly manufacturerID: string;
    readonly model: string;
    readonly serialNumber: string;
    readonly flags: number;
  };
}

export interface Pkcs11Library<Session = Pkcs11Session> {
  readonly PKCS11: new () => Session;
}

/** CK_SLOT_INFO and CK_TOKEN_INFO flags (PKCS#11 v2.40 §3.2). */
const CKF = {
  /** Of C_Initialize. */
  osLockingOk: 0x2,
  tokenPresent: 0x1,
  loginRequired: 0x4,
  userPinInitialized: 0x8,
  protectedAuthenticationPath: 0x100,
  tokenInitialized: 0x400,
  userPinCountLow: 0x10000,
  userPinFinalTry: 0x20000,
  userPinLocked: 0x40000,
} as const;

/**
 * Loads pkcs11js.
 *
 * @throws {SigningError} `SIGNING_PKCS11_MISSING` with what to install.
 */
export async function importPkcs11js<Session = Pkcs11Session>(
  specifier: string = 'pkcs11js',
): Promise<Pkcs11Library<Session>> {
  try {
    const loaded: { readonly default: Pkcs11Library<Session> } = await import(specifier);
    return loaded.default;
  } catch (cause) {
    throw new SigningError(
      'SIGNING_PKCS11_MISSING',
      'pkcs11js is not there or was not compiled. Install a C++ compiler, make and Python ' +
        '(Debian: apt-get install build-essential python3), then run: npm install, and if it is ' +
        'installed already: npm rebuild pkcs11js',
      { cause },
    );
  }
}

/**
 * Loads a module and lists its slots; nobody logs in.
 *
 * @param modulePath Absolute path of the vendor's library.
 * @throws {SigningError} `SIGNING_PKCS11_MODULE`.
 */
export function readPkcs11Module(library: Pkcs11Library, modulePath: string): Pkcs11Module {
  const session = new library.PKCS11();
  try {
    session.load(modulePath);
    // Some modules refuse to work without locks of their own.
    session.C_Initialize({ flags: CKF.osLockingOk });
    const info = session.C_GetInfo();
    const slots = session.C_GetSlotList(false).map((slot) => readSlot(session, slot));
    session.C_Finalize();
    session.close();
    return {
      manufacturer: info.manufacturerID.trim(),
      description: info.libraryDescription.trim(),
      libraryVersion: formatVersion(info.libraryVersion),
      cryptokiVersion: formatVersion(info.cryptokiVersion),
      slots,
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SigningError('SIGNING_PKCS11_MODULE', `${modulePath}: ${reason}`, { cause });
  }
}

function readSlot(session: Pkcs11Session, slot: Buffer): Pkcs11Slot {
  const { slotDescription, manufacturerID, flags } = session.C_GetSlotInfo(slot);
  return {
    id: formatHandle(slot),
    description: slotDescription.trim(),
    manufacturer: manufacturerID.trim(),
    token: (flags & CKF.tokenPresent) === 0 ? undefined : readToken(session, slot),
  };
}

/** What a token says of itself. @throws what pkcs11js throws. */
export function readToken(
  session: Pick<Pkcs11Session, 'C_GetTokenInfo'>,
  slot: Buffer,
): Pkcs11Token {
  const { label, manufacturerID, model, serialNumber, flags } = session.C_GetTokenInfo(slot);
  return {
    label: label.trim(),
    manufacturer: manufacturerID.trim(),
    model: model.trim(),
    serialNumber: serialNumber.trim(),
    isInitialized: (flags & CKF.tokenInitialized) !== 0,
    isLoginRequired: (flags & CKF.loginRequired) !== 0,
    isPinEnteredAtDevice: (flags & CKF.protectedAuthenticationPath) !== 0,
    pinState: pinStateOf(flags),
  };
}

function pinStateOf(flags: number): Pkcs11Token['pinState'] {
  if ((flags & CKF.userPinLocked) !== 0) {
    return 'locked';
  }
  if ((flags & CKF.userPinInitialized) === 0) {
    return 'none';
  }
  if ((flags & CKF.userPinFinalTry) !== 0) {
    return 'last try';
  }
  return (flags & CKF.userPinCountLow) === 0 ? 'set' : 'few tries left';
}

/** pkcs11js hands CK_ULONG over in the machine's own order; every platform it supports is little-endian. */
function formatHandle(handle: Buffer): string {
  return BigInt(`0x${Buffer.from(handle).reverse().toString('hex') || '0'}`).toString();
}

function formatVersion(version: Version): string {
  return `${version.major}.${version.minor}`;
}

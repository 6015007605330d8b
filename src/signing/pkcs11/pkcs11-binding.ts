/**
 * The part of pkcs11js that a token needs, and the numbers of PKCS#11 v2.40 that go with it (OASIS header files).
 * Runs only inside the signer process.
 *
 * Calls that a device takes its time for have an asynchronous form, which runs the module on a thread of the pool.
 *
 * @module
 */

import type { Pkcs11Session } from './pkcs11-slots.ts';

/** CK_ULONG in the machine's own order, as pkcs11js hands it over. */
export type Pkcs11Handle = Buffer;

export interface Pkcs11Attribute {
  readonly type: number;
  readonly value: Buffer | boolean | number | string;
}

export interface Pkcs11Mechanism {
  readonly mechanism: number;
  readonly parameter?: object | Buffer;
}

export interface Pkcs11Binding extends Pkcs11Session {
  C_GetMechanismInfo(
    slot: Pkcs11Handle,
    mechanism: number,
  ): { readonly minKeySize: number; readonly maxKeySize: number };
  C_OpenSession(slot: Pkcs11Handle, flags: number): Pkcs11Handle;
  C_CloseAllSessions(slot: Pkcs11Handle): void;
  C_Login(session: Pkcs11Handle, user: number, pin: string): void;
  C_Logout(session: Pkcs11Handle): void;
  C_FindObjectsInit(session: Pkcs11Handle, template: readonly Pkcs11Attribute[]): void;
  C_FindObjects(session: Pkcs11Handle, max: number): Pkcs11Handle[];
  C_FindObjectsFinal(session: Pkcs11Handle): void;
  C_GetAttributeValue(
    session: Pkcs11Handle,
    object: Pkcs11Handle,
    template: readonly { readonly type: number }[],
  ): { readonly type: number; readonly value: Buffer }[];
  C_DestroyObject(session: Pkcs11Handle, object: Pkcs11Handle): void;
  C_GenerateKeyPairAsync(
    session: Pkcs11Handle,
    mechanism: Pkcs11Mechanism,
    ...templates: readonly [readonly Pkcs11Attribute[], readonly Pkcs11Attribute[]]
  ): Promise<{ readonly publicKey: Pkcs11Handle; readonly privateKey: Pkcs11Handle }>;
  C_GenerateKeyAsync(
    session: Pkcs11Handle,
    mechanism: Pkcs11Mechanism,
    template: readonly Pkcs11Attribute[],
  ): Promise<Pkcs11Handle>;
  C_CreateObject(session: Pkcs11Handle, template: readonly Pkcs11Attribute[]): Pkcs11Handle;
  C_WrapKeyAsync(
    session: Pkcs11Handle,
    mechanism: Pkcs11Mechanism,
    ...wrapping: readonly [by: Pkcs11Handle, key: Pkcs11Handle, wrapped: Buffer]
  ): Promise<Buffer>;
  C_SignInit(session: Pkcs11Handle, mechanism: Pkcs11Mechanism, key: Pkcs11Handle): void;
  C_SignAsync(session: Pkcs11Handle, data: Buffer, signature: Buffer): Promise<Buffer>;
}

export const CKF = {
  rwSession: 0x2,
  serialSession: 0x4,
  /** Of C_Initialize: several threads will call. */
  osLockingOk: 0x2,
} as const;

export const CKU_USER = 1;

export const CKO = { publicKey: 2, privateKey: 3, secretKey: 4 } as const;

export const CKK = { rsa: 0x0, aes: 0x1f } as const;

export const CKA = {
  class: 0x0,
  token: 0x1,
  private: 0x2,
  label: 0x3,
  keyType: 0x100,
  id: 0x102,
  sensitive: 0x103,
  encrypt: 0x104,
  decrypt: 0x105,
  wrap: 0x106,
  unwrap: 0x107,
  sign: 0x108,
  verify: 0x10a,
  derive: 0x10c,
  modulus: 0x120,
  modulusBits: 0x121,
  publicExponent: 0x122,
  valueLen: 0x161,
  extractable: 0x162,
  local: 0x163,
  neverExtractable: 0x164,
  alwaysSensitive: 0x165,
  ecParams: 0x180,
  ecPoint: 0x181,
} as const;

export const CKM = {
  rsaPkcsKeyPairGen: 0x0,
  rsaPkcs: 0x1,
  rsaPkcsOaep: 0x9,
  rsaPkcsPss: 0xd,
  sha1: 0x220,
  sha256: 0x250,
  sha384: 0x260,
  sha512: 0x270,
  ecKeyPairGen: 0x1040,
  ecdsa: 0x1041,
  ecEdwardsKeyPairGen: 0x1055,
  eddsa: 0x1057,
  aesKeyGen: 0x1080,
  aesKeyWrapPad: 0x210a,
} as const;

/** The kind of parameter that pkcs11js is told it gets: CK_RSA_PKCS_PSS_PARAMS. */
export const PSS_PARAMETERS = 5;

export const CKG_MGF1 = { sha1: 0x1, sha256: 0x2, sha384: 0x3, sha512: 0x4 } as const;

/** Likewise CK_RSA_PKCS_OAEP_PARAMS. */
export const OAEP_PARAMETERS = 4;

/** The source of OAEP's label, which is empty. */
export const CKZ_DATA_SPECIFIED = 0x1;

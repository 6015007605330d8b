/**
 * A PKCS#11 module with one token, in memory, that answers any call with any error when the test says so. Keys are real
 * ones of node:crypto, RSA-2048 and P-256; sessions belong to one process (one binding), objects to the token.
 *
 * @module
 */

import {
  constants,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  privateEncrypt,
} from 'node:crypto';
import { p256 } from '@noble/curves/nist.js';

import {
  CKA,
  CKM,
  CKO,
  type Pkcs11Attribute,
  type Pkcs11Binding,
  type Pkcs11Handle,
  type Pkcs11Mechanism,
} from '../../src/signing/pkcs11/pkcs11-binding.ts';
import type { Pkcs11Library } from '../../src/signing/pkcs11/pkcs11-slots.ts';

/** The calls that a fault can be set for. */
export const moduleCalls = [
  'C_Initialize',
  'C_GetSlotList',
  'C_GetTokenInfo',
  'C_OpenSession',
  'C_Login',
  'C_FindObjectsInit',
  'C_FindObjects',
  'C_FindObjectsFinal',
  'C_GetAttributeValue',
  'C_GenerateKeyPair',
  'C_DestroyObject',
  'C_SignInit',
  'C_Sign',
  'C_CloseAllSessions',
  'C_Finalize',
] as const;

export type ModuleCall = (typeof moduleCalls)[number];

interface HeldObject {
  readonly handle: Buffer;
  readonly attributes: ReadonlyMap<number, Buffer>;
  readonly key: KeyObject;
}

export const FAKE_PIN = '1234';
export const FAKE_LABEL = 'fake';

const flag = (on: boolean): Buffer => Buffer.of(on ? 1 : 0);

/** What all processes see. */
export class FakeHsm {
  /** Throws what the module shall answer. Set by the test. */
  onCall: (call: ModuleCall) => void = () => undefined;
  /** Changes signatures on their way out. */
  alter: (signature: Buffer) => Buffer = (signature) => signature;
  /** CK_TOKEN_INFO flags. */
  flags: number = 0x40c;
  /** How many sessions the token has in all. */
  maxSessions = 16;
  objects: HeldObject[] = [];
  logins = 0;
  #lastHandle = 0;

  readonly library: Pkcs11Library<Pkcs11Binding>;

  constructor() {
    const newBinding = (): Pkcs11Binding => new FakeBinding(this);
    // A constructor that makes a binding of this device.
    this.library = {
      PKCS11: function (this: unknown) {
        return newBinding();
      } as unknown as new () => Pkcs11Binding,
    };
  }

  handle(): Buffer {
    this.#lastHandle += 1;
    const handle = Buffer.alloc(8);
    handle.writeUInt32LE(this.#lastHandle);
    return handle;
  }
}

/** `CKR_…:number`, as pkcs11js throws it. */
export function returnValue(value: number, name = 'CKR_FAKE'): Error {
  return new Error(`${name}:${value}`);
}

class FakeBinding implements Pkcs11Binding {
  readonly #hsm: FakeHsm;
  #sessions: Buffer[] = [];
  #isLoggedIn = false;
  #found: Buffer[] = [];
  readonly #signing = new Map<string, { mechanism: number; object: HeldObject }>();

  constructor(hsm: FakeHsm) {
    this.#hsm = hsm;
  }

  // Keys for subscribers are tested with SoftHSM.
  C_GenerateKeyAsync(): never {
    throw returnValue(0x54);
  }
  C_CreateObject(): never {
    throw returnValue(0x54);
  }
  C_WrapKeyAsync(): never {
    throw returnValue(0x54);
  }

  load(): void {}
  close(): void {}

  C_Initialize(): void {
    this.#hsm.onCall('C_Initialize');
  }

  C_Finalize(): void {
    this.#hsm.onCall('C_Finalize');
  }

  C_GetInfo(): ReturnType<Pkcs11Binding['C_GetInfo']> {
    const version = { major: 2, minor: 40 };
    return {
      manufacturerID: 'Fake',
      libraryDescription: 'Fake',
      libraryVersion: version,
      cryptokiVersion: version,
    };
  }

  C_GetSlotList(): Buffer[] {
    this.#hsm.onCall('C_GetSlotList');
    return [Buffer.alloc(8)];
  }

  C_GetSlotInfo(): ReturnType<Pkcs11Binding['C_GetSlotInfo']> {
    return { slotDescription: 'Fake', manufacturerID: 'Fake', flags: 1 };
  }

  C_GetTokenInfo(): ReturnType<Pkcs11Binding['C_GetTokenInfo']> {
    this.#hsm.onCall('C_GetTokenInfo');
    const names = { label: FAKE_LABEL, manufacturerID: 'Fake', model: 'F', serialNumber: '1' };
    return { ...names, flags: this.#hsm.flags };
  }

  C_GetMechanismInfo(): { minKeySize: number; maxKeySize: number } {
    return { minKeySize: 256, maxKeySize: 4096 };
  }

  C_OpenSession(): Buffer {
    this.#hsm.onCall('C_OpenSession');
    if (this.#sessions.length >= this.#hsm.maxSessions) {
      throw returnValue(0xb1, 'CKR_SESSION_COUNT');
    }
    const session = this.#hsm.handle();
    this.#sessions.push(session);
    return session;
  }

  C_CloseAllSessions(): void {
    this.#hsm.onCall('C_CloseAllSessions');
    this.#sessions = [];
    this.#isLoggedIn = false;
  }

  C_Login(session: Pkcs11Handle, _user: number, pin: string): void {
    this.#hsm.logins += 1;
    this.#hsm.onCall('C_Login');
    this.#assertSession(session);
    if (pin !== FAKE_PIN) {
      throw returnValue(0xa0, 'CKR_PIN_INCORRECT');
    }
    this.#isLoggedIn = true;
  }

  C_Logout(): void {
    this.#isLoggedIn = false;
  }

  C_FindObjectsInit(session: Pkcs11Handle, template: readonly Pkcs11Attribute[]): void {
    this.#hsm.onCall('C_FindObjectsInit');
    this.#assertSession(session);
    const isWanted = ({ attributes }: HeldObject): boolean =>
      template.every(({ type, value }) => attributes.get(type)?.equals(bytesOf(value)) === true);
    const seen = this.#hsm.objects.filter((object) => this.#isLoggedIn || isPublic(object));
    this.#found = seen.filter(isWanted).map(({ handle }) => handle);
  }

  C_FindObjects(session: Pkcs11Handle, max: number): Buffer[] {
    this.#hsm.onCall('C_FindObjects');
    this.#assertSession(session);
    return this.#found.slice(0, max);
  }

  C_FindObjectsFinal(): void {
    this.#hsm.onCall('C_FindObjectsFinal');
  }

  C_GetAttributeValue(
    session: Pkcs11Handle,
    handle: Pkcs11Handle,
    template: readonly { readonly type: number }[],
  ): { type: number; value: Buffer }[] {
    this.#hsm.onCall('C_GetAttributeValue');
    this.#assertSession(session);
    const { attributes } = this.#object(handle);
    return template.map(({ type }) => {
      const value = attributes.get(type);
      if (value === undefined) {
        throw returnValue(0x12, 'CKR_ATTRIBUTE_TYPE_INVALID');
      }
      return { type, value };
    });
  }

  C_DestroyObject(session: Pkcs11Handle, handle: Pkcs11Handle): void {
    this.#hsm.onCall('C_DestroyObject');
    this.#assertSession(session);
    this.#hsm.objects = this.#hsm.objects.filter((object) => !object.handle.equals(handle));
  }

  async C_GenerateKeyPairAsync(
    session: Pkcs11Handle,
    { mechanism }: Pkcs11Mechanism,
    ...[publicTemplate, privateTemplate]: readonly [
      readonly Pkcs11Attribute[],
      readonly Pkcs11Attribute[],
    ]
  ): Promise<{ publicKey: Buffer; privateKey: Buffer }> {
    this.#hsm.onCall('C_GenerateKeyPair');
    this.#assertSession(session);
    const isRsa = mechanism === CKM.rsaPkcsKeyPairGen;
    const key = isRsa ? rsaKey : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const jwk = key.export({ format: 'jwk' });
    const number = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64url');
    const point = Buffer.concat([Buffer.of(4, 0x41, 4), number(jwk.x), number(jwk.y)]);
    const halves = isRsa
      ? [[CKA.modulus, number(jwk.n)] as const, [CKA.publicExponent, number(jwk.e)] as const]
      : [[CKA.ecPoint, point] as const];
    const inside = [CKA.local, CKA.alwaysSensitive, CKA.neverExtractable];
    return {
      publicKey: this.#keep(key, [...attributesOf(publicTemplate), ...halves]),
      privateKey: this.#keep(key, [
        ...attributesOf(privateTemplate),
        ...inside.map((type) => [type, flag(true)] as const),
      ]),
    };
  }

  C_SignInit(session: Pkcs11Handle, { mechanism }: Pkcs11Mechanism, handle: Pkcs11Handle): void {
    this.#hsm.onCall('C_SignInit');
    this.#assertSession(session);
    if (!this.#isLoggedIn) {
      throw returnValue(0x101, 'CKR_USER_NOT_LOGGED_IN');
    }
    this.#signing.set(session.toString('hex'), { mechanism, object: this.#object(handle) });
  }

  async C_SignAsync(session: Pkcs11Handle, data: Buffer): Promise<Buffer> {
    this.#hsm.onCall('C_Sign');
    this.#assertSession(session);
    const signing = this.#signing.get(session.toString('hex'));
    this.#signing.delete(session.toString('hex'));
    if (signing === undefined) {
      throw returnValue(0x91, 'CKR_OPERATION_NOT_INITIALIZED');
    }
    const { key } = signing.object;
    if (signing.mechanism === CKM.rsaPkcs) {
      const padding = constants.RSA_PKCS1_PADDING;
      return this.#hsm.alter(privateEncrypt({ key, padding }, data));
    }
    const scalar = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
    const options = { prehash: false, lowS: false, format: 'compact' } as const;
    return this.#hsm.alter(Buffer.from(p256.sign(data, scalar, options)));
  }

  #keep(key: KeyObject, attributes: Iterable<readonly [number, Buffer]>): Buffer {
    const handle = this.#hsm.handle();
    this.#hsm.objects.push({ handle, attributes: new Map(attributes), key });
    return handle;
  }

  #object(handle: Buffer): HeldObject {
    const object = this.#hsm.objects.find((held) => held.handle.equals(handle));
    if (object === undefined) {
      throw returnValue(0x82, 'CKR_OBJECT_HANDLE_INVALID');
    }
    return object;
  }

  #assertSession(session: Buffer): void {
    if (!this.#sessions.some((open) => open.equals(session))) {
      throw returnValue(0xb3, 'CKR_SESSION_HANDLE_INVALID');
    }
  }
}

/** Making one takes long; every RSA key of the fake is this one. */
const rsaKey = createPrivateKey(
  generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    format: 'pem',
    type: 'pkcs8',
  }),
);

function isPublic({ attributes }: HeldObject): boolean {
  return attributes.get(CKA.class)?.[0] === CKO.publicKey;
}

function attributesOf(
  template: readonly Pkcs11Attribute[],
): readonly (readonly [number, Buffer])[] {
  return template.map(({ type, value }) => [type, bytesOf(value)] as const);
}

function bytesOf(value: Pkcs11Attribute['value']): Buffer {
  if (typeof value === 'boolean') {
    return flag(value);
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32LE(value);
    return bytes;
  }
  return Buffer.from(value);
}

/**
 * What pkcs11js does with SoftHSM when nothing is around it: the limit for the PKCS#11 token.
 *
 * @module
 */

import { createHash } from 'node:crypto';

import { encodeDigestInfo } from '../../src/signing/digest-info.ts';
import {
  CKF,
  CKM,
  CKU_USER,
  type Pkcs11Binding,
  type Pkcs11Handle,
} from '../../src/signing/pkcs11/pkcs11-binding.ts';
import { generateKeyObjects } from '../../src/signing/pkcs11/pkcs11-keys.ts';
import { importPkcs11js } from '../../src/signing/pkcs11/pkcs11-slots.ts';
import { type Softhsm, softhsmModule, TOKEN_PIN } from '../../test/support/softhsm.ts';

/** Opens sessions and makes an RSA-2048 key. @returns one function for each session, which makes one signature. */
export async function openRawSoftHsm(
  softhsm: Softhsm,
  sessions: number,
): Promise<readonly ((message: Uint8Array) => Promise<unknown>)[]> {
  Object.assign(process.env, softhsm.environment);
  const { PKCS11 } = await importPkcs11js<Pkcs11Binding>();
  const binding = new PKCS11();
  binding.load(softhsmModule);
  binding.C_Initialize({ flags: CKF.osLockingOk });
  const [slot] = binding.C_GetSlotList(true);
  const open = (): Pkcs11Handle =>
    binding.C_OpenSession(slot ?? Buffer.alloc(8), CKF.serialSession | CKF.rwSession);
  const first = open();
  binding.C_Login(first, CKU_USER, TOKEN_PIN);
  const name = { label: 'raw', id: Buffer.of(1) };
  const type = { kind: 'rsa', modulusBits: 2048 } as const;
  const { privateKey } = await generateKeyObjects(binding, first, { name, type });
  const all = [first, ...Array.from({ length: sessions - 1 }, open)];
  return all.map((session) => async (message) => {
    const digest = createHash('sha256').update(message).digest();
    const data = Buffer.from(encodeDigestInfo('sha256', digest));
    binding.C_SignInit(session, { mechanism: CKM.rsaPkcs }, privateKey);
    await binding.C_SignAsync(session, data, Buffer.alloc(256));
  });
}

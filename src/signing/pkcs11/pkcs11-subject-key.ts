/**
 * A subscriber's key made in a PKCS#11 token and sent to a card: everything is an object of one session, which is gone
 * with the session whatever happens, and is destroyed before the call ends. The private key may leave the token wrapped
 * and no other way (CKA_SENSITIVE), and the AES key that wraps it likewise.
 *
 * PKCS#11 v2.40 §5.11 (C_WrapKey), §2.14 (AES key wrap), §2.1.8 (OAEP). In two steps, because few tokens have
 * CKM_RSA_AES_KEY_WRAP itself; what comes out is the same.
 *
 * @module
 */

import { createPublicKey } from 'node:crypto';

import { concatBytes } from '../../core/bytes.ts';
import {
  assertSubjectKeyRequest,
  type KeyProtection,
  makeRequest,
  type SubjectKey,
  type SubjectKeyRequest,
} from '../subject-key.ts';
import {
  CKA,
  CKG_MGF1,
  CKK,
  CKM,
  CKO,
  CKZ_DATA_SPECIFIED,
  OAEP_PARAMETERS,
  type Pkcs11Binding,
  type Pkcs11Handle,
} from './pkcs11-binding.ts';
import { awaitModule, callModule } from './pkcs11-failure.ts';
import { generateWrappableKey, readSpki, signingInput } from './pkcs11-keys.ts';

/** A PKCS#8 key of RSA-4096 has 2,400. */
const MAX_WRAPPED_BYTES = 8192;
const AES_KEY_BYTES = 32;

/**
 * Makes, wraps and destroys.
 *
 * @throws {SigningError} `SIGNING_KEY_REFUSED`; `SIGNING_ALGORITHM_REFUSED` when the token does not wrap like this.
 */
export async function makeWrappedSubjectKey(
  binding: Pkcs11Binding,
  session: Pkcs11Handle,
  request: SubjectKeyRequest & { readonly protection: { readonly kind: 'transport' } },
): Promise<SubjectKey> {
  assertSubjectKeyRequest(request);
  const { type, protection } = request;
  const made: Pkcs11Handle[] = [];
  try {
    const transportKey = importTransportKey(binding, session, protection);
    made.push(transportKey);
    const wrappingKey = await makeWrappingKey(binding, session);
    made.push(wrappingKey);
    const pair = await generateWrappableKey(binding, session, type);
    made.push(pair.privateKey, pair.publicKey);
    const spki = readSpki(binding, { session, object: pair.publicKey }, type);
    const csr = await makeRequest({ type, spki }, async (bytes, algorithm) => {
      const input = signingInput(type, algorithm, { kind: 'whole', bytes });
      callModule('C_SignInit', () => binding.C_SignInit(session, input.mechanism, pair.privateKey));
      const output = Buffer.alloc(input.maxBytes);
      return input.encode(
        await awaitModule('C_Sign', () => binding.C_SignAsync(session, input.data, output)),
      );
    });
    const wrap = (
      mechanism: Parameters<Pkcs11Binding['C_WrapKeyAsync']>[1],
      by: Pkcs11Handle,
      key: Pkcs11Handle,
    ): Promise<Buffer> =>
      awaitModule('C_WrapKey', () =>
        binding.C_WrapKeyAsync(session, mechanism, by, key, Buffer.alloc(MAX_WRAPPED_BYTES)),
      );
    const wrappedKey = await wrap({ mechanism: CKM.aesKeyWrapPad }, wrappingKey, pair.privateKey);
    const wrappedAesKey = await wrap(oaepMechanism(protection), transportKey, wrappingKey);
    return { csr, encryptedKey: concatBytes(wrappedAesKey, wrappedKey) };
  } finally {
    for (const object of made) {
      callModule('C_DestroyObject', () => binding.C_DestroyObject(session, object));
    }
  }
}

function oaepMechanism({ oaep }: KeyProtection & { readonly kind: 'transport' }): {
  readonly mechanism: number;
  readonly parameter: object;
} {
  const parameter = {
    type: OAEP_PARAMETERS,
    hashAlg: CKM[oaep],
    mgf: CKG_MGF1[oaep],
    source: CKZ_DATA_SPECIFIED,
    sourceData: Buffer.alloc(0),
  };
  return { mechanism: CKM.rsaPkcsOaep, parameter };
}

function importTransportKey(
  binding: Pkcs11Binding,
  session: Pkcs11Handle,
  { spki }: KeyProtection & { readonly kind: 'transport' },
): Pkcs11Handle {
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  const { n = '', e = '' } = key.export({ format: 'jwk' });
  const template = [
    { type: CKA.class, value: CKO.publicKey },
    { type: CKA.keyType, value: CKK.rsa },
    { type: CKA.token, value: false },
    { type: CKA.private, value: false },
    { type: CKA.wrap, value: true },
    { type: CKA.encrypt, value: false },
    { type: CKA.verify, value: false },
    { type: CKA.modulus, value: Buffer.from(n, 'base64url') },
    { type: CKA.publicExponent, value: Buffer.from(e, 'base64url') },
  ];
  return callModule('C_CreateObject', () => binding.C_CreateObject(session, template));
}

async function makeWrappingKey(
  binding: Pkcs11Binding,
  session: Pkcs11Handle,
): Promise<Pkcs11Handle> {
  const template = [
    { type: CKA.class, value: CKO.secretKey },
    { type: CKA.keyType, value: CKK.aes },
    { type: CKA.token, value: false },
    { type: CKA.private, value: true },
    { type: CKA.sensitive, value: true },
    { type: CKA.extractable, value: true },
    { type: CKA.wrap, value: true },
    { type: CKA.unwrap, value: false },
    { type: CKA.encrypt, value: false },
    { type: CKA.decrypt, value: false },
    { type: CKA.valueLen, value: AES_KEY_BYTES },
  ];
  const mechanism = { mechanism: CKM.aesKeyGen };
  return await awaitModule('C_GenerateKey', () =>
    binding.C_GenerateKeyAsync(session, mechanism, template),
  );
}

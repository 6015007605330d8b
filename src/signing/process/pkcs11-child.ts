/**
 * The entry of the process that looks at one PKCS#11 module and ends. Started by `pkcs11-module.ts`.
 *
 * @module
 */

import { SigningError } from '../errors.ts';
import type { Pkcs11Question } from '../pkcs11/pkcs11-module.ts';
import { importPkcs11js, readPkcs11Module } from '../pkcs11/pkcs11-slots.ts';

process.on('message', (question: Pkcs11Question) => {
  void answer(question).then((reply) =>
    process.send?.(reply, undefined, undefined, () => process.disconnect()),
  );
});

async function answer({ id, modulePath }: Pkcs11Question): Promise<unknown> {
  try {
    const library = await importPkcs11js();
    return { id, isOk: true, value: readPkcs11Module(library, modulePath) };
  } catch (error) {
    const isOurs = error instanceof SigningError;
    const code = isOurs ? error.code : 'SIGNING_INTERNAL';
    return { id, isOk: false, code, message: isOurs ? error.message : String(error) };
  }
}

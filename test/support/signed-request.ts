/**
 * Requests that subscribers sign on line, made by `openssl cms`.
 *
 * @module
 */

import type { KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Oid } from '../../src/x509/object-identifiers.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { runOpenssl } from './openssl.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** `openssl cms -sign` over the content, with the time of this machine. */
export function signOnline(
  t: { after(fn: () => void): void },
  content: Uint8Array,
  by: { readonly certificate: Uint8Array; readonly key: KeyObject },
): Uint8Array {
  const folder = temporaryFolder(t);
  const write = (name: string, bytes: string | Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, bytes, { mode: 0o600 });
    return path;
  };
  const key = String(by.key.export({ format: 'pem', type: 'pkcs8' }));
  return new Uint8Array(
    runOpenssl([
      ...['cms', '-sign', '-binary', '-nodetach', '-outform', 'DER'],
      ...['-econtent_type', Oid.pkiData, '-in', write('content', content)],
      ...['-signer', write('cert.pem', encodePem('CERTIFICATE', by.certificate))],
      ...['-inkey', write('key.pem', key)],
    ]),
  );
}

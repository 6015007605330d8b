/**
 * Lets the CA of a restored data folder sign again.
 *
 * @module
 */

import { asBuffer } from '../core/bytes.ts';
import { ClosingStack } from '../core/closing-stack.ts';
import { decodePem } from '../x509/pem.ts';
import { type OpenOptions, openInstance } from './instance.ts';

export interface ConfirmInput {
  /** Lists in use, DER or PEM. */
  readonly files: readonly Uint8Array[];
  readonly numbers: readonly { readonly scopeId: string; readonly number: bigint }[];
  readonly coversRest: boolean;
  readonly acceptsMissing: boolean;
  readonly operator: string;
}

export interface ConfirmReport {
  readonly moved: readonly { readonly scope: string; readonly from: string; readonly to: string }[];
  readonly missing: readonly {
    readonly scope: string;
    readonly serialNumber: string;
    readonly isKnown: boolean;
  }[];
}

/** @throws {CaError} see `confirmRecovery`; `STORE_LOCKED` while a server runs. */
export async function confirmRestored(
  options: OpenOptions,
  { files, numbers, coversRest, acceptsMissing, operator }: ConfirmInput,
): Promise<ConfirmReport> {
  const closing = new ClosingStack();
  try {
    const { authority } = await openInstance(options, closing);
    const lists = files.map(listOf);
    const marks = { lists, numbers, coversRest, acceptsMissing };
    const report = await authority.confirmRecovery(marks, { channel: 'cli', actor: operator });
    return {
      moved: report.moved.map(({ scopeId: scope, from, to }) => {
        return { scope, from: from.toString(), to: to.toString() };
      }),
      missing: report.missing.map(({ scopeId: scope, ...rest }) => ({ scope, ...rest })),
    };
  } finally {
    await closing.close();
  }
}

function listOf(file: Uint8Array): Uint8Array {
  const text = asBuffer(file).toString('latin1');
  return text.startsWith('-----BEGIN') ? decodePem(text, 'X509 CRL') : file;
}

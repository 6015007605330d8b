/**
 * Loading a PKCS#11 module and finding one token in it, by label or serial number: slot numbers change with the machine.
 *
 * @module
 */

import { SigningError } from '../errors.ts';
import { CKF, type Pkcs11Binding, type Pkcs11Handle } from './pkcs11-binding.ts';
import {
  CKR_CANT_LOCK,
  CKR_CRYPTOKI_ALREADY_INITIALIZED,
  callModule,
  Pkcs11Failure,
  returnValueOf,
} from './pkcs11-failure.ts';
import { type Pkcs11Token, readToken } from './pkcs11-slots.ts';

export interface TokenChoice {
  readonly tokenLabel?: string;
  readonly tokenSerial?: string;
}

export interface FoundToken {
  readonly slot: Pkcs11Handle;
  readonly token: Pkcs11Token;
}

/**
 * Loads and initialises the module.
 *
 * @returns whether it may be called by several threads at a time.
 * @throws {SigningError} `SIGNING_PKCS11_MODULE` when it is no such library; what `Pkcs11Failure` has.
 */
export function initialiseModule(
  binding: Pkcs11Binding,
  modulePath: string,
): { readonly isThreaded: boolean } {
  try {
    binding.load(modulePath);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SigningError('SIGNING_PKCS11_MODULE', `${modulePath} cannot be loaded: ${reason}`, {
      cause,
    });
  }
  try {
    binding.C_Initialize({ flags: CKF.osLockingOk });
  } catch (cause) {
    const { value } = returnValueOf(cause);
    if (value === CKR_CANT_LOCK) {
      callModule('C_Initialize', () => binding.C_Initialize({ flags: 0 }));
      return { isThreaded: false };
    }
    if (value !== CKR_CRYPTOKI_ALREADY_INITIALIZED) {
      throw new Pkcs11Failure('C_Initialize', cause);
    }
  }
  return { isThreaded: true };
}

/**
 * @throws {SigningError} `SIGNING_TOKEN_REMOVED` when no token of that name is there now, `SIGNING_TOKEN_AMBIGUOUS`
 *   when several are.
 */
export function findToken(binding: Pkcs11Binding, choice: TokenChoice): FoundToken {
  const slots = callModule('C_GetSlotList', () => binding.C_GetSlotList(true));
  const tokens = slots.flatMap((slot) => {
    try {
      return [{ slot, token: readToken(binding, slot) }];
    } catch {
      // A token that went away since, or another one that is ill: not the one that is looked for.
      return [];
    }
  });
  const { tokenLabel, tokenSerial } = choice;
  const fitting = tokens.filter(
    ({ token }) =>
      token.isInitialized &&
      (tokenLabel === undefined || token.label === tokenLabel) &&
      (tokenSerial === undefined || token.serialNumber === tokenSerial),
  );
  const [first, second] = fitting;
  if (first === undefined) {
    const there = tokens.map(({ token }) => token.label || '(not initialised)').join(', ');
    throw new SigningError(
      'SIGNING_TOKEN_REMOVED',
      `there is no token ${nameOf(choice)}; there is ${there || 'none'}. Check the name with certdir hsm list, and power and network of the HSM`,
    );
  }
  if (second !== undefined) {
    throw new SigningError(
      'SIGNING_TOKEN_AMBIGUOUS',
      `several tokens are ${nameOf(choice)}; name one by its serial number (certdir hsm list)`,
    );
  }
  return first;
}

function nameOf({ tokenLabel, tokenSerial }: TokenChoice): string {
  const label = tokenLabel === undefined ? [] : [JSON.stringify(tokenLabel)];
  const serial = tokenSerial === undefined ? [] : [`with serial number ${tokenSerial}`];
  return [...label, ...serial].join(' ') || 'at all';
}

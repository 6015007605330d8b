/**
 * The PKCS#11 token against SoftHSM, through the signer process: the contract, what other tools see of its keys, and
 * what is its own: the register, foreign keys, PINs.
 *
 * @module
 */

import { describe } from 'node:test';

import { SystemClock } from '../../src/core/clock.ts';
import { silentLog } from '../../src/core/log.ts';
import { openSignerProcess } from '../../src/signing/process/signer-process.ts';
import type { Signer } from '../../src/signing/signer.ts';
import { describeSigner } from '../contract/signer-contract.ts';
import {
  makeSofthsm,
  type Softhsm,
  skipWithoutSofthsm,
  softhsmSettings,
  TOKEN_PIN,
} from '../support/softhsm.ts';

const skip = await skipWithoutSofthsm('pkcs11-tool');

function openOn(softhsm: Softhsm, pin: string = TOKEN_PIN): Promise<Signer> {
  return openSignerProcess({
    token: softhsmSettings(softhsm),
    passphrase: { text: pin },
    clock: new SystemClock(),
    log: silentLog,
  });
}

describe('PKCS#11 token on SoftHSM', { skip }, () => {
  describeSigner('PKCS#11 token', (life) => {
    const softhsm = makeSofthsm(life);
    return () => openOn(softhsm);
  });
});

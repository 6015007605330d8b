/**
 * Looking at PKCS#11 modules: SoftHSM as a good one, and bad ones.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { SystemClock } from '../../src/core/clock.ts';
import { describePkcs11Module } from '../../src/signing/pkcs11/pkcs11-module.ts';
import {
  importPkcs11js,
  type Pkcs11Library,
  type Pkcs11Session,
  readPkcs11Module,
} from '../../src/signing/pkcs11/pkcs11-slots.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { makeSofthsm, skipWithoutSofthsm, softhsmModule } from '../support/softhsm.ts';

const clock = new SystemClock();

const modulePath = softhsmModule;
const skip = await skipWithoutSofthsm();

describe('SoftHSM', { skip }, () => {
  it('is described with its token and its free slot', async (t) => {
    const { environment } = makeSofthsm(t);
    const found = await describePkcs11Module({ modulePath, clock, environment });
    assert.equal(found.manufacturer, 'SoftHSM');
    assert.match(found.libraryVersion, /^2\.\d+$/);
    assert.match(found.cryptokiVersion, /^\d\.\d+$/);
    const [first, free] = found.slots;
    assert.equal(found.slots.length, 2);
    assert.match(first?.id ?? '', /^[1-9]\d*$/);
    assert.match(first?.token?.serialNumber ?? '', /^[0-9a-f]{16}$/);
    assert.deepEqual(
      { ...first?.token, serialNumber: '' },
      {
        label: 'certdir test',
        manufacturer: 'SoftHSM project',
        model: 'SoftHSM v2',
        serialNumber: '',
        isInitialized: true,
        isLoginRequired: true,
        isPinEnteredAtDevice: false,
        pinState: 'set',
      },
    );
    assert.equal(free?.token?.isInitialized, false);
    assert.equal(free?.token?.pinState, 'none');
  });

  it('SIGNING_PKCS11_MODULE without its configuration', async () => {
    const environment = { SOFTHSM2_CONF: '/nonexistent/softhsm2.conf' };
    await assert.rejects(describePkcs11Module({ modulePath, clock, environment }), {
      code: 'SIGNING_PKCS11_MODULE',
    });
  });

  for (const path of ['/nonexistent/module.so', '/etc/passwd', '']) {
    it(`SIGNING_PKCS11_MODULE for ${JSON.stringify(path)}`, async () => {
      await assert.rejects(describePkcs11Module({ modulePath: path, clock }), {
        code: 'SIGNING_PKCS11_MODULE',
      });
    });
  }

  it('SIGNING_PKCS11_MODULE when it takes too long', async () => {
    const simulated = new SimulatedClock();
    const looking = assert.rejects(
      describePkcs11Module({ modulePath, clock: simulated, timeoutMs: 1_000 }),
      { code: 'SIGNING_PKCS11_MODULE' },
    );
    await simulated.advance(1_000);
    await looking;
  });
});

describe('importPkcs11js', () => {
  it('SIGNING_PKCS11_MISSING says what to install', async () => {
    await assert.rejects(importPkcs11js('pkcs11js-that-is-not-there'), {
      code: 'SIGNING_PKCS11_MISSING',
      message: /build-essential.*npm rebuild pkcs11js/s,
    });
  });
});

/** A module whose one slot and token have these flags. */
function libraryWith(flags: { readonly slot: number; readonly token: number }): Pkcs11Library {
  const version = { major: 2, minor: 40 };
  class FakeSession implements Pkcs11Session {
    load(): void {}
    close(): void {}
    C_Initialize(): void {}
    C_Finalize(): void {}
    C_GetInfo(): ReturnType<Pkcs11Session['C_GetInfo']> {
      return {
        manufacturerID: 'Maker   ',
        libraryDescription: 'Library   ',
        libraryVersion: version,
        cryptokiVersion: version,
      };
    }
    C_GetSlotList(): Buffer[] {
      return [Buffer.from('0201000000000000', 'hex')];
    }
    C_GetSlotInfo(): ReturnType<Pkcs11Session['C_GetSlotInfo']> {
      return { slotDescription: 'Slot  ', manufacturerID: 'Maker ', flags: flags.slot };
    }
    C_GetTokenInfo(): ReturnType<Pkcs11Session['C_GetTokenInfo']> {
      const names = { label: 'Token ', manufacturerID: 'Maker', model: 'M ', serialNumber: '1 ' };
      return { ...names, flags: flags.token };
    }
  }
  return { PKCS11: FakeSession };
}

describe('readPkcs11Module', () => {
  it('reads an empty slot without asking for its token', () => {
    const found = readPkcs11Module(libraryWith({ slot: 0, token: 0 }), 'module');
    assert.deepEqual(found, {
      manufacturer: 'Maker',
      description: 'Library',
      libraryVersion: '2.40',
      cryptokiVersion: '2.40',
      slots: [{ id: '258', description: 'Slot', manufacturer: 'Maker', token: undefined }],
    });
  });

  const pinStates = [
    { flags: 0x400, pinState: 'none' },
    { flags: 0x408, pinState: 'set' },
    { flags: 0x10408, pinState: 'few tries left' },
    { flags: 0x30408, pinState: 'last try' },
    { flags: 0x40408, pinState: 'locked' },
    { flags: 0x70408, pinState: 'locked' },
  ];
  for (const { flags, pinState } of pinStates) {
    it(`reads token flags 0x${flags.toString(16)} as PIN ${pinState}`, () => {
      const found = readPkcs11Module(libraryWith({ slot: 1, token: flags }), 'module');
      assert.equal(found.slots[0]?.token?.pinState, pinState);
      assert.equal(found.slots[0]?.token?.isInitialized, true);
      assert.equal(found.slots[0]?.token?.isPinEnteredAtDevice, false);
    });
  }

  it('reads a PIN pad', () => {
    const found = readPkcs11Module(libraryWith({ slot: 1, token: 0x50c }), 'module');
    assert.equal(found.slots[0]?.token?.isPinEnteredAtDevice, true);
    assert.equal(found.slots[0]?.token?.isLoginRequired, true);
  });
});

/**
 * The blocks that RSA signs, against node:crypto, which makes and takes them apart on its own.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { constants, createHash, generateKeyPairSync, publicDecrypt, sign } from 'node:crypto';
import { describe, it } from 'node:test';

import { formatHex } from '../../src/core/bytes.ts';
import { digestLength, encodeDigestInfo, encodePkcs1Block } from '../../src/signing/digest-info.ts';
import { encodePssBlock, verifyPssBlock } from '../../src/signing/emsa-pss.ts';
import type { DigestName } from '../../src/signing/signer.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const digestNames: readonly DigestName[] = ['sha256', 'sha384', 'sha512'];
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

function digestOf(name: DigestName): Uint8Array {
  return createHash(name).update('message').digest();
}

/** The block inside a signature by node:crypto. */
function blockOf(name: DigestName, options: { padding?: number; saltLength?: number }): Buffer {
  const signature = sign(name, Buffer.from('message'), { key: privateKey, ...options });
  return publicDecrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, signature);
}

const pss = {
  padding: constants.RSA_PKCS1_PSS_PADDING,
  saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
};

describe('RFC 8017 §9.2 EMSA-PKCS1-v1_5', () => {
  for (const name of digestNames) {
    it(`${name} is the block that node:crypto signs`, () => {
      const block = encodePkcs1Block(name, digestOf(name), 256);
      assert.equal(formatHex(block), formatHex(blockOf(name, {})));
    });

    for (const length of [0, digestLength(name) - 1, digestLength(name) + 1]) {
      it(`refuses ${length} bytes as a ${name} digest`, () => {
        assert.throws(() => encodeDigestInfo(name, new Uint8Array(length)), {
          code: 'SIGNING_ALGORITHM_REFUSED',
        });
      });
    }
  }
});

describe('RFC 8017 §9.1 EMSA-PSS', () => {
  for (const name of digestNames) {
    const digest = digestOf(name);
    const block = blockOf(name, pss);

    it(`${name}: accepts what node:crypto made`, () => {
      assert.ok(verifyPssBlock(name, digest, block));
    });

    it(`${name}: accepts what was encoded here, for every modulus`, () => {
      const salt = new SeededRandom(name).bytes(digestLength(name));
      for (const modulusBits of [2048, 3072, 4096]) {
        const encoded = encodePssBlock({ name, modulusBits }, digest, salt);
        assert.equal(encoded.length, modulusBits / 8);
        assert.ok(verifyPssBlock(name, digest, encoded));
      }
    });

    it(`${name}: refuses a change of any byte`, () => {
      for (let position = 0; position < block.length; position += 1) {
        const changed = Uint8Array.from(block);
        changed[position] = (changed[position] ?? 0) ^ 0x01;
        assert.ok(!verifyPssBlock(name, digest, changed), `byte ${position}`);
      }
    });

    it(`${name}: refuses the top bit, another digest, another length`, () => {
      const topBit = Uint8Array.from(block);
      topBit[0] = (topBit[0] ?? 0) | 0x80;
      assert.ok(!verifyPssBlock(name, digest, topBit));
      assert.ok(!verifyPssBlock(name, new Uint8Array(digest.length), block));
      assert.ok(!verifyPssBlock(name, digest, block.subarray(1)));
      assert.ok(!verifyPssBlock(name, digest, new Uint8Array()));
    });

    for (const saltLength of [0, digestLength(name) - 1, digestLength(name) + 1]) {
      it(`${name}: refuses a salt of ${saltLength} bytes`, () => {
        assert.ok(!verifyPssBlock(name, digest, blockOf(name, { ...pss, saltLength })));
      });
    }
  }
});

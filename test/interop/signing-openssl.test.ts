/**
 * Signatures of the software token as OpenSSL sees them: every key type, scheme and digest.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import type { SignatureAlgorithm, Signer } from '../../src/signing/signer.ts';
import { openSoftwareToken } from '../../src/signing/software/software-token.ts';
import { algorithmsOf, contentOf, labelOf, type X509KeyType } from '../contract/signer-contract.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const keyTypes: readonly X509KeyType[] = [
  { kind: 'rsa', modulusBits: 2048 },
  { kind: 'rsa', modulusBits: 3072 },
  { kind: 'rsa', modulusBits: 4096 },
  { kind: 'ec', curve: 'P-256' },
  { kind: 'ec', curve: 'P-384' },
];
const MESSAGE = 'to be signed';

function verifyWithOpenssl(folder: string, name: string, algorithm: SignatureAlgorithm): string {
  const pss =
    algorithm.scheme === 'rsa-pss'
      ? ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest']
      : [];
  const key = ['-verify', join(folder, `${name}.der`), '-keyform', 'DER'];
  const signed = ['-signature', join(folder, `${name}.sig`), join(folder, 'message')];
  const run = spawnSync('openssl', ['dgst', `-${algorithm.digest}`, ...pss, ...key, ...signed]);
  return `${run.stdout}${run.stderr}`.trim();
}

describe('OpenSSL verifies', { skip: skipWithout('openssl') }, () => {
  const folder = temporaryFolder({ after });
  let signer: Signer;
  before(async () => {
    writeFileSync(join(folder, 'message'), MESSAGE);
    signer = await openSoftwareToken({
      file: join(folder, 'token.json'),
      passphrase: { text: 'correct horse' },
      clock: new SimulatedClock(),
      random: new SeededRandom(),
      create: true,
      scryptCost: 2 ** 10,
    });
    await signer.activate();
  });
  after(() => signer.close());

  for (const type of keyTypes) {
    it(labelOf(type), async () => {
      const label = labelOf(type);
      const { spki } = await signer.generate({ label, type, purposes: ['certificate'] });
      for (const algorithm of algorithmsOf(type)) {
        const content = contentOf(MESSAGE);
        const signature = await signer.sign({ label, purpose: 'certificate', algorithm, content });
        writeFileSync(join(folder, `${label}.der`), spki);
        writeFileSync(join(folder, `${label}.sig`), signature);
        const said = verifyWithOpenssl(folder, label, algorithm);
        assert.equal(said, 'Verified OK', `${algorithm.scheme} ${algorithm.digest}`);
      }
    });
  }
});

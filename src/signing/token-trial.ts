/**
 * A token put to the test with scratch keys that are destroyed afterwards: the checks of the signer contract that a real
 * device can be asked for, before a CA is trusted to it. `certdir hsm test` shows the outcome.
 *
 * @module
 */

import { createPublicKey, verify } from 'node:crypto';

import { formatHex } from '../core/bytes.ts';
import { formatError, isCertdirError } from '../core/errors.ts';
import type { RandomSource } from '../core/random.ts';
import { MAX_WHOLE_BYTES } from './content.ts';
import { formatAlgorithm, formatKeyType } from './key-rules.ts';
import { digestNameOf, withPadding } from './signature-verifier.ts';
import type { KeyDescription, KeyType, Signer, SigningAlgorithm } from './signer.ts';

export interface TrialCheck {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'unsupported';
  /** What went wrong, or what the token says it cannot do; empty when it passed. */
  readonly detail: string;
}

export interface TrialSurroundings {
  readonly signer: Signer;
  /** Names of scratch keys. */
  readonly random: RandomSource;
  readonly onCheck: (check: TrialCheck) => void;
}

const keyTypes: readonly KeyType[] = [
  { kind: 'rsa', modulusBits: 2048 },
  { kind: 'rsa', modulusBits: 3072 },
  { kind: 'rsa', modulusBits: 4096 },
  { kind: 'ec', curve: 'P-256' },
  { kind: 'ec', curve: 'P-384' },
  { kind: 'ed25519' },
];
const digests = ['sha256', 'sha384', 'sha512'] as const;
const PARALLEL = 32;

/** What a token answers that does not have a kind of key or mechanism; anything else is a failure. */
const unsupportedCodes: ReadonlySet<string> = new Set([
  'SIGNING_ALGORITHM_REFUSED',
  'SIGNING_KEY_REFUSED',
]);

/**
 * Runs every check; one that fails does not stop the others.
 *
 * @param surroundings The signer's token is activated when this begins, and is active when it ends.
 */
export async function tryToken(surroundings: TrialSurroundings): Promise<readonly TrialCheck[]> {
  const trial = new Trial(surroundings);
  await trial.check('activate', () => surroundings.signer.activate());
  for (const type of keyTypes) {
    await trial.tryKeyType(type);
  }
  return trial.checks;
}

class Trial {
  readonly checks: TrialCheck[] = [];
  readonly #surroundings: TrialSurroundings;

  constructor(surroundings: TrialSurroundings) {
    this.#surroundings = surroundings;
  }

  /** @returns what `act` does, or undefined when it failed. */
  async check<T>(name: string, act: () => Promise<T>): Promise<T | undefined> {
    try {
      const result = await act();
      this.#note({ name, outcome: 'passed', detail: '' });
      return result;
    } catch (error) {
      const isUnsupported = isCertdirError(error) && unsupportedCodes.has(error.code);
      const outcome = isUnsupported ? 'unsupported' : 'failed';
      this.#note({ name, outcome, detail: formatError(error) });
      return undefined;
    }
  }

  async tryKeyType(type: KeyType): Promise<void> {
    const { signer, random } = this.#surroundings;
    const name = formatKeyType(type);
    const label = `certdir-test-${formatHex(random.bytes(8))}`;
    const key = await this.check(`${name}: generate`, () =>
      signer.generate({ label, type, purposes: ['audit'] }),
    );
    if (key === undefined) {
      return;
    }
    try {
      await this.#trySignatures(key);
      await this.#tryLocking(key);
    } finally {
      await this.check(`${name}: destroy`, async () => {
        await signer.destroy(label);
        await expectCode('SIGNING_KEY_UNKNOWN', () => signer.describe(label));
      });
    }
  }

  async #trySignatures(key: KeyDescription): Promise<void> {
    const { signer } = this.#surroundings;
    const name = formatKeyType(key.type);
    const algorithms = algorithmsOf(key.type);
    for (const algorithm of algorithms) {
      await this.check(`${name}: ${formatAlgorithm(algorithm)}`, async () => {
        for (const length of algorithm.scheme === 'ed25519' ? [1] : [0, MAX_WHOLE_BYTES + 1]) {
          await signAndVerify(signer, key, { algorithm, message: Buffer.alloc(length, 'm') });
        }
      });
    }
    const [algorithm] = algorithms;
    if (algorithm !== undefined) {
      await this.check(`${name}: ${PARALLEL} at a time`, () =>
        Promise.all(
          Array.from({ length: PARALLEL }, (_, index) =>
            signAndVerify(signer, key, { algorithm, message: Buffer.from(`message ${index}`) }),
          ),
        ),
      );
      await this.check(`${name}: another use is refused`, () =>
        expectCode('SIGNING_USAGE_REFUSED', () =>
          signer.sign({ label: key.label, purpose: 'certificate', algorithm, content: [] }),
        ),
      );
    }
  }

  async #tryLocking(key: KeyDescription): Promise<void> {
    const { signer } = this.#surroundings;
    const [algorithm] = algorithmsOf(key.type);
    if (algorithm === undefined) {
      return;
    }
    await this.check(`${formatKeyType(key.type)}: locked, then active again`, async () => {
      const message = Buffer.from('message');
      await signer.deactivate();
      await expectCode('SIGNING_NOT_ACTIVE', () =>
        signer.sign({ label: key.label, purpose: 'audit', algorithm, content: [message] }),
      );
      await signer.activate();
      await signAndVerify(signer, key, { algorithm, message });
    });
  }

  #note(check: TrialCheck): void {
    this.checks.push(check);
    this.#surroundings.onCheck(check);
  }
}

function algorithmsOf(type: KeyType): readonly SigningAlgorithm[] {
  switch (type.kind) {
    case 'ed25519':
      return [{ scheme: 'ed25519' }];
    case 'ec':
      return digests.map((digest) => ({ scheme: 'ecdsa', digest }));
    case 'rsa':
      return (['rsa-pkcs1', 'rsa-pss'] as const).flatMap((scheme) =>
        digests.map((digest) => ({ scheme, digest })),
      );
  }
}

/** The signer has verified already; this does it over the whole message, in another way where there is one. */
async function signAndVerify(
  signer: Signer,
  { label, spki }: KeyDescription,
  signed: { readonly algorithm: SigningAlgorithm; readonly message: Uint8Array },
): Promise<void> {
  const { algorithm, message } = signed;
  const signature = await signer.sign({ label, purpose: 'audit', algorithm, content: [message] });
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  const parameters = withPadding(key, algorithm);
  if (!verify(digestNameOf(algorithm), message, parameters, signature)) {
    throw new Error('the signature does not verify');
  }
}

async function expectCode(code: string, act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (isCertdirError(error) && error.code === code) {
      return;
    }
    throw error;
  }
  throw new Error(`it was done, and ${code} was expected`);
}

/**
 * A token behind a PKCS#11 module (OASIS PKCS#11 v2.40): a hardware security module, or SoftHSM. Keys are made in it
 * and never leave it; it sees digests, not what they are of. Loaded only inside the signer process: a vendor's library
 * may crash or hang whoever loads it.
 *
 * Not here: what to do when the token is away (`signer-calls.ts`), settings per vendor (`hsm-config/`).
 *
 * @module
 */

import { formatHex } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import type { RandomSource } from '../../core/random.ts';
import { lengthOfContent } from '../content.ts';
import { SigningError } from '../errors.ts';
import {
  damagedRegister,
  describeRecord,
  emptyRegister,
  isProven,
  type KeyRecord,
  type KeyRegister,
  proofAlgorithm,
  readKeyRegister,
  recordContent,
  replaceKeyRegister,
} from '../key-register.ts';
import { assertKeyRequest, assertSignRequest, type KeyRequest } from '../key-rules.ts';
import { assertUse, storeKeyUse } from '../key-use.ts';
import { readPassphrase, type SecretSource } from '../passphrase.ts';
import type { Pkcs11TokenSettings } from '../process/signer-protocol.ts';
import type { KeyDescription, KeyType } from '../signer.ts';
import { makeSubjectKeyHere, type SubjectKey, type SubjectKeyRequest } from '../subject-key.ts';
import type { Token, TokenSignRequest } from '../token.ts';
import { readMechanisms, type TokenInspection } from '../token-inspection.ts';
import type { Pkcs11Binding, Pkcs11Handle } from './pkcs11-binding.ts';
import { awaitModule, callModule } from './pkcs11-failure.ts';
import {
  findKeyObjects,
  generateKeyObjects,
  isSameKey,
  type ObjectName,
  readProtection,
  readSpki,
  signingInput,
} from './pkcs11-keys.ts';
import { Pkcs11Sessions } from './pkcs11-sessions.ts';
import { type FoundToken, findToken, initialiseModule } from './pkcs11-slot.ts';
import { makeWrappedSubjectKey } from './pkcs11-subject-key.ts';

export interface Pkcs11TokenOptions {
  readonly settings: Pkcs11TokenSettings;
  /** The user PIN. */
  readonly pin: SecretSource;
  readonly clock: Clock;
  /** Ids of keys; keys come from the token. */
  readonly random: RandomSource;
  readonly binding: Pkcs11Binding;
}

const ID_BYTES = 16;

/**
 * Loads the module, finds the token, reads the register. Nobody logs in yet.
 *
 * @throws {SigningError} `SIGNING_PKCS11_MODULE`, `SIGNING_TOKEN_REMOVED`, `SIGNING_TOKEN_AMBIGUOUS`,
 *   `SIGNING_DEVICE_FAILED`; `SIGNING_TOKEN_MISSING` and the like for the register.
 */
export async function loadPkcs11Token(options: Pkcs11TokenOptions): Promise<Token> {
  const { settings, binding } = options;
  const { isThreaded } = initialiseModule(binding, settings.modulePath);
  findToken(binding, settings);
  const found = await readKeyRegister(settings.registerFile);
  if (found === undefined && settings.create !== true) {
    throw missingRegister(settings.registerFile);
  }
  if (found === undefined) {
    await replaceKeyRegister(settings.registerFile, emptyRegister);
  }
  return new Pkcs11KeyToken(options, {
    register: found ?? emptyRegister,
    sessions: isThreaded ? settings.sessions : 1,
  });
}

interface KeyObject {
  readonly session: Pkcs11Handle;
  readonly object: Pkcs11Handle;
}

class Pkcs11KeyToken implements Token {
  readonly #options: Pkcs11TokenOptions;
  readonly #sessionCount: number;
  #register: KeyRegister;
  #sessions: Pkcs11Sessions | undefined;
  /** Handles of private keys that were looked at, of one epoch of the sessions. Another record of a key starts anew. */
  #handles = new Map<KeyRecord, Pkcs11Handle>();
  #handlesEpoch = 0;
  /** Described once; nobody else is handed these. */
  readonly #known = new WeakMap<KeyRecord, KeyDescription>();
  #isClosed = false;
  /** Activation and changes of keys run one after another. */
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(
    options: Pkcs11TokenOptions,
    found: { readonly register: KeyRegister; readonly sessions: number },
  ) {
    this.#options = options;
    this.#register = found.register;
    this.#sessionCount = found.sessions;
  }

  activate(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#sessions !== undefined) {
        return;
      }
      await this.#refresh();
      const { binding, settings } = this.#options;
      const found = findToken(binding, settings);
      assertPinUsable(found);
      const pin = await readPassphrase(this.#options.pin);
      // A copy of its own memory, which `close` overwrites.
      const options = { binding, slot: found.slot, count: this.#sessionCount };
      this.#sessions = Pkcs11Sessions.open(options, pin);
      this.#handles.clear();
    });
  }

  deactivate(): Promise<void> {
    return this.#inTurn(async () => this.#forget());
  }

  async isActive(): Promise<boolean> {
    this.#assertOpen();
    return this.#sessions !== undefined;
  }

  async describe(label: string): Promise<KeyDescription> {
    this.#assertOpen();
    return describeRecord(this.#find(label));
  }

  async list(): Promise<readonly KeyDescription[]> {
    this.#assertOpen();
    return this.#register.keys.map(describeRecord);
  }

  async generate(request: KeyRequest): Promise<KeyDescription> {
    assertKeyRequest(request);
    return await this.#inTurn(async () => {
      const sessions = this.#active();
      await this.#refresh();
      const { label } = request;
      if (this.#register.keys.some((key) => key.label === label)) {
        throw new SigningError('SIGNING_KEY_EXISTS', `there is a key ${label} already`);
      }
      await sessions.run((session) => this.#clearUnfinished(session, label));
      const id = this.#options.random.bytes(ID_BYTES);
      const unfinished = [...this.#register.unfinished, { label, id: formatHex(id) }];
      await this.#replace({ ...this.#register, unfinished });
      const record = await sessions.run((session) => this.#make(session, request, id));
      await this.#replace({
        keys: [...this.#register.keys, record],
        unfinished: this.#register.unfinished.filter((key) => key.id !== record.id),
      });
      return describeRecord(record);
    });
  }

  async destroy(label: string): Promise<void> {
    await this.#inTurn(async () => {
      const sessions = this.#active();
      await this.#refresh();
      const isDoomed = (key: { readonly label: string }): boolean => key.label === label;
      const unfinished = this.#register.unfinished.filter(isDoomed);
      // What a generation that was cut short has left is no key that anybody can use, and goes too.
      const keys = this.#register.keys.filter(isDoomed);
      const doomed = [...(unfinished.length > 0 ? keys : [this.#find(label)]), ...unfinished];
      // First the objects: a record without a key is harmless and can be destroyed again.
      for (const key of doomed) {
        await sessions.run((session) => this.#destroyObjects(session, nameOf(key)));
      }
      for (const key of keys) {
        this.#handles.delete(key);
      }
      await this.#replace({
        keys: this.#register.keys.filter((key) => !isDoomed(key)),
        unfinished: this.#register.unfinished.filter((key) => !isDoomed(key)),
      });
    });
  }

  async sign(request: TokenSignRequest): Promise<Uint8Array> {
    this.#assertOpen();
    const record = this.#find(request.label);
    const lengthBytes = lengthOfContent(request.content);
    const description = this.#known.get(record) ?? describeRecord(record);
    this.#known.set(record, description);
    assertSignRequest(description, { ...request, lengthBytes });
    const other = assertUse(description, request, () => this.#register.keys.map(describeRecord));
    return await this.#active().run(async (session) => {
      if (other !== undefined) {
        await this.#handleOf(session, this.#find(other.label));
      }
      return await this.#signWith(session, record, request);
    });
  }

  async makeSubjectKey({ type, protection }: SubjectKeyRequest): Promise<SubjectKey> {
    const sessions = this.#active();
    const { binding, random } = this.#options;
    return protection.kind === 'password'
      ? await makeSubjectKeyHere({ type, protection }, random)
      : await sessions.run((session) =>
          makeWrappedSubjectKey(binding, session, { type, protection }),
        );
  }

  async inspect(): Promise<TokenInspection> {
    const sessions = this.#active();
    const { binding, settings } = this.#options;
    const { slot, token } = findToken(binding, settings);
    const mechanisms = readMechanisms(binding, slot);
    const keys = await sessions.run((session) =>
      this.#register.keys.map((record) => {
        const wanted = { kind: 'privateKey', ...nameOf(record) } as const;
        const [object] = findKeyObjects(binding, session, wanted);
        const protection =
          object === undefined ? undefined : readProtection(binding, { session, object });
        return { ...describeRecord(record), id: record.id, protection, isProven: isProven(record) };
      }),
    );
    return { token, sessions: sessions.count, mechanisms, keys };
  }

  async close(): Promise<void> {
    if (this.#isClosed) {
      return;
    }
    await this.deactivate();
    this.#isClosed = true;
    try {
      this.#options.binding.C_Finalize();
    } catch {
      // The process ends; a module that is ill already cannot keep it.
    }
  }

  async #signWith(
    session: Pkcs11Handle,
    record: KeyRecord,
    request: Omit<TokenSignRequest, 'label' | 'purpose'>,
  ): Promise<Uint8Array> {
    const object = await this.#handleOf(session, record);
    return await this.#signBy({ session, object }, record.type, request);
  }

  /** The private key, found once and looked at before its first use. */
  async #handleOf(session: Pkcs11Handle, record: KeyRecord): Promise<Pkcs11Handle> {
    const epoch = this.#sessions?.epoch ?? 0;
    if (epoch !== this.#handlesEpoch) {
      this.#handles.clear();
      this.#handlesEpoch = epoch;
    }
    const known = this.#handles.get(record);
    if (known !== undefined) {
      return known;
    }
    if (!isProven(record)) {
      throw damagedRegister(this.#options.settings.registerFile);
    }
    const { binding } = this.#options;
    const [object] = findKeyObjects(binding, session, { kind: 'privateKey', ...nameOf(record) });
    if (object === undefined) {
      throw new SigningError(
        'SIGNING_KEY_UNKNOWN',
        `the token no longer has the key ${record.label}, which is in the register; restore it from the HSM's backup`,
      );
    }
    const { isExtractable } = readProtection(binding, { session, object });
    if (isExtractable) {
      throw new SigningError(
        'SIGNING_KEY_FOREIGN',
        `the token's key ${record.label} may be taken out of it: it is not the key that was made`,
      );
    }
    await this.#assertIsOf(record, { session, object });
    this.#handles.set(record, object);
    return object;
  }

  /**
   * A record is proven by the public key in it, which may be anyone's: that the token's key is the one it is about, the
   * token's key itself has to show. What it signs for that is released to nobody.
   */
  async #assertIsOf(record: KeyRecord, at: KeyObject): Promise<void> {
    if (!isProven({ ...record, proof: await this.#prove(record, at) })) {
      throw new SigningError(
        'SIGNING_SIGNATURE_WRONG',
        `what the token signs with ${record.label} does not verify by the key in ${this.#options.settings.registerFile}: the token signs wrongly, or the register was changed and is to be restored from a backup`,
      );
    }
  }

  /** A key's signature over its own record. */
  async #prove(facts: Omit<KeyRecord, 'proof'>, { session, object }: KeyObject): Promise<string> {
    const content = { kind: 'whole', bytes: recordContent(facts) } as const;
    const algorithm = proofAlgorithm(facts.type);
    const signature = await this.#signBy({ session, object }, facts.type, { algorithm, content });
    return Buffer.from(signature).toString('base64');
  }

  async #signBy(
    { session, object }: KeyObject,
    type: KeyType,
    { algorithm, content }: Pick<TokenSignRequest, 'algorithm' | 'content'>,
  ): Promise<Uint8Array> {
    const { binding } = this.#options;
    const input = signingInput(type, algorithm, content);
    callModule('C_SignInit', () => binding.C_SignInit(session, input.mechanism, object));
    const output = Buffer.alloc(input.maxBytes);
    const raw = await awaitModule('C_Sign', () => binding.C_SignAsync(session, input.data, output));
    return input.encode(raw);
  }

  /** Makes the objects, checks what the token made of the wishes, and has the key sign its record. */
  async #make(session: Pkcs11Handle, request: KeyRequest, id: Uint8Array): Promise<KeyRecord> {
    const { binding, clock } = this.#options;
    const { label, type, purposes, use } = request;
    const name = { label, id };
    const pair = await generateKeyObjects(binding, session, { name, type });
    try {
      const at = { session, object: pair.privateKey };
      const protection = readProtection(binding, at);
      if (!protection.isSensitive || protection.isExtractable || !protection.wasAlwaysInside) {
        throw new SigningError(
          'SIGNING_KEY_REFUSED',
          `the token made the key ${label} so that it could leave it; the key was destroyed`,
        );
      }
      const spki = readSpki(binding, { session, object: pair.publicKey }, type);
      const facts = {
        label,
        id: formatHex(id),
        type,
        purposes,
        ...(use === undefined ? {} : { use: storeKeyUse(use) }),
        createdMs: clock.nowMs(),
        spki: Buffer.from(spki).toString('base64'),
      };
      const record = { ...facts, proof: await this.#prove(facts, at) };
      if (
        !isProven(record) ||
        !isSameKey(binding, { session, object: pair.publicKey }, { type, spki })
      ) {
        throw new SigningError(
          'SIGNING_SIGNATURE_WRONG',
          `the first signature of the new key ${label} does not verify; the key was destroyed`,
        );
      }
      return record;
    } catch (error) {
      this.#destroyObjects(session, name);
      throw error;
    }
  }

  /** What a generation that was cut short has left is cleared away; what is not ours is left alone. */
  #clearUnfinished(session: Pkcs11Handle, label: string): void {
    const { binding } = this.#options;
    for (const key of this.#register.unfinished.filter((left) => left.label === label)) {
      this.#destroyObjects(session, nameOf(key));
    }
    if (findKeyObjects(binding, session, { kind: 'privateKey', label }).length > 0) {
      throw new SigningError(
        'SIGNING_KEY_FOREIGN',
        `the token has a key ${label} that is not in ${this.#options.settings.registerFile}: another CA's, or of a data folder that is gone. Use another token, or, when you know that nobody uses it, destroy it with the vendor's tool`,
      );
    }
  }

  #destroyObjects(session: Pkcs11Handle, name: ObjectName): void {
    const { binding } = this.#options;
    for (const kind of ['privateKey', 'publicKey'] as const) {
      for (const object of findKeyObjects(binding, session, { kind, ...name })) {
        callModule('C_DestroyObject', () => binding.C_DestroyObject(session, object));
      }
    }
  }

  /** A change whose success was never reported, or one by another process, must not be overwritten. */
  async #refresh(): Promise<void> {
    const { registerFile } = this.#options.settings;
    const register = await readKeyRegister(registerFile);
    if (register === undefined) {
      throw missingRegister(registerFile);
    }
    this.#register = register;
  }

  async #replace(register: KeyRegister): Promise<void> {
    await replaceKeyRegister(this.#options.settings.registerFile, register);
    this.#register = register;
  }

  #forget(): void {
    this.#sessions?.close();
    this.#sessions = undefined;
    this.#handles.clear();
  }

  #active(): Pkcs11Sessions {
    if (this.#sessions === undefined) {
      throw new SigningError('SIGNING_NOT_ACTIVE', 'the token is locked; activate it first');
    }
    return this.#sessions;
  }

  #find(label: string): KeyRecord {
    const key = this.#register.keys.find((candidate) => candidate.label === label);
    if (key === undefined) {
      throw new SigningError(
        'SIGNING_KEY_UNKNOWN',
        `the token has no key ${JSON.stringify(label)}`,
      );
    }
    return key;
  }

  /** Runs `action` when every earlier one has ended. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#lastChange.then(() => {
      this.#assertOpen();
      return action();
    });
    this.#lastChange = turn.catch(() => undefined);
    return turn;
  }

  #assertOpen(): void {
    if (this.#isClosed) {
      throw new SigningError('SIGNING_CLOSED', 'the token is closed');
    }
  }
}

function nameOf({ label, id }: { readonly label: string; readonly id: string }): ObjectName {
  return { label, id: Buffer.from(id, 'hex') };
}

/** The last try is left to a person: a token that is locked needs its security officer. */
function assertPinUsable({ token }: FoundToken): void {
  const why: Readonly<Record<typeof token.pinState, string | undefined>> = {
    none: 'has no user PIN yet',
    set: undefined,
    'few tries left': undefined,
    'last try': 'has one try left for its PIN, which certdir does not take',
    locked: 'has locked its PIN after wrong ones',
  };
  const what = why[token.pinState];
  if (what !== undefined) {
    throw new SigningError(
      'SIGNING_PIN_LOCKED',
      `the token ${token.label} ${what}; log in or set the PIN with the vendor's tool`,
    );
  }
}

function missingRegister(file: string): SigningError {
  return new SigningError(
    'SIGNING_TOKEN_MISSING',
    `there is no key register ${file}; make one with certdir init, or restore it from a backup`,
  );
}

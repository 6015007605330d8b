/**
 * Custodians: every subset of up to seven, approvals that are replayed, altered, late or another's, rules, restarts, idle
 * time; and that the main process never holds what opens the token.
 *
 * @module
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { combine } from 'shamir-secret-sharing';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import { silentLog } from '../../src/core/log.ts';
import {
  type Approval,
  approve,
  type CustodyOperation,
} from '../../src/signing/custody/approval.ts';
import { ApprovalBoard, type ApprovalState } from '../../src/signing/custody/approval-board.ts';
import {
  type CustodyDocument,
  type CustodyRules,
  custodyActs,
  formatCustody,
  makeCustody,
  type OpenedCustodian,
  openCustodian,
  openSecret,
  parseCustody,
  writeCustody,
} from '../../src/signing/custody/custody-document.ts';
import { GuardedToken } from '../../src/signing/custody/guarded-token.ts';
import { openSignerProcess, type SignerProcess } from '../../src/signing/process/signer-process.ts';
import type { SignRequest } from '../../src/signing/signer.ts';
import { seal } from '../../src/signing/software/sealing.ts';
import { openSoftwareToken } from '../../src/signing/software/software-token.ts';
import type { Token } from '../../src/signing/token.ts';
import { buildBasicConstraints } from '../../src/x509/basic-constraints.ts';
import { encodeTbsCertificate } from '../../src/x509/certificate.ts';
import { nameFromText } from '../../src/x509/name.ts';
import { contentOf, type Lifetime } from '../contract/signer-contract.ts';
import { HostChannels } from '../support/host-channel.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { SimulatedClock } from '../support/simulated-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { sampleKey, sampleTimes } from '../support/x509-samples.ts';

const SECRET = 'the secret that opens the token';
const HOUR_MS = 3_600_000;
const random = new SeededRandom('custody');
const scryptCost = 2 ** 10;
const refused = { code: 'SIGNING_APPROVAL_REFUSED' };
const needed = { code: 'SIGNING_APPROVAL_NEEDED' };

const everyAct: CustodyRules = { acts: custodyActs, validMs: HOUR_MS, idleMs: 0 };

const nameOf = (index: number): string => `custodian-${index}`;

function makeDocument(
  count: number,
  quorum: number,
  rules: CustodyRules = everyAct,
): Promise<CustodyDocument> {
  const custodians = Array.from({ length: count }, (_, index) => ({
    name: nameOf(index),
    passphrase: encodeUtf8(`passphrase ${index}`),
  }));
  const secret = encodeUtf8(SECRET);
  return makeCustody({ quorum, rules, custodians, secret }, { random, nowMs: 0, scryptCost });
}

function open(document: CustodyDocument, index: number): Promise<OpenedCustodian> {
  return openCustodian(document, nameOf(index), encodeUtf8(`passphrase ${index}`));
}

function openAll(document: CustodyDocument): Promise<readonly OpenedCustodian[]> {
  return Promise.all(document.custodians.map((_, index) => open(document, index)));
}

/** Every subset of 0 to `count` - 1. */
function subsetsOf(count: number): readonly (readonly number[])[] {
  return Array.from({ length: 2 ** count }, (_, bits) =>
    Array.from({ length: count }, (_unused, index) => index).filter((index) => (bits >> index) & 1),
  );
}

describe('every subset of the custodians', () => {
  for (let count = 2; count <= 7; count += 1) {
    for (let quorum = 2; quorum <= count; quorum += 1) {
      it(`${quorum} of ${count}: ${2 ** count} subsets, opened by those with enough`, async () => {
        const document = await makeDocument(count, quorum);
        const custodians = await openAll(document);
        for (const subset of subsetsOf(count)) {
          const board = new ApprovalBoard(document, { clock: new SimulatedClock(), random });
          const { hash, proposal } = board.propose({ act: 'activate' });
          let state: ApprovalState | undefined;
          // More than enough: whoever comes after the last that was needed finds nothing to approve.
          for (const [position, index] of subset.entries()) {
            const custodian = custodians[index] ?? assert.fail();
            const coming = board.approve(hash, approve(proposal, custodian, random));
            if (position < quorum) {
              state = await coming;
            } else {
              await assert.rejects(coming, refused);
            }
          }
          const isEnough = subset.length >= quorum;
          assert.equal(state?.isGranted ?? false, isEnough);
          if (isEnough) {
            board.use({ act: 'activate' });
          } else {
            assert.throws(() => board.use({ act: 'activate' }), needed);
          }
          assert.equal(board.takeSecret()?.toString(), isEnough ? SECRET : undefined);
          // Shares alone, without anything that counts them.
          const shares = subset.map((index) => custodians[index]?.share ?? assert.fail());
          const secret =
            shares.length < 2 ? undefined : await openSecret({ ...document, quorum: 2 }, shares);
          // The quorum is bound to the secret, so a lowered one opens nothing even with all shares.
          assert.equal(secret?.toString(), isEnough && quorum === 2 ? SECRET : undefined);
        }
      });
    }
  }
});

const destroy: CustodyOperation = { act: 'destroy', label: 'k' };

describe('an approval', () => {
  let document: CustodyDocument;
  let custodians: readonly OpenedCustodian[];
  before(async () => {
    document = await makeDocument(3, 2);
    custodians = await openAll(document);
  });
  const custodian = (index: number): OpenedCustodian => custodians[index] ?? assert.fail();
  const boardAt = (clock: SimulatedClock): ApprovalBoard =>
    new ApprovalBoard(document, { clock, random });

  async function grant(board: ApprovalBoard, operation: CustodyOperation): Promise<ApprovalState> {
    const { hash, proposal } = board.propose(operation);
    await board.approve(hash, approve(proposal, custodian(0), random));
    return await board.approve(hash, approve(proposal, custodian(1), random));
  }

  it('grants once, and only what was proposed', async () => {
    const board = boardAt(new SimulatedClock());
    assert.ok((await grant(board, destroy)).isGranted);
    assert.throws(() => board.use({ act: 'destroy', label: 'other' }), needed);
    assert.throws(() => board.use({ act: 'deactivate' }), needed);
    board.use(destroy);
    assert.throws(() => board.use(destroy), needed);
  });

  const key = {
    act: 'generate',
    label: 'k',
    type: { kind: 'rsa', modulusBits: 2048 },
    purposes: ['crl'],
    use: null,
  } as const;
  const others: readonly CustodyOperation[] = [
    { ...key, label: 'l' },
    { ...key, type: { kind: 'rsa', modulusBits: 3072 } },
    { ...key, type: { kind: 'ec', curve: 'P-256' } },
    { ...key, purposes: ['crl', 'certificate'] },
    { ...key, use: { issuer: 'AA==', certificates: ['link'] } },
  ];
  for (const [index, other] of others.entries()) {
    it(`for one key is none for another: ${index}`, async () => {
      const board = boardAt(new SimulatedClock());
      await grant(board, key);
      assert.throws(() => board.use(other), needed);
      board.use(key);
    });
  }

  it('counts once for each custodian', async () => {
    const board = boardAt(new SimulatedClock());
    const { hash, proposal } = board.propose(destroy);
    const approval = approve(proposal, custodian(0), random);
    await board.approve(hash, approval);
    await assert.rejects(board.approve(hash, approval), refused);
    await assert.rejects(board.approve(hash, approve(proposal, custodian(0), random)), refused);
  });

  it('is none for the same operation proposed again, nor in another process', async () => {
    const clock = new SimulatedClock();
    const board = boardAt(clock);
    const first = board.propose(destroy);
    const approval = approve(first.proposal, custodian(0), random);
    const again = board.propose(destroy);
    assert.notEqual(again.hash, first.hash);
    await assert.rejects(board.approve(again.hash, approval), refused);
    await assert.rejects(boardAt(clock).approve(first.hash, approval), refused);
    await board.approve(first.hash, approval);
  });

  it('is replayed in vain once the operation was granted', async () => {
    const board = boardAt(new SimulatedClock());
    const { hash, proposal } = board.propose(destroy);
    const approvals = [0, 1].map((index) => approve(proposal, custodian(index), random));
    for (const approval of approvals) {
      await board.approve(hash, approval);
    }
    board.use(destroy);
    for (const approval of approvals) {
      await assert.rejects(board.approve(hash, approval), refused);
    }
    assert.throws(() => board.use(destroy), needed);
  });

  it('of an activation that an open token does not need is taken back with its secret', async () => {
    const clock = new SimulatedClock();
    const document = await makeDocument(3, 2);
    const board = new ApprovalBoard(document, { clock, random });
    const { hash, proposal } = board.propose({ act: 'activate' });
    for (const custodian of (await openAll(document)).slice(0, 2)) {
      await board.approve(hash, approve(proposal, custodian, random));
    }
    const token = { isActive: () => Promise.resolve(true) } as Partial<Token> as Token;
    await new GuardedToken({ token, board, clock, idleMs: 0 }).activate();
    assert.equal(board.takeSecret(), undefined);
    assert.throws(() => board.use({ act: 'activate' }), needed);
  });

  it('counts up to the last millisecond and not at the next', async () => {
    for (const [waitMs, isLate] of [[HOUR_MS - 1, false] as const, [HOUR_MS, true] as const]) {
      const clock = new SimulatedClock();
      const board = boardAt(clock);
      const { hash, proposal } = board.propose(destroy);
      await clock.advance(waitMs);
      const coming = board.approve(hash, approve(proposal, custodian(0), random));
      await (isLate ? assert.rejects(coming, refused) : coming);
    }
  });

  it('that was granted ends with its proposal', async () => {
    const clock = new SimulatedClock();
    const board = boardAt(clock);
    await grant(board, destroy);
    await clock.advance(HOUR_MS);
    assert.throws(() => board.use(destroy), needed);
  });

  const forgeries: readonly { why: string; forge: (approval: Approval) => Approval }[] = [
    { why: 'in the name of another', forge: (a) => ({ ...a, custodian: nameOf(1) }) },
    { why: 'in the name of nobody', forge: (a) => ({ ...a, custodian: 'mallory' }) },
    { why: 'without a share', forge: (a) => ({ ...a, share: null }) },
    { why: 'without a signature', forge: (a) => ({ ...a, signature: '' }) },
    {
      why: 'with a byte of the signature changed',
      forge: (a) => {
        const bytes = Buffer.from(a.signature, 'base64');
        bytes[5] = (bytes[5] ?? 0) ^ 1;
        return { ...a, signature: bytes.toString('base64') };
      },
    },
    {
      why: 'with another share',
      forge: (a) => ({ ...a, share: { sender: a.share?.sender ?? '', sealed: 'AAAA' } }),
    },
  ];
  for (const { why, forge } of forgeries) {
    it(`does not count ${why}`, async () => {
      const board = boardAt(new SimulatedClock());
      const { hash, proposal } = board.propose({ act: 'activate' });
      const approval = forge(approve(proposal, custodian(0), random));
      await assert.rejects(board.approve(hash, approval), refused);
      assert.deepEqual(board.list()[0]?.approvedBy, []);
    });
  }

  it('does not count with the share of another, signed by its sender', async () => {
    const board = boardAt(new SimulatedClock());
    const { hash, proposal } = board.propose({ act: 'activate' });
    const mixed = { ...custodian(0), share: custodian(1).share };
    await assert.rejects(board.approve(hash, approve(proposal, mixed, random)), refused);
  });

  it('does not count for a proposal that was altered on its way', async () => {
    const board = boardAt(new SimulatedClock());
    const { hash, proposal } = board.propose(destroy);
    const changes = [
      { operation: { act: 'destroy', label: 'other' } as const },
      { expiresMs: proposal.expiresMs + 1 },
      { nonce: '00' },
      { custody: 'another' },
      { recipient: '' },
    ];
    for (const change of changes) {
      const approval = approve({ ...proposal, ...change }, custodian(0), random);
      await assert.rejects(board.approve(hash, approval), refused);
    }
  });

  it('is not needed for an act that the rules leave out', async () => {
    const rules = { acts: ['activate'], validMs: HOUR_MS, idleMs: 0 } as const;
    const board = new ApprovalBoard(await makeDocument(2, 2, rules), {
      clock: new SimulatedClock(),
      random,
    });
    board.use(destroy);
    assert.throws(() => board.use({ act: 'activate' }), needed);
  });
});

describe('the custody file', () => {
  it('is read as it was written', async () => {
    const document = await makeDocument(3, 2);
    assert.deepEqual(parseCustody(formatCustody(document), 'file'), document);
  });

  it('SIGNING_TOKEN_DAMAGED with any byte changed', async () => {
    const bytes = formatCustody(await makeDocument(2, 2));
    for (let at = 0; at < bytes.length - 1; at += 7) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      assert.throws(() => parseCustody(changed, 'file'), { code: 'SIGNING_TOKEN_DAMAGED' });
    }
  });

  it('opens nothing with other rules under a checksum of their own', async () => {
    const document = await makeDocument(2, 2);
    const changed = { ...document, rules: { ...document.rules, acts: ['activate'] as const } };
    const parsed = parseCustody(formatCustody(changed), 'file');
    const shares = (await openAll(document)).map(({ share }) => share);
    assert.equal(await openSecret(parsed, shares), undefined);
    assert.equal((await openSecret(document, shares))?.toString(), SECRET);
  });

  it('opens nothing with other custodians under a checksum of their own', async () => {
    const document = await makeDocument(3, 2);
    const shares = (await openAll(document)).map(({ share }) => share);
    const [first, second] = document.custodians;
    const [thief] = (await makeDocument(2, 2)).custodians;
    assert(first !== undefined && second !== undefined && thief !== undefined);
    const lists: readonly CustodyDocument['custodians'][] = [
      [...document.custodians, { ...thief, name: 'thief' }],
      document.custodians.slice(0, 2),
      [{ ...first, spki: thief.spki }, second],
      [{ ...first, name: 'thief' }, second],
      document.custodians.toReversed(),
    ];
    for (const custodians of lists) {
      const changed = parseCustody(formatCustody({ ...document, custodians }), 'custody.json');
      assert.equal(await openSecret(changed, shares), undefined);
    }
    const older = parseCustody(formatCustody({ ...document, version: 1 }), 'custody.json');
    assert.equal(await openSecret(older, shares), undefined);
    assert.equal((await openSecret(document, shares))?.toString(), SECRET);
  });

  it('opens as of version 1, which bound the rules alone', async () => {
    const document = await makeDocument(3, 2);
    const shares = (await openAll(document)).map(({ share }) => Uint8Array.from(share));
    const { id, quorum, rules } = document;
    const context = encodeUtf8(JSON.stringify({ format: 'certdir custody', id, quorum, ...rules }));
    const secret = seal(await combine(shares), { bytes: encodeUtf8(SECRET), context }, random);
    const older = parseCustody(formatCustody({ ...document, version: 1, secret }), 'custody.json');
    assert.equal((await openSecret(older, shares))?.toString(), SECRET);
    const newer = parseCustody(formatCustody({ ...document, secret }), 'custody.json');
    assert.equal(await openSecret(newer, shares), undefined);
  });

  it('SIGNING_PASSPHRASE_WRONG, SIGNING_CUSTODIAN_UNKNOWN', async () => {
    const document = await makeDocument(2, 2);
    const wrong = encodeUtf8('passphrase 1');
    await assert.rejects(openCustodian(document, nameOf(0), wrong), {
      code: 'SIGNING_PASSPHRASE_WRONG',
    });
    await assert.rejects(openCustodian(document, 'nobody', wrong), {
      code: 'SIGNING_CUSTODIAN_UNKNOWN',
    });
  });

  const person = (name: string): { name: string; passphrase: Uint8Array } => ({
    name,
    passphrase: encodeUtf8('p'),
  });
  const refusedRequests = [
    { why: 'a quorum of one', quorum: 1, custodians: [person('a'), person('b')] },
    { why: 'more than there are', quorum: 3, custodians: [person('a'), person('b')] },
    { why: 'one name twice', quorum: 2, custodians: [person('a'), person('a')] },
    { why: 'a name that is none', quorum: 2, custodians: [person('a'), person('../b')] },
    {
      why: 'no passphrase',
      quorum: 2,
      custodians: [person('a'), { name: 'b', passphrase: new Uint8Array() }],
    },
    { why: '17', quorum: 2, custodians: Array.from({ length: 17 }, (_, i) => person(`c${i}`)) },
  ];
  for (const { why, ...request } of refusedRequests) {
    it(`SIGNING_CUSTODY_REFUSED: ${why}`, async () => {
      const asked = { ...request, rules: everyAct, secret: encodeUtf8(SECRET) };
      await assert.rejects(makeCustody(asked, { random, nowMs: 0, scryptCost }), {
        code: 'SIGNING_CUSTODY_REFUSED',
      });
    });
  }
});

interface Vault {
  readonly folder: string;
  readonly signer: SignerProcess;
  readonly channels: HostChannels;
  readonly clock: SimulatedClock;
  readonly custodians: readonly OpenedCustodian[];
}

const ec = { kind: 'ec', curve: 'P-256' } as const;
const request = {
  label: 'k',
  purpose: 'crl',
  algorithm: { scheme: 'ecdsa', digest: 'sha256' },
  content: contentOf(),
} as const;

/** A software token with the key `k` that three custodians hold, any two of them. */
async function openVault(t: Lifetime, change: Partial<CustodyRules> = {}): Promise<Vault> {
  const folder = temporaryFolder(t);
  const clock = new SimulatedClock();
  const file = join(folder, 'token.json');
  const making = { file, clock, random, create: true, scryptCost };
  const token = await openSoftwareToken({ ...making, passphrase: { text: SECRET } });
  await token.activate();
  await token.generate({ label: 'k', type: ec, purposes: ['crl'] });
  await token.close();
  const rules: CustodyRules = {
    acts: ['activate', 'deactivate', 'generate', 'destroy'],
    validMs: HOUR_MS,
    idleMs: 0,
    ...change,
  };
  const document = await makeDocument(3, 2, rules);
  const custody = join(folder, 'custodians.json');
  await writeCustody(custody, document);
  const channels = new HostChannels(clock);
  const signer = await openSignerProcess({
    token: { kind: 'software', file },
    passphrase: { custody },
    clock,
    log: silentLog,
    openChannel: channels.open,
  });
  t.after(() => signer.close());
  return { folder, signer, channels, clock, custodians: await openAll(document) };
}

async function decide(
  { signer, custodians }: Vault,
  operation: CustodyOperation,
  approvers: readonly number[] = [0, 2],
): Promise<void> {
  const { hash, proposal } = await signer.propose(operation);
  for (const index of approvers) {
    const custodian = custodians[index] ?? assert.fail();
    await signer.approve(hash, approve(proposal, custodian, random));
  }
}

describe('a token that custodians hold', () => {
  it('is activated by two of three, and by nobody alone', async (t) => {
    const vault = await openVault(t);
    const { signer } = vault;
    await assert.rejects(signer.activate(), needed);
    await decide(vault, { act: 'activate' }, [1]);
    await assert.rejects(signer.activate(), needed);
    assert.equal((await signer.proposals())[0]?.approvedBy.length, 1);
    await decide(vault, { act: 'activate' });
    await signer.activate();
    await signer.sign(request);
  });

  it('generates, destroys and is deactivated by approval alone, each once', async (t) => {
    const vault = await openVault(t);
    const { signer } = vault;
    await decide(vault, { act: 'activate' });
    await signer.activate();
    const key = { label: 'new', type: ec, purposes: ['crl'] } as const;
    await assert.rejects(signer.generate(key), needed);
    await decide(vault, { act: 'generate', ...key, use: null });
    await signer.generate(key);
    await assert.rejects(signer.destroy('new'), needed);
    await decide(vault, { act: 'destroy', label: 'new' });
    await assert.rejects(signer.destroy('k'), needed);
    await signer.destroy('new');
    await assert.rejects(signer.deactivate(), needed);
    await decide(vault, { act: 'deactivate' });
    await signer.deactivate();
    assert.equal(await signer.isActive(), false);
    await assert.rejects(signer.activate(), needed);
  });

  it('is locked after a restart of its process, whose approvals are forgotten', async (t) => {
    const vault = await openVault(t);
    const { signer, channels } = vault;
    await decide(vault, { act: 'activate' });
    await signer.activate();
    await decide(vault, { act: 'destroy', label: 'k' });
    channels.crash();
    await assert.rejects(signer.sign(request), { code: 'SIGNING_NOT_ACTIVE' });
    assert.deepEqual(await signer.proposals(), []);
    await decide(vault, { act: 'activate' }, [0, 1]);
    await signer.activate();
    await assert.rejects(signer.destroy('k'), needed);
    await signer.sign(request);
  });

  it('is restored from copies of its two files, by two of three', async (t) => {
    const vault = await openVault(t);
    const { spki } = await vault.signer.describe('k');
    const folder = temporaryFolder(t);
    for (const name of ['token.json', 'custodians.json']) {
      copyFileSync(join(vault.folder, name), join(folder, name));
      chmodSync(join(folder, name), 0o600);
    }
    const channels = new HostChannels(vault.clock);
    const signer = await openSignerProcess({
      token: { kind: 'software', file: join(folder, 'token.json') },
      passphrase: { custody: join(folder, 'custodians.json') },
      clock: vault.clock,
      log: silentLog,
      openChannel: channels.open,
    });
    t.after(() => signer.close());
    await assert.rejects(signer.activate(), needed);
    await decide({ ...vault, signer }, { act: 'activate' }, [1, 2]);
    await signer.activate();
    await signer.sign(request);
    assert.deepEqual((await signer.describe('k')).spki, spki);
  });

  it('locks itself after its idle time and no sooner', async (t) => {
    const vault = await openVault(t, { idleMs: 10 * HOUR_MS });
    const { signer, clock, channels } = vault;
    await decide(vault, { act: 'activate' });
    await signer.activate();
    await clock.advance(10 * HOUR_MS - 1);
    await signer.sign(request);
    await clock.advance(10 * HOUR_MS - 1);
    assert.equal(await signer.isActive(), true);
    await clock.advance(1);
    await channels.quiet();
    assert.equal(await signer.isActive(), false);
    await assert.rejects(signer.sign(request), { code: 'SIGNING_NOT_ACTIVE' });
  });

  it('asks for each signature where the rules say so', async (t) => {
    const vault = await openVault(t, { acts: ['activate', 'sign'] });
    const { signer } = vault;
    await decide(vault, { act: 'activate' });
    await signer.activate();
    await assert.rejects(signer.sign(request), needed);
    const { label, purpose, algorithm } = request;
    const sha256 = createHash('sha256').update(Buffer.concat(request.content)).digest('hex');
    await decide(vault, { act: 'sign', label, purpose, algorithm, sha256 });
    await assert.rejects(signer.sign({ ...request, content: contentOf('another') }), needed);
    await signer.sign(request);
    await assert.rejects(signer.sign(request), needed);
  });

  it('asks for each certificate for another CA where the rules say so, and for no other', async (t) => {
    const vault = await openVault(t, { acts: ['activate', 'sign-cross'] });
    const { signer } = vault;
    await decide(vault, { act: 'activate' });
    await signer.activate();
    const issuer = nameFromText('OU=Gunma,C=JP');
    const use = {
      issuer: issuer.der,
      certificates: ['self-signed', 'cross', 'end-entity'],
    } as const;
    const purposes = ['certificate', 'crl', 'request'] as const;
    const { label, spki: own } = await signer.generate({ label: 'ca', type: ec, purposes, use });
    const algorithm = { scheme: 'ecdsa', digest: 'sha256' } as const;
    const signing = (
      subject: string,
      { spki, isCa }: { readonly spki: Uint8Array; readonly isCa: boolean },
    ): SignRequest => ({
      ...{ label, algorithm, purpose: 'certificate' },
      content: [
        encodeTbsCertificate({
          ...{ serialNumber: 2n ** 130n, algorithm, issuer, spki, ...sampleTimes },
          subject: nameFromText(subject),
          extensions: [buildBasicConstraints({ isCa })],
        }),
      ],
    });
    const { spki } = sampleKey('p256', 'bridge');
    await signer.sign(signing('OU=Gunma,C=JP', { spki: own, isCa: true }));
    await signer.sign(signing('CN=person,C=JP', { spki, isCa: false }));
    const cross = signing('OU=BridgeCA,C=JP', { spki, isCa: true });
    await assert.rejects(signer.sign(cross), needed);
    const sha256 = createHash('sha256').update(Buffer.concat(cross.content)).digest('hex');
    await decide(vault, { act: 'sign-cross', label, purpose: 'certificate', algorithm, sha256 });
    const other = signing('OU=Elsewhere,C=JP', { spki, isCa: true });
    await assert.rejects(signer.sign(other), needed, 'approved was something else');
    await signer.sign(cross);
    await assert.rejects(signer.sign(cross), needed, 'once');
  });
});

describe('a token without custodians', () => {
  it('SIGNING_CUSTODY_REFUSED for a proposal', async (t) => {
    const clock = new SimulatedClock();
    const channels = new HostChannels(clock);
    const signer = await openSignerProcess({
      token: {
        kind: 'software',
        file: join(temporaryFolder(t), 'token.json'),
        create: true,
        scryptCost,
      },
      passphrase: { text: SECRET },
      clock,
      log: silentLog,
      openChannel: channels.open,
    });
    t.after(() => signer.close());
    await assert.rejects(signer.propose({ act: 'activate' }), { code: 'SIGNING_CUSTODY_REFUSED' });
  });
});

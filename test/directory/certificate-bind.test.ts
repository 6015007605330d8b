import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';

import { encodeUtf8 } from '../../src/core/bytes.ts';
import type { EntryPrincipal, Principal } from '../../src/directory/accounts/principal.ts';
import type { Modification, Session } from '../../src/directory/service.ts';
import {
  callerOf,
  type DirectoryFixture,
  search,
  suffix,
  system,
  tlsSession,
} from '../support/directory-fixture.ts';
import {
  openRepository,
  partitions,
  repositoryRules,
  verifierPassword,
  verifiers,
} from '../support/repository-fixture.ts';
import { sampleCertificate, sampleKey, sampleTimes } from '../support/x509-samples.ts';

const court = `cn=Court,${verifiers}`;
const operator = `cn=Operator,${verifiers}`;
const certificate = sampleCertificate(sampleKey('p256'));
const other = sampleCertificate(sampleKey('p384'));
const session: Session = { ...tlsSession, clientCertificate: certificate };

const fingerprint = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex');

function replace(attribute: string, ...values: string[]): Modification {
  return { operation: 'replace', attribute, values: values.map(encodeUtf8) };
}

async function change(
  { directory }: DirectoryFixture,
  dn: string,
  ...changes: Modification[]
): Promise<void> {
  await directory.modify({ dn, changes }, system);
}

/** A repository whose court authenticates with the certificate. */
async function open(
  t: Parameters<typeof openRepository>[0],
  options: Parameters<typeof openRepository>[1] = {},
): Promise<DirectoryFixture> {
  const auth = {
    attributes: ['certdirCertificateSha256'],
    who: { kind: 'anyone' },
    rights: ['auth'],
  } as const;
  const fixture = await openRepository(t, { access: [auth, ...repositoryRules], ...options });
  await change(
    fixture,
    court,
    replace('certdirCertificateSha256', fingerprint(other), fingerprint(certificate).toUpperCase()),
  );
  return fixture;
}

async function canRead({ directory }: DirectoryFixture, principal: Principal): Promise<boolean> {
  const attributes = ['certificateRevocationList'];
  const wish = { base: partitions.maebashi, scope: 'base', attributes } as const;
  const [entry] = await search(directory, wish, callerOf(principal));
  return (entry?.attributes.length ?? 0) > 0;
}

describe('reliability LDAP row 15: an account that authenticates with a certificate', () => {
  it('is the entry with its SHA-256, however that is spelt', async (t) => {
    const fixture = await open(t);
    const principal = await fixture.directory.bindCertificate(session);
    assert.equal(principal.kind === 'entry' && principal.dn.text, court);
    assert.equal((principal as EntryPrincipal).certificate?.sha256, fingerprint(certificate));
    assert.equal((principal as EntryPrincipal).verifier?.kind, 'signature');
    assert.equal(await canRead(fixture, principal), true);
  });

  it('is nobody else by the same names: another certificate of the same subject', async (t) => {
    const fixture = await open(t);
    const namesake = sampleCertificate(sampleKey('p256'), { serialNumber: 77n });
    assert.notEqual(fingerprint(namesake), fingerprint(certificate));
    await assert.rejects(
      fixture.directory.bindCertificate({ ...session, clientCertificate: namesake }),
      { code: 'DIRECTORY_INVALID_CREDENTIALS' },
    );
  });

  const refused: readonly {
    why: string;
    prepare?: (fixture: DirectoryFixture) => Promise<unknown>;
    as?: Session;
  }[] = [
    { why: 'without a certificate', as: tlsSession },
    {
      why: 'with bytes that are none',
      as: { ...session, clientCertificate: Uint8Array.of(0x30, 0) },
    },
    {
      why: 'when the account is disabled',
      prepare: (fixture) => change(fixture, court, replace('certdirAccountDisabled', 'TRUE')),
    },
    {
      why: 'when the agreement has ended',
      prepare: (fixture) =>
        change(fixture, court, replace('certdirAgreementNotAfter', '20260101000000Z')),
    },
    {
      why: 'when the certificate was taken from it',
      prepare: (fixture) => change(fixture, court, replace('certdirCertificateSha256')),
    },
    {
      why: 'when a second account has the certificate',
      prepare: (fixture) =>
        change(fixture, operator, replace('certdirCertificateSha256', fingerprint(certificate))),
    },
    {
      why: 'after the certificate has ended',
      prepare: async (fixture) => {
        await change(fixture, court, replace('certdirAgreementNotAfter', '20991231000000Z'));
        fixture.clock.setWallClock(sampleTimes.notAfterMs + 1000);
      },
    },
    {
      why: 'before the certificate begins',
      prepare: async ({ clock }) => clock.setWallClock(sampleTimes.notBeforeMs - 1),
    },
  ];
  for (const { why, prepare, as = session } of refused) {
    it(`is refused ${why}, on record`, async (t) => {
      const fixture = await open(t);
      await prepare?.(fixture);
      await assert.rejects(fixture.directory.bindCertificate(as), {
        code: 'DIRECTORY_INVALID_CREDENTIALS',
        message: 'invalid credentials',
      });
      const record = (await fixture.records()).at(-1);
      assert.deepEqual([record?.kind, record?.result], ['directory.bind', 'refused']);
      assert.equal(fixture.directory.statistics.refusedBinds, 1);
    });
  }

  it('needs the right to be checked against the certificate', async (t) => {
    const fixture = await open(t, { access: repositoryRules });
    await assert.rejects(fixture.directory.bindCertificate(session), {
      code: 'DIRECTORY_INVALID_CREDENTIALS',
    });
  });
});

describe('reliability LDAP row 15: a session by certificate', () => {
  const ends: readonly { why: string; end: (fixture: DirectoryFixture) => Promise<unknown> }[] = [
    {
      why: 'the account is disabled',
      end: (fixture) => change(fixture, court, replace('certdirAccountDisabled', 'TRUE')),
    },
    {
      why: 'the certificate is taken from the account',
      end: (fixture) => change(fixture, court, replace('certdirCertificateSha256')),
    },
    {
      why: 'the account gets another certificate',
      end: (fixture) =>
        change(fixture, court, replace('certdirCertificateSha256', fingerprint(other))),
    },
    { why: 'the entry goes', end: ({ directory }) => directory.delete({ dn: court }, system) },
    {
      why: 'the entry is renamed',
      end: ({ directory }) =>
        directory.rename({ dn: court, newRdn: 'cn=High Court', deleteOldRdn: false }, system),
    },
    {
      why: 'the agreement ends',
      end: async ({ clock }) => clock.setWallClock(Date.UTC(2026, 11, 31, 15)),
    },
  ];
  for (const { why, end } of ends) {
    it(`loses its rights when ${why}`, async (t) => {
      const fixture = await open(t);
      const principal = await fixture.directory.bindCertificate(session);
      assert.equal(await canRead(fixture, principal), true);
      await end(fixture);
      assert.equal(await canRead(fixture, principal), false);
    });
  }

  it('loses its rights with the last second of the certificate', async (t) => {
    const fixture = await open(t);
    await change(fixture, court, replace('certdirAgreementNotAfter', '20991231000000Z'));
    const principal = await fixture.directory.bindCertificate(session);
    const endMs = (principal as EntryPrincipal).certificate?.notAfterMs ?? 0;
    fixture.clock.setWallClock(endMs);
    assert.equal(await canRead(fixture, principal), true);
    fixture.clock.setWallClock(endMs + 1);
    assert.equal(await canRead(fixture, principal), false);
  });

  it('goes on when something else of the account changes', async (t) => {
    const fixture = await open(t);
    const principal = await fixture.directory.bindCertificate(session);
    await change(fixture, court, replace('description', 'something else'));
    assert.equal(await canRead(fixture, principal), true);
    await change(fixture, court, replace('certdirCertificateSha256'));
    assert.equal(await canRead(fixture, principal), false);
  });
});

describe('certdirCertificateSha256', () => {
  const wrong = ['', 'ab:cd', 'g'.repeat(64), 'a'.repeat(63), 'a'.repeat(65)];
  for (const value of wrong) {
    it(`is not ${JSON.stringify(value)}`, async (t) => {
      const fixture = await open(t);
      await assert.rejects(change(fixture, court, replace('certdirCertificateSha256', value)), {
        name: 'DirectoryError',
      });
    });
  }
});

describe('reliability LDAP row 15: the authorisation identity (RFC 4513 §5.2.1.8)', () => {
  const rows = [
    { authorizationId: '', isAllowed: true },
    { authorizationId: `dn:${court}`, isAllowed: true },
    { authorizationId: `DN:CN=COURT, OU=verifiers,${suffix}`, isAllowed: true },
    { authorizationId: `dn:${operator}`, isAllowed: false },
    { authorizationId: 'dn:', isAllowed: false },
    { authorizationId: 'dn:no name', isAllowed: false },
    { authorizationId: court, isAllowed: false },
    { authorizationId: 'u:court', isAllowed: false },
  ];
  for (const { authorizationId, isAllowed } of rows) {
    it(`${JSON.stringify(authorizationId)}: ${isAllowed}`, async (t) => {
      const fixture = await open(t);
      const principal = await fixture.directory.bind(court, encodeUtf8(verifierPassword), session);
      const check = (): void =>
        fixture.directory.checkAuthorization(authorizationId, callerOf(principal));
      if (isAllowed) {
        check();
      } else {
        assert.throws(check, { code: 'DIRECTORY_INVALID_CREDENTIALS' });
        const record = (await fixture.records()).at(-1);
        assert.equal(record?.subject, 'cn=Court,ou=Verifiers,o=JPKI,c=JP');
        assert.equal(record?.details?.['reason'], 'authorization');
      }
    });
  }
});

describe('the root DSE', () => {
  it('names the mechanisms of the connection', async (t) => {
    const { directory } = await open(t);
    const mechanisms = async (saslMechanisms: readonly string[]): Promise<string[]> => {
      const caller = callerOf({ kind: 'anonymous' }, { ...tlsSession, saslMechanisms });
      const wish = { base: '', scope: 'base', attributes: ['supportedSASLMechanisms'] } as const;
      const [entry] = await search(directory, wish, caller);
      return (entry?.attributes[0]?.values ?? []).map((value) => Buffer.from(value).toString());
    };
    assert.deepEqual(await mechanisms([]), []);
    assert.deepEqual(await mechanisms(['PLAIN']), ['PLAIN']);
    assert.deepEqual(await mechanisms(['EXTERNAL', 'PLAIN']), ['EXTERNAL', 'PLAIN']);
  });
});

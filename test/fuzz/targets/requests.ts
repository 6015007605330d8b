/**
 * LDAP messages without a connection: framing, requests with their filters and controls, and the values
 * that binds and extended operations carry.
 *
 * @module
 */

import assert from 'node:assert/strict';

import { BerReader } from '../../../src/asn1/ber-reader.ts';
import { CertdirError } from '../../../src/core/errors.ts';
import { resolveFilter } from '../../../src/directory/filters/filter-resolution.ts';
import { formatFilter } from '../../../src/directory/filters/filter-text.ts';
import { decodeCancel } from '../../../src/ldap/cancel.ts';
import { decodeFilter } from '../../../src/ldap/filter-decoder.ts';
import { PduFramer } from '../../../src/ldap/framing.ts';
import { defaultLdapLimits } from '../../../src/ldap/limits.ts';
import { decodePasswordModify } from '../../../src/ldap/password-modify.ts';
import { readControls } from '../../../src/ldap/request-controls.ts';
import { decodeEnvelope, decodeRequest } from '../../../src/ldap/request-decoder.ts';
import { authenticateSasl } from '../../../src/ldap/sasl-bind.ts';
import { tlsSession } from '../../support/directory-fixture.ts';
import { FakeDirectory } from '../../support/fake-directory.ts';
import { octets, tlv } from '../../support/ldap-request-bytes.ts';
import { shippedSchema as schema } from '../../support/shipped-schema.ts';
import { mutateBer } from '../ber-mutation.ts';
import type { FuzzRandom, FuzzTarget } from '../fuzz-target.ts';
import {
  controlSeeds,
  conversationSeeds,
  extendedValueSeeds,
  messageSeeds,
  saslSeeds,
} from '../protocol-seeds.ts';
import { orRefused } from '../refusals.ts';
import { SequenceRandom } from '../sequence-random.ts';

const limits = defaultLdapLimits;
const mutate = (random: FuzzRandom, seed: Uint8Array): Uint8Array =>
  mutateBer(random, seed) ?? seed;

/** Messages as hexadecimal text, and the code of the error that ended them. */
function frame(pieces: readonly Uint8Array[], total: number): readonly string[] {
  const framer = new PduFramer();
  const framed: string[] = [];
  try {
    for (const piece of pieces) {
      framer.push(piece);
      for (let pdu = framer.next(65_536); pdu !== undefined; pdu = framer.next(65_536)) {
        framed.push(Buffer.from(pdu).toString('hex'));
      }
      assert.ok(framer.bufferedBytes <= total, 'no more is held than came');
    }
  } catch (error) {
    if (!(error instanceof CertdirError)) {
      throw error;
    }
    framed.push(error.code);
  }
  return framed;
}

function cut(input: Uint8Array): readonly Uint8Array[] {
  const random = new SequenceRandom(String(input.length));
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < input.length; ) {
    const size = 1 + random.below(1 << random.below(10));
    pieces.push(input.slice(at, at + size));
    at += size;
  }
  return pieces;
}

export const framesTarget: FuzzTarget = {
  name: 'frames',
  seeds: conversationSeeds,
  run: (input) => {
    const whole = frame([Uint8Array.from(input)], input.length);
    assert.deepEqual(frame(cut(input), input.length), whole, 'the same however it is cut');
    const last = whole.at(-1) ?? '';
    return `${Math.min(whole.length, 8)} ${last.startsWith('LDAP_') ? last : ''}`;
  },
  mutate,
};

export const messagesTarget: FuzzTarget = {
  name: 'messages',
  seeds: messageSeeds,
  run: (input) => {
    const { request, controls } = decodeRequest(decodeEnvelope(input), limits);
    if (request.kind === 'search') {
      resolveFilter(request.search.filter, schema);
      formatFilter(request.search.filter);
    }
    const asked = readControls(request.kind, controls, limits);
    return `${request.kind} ${Object.keys(asked).sort().join()}`;
  },
  mutate,
};

export const filtersTarget: FuzzTarget = {
  name: 'filters',
  seeds: messageSeeds
    .map((seed) => decodeEnvelope(seed))
    .flatMap(({ reader, kind }) => (kind === 'search' ? [reader.readConstructed(0x63)] : []))
    .map((reader) => {
      for (let fields = 6; fields > 0; fields -= 1) {
        reader.skip();
      }
      return reader.readElement().raw;
    }),
  run: (input) => {
    const filter = decodeFilter(new BerReader(input), limits);
    resolveFilter(filter, schema);
    return formatFilter(filter)
      .replace(/[^()&|!=<>~:*]+/g, 'x')
      .slice(0, 40);
  },
  mutate,
};

export const controlsTarget: FuzzTarget = {
  name: 'controls',
  seeds: controlSeeds.map(({ value }) => value ?? new Uint8Array(0)),
  run: (value) => {
    const taken = controlSeeds.map(({ type }) =>
      (['search', 'modify'] as const).map(
        (kind) =>
          orRefused(() => readControls(kind, [{ type, isCritical: true, value }], limits)) && kind,
      ),
    );
    return taken.join();
  },
  mutate,
};

const directory = new FakeDirectory();
const withCertificate = { ...tlsSession, clientCertificate: Uint8Array.of(0x30, 0) };

export const credentialsTarget: FuzzTarget = {
  name: 'credentials',
  seeds: saslSeeds,
  run: async (credentials) => {
    directory.calls.length = 0;
    for (const mechanism of ['EXTERNAL', 'PLAIN', 'GSSAPI']) {
      try {
        const authentication = { kind: 'sasl', mechanism, credentials } as const;
        await authenticateSasl(authentication, { directory, session: withCertificate });
      } catch (error) {
        if (!(error instanceof CertdirError)) {
          throw error;
        }
      }
    }
  },
};

export const extendedValuesTarget: FuzzTarget = {
  name: 'extended-values',
  seeds: extendedValueSeeds,
  run: (value) => {
    orRefused(() => decodeCancel({ name: '1.3.6.1.1.8', value }));
    orRefused(() => decodeRequest(decodeEnvelope(tlv(0x30, octets(value))), limits));
    decodePasswordModify(value);
  },
  mutate,
};

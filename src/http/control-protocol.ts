/**
 * What travels over the control socket. A request is one HTTP POST to `/v1/<operation>`; an answer is
 * a stream of JSON lines: any number of `progress` or `chunk` lines, then one `result` or `error`
 * line. A missing last line means that the server went away.
 *
 * @module
 */

import { auditSchemas } from './audit-control.ts';
import { ceremonySchemas } from './ceremony-operations.ts';
import { crlSchemas } from './crl-operations.ts';
import { crossSchemas } from './cross-operations.ts';
import { custodySchemas } from './custody-operations.ts';
import { holdSchemas } from './hold-operations.ts';
import { keySchemas } from './key-operations.ts';
import type { Progress } from './operations.ts';
import { operatorSchemas } from './operator-operations.ts';
import { listOf, objectOf, textSchema } from './request-schema.ts';
import { verifierSchemas } from './verifier-operations.ts';

export type AnswerLine =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'chunk'; readonly text: string }
  | { readonly kind: 'result'; readonly result: unknown }
  | { readonly kind: 'error'; readonly code: string; readonly message: string };

/** Who asks, for the audit log; percent-encoded. */
export const OPERATOR_HEADER = 'x-certdir-operator';

/** Which CA is meant, where the server has several. */
export const CA_HEADER = 'x-certdir-ca';

/** The socket's file name in the data folder. */
export const CONTROL_SOCKET = 'certdir.sock';

const text = textSchema;
const texts = listOf(text);

const subjectAttributes = objectOf(
  {
    commonName: text,
    substituteCharacterOfCommonName: text,
    gender: text,
    dateOfBirth: text,
    address: text,
    substituteCharacterOfAddress: text,
  },
  ['substituteCharacterOfCommonName', 'substituteCharacterOfAddress'],
);

const certificateQuery = {
  oneOf: [
    objectOf({ serialNumber: text }),
    objectOf({ publicKey: text }),
    objectOf({ subscriber: subjectAttributes }),
  ],
};

/** JSON Schemas of the requests' bodies, by operation. */
export const requestSchemas: Readonly<Record<string, Record<string, unknown>>> = {
  ...auditSchemas,
  ...crlSchemas,
  ...custodySchemas,
  ...ceremonySchemas,
  ...crossSchemas,
  ...holdSchemas,
  ...operatorSchemas,
  ...keySchemas,
  ...verifierSchemas,
  status: objectOf({}),
  statuses: objectOf({}),
  check: objectOf({ isDeep: { type: 'boolean' }, parts: { enum: ['all', 'store'] } }),
  journal: objectOf({}),
  backup: objectOf({ folder: text, passphrase: text }, ['passphrase']),
  issue: objectOf(
    { request: text, municipality: text, partition: text, attributes: subjectAttributes },
    ['partition'],
  ),
  'find-certificates': objectOf({ query: certificateQuery }),
  'archive-list': objectOf({ scope: text, number: text, at: text }, ['number', 'at']),
  'archive-export': objectOf({ period: text }),
  'archive-status': objectOf({}),
  'archive-attest': objectOf({
    what: { enum: ['written', 'received', 'read'] },
    sha256: text,
    place: { type: 'string', minLength: 1, maxLength: 1_024 },
  }),
  'archive-disclose': objectOf({ query: certificateQuery }),
  revoke: objectOf({ serialNumber: text, reason: text }),
  publish: objectOf({ scopes: { anyOf: [{ const: 'all' }, texts] } }),
  'ldif-export': objectOf(
    {
      base: text,
      scope: { enum: ['base', 'one', 'subtree'] },
      filter: text,
      isUserOnly: { type: 'boolean' },
    },
    ['base', 'scope', 'filter', 'isUserOnly'],
  ),
  'acl-explain': objectOf(
    {
      as: text,
      on: { type: 'string', maxLength: 65_536 },
      attribute: text,
      tls: { enum: ['none', 'tls', 'client'] },
      address: text,
    },
    ['as', 'attribute', 'address'],
  ),
  'ocsp-status': objectOf({}),
  'ocsp-renew': objectOf({}),
  'operator-list': objectOf({}),
  'operator-password': objectOf({ name: text, password: text }),
};

/**
 * What travels over the control socket. A request is one HTTP POST to `/v1/<operation>`; an answer is
 * a stream of JSON lines: any number of `progress` or `chunk` lines, then one `result` or `error`
 * line. A missing last line means that the server went away.
 *
 * @module
 */

import type { Progress } from './operations.ts';

export type AnswerLine =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'chunk'; readonly text: string }
  | { readonly kind: 'result'; readonly result: unknown }
  | { readonly kind: 'error'; readonly code: string; readonly message: string };

/** Who asks, for the audit log; percent-encoded. */
export const OPERATOR_HEADER = 'x-certdir-operator';

/** The socket's file name in the data folder. */
export const CONTROL_SOCKET = 'certdir.sock';

const text = { type: 'string', minLength: 1, maxLength: 65_536 } as const;
const texts = { type: 'array', items: text, maxItems: 10_000 } as const;

function object(
  properties: Record<string, unknown>,
  optional: readonly string[] = [],
): Record<string, unknown> {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', properties, required, additionalProperties: false };
}

const subjectAttributes = object(
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

/** JSON Schemas of the requests' bodies, by operation. */
export const requestSchemas: Readonly<Record<string, Record<string, unknown>>> = {
  status: object({}),
  check: object({}),
  issue: object({
    request: text,
    municipality: text,
    attributes: subjectAttributes,
  }),
  'find-certificates': object({
    query: {
      oneOf: [
        object({ serialNumber: text }),
        object({ publicKey: text }),
        object({ subscriber: subjectAttributes }),
      ],
    },
  }),
  revoke: object({ serialNumber: text, reason: text }),
  publish: object({ scopes: { anyOf: [{ const: 'all' }, texts] } }),
  'ldif-export': object(
    {
      base: text,
      scope: { enum: ['base', 'one', 'subtree'] },
      filter: text,
      isUserOnly: { type: 'boolean' },
    },
    ['base', 'scope', 'filter', 'isUserOnly'],
  ),
  'acl-explain': object(
    {
      as: text,
      on: { type: 'string', maxLength: 65_536 },
      attribute: text,
      tls: { enum: ['none', 'tls', 'client'] },
      address: text,
    },
    ['as', 'attribute', 'address'],
  ),
  'verifier-add': object(
    {
      name: text,
      kind: text,
      agreementNumber: text,
      agreementFrom: text,
      agreementUntil: text,
      partitions: texts,
      password: text,
      certificate: text,
    },
    ['password', 'certificate'],
  ),
  'verifier-list': object({}),
  'verifier-password': object({ name: text, password: text }),
  'verifier-disable': object({ name: text }),
};

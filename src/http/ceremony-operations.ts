/**
 * Key ceremonies through a running server: start one, go on with it, hand in a custodian's approval, look. Here are both
 * ends of it on the control socket; what a ceremony does is in `src/app/ceremonies.ts`.
 *
 * @module
 */

import type { Operator } from './operator.ts';
import { listOf, objectOf, textSchema } from './request-schema.ts';

export const ceremonyKinds = [
  'first-key',
  'renewal',
  'backup',
  'restore',
  'destruction',
  'compromise',
  'withdrawal',
  'end-of-service',
] as const;
export type CeremonyKind = (typeof ceremonyKinds)[number];

/** What is ordered of a key or the service that ends. */
export interface CeremonyOrder {
  /** What the public is told beside what is always said. */
  readonly explanation?: { readonly ja: string; readonly en: string };
  /** compromise: the key, by its generation; the one that issues when left out. */
  readonly generation?: number;
  /** compromise: the key is destroyed when its last lists are out. */
  readonly destroysKey?: boolean;
  /** end-of-service: from when on nothing is issued, RFC 3339; in 90 days when left out. */
  readonly stops?: string;
  /** end-of-service: what is valid then is revoked, rather than left to end; so when left out. */
  readonly revokes?: boolean;
  /** withdrawal: the compromise's ceremony. */
  readonly report?: string;
}

export interface CeremonyStart {
  readonly kind: CeremonyKind;
  /** Who leads it, and who watches. */
  readonly master: string;
  readonly witnesses: readonly string[];
  /** The key; the CA's when left out, which a destruction does not allow. */
  readonly label?: string;
  /** backup: where the copy goes; restore: where it came from. Absolute. */
  readonly folder?: string;
  /** compromise, withdrawal, end-of-service: what is ordered. */
  readonly order?: CeremonyOrder;
}

/** One step and what became of it. */
export interface CeremonyStep {
  readonly name: string;
  readonly title: string;
  readonly isDone: boolean;
  /** RFC 3339; null until it is done. */
  readonly at: string | null;
  /** Who said that it was done; custodians for what they approved. */
  readonly by: readonly string[];
  readonly note: string;
  readonly facts: Readonly<Record<string, string>>;
}

/** A ceremony as it is recorded. */
export interface CeremonyReport {
  readonly format: 'certdir ceremony';
  readonly version: 1;
  readonly id: string;
  readonly kind: CeremonyKind;
  readonly policy: string;
  readonly label: string;
  readonly folder: string | null;
  /** Only where something is ordered. */
  readonly order?: CeremonyOrder;
  readonly master: string;
  readonly witnesses: readonly string[];
  readonly started: string;
  /** Null until the record is closed. */
  readonly closed: string | null;
  readonly steps: readonly CeremonyStep[];
  /** Hash of what custodians are asked for now (`certdir custodian list`). */
  readonly proposal: string | null;
}

export interface CeremonyContinue {
  readonly id: string;
  /** Who did what the step says, and what is to be written down; only for steps that people do. */
  readonly by?: string;
  readonly note?: string;
}

export interface CeremonyApproval {
  readonly id: string;
  readonly hash: string;
  /** `Approval` of src/signing/custody/approval.ts. */
  readonly approval: unknown;
}

export interface CeremonyOperations {
  start(input: CeremonyStart, operator: Operator): Promise<CeremonyReport>;
  /** Does what can be done now; changes nothing where a person or custodians are waited for. */
  continue(input: CeremonyContinue, operator: Operator): Promise<CeremonyReport>;
  approve(input: CeremonyApproval, operator: Operator): Promise<CeremonyReport>;
  show(input: { readonly id: string }): Promise<CeremonyReport>;
  list(): Promise<readonly CeremonyReport[]>;
}

export const ceremonySchemas: Readonly<Record<string, Record<string, unknown>>> = {
  'ceremony-start': objectOf(
    {
      kind: { enum: ceremonyKinds },
      master: textSchema,
      witnesses: listOf(textSchema, 32),
      label: textSchema,
      folder: textSchema,
      order: objectOf(
        {
          explanation: objectOf({ ja: textSchema, en: textSchema }),
          generation: { type: 'integer', minimum: 1, maximum: 1_000_000 },
          destroysKey: { type: 'boolean' },
          stops: textSchema,
          revokes: { type: 'boolean' },
          report: textSchema,
        },
        ['explanation', 'generation', 'destroysKey', 'stops', 'revokes', 'report'],
      ),
    },
    ['label', 'folder', 'order'],
  ),
  'ceremony-continue': objectOf({ id: textSchema, by: textSchema, note: textSchema }, [
    'by',
    'note',
  ]),
  'ceremony-approve': objectOf({
    id: textSchema,
    hash: textSchema,
    approval: { type: 'object', maxProperties: 8 },
  }),
  'ceremony-show': objectOf({ id: textSchema }),
  'ceremony-list': objectOf({}),
};

interface Request {
  readonly body: unknown;
  readonly operator: Operator;
}

/** The server's end. */
export function ceremonyHandlers(
  operations: CeremonyOperations,
): Readonly<Record<string, (request: Request) => Promise<unknown>>> {
  return {
    'ceremony-start': ({ body, operator }) => operations.start(body as CeremonyStart, operator),
    'ceremony-continue': ({ body, operator }) =>
      operations.continue(body as CeremonyContinue, operator),
    'ceremony-approve': ({ body, operator }) =>
      operations.approve(body as CeremonyApproval, operator),
    'ceremony-show': ({ body }) => operations.show(body as { readonly id: string }),
    'ceremony-list': () => operations.list(),
  };
}

/** The client's end. */
export function remoteCeremonies(
  call: <T>(name: string, body: unknown) => Promise<T>,
): CeremonyOperations {
  return {
    start: (input) => call('ceremony-start', input),
    continue: (input) => call('ceremony-continue', input),
    approve: (input) => call('ceremony-approve', input),
    show: (input) => call('ceremony-show', input),
    list: () => call('ceremony-list', {}),
  };
}

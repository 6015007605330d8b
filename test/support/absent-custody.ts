/**
 * The custody operations of something that has no custodians.
 *
 * @module
 */

import type { CeremonyOperations } from '../../src/http/ceremony-operations.ts';
import type { CrlOperations } from '../../src/http/crl-operations.ts';
import type { CrossOperations } from '../../src/http/cross-operations.ts';
import type { CustodyOperations } from '../../src/http/custody-operations.ts';
import type { HoldOperations } from '../../src/http/hold-operations.ts';
import type { KeyOperations } from '../../src/http/key-operations.ts';
import type { OperatorOperations } from '../../src/http/operator-operations.ts';
import type { RevocationOperations } from '../../src/http/revocation-operations.ts';

const refuse = (): Promise<never> => Promise.reject(new Error('nobody asks'));

export const absentCustody: CustodyOperations = { list: refuse, propose: refuse, approve: refuse };

export const absentCeremonies: CeremonyOperations = {
  start: refuse,
  continue: refuse,
  approve: refuse,
  show: refuse,
  list: refuse,
};

export const absentKeys: KeyOperations = { list: refuse, renew: refuse, make: refuse };

const nothing = (): AsyncIterable<never> => ({ [Symbol.asyncIterator]: () => ({ next: refuse }) });

export const absentCross: CrossOperations = {
  ...{ show: refuse, request: refuse, examine: refuse, test: refuse, issue: refuse },
  ...{ receipt: refuse, accept: refuse, renew: refuse, revoke: refuse },
};

export const absentHolds: HoldOperations = { hold: refuse, release: refuse };
export const absentOperators: OperatorOperations = {
  ...{ add: refuse, disable: refuse, enable: refuse, enrol: refuse },
};

export const absentRevocations: RevocationOperations = { revokeMany: () => nothing() };

export const absentCrl: CrlOperations = {
  ...{ terms: refuse, list: refuse, history: refuse, show: refuse },
  ...{ entries: nothing, diff: nothing, export: nothing },
};

/**
 * A CA as the API serves it: what the handlers of all families of routes call. A new family adds a field here, and
 * `app/api.ts` fills it.
 *
 * @module
 */

import type { Directory } from '../../directory/directory.ts';
import type { Operations } from '../operations.ts';
import type { PeopleRules } from './operator-identity.ts';

export interface ApiAuthority {
  /** The policy's id: the part of the path after `/api/v1/`. */
  readonly id: string;
  readonly title: { readonly ja: string; readonly en: string };
  readonly directory: Pick<Directory, 'bind' | 'bindCertificate' | 'refreshed' | 'changePassword'>;
  readonly people: PeopleRules;
  /** The name of the entry of an operator. */
  operatorDn(name: string): string;
  readonly operations: Operations;
}

/**
 * A CA as the API serves it: what the handlers of all families of routes call. A new family adds a field here, and
 * `app/api.ts` fills it.
 *
 * @module
 */

import type { AuditOrigin } from '../../audit/audit-log.ts';
import type { OperatorRegistration } from '../../ca/accounts/operator-registration.ts';
import type { CertificateAuthority } from '../../ca/certificate-authority.ts';
import type { RegisteredCertificate } from '../../ca/certificates/certificate-register.ts';
import type { Permission } from '../../ca/policy/permissions.ts';
import type { Policy } from '../../ca/policy/policy.ts';
import type { Requests } from '../../ca/requests/requests.ts';
import type { Directory } from '../../directory/directory.ts';
import type { Operations } from '../operations.ts';
import type { PeopleRules } from './people-rules.ts';

/** What the access journal is told when somebody asks for a certificate's state. */
export interface CertificateLook {
  /** The operator's entry. */
  readonly operator: string;
  readonly address: string;
  readonly serialNumber: string;
  readonly partition: string;
  readonly state: string;
  /** It is none of the operator's partitions. */
  readonly isWithheld: boolean;
}

export interface AccessNotes {
  looked(look: CertificateLook): void;
}

/** An operator that called what it may not. */
export interface RefusedCall {
  readonly operationId: string;
  readonly permission: Permission;
  /** `CA_NOT_PERMITTED`, `CA_SEPARATION`. */
  readonly code: string;
  readonly origin: AuditOrigin;
}

/** What EST asks of a CA. */
export interface EstAuthority {
  readonly policy: Policy;
  readonly requests: Requests;
  /** DER of the CA's own that are published: with those of older keys, and the links between them. */
  certificates(): Promise<readonly Uint8Array[]>;
  findCertificate(serialNumber: bigint): Promise<RegisteredCertificate | undefined>;
}

/** What subscribers are given, and what ends it without their coming to a counter. */
export type SubscriberServices = Pick<
  CertificateAuthority,
  'delivery' | 'notices' | 'duplicates' | 'online' | 'findCertificate'
>;

export interface ApiAuthority {
  /** The policy's id: the part of the path after `/api/v1/`. */
  readonly id: string;
  readonly title: { readonly ja: string; readonly en: string };
  readonly directory: Pick<Directory, 'bind' | 'bindCertificate' | 'refreshed' | 'changePassword'>;
  readonly people: PeopleRules;
  /** The name of the entry of an operator. */
  operatorDn(name: string): string;
  /** What all spellings of a distinguished name have in common (`Dn.key`). */
  nameKey(dn: string): Uint8Array;
  readonly operations: Operations;
  readonly requests: Requests;
  readonly est: EstAuthority;
  readonly operators: OperatorRegistration;
  readonly accesses: AccessNotes;
  /** Puts a refusal on record. */
  recordRefusal(refused: RefusedCall): Promise<void>;
  readonly subscribers: SubscriberServices;
}

/**
 * What the CLI can have done, on an open instance: the operations of each of its CAs, made when they are first asked for.
 *
 * @module
 */

import type { AuditOperations } from '../http/audit-operations.ts';
import type { LocalOperations, PublishLists } from '../http/local-operations.ts';
import type { Operations } from '../http/operations.ts';
import { assertOne, type CaInstance, caOf, type Instance } from './ca-instance.ts';
import { type OperationsSetting, operationsOf } from './ca-operations.ts';
import { LocalCustody } from './custody.ts';

export interface InstanceOperationsSetting extends Pick<OperationsSetting, 'jobs' | 'figures'> {
  readonly publishLists: (ca: CaInstance) => PublishLists;
}

/** What all CAs share. */
const shared = [
  ...(['check', 'journal', 'backup', 'custody', 'explainAccess'] as const),
  ...(['ldifImport', 'ldifModify', 'ldifExport'] as const),
] as const satisfies readonly (keyof Operations)[];

/** Everything about the log but the report of what one CA has provided. */
const auditorActs = [
  ...(['list', 'prove', 'verify', 'checkpoint', 'review', 'export'] as const),
  ...(['exported', 'prune', 'acceptLoss', 'rotateKey'] as const),
] as const;

/** Offers some operations; the others say that the CA has to be named. */
function allowing<T extends object>(
  operations: T,
  ids: readonly string[],
  { names, parts = {} }: { readonly names: readonly (keyof T)[]; readonly parts?: Partial<T> },
): T {
  return new Proxy(operations, {
    get: (target, name) => {
      const key = name as keyof T;
      if (Object.hasOwn(parts, key)) {
        return parts[key];
      }
      const value = target[key];
      const isAllowed = names.includes(key);
      if (typeof value === 'function') {
        return isAllowed ? value.bind(target) : () => assertOne(ids);
      }
      return isAllowed || typeof value !== 'object' || value === null
        ? value
        : allowing(value, ids, { names: [] });
    },
  });
}

export class InstanceOperations {
  readonly #instance: Instance;
  readonly #setting: InstanceOperationsSetting;
  readonly #custody: LocalCustody;
  readonly #known = new Map<CaInstance, LocalOperations>();

  constructor(instance: Instance, setting: InstanceOperationsSetting) {
    this.#instance = instance;
    this.#setting = setting;
    this.#custody = new LocalCustody(instance);
  }

  /** On one CA. */
  of(ca: CaInstance): LocalOperations {
    let operations = this.#known.get(ca);
    if (operations === undefined) {
      const publishLists = this.#setting.publishLists(ca);
      operations = operationsOf(ca, { ...this.#setting, publishLists, custody: this.#custody });
      this.#known.set(ca, operations);
    }
    return operations;
  }

  /**
   * @param id Of the CA's policy. Where it is left out and there are several, what is of one CA throws `CA_NOT_NAMED`
   *   when it is asked for, and what all share is there.
   * @throws {CaError} `CA_UNKNOWN`.
   */
  named(id: string | undefined): Operations {
    const { cas } = this.#instance;
    if (id === undefined && cas.length > 1) {
      return this.#unnamed();
    }
    return this.of(caOf(this.#instance, id));
  }

  #unnamed(): Operations {
    const { cas } = this.#instance;
    const ids = cas.map(({ policy }) => policy.id);
    const first = this.of(cas[0]);
    const { archive, audit } = first;
    return allowing(first, ids, {
      names: shared,
      parts: {
        statuses: () => Promise.all(cas.map((ca) => this.of(ca).status())),
        archive: allowing(archive, ids, { names: ['attest'] }),
        audit: allowing<AuditOperations>(audit, ids, { names: auditorActs }),
      },
    });
  }
}

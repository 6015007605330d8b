/**
 * What the CLI can have done, on an open instance: the operations of each of its CAs, made when they are first asked for.
 *
 * @module
 */

import type { LocalOperations, PublishLists } from '../http/local-operations.ts';
import { type CaInstance, caOf, type Instance } from './ca-instance.ts';
import { type OperationsSetting, operationsOf } from './ca-operations.ts';
import { LocalCustody } from './custody.ts';

export interface InstanceOperationsSetting extends Pick<OperationsSetting, 'jobs' | 'figures'> {
  readonly publishLists: (ca: CaInstance) => PublishLists;
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
   * @param id Of the CA's policy; may be left out where there is one CA.
   * @throws {CaError} `CA_NOT_NAMED`, `CA_UNKNOWN`.
   */
  named(id: string | undefined): LocalOperations {
    return this.of(caOf(this.#instance, id));
  }
}

/**
 * Things that were opened one after another and are closed in the reverse order, also when opening
 * the next one fails halfway.
 *
 * @module
 */

/** Something to close; `name` stands in the error when it fails. */
interface Closable {
  readonly name: string;
  readonly close: () => Promise<void>;
}

export class ClosingStack {
  readonly #stack: Closable[] = [];
  #closing: Promise<void> | undefined;

  /** Remembers to close `opened`, and returns it. */
  push<T>(opened: T, closable: { readonly name: string; close(opened: T): Promise<void> }): T {
    this.#stack.push({ name: closable.name, close: () => closable.close(opened) });
    return opened;
  }

  /**
   * Closes everything, the last opened first. A failure does not keep the rest open.
   *
   * @throws {AggregateError} with every failure, after all were tried.
   */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const { name, close } of this.#stack.splice(0).reverse()) {
      try {
        await close();
      } catch (cause) {
        failures.push(new Error(`closing ${name} failed`, { cause }));
      }
    }
    if (failures.length > 0) {
      throw new AggregateError(failures, 'not everything could be closed');
    }
  }
}

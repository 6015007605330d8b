/**
 * A directory whose every operation a test scripts, and which records what it was asked.
 *
 * @module
 */

import { anonymous, type Principal } from '../../src/directory/accounts/principal.ts';
import { DirectoryError } from '../../src/directory/errors.ts';
import type {
  AddRequest,
  Caller,
  ChangeOutcome,
  CompareRequest,
  DeleteRequest,
  DirectoryService,
  DirectoryStatistics,
  ModifyRequest,
  PasswordChange,
  RenameRequest,
  SearchAnswers,
  SearchOutcome,
  SearchRequest,
  SearchResultEntry,
  Session,
  StopSignal,
} from '../../src/directory/service.ts';

/** One call, with the request as the directory got it. */
export interface DirectoryCall {
  readonly operation:
    | 'search'
    | 'compare'
    | 'add'
    | 'modify'
    | 'delete'
    | 'rename'
    | 'bind'
    | 'bindCertificate'
    | 'changePassword';
  readonly request: unknown;
  /** `anonymous`, or the name of the principal. */
  readonly as: string;
  readonly session: Session;
}

/** Something that happens when the test says so. */
export class Gate {
  readonly passed: Promise<void>;
  #open: () => void = () => undefined;

  constructor() {
    this.passed = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open();
  }
}

/** Resolves once the signal is aborted. */
export async function whenAborted(signal: StopSignal | undefined): Promise<void> {
  while (signal?.aborted === false) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export class FakeDirectory implements DirectoryService {
  readonly calls: DirectoryCall[] = [];
  #watchers: (() => void)[] = [];

  readonly statistics: DirectoryStatistics = {
    searches: 0,
    entriesReturned: 0,
    writes: 0,
    refusedWrites: 0,
    binds: 0,
    refusedBinds: 0,
    withheldAttributes: 0,
  };

  onSearch: (request: SearchRequest, caller: Caller) => AsyncIterable<SearchResultEntry> =
    async function* (request) {
      yield { dn: request.base, attributes: [] };
    };
  onCompare: (request: CompareRequest) => Promise<boolean> = async () => true;
  onWrite: (operation: string) => Promise<void> = async () => undefined;
  /** What every search says beside its entries. */
  searchOutcome: SearchOutcome = {};
  /** What every write answers. */
  changeOutcome: ChangeOutcome = {};
  /** By default a name with any password is its own principal, except for the password `wrong`. */
  onBind: (dn: string, password: Uint8Array) => Promise<Principal> = async (dn, password) => {
    if (Buffer.from(password).toString() === 'wrong') {
      throw new DirectoryError('DIRECTORY_INVALID_CREDENTIALS', 'invalid credentials');
    }
    return dn === '' ? anonymous : { kind: 'system', name: dn };
  };

  search(request: SearchRequest, caller: Caller): SearchAnswers {
    this.#record('search', request, caller);
    const entries = this.onSearch(request, caller);
    return {
      [Symbol.asyncIterator]: () => entries[Symbol.asyncIterator](),
      outcome: this.searchOutcome,
    };
  }

  async compare(request: CompareRequest, caller: Caller): Promise<boolean> {
    this.#record('compare', request, caller);
    return await this.onCompare(request);
  }

  async add(request: AddRequest, caller: Caller): Promise<ChangeOutcome> {
    this.#record('add', request, caller);
    await this.onWrite('add');
    return this.changeOutcome;
  }

  async modify(request: ModifyRequest, caller: Caller): Promise<ChangeOutcome> {
    this.#record('modify', request, caller);
    await this.onWrite('modify');
    return this.changeOutcome;
  }

  async delete(request: DeleteRequest, caller: Caller): Promise<ChangeOutcome> {
    this.#record('delete', request, caller);
    await this.onWrite('delete');
    return this.changeOutcome;
  }

  async rename(request: RenameRequest, caller: Caller): Promise<ChangeOutcome> {
    this.#record('rename', request, caller);
    await this.onWrite('rename');
    return this.changeOutcome;
  }

  async bind(dn: string, password: Uint8Array, session: Session): Promise<Principal> {
    this.#record(
      'bind',
      { dn, password: Buffer.from(password).toString() },
      {
        principal: anonymous,
        session,
      },
    );
    return await this.onBind(dn, password);
  }

  /** By default whoever has a certificate is `certificate`. */
  onBindCertificate: () => Promise<Principal> = async () => ({
    kind: 'system',
    name: 'certificate',
  });

  async bindCertificate(session: Session): Promise<Principal> {
    this.#record('bindCertificate', undefined, { principal: anonymous, session });
    return await this.onBindCertificate();
  }

  /** Everyone is allowed to be `dn:` and the own name. */
  checkAuthorization(authorizationId: string, { principal }: Caller): void {
    const own = principal.kind === 'system' ? `dn:${principal.name}` : '';
    if (authorizationId !== '' && authorizationId !== own) {
      throw new DirectoryError('DIRECTORY_INVALID_CREDENTIALS', 'invalid credentials');
    }
  }

  onChangePassword: (request: PasswordChange) => Promise<Uint8Array | undefined> = async () =>
    undefined;

  async changePassword(request: PasswordChange, caller: Caller): Promise<Uint8Array | undefined> {
    this.#record('changePassword', request, caller);
    return await this.onChangePassword(request);
  }

  /** Resolves when so many calls have been made. */
  async whenCalled(count: number): Promise<void> {
    while (this.calls.length < count) {
      await new Promise<void>((resolve) => {
        this.#watchers.push(resolve);
      });
    }
  }

  #record(operation: DirectoryCall['operation'], request: unknown, caller: Caller): void {
    const { principal, session } = caller;
    const as = principal.kind === 'system' ? principal.name : principal.kind;
    this.calls.push({ operation, request, as, session });
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const resolve of watchers) {
      resolve();
    }
  }
}

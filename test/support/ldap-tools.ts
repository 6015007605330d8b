/**
 * OpenLDAP's client tools against one server.
 *
 * @module
 */

import { type CommandResult, runCommand } from './command-run.ts';

/** Who a tool binds as; anonymous when nobody is named. */
export interface LdapIdentity {
  readonly dn: string;
  /** The file holds the password and nothing else: the tools take a line end for a part of it. */
  readonly passwordFile: string;
}

export interface LdapTarget {
  readonly url: string;
  /** The certificate that the server's must lead to. */
  readonly caFile: string;
}

export interface LdapQuery {
  readonly base: string;
  readonly scope?: 'base' | 'one' | 'sub' | 'children';
  readonly filter?: string;
  readonly attributes?: readonly string[];
  readonly as?: LdapIdentity | undefined;
  /** More options of ldapsearch, e.g. `-A`. */
  readonly options?: readonly string[];
}

export interface LdapEntry {
  readonly dn: string;
  /** By description as the server wrote it. */
  readonly attributes: ReadonlyMap<string, readonly Buffer[]>;
}

export interface LdapFound {
  /** The result code, which is the tool's exit status. */
  readonly resultCode: number;
  readonly entries: readonly LdapEntry[];
  /** What the tool says about a failure: result, matched name, diagnostic message. */
  readonly diagnostics: string;
}

/** The tools with the connection's options filled in. */
export class LdapTools {
  readonly #target: LdapTarget;

  constructor(target: LdapTarget) {
    this.#target = target;
  }

  /** Runs a tool, e.g. `ldapmodify`, and returns what it said and its exit status. */
  run(
    tool: string,
    args: readonly string[],
    { as, input }: { readonly as?: LdapIdentity | undefined; readonly input?: string } = {},
  ): Promise<CommandResult> {
    const connection = ['-x', '-H', this.#target.url, ...identityOptions(as)];
    return runCommand(tool, [...connection, ...args], {
      env: { LDAPTLS_CACERT: this.#target.caFile, LDAPTLS_REQCERT: 'demand' },
      ...(input === undefined ? {} : { input }),
    });
  }

  /** As `run`, for tools whose exit status is all that matters: the LDAP result code. */
  async resultCode(
    tool: string,
    args: readonly string[],
    as?: { readonly as?: LdapIdentity | undefined; readonly input?: string },
  ): Promise<number> {
    return (await this.run(tool, args, as)).status;
  }

  /** ldapsearch. */
  async search(query: LdapQuery): Promise<LdapFound> {
    const { base, scope = 'base', filter = '(objectClass=*)', attributes = [], as } = query;
    const output = ['-LLL', '-o', 'ldif-wrap=no', ...(query.options ?? [])];
    const { status, stdout, stderr } = await this.run(
      'ldapsearch',
      [...output, '-s', scope, '-b', base, filter, ...attributes],
      { as },
    );
    return { resultCode: status, entries: parseEntries(stdout), diagnostics: stderr };
  }

  /** The values of one attribute of one entry; none when entry or attribute is not there. */
  async values(query: LdapQuery): Promise<readonly Buffer[]> {
    const { entries } = await this.search(query);
    return entries.flatMap(({ attributes }) => [...attributes.values()].flat());
  }
}

function identityOptions(identity: LdapIdentity | undefined): readonly string[] {
  return identity === undefined ? [] : ['-D', identity.dn, '-y', identity.passwordFile];
}

/** Reads what `ldapsearch -LLL -o ldif-wrap=no` prints: one line for each value. */
function parseEntries(ldif: string): readonly LdapEntry[] {
  return ldif
    .split(/\n\n+/)
    .map((record) => record.split('\n').filter((line) => line !== '' && !line.startsWith('#')))
    .filter((lines) => lines[0]?.startsWith('dn:') === true)
    .map(([first = '', ...lines]) => {
      const attributes = new Map<string, Buffer[]>();
      for (const line of lines) {
        const { description, value } = parseLine(line);
        const values = attributes.get(description) ?? [];
        attributes.set(description, values);
        if (value !== undefined) {
          values.push(value);
        }
      }
      return { dn: parseLine(first).value?.toString('utf8') ?? '', attributes };
    });
}

function parseLine(line: string): { readonly description: string; readonly value?: Buffer } {
  const [, description = '', colons = '', text = ''] = /^([^:]*)(::?) ?(.*)$/.exec(line) ?? [];
  if (text === '' && colons === ':') {
    return { description };
  }
  return { description, value: Buffer.from(text, colons === '::' ? 'base64' : 'utf8') };
}

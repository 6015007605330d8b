/**
 * `certdir crl check`: the invariants on lists that are out, ours or anybody's.
 *
 * @module
 */

import type { Command } from 'commander';

import type {
  CheckTerms,
  ExpectedList,
  FoundList,
  ListFinding,
  PublishedListCheck,
} from '../ca/checks/published-list-check.ts';
import { readSecretFile } from '../config/secret-file.ts';
import { SystemClock } from '../core/clock.ts';
import { isCertdirError } from '../core/errors.ts';
import type { CrlFacts, CrlTerms } from '../http/crl-operations.ts';
import type { Operations } from '../http/operations.ts';
import { formatTime } from '../http/report-time.ts';
import type { ListAddress } from '../readback/published-lists.ts';
import { type Context, contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { ExitCode } from './exit-codes.ts';
import { readInputFile } from './input-file.ts';
import { formatTable } from './output.ts';
import { UsageError } from './usage-error.ts';

const HOUR_MS = 3_600_000;
const MAX_CERTIFICATES_BYTES = 1024 * 1024;
/** Entries that one connection is asked for. */
const PER_CONNECTION = 64;

interface CheckOptions {
  readonly from?: string;
  readonly issuer?: readonly string[];
  readonly name?: readonly string[];
  readonly refused?: true;
  readonly leastHours?: string;
  readonly bindDn?: string;
  readonly bindPasswordFile?: string;
  readonly caFile?: string;
}

const help = `
Without --from the newest lists of the data folder are checked. With --from what is published there is
read, over LDAP by the names of the lists, over HTTP each at URL/crl/SCOPE.crl and its delta list at
URL/crl/SCOPE.delta.crl, or one list at the URL itself when it does not end with /. With --issuer no data
folder is needed and any CA's lists are checked: signature, times, and what the lists say of themselves.

Exit code 8 when something is found; with --json: { lists, findings }.
${examples(
  'certdir crl check',
  'certdir crl check --from ldaps://ldap.example.jp --ca-file tls.pem --bind-dn cn=monitor,… \\\n' +
    '    --bind-password-file monitor.password --json',
  'certdir crl check 10201 10202 --from ldap://ldap.example.jp --refused',
  'certdir crl check --from http://www.example.jp/ arl',
  'certdir crl check --issuer other-ca.pem --from http://crl.example.com/ca.crl',
  "certdir crl check --issuer other-ca.pem --from ldap://ldap.example.com --name 'cn=CRL1,o=Example,c=JP'",
)}`;

/** Adds the command to `certdir crl`. */
export function addCrlCheck(crl: Command): void {
  crl
    .command('check')
    .description('hold lists that are published against the invariants')
    .argument('[scopes...]', 'only these lists')
    .option('--from <url>', 'read them from ldap://, ldaps://, http:// or https://')
    .option('--issuer <files...>', "certificates of the CA, PEM or DER, in the data folder's place")
    .option('--name <dns...>', 'with --issuer: entries of the directory that hold lists')
    .option('--refused', 'none of the lists may be given to whoever asks')
    .option('--least-hours <number>', 'time that every list has left; as the policy says, or 24')
    .option('--bind-dn <dn>', 'who asks; anonymous without it')
    .option('--bind-password-file <file>', 'file with its password, readable by its owner only')
    .option('--ca-file <file>', 'PEM of the certificates that TLS is trusted by')
    .addHelpText('after', help)
    .action(async (scopes: readonly string[], options: CheckOptions, command: Command) => {
      const context = contextOf(command);
      const { PublishedListCheck: Check } = await import('../ca/checks/published-list-check.ts');
      const run = async (operations: Operations | undefined): Promise<void> => {
        const terms = await termsOf(operations, options);
        const nowMs = new SystemClock().nowMs();
        const check = new Check(scopes.length === 0 ? terms : only(terms, scopes), nowMs);
        await gather(check, { operations, options, terms: check.terms });
        if (scopes.length === 0) {
          await check.finish();
        }
        answer(context, check);
      };
      await (options.issuer === undefined ? withOperations(context, run) : run(undefined));
    });
}

function only(terms: CheckTerms, scopes: readonly string[]): CheckTerms {
  const { expected = [] } = terms;
  for (const scope of scopes) {
    if (!expected.some(({ id }) => id === scope)) {
      throw new UsageError(`there is no list ${scope}; certdir crl list names them`);
    }
  }
  return { ...terms, expected: expected.filter(({ id }) => scopes.includes(id)) };
}

async function termsOf(
  operations: Operations | undefined,
  { issuer = [], leastHours }: CheckOptions,
): Promise<CheckTerms> {
  const { parseCertificate } = await import('../x509/certificate.ts');
  const given = leastHours === undefined ? undefined : Number(leastHours);
  if (given !== undefined && !(given >= 0)) {
    throw new UsageError('--least-hours takes a number');
  }
  if (operations === undefined) {
    return {
      issuers: (await readCertificates(issuer)).map(parseCertificate),
      expected: undefined,
      allowedReasons: undefined,
      leastRemainingMs: (given ?? 24) * HOUR_MS,
      leastDeltaRemainingMs: (given ?? 0) * HOUR_MS,
      archived: async () => undefined,
      hasEnded: async () => false,
    };
  }
  const own = await operations.crl.terms();
  const issuers = own.issuers.map((der) => parseCertificate(Buffer.from(der, 'base64')));
  return {
    issuers,
    expected: await expectedOf(own),
    allowedReasons: new Set(own.reasons),
    leastRemainingMs: (given ?? own.leastRemainingHours) * HOUR_MS,
    leastDeltaRemainingMs: (given ?? own.leastDeltaRemainingHours) * HOUR_MS,
    archived: (scope, number) => archivedHash(operations, scope, number),
    hasEnded: (serialNumber) => hasEnded(operations, serialNumber),
  };
}

async function expectedOf(own: CrlTerms): Promise<readonly ExpectedList[]> {
  const { parseCertificate } = await import('../x509/certificate.ts');
  const { createHash } = await import('node:crypto');
  const keys = new Map(
    own.issuers.map((text) => {
      const der = Buffer.from(text, 'base64');
      const spki = Buffer.from(parseCertificate(der).spki).toString('hex');
      return [createHash('sha256').update(der).digest('hex'), spki];
    }),
  );
  return own.lists.map(({ scope: id, dn, issuer, newest, delta, ...rest }) => ({
    ...{ id, dn, ...rest, issuerKey: keys.get(issuer ?? '') },
    newest: numberOf(newest),
    delta: numberOf(delta),
  }));
}

function numberOf(list: CrlFacts | null): ExpectedList['newest'] {
  return list === null ? undefined : { number: BigInt(list.crlNumber), sha256: list.sha256 };
}

async function archivedHash(
  { crl }: Operations,
  scope: string,
  number: bigint,
): Promise<string | undefined> {
  try {
    return (await crl.show({ scope, number: number.toString() })).sha256;
  } catch (error) {
    if (isCertdirError(error) && error.code === 'CA_LIST_UNKNOWN') {
      return undefined;
    }
    throw error;
  }
}

async function hasEnded(operations: Operations, serial: bigint): Promise<boolean> {
  const [found] = await operations.findCertificates({ serialNumber: serial.toString(16) });
  return found !== undefined && Date.parse(found.notAfter) < new SystemClock().nowMs();
}

async function readCertificates(files: readonly string[]): Promise<readonly Uint8Array[]> {
  const { decodePemBlocks } = await import('../x509/pem.ts');
  const all: Uint8Array[] = [];
  for (const file of files) {
    const bounds = { what: 'certificates', maxBytes: MAX_CERTIFICATES_BYTES };
    const bytes = await readInputFile(file, bounds);
    // A DER SEQUENCE starts with 0x30, a PEM file with text.
    const blocks = bytes[0] === 0x30 ? [{ der: bytes }] : decodePemBlocks(bytes.toString('latin1'));
    all.push(...blocks.map(({ der }) => der));
  }
  return all;
}

interface Gathering {
  readonly operations: Operations | undefined;
  readonly options: CheckOptions;
  readonly terms: CheckTerms;
}

async function gather(check: PublishedListCheck, gathering: Gathering): Promise<void> {
  const { options, operations, terms } = gathering;
  const expected = terms.expected ?? [];
  if (options.from === undefined) {
    if (operations === undefined || options.refused === true) {
      throw new UsageError('--issuer and --refused need --from URL');
    }
    for (const { id: scope, newest, delta } of expected) {
      if (newest === undefined) {
        check.note({ invariant: 'I7', source: scope, message: 'never came out' });
      }
      for (const { number } of [newest, delta].filter((one) => one !== undefined)) {
        const pieces: Uint8Array[] = [];
        for await (const piece of operations.crl.export({ scope, number: String(number) })) {
          pieces.push(piece);
        }
        await check.add({ source: scope, der: Buffer.concat(pieces) });
      }
    }
    return;
  }
  await (options.from.startsWith('ldap')
    ? gatherFromDirectory(check, gathering, options.from)
    : gatherFromWeb(check, gathering, options.from));
}

async function accessOf(options: CheckOptions): Promise<Omit<ListAddress, 'url' | 'names'>> {
  const { bindDn: dn, bindPasswordFile, caFile } = options;
  if ((dn === undefined) !== (bindPasswordFile === undefined)) {
    throw new UsageError('--bind-dn and --bind-password-file go together');
  }
  const pem = { what: 'certificates', maxBytes: MAX_CERTIFICATES_BYTES };
  return {
    credentials:
      dn === undefined || bindPasswordFile === undefined
        ? undefined
        : { dn, password: await readSecretFile(bindPasswordFile) },
    trusted:
      caFile === undefined ? undefined : (await readInputFile(caFile, pem)).toString('latin1'),
  };
}

async function gatherFromDirectory(
  check: PublishedListCheck,
  { options, terms }: Gathering,
  url: string,
): Promise<void> {
  const { readDirectoryEntries } = await import('../readback/published-lists.ts');
  const access = await accessOf(options);
  const expected = terms.expected ?? [];
  const names = [...new Set(options.name ?? expected.map(({ dn }) => dn))];
  if (names.length === 0) {
    throw new UsageError('name the entries that hold lists: --name DN');
  }
  for (let at = 0; at < names.length; at += PER_CONNECTION) {
    const some = { ...access, url, names: names.slice(at, at + PER_CONNECTION) };
    const entries = await readDirectoryEntries({ ...some, wants: 'lists' }, new SystemClock());
    for (const { name, lists } of entries) {
      const before = check.lists.length;
      for (const der of lists) {
        await note(check, options, { source: name, der, entryDn: name });
      }
      const seen = check.lists.slice(before);
      const isSeen = (id: string, isDelta: boolean): boolean =>
        seen.some((one) => one.id === id && one.isDelta === isDelta);
      const absent = expected.filter(
        ({ id, dn, delta }) =>
          dn === name && (!isSeen(id, false) || (delta !== undefined && !isSeen(id, true))),
      );
      const isAbsent = terms.expected === undefined ? lists.length === 0 : absent.length > 0;
      reportAbsent(check, options, isAbsent ? [name] : []);
    }
  }
}

async function gatherFromWeb(
  check: PublishedListCheck,
  { options, terms }: Gathering,
  url: string,
): Promise<void> {
  const { readPublishedLists } = await import('../readback/published-lists.ts');
  const access = await accessOf(options);
  const urls = url.endsWith('/')
    ? (terms.expected ?? []).flatMap(({ id, delta }) => [
        `${url}crl/${id}.crl`,
        ...(delta === undefined ? [] : [`${url}crl/${id}.delta.crl`]),
      ])
    : [url];
  if (urls.length === 0) {
    throw new UsageError('--issuer needs the URL of a list, not one that ends with /');
  }
  for (const source of urls) {
    try {
      const address = { ...access, url: source, names: [] };
      for (const der of await readPublishedLists(address, new SystemClock())) {
        await note(check, options, { source, der });
      }
    } catch (error) {
      if (!isCertdirError(error) || error.code !== 'READBACK_ABSENT') {
        throw error;
      }
      reportAbsent(check, options, [source]);
    }
  }
}

async function note(
  check: PublishedListCheck,
  { refused }: CheckOptions,
  found: FoundList,
): Promise<void> {
  if (refused === true) {
    const message = 'is given to whoever asks, and may not be';
    check.note({ invariant: 'I8', source: found.source, message });
  } else {
    await check.add(found);
  }
}

function reportAbsent(
  check: PublishedListCheck,
  { refused }: CheckOptions,
  sources: readonly string[],
): void {
  for (const source of refused === true ? [] : sources) {
    const message = 'a list is not there, or not for whoever asks';
    check.note({ invariant: 'I8', source, message });
  }
}

function answer({ output }: Context, { lists, findings }: PublishedListCheck): void {
  const reports = lists.map(({ id, number, thisUpdateMs, nextUpdateMs, ...rest }) => ({
    ...rest,
    scope: id ?? null,
    crlNumber: number?.toString() ?? null,
    thisUpdate: formatTime(thisUpdateMs),
    nextUpdate: nextUpdateMs === undefined ? null : formatTime(nextUpdateMs),
  }));
  output.answer({ lists: reports, findings }, () =>
    [
      formatTable(
        ['list', 'number', 'thisUpdate', 'nextUpdate', 'entries', 'bytes'],
        reports.map((one) => [
          `${one.scope ?? one.source}${one.isDelta ? ' (delta)' : ''}`,
          one.crlNumber ?? '-',
          one.thisUpdate,
          one.nextUpdate ?? '-',
          String(one.entries),
          String(one.bytes),
        ]),
      ),
      ...findings.map(formatFinding),
      findings.length === 0 ? 'all invariants hold' : `${findings.length} findings`,
    ].join('\n'),
  );
  process.exitCode = findings.length === 0 ? ExitCode.done : ExitCode.damaged;
}

function formatFinding({ invariant, source, message }: ListFinding): string {
  return `${invariant}  ${source}: ${message}`;
}

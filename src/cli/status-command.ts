/**
 * `certdir status`.
 *
 * @module
 */

import type { Command } from 'commander';

import type {
  OcspFigures,
  ReplicationReport,
  ServerFigures,
  ServiceState,
  ServiceStatus,
} from '../http/operations.ts';
import { contextOf, withOperations } from './context.ts';
import { examples } from './examples.ts';
import { formatTable } from './output.ts';
import { formatStandby } from './standby-command.ts';

/** Adds the command to the program. */
export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .description('show the CA, its lists and what needs attention')
    .addHelpText('after', examples('certdir status', 'certdir status --json'))
    .action(async (_options: unknown, command: Command) => {
      const context = contextOf(command);
      const { readStandbyReport } = await import('../app/standby.ts');
      const standby = await readStandbyReport(context.folder);
      if (standby !== undefined) {
        context.output.answer(standby, () => formatStandby(standby));
        return;
      }
      const statuses = await withOperations(context, async (operations) =>
        context.ca === undefined ? await operations.statuses() : [await operations.status()],
      );
      const [status] = statuses;
      if (statuses.length === 1 && status !== undefined) {
        context.output.answer(status, () => formatStatus(status));
      } else {
        context.output.answer({ cas: statuses }, () => statuses.map(formatStatus).join('\n\n'));
      }
    });
}

function formatStatus(status: ServiceStatus): string {
  const facts = [
    ['CA', status.caName],
    ['policy', status.preset],
    ['service', formatService(status.service)],
    ['server', status.isServing ? 'running' : 'not running'],
    ['key', status.keyActive ? 'active' : 'not active: nothing can be signed'],
    ['store', status.storeWritable ? 'writable' : 'read-only after a write error'],
    [
      'certificates',
      `${status.certificates.issued} issued, ${status.certificates.revoked} revoked`,
    ],
    ['audit log', `${status.audit.size} records, root ${status.audit.rootHash}`],
    ...(status.replication === null ? [] : formatReplication(status.replication)),
    ...(status.server === null ? [] : formatFigures(status.server)),
  ];
  const width = Math.max(...facts.map(([name = '']) => name.length));
  const lists = formatTable(
    ['scope', 'number', 'thisUpdate', 'nextUpdate', 'next publication', 'entries', 'bytes'],
    status.scopes.flatMap(rowsOf),
  );
  const warnings = status.warnings.map((warning) => `warning: ${warning}`);
  return [
    ...facts.map(([name = '', value = '']) => `${name.padEnd(width)}  ${value}`),
    '',
    lists,
    ...(warnings.length === 0 ? [] : ['', ...warnings]),
  ].join('\n');
}

/** A list, and below it its delta list. */
function rowsOf(list: ServiceStatus['scopes'][number]): readonly (readonly string[])[] {
  const { scope, crlNumber, nextPublication, delta } = list;
  const row = (
    name: string,
    facts: Pick<typeof list, 'crlNumber' | 'thisUpdate' | 'nextUpdate' | 'entries' | 'bytes'>,
    due: string | null,
  ): readonly string[] => [
    name,
    facts.crlNumber ?? '-',
    facts.thisUpdate ?? '-',
    facts.nextUpdate ?? '-',
    due ?? '-',
    String(facts.entries),
    String(facts.bytes),
  ];
  return [
    row(scope, { ...list, crlNumber }, nextPublication),
    ...(delta === null ? [] : [row(`${scope} (delta)`, delta, null)]),
  ];
}

const states: Readonly<Record<ServiceState, string>> = {
  issuing: 'issuing',
  ending: 'issuing, its end is announced',
  'issuing-stopped': 'issuing is stopped; lists go on',
  ended: 'ended: the last lists are out',
};

function formatService({ state, cessations }: ServiceStatus['service']): string {
  const told = cessations.map(
    ({ kind, generation, phase, since, revoked }) =>
      `${kind === 'compromise' ? `compromise of key ${generation}` : 'end of service'}: ${phase} since ${since}, ${revoked} revoked`,
  );
  return [states[state], ...told].join('; ');
}

function formatReplication({
  mode,
  epoch,
  sequence,
  standbys,
}: ReplicationReport): [string, string][] {
  return [
    ['journal', `record ${sequence}, epoch ${epoch}, ${mode}`],
    ...standbys.map((one): [string, string] => [
      'standby',
      `${one.standby.slice(0, 16)}: record ${one.sequence}, ${one.behind} behind (${one.behindBytes} bytes, ${one.behindSeconds} s), heard of ${one.silentSeconds} s ago`,
    ]),
  ];
}

function formatFigures(server: ServerFigures): [string, string][] {
  const { answerCacheHits: hits, answerCacheMisses: misses } = server;
  const share = hits + misses === 0 ? '-' : `${Math.floor((100 * hits) / (hits + misses))} %`;
  return [
    ['uptime', `${Math.floor(server.uptimeSeconds)} s`],
    [
      'connections',
      `${server.connections} now, ${server.acceptedConnections} since the start, ${server.refusedConnections} refused`,
    ],
    [
      'requests',
      `${server.requests} since the start, ${server.pendingRequests} pending, ${server.waitingPasswords} passwords waiting`,
    ],
    ['answer cache', `${share} of the searches that it could answer`],
    ...(server.ocsp === null ? [] : [formatOcsp(server.ocsp)]),
    ['memory', `${mebibytes(server.residentBytes)}, ${mebibytes(server.unsentBytes)} unsent`],
    ['disk', `${mebibytes(server.storeBytes)} store`],
  ];
}

function formatOcsp({ answers, cached, refused, pending }: OcspFigures): [string, string] {
  return [
    'OCSP',
    `${answers} answers since the start, ${cached} of them given again, ${refused} refused, ${pending} pending`,
  ];
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/**
 * What a benchmark found: our figure, the peer's and the limit's from one run, and their ratios.
 *
 * @module
 */

import { availableParallelism, cpus } from 'node:os';

export type Unit = '/s' | 'ms' | 'µs' | 'KiB' | 'MiB';

export interface Measure {
  readonly name: string;
  readonly unit: Unit;
  readonly ours: number;
  /** Undefined where the peer has nothing like it, or is not installed. */
  readonly peer?: number | undefined;
  readonly limit?: number | undefined;
}

export interface Report {
  readonly program: string;
  /** What is measured beside ours. */
  readonly peer: string;
  /** What no program could pass here. */
  readonly limit: string;
  readonly measures: readonly Measure[];
  readonly notes: readonly string[];
}

const NAME_WIDTH = 46;
const CELL_WIDTH = 12;

/** Prints a table, or one JSON document with `--json`. */
export function printReport(report: Report): void {
  const text = process.argv.includes('--json')
    ? JSON.stringify({ ...report, machine: machine(), measures: withRatios(report) }, undefined, 2)
    : formatTable(report);
  process.stdout.write(`${text}\n`);
}

function machine(): Record<string, string | number> {
  const [cpu] = cpus();
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cores: availableParallelism(),
    cpu: cpu?.model ?? 'unknown',
  };
}

function withRatios({ measures }: Report): readonly object[] {
  return measures.map((measure) => ({
    ...measure,
    toPeer: ratio(measure, measure.peer),
    toLimit: ratio(measure, measure.limit),
  }));
}

/** How many times as good ours is: of rates ours by the other, of times and sizes the other by ours. */
function ratio({ unit, ours }: Measure, other: number | undefined): number | undefined {
  if (other === undefined || other === 0 || ours === 0) {
    return undefined;
  }
  return unit === '/s' ? ours / other : other / ours;
}

function formatTable(report: Report): string {
  const { node, platform, cores } = machine();
  const rows = report.measures.map((measure) => [
    measure.name,
    formatFigure(measure.ours, measure.unit),
    formatFigure(measure.peer, measure.unit),
    formatFigure(measure.limit, measure.unit),
    formatRatio(ratio(measure, measure.peer)),
    formatRatio(ratio(measure, measure.limit)),
  ]);
  const head = [report.program, 'ours', 'peer', 'limit', 'to peer', 'to limit'];
  return [
    ...[head, ...rows].map(formatRow),
    `peer: ${report.peer}`,
    `limit: ${report.limit}`,
    ...report.notes,
    `Node ${node}, ${platform}, ${cores} cores`,
  ].join('\n');
}

function formatRow([name = '', ...cells]: readonly string[]): string {
  return [name.padEnd(NAME_WIDTH), ...cells.map((cell) => cell.padStart(CELL_WIDTH))].join('');
}

function formatFigure(value: number | undefined, unit: Unit): string {
  return value === undefined ? '-' : `${formatNumber(value)}${unit === '/s' ? '' : ' '}${unit}`;
}

function formatRatio(value: number | undefined): string {
  return value === undefined ? '-' : formatNumber(value);
}

/** Three digits, or all before the point; two of what is less than one. */
export function formatNumber(value: number): string {
  if (value < 1) {
    return value.toLocaleString('en', { maximumSignificantDigits: 2 });
  }
  const decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString('en', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
}

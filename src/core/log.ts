/**
 * The operational log: winston behind a four-method interface. JSON lines for machines, one
 * readable line on a terminal. Never for secrets, never for a peer's raw bytes; what must be
 * proved later goes to the audit log (audit/), not here.
 *
 * @module
 */

import winston from 'winston';

import type { Clock } from './clock.ts';

/** Flat facts beside the message. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose every line carries `fields` too. */
  with(fields: LogFields): Log;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'json' | 'text';
  /** Where lines go; standard error by default, so that standard output stays a command's answer. */
  readonly stream?: NodeJS.WritableStream;
}

/** Opens the log of this process. */
export function openLog(clock: Clock, options: LogOptions): Log {
  const stamp = winston.format((info) => {
    info['timestamp'] = new Date(clock.nowMs()).toISOString();
    return info;
  });
  const shape = options.format === 'json' ? winston.format.json() : winston.format.printf(asText);
  const logger = winston.createLogger({
    level: options.level === 'silent' ? 'error' : options.level,
    silent: options.level === 'silent',
    format: winston.format.combine(stamp(), shape),
    transports: [new winston.transports.Stream({ stream: options.stream ?? process.stderr })],
  });
  return wrap(logger);
}

function asText(info: winston.Logform.TransformableInfo): string {
  const { timestamp, level, message, ...fields } = info;
  const facts = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [String(timestamp), level.toUpperCase().padEnd(5), String(message), ...facts].join(' ');
}

function wrap(logger: winston.Logger): Log {
  return {
    debug: (message, fields) => void logger.debug(message, fields ?? {}),
    info: (message, fields) => void logger.info(message, fields ?? {}),
    warn: (message, fields) => void logger.warn(message, fields ?? {}),
    error: (message, fields) => void logger.error(message, fields ?? {}),
    with: (fields) => wrap(logger.child({ ...fields })),
  };
}

/** A log that keeps nothing, for code that must have one. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLog,
};

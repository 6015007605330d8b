/**
 * What can be wrong with a file that a person wrote.
 *
 * @module
 */

import { CertdirError } from '../core/errors.ts';

export type ConfigErrorCode =
  /** The file is missing or may not be read. */
  | 'CONFIG_UNREADABLE'
  /** The text is not YAML, is too large, or uses what is not allowed (aliases, duplicate keys). */
  | 'CONFIG_SYNTAX'
  /** A value is missing, unknown or not allowed; the message names each line and path. */
  | 'CONFIG_INVALID'
  /** A secret's file is missing, empty, or readable by others. */
  | 'CONFIG_SECRET';

export class ConfigError extends CertdirError<ConfigErrorCode> {}

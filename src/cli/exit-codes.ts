/**
 * How a command fails: one exit code for each kind of thing a person can do about it, and one
 * message. Exhaustive over every code the program knows; a code that is not known here came from a
 * newer server and counts as a fault inside.
 *
 * @module
 */

import type { AuditErrorCode } from '../audit/errors.ts';
import type { CaErrorCode } from '../ca/errors.ts';
import type { ConfigErrorCode } from '../config/errors.ts';
import { isCertdirError } from '../core/errors.ts';
import type { DirectoryErrorCode } from '../directory/errors.ts';
import type { HttpErrorCode } from '../http/errors.ts';
import type { LdapErrorCode } from '../ldap/errors.ts';
import type { ReadbackErrorCode } from '../readback/errors.ts';
import type { SchedulerErrorCode } from '../scheduler/errors.ts';
import type { SetupErrorCode } from '../setup/errors.ts';
import type { SigningErrorCode } from '../signing/errors.ts';
import type { StoreErrorCode } from '../store/errors.ts';
import type { TlogErrorCode } from '../tlog/errors.ts';
import type { VerifierErrorCode } from '../verifier/errors.ts';
import type { X509ErrorCode } from '../x509/errors.ts';
import type { InputErrorCode } from './input-error.ts';
import type { OutputErrorCode } from './output-error.ts';

/** The table in `certdir --help`. */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  configuration: 3,
  refused: 4,
  absent: 5,
  conflict: 6,
  unavailable: 7,
  damaged: 8,
} as const;

type ExitName = keyof typeof ExitCode;

type KnownCode =
  | 'CLI_USAGE'
  | 'CLI_BUSY'
  | InputErrorCode
  | OutputErrorCode
  | CaErrorCode
  | DirectoryErrorCode
  | LdapErrorCode
  | ReadbackErrorCode
  | StoreErrorCode
  | SchedulerErrorCode
  | SigningErrorCode
  | HttpErrorCode
  | SetupErrorCode
  | ConfigErrorCode
  | AuditErrorCode
  | TlogErrorCode
  | VerifierErrorCode
  | X509ErrorCode;

const exitNames = {
  CLI_USAGE: 'usage',
  CLI_BUSY: 'unavailable',
  CLI_INPUT_UNREADABLE: 'absent',
  CLI_INPUT_TOO_LARGE: 'refused',
  CLI_OUTPUT_FAILED: 'unavailable',
  CA_GATE_I1: 'failed',
  CA_GATE_I2: 'failed',
  CA_GATE_I3: 'failed',
  CA_GATE_I4: 'failed',
  CA_GATE_I5: 'failed',
  CA_GATE_I6: 'failed',
  CA_GATE_I10: 'failed',
  CA_GATE_I11: 'failed',
  CA_GATE_I12: 'failed',
  CA_GATE_I13: 'failed',
  CA_GATE_I14: 'failed',
  CA_GATE_I15: 'failed',
  CA_EXISTS: 'conflict',
  CA_MISSING: 'absent',
  CA_POLICY_CHANGED: 'configuration',
  CA_KEY_MISMATCH: 'configuration',
  CA_RECORD_DAMAGED: 'damaged',
  CA_NOT_OWNER: 'conflict',
  CA_PROFILE_UNKNOWN: 'absent',
  CA_REQUEST_INCOMPLETE: 'refused',
  CA_REQUEST_MALFORMED: 'refused',
  CA_PROOF_OF_POSSESSION: 'refused',
  CA_KEY_WEAK: 'refused',
  CA_KEY_REUSED: 'conflict',
  CA_MUNICIPALITY_UNKNOWN: 'absent',
  CA_CHARACTER_NOT_ALLOWED: 'refused',
  CA_ATTRIBUTE_INVALID: 'refused',
  CA_CERTIFICATE_EXISTS: 'conflict',
  CA_SUBJECT_TAKEN: 'conflict',
  CA_ISSUER_ENDS: 'conflict',
  CA_LINT: 'failed',
  CA_SIGNATURE_WRONG: 'failed',
  CA_SERIAL_MALFORMED: 'refused',
  CA_SERIAL_UNKNOWN: 'absent',
  CA_REASON_NOT_ALLOWED: 'refused',
  CA_ALREADY_REVOKED: 'conflict',
  CA_HOLD_NOT_ALLOWED: 'refused',
  CA_NOT_HELD: 'conflict',
  CA_CERTIFICATE_EXPIRED: 'conflict',
  CA_NOT_REVOCABLE: 'refused',
  CA_ISSUING_STOPPED: 'conflict',
  CA_CESSATION_UNKNOWN: 'absent',
  CA_CESSATION_STATE: 'conflict',
  CA_OPERATOR_INVALID: 'refused',
  CA_OPERATOR_UNKNOWN: 'absent',
  CA_VERIFIER_INVALID: 'refused',
  CA_VERIFIER_UNKNOWN: 'absent',
  CA_VERIFIER_EXISTS: 'conflict',
  CA_SCOPE_UNKNOWN: 'absent',
  CA_LIST_UNKNOWN: 'absent',
  CA_CLOCK_BACK: 'unavailable',
  CA_OCSP_OFF: 'refused',
  DIRECTORY_DN_SYNTAX: 'refused',
  DIRECTORY_INVALID_SYNTAX: 'refused',
  DIRECTORY_UNDEFINED_TYPE: 'refused',
  DIRECTORY_INAPPROPRIATE_MATCHING: 'refused',
  DIRECTORY_CONSTRAINT: 'refused',
  DIRECTORY_VALUE_EXISTS: 'conflict',
  DIRECTORY_NO_SUCH_ATTRIBUTE: 'absent',
  DIRECTORY_NO_SUCH_OBJECT: 'absent',
  DIRECTORY_ENTRY_EXISTS: 'conflict',
  DIRECTORY_OBJECT_CLASS: 'refused',
  DIRECTORY_OBJECT_CLASS_MODS: 'refused',
  DIRECTORY_NAMING: 'refused',
  DIRECTORY_NOT_ON_NON_LEAF: 'conflict',
  DIRECTORY_REFERRAL: 'absent',
  DIRECTORY_OTHER_SERVER: 'refused',
  DIRECTORY_ASSERTION_FAILED: 'conflict',
  DIRECTORY_PAGE_COOKIE: 'refused',
  DIRECTORY_SORT_REFUSED: 'refused',
  DIRECTORY_SUBTREE_LIMIT: 'refused',
  DIRECTORY_NOT_ON_RDN: 'refused',
  DIRECTORY_FILTER_SYNTAX: 'refused',
  DIRECTORY_FILTER_LIMIT: 'refused',
  DIRECTORY_MANAGED_ATTRIBUTE: 'refused',
  DIRECTORY_UNWILLING: 'refused',
  DIRECTORY_INVALID_CREDENTIALS: 'refused',
  DIRECTORY_ACCESS_DENIED: 'refused',
  DIRECTORY_BUSY: 'unavailable',
  DIRECTORY_SIZE_LIMIT: 'refused',
  DIRECTORY_TIME_LIMIT: 'refused',
  DIRECTORY_LOOK_THROUGH_LIMIT: 'refused',
  DIRECTORY_ABANDONED: 'failed',
  DIRECTORY_UNAVAILABLE: 'unavailable',
  DIRECTORY_ENTRY_DAMAGED: 'damaged',
  DIRECTORY_SCHEMA_UNREADABLE: 'configuration',
  DIRECTORY_SCHEMA_SYNTAX: 'configuration',
  DIRECTORY_SCHEMA_DUPLICATE: 'configuration',
  DIRECTORY_SCHEMA_REFERENCE: 'configuration',
  DIRECTORY_SCHEMA_CYCLE: 'configuration',
  DIRECTORY_SCHEMA_INCONSISTENT: 'configuration',
  DIRECTORY_ACCESS_RULE: 'configuration',
  DIRECTORY_LDIF_SYNTAX: 'refused',
  DIRECTORY_LDIF_VERSION: 'refused',
  DIRECTORY_LDIF_CHANGE: 'refused',
  DIRECTORY_LDIF_CONTROL: 'refused',
  DIRECTORY_LDIF_URL: 'refused',
  DIRECTORY_LDIF_LIMIT: 'refused',
  LDAP_MALFORMED: 'refused',
  LDAP_PDU_TOO_LARGE: 'refused',
  LDAP_FIELD: 'refused',
  LDAP_TOO_MANY_PARTS: 'refused',
  LDAP_CRITICAL_CONTROL: 'refused',
  LDAP_UNKNOWN_EXTENSION: 'refused',
  LDAP_AUTH_METHOD: 'refused',
  LDAP_CANCEL_NOTHING: 'absent',
  LDAP_CANCEL_TOO_LATE: 'refused',
  LDAP_CANCEL_REFUSED: 'refused',
  LDAP_SASL_IN_PROGRESS: 'refused',
  LDAP_SASL_CREDENTIALS: 'refused',
  LDAP_NO_CERTIFICATE: 'refused',
  LDAP_CLEAR_PASSWORD: 'refused',
  LDAP_EMPTY_PASSWORD: 'refused',
  LDAP_EMPTY_NAME: 'refused',
  LDAP_START_TLS_STATE: 'refused',
  LDAP_START_TLS_UNAVAILABLE: 'refused',
  LDAP_BUSY: 'refused',
  LDAP_SHUTDOWN: 'refused',
  LDAP_PORT_IN_USE: 'unavailable',
  LDAP_PORT_DENIED: 'unavailable',
  LDAP_LISTEN: 'unavailable',
  LDAP_TLS_CREDENTIALS: 'configuration',
  STORE_OPEN_FAILED: 'unavailable',
  STORE_LOCKED: 'unavailable',
  STORE_FORMAT: 'damaged',
  STORE_DAMAGED: 'damaged',
  STORE_CLOSED: 'unavailable',
  STORE_SNAPSHOT_CLOSED: 'failed',
  STORE_TRANSACTION_OVER: 'failed',
  STORE_TRANSACTION_TOO_LARGE: 'refused',
  STORE_KEY_INVALID: 'failed',
  STORE_VALUE_TOO_LARGE: 'refused',
  STORE_LARGE_ABSENT: 'failed',
  STORE_LOAD_ACTIVE: 'failed',
  STORE_LOAD_OVER: 'failed',
  STORE_LOAD_FAILED: 'failed',
  STORE_VALUE_DAMAGED: 'damaged',
  STORE_READ_FAILED: 'unavailable',
  STORE_WRITE_FAILED: 'unavailable',
  STORE_WRITER_CLOSED: 'unavailable',
  STORE_JOURNAL_DAMAGED: 'damaged',
  STORE_JOURNAL_BEHIND: 'damaged',
  STORE_JOURNAL_FOREIGN: 'damaged',
  STORE_INDEX_BEHIND: 'damaged',
  STORE_BACKUP_DAMAGED: 'damaged',
  STORE_BACKUP_INVALID: 'refused',
  STORE_BACKUP_PASSPHRASE: 'refused',
  STORE_BACKUP_FAILED: 'unavailable',
  STORE_EXISTS: 'conflict',
  STORE_FEED_FOREIGN: 'refused',
  STORE_FEED_FORK: 'conflict',
  STORE_FEED_GAP: 'damaged',
  STORE_FEED_DAMAGED: 'damaged',
  STORE_FEED_UNREACHABLE: 'unavailable',
  STORE_FENCED: 'conflict',
  STORE_STANDBY: 'conflict',
  STORE_NO_STANDBY: 'absent',
  STORE_STANDBY_SILENT: 'unavailable',
  STORE_PROMOTION_REFUSED: 'refused',
  CA_RECOVERY_PENDING: 'conflict',
  CA_RECOVERY_NONE: 'conflict',
  CA_RENEWAL_NONE: 'conflict',
  CA_RENEWAL_EARLY: 'refused',
  CA_RECOVERY_INCOMPLETE: 'refused',
  CA_RECOVERY_FOREIGN: 'refused',
  READBACK_ADDRESS: 'usage',
  READBACK_ABSENT: 'absent',
  READBACK_FAILED: 'unavailable',
  READBACK_TOO_LARGE: 'refused',
  SCHEDULER_JOB_UNKNOWN: 'failed',
  SCHEDULER_JOB_EXISTS: 'failed',
  SCHEDULER_JOB_STILL_DUE: 'failed',
  SCHEDULER_CLOSED: 'unavailable',
  SCHEDULER_PATTERN: 'failed',
  SIGNING_KEY_UNKNOWN: 'absent',
  SIGNING_KEY_EXISTS: 'conflict',
  SIGNING_KEY_REFUSED: 'refused',
  SIGNING_USAGE_REFUSED: 'refused',
  SIGNING_ALGORITHM_REFUSED: 'refused',
  SIGNING_NOT_ACTIVE: 'unavailable',
  SIGNING_SIGNATURE_WRONG: 'failed',
  SIGNING_UNAVAILABLE: 'unavailable',
  SIGNING_CLOSED: 'unavailable',
  SIGNING_INTERNAL: 'failed',
  SIGNING_PASSPHRASE_WRONG: 'configuration',
  SIGNING_PASSPHRASE_FILE: 'configuration',
  SIGNING_TOKEN_MISSING: 'configuration',
  SIGNING_TOKEN_ACCESS: 'unavailable',
  SIGNING_TOKEN_EXPOSED: 'configuration',
  SIGNING_TOKEN_DAMAGED: 'damaged',
  SIGNING_TOKEN_VERSION: 'damaged',
  SIGNING_TOKEN_CHANGED: 'conflict',
  SIGNING_PKCS11_MISSING: 'unavailable',
  SIGNING_PKCS11_MODULE: 'unavailable',
  SIGNING_TOKEN_AMBIGUOUS: 'configuration',
  SIGNING_TOKEN_REMOVED: 'unavailable',
  SIGNING_DEVICE_FAILED: 'unavailable',
  SIGNING_TOKEN_BUSY: 'unavailable',
  SIGNING_PIN_WRONG: 'configuration',
  SIGNING_PIN_LOCKED: 'configuration',
  SIGNING_KEY_FOREIGN: 'conflict',
  SIGNING_APPROVAL_NEEDED: 'conflict',
  SIGNING_APPROVAL_REFUSED: 'refused',
  SIGNING_CEREMONY_REFUSED: 'refused',
  SIGNING_CUSTODIAN_UNKNOWN: 'absent',
  SIGNING_CUSTODY_REFUSED: 'refused',
  HTTP_ADDRESS_IN_USE: 'unavailable',
  HTTP_LISTEN_FAILED: 'unavailable',
  HTTP_SOCKET_PATH: 'configuration',
  HTTP_REQUEST_INVALID: 'refused',
  HTTP_SERVER_UNREACHABLE: 'unavailable',
  HTTP_FILES_REFUSED: 'refused',
  HTTP_ANSWER_CUT: 'unavailable',
  HTTP_INTERNAL: 'failed',
  HTTP_CLIENT_REFUSED: 'refused',
  HTTP_PEER_UNPROVEN: 'refused',
  SETUP_FOLDER_NOT_EMPTY: 'conflict',
  SETUP_LEFTOVER: 'conflict',
  SETUP_KEYS_LEFT: 'unavailable',
  SETUP_PRESET_UNKNOWN: 'absent',
  SETUP_FOLDER: 'unavailable',
  SETUP_CUSTODY: 'conflict',
  CONFIG_UNREADABLE: 'configuration',
  CONFIG_SYNTAX: 'configuration',
  CONFIG_INVALID: 'configuration',
  CONFIG_SECRET: 'configuration',
  AUDIT_EVENT_INVALID: 'failed',
  AUDIT_RECORD_DAMAGED: 'damaged',
  AUDIT_RECORD_MISSING: 'damaged',
  AUDIT_RECORD_BEYOND_END: 'damaged',
  AUDIT_STATE_DAMAGED: 'damaged',
  AUDIT_TILE_DAMAGED: 'damaged',
  AUDIT_ROOT_MISMATCH: 'damaged',
  AUDIT_CHECKPOINT_CONTRADICTED: 'damaged',
  AUDIT_NOTHING_LOST: 'conflict',
  AUDIT_RECORD_UNKNOWN: 'absent',
  AUDIT_RECORD_PRUNED: 'absent',
  AUDIT_NOT_PRUNABLE: 'conflict',
  AUDIT_COPY_UNKNOWN: 'absent',
  AUDIT_MARK_REFUSED: 'refused',
  AUDIT_JOURNAL_DAMAGED: 'damaged',
  AUDIT_ACCOUNTS_DIFFER: 'damaged',
  AUDIT_NOT_AUDITOR: 'refused',
  TLOG_KEY_MALFORMED: 'refused',
  TLOG_NOTE_MALFORMED: 'refused',
  TLOG_SIGNATURE_WRONG: 'damaged',
  TLOG_CHECKPOINT_MALFORMED: 'refused',
  TLOG_HANDOVER_MALFORMED: 'refused',
  TLOG_HANDOVER_WRONG: 'damaged',
  TLOG_KEY_REPLACED: 'damaged',
  TLOG_PROOF_MALFORMED: 'refused',
  TLOG_PROOF_WRONG: 'damaged',
  TLOG_TILE_MALFORMED: 'damaged',
  TLOG_BUNDLE_MALFORMED: 'damaged',
  VERIFIER_CHANGED: 'damaged',
  VERIFIER_MISSING: 'damaged',
  VERIFIER_UNEXPECTED: 'damaged',
  VERIFIER_SHORTENED: 'damaged',
  VERIFIER_FORKED: 'damaged',
  VERIFIER_UNREADABLE: 'unavailable',
  VERIFIER_USAGE: 'usage',
  X509_NAME: 'refused',
  X509_NAME_TEXT: 'refused',
  X509_EXTENSION: 'refused',
  X509_CERTIFICATE: 'refused',
  X509_CERTIFICATE_LIST: 'refused',
  X509_CERTIFICATE_PAIR: 'refused',
  X509_REQUEST: 'refused',
  X509_OCSP_REQUEST: 'refused',
  X509_PEM: 'refused',
  X509_ALGORITHM: 'refused',
  X509_PUBLIC_KEY: 'refused',
} as const satisfies Record<KnownCode, ExitName>;

const exitNameByCode: ReadonlyMap<string, ExitName> = new Map(Object.entries(exitNames));

/** The exit code for anything that was thrown. */
export function exitCodeOf(error: unknown): number {
  const name = isCertdirError(error) ? exitNameByCode.get(error.code) : undefined;
  return ExitCode[name ?? 'failed'];
}

/**
 * Writes the failure to standard error: a line for people, or with `--json` one JSON document.
 *
 * @returns the exit code.
 */
export function reportFailure(error: unknown, { isJson }: { readonly isJson: boolean }): number {
  const code = isCertdirError(error) ? error.code : 'INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  if (isJson) {
    process.stderr.write(`${JSON.stringify({ error: { code, message } })}\n`);
  } else {
    const detail = isCertdirError(error) ? '' : `\n${error instanceof Error ? error.stack : ''}`;
    process.stderr.write(`certdir: ${message} [${code}]${detail}\n`);
  }
  return exitCodeOf(error);
}

/**
 * What a change record of LDIF (RFC 2849) says: `control` lines, `changetype`, and what belongs to it. The
 * last `-` of a modify may be left out, as OpenLDAP's tools do.
 *
 * @module
 */

import { asBuffer, decodeUtf8 } from '../../core/bytes.ts';
import { DirectoryError } from '../errors.ts';
import type {
  AddRequest,
  AttributeValues,
  DeleteRequest,
  Modification,
  ModifyRequest,
  OperationOptions,
  RenameRequest,
} from '../service.ts';
import type { LdifAttribute, LdifRecord } from './ldif-reader.ts';

/** A `control` line. */
export interface LdifControl {
  readonly type: string;
  readonly isCritical: boolean;
  readonly value?: Uint8Array;
}

export type LdifRequest =
  | { readonly kind: 'add'; readonly request: AddRequest }
  | { readonly kind: 'delete'; readonly request: DeleteRequest }
  | { readonly kind: 'modify'; readonly request: ModifyRequest }
  | { readonly kind: 'modifyDn'; readonly request: RenameRequest };

/** A record that has been understood. */
export type LdifChange = LdifRequest & {
  /** Where the record starts, counted from 1. */
  readonly line: number;
};

/**
 * What the controls of a change ask for.
 *
 * @throws {CertdirError} for a critical one that cannot be obeyed, and a value that is not the control's.
 */
export type ReadLdifControls = (
  kind: LdifRequest['kind'],
  controls: readonly LdifControl[],
) => OperationOptions;

const controlShape = /^(\d+(?:\.\d+)+)(?: +(true|false))? *(?:(::?)(.*))?$/s;
const operations: ReadonlySet<string> = new Set(['add', 'delete', 'replace', 'increment']);

/**
 * Understands one record of a file of changes.
 *
 * @throws {DirectoryError} `DIRECTORY_LDIF_SYNTAX`, `DIRECTORY_LDIF_CHANGE`, `DIRECTORY_LDIF_CONTROL`; the
 *   message starts with `line N`.
 */
export function parseLdifChange(record: LdifRecord, readControls: ReadLdifControls): LdifChange {
  const lines = new RecordLines(record);
  const controls: LdifControl[] = [];
  for (let line = lines.takeIf('control'); line !== undefined; line = lines.takeIf('control')) {
    controls.push(parseControl(line));
  }
  const type = lines.takeIf('changetype');
  if (type === undefined) {
    throw fault(
      record.attributes[0] ?? record,
      'DIRECTORY_LDIF_CHANGE',
      'changetype is missing; entries are loaded with `certdir ldif import`',
    );
  }
  const parsed = parseRequest(textOf(type).toLowerCase(), { lines, type, dn: record.dn });
  const options = optionsOf(parsed.kind, controls, { readControls, record });
  return {
    ...parsed,
    request: { ...parsed.request, ...options },
    line: record.line,
  } as LdifChange;
}

interface RequestParts {
  readonly lines: RecordLines;
  readonly type: LdifAttribute;
  readonly dn: string;
}

function parseRequest(name: string, { lines, type, dn }: RequestParts): LdifRequest {
  switch (name) {
    case 'add':
      return { kind: 'add', request: { dn, attributes: attributesOf(lines, type) } };
    case 'delete':
      lines.expectEnd();
      return { kind: 'delete', request: { dn } };
    case 'modify':
      return { kind: 'modify', request: { dn, changes: modificationsOf(lines, type) } };
    case 'modrdn':
    case 'moddn':
      return { kind: 'modifyDn', request: { dn, ...renamingOf(lines, type) } };
    default:
      throw fault(
        type,
        'DIRECTORY_LDIF_CHANGE',
        'changetype is add, delete, modify, modrdn or moddn',
      );
  }
}

function attributesOf(lines: RecordLines, type: LdifAttribute): readonly AttributeValues[] {
  const attributes: AttributeValues[] = [];
  for (let line = lines.take(); line !== undefined; line = lines.take()) {
    if (line.description === '-') {
      throw syntax(line, 'a "-" stands where an attribute is added');
    }
    attributes.push({ description: line.description, values: [line.value] });
  }
  if (attributes.length === 0) {
    throw syntax(type, 'an entry is added without attributes');
  }
  return attributes;
}

function modificationsOf(lines: RecordLines, type: LdifAttribute): readonly Modification[] {
  const changes: Modification[] = [];
  for (let head = lines.take(); head !== undefined; head = lines.take()) {
    const operation = head.description.toLowerCase();
    if (!operations.has(operation)) {
      throw syntax(head, 'a change of an attribute starts with add, delete, replace or increment');
    }
    const attribute = textOf(head);
    const values: Uint8Array[] = [];
    for (let line = lines.take(); line !== undefined; line = lines.take()) {
      if (line.description === '-') {
        break;
      }
      if (line.description.toLowerCase() !== attribute.toLowerCase()) {
        throw syntax(line, `a value of ${attribute} or "-" is wanted here`);
      }
      values.push(line.value);
    }
    changes.push({ operation: operation as Modification['operation'], attribute, values });
  }
  if (changes.length === 0) {
    throw syntax(type, 'a modify changes nothing');
  }
  return changes;
}

function renamingOf(lines: RecordLines, type: LdifAttribute): Omit<RenameRequest, 'dn'> {
  const newRdn = lines.takeIf('newrdn');
  const deleteOldRdn = lines.takeIf('deleteoldrdn');
  const newSuperior = lines.takeIf('newsuperior');
  lines.expectEnd();
  if (newRdn === undefined || deleteOldRdn === undefined) {
    throw syntax(type, 'newrdn and deleteoldrdn are wanted, in this order');
  }
  const flag = textOf(deleteOldRdn);
  if (flag !== '0' && flag !== '1') {
    throw syntax(deleteOldRdn, 'deleteoldrdn is 0 or 1');
  }
  return {
    newRdn: textOf(newRdn),
    deleteOldRdn: flag === '1',
    ...(newSuperior === undefined ? {} : { newSuperior: textOf(newSuperior) }),
  };
}

function parseControl(line: LdifAttribute): LdifControl {
  const match = controlShape.exec(asBuffer(line.value).toString('latin1'));
  const [, type, critical, separator, rest = ''] = match ?? [];
  if (type === undefined || rest.startsWith('<')) {
    throw syntax(line, 'a control is "OID", "true" or "false", and ": value" or ":: base64"');
  }
  const isCritical = critical === 'true';
  if (separator === undefined) {
    return { type, isCritical };
  }
  const text = rest.replace(/^ */, '');
  const value = Buffer.from(text, separator === '::' ? 'base64' : 'latin1');
  if (separator === '::' && value.toString('base64') !== text) {
    throw syntax(line, "the control's value is not base64");
  }
  return { type, isCritical, value };
}

function optionsOf(
  kind: LdifRequest['kind'],
  controls: readonly LdifControl[],
  {
    readControls,
    record,
  }: { readonly readControls: ReadLdifControls; readonly record: LdifRecord },
): OperationOptions {
  if (controls.length === 0) {
    return {};
  }
  try {
    return readControls(kind, controls);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const at = record.attributes[0] ?? record;
    throw new DirectoryError('DIRECTORY_LDIF_CONTROL', `line ${at.line}: ${reason}`, { cause });
  }
}

/** The lines behind a record's name, one after the other. */
class RecordLines {
  readonly #lines: readonly LdifAttribute[];
  #at = 0;

  constructor({ attributes }: LdifRecord) {
    this.#lines = attributes;
  }

  take(): LdifAttribute | undefined {
    const line = this.#lines[this.#at];
    this.#at += 1;
    return line;
  }

  takeIf(name: string): LdifAttribute | undefined {
    return this.#lines[this.#at]?.description.toLowerCase() === name ? this.take() : undefined;
  }

  expectEnd(): void {
    const line = this.take();
    if (line !== undefined) {
      throw syntax(line, 'this line does not belong to the change');
    }
  }
}

function textOf(line: LdifAttribute): string {
  const text = decodeUtf8(line.value);
  if (text === undefined) {
    throw syntax(line, 'this is not UTF-8 text');
  }
  return text;
}

function syntax(place: { readonly line: number }, reason: string): DirectoryError {
  return fault(place, 'DIRECTORY_LDIF_SYNTAX', reason);
}

function fault(
  { line }: { readonly line: number },
  code: 'DIRECTORY_LDIF_SYNTAX' | 'DIRECTORY_LDIF_CHANGE',
  reason: string,
): DirectoryError {
  return new DirectoryError(code, `line ${line}: ${reason}`);
}

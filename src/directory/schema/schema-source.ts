/**
 * Schema files: LDIF whose records hold attributeTypes and objectClasses (RFC 4512 §4.2), as this
 * program, OpenLDAP's subschema entry and others write them.
 *
 * @module
 */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { decodeUtf8, encodeUtf8 } from '../../core/bytes.ts';
import { DirectoryError } from '../errors.ts';
import { defaultLdifLimits, parseLdif } from '../ldif/ldif-reader.ts';
import {
  type AttributeTypeDescription,
  type ObjectClassDescription,
  parseAttributeTypeDescription,
  parseObjectClassDescription,
} from './schema-parser.ts';

/** The text of one file. */
export interface SchemaFile {
  /** As it shall stand in messages. */
  readonly file: string;
  readonly text: string;
}

/** A description and where it stands. */
export interface Located<T> {
  readonly description: T;
  /** `file:line`. */
  readonly place: string;
}

export interface SchemaDescriptions {
  readonly attributeTypes: readonly Located<AttributeTypeDescription>[];
  readonly objectClasses: readonly Located<ObjectClassDescription>[];
}

/** What describes the entry itself; everything else that is not a definition is a mistake. */
const ignoredAttributes: ReadonlySet<string> = new Set(['objectclass', 'cn']);

const limits = {
  ...defaultLdifLimits,
  maxLineBytes: 65_536,
  maxValues: 10_000,
  maxRecordBytes: 4 * 1024 * 1024,
};

/**
 * Every `*.ldif` of a folder, in the order of their names.
 *
 * @throws {DirectoryError} `DIRECTORY_SCHEMA_UNREADABLE` also for a folder without such files.
 */
export async function readSchemaFolder(folder: string): Promise<readonly SchemaFile[]> {
  try {
    const files = (await readdir(folder)).filter((file) => file.endsWith('.ldif')).sort();
    if (files.length === 0) {
      throw new DirectoryError('DIRECTORY_SCHEMA_UNREADABLE', `${folder} has no schema (*.ldif)`);
    }
    return await Promise.all(
      files.map(async (file) => ({ file, text: await readFile(join(folder, file), 'utf8') })),
    );
  } catch (cause) {
    if (cause instanceof DirectoryError) {
      throw cause;
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DirectoryError(
      'DIRECTORY_SCHEMA_UNREADABLE',
      `the schema in ${folder} cannot be read: ${reason}`,
      { cause },
    );
  }
}

/**
 * The descriptions of all files, nothing resolved.
 *
 * @throws {DirectoryError} `DIRECTORY_SCHEMA_SYNTAX`, `DIRECTORY_LDIF_…`; the message starts with
 *   `file:line`.
 */
export function parseSchemaFiles(files: readonly SchemaFile[]): SchemaDescriptions {
  const attributeTypes: Located<AttributeTypeDescription>[] = [];
  const objectClasses: Located<ObjectClassDescription>[] = [];
  for (const file of files) {
    for (const { name, text, place } of definitionsOf(file)) {
      located(place, () => {
        if (name === 'attributetypes') {
          attributeTypes.push({ description: parseAttributeTypeDescription(text), place });
        } else if (name === 'objectclasses') {
          objectClasses.push({ description: parseObjectClassDescription(text), place });
        } else if (!ignoredAttributes.has(name)) {
          throw new DirectoryError('DIRECTORY_SCHEMA_SYNTAX', `"${name}" is not known here`);
        }
      });
    }
  }
  return { attributeTypes, objectClasses };
}

interface Definition {
  readonly name: string;
  readonly text: string;
  readonly place: string;
}

function definitionsOf({ file, text }: SchemaFile): readonly Definition[] {
  const records = located(file, () => parseLdif(encodeUtf8(text), { limits }));
  return records.flatMap((record) =>
    record.attributes.map(({ description, value, line }) => ({
      name: description.toLowerCase(),
      text: decodeUtf8(value) ?? '',
      place: `${file}:${line}`,
    })),
  );
}

/** Runs `body` and puts the place in front of what it complains of. */
export function located<T>(place: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof DirectoryError) {
      throw new DirectoryError(cause.code, `${place}: ${cause.message}`, { cause });
    }
    throw cause;
  }
}

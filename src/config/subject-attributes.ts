/**
 * The file in which a municipality's notice of a subject's attributes is handed to `certdir ca issue`
 * (gunma 4-2-2). Only the shape is checked here; characters and dates are the CA's business.
 *
 * @module
 */

import { z } from 'zod';

import { loadYamlFile } from './yaml-file.ts';

export interface SubjectAttributesFile {
  readonly commonName: string;
  readonly substituteCharacterOfCommonName?: string | undefined;
  readonly gender: string;
  readonly dateOfBirth: string;
  readonly address: string;
  readonly substituteCharacterOfAddress?: string | undefined;
}

const schema: z.ZodType<SubjectAttributesFile> = z.strictObject({
  commonName: z.string(),
  substituteCharacterOfCommonName: z.string().optional(),
  gender: z.coerce.string(),
  dateOfBirth: z.string(),
  address: z.string(),
  substituteCharacterOfAddress: z.string().optional(),
});

/** @throws {ConfigError} `CONFIG_UNREADABLE`, `CONFIG_SYNTAX`, `CONFIG_INVALID`. */
export function loadSubjectAttributes(file: string): Promise<SubjectAttributesFile> {
  return loadYamlFile(file, schema);
}

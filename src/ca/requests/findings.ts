/**
 * Everything that is wrong with an input, at once.
 *
 * @module
 */

import type { z } from 'zod';

import { isCertdirError } from '../../core/errors.ts';
import { CaError } from '../errors.ts';
import type { Finding, RequestKind } from './request-kind.ts';

/** `CA_REQUEST_INVALID` with all that is wrong. */
export class RequestInvalidError extends CaError {
  readonly findings: readonly Finding[];

  constructor(findings: readonly Finding[]) {
    const lines = findings.map(({ path, message }) =>
      path === '' ? message : `${path}: ${message}`,
    );
    super('CA_REQUEST_INVALID', lines.join('\n'));
    this.name = 'CaError';
    this.findings = findings;
  }
}

/** An input that has passed. @throws {RequestInvalidError} */
export async function checkInput<I>(kind: RequestKind<I>, input: unknown): Promise<I> {
  const parsed = kind.schema.safeParse(input, { reportInput: true });
  if (!parsed.success) {
    const findings = parsed.error.issues.flatMap(findingsOf);
    throw new RequestInvalidError([...findings, ...(await otherFindings(kind, input, findings))]);
  }
  const findings = await kind.check(parsed.data);
  if (findings.length > 0) {
    throw new RequestInvalidError(findings);
  }
  return parsed.data;
}

/** What else is wrong, in the fields that are well formed. */
async function otherFindings<I>(
  kind: RequestKind<I>,
  input: unknown,
  findings: readonly Finding[],
): Promise<readonly Finding[]> {
  if (kind.checkPart === undefined || typeof input !== 'object' || input === null) {
    return [];
  }
  const faulty = new Set(findings.map(({ path }) => path));
  const others = await kind.checkPart(without(input, faulty, '') as Partial<I>);
  return others.filter(({ path }) => !isCovered(path, faulty));
}

/** The value less the members at these places. */
function without(value: object, places: ReadonlySet<string>, at: string): object {
  if (Array.isArray(value)) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]: [string, unknown]) => {
      const path = `${at}${pointer([name])}`;
      const isInner = typeof member === 'object' && member !== null;
      return places.has(path) ? [] : [[name, isInner ? without(member, places, path) : member]];
    }),
  );
}

/** Whether something was said of this place, or of what it is in. */
function isCovered(path: string, places: ReadonlySet<string>): boolean {
  return [...places].some((place) => path === place || path.startsWith(`${place}/`));
}

const codes: Readonly<Partial<Record<z.core.$ZodIssue['code'], string>>> = {
  unrecognized_keys: 'FIELD_UNKNOWN',
  invalid_type: 'FIELD_TYPE',
  too_big: 'FIELD_TOO_LONG',
  too_small: 'FIELD_TOO_SHORT',
};

function findingsOf(issue: z.core.$ZodIssue): readonly Finding[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: pointer([...issue.path, key]),
      code: 'FIELD_UNKNOWN',
      message: `there is no such field; ${issue.message}`,
    }));
  }
  const isMissing = issue.code === 'invalid_type' && issue.input === undefined;
  const code = isMissing ? 'FIELD_MISSING' : (codes[issue.code] ?? 'FIELD_FORM');
  const message = isMissing ? 'is missing' : issue.message;
  return [{ path: pointer(issue.path), code, message }];
}

/** RFC 6901. */
function pointer(path: readonly PropertyKey[]): string {
  return path
    .map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

/** What a check throws, as a finding; anything that is no refusal is thrown on. */
export async function finding(path: string, check: () => unknown): Promise<readonly Finding[]> {
  try {
    await check();
    return [];
  } catch (error) {
    if (!isCertdirError(error)) {
      throw error;
    }
    return [{ path, code: error.code, message: error.message }];
  }
}

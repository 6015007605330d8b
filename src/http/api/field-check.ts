/**
 * Checks the parts of a request against the shapes of its operation, and names every fault, not only the first.
 *
 * @module
 */

import type { z } from 'zod';

import type { RouteShapes } from './api-route.ts';
import { type FieldFault, FieldsInvalid } from './problem.ts';

/** The parts as they came. */
export interface RawParts {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

const MAX_FAULTS = 100;

/**
 * @returns the parts as the shapes make them.
 * @throws {FieldsInvalid} with the faults of all parts.
 */
export function checkParts(shapes: RouteShapes, raw: RawParts): RawParts {
  const faults: FieldFault[] = [];
  const check = (shape: z.ZodType | undefined, value: unknown, point: Point): unknown => {
    if (shape === undefined) {
      return undefined;
    }
    const result = shape.safeParse(value, { reportInput: true });
    if (!result.success) {
      faults.push(...result.error.issues.flatMap((issue) => faultsOf(issue, point)));
    }
    return result.data;
  };
  const params = check(shapes.params, raw.params, (path) => `{${path.join('.')}}`);
  const query = check(shapes.query, raw.query, (path) => `?${path.join('.')}`);
  const body = check(shapes.body, raw.body, pointerOf);
  if (faults.length > 0) {
    throw new FieldsInvalid(firstOfEach(faults).slice(0, MAX_FAULTS));
  }
  return { params, query, body };
}

/** A place that is wrong in two ways is wrong: once it is mended, the rest is seen. */
function firstOfEach(faults: readonly FieldFault[]): readonly FieldFault[] {
  const first = new Map<string, FieldFault>();
  for (const fault of faults) {
    first.set(fault.pointer, first.get(fault.pointer) ?? fault);
  }
  return [...first.values()];
}

type Path = readonly PropertyKey[];
type Point = (path: Path) => string;

/** RFC 6901 §6. */
function pointerOf(path: Path): string {
  const steps = path.map((step) => String(step).replaceAll('~', '~0').replaceAll('/', '~1'));
  return `#${steps.map((step) => `/${encodeURIComponent(step.slice(0, 100))}`).join('')}`;
}

function faultsOf(issue: z.core.$ZodIssue, point: Point): readonly FieldFault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, MAX_FAULTS).map((key) => ({
      pointer: point([...issue.path, key]),
      code: 'unknown-field',
      detail: 'is not a field of this operation',
    }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // The faults of the arm that fits best: those of the others say nothing.
    const [closest = []] = [...issue.errors].sort((a, b) => a.length - b.length);
    const within = (one: z.core.$ZodIssue): z.core.$ZodIssue =>
      ({ ...one, path: [...issue.path, ...one.path] }) as z.core.$ZodIssue;
    return closest.flatMap((one) => faultsOf(within(one), point));
  }
  return [{ pointer: point(issue.path), code: codeOf(issue), detail: detailOf(issue) }];
}

/** What follows the field's name in a sentence. */
function detailOf(issue: z.core.$ZodIssue): string {
  if (codeOf(issue) === 'required') {
    return 'is missing';
  }
  switch (issue.code) {
    case 'invalid_type':
      return `is no ${names[issue.expected] ?? issue.expected}`;
    case 'too_small':
      return Number(issue.minimum) === 1 && issue.origin !== 'number' && issue.origin !== 'int'
        ? 'is empty'
        : `is less than ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      return `is more than ${issue.maximum}${unitOf(issue.origin)}`;
    case 'invalid_format':
      return /^Invalid/.test(issue.message)
        ? `is no ${issue.format}`
        : `is to be written otherwise: ${issue.message}`;
    case 'invalid_value':
      return `is none of ${issue.values.join(', ')}`.slice(0, 400);
    default:
      return issue.message;
  }
}

const names: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'whole number',
  object: 'JSON object',
  record: 'JSON object',
  array: 'JSON array',
  boolean: 'true or false',
};

function unitOf(origin: string): string {
  switch (origin) {
    case 'string':
      return ' characters';
    case 'array':
      return ' members';
    default:
      return '';
  }
}

function codeOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'required' : 'type';
    case 'too_small':
      return 'too-small';
    case 'too_big':
      return 'too-big';
    case 'invalid_format':
      return 'format';
    case 'custom':
      return typeof issue.params?.['code'] === 'string' ? issue.params['code'] : 'value';
    default:
      return issue.input === undefined ? 'required' : 'value';
  }
}

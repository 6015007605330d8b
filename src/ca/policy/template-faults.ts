/**
 * What can be wrong with a name template of a policy.
 *
 * @module
 */

import { isCertdirError } from '../../core/errors.ts';
import { placeholdersIn, renderName } from './name-template.ts';
import type { PolicyFile } from './policy.ts';

export interface PolicyFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** A template and where it stands. */
export interface Template {
  readonly path: PolicyFault['path'];
  readonly text: string;
  readonly allowed: readonly string[];
  /** Attributes written as PrintableString; `names.printable` when left out. */
  readonly printable?: readonly string[] | undefined;
}

/** An unknown place, or what is no name. */
export function templateFaults(
  policy: PolicyFile,
  { path, text, allowed, printable }: Template,
): PolicyFault[] {
  const unknown = placeFaults({ path, text, allowed });
  if (unknown.length > 0) {
    return unknown;
  }
  try {
    const sample = Object.fromEntries(allowed.map((place) => [place, 'X']));
    renderName(text, sample, printable ?? policy.names.printable);
    return [];
  } catch (error) {
    if (!isCertdirError(error)) {
      throw error;
    }
    return [{ path, message: `${error.message}; write it as in "OU=Example CA,O=Example,C=JP"` }];
  }
}

/** An unknown place in a template that need not be a name. */
export function placeFaults({ path, text, allowed }: Template): PolicyFault[] {
  if (placeholdersIn(text).every((place) => allowed.includes(place))) {
    return [];
  }
  const list = allowed.map((place) => `{${place}}`).join(', ');
  const rule = list === '' ? 'no placeholder stands here' : `placeholders here: ${list}`;
  return [{ path, message: rule }];
}

/**
 * What can be wrong with a name template of a policy.
 *
 * @module
 */

import { isCertdirError } from '../../core/errors.ts';
import { type Placeholder, placeholders, placeholdersIn, renderName } from './name-template.ts';
import type { PolicyFile } from './policy.ts';

export interface PolicyFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** A template and where it stands. */
export interface Template {
  readonly path: PolicyFault['path'];
  readonly text: string;
  readonly allowed: readonly Placeholder[];
}

/** An unknown place, or what is no name. */
export function templateFaults(
  policy: PolicyFile,
  { path, text, allowed }: Template,
): PolicyFault[] {
  const unknown = placeholdersIn(text).some(
    (place) => place === undefined || !allowed.includes(place),
  );
  if (unknown) {
    const list = allowed.map((place) => `{${place}}`).join(', ');
    const rule = list === '' ? 'no placeholder stands here' : `placeholders here: ${list}`;
    return [{ path, message: rule }];
  }
  try {
    const sample = Object.fromEntries(placeholders.map((place) => [place, 'X']));
    renderName(text, sample, policy.names.printable);
    return [];
  } catch (error) {
    if (!isCertdirError(error)) {
      throw error;
    }
    return [{ path, message: `${error.message}; write it as in "OU=Example CA,O=Example,C=JP"` }];
  }
}

/**
 * An object schema that refuses unknown keys and says which ones there are.
 *
 * @module
 */

import { z } from 'zod';

/** As `z.strictObject`, with the allowed keys in the message. */
export function strictObject<Shape extends z.core.$ZodShape>(
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> {
  const allowed = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `unknown key; allowed: ${allowed}` : undefined,
  });
}

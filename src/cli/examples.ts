/**
 * The examples below every command's help.
 *
 * @module
 */

/** Help text that shows command lines as they are typed. */
export function examples(...lines: readonly string[]): string {
  const heading = lines.length === 1 ? 'Example:' : 'Examples:';
  return `\n${heading}\n${lines.map((line) => `  $ ${line}`).join('\n')}`;
}

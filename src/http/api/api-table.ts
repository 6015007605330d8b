/**
 * The operations of the API as a table of docs/api.md, by family.
 *
 * @module
 */

import type { ApiRoute } from './api-route.ts';

/** Markdown; ends with a newline. */
export function formatApiTable(routes: readonly ApiRoute[]): string {
  const families = [...new Set(routes.map(({ family }) => family))];
  const tables = families.map((family) => {
    const rows = routes
      .filter((route) => route.family === family)
      .map((route) => `| ${cells(route).join(' | ')} |`);
    const head = ['| operation | method, path | permission | what |', '| --- | --- | --- | --- |'];
    return [`### ${family}`, '', ...head, ...rows].join('\n');
  });
  return `${tables.join('\n\n')}\n`;
}

function cells({ operationId, method, path, access, summary }: ApiRoute): readonly string[] {
  const permission = typeof access === 'string' ? access : `\`${access.permission}\``;
  return [`\`${operationId}\``, `${method} \`${path}\``, permission, summary];
}

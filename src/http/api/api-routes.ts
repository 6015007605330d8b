/**
 * Every operation of the API. A family is a file of its own that exports its routes.
 *
 * @module
 */

import type { ApiRoute } from './api-route.ts';
import { certificateRoutes } from './certificate-routes.ts';
import { sessionRoutes } from './session-routes.ts';

export const apiRoutes: readonly ApiRoute[] = [...sessionRoutes, ...certificateRoutes];

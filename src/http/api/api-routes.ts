/**
 * Every operation of the API. A family is a file of its own that exports its routes.
 *
 * @module
 */

import type { ApiRoute } from './api-route.ts';
import { auditRoutes } from './audit-routes.ts';
import { certificateRoutes } from './certificate-routes.ts';
import { crossRoutes } from './cross-routes.ts';
import { deliveryRoutes } from './delivery-routes.ts';
import { listRoutes } from './list-routes.ts';
import { noticeRoutes } from './notice-routes.ts';
import { operatorRoutes } from './operator-routes.ts';
import { procedureRoutes } from './procedure-routes.ts';
import { requestRoutes } from './request-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { verifierRoutes } from './verifier-routes.ts';

export const apiRoutes: readonly ApiRoute[] = [
  ...sessionRoutes,
  ...certificateRoutes,
  ...requestRoutes,
  ...operatorRoutes,
  ...listRoutes,
  ...verifierRoutes,
  ...procedureRoutes,
  ...crossRoutes,
  ...auditRoutes,
  ...deliveryRoutes,
  ...noticeRoutes,
];

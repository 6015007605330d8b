/**
 * What the CA knows of its certificates.
 *
 * @module
 */

import { z } from 'zod';

import { type ApiRoute, operatorRoute } from './api-route.ts';
import { certificateFacts, serialNumber } from './field-shapes.ts';

export const certificateRoutes: readonly ApiRoute[] = [
  operatorRoute({
    operationId: 'showCertificate',
    family: 'certificates',
    method: 'GET',
    path: '/certificates/{serialNumber}',
    permission: 'certificates.read',
    summary: 'A certificate and its state at this moment',
    params: z.strictObject({ serialNumber }),
    answer: certificateFacts,
    errors: ['CA_SERIAL_UNKNOWN'],
    handle: async ({ ca, params }) => {
      const [found] = await ca.operations.findCertificates({ serialNumber: params.serialNumber });
      return found;
    },
  }),
];

/**
 * What the CA knows of its certificates.
 *
 * @module
 */

import { z } from 'zod';

import { CaError } from '../../ca/errors.ts';
import type { ApiAuthority } from './api-authority.ts';
import { type ApiRoute, operatorRoute } from './api-route.ts';
import { certificateFacts, serialNumber } from './field-shapes.ts';
import type { OperatorIdentity } from './operator-identity.ts';

/** An office sees the certificates of its own partitions; of the others it learns nothing. */
function mayReach(ca: ApiAuthority, identity: OperatorIdentity, partition: string): boolean {
  return (
    !ca.people.isBound(identity, 'certificates.read') || identity.partitions.includes(partition)
  );
}

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
    handle: async ({ ca, identity, params }) => {
      const [found] = await ca.operations.findCertificates({ serialNumber: params.serialNumber });
      if (found === undefined || !mayReach(ca, identity, found.partition)) {
        throw new CaError('CA_SERIAL_UNKNOWN', `this CA has not issued ${params.serialNumber}`);
      }
      return found;
    },
  }),
];

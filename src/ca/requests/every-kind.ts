/**
 * Every kind of request there is; the policy says which of them a CA takes.
 *
 * @module
 */

import { type CertificateActs, holdKind, releaseKind, revokeKind } from './certificate-kinds.ts';
import { crossAcceptKind, crossIssueKind, crossRevokeKind } from './cross-kinds.ts';
import { deliverKind, discardKind } from './delivery-kinds.ts';
import { issueKind } from './issue-kind.ts';
import { renewKind } from './renew-kind.ts';
import type { Requests } from './requests.ts';

/** What the kinds need of a CA. */
export type RequestActs = CertificateActs &
  Parameters<typeof issueKind>[0] &
  Parameters<typeof renewKind>[0] &
  Parameters<typeof deliverKind>[0] &
  Parameters<typeof crossIssueKind>[0];

export function registerEveryKind(requests: Requests, ca: RequestActs): void {
  requests.register(issueKind(ca));
  requests.register(revokeKind(ca));
  requests.register(holdKind(ca));
  requests.register(releaseKind(ca));
  requests.register(renewKind(ca));
  requests.register(deliverKind(ca));
  requests.register(discardKind(ca));
  requests.register(crossIssueKind(ca));
  requests.register(crossAcceptKind(ca));
  requests.register(crossRevokeKind(ca));
}

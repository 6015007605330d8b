/**
 * What was read in a peer's directory before certificates are exchanged (the connection test of gunma 4-7): that its
 * entry has the certificate that it was examined with, and a list of CA certificates by that key that is valid now.
 *
 * Pure; reading it is `app`'s.
 *
 * @module
 */

import { equalBytes } from '../../core/bytes.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { parseCertificateList } from '../../x509/certificate-list.ts';
import { type Finding, Findings } from './finding.ts';
import { checkName, checkSignature } from './peer-key.ts';

export interface PeerDirectory {
  /** Where it was read. */
  readonly url: string;
  /** Values of cACertificate and authorityRevocationList in the peer's entry. */
  readonly certificates: readonly Uint8Array[];
  readonly lists: readonly Uint8Array[];
}

export function examineDirectory(
  { certificates, lists }: PeerDirectory,
  { peer, nowMs }: { readonly peer: Certificate; readonly nowMs: number },
): readonly Finding[] {
  const findings = new Findings();
  if (!certificates.some((der) => equalBytes(der, peer.der))) {
    findings.add(
      'cACertificate',
      'missing',
      "the peer's entry does not have the certificate that it was examined with",
    );
  }
  if (lists.length === 0) {
    const message = "the peer's entry has no authorityRevocationList";
    findings.add('authorityRevocationList', 'missing', message);
  }
  for (const [index, der] of lists.entries()) {
    const path = `authorityRevocationList[${index}]`;
    const list = findings.read(path, () => parseCertificateList(der));
    if (list === undefined) {
      continue;
    }
    const whose = "the peer's name in its own certificate";
    checkName(findings, `${path}.issuer`, { name: list.issuer, expected: peer.subject, whose });
    checkSignature(findings, path, {
      signed: { ...list, message: list.tbs },
      spki: peer.spki,
      whose: "the peer's key",
    });
    if (list.thisUpdateMs > nowMs) {
      findings.add(`${path}.thisUpdate`, 'list', 'it lies in the future');
    }
    if (list.nextUpdateMs === undefined || list.nextUpdateMs < nowMs) {
      findings.add(`${path}.nextUpdate`, 'list', 'the next list should be out: this one has ended');
    }
  }
  return findings.list;
}

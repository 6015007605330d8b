/**
 * The matching rules of certificates, pairs, lists and algorithms (RFC 4523 §3).
 *
 * @module
 */

import type { EqualityRule } from '../schema/schema-model.ts';
import { algorithmIdentifierMatch } from './algorithm-identifier-match.ts';
import { certificateExactMatch } from './certificate-exact-match.ts';
import { certificateListExactMatch, certificateListMatch } from './certificate-list-match.ts';
import { certificateMatch } from './certificate-match.ts';
import { certificatePairExactMatch, certificatePairMatch } from './certificate-pair-match.ts';

export const certificateRules: readonly EqualityRule[] = [
  certificateExactMatch,
  certificateMatch,
  certificatePairExactMatch,
  certificatePairMatch,
  certificateListExactMatch,
  certificateListMatch,
  algorithmIdentifierMatch,
];

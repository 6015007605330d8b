/**
 * What a linter is made of, in the spirit of zlint: named rules with their source, each looking at one thing that is
 * about to be signed. Docs/lint.md lists all of them.
 *
 * @module
 */

/**
 * `error`: what breaks it is not signed. `warning`: a SHOULD; told to whoever writes the policy, and signed.
 */
export type LintSeverity = 'error' | 'warning';

export interface LintRule<Subject> {
  /** Stable name. */
  readonly id: string;
  /** A section of an RFC or another document, or `policy`. */
  readonly source: string;
  readonly severity: LintSeverity;
  /** What holds, in a sentence without a full stop. */
  readonly holds: string;
  /** What is wrong; undefined when all is well. Reads bytes that would be signed, not what they were made from. */
  readonly check: (subject: Subject) => string | undefined;
}

export interface LintFinding {
  readonly rule: string;
  readonly source: string;
  readonly severity: LintSeverity;
  readonly message: string;
}

/** Applies every rule. */
export function applyRules<Subject>(
  rules: readonly LintRule<Subject>[],
  subject: Subject,
): readonly LintFinding[] {
  const findings: LintFinding[] = [];
  for (const { id, source, severity, check } of rules) {
    const message = check(subject);
    if (message !== undefined) {
      findings.push({ rule: id, source, severity, message });
    }
  }
  return findings;
}

/** `rule: message; rule: message`. */
export function formatFindings(findings: readonly LintFinding[]): string {
  return findings.map(({ rule, message }) => `${rule}: ${message}`).join('; ');
}

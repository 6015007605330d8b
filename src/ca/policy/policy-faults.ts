/**
 * What can be wrong with a policy beyond the shape of each value: names that lead nowhere, times that
 * contradict each other, a key that cannot make the signature, a template that is no name.
 *
 * @module
 */

import { timeOfDayMs } from './cadence.ts';
import { crossFaults } from './cross-policy.ts';
import { deliveryFaults } from './delivery-policy.ts';
import { renewalFaults } from './key-life.ts';
import { legacyFaults } from './legacy-algorithms.ts';
import { noticeFaults } from './notice-policy.ts';
import { ocspFaults } from './ocsp-policy.ts';
import { peopleFaults } from './people-faults.ts';
import type { PolicyFile } from './policy.ts';
import type { ProfileDefinition } from './profile-definition.ts';
import { profileFaults } from './profile-faults.ts';
import { findScopeFaults } from './scope-faults.ts';
import { type PolicyFault, templateFaults } from './template-faults.ts';

/** Every fault, in the order of the file's parts; empty when the policy holds together. */
export function findPolicyFaults(policy: PolicyFile): readonly PolicyFault[] {
  return [
    ...namesFaults(policy),
    ...keyFaults(policy),
    ...legacyFaults(policy),
    ...environmentFaults(policy),
    ...attributeFaults(policy),
    ...profileFaults(policy),
    ...profileSetFaults(policy),
    ...renewalFaults(policy),
    ...holdFaults(policy),
    ...cadenceFaults(policy),
    ...findScopeFaults(policy),
    ...ocspFaults(policy),
    ...peopleFaults(policy),
    ...publishedNamesFaults(policy),
    ...crossFaults(policy),
    ...deliveryFaults(policy),
    ...noticeFaults(policy),
  ];
}

function namesFaults(policy: PolicyFile): PolicyFault[] {
  const { issuer, issuerAlternative } = policy.names;
  const { suffix, verifiers, operators, subtrees = [] } = policy.directory;
  const texts: readonly (readonly [PolicyFault['path'], string | undefined])[] = [
    [['names', 'issuer'], issuer],
    [['names', 'issuerAlternative'], issuerAlternative],
    [['directory', 'suffix'], suffix],
    [['directory', 'verifiers'], verifiers],
    [['directory', 'operators'], operators],
    ...subtrees.map((text, index) => [['directory', 'subtrees', index], text] as const),
  ];
  return texts.flatMap(([path, text]) =>
    text === undefined ? [] : templateFaults(policy, { path, text, allowed: [] }),
  );
}

function holdFaults({ revocation, crl }: PolicyFile): PolicyFault[] {
  const faults: PolicyFault[] = [];
  if (revocation.reasons.includes('certificateHold')) {
    faults.push({
      path: ['revocation', 'reasons'],
      message:
        'certificateHold is no reason to revoke; revocation.hold says whether certificates are held',
    });
  }
  if (revocation.hold === 'never' && crl.atOnceReasons.includes('certificateHold')) {
    faults.push({
      path: ['crl', 'atOnceReasons'],
      message: 'certificateHold is there and revocation.hold is never',
    });
  }
  return faults;
}

function environmentFaults({ environment, policyIdentifiers }: PolicyFile): PolicyFault[] {
  return Object.entries(policyIdentifiers).flatMap(([name, identifier]) =>
    identifier[environment] === undefined
      ? [
          {
            path: ['policyIdentifiers', name, environment],
            message: `is missing; environment is ${environment}`,
          },
        ]
      : [],
  );
}

function keyFaults({ keys }: PolicyFile): PolicyFault[] {
  const { type, signature } = keys.authority;
  const isRsa = type.startsWith('rsa-');
  if (isRsa === signature.startsWith('rsa-')) {
    return [];
  }
  return [
    {
      path: ['keys', 'authority', 'signature'],
      message: `a key of type ${type} signs with ${isRsa ? 'rsa-pkcs1-… or rsa-pss-…' : 'ecdsa-…'}`,
    },
  ];
}

function attributeFaults({ subjectAttributes }: PolicyFile): PolicyFault[] {
  const { original, substitute } = subjectAttributes?.substituteFlags ?? {};
  return subjectAttributes !== undefined && original === substitute
    ? [
        {
          path: ['subjectAttributes', 'substituteFlags', 'substitute'],
          message: 'is another digit than the one for an original character',
        },
      ]
    : [];
}

function profileSetFaults({ profiles, keys }: PolicyFile): PolicyFault[] {
  const countOf = (kind: ProfileDefinition['kind']): number =>
    Object.values(profiles).filter((one) => one.kind === kind).length;
  const faults: PolicyFault[] = [];
  const fault = (message: string): void => {
    faults.push({ path: ['profiles'], message });
  };
  if (countOf('self-signed') !== 1) {
    fault(`has exactly one profile of kind self-signed, not ${countOf('self-signed')}`);
  }
  const mayLink = keys.authority.certificates.includes('link');
  if (countOf('link') > 1 || (countOf('link') === 1 && !mayLink)) {
    fault('has at most one profile of kind link, and keys.authority.certificates has link then');
  }
  return faults;
}

/** A delta list comes between two full ones, and does not lapse before the next. */
function deltaFaults({ delta, periodHours }: PolicyFile['crl']): PolicyFault[] {
  const faults: PolicyFault[] = [];
  if (delta !== undefined && delta.periodHours >= periodHours) {
    faults.push({
      path: ['crl', 'delta', 'periodHours'],
      message: `is shorter than crl.periodHours (${periodHours})`,
    });
  }
  if (delta !== undefined && delta.validityHours <= delta.periodHours) {
    faults.push({
      path: ['crl', 'delta', 'validityHours'],
      message: `is longer than crl.delta.periodHours (${delta.periodHours}), or delta lists would lapse`,
    });
  }
  return faults;
}

function cadenceFaults({ crl, revocation }: PolicyFile): PolicyFault[] {
  const faults: PolicyFault[] = [];
  for (const [index, reason] of crl.atOnceReasons.entries()) {
    if (!revocation.reasons.includes(reason)) {
      faults.push({
        path: ['crl', 'atOnceReasons', index],
        message: `is one of revocation.reasons (${revocation.reasons.join(', ')})`,
      });
    }
  }
  faults.push(...deltaFaults(crl));
  if (crl.validityHours <= crl.periodHours) {
    faults.push({
      path: ['crl', 'validityHours'],
      message: `is longer than periodHours (${crl.periodHours}), or lists would lapse`,
    });
  }
  if (crl.warningAgeHours <= crl.periodHours || crl.warningAgeHours >= crl.alarmAgeHours) {
    faults.push({
      path: ['crl', 'warningAgeHours'],
      message: `lies between periodHours (${crl.periodHours}) and alarmAgeHours (${crl.alarmAgeHours})`,
    });
  }
  if (crl.alarmAgeHours >= crl.validityHours) {
    faults.push({
      path: ['crl', 'alarmAgeHours'],
      message: `is shorter than validityHours (${crl.validityHours})`,
    });
  }
  return [...faults, ...timingFaults(crl)];
}

const MINUTES_PER_DAY = 24 * 60;

function timingFaults({
  periodHours,
  validityHours,
  earliestHours,
  timing,
  leastRemainingHours,
}: PolicyFile['crl']): PolicyFault[] {
  const faults: PolicyFault[] = [];
  if (earliestHours !== undefined && earliestHours >= periodHours) {
    faults.push({
      path: ['crl', 'earliestHours'],
      message: `is shorter than periodHours (${periodHours})`,
    });
  }
  if (leastRemainingHours !== undefined && leastRemainingHours >= validityHours - periodHours) {
    faults.push({
      path: ['crl', 'leastRemainingHours'],
      message: `is shorter than what a list on time has left (${validityHours - periodHours})`,
    });
  }
  if (typeof timing === 'string') {
    return faults;
  }
  const gaps = gapsBetween(timing.at);
  if (Math.min(...gaps) === 0) {
    faults.push({ path: ['crl', 'timing', 'at'], message: 'has each time once' });
  } else if (Math.max(...gaps) > periodHours * 60) {
    faults.push({
      path: ['crl', 'timing', 'at'],
      message: `has times at most periodHours (${periodHours}) apart, over midnight too`,
    });
  } else if (earliestHours !== undefined && Math.min(...gaps) < earliestHours * 60) {
    faults.push({
      path: ['crl', 'timing', 'at'],
      message: `has times at least earliestHours (${earliestHours}) apart`,
    });
  }
  return faults;
}

/** Minutes from each time of the day to the next. */
function gapsBetween(times: readonly string[]): readonly number[] {
  const minutes = times
    .map((text) => timeOfDayMs(text) / 60_000)
    .sort((left, right) => left - right);
  return minutes.map((minute, index) => {
    const next = minutes[index + 1] ?? (minutes[0] ?? 0) + MINUTES_PER_DAY;
    return next - minute;
  });
}

function publishedNamesFaults({ publishedNames, profiles }: PolicyFile): PolicyFault[] {
  return publishedNames.flatMap((name, index) =>
    Object.hasOwn(profiles, name)
      ? []
      : [
          {
            path: ['publishedNames', index],
            message: `is the name of a profile: ${Object.keys(profiles).join(', ')}`,
          },
        ],
  );
}

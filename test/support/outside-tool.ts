/**
 * The one rule for tests that need a program not written here. A missing program is named and its
 * tests are skipped on a developer's machine; where `CI` is set and packages can be installed, it is a failure.
 * `test/run.ts` installs them beforehand where it may.
 *
 * @module
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A program the tests call, and the Debian package that brings it. */
export interface OutsideTool {
  readonly command: string;
  readonly debianPackage: string;
  /** For plug-ins, which are no commands: any of these files. */
  readonly files?: readonly string[];
}

export const outsideTools: readonly OutsideTool[] = [
  { command: 'openssl', debianPackage: 'openssl' },
  { command: 'ldapsearch', debianPackage: 'ldap-utils' },
  {
    command: 'SASL PLAIN',
    debianPackage: 'libsasl2-modules',
    files: ['x86_64', 'aarch64'].map(
      (machine) => `/usr/lib/${machine}-linux-gnu/sasl2/libplain.so`,
    ),
  },
  { command: 'certtool', debianPackage: 'gnutls-bin' },
  { command: 'python3', debianPackage: 'python3' },
  { command: 'curl', debianPackage: 'curl' },
  { command: 'strace', debianPackage: 'strace' },
  { command: 'mkfs.ext4', debianPackage: 'e2fsprogs' },
  { command: 'losetup', debianPackage: 'mount' },
  {
    command: 'libfaketime',
    debianPackage: 'libfaketime',
    files: ['x86_64', 'aarch64'].map(
      (machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`,
    ),
  },
  { command: 'softhsm2-util', debianPackage: 'softhsm2' },
  { command: 'slapdn', debianPackage: 'slapd', files: ['/usr/sbin/slapdn'] },
  { command: 'dirmngr-client', debianPackage: 'dirmngr' },
  { command: 'gpgsm', debianPackage: 'gpgsm' },
  { command: 'javac', debianPackage: 'openjdk-17-jdk-headless' },
  { command: 'go', debianPackage: 'golang-go' },
  { command: 'pkcs11-tool', debianPackage: 'opensc' },
  { command: 'p11-kit', debianPackage: 'p11-kit' },
  {
    command: 'p11-kit client module',
    debianPackage: 'p11-kit-modules',
    files: ['x86_64', 'aarch64'].map(
      (machine) => `/usr/lib/${machine}-linux-gnu/pkcs11/p11-kit-client.so`,
    ),
  },
  {
    command: 'Net::LDAP',
    debianPackage: 'libnet-ldap-perl',
    files: ['/usr/share/perl5/Net/LDAP.pm'],
  },
  {
    command: 'IO::Socket::SSL',
    debianPackage: 'libio-socket-ssl-perl',
    files: ['/usr/share/perl5/IO/Socket/SSL.pm'],
  },
  {
    command: 'python3-ldap',
    debianPackage: 'python3-ldap',
    files: ['/usr/lib/python3/dist-packages/ldap/__init__.py'],
  },
];

/** True when the shell finds the program, or the plug-in is where it belongs. */
export function hasTool(command: string): boolean {
  const files = outsideTools.find((tool) => tool.command === command)?.files;
  if (files !== undefined) {
    return files.some((file) => existsSync(file));
  }
  return spawnSync('sh', ['-c', 'command -v -- "$1"', 'sh', command]).status === 0;
}

/** Whether missing Debian packages can be installed by `test/run.ts`. */
export function mayInstallPackages(): boolean {
  return process.getuid?.() === 0 && hasTool('apt-get');
}

/** Where `CI` is set to anything and packages can be installed, none may be missing. */
export function isEverythingExpected(): boolean {
  return (process.env['CI'] ?? '') !== '' && mayInstallPackages();
}

/**
 * The `skip` option of a test that needs `commands`: false when all are there, else the reason.
 *
 * @throws {Error} in CI, where everything that can be installed must be there.
 */
export function skipWithout(...commands: readonly string[]): string | false {
  const missing = commands.filter((command) => !hasTool(command));
  if (missing.length === 0) {
    return false;
  }
  const packages = missing.map(
    (command) => outsideTools.find((tool) => tool.command === command)?.debianPackage ?? command,
  );
  const reason = `needs ${missing.join(', ')} (Debian: apt-get install ${packages.join(' ')})`;
  if (isEverythingExpected()) {
    throw new Error(`${reason}; in CI nothing is skipped`);
  }
  return reason;
}

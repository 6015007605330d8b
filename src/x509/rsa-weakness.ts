/**
 * Ways in which an RSA modulus is easier to factor than its size says.
 *
 * @module
 */

/** Trial division goes up to here; beyond it, only a broken generator makes a difference. */
const smallFactorLimit = 4096;
/** What certificate authorities are asked to do (CA/Browser Forum BR 6.1.1.3). */
const fermatRounds = 100;

const smallPrimes = primesBelow(smallFactorLimit);
const smallPrimeProduct = smallPrimes.reduce((product, prime) => product * prime, 1n);

function primesBelow(limit: number): readonly bigint[] {
  const primes: number[] = [];
  for (let candidate = 2; candidate < limit; candidate += 1) {
    if (primes.every((prime) => candidate % prime !== 0)) {
      primes.push(candidate);
    }
  }
  return primes.map(BigInt);
}

/** True when a prime below 4,096 divides the modulus. */
export function hasSmallFactor(modulus: bigint): boolean {
  return greatestCommonDivisor(modulus, smallPrimeProduct) !== 1n;
}

function greatestCommonDivisor(left: bigint, right: bigint): bigint {
  let [a, b] = [left, right];
  while (b !== 0n) {
    [a, b] = [b, a % b];
  }
  return a;
}

/**
 * Fermat's factorisation of an odd modulus: true when it is the product of two odd numbers so close that
 * the search for a² - n = b² from a = ⌈√n⌉ ends within 100 steps. Equal primes are found too.
 */
export function isProductOfClosePrimes(modulus: bigint): boolean {
  const root = squareRoot(modulus);
  let a = root * root === modulus ? root : root + 1n;
  for (let round = 0; round < fermatRounds; round += 1) {
    const rest = a * a - modulus;
    const b = squareRoot(rest);
    if (b * b === rest) {
      return true;
    }
    a += 1n;
  }
  return false;
}

/** The largest whole number whose square is not above `value`, by Newton's method. */
function squareRoot(value: bigint): bigint {
  if (value < 2n) {
    return value;
  }
  let estimate = 1n << BigInt(Math.ceil(value.toString(16).length / 2) * 4);
  for (;;) {
    const next = (estimate + value / estimate) >> 1n;
    if (next >= estimate) {
      return estimate;
    }
    estimate = next;
  }
}

/** The primes of the fingerprint, as its authors use them (Nemec et al., CCS 2017, §3.4). */
const rocaPrimes = smallPrimes.filter((prime) => prime > 2n && prime <= 167n);
const rocaGenerator = 65537n;

/** For each prime, the residues that the generator reaches. */
const rocaResidues = rocaPrimes.map((prime) => {
  const residues = new Set<bigint>();
  let power = 1n;
  while (!residues.has(power)) {
    residues.add(power);
    power = (power * rocaGenerator) % prime;
  }
  return { prime, residues };
});

/**
 * The fingerprint of CVE-2017-15361: the modulus is a power of 65537 modulo every small prime. A
 * good key has it with a chance below 2^-27.
 */
export function hasRocaFingerprint(modulus: bigint): boolean {
  return rocaResidues.every(({ prime, residues }) => residues.has(modulus % prime));
}

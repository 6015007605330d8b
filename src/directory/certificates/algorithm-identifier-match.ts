/**
 * algorithmIdentifierMatch (RFC 4523 §3.7, X.509 §11.3.7): a SupportedAlgorithm by its
 * algorithmIdentifier.
 *
 * Parameters left out of the assertion stand for absent ones and for NULL, which are the same to
 * many algorithms (RFC 4055 §2.1).
 *
 * @module
 */

import type { GserReader } from '../../asn1/gser-reader.ts';
import { concatBytes, encodeUtf8 } from '../../core/bytes.ts';
import type { EqualityRule } from '../schema/schema-model.ts';
import { SyntaxOid } from '../schema/syntax-oid.ts';
import { checked, readGser } from './assertion-reader.ts';
import { parseSupportedAlgorithm, type SupportedAlgorithm } from './certificate-syntax.ts';
import { keyOfOpenValue, nullKey, readOpenValue } from './open-value.ts';

function parse(value: Uint8Array): SupportedAlgorithm {
  return checked('a supported algorithm', () => parseSupportedAlgorithm(value));
}

/** The parameters' key; undefined when they are absent. */
function keyOfParameters({ parameters }: SupportedAlgorithm): string | undefined {
  return parameters === undefined
    ? undefined
    : checked('a supported algorithm', () => keyOfOpenValue(parameters));
}

interface AssertedAlgorithm {
  readonly oid: string;
  readonly parameters: readonly string[] | undefined;
}

function readAlgorithm(reader: GserReader): AssertedAlgorithm {
  let oid: string | undefined;
  let parameters: readonly string[] | undefined;
  reader.readSequence((name) => {
    if (name === 'algorithm') {
      oid = reader.readOid();
    } else if (name === 'parameters') {
      parameters = readOpenValue(reader);
    } else {
      reader.fail(`${name} is not a component here`);
    }
  });
  return oid === undefined ? reader.fail('algorithm is needed') : { oid, parameters };
}

export const algorithmIdentifierMatch: EqualityRule = {
  kind: 'equality',
  oid: '2.5.13.40',
  name: 'algorithmIdentifierMatch',
  syntax: SyntaxOid.algorithmIdentifier,
  appliesTo: new Set([SyntaxOid.supportedAlgorithm]),
  valueKey: (value) => {
    const { oid, parameters } = parse(value);
    return concatBytes(encodeUtf8(`${oid} `), parameters ?? new Uint8Array(0));
  },
  indexKeys: (value) => [encodeUtf8(parse(value).oid)],
  readAssertion: (assertion) => {
    const asserted = readGser(assertion, 'an algorithm identifier', readAlgorithm);
    return {
      indexKey: encodeUtf8(asserted.oid),
      matches: (value) => {
        const algorithm = parse(value);
        if (algorithm.oid !== asserted.oid) {
          return false;
        }
        const parameters = keyOfParameters(algorithm);
        return asserted.parameters === undefined
          ? parameters === undefined || parameters === nullKey
          : parameters !== undefined && asserted.parameters.includes(parameters);
      },
    };
  },
};

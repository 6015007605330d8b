/**
 * What offices ask a CA for, each time for a person whom nobody else is.
 *
 * @module
 */

import { hanako } from './ca-test-bed.ts';
import { sampleKey, sampleRequest } from './x509-samples.ts';

let people = 0;

/** The input of a request of the kind `issue` at gunma. */
export function citizen(municipality = '10201'): {
  readonly request: string;
  readonly municipality: string;
  readonly attributes: typeof hanako;
} {
  people += 1;
  const number = String(people).replaceAll(/[0-9]/g, (digit) =>
    String.fromCodePoint(0xff10 + Number(digit)),
  );
  const request = Buffer.from(sampleRequest(sampleKey('p256', `applicant ${people}`)));
  return {
    request: request.toString('base64'),
    municipality,
    attributes: { ...hanako, address: `群馬県前橋市大手町${number}番地` },
  };
}

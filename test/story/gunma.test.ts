import { it } from 'node:test';

import { hanako } from '../support/ca-test-bed.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { tellCitizensLife } from './gunma-story.ts';
import { tellOpening } from './opening.ts';

it('a citizen of Gunma: issued, renewed, given up on line, changed ex officio, a new key of the CA', async (t) => {
  await tellCitizensLife(t, 'gunma', { ...hanako, address: '群馬県前橋市大手町一丁目１番１号' });
});

const skip = skipWithout('openssl', 'ldapsearch');

it('the CA of Gunma begins with a ceremony, its first lists are fetched, and reports say so', {
  skip,
}, async (t) => {
  await tellOpening(t, { preset: 'gunma', verifierKind: 'signatureVerifier', code: '10201' });
});

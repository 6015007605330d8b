import { it } from 'node:test';

import { hanako } from '../support/ca-test-bed.ts';
import { skipWithout } from '../support/outside-tool.ts';
import { tellCitizensLife } from './gunma-story.ts';
import { tellOpening } from './opening.ts';

it('a citizen of Tokyo: issued, renewed, given up on line, changed ex officio, a new key of the CA', async (t) => {
  await tellCitizensLife(t, 'tokyo', { ...hanako, address: '東京都千代田区九段南一丁目２番１号' });
});

const skip = skipWithout('openssl', 'ldapsearch');

it('the CA of Tokyo begins with a ceremony, its first lists are fetched, and reports say so', {
  skip,
}, async (t) => {
  await tellOpening(t, { preset: 'tokyo', verifierKind: 'signatureVerifier', code: '13101' });
});

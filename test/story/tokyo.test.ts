import { it } from 'node:test';

import { hanako } from '../support/ca-test-bed.ts';
import { tellCitizensLife } from './gunma-story.ts';

it('a citizen of Tokyo: issued, renewed, given up on line, changed ex officio, a new key of the CA', async (t) => {
  await tellCitizensLife(t, 'tokyo', { ...hanako, address: '東京都千代田区九段南一丁目２番１号' });
});

import { it } from 'node:test';

import { hanako } from '../support/ca-test-bed.ts';
import { tellCitizensLife } from './gunma-story.ts';

it('a citizen of Gunma: issued, renewed, given up on line, changed ex officio, a new key of the CA', async (t) => {
  await tellCitizensLife(t, 'gunma', { ...hanako, address: '群馬県前橋市大手町一丁目１番１号' });
});

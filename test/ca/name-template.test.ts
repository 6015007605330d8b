import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { NameTemplate, renderName } from '../../src/ca/policy/name-template.ts';

const issueIds = [
  '0123456789ABCDEF0123456789ABCDEF',
  'F'.repeat(32),
  '0F1E2D3C4B5A69788796A5B4C3D2E1F0',
];
const rows = [
  { why: 'gunma’s subject', template: 'CN={issueId},L={municipality},L={prefecture},C=JP' },
  { why: 'text around it', template: 'CN=a {issueId} b,O=JPKI,C=JP' },
  {
    why: 'an RDN of two attributes, sorted by type',
    template: 'OU={municipality}+CN={issueId},C=JP',
  },
  { why: 'twice', template: 'CN={issueId},OU={issueId},C=JP' },
  { why: 'not there', template: 'CN={municipality},C=JP' },
  { why: 'as the sample itself', template: 'CN={issueId},O=0F1E2D3C4B5A69788796A5B4C3D2E1F0,C=JP' },
];
const places = [
  { municipality: 'Maebashi-shi', prefecture: 'Gunma-ken' },
  { municipality: 'Takasaki, "shi"', prefecture: '群馬県' },
  {},
];

describe('a template for many names', () => {
  for (const { why, template } of rows) {
    it(`gives what filling it in anew gives: ${why}`, () => {
      for (const printable of [['C'], ['C', 'CN']]) {
        const names = new NameTemplate(template, printable);
        for (const place of places) {
          for (const issueId of [...issueIds, ...issueIds, 'short', 'a+b', undefined]) {
            const values = { ...place, ...(issueId === undefined ? {} : { issueId }) };
            assert.deepEqual(
              tryTo(() => names.render(values)),
              tryTo(() => renderName(template, values, printable)),
            );
          }
        }
      }
    });
  }

  it('keeps no name that was given out', () => {
    const names = new NameTemplate('CN={issueId},C=JP', ['C']);
    const first = names.render({ issueId: issueIds[0] ?? '' });
    const before = Buffer.from(first.der).toString('hex');
    names.render({ issueId: issueIds[1] ?? '' }).der.fill(0);
    assert.equal(Buffer.from(first.der).toString('hex'), before);
    assert.deepEqual(names.render({ issueId: issueIds[0] ?? '' }), first);
  });
});

/** The name, or the code of why there is none. */
function tryTo(render: () => unknown): unknown {
  try {
    return render();
  } catch (error) {
    return (error as { readonly code?: string }).code;
  }
}

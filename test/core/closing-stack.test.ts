import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ClosingStack } from '../../src/core/closing-stack.ts';

describe('ClosingStack', () => {
  it('closes in the reverse order, once', async () => {
    const closed: string[] = [];
    const stack = new ClosingStack();
    for (const name of ['store', 'directory', 'server']) {
      const close = async (opened: string): Promise<void> => void closed.push(opened);
      assert.equal(stack.push(name, { name, close }), name);
    }
    await Promise.all([stack.close(), stack.close()]);
    assert.deepEqual(closed, ['server', 'directory', 'store']);
  });

  it('closes the rest when one fails, and says which failed', async () => {
    const closed: string[] = [];
    const stack = new ClosingStack();
    stack.push(1, { name: 'store', close: async () => void closed.push('store') });
    stack.push(2, { name: 'signer', close: () => Promise.reject(new Error('gone')) });
    await assert.rejects(stack.close(), (error: AggregateError) => {
      assert.match(String(error.errors[0]), /signer/);
      return error instanceof AggregateError;
    });
    assert.deepEqual(closed, ['store']);
  });
});

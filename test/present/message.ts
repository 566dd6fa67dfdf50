/** A message for tests of how messages look. */
import type { Delivered, MessageId } from '../../src/protocol/model.ts';

const id = '0198f3c2-7a10-7bbb-8ccc-0123456789ab' as MessageId;

export function message(parts: Partial<Delivered>): Delivered {
  return {
    id,
    from: { name: 'bob', kind: 'agent', verified: true, client: 'claude-code', directory: '/home/bob/app' },
    to: ['ann'],
    sentAt: '2026-08-22T10:00:00.000Z',
    body: 'tests are green',
    thread: id,
    intent: 'inform',
    priority: 'normal',
    attempt: 1,
    again: false,
    ...parts,
  };
}

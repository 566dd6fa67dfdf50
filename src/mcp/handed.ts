/** The confirmation of what a tool hands over, for when its answer was written (hand-over.ts). */
import type { Delivered } from '../protocol/model.ts';
import type { Turn } from './tool.ts';

export function handedByTool(
  { operations, reader }: Pick<Turn, 'operations' | 'reader'>,
  messages: readonly Delivered[],
): () => Promise<void> {
  const deliveries = messages.map(({ id, attempt }) => ({ id, attempt }));
  return async () => {
    // A lease that ran out meanwhile is not an error: the message comes again, marked.
    await operations.confirm({ reader, door: 'tool', stage: 'handed', deliveries });
  };
}

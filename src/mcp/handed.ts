/** The confirmation that follows a hand-over, and how a body is shown: at most 8 KB of each (design §6). */
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

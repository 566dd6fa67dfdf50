/** Completion: names where a name is wanted, ids where an address wants one. */
import { CompleteRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Operations } from '../protocol/operations.ts';
import type { Serving } from './parts.ts';

/** As many as the specification allows in one answer. */
const MOST = 100;

export function serveCompletion(serving: Serving): void {
  serving.server.setRequestHandler(CompleteRequestSchema, async ({ params }) => {
    const { ref, argument } = params;
    const { operations } = await serving.holder();
    const all =
      ref.type === 'ref/prompt'
        ? await forPrompt(operations, `${ref.name} ${argument.name}`)
        : await forResource(operations, `${ref.uri} ${argument.name}`);
    const typed = argument.value.toLowerCase();
    const values = all.filter((value) => value.toLowerCase().startsWith(typed));
    return {
      completion: { values: values.slice(0, MOST), total: values.length, hasMore: values.length > MOST },
    };
  });
}

async function forPrompt(operations: Operations, place: string): Promise<readonly string[]> {
  if (place === 'get from') return names(operations);
  if (place !== 'send to') return [];
  const [agents, { topics }] = await Promise.all([names(operations), operations['topic.list']({})]);
  return [...agents, '@all', ...topics.map(({ topic }) => topic)];
}

async function names(operations: Operations): Promise<readonly string[]> {
  const { agents } = await operations.who({ all: true });
  return agents.filter(({ you }) => !you).map(({ name }) => name);
}

async function forResource(operations: Operations, place: string): Promise<readonly string[]> {
  const [uri = '', field] = place.split(' ');
  if (field !== 'id') return [];
  const { messages } = await operations.history({ limit: MOST });
  const newest = messages.toReversed();
  return [...new Set(newest.map(({ id, thread }) => (uri.startsWith('ipc://thread/') ? thread : id)))];
}

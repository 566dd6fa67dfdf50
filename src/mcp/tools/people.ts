/** Tools about people: who is here, and what I am called. */
import { z } from 'zod';
import { agentText, topicsText, whoText, withTools } from '../../present/people.ts';
import { plain } from '../../present/style.ts';
import { Failure } from '../../protocol/failures.ts';
import { isName, parseOwnName } from '../../protocol/names.ts';
import { operations } from '../../protocol/operations.ts';
import { reads, tool, writes, type Answer, type Turn } from '../tool.ts';

const { register, who } = operations;

export const whoTool = tool({
  name: 'who',
  title: 'Who is here',
  description:
    'Who is here, how each is reached and what they work on; with a name everything about one ("me" is you).',
  annotations: reads,
  operations: ['topic.list', 'who', 'whoami'],
  input: z.strictObject({
    name: z
      .string()
      .optional()
      .describe(who.input.shape.name.description ?? ''),
    all: who.input.shape.all,
    topics: z.boolean().optional().describe('topics and their members instead'),
  }),
  run: async ({ name, all, topics }, turn) => {
    if (topics === true)
      return { text: topicsText(await turn.operations['topic.list']({}, turn), plain, withTools) };
    if (name === undefined) {
      const found = await turn.operations.who({ all }, turn);
      return { text: whoText(found, turn.look(), withTools) };
    }
    return named(name.replace(/^@/, ''), turn);
  },
});

async function named(name: string, turn: Turn): Promise<Answer> {
  if (name.toLowerCase() === 'me') {
    const { you } = await turn.operations.whoami({}, turn);
    return { text: you === undefined ? 'You have no name yet.\n' : agentText(you, turn.look(), withTools) };
  }
  if (!isName(name)) throw new Failure('invalid_name', `wanted a name, found ${JSON.stringify(name)}`);
  const { agents } = await turn.operations.who({ name }, turn);
  const look = turn.look();
  return { text: agents.map((agent) => agentText(agent, look, withTools)).join('') };
}

export const registerTool = tool({
  name: 'register',
  title: 'Take a name',
  description:
    'Take or change my name; mailbox and threads follow, and the old name forwards for two hours. Also says what I work on.',
  annotations: { ...writes, idempotentHint: true },
  operations: ['register', 'rename'],
  input: z.strictObject({
    name: z.string().optional().describe('the name; unchanged when absent'),
    about: register.input.shape.about,
  }),
  run: async ({ name, about }, turn) => {
    const taken = name === undefined ? `You are ${turn.name}.` : await turn.take(parseOwnName(name));
    if (about !== undefined) await turn.operations.describe({ about }, turn);
    return { text: `${taken}${about === undefined ? '' : ' Others see what you work on.'}\n` };
  },
});

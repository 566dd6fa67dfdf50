/** Prompts: what a person picks from a menu (in Claude Code `/mcp__ipc__get`). They are the user's own words. */
import {
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import { visibleLine } from '../present/escape.ts';
import { ago } from '../present/time.ts';
import { asFailure } from '../protocol/failures.ts';
import type { Holder, Serving } from './parts.ts';

interface Prompt {
  readonly title: string;
  readonly description: string;
  readonly arguments: readonly { name: string; description: string; required: boolean }[];
  text(given: Readonly<Record<string, string>>, around: { holder: Holder; now: number }): Promise<string>;
}

const prompts: Readonly<Record<string, Prompt>> = {
  clear: {
    title: 'Clear my mailbox',
    description: 'Empty my ipc mailbox unread',
    arguments: [],
    text: async (_given, { holder }) =>
      `Clear my ipc mailbox: call the mailbox tool of ipc with action clear. ${await waitingWords(holder)}`,
  },
  get: {
    title: 'Get my messages',
    description: 'Read what is unread',
    arguments: [{ name: 'from', description: 'only from this sender', required: false }],
    text: async ({ from }, { holder }) => {
      const whose = from === undefined || from === '' ? '' : ` with from ${JSON.stringify(from)}`;
      return `Get my ipc messages: call the check tool of ipc${whose} and tell me what they say. ${await waitingWords(holder)}`;
    },
  },
  send: {
    title: 'Send a message',
    description: 'Send a message, word for word',
    arguments: [
      { name: 'to', description: 'name, #topic or @all', required: true },
      { name: 'message', description: 'the text', required: true },
    ],
    text: async ({ to = '', message = '' }) =>
      `Send this with the send tool of ipc to ${to}, word for word, and tell me where it went:\n\n${message}`,
  },
  status: {
    title: 'Status of my mailbox',
    description: 'Unread, waiting, last activity',
    arguments: [],
    text: async (_given, { holder, now }) =>
      `This is the state of my ipc mailbox. Tell me in a few words.\n\n${await statusWords(holder, now)}`,
  },
};

export function servePrompts(serving: Serving): void {
  const { server } = serving;
  const list = Object.entries(prompts).map(([name, prompt]) => ({
    name,
    title: prompt.title,
    description: prompt.description,
    arguments: [...prompt.arguments],
  }));
  server.setRequestHandler(ListPromptsRequestSchema, () => ({ prompts: list }));
  server.setRequestHandler(GetPromptRequestSchema, async ({ params }) => {
    const prompt = Object.hasOwn(prompts, params.name) ? prompts[params.name] : undefined;
    if (prompt === undefined)
      throw new McpError(
        ErrorCode.InvalidParams,
        `wanted one of ${Object.keys(prompts).join(', ')}; found ${params.name}`,
      );
    const given = params.arguments ?? {};
    const missing = prompt.arguments.filter(({ name, required }) => required && (given[name] ?? '') === '');
    if (missing.length > 0)
      throw new McpError(ErrorCode.InvalidParams, `wanted ${missing.map(({ name }) => name).join(' and ')}`);
    try {
      const holder = await serving.holder();
      const text = await prompt.text(given, { holder, now: serving.clock.now() });
      return {
        description: prompt.description,
        messages: [{ role: 'user', content: { type: 'text', text } }],
      };
    } catch (error) {
      throw new McpError(ErrorCode.InternalError, asFailure(error).message);
    }
  });
}

async function waitingWords({ operations, reader }: Holder): Promise<string> {
  const { messages, remaining } = await operations.check({ reader, door: 'tool', peek: true, limit: 50 });
  const count = messages.length + remaining;
  if (count === 0) return 'Nothing is unread.';
  const names = [...new Set(messages.map(({ from }) => visibleLine(from.name)))];
  return `${count} unread, from ${names.join(', ')}.`;
}

async function statusWords(holder: Holder, now: number): Promise<string> {
  const { operations, name } = holder;
  const [{ you, agents }, { messages }, waiting] = await Promise.all([
    operations.who({}),
    operations.history({ limit: 1 }),
    waitingWords(holder),
  ]);
  const me = agents.find((agent) => agent.you);
  const others = agents.filter((agent) => !agent.you).map((agent) => visibleLine(agent.name));
  const [last] = messages;
  const lines = [
    `Name: ${you ?? name}`,
    waiting,
    `Held: ${me?.held ?? 0}`,
    last === undefined
      ? 'Last activity: none yet'
      : `Last activity: a message from ${visibleLine(last.from.name)}, ${ago(last.sentAt, now)}`,
    `Here: ${others.length === 0 ? 'nobody else' : others.join(', ')}`,
  ];
  if (me?.pausedUntil !== undefined) lines.push('Paused: messages wait');
  return lines.join('\n');
}

/** Anthropic's Messages API on loopback, as far as Claude Code asks for it: a scripted model behind the wire. */
import { z } from 'zod';
import type { Answer, Asked, ScriptedModel } from './scripted-model.ts';
import { type Api, serveApi, sse } from './loopback-api.ts';

const block = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  content: z.unknown().optional(),
});
const content = z.union([z.string(), z.array(block)]);
const request = z.looseObject({
  model: z.string(),
  stream: z.boolean().optional(),
  system: content.optional(),
  messages: z.array(z.looseObject({ role: z.string(), content })),
  tools: z.array(z.looseObject({ name: z.string() })).optional(),
});

type Request = z.infer<typeof request>;

export function anthropicApi(model: ScriptedModel): Api {
  return serveApi(async (path, body) => {
    if (path === '/v1/messages/count_tokens') return Response.json({ input_tokens: 100 });
    if (path === '/v1/messages') return messages(model, request.parse(body));
    return undefined;
  });
}

async function messages(model: ScriptedModel, body: Request): Promise<Response> {
  const asked = read(body);
  // Titles, summaries and the like: asked without tools, and no part of the conversation.
  const answer = asked.tools.length === 0 ? { kind: 'say' as const, text: 'ok' } : await model.answer(asked);
  const whole = message(body, answer);
  return body.stream === true ? sse(events(whole)) : Response.json(whole);
}

function read(body: Request): Asked {
  const last = body.messages.findLastIndex((each) => each.role === 'assistant');
  return {
    fresh: body.messages
      .slice(last + 1)
      .map((each) => textOf(each.content))
      .join('\n'),
    whole: JSON.stringify(body),
    tools: (body.tools ?? []).map((tool) => tool.name),
  };
}

/** The text of a message, a tool's result too. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const blocks = z.array(block).safeParse(value);
  if (!blocks.success) return '';
  return blocks.data.map((each) => each.text ?? textOf(each.content)).join('\n');
}

type Block =
  | { type: 'text'; text: string }
  | { type: 'tool_use'; id: string; name: string; input: Readonly<Record<string, unknown>> };

interface Message {
  readonly id: string;
  readonly type: 'message';
  readonly role: 'assistant';
  readonly model: string;
  readonly content: readonly [Block];
  readonly stop_reason: 'end_turn' | 'tool_use';
  readonly stop_sequence: null;
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number };
}

function message(body: Request, answer: Answer): Message {
  const called = answer.kind === 'call';
  return {
    id: `msg_${crypto.randomUUID()}`,
    type: 'message',
    role: 'assistant',
    model: body.model,
    content: [
      called
        ? { type: 'tool_use', id: `toolu_${crypto.randomUUID()}`, name: answer.tool, input: answer.input }
        : { type: 'text', text: answer.text },
    ],
    stop_reason: called ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 10, output_tokens: 10 },
  };
}

function events(whole: Message): (readonly [string, Readonly<Record<string, unknown>>])[] {
  const [only] = whole.content;
  const opened = only.type === 'text' ? { ...only, text: '' } : { ...only, input: {} };
  const delta =
    only.type === 'text'
      ? { type: 'text_delta', text: only.text }
      : { type: 'input_json_delta', partial_json: JSON.stringify(only.input) };
  return [
    ['message_start', { message: { ...whole, content: [], stop_reason: null } }],
    ['content_block_start', { index: 0, content_block: opened }],
    ['content_block_delta', { index: 0, delta }],
    ['content_block_stop', { index: 0 }],
    [
      'message_delta',
      { delta: { stop_reason: whole.stop_reason, stop_sequence: null }, usage: { output_tokens: 10 } },
    ],
    ['message_stop', {}],
  ];
}

/** OpenAI's Responses API on loopback, as far as Codex asks for it: a scripted model behind the wire. */
import { z } from 'zod';
import { type Api, serveApi, sse } from './loopback-api.ts';
import type { Answer, Asked, ScriptedModel } from './scripted-model.ts';

const item = z.looseObject({
  type: z.string(),
  role: z.string().optional(),
  content: z.unknown().optional(),
  output: z.unknown().optional(),
});
const tool = z.looseObject({ type: z.string(), name: z.string().optional(), tools: z.unknown().optional() });
const request = z.looseObject({ input: z.array(item), tools: z.array(tool).optional() });

type Request = z.infer<typeof request>;
type Item = z.infer<typeof item>;

export function openaiApi(model: ScriptedModel): Api {
  return serveApi(async (path, body) => {
    if (path !== '/v1/responses') return undefined;
    const asked = read(request.parse(body));
    // Reviews and titles are asked without tools, and are no part of the conversation.
    const answer =
      asked.tools.length === 0 ? { kind: 'say' as const, text: 'ok' } : await model.answer(asked);
    return sse(events(answer));
  });
}

function read(body: Request): Asked {
  const last = body.input.findLastIndex(ofTheModel);
  return {
    fresh: body.input
      .slice(last + 1)
      .map((each) => textOf(each.content ?? each.output))
      .join('\n'),
    whole: JSON.stringify(body),
    tools: (body.tools ?? []).flatMap(toolNames),
  };
}

function ofTheModel(each: Item): boolean {
  return each.role === 'assistant' || each.type === 'function_call' || each.type === 'custom_tool_call';
}

/** A namespace is a server's tools together; one of them is called by both names. */
function toolNames(each: z.infer<typeof tool>): string[] {
  const inner = z.array(tool).safeParse(each.tools);
  if (!inner.success) return each.name === undefined ? [] : [each.name];
  return inner.data.map(({ name }) => `${each.name ?? ''}__${name ?? ''}`);
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const parts = z.array(z.looseObject({ text: z.string().optional() })).safeParse(value);
  if (!parts.success) return JSON.stringify(value ?? '');
  return parts.data.map((part) => part.text ?? '').join('\n');
}

function events(answer: Answer): (readonly [string, Readonly<Record<string, unknown>>])[] {
  const id = `resp_${crypto.randomUUID()}`;
  const usage = {
    input_tokens: 1,
    input_tokens_details: null,
    output_tokens: 1,
    output_tokens_details: null,
    total_tokens: 2,
  };
  return [
    ['response.created', { response: { id } }],
    ['response.output_item.done', { output_index: 0, item: outputItem(answer) }],
    ['response.completed', { response: { id, usage } }],
  ];
}

function outputItem(answer: Answer): Readonly<Record<string, unknown>> {
  if (answer.kind === 'say') {
    const content = [{ type: 'output_text', text: answer.text }];
    return { type: 'message', role: 'assistant', id: `msg_${crypto.randomUUID()}`, content };
  }
  const cut = answer.tool.lastIndexOf('__');
  const named =
    cut === -1
      ? { name: answer.tool }
      : { namespace: answer.tool.slice(0, cut), name: answer.tool.slice(cut + 2) };
  const called = JSON.stringify(answer.input);
  return { type: 'function_call', call_id: `call_${crypto.randomUUID()}`, ...named, arguments: called };
}

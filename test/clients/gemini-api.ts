/** Google's generateContent on loopback, as far as Gemini CLI asks for it: a scripted model behind the wire. */
import { z } from 'zod';
import { type Api, serveApi } from './loopback-api.ts';
import type { Answer, Asked, ScriptedModel } from './scripted-model.ts';

const part = z.looseObject({ text: z.string().optional(), functionResponse: z.unknown().optional() });
const declared = z.looseObject({
  functionDeclarations: z.array(z.looseObject({ name: z.string() })).optional(),
});
const request = z.looseObject({
  contents: z.array(z.looseObject({ role: z.string().optional(), parts: z.array(part) })),
  tools: z.array(declared).optional(),
});

type Request = z.infer<typeof request>;

export function geminiApi(model: ScriptedModel): Api {
  return serveApi(async (path, body) => {
    if (!/:(?:streamG|g)enerateContent$/.test(path)) return undefined;
    const asked = read(request.parse(body));
    // Which model to take, what a tool's output says in short: asked without tools, outside the conversation.
    const answer =
      asked.tools.length === 0 ? { kind: 'say' as const, text: '{}' } : await model.answer(asked);
    if (!path.endsWith(':streamGenerateContent')) return Response.json(content(answer));
    const events = `data: ${JSON.stringify(content(answer))}\n\n`;
    return new Response(events, { headers: { 'content-type': 'text/event-stream' } });
  });
}

function read(body: Request): Asked {
  const last = body.contents.findLastIndex((each) => each.role === 'model');
  const parts = body.contents.slice(last + 1).flatMap((each) => each.parts);
  return {
    fresh: parts.map((each) => each.text ?? responseText(each.functionResponse)).join('\n'),
    whole: JSON.stringify(body),
    tools: (body.tools ?? []).flatMap((each) => (each.functionDeclarations ?? []).map(({ name }) => name)),
  };
}

/** What a tool gave back is an object around its text, the lines of it escaped if it were printed as JSON. */
function responseText(value: unknown): string {
  const found = z.looseObject({ response: z.looseObject({ output: z.string() }) }).safeParse(value);
  return found.success ? found.data.response.output : JSON.stringify(value ?? '');
}

function content(answer: Answer): Readonly<Record<string, unknown>> {
  const said =
    answer.kind === 'say'
      ? { text: answer.text }
      : { functionCall: { name: answer.tool, args: answer.input }, thoughtSignature: 'c2lnbmVk' };
  return {
    candidates: [{ content: { role: 'model', parts: [said] }, finishReason: 'STOP', index: 0 }],
    usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
  };
}

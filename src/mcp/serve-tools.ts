/** Tools on the wire: the list, and a call from its arguments to an answer a model can read. */
import {
  CallToolRequestSchema,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
  type CallToolResult,
  type ProgressToken,
  type RequestId,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { visible } from '../present/escape.ts';
import { escaped } from '../present/model.ts';
import { plain } from '../present/style.ts';
import { asFailure, Failure } from '../protocol/failures.ts';
import { hintOf } from './hints.ts';
import type { Holder, Serving } from './parts.ts';
import type { Answer, Tool, Turn } from './tool.ts';
import { definitionOf, toolsOf } from './toolset.ts';

/** What the SDK says of one request, as far as it is used here. */
interface Extra {
  readonly signal: AbortSignal;
  readonly requestId: RequestId;
  readonly _meta?: { readonly progressToken?: ProgressToken | undefined } | undefined;
  sendNotification(notification: {
    method: 'notifications/progress';
    params: { progressToken: ProgressToken; progress: number; total?: number; message: string };
  }): Promise<void>;
}

const PROGRESS_MS = 3_000;

export function serveTools(serving: Serving): void {
  const { server } = serving;
  const { allows = () => true } = serving;
  // A tool none of whose operations may be used is not there.
  const offered = toolsOf(serving).filter((tool) => tool.operations.some(allows));
  const tools = new Map(offered.map((tool) => [tool.name, tool]));
  const list = offered.map((tool) => definitionOf(tool, serving));
  let greeted = false;

  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: list }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const tool = tools.get(params.name);
    if (tool === undefined)
      throw new McpError(
        ErrorCode.InvalidParams,
        `wanted one of ${[...tools.keys()].join(', ')}; found ${params.name}`,
      );
    const done = serving.handOvers.begun(extra.requestId);
    // A cancelled request is never answered: nothing follows it.
    extra.signal.addEventListener('abort', () => {
      serving.handOvers.forget(extra.requestId);
      done();
    });
    const greeting = greeted ? undefined : await greet();
    const result = await call(serving, { tool, input: params.arguments ?? {}, extra });
    if (greeting === undefined) return result;
    const [first, ...rest] = result.content;
    const text = first?.type === 'text' ? first.text : '';
    return { ...result, content: [{ type: 'text', text: `${greeting}\n\n${text}` }, ...rest] };
  });

  /** The first answer of a session says who it is. */
  async function greet(): Promise<string | undefined> {
    try {
      const holder = await serving.holder();
      if (greeted) return undefined;
      greeted = true;
      // Before it is counted: what comes after that is news.
      serving.arrivals.told();
      return await holder.greeting();
    } catch {
      // The call itself says what is wrong.
      return undefined;
    }
  }
}

async function call(
  serving: Serving,
  { tool, input, extra }: { tool: Tool; input: unknown; extra: Extra },
): Promise<CallToolResult> {
  try {
    const holder = await serving.holder();
    const answer = await tool.run(input, turnOf(serving, holder, extra));
    if (answer.written !== undefined && !extra.signal.aborted)
      serving.handOvers.promise(extra.requestId, answer.written);
    return resultOf(answer, await noteFor(serving, holder, answer));
  } catch (error) {
    return failed(error);
  }
}

async function noteFor({ arrivals }: Serving, holder: Holder, answer: Answer): Promise<string | undefined> {
  if (answer.showsUnread === true) {
    arrivals.told();
    return undefined;
  }
  // What was asked for is done: a note that cannot be had must not hide it.
  return arrivals.unreadNote(holder).catch(() => undefined);
}

function resultOf(
  { text, structured, pictures = [], failed: wrong }: Answer,
  note: string | undefined,
): CallToolResult {
  // What others say of themselves (a directory, what they work on) stands outside every fence.
  const own = escaped(text.trimEnd());
  const content: CallToolResult['content'] = [{ type: 'text', text: own }, ...pictures];
  const isError = wrong === true ? { isError: true } : {};
  if (note !== undefined) content.push({ type: 'text', text: note });
  return structured === undefined
    ? { content, ...isError }
    : { content, ...isError, structuredContent: structured };
}

function turnOf(serving: Serving, { operations, reader, name, take }: Holder, extra: Extra): Turn {
  const { clock, offset, arrivals, autoCheck } = serving;
  return {
    operations,
    reader,
    name,
    signal: AbortSignal.any([extra.signal, serving.signal]),
    serving,
    autoCheck,
    kernels: serving.kernels,
    elicit: serving.server.getClientCapabilities()?.elicitation === undefined ? undefined : elicitBy(serving),
    tell: ({ text, at, seconds }) =>
      tellProgress(extra, { progress: at, total: Math.max(at, seconds), message: text }),
    look: () => ({ style: plain, now: clock.now(), offset }),
    take: async (wanted) => {
      const told = await take(wanted);
      arrivals.restart();
      return told;
    },
    patiently: (work, wait) => patiently(work, { ...wait, clock, extra }),
  };
}

function tellProgress(
  extra: Extra,
  told: { readonly progress: number; readonly total?: number; readonly message: string },
): void {
  const progressToken = extra._meta?.progressToken;
  if (progressToken === undefined) return;
  const params = { progressToken, ...told };
  void extra.sendNotification({ method: 'notifications/progress', params }).catch(() => undefined);
}

function elicitBy({ server }: Serving) {
  return async (question: string): Promise<string | undefined> => {
    const requestedSchema = {
      type: 'object' as const,
      properties: { answer: { type: 'string' as const, title: 'Answer' } },
      required: ['answer'],
    };
    const { action, content } = await server.elicitInput({ message: question, requestedSchema });
    const line = content?.['answer'];
    return action === 'accept' && typeof line === 'string' ? line : undefined;
  };
}

async function patiently<T>(
  work: Promise<T>,
  wait: { text: string; seconds?: number; clock: Serving['clock']; extra: Extra },
): Promise<T> {
  const { extra, clock, text, seconds } = wait;
  if (extra._meta?.progressToken === undefined) return work;
  let passed = 0;
  let stop = (): void => undefined;
  const tell = (): void => {
    const total = seconds === undefined ? {} : { total: seconds };
    tellProgress(extra, { progress: passed, ...total, message: text });
    passed += PROGRESS_MS / 1_000;
    stop = clock.after(PROGRESS_MS, tell);
  };
  tell();
  return work.finally(() => stop());
}

function failed(error: unknown): CallToolResult {
  const failure = error instanceof z.ZodError ? misused(error) : asFailure(error);
  const hint = hintOf(failure);
  return {
    isError: true,
    content: [{ type: 'text', text: escaped(visible(`${failure.message}\n${hint}`)) }],
  };
}

/** Arguments a model got wrong, each with the field it stands in. */
function misused({ issues }: z.ZodError): Failure {
  const each = issues.map(
    ({ path, message }) => `${path.length === 0 ? 'input' : path.join('.')}: ${message}`,
  );
  const tooLong = issues.some(({ code, path }) => code === 'too_big' && path.join('.') === 'text');
  return new Failure(tooLong ? 'too_large' : 'invalid', each.join('; '));
}

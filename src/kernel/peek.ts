/** Looking into a kernel without running a cell: variables also while one runs, completion, help, history. */
import { Failure } from '../protocol/failures.ts';
import type { Answer, KernelClient } from './client.ts';
import { toCodePoints, toUnits } from './code-points.ts';
import { type Facts, factsOf, list, text } from './message.ts';
import { type Bundle, bundleOf } from './output/bundle.ts';
import { plainText } from './output/plain.ts';
import type { ShellLine } from './shell-line.ts';

export interface Variable {
  readonly name: string;
  readonly type: string;
  /** As its repr says it, cut. */
  readonly value: string;
}

export interface Completion {
  readonly matches: readonly string[];
  /** UTF-16 offsets into the code that a match replaces. */
  readonly start: number;
  readonly end: number;
}

export interface HistoryLine {
  /** The kernel's own count of its sessions; 0: this one. */
  readonly session: number;
  readonly line: number;
  readonly code: string;
  readonly output: string | undefined;
}

export interface Usage {
  readonly pid: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly cpuPercent: number | undefined;
}

const CONTROL_MS = 1_500;
const SHELL_MS = 5_000;
const VALUE_CHARACTERS = 500;
const MAX_VARIABLES = 1_000;
const MAX_MATCHES = 500;
const IDENTIFIER = /^[\p{ID_Start}_][\p{ID_Continue}]*$/u;

/** For kernels whose control channel knows no debugger: a silent expression, which needs an idle kernel. */
const LISTING =
  `__import__('base64').b64encode(__import__('json').dumps([(k, type(v).__name__, repr(v)[:${VALUE_CHARACTERS}])
 for k, v in list(get_ipython().user_ns.items())
 if not k.startswith('_') and k not in get_ipython().user_ns_hidden]).encode()).decode()`.replaceAll(
    '\n',
    '',
  );

export class Peek {
  readonly #client: KernelClient;
  readonly #line: ShellLine;
  #sequence = 0;
  #usageKnown: boolean | undefined;

  constructor(client: KernelClient, line: ShellLine) {
    this.#client = client;
    this.#line = line;
  }

  async variables(): Promise<readonly Variable[]> {
    const body = await this.#debug('inspectVariables', {});
    if (body === undefined) return await this.#listed();
    return list(body['variables'])
      .slice(0, MAX_VARIABLES)
      .map(factsOf)
      .map((each) => ({
        name: text(each['name']),
        type: text(each['type']),
        value: plainText(text(each['value'])).slice(0, VALUE_CHARACTERS),
      }))
      .filter(({ name }) => IDENTIFIER.test(name));
  }

  /** A variable as the kernel would show it, while a cell runs if need be. */
  async inspect(name: string): Promise<Bundle> {
    if (!IDENTIFIER.test(name))
      throw new Failure('invalid', `wanted the name of a variable; found ${JSON.stringify(name)}`);
    const body = await this.#debug('richInspectVariables', { variableName: name });
    const data = factsOf(body?.['data']);
    if (Object.keys(data).length > 0) return bundleOf(data);
    const content = await this.#expression(name);
    const found = factsOf(factsOf(content['user_expressions'])['it']);
    if (found['status'] !== 'ok')
      throw new Failure('no_such_file', `wanted the variable ${name}; there is none`, {
        hint: 'ipc kernel variables',
      });
    return bundleOf(factsOf(found['data']));
  }

  async complete(code: string, at = code.length): Promise<Completion> {
    const content = await this.#shell('complete_request', { code, cursor_pos: toCodePoints(code, at) });
    const place = (name: string) => {
      const value = content[name];
      return toUnits(code, typeof value === 'number' ? value : toCodePoints(code, at));
    };
    const matches = list(content['matches']).slice(0, MAX_MATCHES).map(text);
    return { matches, start: place('cursor_start'), end: place('cursor_end') };
  }

  /** What `name?` would show; `detail` 1 is `name??`. */
  async help(
    code: string,
    { at = code.length, detail = 0 }: { at?: number; detail?: 0 | 1 } = {},
  ): Promise<Bundle | undefined> {
    const cursor = toCodePoints(code, at);
    const content = await this.#shell('inspect_request', { code, cursor_pos: cursor, detail_level: detail });
    return content['found'] === true ? bundleOf(factsOf(content['data'])) : undefined;
  }

  /** Whether the code could be run as it stands. */
  async isComplete(code: string): Promise<'complete' | 'incomplete' | 'invalid' | 'unknown'> {
    const { status } = await this.#shell('is_complete_request', { code });
    return status === 'complete' || status === 'incomplete' || status === 'invalid' ? status : 'unknown';
  }

  /** The kernel's own history: everybody's code, without names. */
  async history(count: number): Promise<readonly HistoryLine[]> {
    const wish = { hist_access_type: 'tail', n: count, output: true, raw: true };
    const content = await this.#shell('history_request', wish);
    return list(content['history']).map((each) => {
      const [session, line, both] = list(each);
      const [code, output] = Array.isArray(both) ? list(both) : [both, undefined];
      return {
        session: typeof session === 'number' ? session : 0,
        line: typeof line === 'number' ? line : 0,
        code: text(code),
        output: typeof output === 'string' ? plainText(output) : undefined,
      };
    });
  }

  /** From the kernel itself (ipykernel with psutil); all undefined where it does not know the question. */
  async usage(withinMs: number): Promise<Usage> {
    const nothing: Usage = { pid: undefined, memoryBytes: undefined, cpuPercent: undefined };
    if (this.#usageKnown === false) return nothing;
    const { answer } = this.#client.ask({ channel: 'control', type: 'usage_request', withinMs });
    const found = await answer;
    if (found.kind !== 'reply') {
      // An unknown type never gets an answer: asked once, not at every status.
      if (found.kind === 'silent' && this.#usageKnown === undefined) this.#usageKnown = false;
      return nothing;
    }
    this.#usageKnown = true;
    const number = (name: string) => {
      const value = found.content[name];
      return typeof value === 'number' ? value : undefined;
    };
    return { pid: number('pid'), memoryBytes: number('kernel_memory'), cpuPercent: number('kernel_cpu') };
  }

  /** Undefined: this kernel's control channel does not know it. */
  async #debug(command: string, wish: Facts): Promise<Facts | undefined> {
    this.#sequence += 1;
    const content = { type: 'request', seq: this.#sequence, command, arguments: wish };
    const { answer } = this.#client.ask({
      channel: 'control',
      type: 'debug_request',
      content,
      withinMs: CONTROL_MS,
    });
    const found = await answer;
    if (found.kind !== 'reply' || found.content['success'] !== true) return undefined;
    return factsOf(found.content['body']);
  }

  async #listed(): Promise<readonly Variable[]> {
    const content = await this.#expression(LISTING);
    const found = factsOf(factsOf(content['user_expressions'])['it']);
    const encoded = text(factsOf(found['data'])['text/plain']).replaceAll(/^'|'$/g, '');
    const rows = rowsOf(encoded);
    if (rows === undefined)
      throw new Failure('invalid', 'wanted the variables; this kernel has no way to list them');
    return rows
      .slice(0, MAX_VARIABLES)
      .map((row) => {
        const [name, type, value] = list(row);
        return {
          name: text(name),
          type: text(type),
          value: plainText(text(value)).slice(0, VALUE_CHARACTERS),
        };
      })
      .filter(({ name }) => IDENTIFIER.test(name));
  }

  #expression(it: string): Promise<Facts> {
    const content = {
      code: '',
      silent: true,
      store_history: false,
      user_expressions: { it },
      allow_stdin: false,
      stop_on_error: false,
    };
    return this.#shell('execute_request', content);
  }

  async #shell(type: string, content: Facts): Promise<Facts> {
    const answer: Answer = await this.#line.question({ type, content, withinMs: SHELL_MS });
    switch (answer.kind) {
      case 'reply':
        return answer.content;
      case 'silent':
        throw new Failure('busy', `wanted an answer to ${type}; the kernel is busy with a cell`, {
          hint: 'ipc kernel status',
        });
      case 'lost':
        throw new Failure('busy', `wanted an answer to ${type}; ${answer.reason}`, {
          hint: 'ipc kernel status',
        });
    }
  }
}

/** Undefined: not what a Python kernel would have said. */
function rowsOf(encoded: string): readonly unknown[] | undefined {
  if (encoded === '') return undefined;
  try {
    return list(JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')));
  } catch {
    return undefined;
  }
}

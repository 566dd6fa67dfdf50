/** Lines on the stdin of `ipc mcp`, as a client without manners would write them. */
import type { Chance } from '../chance.ts';
import { bytes, mutated, strangeJson, value, word } from '../hostile.ts';

export interface Tool {
  readonly name: string;
  readonly inputSchema: { readonly properties?: Readonly<Record<string, Field>> };
}

interface Field {
  readonly type?: string;
  readonly enum?: readonly unknown[];
}

const URIS = [
  'ipc://inbox',
  'ipc://messages/latest',
  'ipc://agents',
  'ipc://message/01234567-89ab-7def-8123-456789abcdef',
  'ipc://message/../../etc/passwd',
  'ipc://message/%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  'ipc://message/%/attachment/1',
  'ipc://message/x/attachment/99?from=-1&bytes=1e9',
  'ipc://message/x?from=999999999999999&bytes=999999999999999',
  'ipc://thread/%00',
  'ipc://execution/py-1?from=0&bytes=99999999999',
  'file:///etc/passwd',
  'ipc://user:word@inbox:99/',
  'IPC://INBOX',
  'ipc:inbox',
  '',
];

const FILES = [
  '/etc/passwd',
  '../../etc/passwd',
  'file:///etc/passwd',
  '/proc/self/environ',
  '.',
  '~',
  '\0',
  '/dev/zero',
];

/** Of one client; the ids of what it asked are its own. */
export function lines(random: Chance, tools: readonly Tool[]): () => Buffer {
  let asked = 0;
  const request = (method: string, params: unknown): string => {
    asked += 1;
    return JSON.stringify({ jsonrpc: '2.0', id: asked, method, params });
  };
  const notice = (method: string, params: unknown): string =>
    JSON.stringify({ jsonrpc: '2.0', method, params });
  const uri = (): string =>
    random.pick([random.pick(URIS), `ipc://${encodeURI(word(random).toWellFormed())}`, word(random)]);

  const call = (): string => {
    const tool = random.pick(tools);
    const fields = Object.entries(tool.inputSchema.properties ?? {}).filter(() => random.below(3) > 0);
    const given = fields.map(([name, field]) => [name, argument(random, name, field)]);
    const progress =
      random.below(4) === 0 ? { _meta: { progressToken: random.pick([asked, word(random)]) } } : {};
    return request('tools/call', { name: tool.name, arguments: Object.fromEntries(given), ...progress });
  };
  const kinds: readonly (() => string | Buffer)[] = [
    call,
    call,
    call,
    () => request('tools/call', { name: random.pick(tools).name, arguments: value(random) }),
    () => request('tools/call', value(random)),
    () => request('resources/read', { uri: uri() }),
    () => request(random.pick(['resources/subscribe', 'resources/unsubscribe']), { uri: uri() }),
    () =>
      request('prompts/get', {
        name: random.pick(['get', 'status', 'send', 'clear', word(random)]),
        arguments: value(random),
      }),
    () =>
      request('completion/complete', {
        ref: random.pick([
          { type: 'ref/prompt', name: 'send' },
          { type: 'ref/resource', uri: uri() },
          value(random),
        ]),
        argument: { name: random.pick(['to', 'id', 'from', word(random)]), value: word(random) },
      }),
    () => request('logging/setLevel', { level: random.pick(['debug', word(random)]) }),
    () => request(random.pick(['tools/list', 'resources/list', 'prompts/list', 'ping']), value(random)),
    () => request('initialize', value(random)),
    () => request(word(random), value(random)),
    () => notice('notifications/cancelled', { requestId: asked - random.below(20), reason: word(random) }),
    () =>
      notice(
        random.pick(['notifications/roots/list_changed', 'notifications/initialized', word(random)]),
        value(random),
      ),
    () =>
      JSON.stringify({
        jsonrpc: '2.0',
        id: random.pick([random.below(50), word(random)]),
        result: value(random),
      }),
    () => JSON.stringify({ jsonrpc: '2.0', id: random.below(50), error: value(random) }),
    () => JSON.stringify(Array.from({ length: random.below(50) }, () => JSON.parse(call()) as unknown)),
    () => strangeJson(random).replaceAll('\n', ' '),
    () => JSON.stringify(value(random, 6)),
    () => mutated(random, Buffer.from(call())),
    () => bytes(random, 300),
    () => '',
    () => `${' '.repeat(random.below(30_000))}{}`,
    () =>
      request('tools/call', {
        name: 'send',
        arguments: { to: 'somebody', text: 'x'.repeat(random.below(200_000)) },
      }),
  ];
  return () => {
    const line = Buffer.from(random.pick(kinds)());
    // Half a line: the next one goes on where it ends.
    return random.below(30) === 0
      ? line
      : Buffer.concat([line, Buffer.from(random.below(9) === 0 ? '\r\n' : '\n')]);
  };
}

function argument(random: Chance, name: string, field: Field): unknown {
  if (random.below(6) === 0) return value(random);
  // Who is cancelled or cut off never sees the end of it.
  if (name === 'wait') return random.pick([0, 0, 0.5, 50]);
  if (name === 'to') return random.pick(['somebody', '@all', '#topic', ['a', 'b'], word(random, 2)]);
  if (name === 'files') return [random.pick(FILES), word(random)];
  if (name === 'run') return [random.pick(['id', 'sleep 60', word(random)])];
  if (field.enum !== undefined) return random.pick(field.enum);
  if (field.type === 'integer' || field.type === 'number') return random.pick([0, 1, -1, 1e9]);
  if (field.type === 'boolean') return random.below(2) === 0;
  return word(random);
}

/** To what the server asks: its client's folders, mostly. */
export function answerTo(random: Chance, id: unknown): string {
  const roots = Array.from({ length: random.below(4) }, () => ({
    uri: random.pick(['file:///', 'file:///etc', 'file://other/share', 'http://x', word(random)]),
    name: word(random),
  }));
  const answer = random.pick<() => object>([
    () => ({ result: { roots } }),
    () => ({ result: value(random) }),
    () => ({ error: { code: value(random), message: value(random) } }),
  ])();
  return `${JSON.stringify({ jsonrpc: '2.0', id, ...answer })}\n`;
}

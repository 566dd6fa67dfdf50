/**
 * Requests to `ipc serve` as an enemy would write them: each route of its own OpenAPI, each webhook, `/mcp`,
 * with something wrong about it. A shot that says `forged` must not be answered with success.
 */
import type { Chance } from '../chance.ts';
import { bytes, mutated, strangeJson, value, word } from '../hostile.ts';
import { type Hook, wrongDelivery, wrongToken } from './forgeries.ts';
import { type McpTarget, strangeMcp } from './mcp-shots.ts';
import { encoded, JSON_TYPE, oneLine, request } from './request.ts';
import { smuggle, strangeChunks, strangeHeaders, strangeHost, strangePath } from './wire.ts';

export interface Shot {
  readonly kind: string;
  readonly bytes: Buffer;
  /** Nobody has proven it: no answer may be 2xx. */
  readonly forged?: true;
}

export interface Operation {
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly fields: Readonly<Record<string, Schema>>;
}

/** What JSON schemas of the table say, as far as it is read here. */
export interface Schema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly maximum?: number;
}

export interface Target {
  readonly operations: readonly Operation[];
  /** Of an agent that the enemy owns. */
  readonly token: string;
  readonly mcp: McpTarget;
  readonly hooks: readonly Hook[];
}

/** Whoever is sent this was reached by a request inside the body of another. */
export const SMUGGLED = 'smuggled';

export function shots(random: Chance, target: Target): () => Shot {
  const auth = ['authorization', `Bearer ${target.token}`] as const;
  const operation = (): Operation => random.pick(target.operations);
  const posted = (): Operation => random.pick(target.operations.filter(({ method }) => method === 'POST'));
  const send = (to: string, body: string): Buffer =>
    request({ path: '/v1/send', headers: [auth, JSON_TYPE], body: JSON.stringify({ to: [to], body }) });

  const input = (fields: Operation['fields']): string => {
    const said = Object.entries(fields).filter(
      ([field]) => field === 'to' || field === 'body' || random.below(3) === 0,
    );
    return JSON.stringify(
      Object.fromEntries(said.map(([field, schema]) => [field, plausible(random, field, schema)])),
    );
  };

  const kinds: Readonly<Record<string, () => Omit<Shot, 'kind'>>> = {
    fields: () => {
      const { path, fields } = posted();
      return { bytes: request({ path, headers: [auth, JSON_TYPE], body: input(fields) }) };
    },
    message: () => {
      const said = {
        to: ['friend'],
        body: word(random, 40).toWellFormed(),
        data: value(random),
        thread: word(random, 2),
      };
      return { bytes: request({ path: '/v1/send', headers: [auth, JSON_TYPE], body: JSON.stringify(said) }) };
    },
    query: () => {
      const { path, fields } = random.pick(target.operations.filter(({ method }) => method === 'GET'));
      const asked = [...Object.keys(fields), word(random, 2)].filter(() => random.below(2) === 0);
      const query = asked.map((field) => `${encoded(random, field)}=${encoded(random, word(random))}`);
      return { bytes: request({ method: 'GET', path: `${path}?${query.join('&')}`, headers: [auth] }) };
    },
    body: () => ({
      bytes: request({ path: posted().path, headers: [auth, JSON_TYPE], body: strangeBody(random) }),
    }),
    headers: () => ({
      bytes: request({
        path: posted().path,
        headers: [auth, JSON_TYPE, ...strangeHeaders(random)],
        body: '{}',
      }),
    }),
    host: () => ({
      bytes: request({ method: 'GET', path: '/v1', headers: [['host', strangeHost(random)], auth] }),
    }),
    method: () => {
      const method = random.pick([
        'GETT',
        'get',
        'CONNECT',
        'TRACE',
        'PRI',
        'M-SEARCH',
        '',
        '\0',
        'A'.repeat(9_000),
      ]);
      return { bytes: request({ method, path: operation().path, headers: [auth] }) };
    },
    path: () => ({ bytes: request({ method: 'GET', path: strangePath(random), headers: [auth] }) }),
    smuggle: () => ({ bytes: smuggle(random, auth, send(SMUGGLED, word(random))) }),
    chunks: () => {
      const said = [auth, JSON_TYPE, ['transfer-encoding', 'chunked'] as const];
      const head = request({ path: posted().path, headers: said });
      return { bytes: Buffer.concat([head, strangeChunks(random)]) };
    },
    bytes: () => ({ bytes: mutated(random, send('somebody', word(random))) }),
    noise: () => ({ bytes: bytes(random, 400) }),
    token: () => {
      const { path, method } = operation();
      const said = `${random.pick(['Bearer ', 'bearer', 'Basic ', ''])}${oneLine(wrongToken(random, target.token))}`;
      const more = { headers: [['authorization', said] as const, JSON_TYPE], body: '{}' };
      return {
        bytes: request({ method, path, ...(method === 'GET' ? { headers: more.headers } : more) }),
        forged: true,
      };
    },
    hook: () => ({ bytes: wrongDelivery(random, random.pick(target.hooks)), forged: true }),
    mcp: () => ({ bytes: strangeMcp(random, target.mcp) }),
  };
  const names = Object.keys(kinds);
  return () => {
    const kind = random.pick(names);
    const made = kinds[kind];
    if (made === undefined) throw new Error(`wanted a kind of shot, found ${kind}`);
    return { kind, ...made() };
  };
}

/** What anybody may ask. */
export function polite(token: string): Shot {
  const headers = [['authorization', `Bearer ${token}`] as const, JSON_TYPE];
  return { kind: 'polite', bytes: request({ path: '/v1/whoami', headers, body: '{}' }) };
}

/** What a field may be; now and then what it may not. */
function plausible(random: Chance, field: string, schema: Schema): unknown {
  if (random.below(5) === 0) return value(random);
  if (field === 'to')
    return [random.pick(['somebody', 'friend', '@all', '#topic', '@system', word(random, 2)])];
  // Whoever waits a minute has no answer by the time that it is given up.
  if (field === 'wait') return random.pick([0, 0, 0, 1, 60]);
  if (schema.enum !== undefined) return random.pick(schema.enum);
  switch (schema.type) {
    case 'string':
      return random.pick([
        word(random),
        'bob',
        '01234567-89ab-7def-8123-456789abcdef',
        '2026-01-01T00:00:00Z',
      ]);
    case 'integer':
    case 'number':
      return random.pick([0, 1, 10, schema.maximum ?? 2 ** 31]);
    case 'boolean':
      return random.below(2) === 0;
    case 'array':
      return Array.from({ length: random.below(3) }, () => plausible(random, '', schema.items ?? {}));
    case 'object': {
      const inner = Object.entries(schema.properties ?? {});
      return Object.fromEntries(inner.map(([name, each]) => [name, plausible(random, name, each)]));
    }
    default:
      return value(random);
  }
}

function strangeBody(random: Chance): string | Uint8Array {
  return random.pick<() => string | Uint8Array>([
    () => strangeJson(random),
    () => JSON.stringify(value(random, 6)),
    () => bytes(random, 300),
    () => mutated(random, Buffer.from('{"to":["somebody"],"body":"text","data":{"a":[1,2]}}')),
  ])();
}

/** What `/mcp` is told by a client that knows no protocol, in a session of its own or in none. */
import type { Chance } from '../chance.ts';
import { strangeJson, value, word } from '../hostile.ts';
import { type Headers, JSON_TYPE, oneLine, request } from './request.ts';

/** Begun as it should be, by an agent of the enemy's. */
export interface McpTarget {
  readonly token: string;
  readonly session: string;
  readonly tools: readonly string[];
}

const STREAMED = 'application/json, text/event-stream';

export function strangeMcp(random: Chance, { token, session, tools }: McpTarget): Buffer {
  const message = (): unknown => ({
    jsonrpc: random.below(9) === 0 ? random.pick(['1.0', 2, null]) : '2.0',
    id: random.pick([1, '1', null, -1, 1e308, value(random), random.below(1_000_000)]),
    method: random.pick([
      'initialize',
      'tools/call',
      'tools/call',
      'ping',
      'notifications/cancelled',
      word(random),
    ]),
    params: random.pick<() => unknown>([
      () => ({ name: random.pick(tools), arguments: { to: word(random), text: word(random), wait: 0 } }),
      () => ({ name: random.pick(tools), arguments: value(random) }),
      () => ({ protocolVersion: word(random), capabilities: value(random), clientInfo: value(random) }),
      () => ({
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: word(random), version: '1' },
      }),
      () => ({ requestId: random.below(10), reason: word(random) }),
      () => value(random),
    ])(),
  });
  const said = random.pick<() => string>([
    () => JSON.stringify(message()),
    () => JSON.stringify(message()),
    () => JSON.stringify(Array.from({ length: random.below(200) }, message)),
    () => JSON.stringify({ jsonrpc: '2.0', id: random.below(9), result: value(random) }),
    () => strangeJson(random),
  ])();
  const method = random.pick(['POST', 'POST', 'POST', 'POST', 'GET', 'DELETE']);
  const others: Headers = [
    ['mcp-protocol-version', random.pick(['2025-11-25', '1999-01-01', oneLine(word(random))])],
    ['last-event-id', random.pick(['_GET_stream.1', '_GET_stream.999999999999999', oneLine(word(random))])],
    ['ipc-session', oneLine(word(random, 2))],
  ];
  return request({
    method,
    path: '/mcp',
    headers: [
      ['authorization', `Bearer ${token}`],
      JSON_TYPE,
      ['accept', random.below(5) === 0 ? random.pick(['*/*', 'text/html', '']) : STREAMED],
      ['mcp-session-id', method === 'DELETE' || random.below(4) === 0 ? oneLine(word(random, 3)) : session],
      ...others.filter(() => random.below(3) === 0),
    ],
    ...(method === 'POST' ? { body: said } : {}),
  });
}

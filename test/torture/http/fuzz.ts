/**
 * The HTTP door under fire: seeded requests of every kind to every route, readers that never read, while a
 * well-behaved client goes on. What is refused is refused with a status that says why; nothing is a fault of ours.
 */
import { connect } from 'node:net';
import { join } from 'node:path';
import { residentBytes } from '../../../scripts/bench/http-door.ts';
import { openDoor, type HttpDoor } from '../../e2e/http-door.ts';
import { openMachine, type Child, type Machine } from '../../e2e/machine.ts';
import type { Attack, AttackParts, Figures } from '../attack.ts';
import { chance } from '../chance.ts';
import type { HonestReport } from './honest-client.ts';
import { fire, type Seen } from './gun.ts';
import { polite, shots, SMUGGLED, type Operation, type Schema, type Target } from './shots.ts';
import { moment } from '../moment.ts';

const LANES = 4;
const QUIET_MS = { short: 1_500, long: 10_000 };
const SHOTS = { short: 10_000, long: 200_000 };
const DEAF = 20;
/** What a busy machine makes of any p99 by itself. */
const NOTICED_MS = 60;
/** Bodies of 25 MB are taken, several at a time: what counts is that it does not go on growing. */
const MOST_MB = 600;

export const httpFuzz: Attack = {
  name: 'http-fuzz',
  promise:
    'ten thousand hostile requests to every route of the HTTP door: others are served, none is a fault of ours',
  shortMs: 90_000,
  run: async (parts) => {
    await using machine = await openMachine();
    const door = await openDoor(machine, [], {
      env: { IPC_HTTP_ADDRESS_PER_MINUTE: '100000000', IPC_HTTP_TOKEN_PER_MINUTE: '100000000' },
    });
    const target = await targetOf(machine, door);
    using deaf = readersWhoNeverRead(door.port, target.token);
    const honest = await honestClient(machine, door);
    const daemon = await machine.daemonPid();
    using memory = watchMemory({ serve: door.child.pid, daemon });
    await moment(500);
    await phase(honest, 'quiet');
    await moment(QUIET_MS[parts.form]);
    await phase(honest, 'crowd');
    await crowd(door.port, target.token, QUIET_MS[parts.form]);
    await phase(honest, 'fire');
    const seen = await volley(parts, door.port, shots(chance(parts.seed), target));
    await honest.stdin.end();
    const [said, why] = await Promise.all([honest.stdout.text(), honest.stderr.text()]);
    if (said === '') throw new Error(`the well-behaved client ended: ${why}`);
    const report = JSON.parse(said) as HonestReport;
    deaf.leave();
    const figures = { ...seen.figures, ...memory.figures(), ...wantExactlyOnce(report), ...paceOf(report) };
    wantSame(daemon, await machine.daemonPid());
    await wantNothingSmuggled(machine);
    await wantNothingForged(machine);
    if (!(await fetch(`${door.url}/healthz`)).ok) throw new Error('the server is gone');
    const faults = door
      .log()
      .split('\n')
      .filter((line) => / error /.test(line));
    if (faults.length > 0) throw new Error(`faults in the log:\n${faults.slice(0, 5).join('\n')}`);
    if ((await door.stop()) !== 0) throw new Error('the server did not end as it was told');
    return figures;
  },
};

async function targetOf(machine: Machine, { url }: HttpDoor): Promise<Target> {
  const scope = 'send,check,read,manage,kernel';
  const tokenOf = async (agent: string): Promise<string> =>
    (await machine.ok(['token', 'create', '--agent', agent, '--scope', scope])).trim();
  const token = await tokenOf('eve');
  const answer = await fetch(`${url}/v1/openapi.json`, { headers: { authorization: `Bearer ${token}` } });
  const { paths } = (await answer.json()) as { paths: Record<string, Record<string, Described>> };
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]): Operation => {
      const asked = (described.parameters ?? []).map(({ name, schema }) => [name, schema] as const);
      const fields = described.requestBody?.content['application/json'].schema.properties;
      return { path, method: method === 'get' ? 'GET' : 'POST', fields: fields ?? Object.fromEntries(asked) };
    }),
  );
  const hooks = [];
  for (const scheme of ['github', 'standard', 'bearer']) {
    const words = ['webhook', 'add', `hook-${scheme}`, '--to', 'hooked', '--verify', scheme];
    const { secret } = await machine.json<{ secret: string }>(words);
    hooks.push({ name: `hook-${scheme}`, scheme, secret });
  }
  return { operations, token, hooks, mcp: await mcpSession(url, await tokenOf('mallory')) };
}

interface Described {
  readonly parameters?: readonly { readonly name: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
}

async function mcpSession(url: string, token: string): Promise<Target['mcp']> {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const ask = async (method: string, params: object, session: Record<string, string>): Promise<Response> => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    return await fetch(`${url}/mcp`, { method: 'POST', headers: { ...headers, ...session }, body });
  };
  const clientInfo = { name: 'eve', version: '1' };
  const begun = await ask('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }, {});
  await begun.text();
  const session = begun.headers.get('mcp-session-id') ?? '';
  const listed = await (await ask('tools/list', {}, { 'mcp-session-id': session })).text();
  return {
    token,
    session,
    tools: [...listed.matchAll(/"name":"(\w+)","title"/g)].map(([, name = '']) => name),
  };
}

async function honestClient(machine: Machine, { port }: HttpDoor): Promise<Child> {
  const token = async (agent: string): Promise<string> =>
    (await machine.ok(['token', 'create', '--agent', agent])).trim();
  const words = [String(port), await token('honest'), await token('friend')];
  return machine.start([join(import.meta.dir, 'honest-client.ts'), ...words], { binary: process.execPath });
}

async function phase(child: Child, name: string): Promise<void> {
  await child.stdin.write(`${name}\n`);
  await child.stdin.flush();
}

/** Gone at the end, whatever the end: while one is there this process does not end. */
function readersWhoNeverRead(port: number, token: string): Disposable & { leave(): void } {
  const sockets = Array.from({ length: DEAF }, () => {
    const socket = connect(port, '127.0.0.1').pause();
    socket.on('error', () => undefined);
    socket.write(
      `GET /v1/events?unread HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`,
    );
    return socket;
  });
  const leave = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return { leave, [Symbol.dispose]: leave };
}

/** As many at once as shoot later, who ask for nothing but what they may: what a request costs anybody. */
async function crowd(port: number, token: string, milliseconds: number): Promise<void> {
  const until = performance.now() + milliseconds;
  const lane = async (): Promise<void> => {
    while (performance.now() < until) {
      const { status, text } = await fire(port, polite(token));
      if (status !== undefined && status !== 200) throw new Error(`a polite request got ${text}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function volley(
  { form, say }: AttackParts,
  port: number,
  next: () => ReturnType<ReturnType<typeof shots>>,
): Promise<{ figures: Figures }> {
  const statuses: Record<string, number> = {};
  let left = SHOTS[form];
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      if (left % 10_000 === 0) say(`${left} left`);
      const seen = await fire(port, next());
      wantHonest(seen);
      const key = seen.status === undefined ? 'none' : String(seen.status);
      statuses[key] = (statuses[key] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return { figures: { requests: SHOTS[form], answers: spelled(statuses) } };
}

function wantHonest({ shot, status, text }: Seen): void {
  const wrong = (why: string): Error =>
    new Error(
      `${why}\n${shot.kind}: ${JSON.stringify(shot.bytes.toString('latin1').slice(0, 3_000))}\n${text.slice(0, 2_000)}`,
    );
  if (/^HTTP\/1\.1 500/m.test(text) || text.includes('"code":"internal"')) throw wrong('a fault of ours');
  if (shot.forged === true && status !== undefined && status < 300) throw wrong('what is forged was taken');
}

function spelled(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([what, count]) => `${what}:${count}`)
    .join(' ');
}

function watchMemory(pids: Readonly<Record<string, number>>): Disposable & { figures(): Figures } {
  const megabytes = (pid: number): number => Math.round(residentBytes(pid) / 1_048_576);
  const before = Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, megabytes(pid)]));
  const most = { ...before };
  const look = (): void => {
    for (const [name, pid] of Object.entries(pids)) most[name] = Math.max(most[name] ?? 0, megabytes(pid));
  };
  const looking = setInterval(look, 50);
  return {
    figures: () => {
      look();
      for (const [name, found] of Object.entries(most))
        if (found > MOST_MB) throw new Error(`${name} took ${found} MB`);
      return Object.fromEntries(
        Object.keys(pids).map((name) => [`${name} MB`, `${before[name]} → ${most[name]}`]),
      );
    },
    [Symbol.dispose]: () => clearInterval(looking),
  };
}

function wantExactlyOnce({ sent, got, marked, refused }: HonestReport): Figures {
  if (refused.length > 0) throw new Error(`${refused.length} refused, the first: ${refused[0]}`);
  const once = new Set(got);
  const lost = sent.filter((id) => !once.has(id)).length;
  const doubled = got.length - once.size;
  if (lost > 0 || doubled > 0 || marked > 0)
    throw new Error(`lost ${lost}, doubled ${doubled}, marked ${marked}`);
  return { 'honest sent': sent.length, lost, doubled };
}

function paceOf({ times }: HonestReport): Figures {
  const p99 = (name: string): number => {
    const all = (times[name] ?? []).toSorted((a, b) => a - b);
    return all[Math.floor(all.length * 0.99)] ?? Number.NaN;
  };
  const [quiet, crowded, fired] = [p99('quiet'), p99('crowd'), p99('fire')];
  if (fired > 3 * crowded && fired > NOTICED_MS)
    throw new Error(`p99 of others ${fired.toFixed(1)} ms under fire, ${crowded.toFixed(1)} ms in a crowd`);
  return {
    'p99 quiet ms': quiet.toFixed(1),
    'in a crowd ms': crowded.toFixed(1),
    'under fire ms': fired.toFixed(1),
    'fire/quiet': (fired / quiet).toFixed(2),
    'fire/crowd': (fired / crowded).toFixed(2),
  };
}

function wantSame(before: number, after: number): void {
  if (before !== after) throw new Error('the daemon is another one');
}

async function wantNothingSmuggled(machine: Machine): Promise<void> {
  const { messages } = await machine.json<{ messages: unknown[] }>(['--as', SMUGGLED, 'check', '--peek']);
  if (messages.length > 0)
    throw new Error(`${messages.length} requests inside the bodies of others were heard`);
}

async function wantNothingForged(machine: Machine): Promise<void> {
  const { messages } = await machine.json<{ messages: unknown[] }>(['--as', 'hooked', 'check', '--peek']);
  if (messages.length > 0) throw new Error(`${messages.length} forged deliveries were stored`);
}

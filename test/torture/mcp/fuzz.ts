/**
 * `ipc mcp` on stdio under fire: a client that writes what it likes, before the handshake too. Each process
 * is shot at, must say nothing but JSON-RPC, and must then still do what it is asked to properly.
 */
import { residentBytes } from '../../../scripts/bench/http-door.ts';
import { endKernels } from '../../e2e/kernel-machine.ts';
import { lines as linesOf, openMachine, type Child, type Machine } from '../../e2e/machine.ts';
import type { Attack, AttackParts, Figures } from '../attack.ts';
import { chance, type Chance } from '../chance.ts';
import { answerTo, lines, type Tool } from './lines.ts';
import { moment, within } from '../moment.ts';

const SIZE = {
  short: { rounds: 4, lines: 1_500 },
  long: { rounds: 60, lines: 5_000 },
};
/** One with ten thousand calls under way, some of them 200 KB long. */
const MOST_MB = 500;
const ANSWER_MS = 20_000;
const HELLO = {
  protocolVersion: '2025-11-25',
  capabilities: { roots: { listChanged: true } },
  clientInfo: { name: 'fuzz', version: '1' },
};

export const mcpFuzz: Attack = {
  name: 'mcp-fuzz',
  promise:
    'thousands of hostile lines to ipc mcp: it says nothing but JSON-RPC, goes on, and serves the proper call after them',
  shortMs: 90_000,
  run: async (parts) => {
    await using machine = await openMachine();
    const random = chance(parts.seed);
    const sum = { lines: 0, answers: 0, 'MB at most': 0 };
    const { rounds } = SIZE[parts.form];
    for (let round = 1; round <= rounds; round += 1) {
      const found = await roundOf(machine, parts, random);
      sum.lines += SIZE[parts.form].lines;
      sum.answers += found.answers;
      sum['MB at most'] = Math.max(sum['MB at most'], found.megabytes);
      if (round % 10 === 0) parts.say(`${round} of ${rounds} processes`);
    }
    const figures = await daemonFigures(machine);
    // Of kernels it may have started some.
    await endKernels(machine);
    return { processes: rounds, ...sum, ...figures };
  },
};

async function roundOf(
  machine: Machine,
  { form }: AttackParts,
  random: Chance,
): Promise<{ answers: number; megabytes: number }> {
  const server = new Server(machine, random);
  const tools = (await server.greeted(random)).map((tool) => tool);
  const next = lines(random, tools);
  let megabytes = 0;
  for (let left = SIZE[form].lines; left > 0; left -= 1) {
    await server.write(next());
    if (left % 50 === 0) {
      // The one who shoots must read as well, or it is its own pipe that is tried.
      await moment(1);
      megabytes = Math.max(megabytes, Math.round(residentBytes(server.child.pid) / 1_048_576));
    }
  }
  // What half a line began ends here.
  await server.write(Buffer.from('\n'));
  const who = JSON.stringify(await server.ask('tools/call', { name: 'who', arguments: {} }));
  if (!who.includes('(you') || who.includes('"isError":true'))
    throw new Error(`the proper call got ${who.slice(0, 500)}`);
  if (megabytes > MOST_MB) throw new Error(`it took ${megabytes} MB`);
  const code = await server.end();
  if (code !== 0) throw new Error(`it ended with ${code}: ${server.stderr().slice(-500)}`);
  return { answers: server.answers, megabytes };
}

class Server {
  readonly child: Child;
  answers = 0;
  #stderr = '';
  #wrong: Error | undefined;
  readonly #random: Chance;
  readonly #waiting = new Map<string, (message: Record<string, unknown>) => void>();
  readonly #reading: Promise<unknown>;
  #asked = 0;

  constructor(machine: Machine, random: Chance) {
    this.#random = random;
    this.child = machine.start(['mcp', '--as', 'eve', '--toolsets', 'messages,kernel']);
    this.#reading = Promise.all([this.#read(), this.#readErrors()]);
  }

  stderr(): string {
    return this.#stderr;
  }

  /** Shot at before the handshake too; the tools it then names. */
  async greeted(random: Chance): Promise<readonly Tool[]> {
    const early = lines(random, [{ name: 'who', inputSchema: {} }]);
    for (let left = 20; left > 0; left -= 1) await this.write(early());
    await this.write(Buffer.from('\n'));
    await this.ask('initialize', HELLO);
    await this.write(
      Buffer.from(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' })}\n`),
    );
    const { tools } = (await this.ask('tools/list', {})) as { tools: Tool[] };
    return tools;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#wrong !== undefined) throw this.#wrong;
    await this.child.stdin.write(bytes);
    await this.child.stdin.flush();
  }

  async ask(method: string, params: object): Promise<unknown> {
    this.#asked += 1;
    const id = `proper-${this.#asked}`;
    const answered = Promise.withResolvers<Record<string, unknown>>();
    this.#waiting.set(id, answered.resolve);
    await this.write(Buffer.from(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`));
    const answer = await within(answered.promise, ANSWER_MS);
    if (this.#wrong !== undefined) throw this.#wrong;
    if (answer === undefined)
      throw new Error(
        `${method} was not answered within ${ANSWER_MS} ms; stderr: ${this.#stderr.slice(-500)}`,
      );
    if (answer['error'] !== undefined) throw new Error(`${method} got ${JSON.stringify(answer)}`);
    return answer['result'];
  }

  async end(): Promise<number> {
    await this.child.stdin.end();
    const code = await within(this.child.exited, ANSWER_MS);
    if (code === undefined) throw new Error('it did not end with its stdin');
    await this.#reading;
    if (this.#wrong !== undefined) throw this.#wrong;
    return code;
  }

  async #read(): Promise<void> {
    for await (const line of linesOf(this.child.stdout)) {
      try {
        this.#take(line);
      } catch (error) {
        this.#wrong ??= error instanceof Error ? error : new Error(String(error));
      }
    }
  }

  #take(line: string): void {
    const message = JSON.parse(line) as Record<string, unknown>;
    if (message['jsonrpc'] !== '2.0') throw new Error(`not JSON-RPC: ${line.slice(0, 300)}`);
    if (line.includes('an error that was not expected'))
      throw new Error(`a fault of ours: ${line.slice(0, 500)}`);
    const { id } = message;
    if ('method' in message) {
      if (id !== undefined) void this.child.stdin.write(answerTo(this.#random, id));
      return;
    }
    if (!('result' in message) && !('error' in message))
      throw new Error(`neither answer nor question: ${line.slice(0, 300)}`);
    this.answers += 1;
    if (typeof id === 'string') this.#waiting.get(id)?.(message);
  }

  async #readErrors(): Promise<void> {
    this.#stderr = await this.child.stderr.text();
  }
}

async function daemonFigures(machine: Machine): Promise<Figures> {
  return { 'daemon MB': Math.round(residentBytes(await machine.daemonPid()) / 1_048_576) };
}

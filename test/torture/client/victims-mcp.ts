/** `ipc mcp` on stdio, killed between a call and what its client would have read. */
import { lines, type Child, type Machine } from '../../e2e/machine.ts';
import {
  answered,
  killWithin,
  mailOf,
  queued,
  Tally,
  wantFree,
  wantShown,
  wantStored,
  type Stage,
  type Victim,
} from './killing.ts';

const HELLO = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'victim', version: '1' },
};

/** `ipc mcp`, spoken to line by line: what of its answers came whole is what its client knows. */
export class Server {
  readonly child: Child;
  readonly answers = new Map<number, string>();
  #number = 0;
  #tally: Tally | undefined;
  readonly #reading: Promise<void>;

  private constructor(child: Child) {
    this.child = child;
    this.#reading = this.#read();
  }

  static async begin(machine: Machine, name: string, args: readonly string[] = []): Promise<Server> {
    const server = new Server(machine.start(['mcp', '--as', name, ...args]));
    server.write('initialize', HELLO);
    await server.until(1);
    server.#say({ method: 'notifications/initialized' });
    server.call('who', {});
    const greeting = await server.until(2);
    if (!greeting.includes(`as ${name}`))
      throw new Error(`wanted the name ${name}, found ${greeting.slice(0, 300)}`);
    return server;
  }

  write(method: string, params: object): number {
    this.#number += 1;
    this.#say({ id: this.#number, method, params });
    return this.#number;
  }

  #say(message: object): void {
    try {
      void this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
      void Promise.resolve(this.child.stdin.flush()).catch(() => undefined);
    } catch {
      // It was killed this moment.
    }
  }

  call(name: string, args: object): number {
    return this.write('tools/call', { name, arguments: args });
  }

  /** False: it was killed before it answered. */
  async knows(number: number): Promise<boolean> {
    return await this.until(number).then(
      () => true,
      () => false,
    );
  }

  async until(number: number): Promise<string> {
    for (;;) {
      const found = this.answers.get(number);
      if (found !== undefined) return found;
      if (this.child.killed || this.child.exitCode !== null) throw new Error('it ended');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** After so many answers of what it was asked by now, or a little later; and all it had written by then is read. */
  async killed({ random, usualMs }: Stage, asked: number): Promise<void> {
    const tally = new Tally(random.below(asked + 1));
    this.#tally = tally;
    await tally.reached(5_000);
    await killWithin(this.child, random, usualMs / 3);
    await this.#reading;
  }

  async #read(): Promise<void> {
    for await (const line of lines(this.child.stdout)) {
      const { id } = JSON.parse(line) as { id?: number };
      if (id === undefined) continue;
      this.answers.set(id, line);
      this.#tally?.add();
    }
  }
}

export const send: Victim = async (stage) => {
  const { machine, round, count } = stage;
  const server = await Server.begin(machine, 'mcp-sender');
  const bodies = Array.from({ length: 8 }, (_, number) => `call ${round}.${number}`);
  const calls: (readonly [number, string])[] = [];
  const asking = (async () => {
    for (const text of bodies) {
      const number = server.call('send', { to: 'sink-mcp', text });
      calls.push([number, text]);
      if (!(await server.knows(number))) return;
    }
  })();
  await server.killed(stage, bodies.length);
  await asking;
  const acknowledged = calls.filter(([number]) =>
    /queued for|sent to/.test(server.answers.get(number) ?? ''),
  );
  count('sends acknowledged', acknowledged.length);
  await wantFree(machine, 'mcp-sender');
  wantStored(
    await mailOf(machine, 'sink-mcp'),
    new Set(acknowledged.map(([, text]) => text)),
    new Set(bodies),
  );
};

export const check: Victim = async (stage) => {
  const { machine, count } = stage;
  const server = await Server.begin(machine, 'mcp-reader');
  const sent = await queued(stage, 'mcp-reader');
  const number = server.call('check', {});
  await server.killed(stage, 1);
  const text = server.answers.get(number) ?? '';
  await wantFree(machine, 'mcp-reader');
  const before = sent.filter((id) => text.includes(`Message ${id}`));
  count('repeats marked', wantShown(sent, before, await mailOf(machine, 'mcp-reader')));
};

export const ask: Victim = async (stage) => {
  const server = await Server.begin(stage.machine, 'mcp-asker');
  server.call('ask', { to: 'answerer', text: `question ${stage.round}` });
  await server.killed(stage, 0);
  await answered(stage, 'mcp-asker');
};

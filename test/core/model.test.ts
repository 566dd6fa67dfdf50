/**
 * Random histories of a few agents against a small model (design §2, §6): whatever they do, and however
 * often readers die between fetch and confirmation or the daemon restarts, nothing is lost, nothing is
 * handed twice without saying so, nothing confirmed comes back, and order holds.
 */
import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { OpenSession } from '../../src/core/broker.ts';
import { operations, type Output, type Request } from '../../src/protocol/operations.ts';
import { openStore } from '../../src/store/open.ts';
import { openWorld, type World } from './world.ts';

const AGENTS = ['ann', 'bob', 'cyd'] as const;
type Agent = (typeof AGENTS)[number];
const MAX_ATTEMPTS = 5;

/** One message for one recipient, as the model knows it. */
interface Copy {
  readonly id: string;
  readonly body: string;
  readonly sender: Agent;
  attempts: number;
  /** `life`: of the daemon; a connection gives back only what it leased itself. */
  lease: { reader: string; until: number; life: number } | null;
  state: 'unread' | 'handed' | 'acked' | 'dead' | 'cancelled';
  confirmations: number;
}

interface Model {
  readonly boxes: Record<Agent, Copy[]>;
  readonly names: Record<Agent, string>;
  sent: { id: string; body: string; from: Agent; to: Agent[] }[];
  renames: number;
  /** How often the daemon was restarted. */
  life: number;
}

interface Real {
  readonly world: World;
  readonly sessions: Record<Agent, OpenSession>;
}

type Command = fc.AsyncCommand<Model, Real>;

const unread = (model: Model, agent: Agent, reader: string, mono: number): Copy[] =>
  model.boxes[agent].filter(
    (copy) =>
      copy.state === 'unread' &&
      (copy.lease === null || copy.lease.until <= mono || copy.lease.reader === reader),
  );

async function send(
  real: Real,
  from: Agent,
  request: { id: string; to: string[]; body: string },
): Promise<Output<'send'>> {
  return real.sessions[from].handlers.send(operations.send.input.parse(request), {});
}

/** Notices of the system come into the same mailboxes; the model is about what agents say. */
async function drainNotices(session: OpenSession): Promise<void> {
  const reader = 'reader-notices';
  const got = await session.handlers.check(operations.check.input.parse({ reader, from: 'system' }), {});
  const deliveries = got.messages.map(({ id, attempt }) => ({ id, attempt }));
  await session.handlers.confirm({ reader, door: 'cli', stage: 'handed', deliveries }, {});
}

const sendCommand = (from: Agent, to: Agent[], body: string): Command => ({
  check: () => true,
  toString: () => `${from} sends ${JSON.stringify(body)} to ${to.join()}`,
  run: async (model, real) => {
    const id = crypto.randomUUID();
    const sent = await send(real, from, { id, to: to.map((name) => model.names[name]), body });
    expect(sent.deliveries.map((delivery) => delivery.to)).toEqual(to.map((name) => model.names[name]));
    expect(sent.deliveries.every((delivery) => delivery.state === 'queued')).toBe(true);
    model.sent.push({ id, body, from, to });
    for (const name of to)
      model.boxes[name].push({
        id,
        body,
        sender: from,
        attempts: 0,
        lease: null,
        state: 'unread',
        confirmations: 0,
      });
  },
});

const resendCommand = (nth: number): Command => ({
  check: (model) => model.sent.length > 0,
  toString: () => `message ${nth} is sent again with its id`,
  run: async (model, real) => {
    const again = model.sent[nth % model.sent.length];
    if (again === undefined) return;
    const sent = await send(real, again.from, {
      id: again.id,
      to: again.to.map((name) => model.names[name]),
      body: again.body,
    });
    expect(sent.duplicate).toBe(true);
  },
});

const checkCommand = (agent: Agent, reader: string, limit: number, confirms: boolean): Command => ({
  check: () => true,
  toString: () => `${agent} checks ${limit} as ${reader}${confirms ? '' : ' and does not confirm'}`,
  run: async (model, real) => {
    const { clock } = real.world;
    await drainNotices(real.sessions[agent]);
    const input: Request<'check'> = operations.check.input.parse({ reader, limit, bytes: 100_000 });
    const got = await real.sessions[agent].handlers.check(input, {});
    const offered = unread(model, agent, reader, clock.mono());
    const expected: Copy[] = [];
    for (const copy of offered) {
      const mine = copy.lease !== null && copy.lease.reader === reader && copy.lease.until > clock.mono();
      if (!mine && copy.attempts >= MAX_ATTEMPTS) {
        copy.state = 'dead';
        continue;
      }
      if (expected.length === limit) break;
      if (!mine) copy.attempts += 1;
      copy.lease = { reader, until: clock.mono() + 30_000, life: model.life };
      expected.push(copy);
    }
    const fromAgents = got.messages;
    expect(fromAgents.map((message) => [message.id as string, message.body, message.attempt])).toEqual(
      expected.map((copy) => [copy.id, copy.body, copy.attempts]),
    );
    expect(fromAgents.every((message, index) => message.again === (expected[index]?.attempts ?? 0) > 1)).toBe(
      true,
    );
    if (!confirms) return;
    const deliveries = got.messages.map(({ id, attempt }) => ({ id, attempt }));
    const confirmed = await real.sessions[agent].handlers.confirm(
      { reader, door: 'cli', stage: 'handed', deliveries },
      {},
    );
    expect(confirmed).toEqual({ confirmed: deliveries.length, lost: [] });
    for (const copy of expected) {
      copy.state = 'handed';
      copy.lease = null;
      copy.confirmations += 1;
    }
  },
});

const ackCommand = (agent: Agent, nth: number): Command => ({
  check: (model) => model.boxes[agent].some((copy) => copy.state === 'handed'),
  toString: () => `${agent} acks handed message ${nth}`,
  run: async (model, real) => {
    const handed = model.boxes[agent].filter((copy) => copy.state === 'handed');
    const copy = handed[nth % handed.length];
    if (copy === undefined) return;
    await real.sessions[agent].handlers.ack({ ids: [copy.id] } as Request<'ack'>, {});
    copy.state = 'acked';
  },
});

const renameCommand = (agent: Agent): Command => ({
  check: () => true,
  toString: () => `${agent} takes a new name`,
  run: async (model, real) => {
    model.renames += 1;
    const name = `${agent}-r${model.renames}`;
    const renamed = await real.sessions[agent].handlers.rename({ name } as Request<'rename'>, {});
    expect(renamed.from).toBe(model.names[agent]);
    model.names[agent] = name;
  },
});

const breakCommand = (agent: Agent): Command => ({
  check: () => true,
  toString: () => `the connection of ${agent} breaks`,
  run: async (model, real) => {
    await real.sessions[agent].close('gone');
    for (const copy of model.boxes[agent]) if (copy.lease?.life === model.life) copy.lease = null;
    real.sessions[agent] = await real.world.enter(agent);
  },
});

const restartCommand = (): Command => ({
  check: () => true,
  toString: () => 'the daemon is killed and comes back',
  run: async (model, real) => {
    model.life += 1;
    real.world.restart();
    for (const agent of AGENTS) real.sessions[agent] = await real.world.enter(agent);
  },
});

const waitCommand = (seconds: number): Command => ({
  check: () => true,
  toString: () => `${seconds} s pass`,
  run: async (_model, real) => {
    real.world.clock.advance(seconds * 1000);
    await real.world.tend();
  },
});

const agent = fc.constantFrom(...AGENTS);
const commands = fc.commands(
  [
    fc
      .tuple(
        agent,
        fc.uniqueArray(agent, { minLength: 1, maxLength: 3 }),
        fc.string({ unit: 'binary', maxLength: 40 }),
      )
      .map(([from, to, body]) => sendCommand(from, to, body)),
    fc.nat(20).map(resendCommand),
    fc
      .tuple(agent, fc.constantFrom('reader-one', 'reader-two'), fc.integer({ min: 1, max: 5 }), fc.boolean())
      .map((chosen) => checkCommand(...chosen)),
    fc.tuple(agent, fc.nat(5)).map(([name, nth]) => ackCommand(name, nth)),
    agent.map(renameCommand),
    agent.map(breakCommand),
    fc.constant(null).map(restartCommand),
    fc.constantFrom(1, 29, 31).map(waitCommand),
  ],
  { maxCommands: 60 },
);

test('nothing is lost, nothing confirmed comes back, and order holds, whatever agents and faults do', async () => {
  await fc.assert(
    fc.asyncProperty(commands, async (chosen) => {
      const store = await openStore({ path: ':memory:' });
      const world = openWorld(store);
      const sessions = {
        ann: await world.enter('ann'),
        bob: await world.enter('bob'),
        cyd: await world.enter('cyd'),
      };
      const model: Model = {
        boxes: { ann: [], bob: [], cyd: [] },
        names: { ann: 'ann', bob: 'bob', cyd: 'cyd' },
        sent: [],
        renames: 0,
        life: 0,
      };
      const real: Real = { world, sessions };
      await fc.asyncModelRun(() => ({ model, real }), chosen);
      world.clock.advance(31_000);
      for (const name of AGENTS) await checkCommand(name, 'reader-last', 1_000, true).run(model, real);
      for (const name of AGENTS) {
        for (const copy of model.boxes[name]) {
          expect(copy.state).not.toBe('unread');
          expect(copy.confirmations).toBe(copy.state === 'dead' ? 0 : 1);
        }
      }
      expect((await store.verify()).problems).toEqual([]);
      await store.close();
    }),
    { numRuns: 150 },
  );
}, 60_000);

/** `ipc daemon …`: the long-lived process that everybody's commands talk to. */
import { formatBytes } from '../../present/excerpt.ts';
import { ago, exact } from '../../present/time.ts';
import { Failure } from '../../protocol/failures.ts';
import type { Output } from '../../protocol/operations.ts';
import type { Look } from '../../present/person.ts';
import { table as columns } from '../../present/table.ts';
import { pause } from '../../system/clock.ts';
import { processFacts } from '../../system/processes.ts';
import type { Call } from '../call.ts';
import { isNotRunning } from '../session.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import type { Spec, Verb } from '../verb.ts';

const statusTable = fromTable('daemon.status');
const stopTable = fromTable('daemon.stop', ['reason']);

const plainSpec = (name: string, summary: string, example: readonly [string, string]): Spec => ({
  name,
  summary,
  usage: '',
  group: 'system',
  words: { min: 0, max: 0 },
  flags: [],
  examples: [example],
  operations: {},
});

const DRAIN_MS = 20_000;

export const start: Verb = {
  spec: plainSpec('daemon start', 'Start the daemon (every command does when there is none)', [
    'ipc daemon start',
    'says its pid and version',
  ]),
  run: async (call: Call) => {
    await using session = await call.open({ agent: 'none' });
    const { pid, version } = await session.client.welcome();
    await call.tell({ pid, version }, () => `the daemon is running: pid ${pid}, version ${version}\n`);
  },
};

export const stop: Verb = {
  spec: {
    ...plainSpec('daemon stop', stopTable.summary, [
      'ipc daemon stop',
      'what is under way is finished first',
    ]),
    flags: stopTable.flags,
    operations: { 'daemon.stop': {} },
  },
  run: async (call: Call) => {
    const pid = await stopped(call, call.values.text('reason'));
    await call.tell(pid === undefined ? { running: false } : { pid }, () =>
      pid === undefined ? 'the daemon is not running\n' : `the daemon has ended (pid ${pid})\n`,
    );
  },
};

export const restart: Verb = {
  spec: plainSpec('daemon restart', 'End the daemon and start it again; nothing is lost', [
    'ipc daemon restart',
    'watchers reconnect by themselves',
  ]),
  run: async (call: Call) => {
    await stopped(call, 'restart');
    await start.run(call);
  },
};

export const status: Verb = {
  spec: {
    ...plainSpec('daemon status', statusTable.summary, [
      'ipc daemon status --json',
      'exit 69 when it is not running',
    ]),
    operations: { 'daemon.status': {} },
  },
  run: async (call: Call) => {
    await using session = await call.open({ agent: 'none', start: 'existing' });
    const facts = await session.operations['daemon.status']({});
    await call.print(facts, (look) => statusText(facts, look));
  },
};

export const runDaemon: Verb = {
  spec: plainSpec('daemon run', 'Be the daemon, in the foreground (for service managers)', [
    'ipc daemon run',
    'ends on SIGTERM',
  ]),
  run: () => {
    // main.ts starts the daemon before it comes here: cli/ may not know daemon/ (design §3.1).
    throw new Failure('internal', 'wanted main to start the daemon');
  },
};

/** Returns when it is gone; undefined: there was none. */
export async function stopped(call: Call, reason: string | undefined): Promise<number | undefined> {
  await using session = await call.open({ agent: 'none', start: 'existing' });
  try {
    const { pid } = await session.operations['daemon.stop'](reason === undefined ? {} : { reason });
    const end = performance.now() + DRAIN_MS;
    while (processFacts(pid) !== undefined && performance.now() < end) await pause(10);
    return pid;
  } catch (error) {
    if (!isNotRunning(error)) throw error;
    return undefined;
  }
}

function statusText(facts: Output<'daemon.status'>, { style, now, offset }: Look): string {
  const rows: readonly (readonly [string, string])[] = [
    ['pid', String(facts.pid)],
    ['version', `${facts.version} (protocol ${facts.protocol}, schema ${facts.schema})`],
    ['started', `${ago(facts.startedAt, now)} ${exact(facts.startedAt, offset)}`],
    ['home', facts.home],
    ['socket', facts.socket],
    ['sessions', String(facts.connections)],
    ['memory', formatBytes(facts.memoryBytes)],
    ['agents', String(facts.agents)],
    ['messages', `${facts.messages} (${facts.waiting} waiting, ${facts.held} held, ${facts.dead} dead)`],
    ['store', `${formatBytes(facts.storeBytes)}, WAL ${formatBytes(facts.walBytes)}`],
  ];
  return columns(rows.map(([label, text]) => [{ text: label, paint: style.faint }, { text }]));
}

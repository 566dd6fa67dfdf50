/** Each provider operation of the table, answered by the host of a kernel. */
import { Failure } from '../../protocol/failures.ts';
import type { Output, ProviderName, Request } from '../../protocol/operations.ts';
import type { Asker } from '../../protocol/operations/kernel.ts';
import { instant } from './execution-view.ts';
import type { KernelHost } from './host.ts';

export interface Ask<K extends ProviderName> {
  readonly asker: Asker;
  readonly input: Request<K>;
  readonly signal: AbortSignal;
}

export type Answers = { readonly [K in ProviderName]: (ask: Ask<K>) => Promise<Output<K>> };

/** What only the process around the host can do. */
export interface HostCare {
  /** Ends the host once its answer has left. */
  readonly end: (why: string) => void;
  /** Ends our kernel and starts it anew on the same connection file. */
  readonly relaunch: (by: string) => Promise<number | undefined>;
  /** Its files, when it has ended. */
  readonly tidy: () => void;
  readonly kill: (pid: number) => boolean;
  /** Waits a moment for a process to end. */
  readonly hasEnded: (pid: number) => Promise<boolean>;
  /** Tells the daemon, and keeps it, who may execute beside the owner. */
  readonly allow: (names: readonly string[]) => Promise<void>;
}

export function answersOf(host: KernelHost, care: HostCare): Answers {
  const { record } = host;
  const kernel = record.name;
  const { connectionFile, owner, ours } = record;
  return {
    'kernel.allow': async ({ asker, input }) => {
      onlyOwner(host, asker, 'open');
      const named = new Set(input.names.map((name) => name.toLowerCase()));
      const others = host.record.allowed.filter((name) => !named.has(name.toLowerCase()));
      const allowed = input.off === true ? others : [...others, ...input.names];
      await care.allow(allowed);
      return { kernel, owner, allowed };
    },
    'kernel.complete': async ({ input }) => {
      const { matches, start, end } = await host.session.peek.complete(input.code, input.cursor);
      return { matches: [...matches], start, end };
    },
    'kernel.disconnect': async ({ asker }) => {
      onlyOwner(host, asker, 'disconnect');
      const cancelled = host.cancelAll(`${asker.name} disconnected the kernel`);
      care.end(`${asker.name} disconnected it`);
      return { kernel, connectionFile, cancelled };
    },
    'kernel.execute': async ({ asker, input, signal }) => {
      const { kind: asked, name } = asker;
      const { code, askInput, notify } = input;
      const cell = host.run(code, name, { asked, askInput, notify });
      await host.settled(cell, input.wait, signal);
      return host.execution(cell.id, asker, input.most);
    },
    'kernel.history': async ({ asker, input }) => ({
      kernel,
      executions: host.history(asker, input).map(brief),
    }),
    'kernel.input': async ({ input: { id, value } }) => {
      const cell = host.session.cell(id);
      if (cell?.answer(value) === true) return { id };
      throw new Failure('no_such_execution', `wanted an execution that waits at input(), found ${id}`, {
        hint: `ipc kernel result ${id}`,
      });
    },
    'kernel.inspect': async ({ input: { variable, most } }) => {
      const { text } = await host.session.peek.inspect(variable).catch((error: unknown) => {
        throw noVariable(error);
      });
      const variables = await host.session.peek.variables().catch(() => []);
      const type = variables.find(({ name }) => name === variable)?.type;
      return { kernel, variable, text: text.slice(0, most), ...(type === undefined ? {} : { type }) };
    },
    'kernel.interrupt': async () => {
      const { stopped, by, words } = await host.session.interrupt();
      const outcome = !stopped ? 'still-running' : by === undefined ? 'idle' : 'stopped';
      const advice = outcome === 'still-running' ? { advice: `ipc kernel restart ${kernel}` } : {};
      return { kernel, outcome, steps: [words], ...advice };
    },
    'kernel.restart': async ({ asker }) => {
      onlyOwner(host, asker, 'restart');
      if (!ours) {
        throw new Failure(
          'not_allowed',
          `${kernel} was not started by ipc: restart it where it was started`,
          {
            hint: `ipc kernel status ${kernel}`,
          },
        );
      }
      const cancelled = host.cancelAll(`${asker.name} restarted the kernel`);
      const pid = await care.relaunch(asker.name);
      return { kernel, cancelled, ...(pid === undefined ? {} : { pid }) };
    },
    'kernel.result': async ({ asker, input, signal }) => {
      const { id, wait, most, from, bytes } = input;
      const cell = host.session.cell(id);
      if (cell !== undefined) await host.settled(cell, wait, signal);
      const execution = host.execution(id, asker, most);
      return from === undefined ? execution : { ...execution, part: host.journal.part(id, { from, bytes }) };
    },
    'kernel.shutdown': async ({ asker, input }) => {
      onlyOwner(host, asker, 'shut down');
      if (!ours && input.force !== true) {
        throw new Failure('not_allowed', `${kernel} was not started by ipc; whoever uses it would lose all`, {
          hint: `ipc kernel shutdown ${kernel} --force`,
        });
      }
      if (host.session.state.kind === 'gone') {
        care.tidy();
        care.end(`${asker.name} shut it down`);
        return { kernel, ended: true, how: `it was gone already: ${host.session.state.reason}` };
      }
      const pid = await host.session.pid();
      const asked = await host.session.shutdown(asker.name);
      const left = asked && (pid === undefined || (await care.hasEnded(pid)));
      const killed = !left && ours && pid !== undefined && care.kill(pid) && (await care.hasEnded(pid));
      if (asked || killed) {
        care.tidy();
        care.end(`${asker.name} shut it down`);
      }
      const how = left
        ? 'it ended when it was asked'
        : killed
          ? 'it did not end when it was asked, and was killed'
          : asked
            ? `it does not answer any more; its process ${pid} runs on`
            : 'it runs on';
      return { kernel, ended: asked || killed, how };
    },
    'kernel.status': async () => statusOf(host, { kernel, connectionFile, owner, ours }),
    'kernel.variables': async ({ input }) => {
      const all = await host.session.peek.variables();
      const variables = all.slice(0, input.limit).map((each) => ({ ...each }));
      return {
        kernel,
        variables,
        more: all.length - variables.length,
        how: 'control channel, no cell was run',
      };
    },
  };
}

/** It is no file that is missing: a hint about files would mislead. */
function noVariable(error: unknown): unknown {
  if (!(error instanceof Failure) || error.code !== 'no_such_file') return error;
  return new Failure('invalid', error.message, { hint: 'kernel variables lists them', cause: error });
}

async function statusOf(
  host: KernelHost,
  facts: Pick<Output<'kernel.status'>, 'kernel' | 'connectionFile' | 'owner' | 'ours'>,
): Promise<Output<'kernel.status'>> {
  const found = await host.session.status();
  const { busyFor, heartbeat, pid, memoryBytes, info } = found;
  const notes: string[] = [];
  // A process that is stopped keeps its connections.
  const reached = found.connected && (heartbeat !== undefined || found.control !== undefined);
  if (found.state.kind === 'ready' && !reached)
    notes.push('neither its heart nor its control answers: its process is stopped, or its machine is');
  if (found.state.kind !== 'ready') notes.push(`it is gone: ${found.state.reason}`);
  if (found.state.kind === 'replaced')
    notes.push(
      'another kernel answers in its place, without its variables: ipc kernel disconnect, then connect',
    );
  if (heartbeat !== undefined && found.control === undefined && busyFor === undefined)
    notes.push('it beats but does not answer on control: the key is wrong, or it is an old kernel and busy');
  if (found.state.kind === 'ready' && found.busy && busyFor === undefined)
    notes.push('a cell runs that began before this host came: whose it is is not known');
  if (found.knocks > 0) notes.push(`${found.knocks} requests had to be woken (ipykernel#1554)`);
  const status: Output<'kernel.status'> = {
    ...facts,
    state: found.state.kind !== 'ready' ? 'dead' : !reached ? 'unreachable' : found.busy ? 'busy' : 'idle',
    control: found.control !== undefined,
    queued: found.queued,
    allowed: [...host.record.allowed],
    since: instant(host.startedAt),
    notes,
  };
  if (heartbeat !== undefined) status.heartbeatMs = Math.round(heartbeat * 100) / 100;
  if (busyFor !== undefined) status.busyFor = busyFor.username;
  if (busyFor?.cell !== undefined) status.running = busyFor.cell;
  if (info.language !== '') status.language = `${info.language} ${info.languageVersion}`;
  if (pid !== undefined) status.pid = pid;
  if (memoryBytes !== undefined) status.memoryBytes = memoryBytes;
  return status;
}

/** To execute is one right; to end what others work in is another. */
function onlyOwner({ record }: KernelHost, asker: Asker, what: string): void {
  if (asker.kind === 'human' || asker.name.toLowerCase() === record.owner.toLowerCase()) return;
  throw new Failure('not_allowed', `only ${record.owner} and people may ${what} ${record.name}`, {
    hint: `ipc send ${record.owner} --request "please ${what} ${record.name}"`,
  });
}

const BRIEF = 300;

/** Five hundred of them fit into one answer. */
function brief(execution: Output<'kernel.history'>['executions'][number]) {
  const cut = (text: string): string => (text.length <= BRIEF ? text : `${text.slice(0, BRIEF)}…`);
  const { stdout, stderr, result, error, code, images, notes } = execution;
  return {
    ...execution,
    code: cut(code),
    stdout: cut(stdout),
    stderr: cut(stderr),
    result: cut(result),
    ...(error === undefined ? {} : { error: { ...error, value: cut(error.value), traceback: '' } }),
    images: images.slice(0, 4),
    notes: notes.slice(0, 4),
  };
}

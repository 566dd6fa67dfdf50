/**
 * The process that hosts one kernel, put together: the session on the kernel, the client of the daemon that
 * acts under the kernel's name, and the answers between them. It outlives whoever started it, and the daemon.
 */
import { answersOf, type Answers, type HostCare } from '../../kernel/host/answers.ts';
import { KernelHost } from '../../kernel/host/host.ts';
import { takeMail, tellEnd, type MailParts } from '../../kernel/host/mail.ts';
import { kernelFolder, readRecord, writeRecord, type HostRecord } from '../../kernel/host/record.ts';
import { readConnectionFile } from '../../kernel/connection-info.ts';
import { signalKernel } from '../../kernel/kernel-process.ts';
import { findSpecs, specNamed } from '../../kernel/kernelspec.ts';
import { isOurFile, launchKernel, removeTraces } from '../../kernel/launch.ts';
import { asFailure, Failure } from '../../protocol/failures.ts';
import type { AgentName } from '../../protocol/names.ts';
import type { ProviderName } from '../../protocol/operations.ts';
import type { Asker } from '../../protocol/operations/kernel.ts';
import { MAX_FRAME_BYTES } from '../../protocol/wire.ts';
import { clientOf } from '../../rpc/client-of.ts';
import type { IncomingCall } from '../../rpc/incoming-calls.ts';
import { pause } from '../../system/clock.ts';
import { randomUuid } from '../../system/ids.ts';
import { readOrMakeKey } from '../../system/keys.ts';
import { processFacts } from '../../system/processes.ts';
import { stageFile } from '../../system/staging.ts';
import type { World } from '../call.ts';
import { textContent } from '../content.ts';

/** A kernel that we launched may import a lot before it answers. */
const LAUNCH_MS = 60_000;
const ATTACH_MS = 10_000;
/** With room for the frame around it. */
const MOST_BYTES = MAX_FRAME_BYTES - 4_096;
/** What was answered last leaves before the connection ends. */
const LEAVE_MS = 150;
/** A kernel that is gone and that nobody brings back needs no host. */
const GONE_MS = 600_000;
const LOOK_MS = 5_000;
const EXIT_MS = 1_000;

export interface Hosting {
  readonly record: HostRecord;
  readonly language: string;
  /** Resolves when the host is to end, with the reason. */
  readonly ended: Promise<string>;
  close(): Promise<void>;
}

/** Throws why it cannot be hosted; then nothing is left behind but the record. */
export async function hostKernel(
  { environment, paths, now }: World,
  name: AgentName,
  log: (text: string) => void,
): Promise<Hosting> {
  const found = readRecord(paths, name);
  if (found === undefined) {
    throw new Failure('no_such_kernel', `wanted the record of a kernel named ${name}; there is none`, {
      hint: 'ipc kernel start',
    });
  }
  let record = found;
  const keep = (change: Partial<HostRecord>): void => {
    record = { ...record, ...change };
    writeRecord(paths, record);
  };
  const info = readConnectionFile(record.connectionFile);
  const folder = kernelFolder(paths, name);
  const launch = async (): Promise<{ pid: number; exited: Promise<string> }> => {
    const specs = await findSpecs(environment);
    const { pid, exited } = launchKernel({
      spec: specNamed(specs, record.spec),
      pythons: specs.pythons,
      environment,
      connectionFile: record.connectionFile,
      directory: record.directory,
      log: `${folder}/kernel.log`,
    });
    keep({ pid, launch: false });
    return { pid, exited };
  };

  const ending = Promise.withResolvers<string>();
  const stop = new AbortController();
  let goneAt: number | undefined;
  let relaunching = false;
  let over = false;
  const launched = record.launch ? await launch() : undefined;
  /** Nobody would find a kernel that was launched for a host that never was. */
  const abandon = (): void => {
    if (launched === undefined) return;
    signalKernel(launched.pid, 'SIGKILL');
    if (isOurFile(record.connectionFile)) removeTraces(record.connectionFile, info);
  };
  const tell = (to: string, body: string, intent: 'inform' | 'request'): void => {
    client.operations.send({ to: [to], body, intent }).catch((error: unknown) => {
      log(asFailure(error).message);
    });
  };
  let host: KernelHost;
  try {
    host = await KernelHost.open(
      {
        record,
        info,
        folder,
        // Not the pid of the record: another kernel may run at its file now, another process under its number.
        pid: launched?.pid,
        starting: launched?.exited,
        now,
        ended: (execution, wish) => {
          tellEnd(execution, wish, mail).catch((error: unknown) => log(asFailure(error).message));
        },
        asks: ({ id, by, asks }) => {
          const body = `Execution ${id} waits at input(${JSON.stringify(asks?.prompt ?? '')}). Answer: ipc kernel input ${id} <text>`;
          tell(by, body, 'request');
        },
        gone: (reason) => {
          if (relaunching) return;
          goneAt = now();
          log(`the kernel is gone: ${reason}`);
          // Whoever ended it knows.
          if (reason === `${record.owner} shut it down`) return;
          const body = `Kernel ${record.name} is gone: ${reason}. Its variables are lost.`;
          tell(record.owner, body, 'inform');
        },
      },
      launched === undefined ? ATTACH_MS : LAUNCH_MS,
    );
  } catch (error) {
    abandon();
    throw error;
  }
  const autoreload = async (): Promise<void> => {
    if (!record.autoreload) return;
    const cell = host.run('%load_ext autoreload\n%autoreload 2', record.owner, { asked: 'script' });
    await cell.wait(ATTACH_MS);
  };

  const care: HostCare = {
    end: (why) => {
      // From now on it is nobody's host: whoever attaches the kernel anew need not wait for this process.
      over = true;
      const { host: _, ...rest } = record;
      record = rest;
      writeRecord(paths, record);
      ending.resolve(why);
    },
    kill: (pid) => signalKernel(pid, 'SIGKILL'),
    hasEnded,
    tidy: () => {
      if (isOurFile(record.connectionFile)) removeTraces(record.connectionFile, info);
    },
    allow: async (allowed) => {
      keep({ allowed });
      host.record = record;
      await register();
    },
    relaunch: async (by) => {
      relaunching = true;
      try {
        const before = await host.session.pid();
        if (host.session.state.kind === 'ready') {
          const asked = await host.session.shutdown(by, { restart: true });
          if (!asked && before !== undefined) signalKernel(before, 'SIGKILL');
        }
        if (before !== undefined && !(await hasEnded(before))) {
          signalKernel(before, 'SIGKILL');
          await hasEnded(before);
        }
        const { pid, exited } = await launch();
        await host.session.resume({ pid, withinMs: LAUNCH_MS, starting: exited });
        goneAt = undefined;
        await autoreload();
        return pid;
      } finally {
        relaunching = false;
      }
    },
  };
  /** Kept under the new name: the old one is somebody else's some day. */
  const renamed = async (from: string, to: string): Promise<void> => {
    const kept = (known: string): string => (known.toLowerCase() === from.toLowerCase() ? to : known);
    keep({ owner: kept(record.owner), allowed: record.allowed.map(kept) });
    host.record = record;
    await register();
  };
  const answers = answersOf(host, care);
  const { key } = readOrMakeKey(paths, name);
  const client = clientOf(
    { environment, paths, start: 'existing' },
    {
      caller: { client: 'kernel', kind: 'kernel', pid: environment.pid, directory: record.directory },
      serve: async (call) => {
        if (over)
          throw new Failure('kernel_unavailable', `the host of kernel ${name} has left it`, {
            hint: `ipc kernel connect ${name}`,
          });
        const { asker } = call.params as { asker: Asker };
        if (asker.once !== undefined) await renamed(asker.once, asker.name);
        return { value: await answered(answers, call) };
      },
    },
  );
  const mail: MailParts = {
    operations: client.operations,
    reader: randomUuid(),
    signal: stop.signal,
    read: (path) => Bun.file(path).text(),
    log,
    compose: async (text, files) => {
      const attachments = await Promise.all(
        files.map(async ({ path, type }) => ({
          ...(await stageFile(paths, path)),
          type,
          name: path.slice(path.lastIndexOf('/') + 1),
          role: 'file' as const,
        })),
      );
      const said = await textContent(text, { paths });
      return { ...said, ...(attachments.length === 0 ? {} : { attachments }) };
    },
  };
  const register = async (): Promise<void> => {
    const executors = [...new Set([record.owner, ...record.allowed])] as AgentName[];
    const about = `${host.session.kernel.language || 'kernel'} of ${record.owner}`;
    const wish = { name, key, kind: 'kernel', hold: true, doors: ['kernel'], executors, about } as const;
    await client.operations.register({ ...wish, doors: [...wish.doors] });
  };
  try {
    await autoreload();
    await patiently(register);
  } catch (error) {
    host.close();
    await client.close();
    abandon();
    throw error;
  }
  const pid = launched?.pid ?? (await host.session.pid());
  keep({ host: environment.pid, ...(pid === undefined ? {} : { pid }) });
  void takeMail(host, mail);
  const watching = setInterval(() => {
    const there = readRecord(paths, name);
    if (over) return;
    if (there === undefined || there.host !== environment.pid) ending.resolve('its record is gone');
    else if (goneAt !== undefined && now() - goneAt > GONE_MS) ending.resolve('its kernel stayed away');
  }, LOOK_MS);
  return {
    record,
    language: host.session.kernel.language,
    ended: ending.promise,
    close: async () => {
      clearInterval(watching);
      await pause(LEAVE_MS);
      stop.abort();
      host.close();
      await client.close();
    },
  };
}

async function answered(answers: Answers, { method, params, signal }: IncomingCall): Promise<unknown> {
  if (!Object.hasOwn(answers, method))
    throw new Failure('unknown_operation', `the host of a kernel knows nothing called ${method}`);
  const { asker, input } = params as { asker: Asker; input: never };
  // The daemon has checked the input against the row of that very name.
  const answer = await answers[method as ProviderName]({ asker, input, signal });
  const bytes = Buffer.byteLength(JSON.stringify(answer));
  if (bytes <= MOST_BYTES) return answer;
  // A longer frame would end the connection, and with it everybody's calls.
  throw new Failure(
    'too_large',
    `wanted an answer of at most ${MOST_BYTES} bytes, found ${bytes}: ask for less`,
    {
      hint: 'ipc help kernel',
    },
  );
}

/** A host that is leaving has the name for a moment longer. */
async function patiently(register: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await register();
    } catch (error) {
      if (tries >= 20 || asFailure(error).code !== 'name_live') throw error;
      await pause(LEAVE_MS);
    }
  }
}

function isRunning(pid: number): boolean {
  return processFacts(pid) !== undefined;
}

/** Its sockets close before its process ends; a thread of the user's may hold that up for ever. */
async function hasEnded(pid: number): Promise<boolean> {
  const end = performance.now() + EXIT_MS;
  while (isRunning(pid) && performance.now() < end) await pause(20);
  return !isRunning(pid);
}

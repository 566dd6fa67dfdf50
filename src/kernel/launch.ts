/** Starting a kernel that outlives whoever starts it: a session of its own, a log instead of pipes, a private key. */
import { closeSync, ftruncateSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../protocol/failures.ts';
import type { Environment } from '../system/environment.ts';
import { makeFolder, openToAppend, removeIfThere } from '../system/files.ts';
import { randomKey, randomText } from '../system/ids.ts';
import { channelNames, type ConnectionInfo } from './connection-info.ts';
import { commandOf, type KernelSpec } from './kernelspec.ts';
import type { Python } from './pythons.ts';

const LOOPBACK = '127.0.0.1';
/** `sun_path` of macOS, the shortest; the channel's number follows the path. */
const LONGEST_SOCKET_PATH = 100;
const LOG_TAIL = 2_000;

/** Ports that were free a moment ago: another program may still be quicker (ipc has no such race). */
export function freeConnection(kernelName: string): ConnectionInfo {
  const held = channelNames.map(() =>
    Bun.listen({ hostname: LOOPBACK, port: 0, socket: { data: () => undefined } }),
  );
  const [shell = 0, iopub = 0, stdin = 0, control = 0, hb = 0] = held.map(({ port }) => port);
  for (const each of held) each.stop(true);
  return connection({
    transport: 'tcp',
    ip: LOOPBACK,
    ports: { shell, iopub, stdin, control, hb },
    kernelName,
  });
}

/** Sockets in a folder of our own: nobody else on the machine can read what the kernel prints (kernels.md §2.4, 6). */
export function privateConnection(kernelName: string, folder: string): ConnectionInfo {
  makeFolder(folder);
  const ip = join(folder, `k-${randomText(6)}`);
  if (Buffer.byteLength(ip) > LONGEST_SOCKET_PATH) {
    throw new Failure('invalid', `wanted a shorter folder for a private kernel's sockets; found ${folder}`, {
      hint: 'ipc kernel start',
    });
  }
  const ports = { shell: 1, iopub: 2, stdin: 3, control: 4, hb: 5 };
  return connection({ transport: 'ipc', ip, ports, kernelName });
}

/** Files that a kernel leaves behind: its connection file and, of a private one, its sockets. */
export function removeTraces(file: string, info: ConnectionInfo): void {
  removeIfThere(file);
  if (info.transport === 'ipc')
    for (const name of channelNames) removeIfThere(`${info.ip}-${info.ports[name]}`);
}

const OUR_FILE = 'kernel-ipc-';

export function connectionFileName(): string {
  return `${OUR_FILE}${randomText(9).replaceAll(/[^A-Za-z0-9]/g, '0')}.json`;
}

/** A file that was given is its giver's: the next kernel is to have the same. */
export function isOurFile(path: string): boolean {
  return path.slice(path.lastIndexOf('/') + 1).startsWith(OUR_FILE);
}

export interface Launched {
  readonly pid: number;
  readonly argv: readonly string[];
  /** How it ended, told when it does; never, once whoever started it is gone. */
  readonly exited: Promise<string>;
}

export interface LaunchWish {
  readonly spec: KernelSpec;
  readonly pythons: readonly Python[];
  readonly environment: Environment;
  readonly connectionFile: string;
  readonly directory: string;
  /** All that the kernel's process itself writes, from its start on. */
  readonly log: string;
}

export function launchKernel(wish: LaunchWish): Launched {
  const { spec, connectionFile, directory, log } = wish;
  const { argv, env } = commandOf(spec, connectionFile, wish);
  const file = openToAppend(log);
  try {
    ftruncateSync(file, 0);
    const child = Bun.spawn([...argv], {
      cwd: directory,
      env: { ...inherited(wish.environment), ...env },
      stdin: 'ignore',
      stdout: file,
      stderr: file,
      detached: true,
    });
    child.unref();
    return { pid: child.pid, argv, exited: child.exited.then(() => howEnded(child, log)) };
  } catch (error) {
    throw new Failure('no_such_file', `wanted to start ${argv.join(' ')}; ${String(error)}`, {
      hint: 'ipc kernel specs',
      cause: error,
    });
  } finally {
    closeSync(file);
  }
}

function howEnded(
  child: { exitCode: number | null; signalCode: string | number | null },
  log: string,
): string {
  const how = child.signalCode === null ? `ended with ${child.exitCode}` : `was ended by ${child.signalCode}`;
  const said = tailOf(log);
  return said === '' ? `it ${how} and said nothing` : `it ${how}; its last words:\n${said}`;
}

function tailOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').slice(-LOG_TAIL).trim();
  } catch {
    return '';
  }
}

/** A kernel that knows a parent's pid ends with that parent; one in our session would hear our signals. */
function inherited(environment: Environment): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment.variables)) {
    if (value !== undefined && name !== 'JPY_PARENT_PID') kept[name] = value;
  }
  return kept;
}

function connection(
  facts: Pick<ConnectionInfo, 'transport' | 'ip' | 'ports' | 'kernelName'>,
): ConnectionInfo {
  return { ...facts, key: randomKey(), signatureScheme: 'hmac-sha256' };
}

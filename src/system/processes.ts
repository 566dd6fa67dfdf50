/**
 * The process table, as far as identity needs it (design §5): whether a process is still the one it
 * was, whose shell this is, and which programs stand above it. Linux is read from /proc, Windows is asked
 * by its libraries; elsewhere `ps` is asked, which costs a process, so callers ask only when they must.
 */
import { openSync, readFileSync, readSync } from 'node:fs';
import { pause } from './clock.ts';
import { writing } from './files.ts';
import type { Environment } from './environment.ts';
import { windowsCommandWords, windowsProcessFacts } from './windows.ts';

export interface Anchor {
  readonly pid: number;
  readonly startedAt: string;
}

export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  /** Leader of its session: the shell of a terminal, an ssh login, a cron job. 0: unknown. */
  readonly session: number;
  readonly terminal: boolean;
  readonly name: string;
  /** As the system tells it; together with the pid it names one process of one boot. */
  readonly startedAt: string;
}

const linux = process.platform === 'linux';
const windows = process.platform === 'win32';
const utf8 = new TextDecoder();
const MAX_ANCESTORS = 64;
/** A process that died without a word is noticed so soon. */
const GONE_MS = 2_000;

export function processFacts(pid: number): ProcessFacts | undefined {
  if (linux) return factsFromProc(pid);
  return windows ? windowsProcessFacts(pid) : factsFromPs(pid);
}

export const systemProcesses = {
  alive(anchor: Anchor): boolean {
    return processFacts(anchor.pid)?.startedAt === anchor.startedAt;
  },
} as const;

/** Ends what waits for a process that died without a word. */
export async function untilGone(anchor: Anchor, ended: AbortController): Promise<void> {
  while (!ended.signal.aborted) {
    await pause(GONE_MS);
    if (!systemProcesses.alive(anchor)) ended.abort();
  }
}

/** The shell this command runs in, by which a name may be bound; undefined when it cannot be told. */
export function shellAnchor(environment: Environment): Anchor | undefined {
  const own = processFacts(environment.pid);
  if (own === undefined) return undefined;
  const leader = own.session === own.pid ? undefined : processFacts(own.session);
  // A session whose leader is gone (or is this command itself) outlives nothing: the parent then.
  const shell = leader ?? processFacts(own.parent);
  if (shell === undefined || shell.pid <= 1) return undefined;
  return { pid: shell.pid, startedAt: shell.startedAt };
}

/** A process by what tells it from all others of this boot; undefined when it is gone, or is init. */
export function anchorOf(pid: number): Anchor | undefined {
  const facts = pid > 1 ? processFacts(pid) : undefined;
  return facts === undefined ? undefined : { pid, startedAt: facts.startedAt };
}

export function hasControllingTerminal(environment: Environment): boolean {
  return processFacts(environment.pid)?.terminal === true;
}

/** The first answer to the names of a program above this one, the nearest program asked about first. */
export function nearestAncestor<T>(
  environment: Pick<Environment, 'parentPid'>,
  answerOf: (names: readonly string[], facts: ProcessFacts) => T | undefined,
): T | undefined {
  let pid = environment.parentPid;
  for (let steps = 0; pid > 1 && steps < MAX_ANCESTORS; steps += 1) {
    const facts = processFacts(pid);
    if (facts === undefined) return undefined;
    const answer = answerOf([facts.name, ...scriptNames(facts)], facts);
    if (answer !== undefined) return answer;
    pid = facts.parent;
  }
  return undefined;
}

/** `node /usr/lib/node_modules/@openai/codex/bin/codex.js` is known by its script, not by "node". */
function scriptNames(facts: ProcessFacts): readonly string[] {
  if (!/^(node|bun|deno|python|MainThread)/i.test(facts.name)) return [];
  const script = commandWords(facts.pid)
    .slice(1)
    .find((word) => !word.startsWith('-'));
  return script === undefined
    ? []
    : script.split(/[\\/]/).map((part) => part.replace(/\.[cm]?js$|\.py$/, ''));
}

/** The words with which a process was started; empty when they cannot be told. */
export function commandWords(pid: number): readonly string[] {
  if (windows) return windowsCommandWords(pid);
  const words = linux ? read(`/proc/${pid}/cmdline`)?.split('\0') : ask('args=', pid)?.split(' ');
  return words?.filter((word) => word !== '') ?? [];
}

function factsFromProc(pid: number): ProcessFacts | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name stands in parentheses and may hold some itself: fields are counted from the last one.
  const close = text.lastIndexOf(')');
  const fields = text.slice(close + 2).split(' ');
  // Ended, and only not yet buried by its parent.
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return {
    pid,
    name: text.slice(text.indexOf('(') + 1, close),
    parent: Number(fields[1]),
    session: Number(fields[3]),
    terminal: Number(fields[4]) !== 0,
    // One more file to read, and who looks for a program's name does not ask.
    get startedAt() {
      return `${bootId()}.${fields[19] ?? ''}`;
    },
  };
}

let boot: string | undefined;

/** Ticks since boot repeat after a reboot; with the boot's own id they do not. */
function bootId(): string {
  boot ??= read('/proc/sys/kernel/random/boot_id')?.slice(0, 8) ?? '';
  return boot;
}

function factsFromPs(pid: number): ProcessFacts | undefined {
  const found = ask('ppid=,tty=,lstart=,comm=', pid);
  // 812 ttys003 Wed Aug 12 10:11:12 2026 /bin/zsh
  const [, parent, tty = '', startedAt = '', command = ''] =
    /^\s*(\d+)\s+(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/.exec(found ?? '') ?? [];
  if (parent === undefined) return undefined;
  return {
    pid,
    parent: Number(parent),
    session: sessionOf(pid),
    terminal: !/^\?+$|^-$/.test(tty),
    name: command.split('/').at(-1) ?? command,
    startedAt: startedAt.replaceAll(/\s+/g, ' '),
  };
}

/** macOS's `ps` prints an address where the session's leader should stand. */
function sessionOf(pid: number): number {
  try {
    const ffi = import.meta.require('bun:ffi') as typeof import('bun:ffi');
    const library = ffi.dlopen('libSystem.B.dylib', { getsid: { args: ['i32'], returns: 'i32' } });
    return Math.max(0, library.symbols.getsid(pid));
  } catch {
    return 0;
  }
}

function ask(columns: string, pid: number): string | undefined {
  const asked = Bun.spawnSync(['ps', '-o', columns, '-p', String(pid)], {
    env: { LC_ALL: 'C' },
    stderr: 'ignore',
  });
  return asked.success ? asked.stdout.toString().trimEnd() : undefined;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** How many files this process may have open; undefined when the system does not say. */
/** Through a file opened once: at the limit no other one could be. */
export function watchFileLimit(): () => number | undefined {
  const path = '/proc/self/limits';
  const limits = linux ? writing(path, () => openSync(path, 'r')) : undefined;
  const text = new Uint8Array(4_096);
  return () => {
    if (limits === undefined) return undefined;
    const length = readSync(limits, text, 0, text.length, 0);
    const [, soft] = /^Max open files\s+(\d+)/m.exec(utf8.decode(text.subarray(0, length))) ?? [];
    return soft === undefined ? undefined : Number(soft);
  };
}

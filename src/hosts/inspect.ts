/** What of a plan stands in a client's files now, and which command the client starts as our server. */
import { dirname } from 'node:path';
import { asFailure } from '../protocol/failures.ts';
import { readConfigFile } from './config-file.ts';
import type { Host, Target, Wish } from './host.ts';
import { dataOf, type JsonEntry, parseJson, valueAt } from './json-edit.ts';
import { holdsAll, unreadable } from './merge.ts';
import { parseToml, tomlValueAt } from './toml-edit.ts';

/** As the client will start it. */
export interface ServerCommand {
  readonly words: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
}

export interface FileState {
  readonly file: string;
  /** `other`: not what this ipc would write: an older one's, or edited. */
  readonly state: 'whole' | 'other' | 'absent' | 'broken' | 'ignored';
  readonly why: string;
}

export interface Inspection {
  readonly files: readonly FileState[];
  readonly server: ServerCommand | undefined;
}

export function inspect(host: Host, wish: Wish): Inspection {
  const servers = host.plan(wish).targets.flatMap((target) => quietly(() => serverIn(target)) ?? []);
  const { targets } = host.plan({ ...wish, as: nameIn(servers[0]) });
  const [own, shared] = [targets.filter(isOwn), targets.filter((target) => !isOwn(target))];
  const first = own.map(stateOf).find(({ state }) => state !== 'whole');
  const plugin =
    own.length === 0 ? [] : [first ?? ({ ...folderOf(own), state: 'whole', why: 'is as written' } as const)];
  return { files: [...plugin, ...shared.map(stateOf)], server: servers[0] };
}

/** The name that set-up was asked to give. */
function nameIn(server: ServerCommand | undefined): string | undefined {
  const at = server?.words.indexOf('--as') ?? -1;
  return at < 0 ? undefined : server?.words[at + 1];
}

function isOwn(target: Target): boolean {
  return target.format === 'own';
}

/** Our own files stand or fall together: one word for all of them. */
function folderOf([first]: readonly Target[]): { file: string } {
  return { file: dirname(dirname(first?.file ?? '')) };
}

function stateOf(target: Target): FileState {
  const { file } = target;
  try {
    const text = readConfigFile(file);
    if (text === undefined) return { file, state: 'absent', why: 'is not there' };
    if (target.format === 'own')
      return text === target.text
        ? { file, state: 'whole', why: 'is as written' }
        : { file, state: 'other', why: 'is not what this ipc would write' };
    if (target.format === 'toml') parseToml(text.replace(/^\uFEFF/, ''), file);
    const holds = target.format === 'toml' || holdsAll(text, withoutServer(target));
    const what = unreadable(text, target);
    if (what !== undefined)
      return { file, state: 'ignored', why: `has ${what}, so its program ignores it whole` };
    if (holds) return { file, state: 'whole', why: 'holds what it should' };
    return { file, state: 'other', why: 'lacks what this ipc would write' };
  } catch (error) {
    return { file, state: 'broken', why: asFailure(error).message };
  }
}

/** The server's entry is judged by what it starts: it may carry a name or settings of the person's. */
function withoutServer(target: Extract<Target, { format: 'json' }>): Extract<Target, { format: 'json' }> {
  return { ...target, entries: target.entries.filter((entry) => !isServer(entry)) };
}

function serverIn(target: Target): ServerCommand | undefined {
  if (target.format === 'own') return undefined;
  const text = readConfigFile(target.file)?.replace(/^\uFEFF/, '');
  if (text === undefined) return undefined;
  if (target.format === 'toml') return commandOf(tomlValueAt(parseToml(text, target.file), target.path));
  const root = parseJson(text, target.file);
  const entry = target.entries.find(isServer);
  const found = entry === undefined || root === undefined ? undefined : valueAt(root, entry.at);
  return found === undefined ? undefined : commandOf(dataOf(found));
}

/** A hook has a command too, but stands in a list. */
function isServer(entry: JsonEntry): boolean {
  return entry.kind === 'value' && commandOf(entry.value) !== undefined;
}

/** `{command: "ipc", args: ["mcp"], env: {}}`, or opencode's `{command: ["ipc", "mcp"], environment: {}}`. */
function commandOf(entry: unknown): ServerCommand | undefined {
  if (typeof entry !== 'object' || entry === null || !('command' in entry)) return undefined;
  const { command } = entry;
  const args = 'args' in entry ? textsOf(entry.args) : [];
  const [first, ...rest] = typeof command === 'string' ? [command, ...args] : textsOf(command);
  if (first === undefined) return undefined;
  const env = 'env' in entry ? entry.env : 'environment' in entry ? entry.environment : {};
  const pairs = typeof env === 'object' && env !== null ? Object.entries(env) : [];
  const known = pairs.filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return { words: [first, ...rest], env: Object.fromEntries(known) };
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];
}

function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

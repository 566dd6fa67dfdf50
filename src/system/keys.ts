/**
 * Files by which this user owns names (design §5): `keys/<name>` holds an agent's credential,
 * `bindings/<hash>` says which agent a client's session, its process or a shell acts for. Names are legal names
 * (letters, digits, `.`, `_`, `-`, not beginning with a dot), so none can lead out of the folder.
 */
import { existsSync, readdirSync } from 'node:fs';
import { isName, nameKey, type AgentName } from '../protocol/names.ts';
import {
  createFile,
  makeFolder,
  readIfThere,
  removeIfThere,
  replaceFile,
  replaceUnsynced,
  writing,
} from './files.ts';
import { fileNameFor, randomKey } from './ids.ts';
import { nameFile } from './name-file.ts';
import type { Paths } from './paths.ts';
import type { Anchor } from './processes.ts';

const KEY = /^[A-Za-z0-9_-]{43}$/;

export interface KeyFile {
  readonly key: string;
  /** Made by this very call: the daemon may still refuse the name, and then it must go again. */
  readonly fresh: boolean;
}

export function readKey(paths: Paths, name: AgentName): string | undefined {
  const key = readIfThere(keyPath(paths, name))?.trim();
  return key !== undefined && KEY.test(key) ? key : undefined;
}

/** The key of a name, made when there is none. Fifty that race get the same one. */
export function readOrMakeKey(paths: Paths, name: AgentName): KeyFile {
  // What keeps a key from being read keeps one from being made.
  const there = writing(keyPath(paths, name), () => readKey(paths, name));
  if (there !== undefined) return { key: there, fresh: false };
  const key = randomKey();
  if (storeNewKey(paths, name, key)) return { key, fresh: true };
  const winner = readKey(paths, name);
  if (winner !== undefined) return { key: winner, fresh: false };
  // What lies there is no key (a crash of another program, an edit): it opens nothing.
  replaceFile(keyPath(paths, name), `${key}\n`);
  return { key, fresh: true };
}

/** False: there is a key of that name already. */
export function storeNewKey(paths: Paths, name: AgentName, key: string): boolean {
  makeFolder(paths.keys);
  return createFile(keyPath(paths, name), `${key}\n`);
}

/** The name was won with this key, whatever lay there before. */
export function storeKey(paths: Paths, name: AgentName, key: string): void {
  makeFolder(paths.keys);
  replaceFile(keyPath(paths, name), `${key}\n`);
}

/** After a rename both names open the same mailbox: the old one forwards. */
export function copyKey(paths: Paths, from: AgentName, to: AgentName): void {
  const key = readKey(paths, from);
  if (key !== undefined) storeKey(paths, to, key);
}

/** Takes a key away, unless another one lies there by now. */
export function removeKey(paths: Paths, name: AgentName, key?: string): boolean {
  if (key !== undefined && readKey(paths, name) !== key) return false;
  return removeIfThere(keyPath(paths, name));
}

export interface Binding {
  readonly kind: 'session' | 'process' | 'shell';
  /** What is bound, in words: `session claude-code 5f…`, `process 812 3a…`, `shell 812 3a…`. */
  readonly holder: string;
  /** The process whose life it stands for; undefined for a session that may be resumed. */
  readonly anchor: Anchor | undefined;
}

export function sessionBinding(client: string, id: string): Binding {
  return { kind: 'session', holder: `session ${client} ${id}`, anchor: undefined };
}

/** The agent program that runs a session: what servers and hooks share when one is not told the id. */
export function processBinding(anchor: Anchor): Binding {
  return { kind: 'process', holder: `process ${anchor.pid} ${anchor.startedAt}`, anchor };
}

export function shellBinding(anchor: Anchor): Binding {
  return { kind: 'shell', holder: `shell ${anchor.pid} ${anchor.startedAt}`, anchor };
}

export interface Bound {
  readonly name: AgentName;
  /** The name that was asked for when this one was given, because another session held that one. */
  readonly asked: string | undefined;
}

/** What is bound to it. */
export function readBinding(paths: Paths, binding: Binding): Bound | undefined {
  const [name, , asked] = readIfThere(bindingPath(paths, binding))?.split('\n') ?? [];
  if (name === undefined || !isName(name)) return undefined;
  return { name, asked: asked === undefined || asked === '' ? undefined : asked };
}

export function bind(paths: Paths, binding: Binding, bound: Bound): void {
  makeFolder(paths.bindings);
  const { name, asked } = bound;
  // The holder stands in the second line so that the dead ones can be found and taken away.
  replaceUnsynced(bindingPath(paths, binding), `${name}\n${binding.holder}\n${asked ?? ''}\n`);
}

export function bindAll(paths: Paths, bindings: readonly Binding[], bound: Bound): void {
  for (const binding of bindings) bind(paths, binding, bound);
}

/**
 * Codex runs all of a user's sessions in one process and tells its servers of none (seen with 0.169.0):
 * a hook says which server is its session's.
 */
export function noteServed(paths: Paths, server: Anchor, session: string): void {
  makeFolder(paths.bindings);
  const holder = serverHolder(server);
  replaceUnsynced(holderPath(paths, holder), `${session}\n${holder}\n`);
}

/** The id of the client's session that a server serves, as far as it is known. */
export function servedBy(paths: Paths, server: Anchor): string | undefined {
  const [session] = readIfThere(holderPath(paths, serverHolder(server)))?.split('\n') ?? [];
  return session === '' ? undefined : session;
}

function serverHolder({ pid, startedAt }: Anchor): string {
  return `server ${pid} ${startedAt}`;
}

/**
 * Another name for who is bound already. What a set-up asked for stays written beside it: a server and
 * hooks that were told that name find by it that their session has another one now.
 */
export function rebindAll(paths: Paths, bindings: readonly Binding[], { name, asked }: Bound): void {
  for (const binding of bindings)
    bind(paths, binding, { name, asked: asked ?? readBinding(paths, binding)?.asked });
}

/** Takes away what dead shells, servers and agent programs left; returns how many. */
export function pruneBindings(paths: Paths, alive: (anchor: Anchor) => boolean): number {
  let pruned = 0;
  for (const { path, anchor } of anchoredBindings(paths))
    if (!alive(anchor) && removeIfThere(path)) pruned += 1;
  return pruned;
}

/** The agent programs whose sessions act as this name. */
export function boundProcesses(paths: Paths, name: AgentName): readonly Anchor[] {
  return anchoredBindings(paths)
    .filter((found) => found.kind === 'process' && nameKey(found.name) === nameKey(name))
    .map(({ anchor }) => anchor);
}

function anchoredBindings(paths: Paths) {
  return readdirIfThere(paths.bindings).flatMap((file) => {
    const path = `${paths.bindings}/${file}`;
    const text = readIfThere(path) ?? '';
    const [, kind, pid, startedAt] = /^(process|server|shell) (\d+) (.+)$/m.exec(text) ?? [];
    if (pid === undefined || startedAt === undefined) return [];
    const [name = ''] = text.split('\n');
    return [{ path, kind, name, anchor: { pid: Number(pid), startedAt } }];
  });
}

export function unbind(paths: Paths, binding: Binding): boolean {
  return removeIfThere(bindingPath(paths, binding));
}

function keyPath(paths: Paths, name: AgentName): string {
  return `${paths.keys}/${nameFile(name)}`;
}

function bindingPath(paths: Paths, { holder }: Binding): string {
  return holderPath(paths, holder);
}

function holderPath(paths: Paths, holder: string): string {
  return `${paths.bindings}/${fileNameFor(holder)}`;
}

export function readdirIfThere(path: string): readonly string[] {
  return existsSync(path) ? readdirSync(path) : [];
}

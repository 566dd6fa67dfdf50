/**
 * The webhooks of a home: `webhooks/<name>.json`, 0600, whole or not there. The secret lies in it, and so
 * does the key of the webhook's agent: what is in `keys/` a command may act with by `--as`, and nobody
 * but the receiver of posts may speak as a webhook. Read again when the file changed, so that a rotation
 * or a removal counts at once in every running `ipc serve`.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { Failure } from '../protocol/failures.ts';
import { isName, nameKey, type AgentName } from '../protocol/names.ts';
import { makeFolder, readIfThere, replaceFile, shellWord, removeIfThere } from './files.ts';
import { waitForLock } from './lock.ts';
import { nameFile } from './name-file.ts';
import type { Paths } from './paths.ts';

export const schemes = ['github', 'standard', 'hmac', 'bearer'] as const;
export type Scheme = (typeof schemes)[number];
export const algorithms = ['sha256', 'sha1', 'sha512'] as const;
export type Algorithm = (typeof algorithms)[number];

/** How a sender proves itself. */
export type Verification =
  | { readonly scheme: 'github' }
  | { readonly scheme: 'standard' }
  | {
      readonly scheme: 'hmac';
      readonly header: string;
      readonly algorithm: Algorithm;
      /** What is signed: text around `{body}`, with `{timestamp}` and `{id}` if the sender has them. */
      readonly signed: string;
      readonly timestampHeader?: string;
      readonly idHeader?: string;
    }
  | { readonly scheme: 'bearer'; readonly header?: string; readonly idHeader?: string };

export interface Webhook {
  /** Its own for each `add`: message ids are derived from it, so that a namesake repeats nothing. */
  readonly id: string;
  readonly name: AgentName;
  /** Credential of the agent it sends as. */
  readonly key: string;
  readonly to: readonly string[];
  readonly verify: Verification;
  readonly secret: string;
  /** The secret before the last rotation, still good until then (milliseconds). */
  readonly previous?: { readonly secret: string; readonly until: number };
  readonly template?: string;
  /** Only these; all when absent. */
  readonly events?: readonly string[];
  readonly createdAt: string;
  readonly rotatedAt?: string;
}

/** What is left of one that was removed, so that its senders are told to stop and not that they erred. */
interface Removed {
  readonly removedAt: string;
}

export type Found = Webhook | 'removed' | 'unknown';

/** Edits are one at a time; one that takes longer is stuck. */
const PATIENCE_MS = 5_000;

/** A reader that remembers what it read until the file is another. */
export function webhookReader(paths: Paths): (name: string) => Found {
  const known = new Map<string, { readonly version: string; readonly found: Found }>();
  return (name) => {
    if (!isName(name)) return 'unknown';
    const path = pathOf(paths, name);
    const facts = statSync(path, { throwIfNoEntry: false });
    if (facts === undefined) {
      known.delete(nameKey(name));
      return 'unknown';
    }
    // Every write makes another file: its number and time tell them apart.
    const version = `${facts.ino} ${facts.mtimeMs} ${facts.size}`;
    const before = known.get(nameKey(name));
    if (before?.version === version) return before.found;
    const found = readWebhook(paths, name);
    known.set(nameKey(name), { version, found });
    return found;
  };
}

export function readWebhook(paths: Paths, name: AgentName): Found {
  const path = pathOf(paths, name);
  const text = readIfThere(path);
  if (text === undefined) return 'unknown';
  const value = parsed(text, path);
  return isRemoved(value) ? 'removed' : checked(value, path);
}

/** Those there are, by name. */
export function listWebhooks(paths: Paths): readonly Webhook[] {
  if (!existsSync(paths.webhooks)) return [];
  return readdirSync(paths.webhooks)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .filter(isName)
    .sort()
    .map((name) => readWebhook(paths, name))
    .filter((found) => typeof found !== 'string');
}

/** One step from what is there to what is to be there; undefined leaves it. Others wait meanwhile. */
export async function changeWebhook<T>(
  paths: Paths,
  name: AgentName,
  change: (found: Found) => Promise<{ readonly next?: Webhook | Removed; readonly answer: T }>,
): Promise<T> {
  makeFolder(paths.webhooks);
  using lock = await waitForLock(`${paths.webhooks}/.lock`, { milliseconds: PATIENCE_MS });
  if (lock === undefined)
    throw new Failure('busy', 'another command has been changing the webhooks for too long');
  const { next, answer } = await change(readWebhook(paths, name));
  if (next !== undefined) replaceFile(pathOf(paths, name), `${JSON.stringify(next, null, 2)}\n`);
  return answer;
}

/** Forgets that there was one of that name. */
export function forgetWebhook(paths: Paths, name: AgentName): boolean {
  return removeIfThere(pathOf(paths, name));
}

/** The secrets that are good now, newest first. */
export function secretsOf({ secret, previous }: Webhook, now: number): readonly string[] {
  return previous !== undefined && now < previous.until ? [secret, previous.secret] : [secret];
}

function pathOf(paths: Paths, name: AgentName): string {
  return `${paths.webhooks}/${nameFile(name)}.json`;
}

function parsed(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own words quote what it stumbled over, which may be the secret.
    throw damaged(path, 'it is not JSON');
  }
}

function isRemoved(value: unknown): value is Removed {
  return typeof value === 'object' && value !== null && 'removedAt' in value;
}

/** Only our own commands write it; what an edit broke is told before it is acted on. */
function checked(value: unknown, path: string): Webhook {
  const found = (typeof value === 'object' && value !== null ? value : {}) as Partial<Webhook>;
  for (const field of ['id', 'name', 'key', 'secret', 'createdAt'] as const)
    if (typeof found[field] !== 'string' || found[field] === '') throw damaged(path, `no ${field}`);
  if (!Array.isArray(found.to) || found.to.length === 0) throw damaged(path, 'no recipient in to');
  const scheme = found.verify?.scheme;
  if (scheme === undefined || !schemes.includes(scheme)) throw damaged(path, 'no scheme in verify');
  return found as Webhook;
}

function damaged(path: string, found: string): Failure {
  return new Failure('internal', `wanted the definition of a webhook in ${path}; ${found}`, {
    hint: `"\${EDITOR:-vi}" ${shellWord(path)}`,
  });
}

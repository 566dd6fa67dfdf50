/**
 * Tokens of the HTTP door (`tokens.json` of the home): each acts as one agent and is good for some scopes.
 * Only its SHA-256 is kept; the default token alone also lies in the home in clear, as keys do, for this
 * user's own one-liners. Every running `serve` looks at the file again when it has changed, so that what
 * is revoked is refused at once.
 */
import { statSync } from 'node:fs';
import { Failure } from '../protocol/failures.ts';
import { isName, nameKey, type AgentName } from '../protocol/names.ts';
import { isScope, type Scope } from '../protocol/scopes.ts';
import { readIfThere, replaceFile, removeIfThere, shellWord } from './files.ts';
import { randomKey, randomUuid } from './ids.ts';
import { waitForLock } from './lock.ts';
import type { Paths } from './paths.ts';
import { sameProof } from './secret.ts';

/** What a token is, but for its secret. */
export interface Token {
  /** Public: for lists, logs and `revoke`. */
  readonly id: string;
  readonly agent: AgentName;
  readonly scopes: readonly Scope[];
  /** ISO 8601. */
  readonly created: string;
  readonly expires?: string;
}

interface Kept extends Token {
  /** SHA-256 of the whole token, hex. */
  readonly hash: string;
}

export interface NewToken {
  readonly token: Token;
  /** Shown once. */
  readonly secret: string;
}

export const DEFAULT_TOKEN = 'default';
const LOCK_MS = 5_000;

export type TokenWish = Pick<Token, 'agent' | 'scopes'> & {
  readonly now: number;
  readonly expiresAt?: number | undefined;
};

export async function createToken(paths: Paths, wish: TokenWish): Promise<NewToken> {
  return await changing(paths, (kept) => {
    const { row, answer } = newToken(freeId(kept), wish);
    return { kept: [...kept, row], answer };
  });
}

/** The default token in clear, made when there is none. */
export async function defaultToken(paths: Paths, wish: TokenWish): Promise<NewToken> {
  return await changing(paths, (kept) => {
    const secret = readIfThere(paths.defaultToken)?.trim();
    const row = kept.find(({ id }) => id === DEFAULT_TOKEN);
    if (row !== undefined && secret !== undefined && row.hash === hashOf(secret))
      return { kept, answer: { token: withoutHash(row), secret } };
    const made = newToken(DEFAULT_TOKEN, wish);
    replaceFile(paths.defaultToken, `${made.answer.secret}\n`);
    return { kept: [...kept.filter(({ id }) => id !== DEFAULT_TOKEN), made.row], answer: made.answer };
  });
}

export function listTokens(paths: Paths): readonly Token[] {
  return readTokens(paths).map(withoutHash);
}

/** Returns what was revoked; undefined: no token of that id. */
export async function revokeToken(paths: Paths, id: string): Promise<Token | undefined> {
  return await changing(paths, (kept) => {
    const row = kept.find((each) => each.id === id);
    if (id === DEFAULT_TOKEN) removeIfThere(paths.defaultToken);
    return { kept: kept.filter((each) => each !== row), answer: row && withoutHash(row) };
  });
}

/** After a rename the tokens of the old name are the new one's. */
export async function renameInTokens(paths: Paths, from: AgentName, to: AgentName): Promise<void> {
  if (readIfThere(paths.tokens) === undefined) return;
  await changing(paths, (kept) => ({
    kept: kept.map((row) => (nameKey(row.agent) === nameKey(from) ? { ...row, agent: to } : row)),
    answer: undefined,
  }));
}

export interface TokenBook {
  /** Whom a secret stands for now; undefined: for nobody, or its time is over. */
  find(secret: string, now: number): Token | undefined;
  /** Whether it has not been revoked, and its time is not over. */
  holds(id: string, now: number): boolean;
}

/** The tokens as they are at the moment of asking. */
export function openTokens(paths: Paths): TokenBook {
  let version: string | undefined;
  let byHash = new Map<string, Kept>();
  let byId = new Map<string, Kept>();
  const refresh = (): void => {
    const found = versionOf(paths.tokens);
    if (found === version) return;
    const rows = readTokens(paths);
    byHash = new Map(rows.map((row) => [row.hash, row]));
    byId = new Map(rows.map((row) => [row.id, row]));
    version = found;
  };
  return {
    find: (secret, now) => {
      refresh();
      const hash = hashOf(secret);
      const row = byHash.get(hash);
      if (row === undefined || !sameProof(row.hash, hash) || isOver(row, now)) return undefined;
      return withoutHash(row);
    },
    holds: (id, now) => {
      refresh();
      const row = byId.get(id);
      return row !== undefined && !isOver(row, now);
    },
  };
}

/** Changes with every rename of a new file over the old one. */
function versionOf(path: string): string {
  const facts = statSync(path, { throwIfNoEntry: false });
  return facts === undefined ? 'none' : `${facts.ino}:${facts.mtimeMs}:${facts.size}`;
}

function isOver({ expires }: Kept, now: number): boolean {
  return expires !== undefined && Date.parse(expires) <= now;
}

/** Short enough to be typed, and no flag by its first letter. */
function freeId(kept: readonly Kept[]): string {
  const id = randomUuid().slice(0, 8);
  return kept.some((row) => row.id === id) ? freeId(kept) : id;
}

function newToken(id: string, { agent, scopes, now, expiresAt }: TokenWish): { row: Kept; answer: NewToken } {
  const secret = `ipc_${randomKey()}`;
  const created = new Date(now).toISOString();
  const expires = expiresAt === undefined ? {} : { expires: new Date(expiresAt).toISOString() };
  const token: Token = { id, agent, scopes, created, ...expires };
  return { row: { ...token, hash: hashOf(secret) }, answer: { token, secret } };
}

async function changing<T>(
  paths: Paths,
  change: (kept: readonly Kept[]) => { kept: readonly Kept[]; answer: T },
): Promise<T> {
  using lock = await waitForLock(`${paths.tokens}.lock`, { milliseconds: LOCK_MS });
  if (lock === undefined) throw new Failure('busy', `another command has been changing ${paths.tokens}`);
  const before = readTokens(paths);
  const { kept, answer } = change(before);
  if (kept !== before) replaceFile(paths.tokens, `${JSON.stringify({ tokens: kept }, null, 2)}\n`);
  return answer;
}

/** Throws `invalid_data`: a file that cannot be understood must not pass as one without tokens. */
function readTokens(paths: Paths): readonly Kept[] {
  const text = readIfThere(paths.tokens);
  if (text === undefined) return [];
  const rows = parsed(text)?.map(rowOf);
  if (rows !== undefined && !rows.includes(undefined)) return rows.filter((row) => row !== undefined);
  throw new Failure('invalid_data', `wanted tokens in ${paths.tokens}, found something else`, {
    hint: `mv ${shellWord(paths.tokens)} ${shellWord(`${paths.tokens}.broken`)}`,
  });
}

function parsed(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('tokens' in value)) return undefined;
    return Array.isArray(value.tokens) ? value.tokens : undefined;
  } catch {
    return undefined;
  }
}

function rowOf(value: unknown): Kept | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, agent, scopes, created, expires, hash } = value as Partial<Record<keyof Kept, unknown>>;
  if (typeof id !== 'string' || typeof agent !== 'string' || !isName(agent)) return undefined;
  if (typeof created !== 'string' || typeof hash !== 'string' || !Array.isArray(scopes)) return undefined;
  // A scope that a newer version made is none of ours: it opens nothing here.
  const known = scopes.filter((scope): scope is Scope => typeof scope === 'string' && isScope(scope));
  const end = typeof expires === 'string' ? { expires } : {};
  return { id, agent, scopes: known, created, ...end, hash };
}

function withoutHash({ hash: _hash, ...token }: Kept): Token {
  return token;
}

function hashOf(secret: string): string {
  return new Bun.CryptoHasher('sha256').update(secret).digest('hex');
}

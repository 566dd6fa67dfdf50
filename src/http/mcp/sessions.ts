/**
 * `/mcp`: the sessions of this door. A session begins with `initialize`, belongs to the token it began
 * with, and ends by DELETE, with its token, or when its client has been silent for a day; an open stream
 * is not silence (I10).
 */
import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import { Failure } from '../../protocol/failures.ts';
import { randomText } from '../../system/ids.ts';
import type { Token } from '../../system/tokens.ts';
import { wantType } from '../body.ts';
import type { Context } from '../context.ts';
import { McpSession, refused, type Serve } from './session.ts';

interface SessionLimits {
  /** Sessions of this server at once. */
  readonly most: number;
  /** A client that has no stream and asks nothing for so long counts as not here. */
  readonly quietMs: number;
  /** After this it has to begin another session. */
  readonly idleMs: number;
}

const usualLimits: SessionLimits = { most: 4_096, quietMs: 60_000, idleMs: 86_400_000 };

export class McpSessions {
  readonly #sessions = new Map<string, McpSession>();
  readonly #serve: Serve;
  readonly #limits: SessionLimits;
  #looking: ReturnType<typeof setInterval> | undefined;

  constructor(serve: Serve, limits = usualLimits) {
    this.#serve = serve;
    this.#limits = limits;
  }

  readonly handle = async (request: Request, context: Context): Promise<Response> => {
    const token = context.authorize();
    switch (request.method) {
      case 'POST':
        return await this.#post(request, context, token);
      case 'GET':
        return (await this.#find(request, token)?.get(request, { context, token })) ?? unknown(request);
      default:
        return (await this.#find(request, token)?.delete(request)) ?? unknown(request);
    }
  };

  async close(): Promise<void> {
    clearInterval(this.#looking);
    await Promise.allSettled([...this.#sessions.values()].map((session) => session.end()));
  }

  async #post(request: Request, context: Context, token: Token): Promise<Response> {
    wantType(request, ['application/json']);
    const said = parsed(await context.body());
    if (said === undefined) return refused(400, -32700, 'Parse error: wanted JSON in UTF-8');
    const session = isInitializeRequest(said)
      ? await this.#begin(request, context, token)
      : this.#find(request, token);
    return (await session?.post(request, said, { context, token })) ?? unknown(request);
  }

  async #begin(request: Request, { keepAliveMs }: Context, token: Token): Promise<McpSession> {
    if (this.#sessions.size >= this.#limits.most) await this.#makeRoom();
    const id = randomText(24);
    const session = new McpSession({
      id,
      token,
      headers: new Headers(request.headers),
      keepAliveMs,
      serve: this.#serve,
      ended: () => this.#forget(id),
    });
    this.#sessions.set(id, session);
    this.#looking ??= setInterval(() => this.#look(), Math.min(5_000, this.#limits.quietMs / 4));
    await session.connect();
    return session;
  }

  #find(request: Request, token: Token): McpSession | undefined {
    const session = this.#sessions.get(request.headers.get('mcp-session-id') ?? '');
    // With another token it is not even known to be there.
    return session?.token.id === token.id ? session : undefined;
  }

  /** The one that was silent for longest has to begin anew. Throws `busy` when all are in use. */
  async #makeRoom(): Promise<void> {
    const [first] = [...this.#sessions.values()].toSorted((a, b) => b.silentMs() - a.silentMs());
    if (first === undefined || first.silentMs() < this.#limits.quietMs)
      throw new Failure('busy', `wanted at most ${this.#limits.most} sessions at once`);
    await first.end();
  }

  #look(): void {
    for (const session of this.#sessions.values()) {
      const silent = session.silentMs();
      if (silent >= this.#limits.idleMs) void session.end();
      else if (silent >= this.#limits.quietMs) session.quiet();
    }
  }

  #forget(id: string): void {
    this.#sessions.delete(id);
    if (this.#sessions.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    return undefined;
  }
}

/** As the specification has it: a client that hears 404 begins another session. */
function unknown(request: Request): Response {
  if (request.headers.get('mcp-session-id') === null)
    return refused(400, -32000, 'Bad Request: wanted initialize, or the header Mcp-Session-Id');
  return refused(404, -32001, 'Session not found');
}

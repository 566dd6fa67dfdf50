/**
 * What a session of `/mcp` serves: the very server of `ipc mcp`, for as long as its client is there.
 *
 * Its name. The first session of a token holds the token's own name; another that lives beside it gets
 * `name-2`; with the token of a person each gets `agent-N`. Two sessions with the same `Ipc-Session` header
 * and token are the same client, come back: the second has the first one's name. A name taken with
 * `register` is the token's from then on, and can be taken back with it.
 *
 * Its stream. What is pushed counts as offered when the client has answered a ping that was sent after it
 * on the same stream, or came back and said how far it got. Until then it is the mailbox's, and is pushed
 * again on the next stream.
 */
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { EmptyResultSchema, type JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { CHANNEL_METHOD } from '../../mcp/channel.ts';
import type { Holder, ServingParts } from '../../mcp/parts.ts';
import { createServer, type IpcServer } from '../../mcp/server.ts';
import { nameKey } from '../../protocol/names.ts';
import { pause } from '../../system/clock.ts';
import type { Token } from '../../system/tokens.ts';
import { outOfScope } from '../problem.ts';
import { mayUse, scoped } from './scoped.ts';
import type { Line, Serve, Served } from './session.ts';

/** The session with the daemon behind one session of a client. */
export interface HeldName extends Omit<Holder, 'follow'> {
  /** True: its token acts for another agent by now, and so does it. */
  follow(token: Token): Promise<boolean>;
  close(): Promise<void>;
}

export interface NameWish {
  readonly token: Token;
  /** What the client calls itself. */
  readonly client: string;
  /** By which it knows itself again; undefined when it said nothing. */
  readonly session: string | undefined;
}

export interface IpcSessionParts extends Pick<ServingParts, 'staging' | 'clock' | 'offset' | 'home'> {
  readonly hold: (wish: NameWish) => Promise<HeldName>;
  /** The name it will ask for; undefined: any. */
  readonly wanted: (wish: NameWish) => string | undefined;
}

/** Somebody whose stream was cut has so long to come back before a newcomer counts as the same client. */
const BLIP_MS = 2_000;
/** The same for a client that opens no stream. */
const STREAMLESS_MS = 30_000;
const LOOK_MS = 50;
const PING_MS = 10_000;
/** The mailbox tells them again where they were missed. */
const NOT_REPLAYED: ReadonlySet<string> = new Set([CHANNEL_METHOD, 'notifications/cancelled', 'ping']);

export function serveIpc(parts: IpcSessionParts): Serve {
  const sessions = new Set<IpcSession>();
  return (line) => new IpcSession(line, { ...parts, sessions });
}

class IpcSession implements Served {
  readonly #line: Line;
  readonly #parts: IpcSessionParts & { readonly sessions: Set<IpcSession> };
  readonly #server: IpcServer;
  #token: Token;
  #held: Promise<HeldName> | undefined;
  /** What `held` came to. */
  #named: HeldName | undefined;
  #following = false;
  #stream: AbortSignal | undefined;

  constructor(line: Line, parts: IpcSessionParts & { readonly sessions: Set<IpcSession> }) {
    this.#line = line;
    this.#parts = parts;
    this.#token = line.token;
    const { staging, clock, offset, home } = parts;
    this.#server = createServer({
      holder: () => this.#holder(),
      staging,
      clock,
      offset,
      home,
      directory: home,
      allowRun: false,
      allowFiles: false,
      allows: (operation) => mayUse(this.#token, operation),
      // There is no process to look at: the client says it, or who set it up does.
      channel: (declared) => line.streams && (declared || line.headers.get('ipc-channel') === '1'),
      received: () => this.#received(),
      follows: 'told',
    });
    parts.sessions.add(this);
  }

  connect(transport: Transport): Promise<void> {
    return this.#server.connect(transport);
  }

  async close(): Promise<void> {
    this.#parts.sessions.delete(this);
    await this.#server.close();
    await this.#rest();
  }

  replays(message: JSONRPCMessage): boolean {
    return !('method' in message && NOT_REPLAYED.has(message.method));
  }

  async opening(known: () => readonly JSONRPCMessage[]): Promise<void> {
    this.#following = false;
    this.#server.rest();
    // What is on its way to the old stream gets there first.
    await pause(0);
    await this.#server.reopened(known().flatMap(channelId));
  }

  opened(until: AbortSignal): void {
    this.#stream = until;
    // Where it can be reached has changed, now and when the stream ends.
    until.addEventListener('abort', () => this.#follow(), { once: true });
    this.#follow();
  }

  asked(token: Token): void {
    this.#token = token;
  }

  quiet(): void {
    void this.#rest();
  }

  async #holder(): Promise<Holder> {
    this.#held ??= this.#hold();
    this.#held.catch(() => (this.#held = undefined));
    const held = await this.#held;
    const token = this.#token;
    return {
      operations: scoped(held.operations, token),
      reader: held.reader,
      get name() {
        return held.name;
      },
      greeting: () => held.greeting(),
      follow: () => held.follow(this.#token),
      take: async (name) => {
        if (nameKey(name) !== nameKey(held.name) && !mayUse(token, 'rename'))
          throw outOfScope(token, 'manage');
        return await held.take(name);
      },
    };
  }

  get #session(): string | undefined {
    return this.#line.headers.get('ipc-session') ?? undefined;
  }

  async #hold(): Promise<HeldName> {
    const wish = {
      token: this.#token,
      client: this.#server.mcp.server.getClientVersion()?.name ?? 'mcp',
      session: this.#session,
    };
    const name = this.#parts.wanted(wish);
    for (const other of this.#parts.sessions) if (other !== this) await other.#giveWay(wish, name);
    const held = await this.#parts.hold(wish);
    this.#named = held;
    if (!this.#following) this.#follow();
    return held;
  }

  /** To somebody with the same token: at once when that is the same client, else when this one is gone. */
  async #giveWay({ token, session }: NameWish, wanted: string | undefined): Promise<void> {
    // One that is just being named is not waited for: it may be waiting for the other.
    const held = this.#named;
    if (token.id !== this.#token.id || session !== this.#session || held === undefined) return;
    if (session !== undefined) return await this.#line.end();
    if (wanted === undefined || nameKey(wanted) !== nameKey(held.name)) return;
    const patience = this.#stream === undefined ? STREAMLESS_MS : BLIP_MS;
    for (let waited = 0; waited < BLIP_MS; waited += LOOK_MS) {
      const silent = this.#line.silentMs();
      if (silent >= patience) return await this.#rest();
      if (silent === 0 || this.#stream === undefined) return;
      await pause(LOOK_MS);
    }
  }

  #follow(): void {
    if (!this.#parts.sessions.has(this) || !mayUse(this.#token, 'watch')) return;
    this.#following = true;
    this.#server.listen();
  }

  /** Nobody is there: the name is held no longer, and who lists the agent as gone. It comes back with its client. */
  async #rest(): Promise<void> {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#named = undefined;
    this.#following = false;
    this.#server.rest();
    await (await held.catch(() => undefined))?.close();
  }

  async #received(): Promise<void> {
    const signal = this.#stream;
    if (signal === undefined || signal.aborted) throw new Error('no stream is open');
    const { server } = this.#server.mcp;
    await server.request({ method: 'ping' }, EmptyResultSchema, { signal, timeout: PING_MS });
  }
}

function channelId(message: JSONRPCMessage): readonly string[] {
  if (!('method' in message) || message.method !== CHANNEL_METHOD) return [];
  const meta = message.params?.['meta'] as { readonly message_id?: string } | undefined;
  return meta?.message_id === undefined ? [] : [meta.message_id];
}

/** The HTTP door of a machine under test: `ipc serve` of the compiled binary, spoken to with fetch. */
import { readdir, readlink } from 'node:fs/promises';
import { eventually, lines, type Child, type Machine, type RunOptions } from './machine.ts';

export interface HttpDoor {
  readonly url: string;
  readonly port: number;
  readonly child: Child;
  /** All it has said on stderr so far. */
  log(): string;
  /** SIGTERM; returns the exit code. */
  stop(): Promise<number>;
}

export async function openDoor(
  machine: Machine,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<HttpDoor> {
  const anyPort = args.includes('--port') ? [] : ['--port', '0'];
  const child = machine.start(['serve', '--json', ...anyPort, ...args], options);
  let log = '';
  const reading = (async () => {
    const text = new TextDecoder();
    for await (const chunk of child.stderr) log += text.decode(chunk, { stream: true });
  })();
  const first = await lines(child.stdout).next();
  if (first.done === true) {
    await reading;
    throw new Error(`ipc serve exited ${await child.exited}: ${log}`);
  }
  const { url, port } = JSON.parse(first.value) as { url: string; port: number };
  return {
    url,
    port,
    child,
    log: () => log,
    stop: async () => {
      child.kill('SIGTERM');
      const code = await child.exited;
      await reading;
      return code;
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** Speaks with one token; without one when it is undefined. */
export class Caller {
  readonly #door: Pick<HttpDoor, 'url'>;
  readonly #token: string | undefined;

  constructor(door: Pick<HttpDoor, 'url'>, token: string | undefined) {
    this.#door = door;
    this.#token = token;
  }

  /** A caller who acts for an agent, with a token made on the command line. */
  static async of(machine: Machine, door: HttpDoor, agent: string, scope?: string): Promise<Caller> {
    const scopes = scope === undefined ? [] : ['--scope', scope];
    return new Caller(door, (await machine.ok(['token', 'create', '--agent', agent, ...scopes])).trim());
  }

  get headers(): Record<string, string> {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
  }

  get token(): string {
    return this.#token ?? '';
  }

  async fetch(
    path: string,
    init: RequestInit & { headers?: Record<string, string> } = {},
  ): Promise<Response> {
    return await fetch(`${this.#door.url}${path}`, {
      ...init,
      headers: { ...this.headers, ...init.headers },
    });
  }

  async ask(path: string, init: RequestInit & { headers?: Record<string, string> } = {}): Promise<Answer> {
    const response = await this.fetch(path, init);
    const text = await response.text();
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, body };
  }

  async post(path: string, input: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return await this.ask(path, {
      method: 'POST',
      body: JSON.stringify(input),
      headers: { 'content-type': 'application/json', ...headers },
    });
  }

  /** As `post`; throws unless it is answered with 200. */
  async done<T = Record<string, unknown>>(path: string, input: unknown = {}): Promise<T> {
    const { status, body } = await this.post(path, input);
    if (status !== 200) throw new Error(`${path} answered ${status}: ${JSON.stringify(body)}`);
    return body as T;
  }
}

export interface Event {
  readonly id: string;
  readonly event: string;
  readonly body: string;
  readonly message: { readonly id: string; readonly attempt: number; readonly body: string };
}

/** A reader of live events, as a program would write one. */
export class Events {
  readonly seen: Event[] = [];
  readonly comments: string[] = [];
  lastId = '';
  ended = false;
  readonly #abort = new AbortController();

  static async open(caller: Caller, query = '', lastId?: string): Promise<Events> {
    const events = new Events();
    const headers: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId };
    const response = await caller.fetch(`/v1/events${query}`, { headers, signal: events.#abort.signal });
    if (response.status !== 200 || response.body === null)
      throw new Error(`events answered ${response.status}: ${await response.text()}`);
    void events.#read(response.body);
    await events.until(() => events.lastId !== '');
    return events;
  }

  bodies(): string[] {
    return this.seen.map(({ body }) => body);
  }

  async until(holds: () => boolean, within?: number): Promise<void> {
    await eventually(async () => (holds() ? true : undefined), within);
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    let fields: Record<string, string> = {};
    try {
      for await (const line of lines(stream)) {
        if (line.startsWith(':')) this.comments.push(line);
        else if (line !== '') {
          const colon = line.indexOf(': ');
          fields[line.slice(0, colon)] = line.slice(colon + 2);
        } else {
          this.#take(fields);
          fields = {};
        }
      }
    } catch {
      // Cut off, by us or by the server.
    }
    this.ended = true;
  }

  #take({ id, event = 'message', data }: Record<string, string>): void {
    if (id !== undefined) this.lastId = id;
    if (data === undefined) return;
    const { message } = JSON.parse(data) as Pick<Event, 'message'>;
    this.seen.push({ id: id ?? '', event, message, body: message?.body ?? data });
  }
}

/** How many sockets a process has open. */
export async function sockets(pid: number): Promise<number> {
  const folder = `/proc/${pid}/fd`;
  const found = await Promise.all(
    (await readdir(folder)).map((name) => readlink(`${folder}/${name}`).catch(() => '')),
  );
  return found.filter((target) => target.startsWith('socket:')).length;
}

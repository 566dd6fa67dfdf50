/**
 * A session on one kernel, shared by everybody who asks for it: a fair queue of cells with owners, one
 * shell request at a time, the cells of others seen live, and the truth about the kernel's end. A new
 * kernel on the old ports is never taken for the old one: somebody must say `resume`.
 */
import { Failure } from '../protocol/failures.ts';
import { systemClock } from '../system/clock.ts';
import { randomText } from '../system/ids.ts';
import { Activity, type OthersCell } from './activity.ts';
import { Cell, type CellView, type CellWish } from './cell.ts';
import { runCell } from './cell-run.ts';
import { KernelClient } from './client.ts';
import { type ConnectionInfo, endpointOf } from './connection-info.ts';
import { FairQueue } from './fair-queue.ts';
import { type KernelInfo, listenAgain, shakeHands } from './handshake.ts';
import { type Interrupted, interruptKernel, survivesSigint } from './interrupt.ts';
import type { JupyterMessage } from './message.ts';
import { Peek } from './peek.ts';
import { kernelPid, signalKernel } from './kernel-process.ts';
import type { SessionOptions, SessionEvent } from './session-options.ts';
import { ShellLine } from './shell-line.ts';
import { type KernelState, type KernelStatus, kernelStatus } from './status.ts';

const ATTACH_MS = 5_000;
const KEPT_CELLS = 50;
/** An idle kernel answers in a few milliseconds. */
const REST_MS = 250;

export class KernelSession {
  readonly info: ConnectionInfo;
  readonly peek: Peek;
  readonly #options: SessionOptions;
  readonly #client: KernelClient;
  readonly #activity: Activity;
  readonly #line: ShellLine;
  readonly #clock = systemClock();
  readonly #queue = new FairQueue<Cell>();
  readonly #cells = new Map<string, Cell>();
  #running: Cell | undefined;
  #state: KernelState = { kind: 'ready' };
  #kernel: KernelInfo | undefined;
  #kernelSession: string | undefined;
  #cutSince = false;
  #heard = 0;
  #heardSinceUp = false;
  #ownersWord: string | undefined;
  #exiting: Cell | undefined;
  #connected = false;
  #closed = false;
  #pid: number | undefined;
  /** No cell runs that began before we came: the shell has answered since, or another cell began. */
  #rested = false;

  /** Throws a Failure that says what is there instead of a kernel that answers. */
  static async open(info: ConnectionInfo, options: SessionOptions): Promise<KernelSession> {
    const session = new KernelSession(info, options);
    try {
      await session.#greet(options.withinMs ?? ATTACH_MS, options.starting);
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  private constructor(info: ConnectionInfo, options: SessionOptions) {
    this.info = info;
    this.#options = options;
    this.#pid = options.pid;
    const { username, handshakeMs } = options;
    this.#client = new KernelClient(
      info,
      { username, ...(handshakeMs === undefined ? {} : { handshakeMs }) },
      {
        heard: (message) => this.#hear(message),
        cut: () => (this.#cutSince = true),
        up: () => this.#linked(),
        down: (channel) => {
          if (channel === 'iopub') {
            this.#heardSinceUp = false;
            this.#running?.outputMayBeMissing('the connection was cut while it ran');
          }
          this.#linked();
        },
      },
    );
    this.#activity = new Activity(this.#client.session, this.#clock.now);
    this.#line = new ShellLine(this.#client, this.#activity, endpointOf(info, 'shell'), () =>
      this.#nextCell(),
    );
    this.peek = new Peek(this.#client, this.#line);
  }

  get state(): KernelState {
    return this.#state;
  }

  /** As it introduced itself. */
  get kernel(): KernelInfo {
    if (this.#kernel === undefined) throw new Failure('internal', 'a session that never was opened');
    return this.#kernel;
  }

  get running(): Cell | undefined {
    return this.#running;
  }

  /** Those that wait, in the order in which they will run. */
  get queued(): readonly Cell[] {
    return this.#queue.all();
  }

  get others(): readonly OthersCell[] {
    return this.#activity.others;
  }

  get cells(): readonly CellView[] {
    return [...this.#cells.values()].map((cell) => cell.view);
  }

  cell(id: string): Cell | undefined {
    return this.#cells.get(id);
  }

  /** Puts a cell into the queue; wait for it with `cell.wait`. `id`: the host's own name for it. */
  execute(wish: CellWish, id = randomText(9)): Cell {
    this.#mustBeReady();
    const cell = new Cell(id, wish, this.#options.sinkFor?.({ id, owner: wish.owner }), {
      changed: (changed) => this.#tell({ kind: 'cell', cell: changed }),
      now: this.#clock.now,
    });
    this.#cells.set(id, cell);
    this.#forgetOld();
    this.#queue.add(wish.owner, cell);
    this.#tell({ kind: 'cell', cell });
    this.#line.advance();
    return cell;
  }

  /** Takes a cell out of the queue; false: it runs already, or has ended. */
  cancel(id: string, reason = 'it was cancelled while it waited'): boolean {
    const cell = this.#cells.get(id);
    if (cell === undefined || !this.#queue.remove(cell)) return false;
    cell.finish({ kind: 'never ran', reason });
    return true;
  }

  /** Stops whatever runs, ours or another's, by the ladder of kernels.md §3.2. */
  async interrupt(): Promise<Interrupted> {
    const pid = await this.pid();
    return await interruptKernel({
      client: this.#client,
      activity: this.#activity,
      gone: () => (this.#state.kind === 'ready' ? undefined : this.#state.reason),
      ...(pid === undefined || !survivesSigint(this.kernel.implementation)
        ? {}
        : { signal: () => signalKernel(pid, 'SIGINT') }),
    });
  }

  async pid(): Promise<number | undefined> {
    this.#pid ??= await kernelPid({
      client: this.#client,
      info: this.info,
      file: this.#options.connectionFile,
    });
    return this.#pid;
  }

  async status(): Promise<KernelStatus> {
    return await kernelStatus({
      client: this.#client,
      peek: this.peek,
      busy: this.#activity.busyFor,
      cellOf: (busy) => (busy.session === this.#client.session ? this.#running?.id : undefined),
      pid: () => (this.#state.kind === 'ready' ? this.pid() : Promise.resolve(undefined)),
      worksUnheard: () => this.#worksUnheard(),
      known: { state: this.#state, info: this.kernel, queued: this.#queue.size, knocks: this.#line.knocks },
    });
  }

  async #worksUnheard(): Promise<boolean> {
    if (this.#rested || this.#state.kind !== 'ready') return false;
    const { kind } = await this.#line.question({ type: 'kernel_info_request', withinMs: REST_MS });
    if (kind === 'reply') this.#rested = true;
    return kind === 'silent';
  }

  /** Asks the kernel to end; true when it is gone. Who may ask is the host's to decide. */
  async shutdown(by: string, { restart = false, withinMs = 3_000 } = {}): Promise<boolean> {
    this.#ownersWord = `${by} ${endWord(restart)}`;
    this.#client.ask({ channel: 'control', type: 'shutdown_request', content: { restart }, withinMs });
    const end = performance.now() + withinMs;
    while (this.#state.kind === 'ready' && performance.now() < end) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#clock.after(10, resolve);
      await promise;
    }
    return this.#state.kind !== 'ready';
  }

  /** Takes the kernel that answers now for the session's own: its variables are not those of before. */
  async resume(options: Pick<SessionOptions, 'pid' | 'withinMs' | 'starting'> = {}): Promise<KernelInfo> {
    this.#pid = options.pid;
    this.#heard = 0;
    this.#rested = false;
    await this.#greet(options.withinMs ?? ATTACH_MS, options.starting);
    this.#state = { kind: 'ready' };
    this.#ownersWord = undefined;
    this.#exiting = undefined;
    this.#line.advance();
    return this.kernel;
  }

  /** Leaves the kernel alone and alive. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#endAll('the session was closed');
    this.#client.close();
  }

  async #greet(withinMs: number, starting: Promise<string> | undefined): Promise<void> {
    let lastWords: string | undefined;
    void starting?.then((words) => (lastWords = words));
    const ended = starting === undefined ? {} : { ended: () => lastWords };
    this.#kernel = await shakeHands(this.#client, {
      heardAnything: () => this.#heard > 0,
      withinMs,
      ...ended,
    });
  }

  #nextCell(): (() => Promise<void>) | undefined {
    if (this.#state.kind !== 'ready') return undefined;
    const cell = this.#queue.take();
    if (cell === undefined) return undefined;
    return async () => {
      this.#running = cell;
      await runCell(cell, {
        client: this.#client,
        line: this.#line,
        activity: this.#activity,
        gone: () => (this.#state.kind === 'ready' ? undefined : this.#state.reason),
        listening: async () =>
          this.#heardSinceUp || (await listenAgain(this.#client, () => this.#heardSinceUp)),
        exiting: (exiting) => (this.#exiting = exiting),
        asks: (asking) => this.#tell({ kind: 'input', cell: asking }),
      });
      this.#running = undefined;
    };
  }

  #hear(message: JupyterMessage): void {
    this.#heard += 1;
    this.#heardSinceUp = true;
    const { header, parent, content } = message;
    if (header.msg_type === 'shutdown_reply' && parent?.session !== this.#client.session) {
      const restart = content['restart'] === true;
      this.#ownersWord ??= `its owner (${parent?.username || 'another client'}) ${endWord(restart)}`;
    }
    this.#recognise(message);
    const other = this.#activity.heard(message);
    if (other !== undefined) this.#tell({ kind: 'other', cell: other });
  }

  /** A kernel process signs with a session of its own: another one is another kernel. */
  #recognise({ header, parent }: JupyterMessage): void {
    if (
      header.session === '' ||
      header.session === this.#client.session ||
      header.session === parent?.session
    )
      return;
    if (this.#kernelSession !== undefined && header.session !== this.#kernelSession && this.#cutSince) {
      this.#lose('another kernel answers in its place');
      this.#replaced();
    }
    this.#kernelSession = header.session;
    this.#cutSince = false;
  }

  #linked(): void {
    if (this.#closed) return;
    const { up } = this.#client;
    if (up !== this.#connected) {
      this.#connected = up;
      this.#tell({ kind: 'connection', up });
    }
    if (up && this.#state.kind === 'gone') this.#replaced();
    if (this.#kernel !== undefined && this.#client.absent) this.#lose('its process ended');
  }

  #lose(how: string): void {
    if (this.#state.kind !== 'ready') return;
    const exit =
      this.#exiting === undefined ? undefined : `a cell of ${this.#exiting.wish.owner} told it to exit`;
    const reason = this.#ownersWord ?? exit ?? how;
    this.#state = { kind: 'gone', reason, at: this.#clock.now() };
    this.#pid = undefined;
    this.#kernelSession = undefined;
    this.#activity.forget();
    this.#running?.finish({ kind: 'kernel gone', reason });
    this.#endAll(`the kernel is gone: ${reason}`);
    this.#tell({ kind: 'gone', reason });
  }

  #replaced(): void {
    if (this.#state.kind !== 'gone') return;
    this.#state = { ...this.#state, kind: 'replaced' };
    this.#tell({ kind: 'replaced', reason: this.#state.reason });
  }

  #endAll(reason: string): void {
    for (let cell = this.#queue.take(); cell !== undefined; cell = this.#queue.take()) {
      cell.finish({ kind: 'never ran', reason });
    }
    this.#running?.finish({ kind: 'lost', reason: `${reason}; it may have run` });
  }

  #mustBeReady(): void {
    if (this.#closed) throw new Failure('conflict', 'wanted an open session; this one was closed');
    const state = this.#state;
    if (state.kind === 'ready') return;
    const now =
      state.kind === 'gone' ? 'nothing answers there' : 'a new kernel answers there, without its variables';
    throw new Failure('conflict', `wanted the kernel; it is gone (${state.reason}), and ${now}`, {
      hint: 'ipc kernel status',
    });
  }

  #forgetOld(): void {
    for (const [id, cell] of this.#cells) {
      if (this.#cells.size <= KEPT_CELLS) return;
      if (cell.state !== 'ended') continue;
      cell.forget();
      this.#cells.delete(id);
    }
  }

  #tell(event: SessionEvent): void {
    if (!this.#closed) this.#options.event?.(event);
  }
}

function endWord(restart: boolean): string {
  return restart ? 'restarted it' : 'shut it down';
}

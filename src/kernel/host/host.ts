/**
 * One kernel for everybody: what the daemon forwards, answered. It owns the session, the journal and the
 * rights that go beyond executing; the daemon has checked that whoever asks may execute (design §5).
 */
import { Failure } from '../../protocol/failures.ts';
import type { Kind } from '../../protocol/model.ts';
import type { Execution, SavedImage } from '../../protocol/execution.ts';
import type { Asker } from '../../protocol/operations/kernel.ts';
import type { OthersCell } from '../activity.ts';
import type { Cell, CellView } from '../cell.ts';
import type { ConnectionInfo } from '../connection-info.ts';
import type { SessionEvent } from '../session-options.ts';
import { KernelSession } from '../session.ts';
import { toldOf } from './execution-view.ts';
import { Journal, type Entry } from './journal.ts';
import type { HostRecord } from './record.ts';

/** Characters of output that a line of the journal keeps. */
const JOURNAL_CHARACTERS = 4_096;

/** A running cell is written down as it is, so that a killed host leaves what it had shown. */
const LIVE_CHARACTERS = 16_384;
const LIVE_MS = 200;
const FLOOD_BYTES = 8_388_608;

export interface HostParts {
  readonly record: HostRecord;
  readonly info: ConnectionInfo;
  readonly folder: string;
  readonly pid: number | undefined;
  /** Of a kernel just launched: how it ended, told when it does. */
  readonly starting: Promise<string> | undefined;
  readonly now: () => number;
  /** A cell of ours has ended, with whoever asked to be told. */
  readonly ended: (execution: Execution, wish: CellFacts) => void;
  /** A cell waits at input(), and nobody waits for the cell. */
  readonly asks: (execution: Execution) => void;
  /** The kernel is gone, and why. */
  readonly gone: (reason: string) => void;
}

/** What is known of a cell beside what the kernel knows. */
export interface CellFacts {
  readonly asked: Kind | 'other';
  readonly notify?: string | undefined;
}

export class KernelHost {
  record: HostRecord;
  readonly journal: Journal;
  readonly startedAt: number;
  readonly #parts: HostParts;
  readonly #cells = new Map<string, CellFacts>();
  /** The state of each cell as it was last written down. */
  readonly #written = new Map<string, string>();
  readonly #others = new Map<string, string>();
  readonly #noting = new Set<string>();
  readonly #asking = new Map<string, () => void>();
  #session: KernelSession | undefined;

  private constructor(parts: HostParts) {
    this.#parts = parts;
    this.record = parts.record;
    this.startedAt = parts.now();
    this.journal = new Journal(parts.folder);
  }

  /** Throws what keeps the kernel from being attached. */
  static async open(parts: HostParts, withinMs: number): Promise<KernelHost> {
    const host = new KernelHost(parts);
    host.#session = await KernelSession.open(parts.info, {
      username: 'ipc',
      connectionFile: parts.record.connectionFile,
      withinMs,
      sinkFor: ({ id }) => host.journal.sinkFor(id),
      event: (event) => host.#heard(event),
      ...(parts.pid === undefined ? {} : { pid: parts.pid }),
      ...(parts.starting === undefined ? {} : { starting: parts.starting }),
    });
    return host;
  }

  get session(): KernelSession {
    if (this.#session === undefined) throw new Failure('internal', 'a host that never attached');
    return this.#session;
  }

  /** Puts a cell into the queue. */
  run(code: string, by: string, wish: CellFacts & { readonly askInput?: boolean | undefined }): Cell {
    this.#mustLive();
    const id = this.journal.nextId(this.record.name);
    this.#cells.set(id, wish);
    const allowInput = wish.askInput === true;
    return this.session.execute({ code, owner: by, allowInput }, id);
  }

  /** Throws `kernel_unavailable` when nothing can run, with what brings it back. */
  #mustLive(): void {
    const { state } = this.session;
    if (state.kind === 'ready') return;
    const { name, ours } = this.record;
    const now = state.kind === 'gone' ? '' : '; another kernel answers in its place, without its variables';
    throw new Failure('kernel_unavailable', `wanted kernel ${name}; it is gone: ${state.reason}${now}`, {
      hint: ours ? `ipc kernel restart ${name}` : `ipc kernel disconnect ${name}`,
    });
  }

  /** Resolves when the cell ends, asks for input, or the time is up. */
  async settled(cell: Cell, seconds: number, signal: AbortSignal): Promise<void> {
    if (cell.end !== undefined || cell.view.asks !== undefined) return;
    const asks = Promise.withResolvers<void>();
    this.#asking.set(cell.id, asks.resolve);
    signal.addEventListener('abort', () => asks.resolve(), { once: true });
    if (signal.aborted) asks.resolve();
    await Promise.race([cell.wait(seconds * 1_000), asks.promise]);
    this.#asking.delete(cell.id);
  }

  /** As the asker sees it. Throws `no_such_execution`. */
  execution(id: string, asker: Asker | undefined, most: number): Execution {
    const cell = this.session.cell(id);
    const entry = cell === undefined ? this.journal.entry(id) : this.#entryOf(cell.view, most);
    if (entry === undefined) {
      throw new Failure('no_such_execution', `wanted an execution of ${this.record.name}, found ${id}`, {
        hint: `ipc kernel history ${this.record.name}`,
      });
    }
    return asSeenBy(entry, asker);
  }

  history(asker: Asker, wish: { search?: string | undefined; limit: number }): Execution[] {
    return this.journal.find(wish).map((entry) => {
      const cell = this.session.cell(entry.id);
      return asSeenBy(cell === undefined ? entry : this.#entryOf(cell.view, JOURNAL_CHARACTERS), asker);
    });
  }

  /** Every cell that waits is taken out of the queue; how many that were. */
  cancelAll(reason: string): number {
    return this.session.queued.filter(({ id }) => this.session.cancel(id, reason)).length;
  }

  close(): void {
    this.session.close();
    for (const { id } of this.journal.find({ limit: 100 })) this.journal.closed(id);
  }

  #heard(event: SessionEvent): void {
    switch (event.kind) {
      case 'cell':
        return this.#note(event.cell);
      case 'input':
        return this.#asked(event.cell);
      case 'other':
        return this.#noteOther(event.cell);
      case 'gone':
        return this.#parts.gone(event.reason);
      case 'connection':
      case 'replaced':
        return;
    }
  }

  /** Whoever waits for the cell is answered with the question; when nobody does, its owner is written to. */
  #asked(cell: Cell): void {
    const waiting = this.#asking.get(cell.id);
    if (waiting !== undefined) return waiting();
    this.#parts.asks(asSeenBy(this.#entryOf(cell.view, JOURNAL_CHARACTERS), undefined));
  }

  #note(cell: Cell): void {
    const state = cell.end === undefined ? cell.state : 'ended';
    if (this.#written.get(cell.id) === state) return this.#noteLive(cell);
    this.#written.set(cell.id, state);
    if (state === 'ended') this.journal.closed(cell.id);
    const entry = this.#entryOf(cell.view, JOURNAL_CHARACTERS);
    this.journal.write(entry);
    const facts = this.#cells.get(cell.id);
    if (state !== 'ended' || facts === undefined) return;
    this.#cells.delete(cell.id);
    this.#written.delete(cell.id);
    // A host lives for weeks: what a flood took is given back once it is over (measured: 380 MB were kept).
    if ((this.journal.whole(cell.id)?.bytes ?? 0) > FLOOD_BYTES) setTimeout(() => Bun.gc(true), LIVE_MS);
    this.#parts.ended(asSeenBy(entry, undefined), facts);
  }

  /** At most so often: a cell that prints a lot must not write the disk full of its own past. */
  #noteLive(cell: Cell): void {
    if (cell.state !== 'running' || this.#noting.has(cell.id)) return;
    this.#noting.add(cell.id);
    setTimeout(() => {
      this.#noting.delete(cell.id);
      if (cell.end === undefined) this.journal.writeLive(this.#entryOf(cell.view, LIVE_CHARACTERS));
    }, LIVE_MS);
  }

  /** What a person or another client runs belongs to the history too. */
  #noteOther(cell: OthersCell): void {
    const known = this.#others.get(cell.id);
    const isNew = known === undefined;
    if (!isNew && cell.endedAt === undefined) return;
    const id = known ?? this.journal.nextId(this.record.name);
    if (isNew) this.#others.set(cell.id, id);
    const view: CellView = {
      id,
      owner: cell.username === '' ? 'another client' : cell.username,
      code: cell.code ?? '(it ran already when this host came)',
      state: cell.endedAt === undefined ? 'running' : 'ended',
      end: cell.endedAt === undefined ? undefined : otherEnd(cell),
      count: cell.count,
      queuedAt: cell.startedAt,
      startedAt: cell.startedAt,
      endedAt: cell.endedAt,
      items: cell.items,
      left: { items: 0, images: 0 },
      latestLine: '',
      incomplete: false,
      asks: undefined,
      notes: [],
    };
    this.journal.write({ ...this.#entryOf(view, JOURNAL_CHARACTERS), asked: 'other' });
    if (cell.endedAt !== undefined) this.#others.delete(cell.id);
  }

  #entryOf(view: CellView, most: number): Entry {
    const queued = this.#session?.queued ?? [];
    const at = queued.findIndex(({ id }) => id === view.id);
    const told = toldOf(view, {
      kernel: this.record.name,
      now: this.#parts.now(),
      most,
      ahead: at < 0 ? undefined : at + (this.#session?.running === undefined ? 0 : 1),
      images: this.#imagesOf(view),
      whole: this.journal.whole(view.id),
    });
    const asked = this.#cells.get(view.id)?.asked ?? this.journal.entry(view.id)?.asked ?? 'script';
    return { ...told, asked };
  }

  #imagesOf({ id, items }: CellView): SavedImage[] {
    return items.flatMap((item) =>
      item.kind === 'result' || item.kind === 'display'
        ? item.images.map((image) => this.journal.saved(id, image))
        : [],
    );
  }
}

function otherEnd({ items }: OthersCell): CellView['end'] {
  const error = items.findLast((item) => item.kind === 'error');
  return error?.kind === 'error' ? { kind: 'error', name: error.name, value: error.value } : { kind: 'ok' };
}

function asSeenBy({ asked, ...told }: Entry, asker: Asker | undefined): Execution {
  return { ...told, whose: whose(asked, told.by, asker) };
}

function whose(asked: Entry['asked'], by: string, asker: Asker | undefined): Execution['whose'] {
  if (asked === 'other') return 'other';
  if (asker !== undefined && by.toLowerCase() === asker.name.toLowerCase()) return 'mine';
  return asked === 'human' ? 'person' : 'agent';
}

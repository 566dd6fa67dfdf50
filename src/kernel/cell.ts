/** One cell from the moment somebody wants it run to long after its end: its state, its output, its questions. */
import { type Facts, factsOf, type JupyterMessage, list, text } from './message.ts';
import { CellOutput, type OutputItem, type OutputSink } from './output/cell-output.ts';

/** Closed: what became of a cell, told as it is. */
export type CellEnd =
  | { readonly kind: 'ok' }
  /** `name` is `KeyboardInterrupt` when it was interrupted. */
  | { readonly kind: 'error'; readonly name: string; readonly value: string }
  | { readonly kind: 'never ran'; readonly reason: string }
  /** Its answer was lost on the way: it may have run. */
  | { readonly kind: 'lost'; readonly reason: string }
  | { readonly kind: 'kernel gone'; readonly reason: string };

export type CellState = 'queued' | 'running' | 'ended';

export interface Prompt {
  readonly prompt: string;
  readonly password: boolean;
}

export interface CellWish {
  readonly code: string;
  /** An agent's name: written into the request, so that other clients see whose cell it is. */
  readonly owner: string;
  /** Whether `input()` may ask; otherwise the kernel refuses it at once. */
  readonly allowInput?: boolean;
}

export interface CellView {
  readonly id: string;
  readonly owner: string;
  readonly code: string;
  readonly state: CellState;
  readonly end: CellEnd | undefined;
  /** In [n]. */
  readonly count: number | undefined;
  readonly queuedAt: number;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly items: readonly OutputItem[];
  readonly left: { readonly items: number; readonly images: number };
  readonly latestLine: string;
  /** Some output may be missing: the connection was cut, or the kernel never said that it was done. */
  readonly incomplete: boolean;
  /** It waits for an answer to this. */
  readonly asks: Prompt | undefined;
  readonly notes: readonly string[];
}

export interface CellEvents {
  readonly changed: (cell: Cell) => void;
  readonly now: () => number;
}

export class Cell {
  readonly id: string;
  readonly wish: CellWish;
  readonly output: CellOutput;
  readonly ended: Promise<void>;
  readonly #events: CellEvents;
  readonly #queuedAt: number;
  readonly #resolve: () => void;
  readonly #notes: string[] = [];
  #state: CellState = 'queued';
  #end: CellEnd | undefined;
  #count: number | undefined;
  #startedAt: number | undefined;
  #endedAt: number | undefined;
  #incomplete = false;
  #forget: (() => void) | undefined;
  #asks: { readonly prompt: Prompt; readonly reply: (value: string) => void } | undefined;

  constructor(id: string, wish: CellWish, sink: OutputSink | undefined, events: CellEvents) {
    this.id = id;
    this.wish = wish;
    this.output = new CellOutput(sink);
    this.#events = events;
    this.#queuedAt = events.now();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#resolve = resolve;
  }

  get state(): CellState {
    return this.#state;
  }

  get end(): CellEnd | undefined {
    return this.#end;
  }

  get incomplete(): boolean {
    return this.#incomplete;
  }

  /** The kernel began to execute it: sending it once more would run it twice. */
  get begun(): boolean {
    return this.#count !== undefined;
  }

  get view(): CellView {
    const { id, output } = this;
    return {
      id,
      owner: this.wish.owner,
      code: this.wish.code,
      state: this.#state,
      end: this.#end,
      count: this.#count,
      queuedAt: this.#queuedAt,
      startedAt: this.#startedAt,
      endedAt: this.#endedAt,
      items: output.items,
      left: output.left,
      latestLine: output.latestLine,
      incomplete: this.#incomplete,
      asks: this.#asks?.prompt,
      notes: [...this.#notes],
    };
  }

  /** True when it has ended; false when the time was up first. The cell runs on either way. */
  async wait(milliseconds: number): Promise<boolean> {
    if (this.#end !== undefined) return true;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(milliseconds, 2_147_000_000));
    await Promise.race([this.ended, promise]);
    clearTimeout(timer);
    return this.#end !== undefined;
  }

  /** Answers its `input()`; false: it asks for nothing. */
  answer(value: string): boolean {
    const asks = this.#asks;
    this.#asks = undefined;
    asks?.reply(value);
    return asks !== undefined;
  }

  /** How to stop hearing about it, once nobody keeps it any more. */
  heardUntil(forget: () => void): void {
    this.#forget = forget;
  }

  forget(): void {
    this.#forget?.();
  }

  sent(): void {
    if (this.#state !== 'queued') return;
    this.#state = 'running';
    this.#startedAt = this.#events.now();
    this.#events.changed(this);
  }

  /** What IOPub says about it, before and after its end (threads print late). */
  heard({ header, content }: JupyterMessage): void {
    if (header.msg_type === 'execute_input') {
      const count = content['execution_count'];
      this.#count = typeof count === 'number' ? count : (this.#count ?? 0);
      this.#events.changed(this);
    } else if (this.output.add(header.msg_type, content)) {
      if (this.#end !== undefined) this.output.end();
      this.#events.changed(this);
    }
  }

  asked(prompt: Prompt, reply: (value: string) => void): void {
    if (this.#end !== undefined) return;
    this.#asks = { prompt, reply };
    this.#events.changed(this);
  }

  /** What the reply itself carries: a pager's text, a wish to exit. */
  payload(content: Facts): void {
    const count = content['execution_count'];
    if (typeof count === 'number') this.#count ??= count;
    for (const each of list(content['payload'])) {
      const part = factsOf(each);
      if (part['source'] === 'page') this.output.page(factsOf(part['data']));
      if (part['source'] === 'ask_exit') this.note('the cell asked the kernel to exit: it ends now');
      if (part['source'] === 'set_next_input')
        this.note(`the cell proposes as the next one: ${text(part['text'])}`);
    }
  }

  note(words: string): void {
    if (this.#notes.length < 20) this.#notes.push(words);
  }

  outputMayBeMissing(why: string): void {
    if (this.#state !== 'running' || this.#incomplete) return;
    this.#incomplete = true;
    this.note(`output may be incomplete: ${why}`);
  }

  finish(end: CellEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#state = 'ended';
    this.#asks = undefined;
    this.#endedAt = this.#events.now();
    this.output.end();
    this.#resolve();
    this.#events.changed(this);
  }
}

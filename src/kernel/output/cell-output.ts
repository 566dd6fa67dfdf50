/**
 * What one cell has shown: an ordered list whose every part is bounded, while the whole text goes to a
 * sink as it becomes final. `clear_output`, updated displays and late threads are heard as Jupyter means them.
 */
import { type Facts, factsOf, list, text } from '../message.ts';
import { bundleOf, type Image } from './bundle.ts';
import { copy, CutKeeper, type CutLimits, type CutText, cutText } from './cut-text.ts';
import { plainText } from './plain.ts';
import { Screen } from './screen.ts';

export type StreamName = 'stdout' | 'stderr';

export type OutputItem =
  | { readonly kind: 'stream'; readonly name: StreamName; readonly text: CutText }
  | {
      readonly kind: 'result' | 'display';
      readonly mime: string;
      readonly text: CutText;
      readonly images: readonly Image[];
      readonly displayId?: string;
    }
  | { readonly kind: 'error'; readonly name: string; readonly value: string; readonly traceback: CutText }
  | { readonly kind: 'page'; readonly text: CutText };

export type OutputPart = StreamName | 'result' | 'display' | 'error' | 'page';

/** Where the whole goes; given by whoever hosts the kernel. */
export interface OutputSink {
  /** Final text of a part, cleaned, in the order in which it became final. */
  readonly text: (part: OutputPart, text: string) => void;
  /** The cell wiped what it had shown. */
  readonly cleared: () => void;
}

export interface OutputLimits {
  readonly item: CutLimits;
  /** Characters kept of a whole cell, beyond which an item keeps little. */
  readonly cell: number;
  readonly items: number;
  readonly imageBytes: number;
}

export const outputLimits: OutputLimits = {
  item: { head: 16_384, tail: 16_384 },
  cell: 1_048_576,
  items: 400,
  imageBytes: 32 * 1024 * 1024,
};

const LITTLE: CutLimits = { head: 512, tail: 512 };

interface OpenStream {
  readonly name: StreamName;
  readonly screen: Screen;
  readonly keeper: CutKeeper;
}

type Kept = OpenStream | Exclude<OutputItem, { kind: 'stream' }>;

export class CellOutput {
  readonly #sink: OutputSink | undefined;
  readonly #limits: OutputLimits;
  #items: Kept[] = [];
  #kept = 0;
  #imageBytes = 0;
  #clearNext = false;
  #dropped = 0;
  #imagesDropped = 0;
  #latest = '';

  constructor(sink?: OutputSink, limits: OutputLimits = outputLimits) {
    this.#sink = sink;
    this.#limits = limits;
  }

  get items(): readonly OutputItem[] {
    return this.#items.map(viewOf).filter((item) => item.kind !== 'stream' || item.text.head !== '');
  }

  /** Items and images that are in the sink alone, or nowhere. */
  get left(): { readonly items: number; readonly images: number } {
    return { items: this.#dropped, images: this.#imagesDropped };
  }

  /** For a progress line: the last line that has something on it. */
  get latestLine(): string {
    return this.#latest;
  }

  /** A message of IOPub that belongs to this cell; answers whether it was output. */
  add(type: string, content: Facts): boolean {
    switch (type) {
      case 'stream':
        this.#clearIfAsked();
        this.#stream(content['name'] === 'stderr' ? 'stderr' : 'stdout', text(content['text']));
        return true;
      case 'execute_result':
        this.#bundle('result', content);
        return true;
      case 'display_data':
        this.#bundle('display', content);
        return true;
      case 'update_display_data':
        return this.update(content);
      case 'error':
        this.#error(content);
        return true;
      case 'clear_output':
        if (content['wait'] === true) this.#clearNext = true;
        else this.#clear();
        return true;
      default:
        return false;
    }
  }

  /** A pager's text, which comes with the reply and not on IOPub (`len?`). */
  page(data: Facts): void {
    const { text: whole } = bundleOf(data);
    this.#sink?.text('page', whole);
    this.#push({ kind: 'page', text: this.#cut(whole) });
  }

  /** Puts new content into the display of that id; false: it is not here. */
  update(content: Facts): boolean {
    const id = text(factsOf(content['transient'])['display_id']);
    let found = false;
    this.#items = this.#items.map((item) => {
      if ('screen' in item || item.kind !== 'display' || item.displayId !== id || id === '') return item;
      found = true;
      return this.#itemOf('display', content);
    });
    return found;
  }

  /** Nothing more is expected, though late output may still come. */
  end(): void {
    for (const item of this.#items) if ('screen' in item) this.#finish(item);
  }

  #stream(name: StreamName, piece: string): void {
    if (piece === '') return;
    const item = this.#streamFor(name, piece);
    item.screen.write(piece);
    const line = item.screen.live.trimEnd().split('\n').at(-1) ?? '';
    if (line.trim() !== '') this.#latest = copy(line.slice(0, 500));
  }

  /** The last item, or the line another stream broke in upon, when what comes writes over that line. */
  #streamFor(name: StreamName, piece: string): OpenStream {
    const last = this.#items.at(-1);
    if (last !== undefined && 'screen' in last && last.name === name) return last;
    if (/^[\r\b]|^\p{Cc}\[/u.test(piece)) {
      const earlier = this.#items.findLast((item) => 'screen' in item && item.name === name);
      if (earlier !== undefined && 'screen' in earlier && earlier.screen.openLine) return earlier;
    }
    const keeper = new CutKeeper(this.#itemLimits());
    const screen = new Screen((final) => {
      const before = keeper.length;
      keeper.add(final);
      this.#kept += keeper.length - before;
      this.#sink?.text(name, final);
    });
    const opened: OpenStream = { name, screen, keeper };
    this.#push(opened);
    return opened;
  }

  #bundle(kind: 'result' | 'display', content: Facts): void {
    this.#clearIfAsked();
    this.#push(this.#itemOf(kind, content));
  }

  #itemOf(kind: 'result' | 'display', content: Facts): Exclude<OutputItem, { kind: 'stream' }> {
    const bundle = bundleOf(factsOf(content['data']));
    if (bundle.text !== '') this.#sink?.text(kind, `${bundle.text}\n`);
    const images = bundle.images.filter(({ bytes }) => this.#roomFor(bytes.length));
    const displayId = text(factsOf(content['transient'])['display_id']);
    const item = { kind, mime: bundle.mime, text: this.#cut(bundle.text), images };
    return displayId === '' ? item : { ...item, displayId };
  }

  #roomFor(bytes: number): boolean {
    const fits = this.#imageBytes + bytes <= this.#limits.imageBytes;
    if (fits) this.#imageBytes += bytes;
    else this.#imagesDropped += 1;
    return fits;
  }

  #error(content: Facts): void {
    this.#clearIfAsked();
    const name = plainText(text(content['ename']));
    const value = plainText(text(content['evalue']));
    const lines = list(content['traceback']).map((line) => plainText(text(line)));
    const whole = lines.length > 0 ? lines.join('\n') : `${name}: ${value}`;
    this.#sink?.text('error', `${whole}\n`);
    this.#push({ kind: 'error', name, value: value.slice(0, 4_096), traceback: this.#cut(whole) });
  }

  #cut(whole: string): CutText {
    const cut = cutText(whole, this.#itemLimits());
    this.#kept += cut.head.length + cut.tail.length;
    return cut;
  }

  #itemLimits(): CutLimits {
    return this.#kept > this.#limits.cell ? LITTLE : this.#limits.item;
  }

  #push(item: Kept): void {
    const last = this.#items.at(-1);
    if (last !== undefined && 'screen' in last) last.screen.settle();
    this.#items.push(item);
    if (this.#items.length <= this.#limits.items) return;
    const [dropped] = this.#items.splice(Math.floor(this.#limits.items / 2), 1);
    if (dropped !== undefined && 'screen' in dropped) this.#finish(dropped);
    this.#dropped += 1;
  }

  #finish(item: OpenStream): void {
    item.screen.end();
  }

  #clearIfAsked(): void {
    if (this.#clearNext) this.#clear();
  }

  #clear(): void {
    this.#clearNext = false;
    this.#items = [];
    this.#kept = 0;
    this.#imageBytes = 0;
    this.#latest = '';
    this.#sink?.cleared();
  }
}

function viewOf(item: Kept): OutputItem {
  if (!('screen' in item)) return item;
  return { kind: 'stream', name: item.name, text: item.keeper.cut(item.screen.live) };
}

/** A cell as everybody is shown it: state, streams apart, one text of results, pictures as saved files. */
import type { Execution, ExecutionState, SavedImage } from '../../protocol/execution.ts';
import type { CellEnd, CellView } from '../cell.ts';
import { cutText, joined, type CutText } from '../output/cut-text.ts';
import type { OutputItem } from '../output/cell-output.ts';

/** `whose` depends on who looks. */
export type Told = Omit<Execution, 'whose'>;

export interface Shown {
  readonly stdout: string;
  readonly stderr: string;
  readonly result: string;
  readonly error: { readonly name: string; readonly value: string; readonly traceback: string } | undefined;
  /** Something was left out already. */
  readonly cut: boolean;
}

const CODE_CHARACTERS = 2_000;
/** Even beside a giant neighbour a part keeps so much. */
const LEAST = 400;

export function shownOf(items: readonly OutputItem[]): Shown {
  const stream = (name: 'stdout' | 'stderr') =>
    items
      .flatMap((item) => (item.kind === 'stream' && item.name === name ? [joined(item.text)] : []))
      .join('');
  const results = items.flatMap((item) =>
    item.kind === 'result' || item.kind === 'display' || item.kind === 'page' ? [joined(item.text)] : [],
  );
  const error = items.findLast((item) => item.kind === 'error');
  return {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    result: results.filter((text) => text !== '').join('\n'),
    error:
      error?.kind === 'error'
        ? { name: error.name, value: error.value, traceback: joined(error.traceback) }
        : undefined,
    cut: items.some((item) => (item.kind === 'error' ? item.traceback : item.text).omitted > 0),
  };
}

/** The parts within so many characters, each with its head and tail. */
export function within(shown: Shown, most: number): Shown {
  const { stdout, stderr, result, error } = shown;
  const total = stdout.length + stderr.length + result.length + (error?.traceback.length ?? 0);
  if (total <= most) return shown;
  const part = (text: string): string => {
    const room = Math.max(LEAST, Math.floor((most * text.length) / total));
    const cut: CutText = cutText(text, { head: Math.floor(room / 2), tail: Math.ceil(room / 2) });
    return joined(cut);
  };
  return {
    stdout: part(stdout),
    stderr: part(stderr),
    result: part(result),
    error: error === undefined ? undefined : { ...error, traceback: part(error.traceback) },
    cut: true,
  };
}

export interface Around {
  readonly kernel: string;
  readonly now: number;
  readonly most: number;
  readonly ahead: number | undefined;
  readonly images: readonly SavedImage[];
  readonly whole: Execution['whole'];
}

export function toldOf(view: CellView, around: Around): Told {
  const { cut, error, ...texts } = within(shownOf(view.items), around.most);
  const { startedAt, endedAt, left } = view;
  const told: Told = {
    id: view.id,
    kernel: around.kernel,
    state: stateOf(view),
    by: view.owner,
    code: view.code.slice(0, CODE_CHARACTERS),
    queuedAt: instant(view.queuedAt),
    ...texts,
    images: [...around.images],
    notes: [...notesOf(view.end), ...view.notes],
  };
  if (view.count !== undefined) told.count = view.count;
  if (around.ahead !== undefined && view.state === 'queued') told.ahead = around.ahead;
  if (startedAt !== undefined) {
    told.startedAt = instant(startedAt);
    told.seconds = Math.round((endedAt ?? around.now) - startedAt) / 1_000;
  }
  if (endedAt !== undefined) told.endedAt = instant(endedAt);
  if (error !== undefined) told.error = error;
  if (view.state === 'running' && view.latestLine !== '') told.latest = view.latestLine;
  if (view.asks !== undefined) told.asks = { ...view.asks };
  if (left.images > 0) told.notes.push(`${left.images} more pictures were too large to keep`);
  if ((cut || left.items > 0) && around.whole !== undefined) told.whole = around.whole;
  return told;
}

function stateOf({ state, end }: CellView): ExecutionState {
  return end === undefined ? (state === 'queued' ? 'queued' : 'running') : endState(end);
}

function endState(end: CellEnd): ExecutionState {
  switch (end.kind) {
    case 'ok':
      return 'ok';
    case 'error':
      return end.name === 'KeyboardInterrupt' ? 'interrupted' : 'error';
    case 'never ran':
      return 'cancelled';
    case 'lost':
      return 'unknown';
    case 'kernel gone':
      return 'died';
  }
}

function notesOf(end: CellEnd | undefined): string[] {
  if (end === undefined || end.kind === 'ok' || end.kind === 'error') return [];
  const how = {
    'never ran': 'it never ran',
    lost: 'its end is not known',
    'kernel gone': 'the kernel is gone',
  };
  return [`${how[end.kind]}: ${end.reason}`];
}

export function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

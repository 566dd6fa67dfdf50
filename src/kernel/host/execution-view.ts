/** A cell as everybody is shown it: state, streams apart, one text of results, pictures as saved files. */
import type { Execution, ExecutionState, SavedImage } from '../../protocol/execution.ts';
import type { CellEnd, CellView } from '../cell.ts';
import { joined, type CutText } from '../output/cut-text.ts';
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

export function shownOf(items: readonly OutputItem[], most: number): Shown {
  const stream = (name: 'stdout' | 'stderr') =>
    items.flatMap((item) => (item.kind === 'stream' && item.name === name ? piecesOf(item.text) : []));
  const results = items.flatMap((item) => {
    const shows = item.kind === 'result' || item.kind === 'display' || item.kind === 'page';
    return shows && joined(item.text) !== '' ? [piecesOf(item.text)] : [];
  });
  const error = items.findLast((item) => item.kind === 'error');
  const traceback = error?.kind === 'error' ? piecesOf(error.traceback) : [];
  const parts = {
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    result: results.flatMap((pieces, at) => (at === 0 ? pieces : ['\n', ...pieces])),
  };
  const total = [...Object.values(parts), traceback].reduce((sum, part) => sum + lengthOf(part), 0);
  const within = (pieces: Pieces): string => {
    const room = Math.max(LEAST, Math.floor((most * lengthOf(pieces)) / Math.max(total, 1)));
    return total <= most ? textOf(pieces) : cutPieces(pieces, room);
  };
  return {
    stdout: within(parts.stdout),
    stderr: within(parts.stderr),
    result: within(parts.result),
    error:
      error?.kind === 'error'
        ? { name: error.name, value: error.value, traceback: within(traceback) }
        : undefined,
    cut:
      total > most || items.some((item) => (item.kind === 'error' ? item.traceback : item.text).omitted > 0),
  };
}

/** Text, and how many characters are missing at a place. */
type Pieces = readonly (string | number)[];

function piecesOf({ head, omitted, tail }: CutText): Pieces {
  return omitted === 0 ? [head] : [head, omitted, tail];
}

function lengthOf(pieces: Pieces): number {
  return pieces.reduce<number>((sum, piece) => sum + (typeof piece === 'string' ? piece.length : 0), 0);
}

function textOf(pieces: Pieces): string {
  return pieces
    .map((piece) => (typeof piece === 'string' ? piece : joined({ head: '', omitted: piece, tail: '' })))
    .join('');
}

/** Head and tail of what is there; a gap that was there already counts in the new one. */
function cutPieces(pieces: Pieces, room: number): string {
  const size = lengthOf(pieces);
  if (size <= room) return textOf(pieces);
  const [from, to] = [Math.floor(room / 2), size - Math.ceil(room / 2)];
  const parts: { head: (string | number)[]; tail: (string | number)[] } = { head: [], tail: [] };
  let omitted = 0;
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === 'number') {
      if (at < from) parts.head.push(piece);
      else if (at > to) parts.tail.push(piece);
      else omitted += piece;
      continue;
    }
    const end = at + piece.length;
    if (at < from) parts.head.push(piece.slice(0, from - at).toWellFormed());
    if (end > to) parts.tail.push(piece.slice(Math.max(0, to - at)).toWellFormed());
    omitted += Math.max(0, Math.min(end, to) - Math.max(at, from));
    at = end;
  }
  return joined({ head: textOf(parts.head), omitted, tail: textOf(parts.tail) });
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
  const { cut, error, ...texts } = shownOf(view.items, around.most);
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

/** Cells and records of a page, as the file format lays them out; what does not add up is not returned. */
import type { Value } from '../engine/connection.ts';
import type { Overflow } from './pages.ts';

export type Kind = 'table-leaf' | 'table-inner' | 'index-leaf' | 'index-inner';

const KINDS: Readonly<Record<number, Kind>> = {
  0x0d: 'table-leaf',
  0x05: 'table-inner',
  0x0a: 'index-leaf',
  0x02: 'index-inner',
};

export interface Page {
  readonly kind: Kind;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where its cells begin. */
  readonly cells: readonly number[];
  /** Children, in the order of their keys; none for a leaf. */
  readonly children: readonly number[];
}

/** A row, or a key of an index. */
export interface Cell {
  /** Of a row of a table; 0 for an index. */
  readonly rowid: number;
  readonly values: readonly Value[];
  /** The last value is not all there: a page of its overflow is lost. */
  readonly cut: boolean;
}

/** Null: this is no page of a tree. */
export function parsePage(bytes: Uint8Array, isFirst: boolean): Page | null {
  const start = isFirst ? 100 : 0;
  const kind = KINDS[bytes[start] ?? 0];
  if (kind === undefined) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isInner = kind === 'table-inner' || kind === 'index-inner';
  const count = view.getUint16(start + 3);
  const pointers = start + (isInner ? 12 : 8);
  if (pointers + count * 2 > bytes.length) return null;
  const cells: number[] = [];
  for (let nth = 0; nth < count; nth += 1) {
    const at = view.getUint16(pointers + nth * 2);
    if (at >= pointers + count * 2 && at + 4 <= bytes.length) cells.push(at);
  }
  // Random bytes may begin like a page; they do not go on like one.
  if (cells.length < count / 2) return null;
  const children = isInner ? [...cells.map((at) => view.getUint32(at)), view.getUint32(start + 8)] : [];
  return { kind, bytes, view, cells, children };
}

export function cellsOf(pages: Overflow, page: Page): readonly (Cell | null)[] {
  return page.kind === 'table-inner' ? [] : page.cells.map((at) => cellAt(pages, page, at));
}

function cellAt(pages: Overflow, { kind, bytes, view }: Page, start: number): Cell | null {
  const isTable = kind === 'table-leaf';
  const length = varint(bytes, kind === 'index-inner' ? start + 4 : start);
  if (length === null || length.value > MAX_RECORD) return null;
  const key = isTable ? varint(bytes, length.next) : { value: 0, next: length.next };
  if (key === null) return null;
  const local = localBytes(pages.usable, length.value, isTable);
  if (key.next + local > bytes.length) return null;
  const payload = new Uint8Array(length.value);
  payload.set(bytes.subarray(key.next, key.next + local));
  let got = local;
  if (local < length.value) {
    if (key.next + local + 4 > bytes.length) return null;
    got += follow(pages, view.getUint32(key.next + local), payload.subarray(local));
  }
  const values = decode(payload, got);
  return values === null ? null : { rowid: key.value, values, cut: got < length.value };
}

/** Far above what a message may be: a body and its data have at most a frame of the socket each. */
const MAX_RECORD = 16 * 1_048_576;

function localBytes(usable: number, length: number, isTable: boolean): number {
  const most = isTable ? usable - 35 : Math.floor(((usable - 12) * 64) / 255) - 23;
  if (length <= most) return length;
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const rest = least + ((length - least) % (usable - 4));
  return rest <= most ? rest : least;
}

/** Fills the payload from its overflow pages; returns how many bytes it got. */
function follow(pages: Overflow, first: number, into: Uint8Array): number {
  let page = first;
  let got = 0;
  while (got < into.length) {
    const bytes = pages.rest(page);
    if (bytes === null) return got;
    const part = bytes.subarray(4, Math.min(pages.usable, 4 + into.length - got));
    into.set(part, got);
    got += part.length;
    page = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  }
  return got;
}

/** Null: no record. One whose last value alone is cut short is taken as far as it goes. */
function decode(payload: Uint8Array, got: number): Value[] | null {
  const head = varint(payload, 0);
  if (head === null || head.value > got || head.value < 1) return null;
  const serials: number[] = [];
  for (let at = head.next; at < head.value;) {
    const serial = varint(payload, at);
    if (serial === null || serial.next > head.value) return null;
    serials.push(serial.value);
    at = serial.next;
  }
  const total = serials.reduce((sum, serial) => sum + widthOf(serial), head.value);
  const last = serials.at(-1) ?? 0;
  if (total !== payload.length || total - widthOf(last) > got) return null;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  let at = head.value;
  return serials.map((serial) => {
    const from = at;
    at += widthOf(serial);
    return valueOf(view, serial, from, Math.min(at, got));
  });
}

function widthOf(serial: number): number {
  if (serial >= 12) return Math.floor((serial - 12) / 2);
  return [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0][serial] ?? 0;
}

function valueOf(view: DataView, serial: number, from: number, to: number): Value {
  if (serial >= 12) {
    const bytes = Buffer.from(view.buffer, view.byteOffset + from, Math.max(0, to - from));
    return serial % 2 === 0 ? Uint8Array.from(bytes) : bytes.toString('utf8');
  }
  switch (serial) {
    case 1:
      return view.getInt8(from);
    case 2:
      return view.getInt16(from);
    case 3:
      return view.getInt8(from) * 2 ** 16 + view.getUint16(from + 1);
    case 4:
      return view.getInt32(from);
    case 5:
      return view.getInt16(from) * 2 ** 32 + view.getUint32(from + 2);
    case 6:
      return Number(view.getBigInt64(from));
    case 7:
      return view.getFloat64(from);
    case 8:
      return 0;
    case 9:
      return 1;
    default:
      return null;
  }
}

function varint(bytes: Uint8Array, at: number): { value: number; next: number } | null {
  let value = 0;
  for (let nth = 0; nth < 8; nth += 1) {
    const byte = bytes[at + nth];
    if (byte === undefined) return null;
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return { value, next: at + nth + 1 };
  }
  // Nine bytes: a negative number, or one beyond what any of ours comes to.
  return null;
}

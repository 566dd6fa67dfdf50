/**
 * What a disk may hold after its power failed, from the journal that `disk-shim.c` writes. What was synced is
 * there. What was not is there or is not, each write for itself and by sectors; so is each change of a folder
 * that was not synced. Stricter than ext4 and XFS, which keep the order of such changes: half of the cuts keep
 * it too. A write whose sync failed is taken for clean by the kernel: no later sync brings it to the disk.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Chance } from '../chance.ts';

const HEADER_BYTES = 32;
const MAGIC = 0x4c_4e_52_4a;
const SECTOR = 512;

export interface DiskRecord {
  readonly kind: string;
  readonly inode: bigint;
  readonly number: number;
  readonly first: Buffer;
  readonly second: string;
}

/** The records of a journal, in the order in which they took effect; one cut off at the end is left out. */
export function diskRecords(journal: Buffer): readonly DiskRecord[] {
  const records: DiskRecord[] = [];
  for (let at = 0; at + HEADER_BYTES <= journal.length;) {
    if (journal.readUInt32LE(at) !== MAGIC) throw new Error(`no record at byte ${at} of the journal`);
    const first = journal.readUInt32LE(at + 24);
    const second = journal.readUInt32LE(at + 28);
    const body = at + HEADER_BYTES;
    const end = body + first + second;
    if (end > journal.length) break;
    records.push({
      kind: String.fromCodePoint(journal.readUInt32LE(at + 4)),
      inode: journal.readBigUInt64LE(at + 8),
      number: Number(journal.readBigUInt64LE(at + 16)),
      first: journal.subarray(body, body + first),
      second: journal.subarray(body + first, end).toString(),
    });
    at = end;
  }
  return records;
}

type Change = { readonly at: number; readonly bytes: Buffer } | { readonly size: number };

interface Node {
  durable: Buffer;
  size: number;
  pending: Change[];
  /** Writes that a failed sync left clean in memory: on the disk or not, for good. */
  doomed: { at: number; bytes: Buffer }[];
}

type Entry = Node | 'folder';

interface NameChange {
  readonly order: number;
  readonly name: string;
  /** Undefined: the name goes. */
  readonly entry: Entry | undefined;
  /** A name goes by a rename exactly when it came where it went. */
  readonly with: NameChange | undefined;
  readonly folder: Folder;
  isDurable: boolean;
}

interface Folder {
  readonly durable: Map<string, Entry>;
  /** As the running system sees it. */
  readonly seen: Map<string, Entry>;
  pending: NameChange[];
}

export class Disk {
  readonly #home: string;
  readonly #folders = new Map<string, Folder>();
  readonly #nodes = new Map<bigint, Node>();
  #order = 0;

  constructor(home: string) {
    this.#home = home;
    this.#folders.set(home, newFolder());
  }

  apply(record: DiskRecord): void {
    const path = record.first.toString();
    switch (record.kind) {
      case 'C': {
        const node = { durable: Buffer.alloc(0), size: 0, pending: [], doomed: [] };
        this.#nodes.set(record.inode, node);
        return void this.#change(path, node);
      }
      case 'W':
        return this.#write(record.inode, { at: record.number, bytes: record.first });
      case 'T':
        return this.#write(record.inode, { size: record.number });
      case 'Y':
        return this.#sync(record.inode, path);
      case 'X':
        return this.#failSync(record.inode);
      case 'D':
        if (path === this.#home) return;
        this.#folders.set(path, newFolder());
        return void this.#change(path, 'folder');
      case 'U':
        return void this.#change(path, undefined);
      case 'L':
      case 'R': {
        const entry = this.#seen(path);
        // A socket: no image has one.
        if (entry === undefined) return;
        const came = this.#change(record.second, entry);
        if (record.kind === 'R') this.#change(path, undefined, came);
      }
    }
  }

  /** Writes an image of what is left into an empty folder. */
  async cut(target: string, chance: Chance): Promise<void> {
    const orders = [...this.#folders.values()].flatMap(({ pending }) => pending.map(({ order }) => order));
    const upTo = chance.next() < 0.5 ? chance.pick([0, ...orders]) : undefined;
    const decided = new Map<NameChange, boolean>();
    const isKept = (change: NameChange): boolean => {
      if (change.isDurable) return true;
      if (change.with !== undefined) return isKept(change.with);
      const known = decided.get(change);
      if (known !== undefined) return known;
      const kept = upTo === undefined ? chance.next() < 0.5 : change.order <= upTo;
      decided.set(change, kept);
      return kept;
    };
    await this.#writeFolder(this.#home, target, { isKept, chance });
  }

  async #writeFolder(folder: string, target: string, luck: Luck): Promise<void> {
    await mkdir(target, { recursive: true, mode: 0o700 });
    const found = this.#folders.get(folder) ?? newFolder();
    const entries = new Map(found.durable);
    for (const change of found.pending) if (luck.isKept(change)) set(entries, change);
    for (const [name, entry] of entries) {
      const path = join(target, name);
      if (entry === 'folder') await this.#writeFolder(join(folder, name), path, luck);
      else await writeFile(path, content(entry, luck.chance), { mode: 0o600 });
    }
  }

  #write(inode: bigint, change: Change): void {
    this.#nodes.get(inode)?.pending.push(change);
  }

  #sync(inode: bigint, path: string): void {
    const folder = this.#folders.get(path);
    if (folder !== undefined) return syncFolder(folder);
    const node = this.#nodes.get(inode);
    if (node === undefined) return;
    for (const change of node.pending) {
      node.doomed = node.doomed.flatMap((doomed) => spared(doomed, change));
      applyTo(node, change);
    }
    node.pending = [];
  }

  #failSync(inode: bigint): void {
    const node = this.#nodes.get(inode);
    if (node === undefined) return;
    for (const change of node.pending) {
      if ('bytes' in change) node.doomed.push(change);
      else applyTo(node, change);
    }
    node.pending = [];
  }

  #seen(path: string): Entry | undefined {
    return this.#folders.get(dirname(path))?.seen.get(path.slice(path.lastIndexOf('/') + 1));
  }

  #change(path: string, entry: Entry | undefined, partner?: NameChange): NameChange | undefined {
    const folder = this.#folders.get(dirname(path));
    if (folder === undefined) return undefined;
    this.#order += 1;
    const name = path.slice(path.lastIndexOf('/') + 1);
    const change = { order: this.#order, name, entry, with: partner, folder, isDurable: false };
    folder.pending.push(change);
    set(folder.seen, change);
    return change;
  }
}

interface Luck {
  readonly isKept: (change: NameChange) => boolean;
  readonly chance: Chance;
}

function syncFolder(folder: Folder): void {
  const { pending } = folder;
  folder.pending = [];
  for (const change of pending) {
    set(folder.durable, change);
    change.isDurable = true;
    if (change.with?.isDurable === false) syncFolder(change.with.folder);
  }
}

function newFolder(): Folder {
  return { durable: new Map(), seen: new Map(), pending: [] };
}

function set(entries: Map<string, Entry>, { name, entry }: NameChange): void {
  if (entry === undefined) entries.delete(name);
  else entries.set(name, entry);
}

function content(node: Node, chance: Chance): Buffer {
  const copy: Node = { durable: Buffer.from(node.durable), size: node.size, pending: [], doomed: [] };
  for (const doomed of node.doomed) if (chance.next() < 0.5) applyTo(copy, doomed);
  for (const change of node.pending) {
    const luck = chance.next();
    if (luck < 0.4) applyTo(copy, change);
    else if (luck < 0.6 && 'bytes' in change) for (const part of torn(change, chance)) applyTo(copy, part);
  }
  return copy.durable.subarray(0, copy.size);
}

/** Some of its sectors. */
function torn({ at, bytes }: { at: number; bytes: Buffer }, chance: Chance): { at: number; bytes: Buffer }[] {
  const parts: { at: number; bytes: Buffer }[] = [];
  for (let from = 0; from < bytes.length;) {
    const to = Math.min(bytes.length, from + SECTOR - ((at + from) % SECTOR));
    if (chance.next() < 0.5) parts.push({ at: at + from, bytes: bytes.subarray(from, to) });
    from = to;
  }
  return parts;
}

function applyTo(node: Node, change: Change): void {
  if ('size' in change) {
    // What is cut off reads as zeros when the file grows again.
    if (change.size < node.size) node.durable.fill(0, change.size, node.size);
    reserve(node, change.size);
    node.size = change.size;
    return;
  }
  const end = change.at + change.bytes.length;
  reserve(node, end);
  change.bytes.copy(node.durable, change.at);
  node.size = Math.max(node.size, end);
}

function reserve(node: Node, bytes: number): void {
  if (bytes <= node.durable.length) return;
  const grown = Buffer.alloc(Math.max(bytes, node.durable.length * 2));
  node.durable.copy(grown);
  node.durable = grown;
}

/** What a later change leaves of a doomed write. */
function spared(doomed: { at: number; bytes: Buffer }, change: Change): { at: number; bytes: Buffer }[] {
  const [from, to] =
    'size' in change ? [change.size, Infinity] : [change.at, change.at + change.bytes.length];
  const end = doomed.at + doomed.bytes.length;
  if (to <= doomed.at || from >= end) return [doomed];
  const before = doomed.bytes.subarray(0, Math.max(0, from - doomed.at));
  const after = doomed.bytes.subarray(Math.max(0, to - doomed.at));
  return [
    { at: doomed.at, bytes: before },
    { at: to, bytes: after },
  ].filter((part) => part.bytes.length > 0);
}

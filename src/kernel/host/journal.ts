/**
 * What ran on a kernel, durably: one line of JSON for each step of a cell, and beside it all that each
 * cell showed. A host that was killed leaves cells without an end; the next one says so, and makes none up.
 */
import { appendFileSync, readdirSync } from 'node:fs';
import type { Kind } from '../../protocol/model.ts';
import type { SavedImage } from '../../protocol/execution.ts';
import { makeFolder, readIfThere, removeIfThere, replaceFile, replaceUnsynced } from '../../system/files.ts';
import type { Image } from '../output/bundle.ts';
import type { Told } from './execution-view.ts';
import { keepImage, partOf, sizeOf, wholeOutput, type WholeOutput } from './whole-output.ts';

/** `kind`: of whoever asked; `other`: another client's cell, a person's IDE most likely. */
export interface Entry extends Told {
  readonly asked: Kind | 'other';
}

const KEPT_ENTRIES = 2_000;
const KEPT_OUTPUTS = 500;
const suffixes: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/gif': 'gif',
  'image/webp': 'webp',
  'image/svg+xml': 'svg',
};

export class Journal {
  readonly #folder: string;
  readonly #entries = new Map<string, Entry>();
  readonly #outputs = new Map<string, WholeOutput>();
  #last = 0;

  constructor(folder: string) {
    this.#folder = folder;
    makeFolder(`${folder}/out`);
    this.#read();
  }

  nextId(kernel: string): string {
    this.#last += 1;
    return `${kernel}-${this.#last}`;
  }

  write(entry: Entry): void {
    this.#entries.set(entry.id, entry);
    try {
      appendFileSync(this.#log, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    } catch {
      // The cell runs whether or not its line can be kept.
    }
    this.#forgetOld();
  }

  /** As it is now: what is left of it when this process is killed. */
  writeLive(entry: Entry): void {
    try {
      replaceUnsynced(this.#livePath(entry.id), JSON.stringify(entry));
    } catch {
      // As with a line of the log.
    }
  }

  entry(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /** Newest first. */
  find({ search, limit }: { search?: string | undefined; limit: number }): readonly Entry[] {
    const words = search?.toLowerCase();
    const all = [...this.#entries.values()].toReversed();
    return all.filter((entry) => words === undefined || textOf(entry).includes(words)).slice(0, limit);
  }

  sinkFor(id: string): WholeOutput {
    const sink = wholeOutput(this.pathOf(id));
    this.#outputs.set(id, sink);
    return sink;
  }

  /** No more is written of it. */
  closed(id: string): void {
    this.#outputs.get(id)?.flush();
    removeIfThere(this.#livePath(id));
  }

  whole(id: string): { path: string; bytes: number } | undefined {
    const bytes = this.#outputs.get(id)?.bytes() ?? sizeOf(this.pathOf(id));
    return bytes === 0 ? undefined : { path: this.pathOf(id), bytes };
  }

  part(id: string, range: { from: number; bytes: number }): string {
    this.#outputs.get(id)?.flush();
    return partOf(this.pathOf(id), range);
  }

  saved(id: string, { mime, bytes }: Image): SavedImage {
    const digest = new Bun.CryptoHasher('sha256').update(bytes).digest('hex').slice(0, 8);
    const path = `${this.#folder}/out/${numberOf(id)}-${digest}.${suffixes[mime] ?? 'img'}`;
    keepImage(path, bytes);
    return { path, type: mime, bytes: bytes.length };
  }

  pathOf(id: string): string {
    return `${this.#folder}/out/${numberOf(id)}.txt`;
  }

  #livePath(id: string): string {
    return `${this.#folder}/out/${numberOf(id)}.json`;
  }

  get #log(): string {
    return `${this.#folder}/executions.jsonl`;
  }

  #read(): void {
    const lines = (readIfThere(this.#log) ?? '').split('\n');
    for (const line of lines) {
      const entry = parsed(line);
      if (entry === undefined) continue;
      this.#entries.delete(entry.id);
      this.#entries.set(entry.id, entry);
      this.#last = Math.max(this.#last, numberOf(entry.id));
    }
    this.#forgetOld();
    for (const entry of [...this.#entries.values()]) {
      const ended = this.#endedWithoutHost(entry);
      if (ended !== entry) this.#entries.set(entry.id, ended);
    }
    if (lines.length <= 2 * this.#entries.size) return;
    // Three lines a cell, of which the last is all that counts.
    const kept = [...this.#entries.values()].map((entry) => `${JSON.stringify(entry)}\n`);
    replaceFile(this.#log, kept.join(''));
  }

  /** Its host was killed: what is known of it is what stands in the files. */
  #endedWithoutHost(entry: Entry): Entry {
    if (entry.state === 'queued')
      return { ...entry, state: 'cancelled', notes: [...entry.notes, 'it never ran: the host ended first'] };
    if (entry.state !== 'running') return entry;
    const path = this.#livePath(entry.id);
    const { latest: _, asks: __, ...rest } = parsed(readIfThere(path) ?? '') ?? entry;
    removeIfThere(path);
    const note = 'the host ended while it ran: it may have finished in the kernel, later output is lost';
    return { ...rest, state: 'unknown', notes: [...entry.notes, note] };
  }

  #forgetOld(): void {
    for (const id of this.#entries.keys()) {
      if (this.#entries.size <= KEPT_ENTRIES) break;
      this.#entries.delete(id);
    }
    const oldest = this.#last - KEPT_OUTPUTS;
    if (oldest <= 0 || this.#last % 50 !== 0) return;
    for (const name of readdirSync(`${this.#folder}/out`))
      if (Number.parseInt(name, 10) < oldest) removeIfThere(`${this.#folder}/out/${name}`);
    for (const id of this.#outputs.keys()) if (numberOf(id) < oldest) this.#outputs.delete(id);
  }
}

function numberOf(id: string): number {
  return Number(id.slice(id.lastIndexOf('-') + 1));
}

function textOf({ code, stdout, stderr, result, error }: Entry): string {
  return [code, stdout, stderr, result, error?.traceback ?? ''].join('\n').toLowerCase();
}

function parsed(line: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isEntry = typeof value === 'object' && value !== null && 'id' in value && 'state' in value;
    return isEntry ? (value as Entry) : undefined;
  } catch {
    // A line that a kill cut short.
    return undefined;
  }
}

/** A machine whose disk is watched by `disk-shim.c`: what reached it is written down, and it can be made to fail. */
import { existsSync, rmSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

const SOURCE = join(import.meta.dir, 'disk-shim.c');
/** Words of `struct control`. */
const KINDS = 1;
const INJECTED = 5;

/** What a fault may strike; `none` takes what is left of it back. */
export const struck = { none: 0, write: 1, sync: 2, name: 4, any: 7 } as const;

export interface Fault {
  readonly kinds: number;
  /** Calls of these kinds that go well before it. */
  readonly after: number;
  /** So many fail, one after the other. */
  readonly times: number;
  /** 0: a write is cut short. */
  readonly errno: number;
}

export const errnos = constants.errno;

export interface WatchedDisk extends Disposable {
  /** For the program under test: what it does to its home is watched. */
  readonly environment: Readonly<Record<string, string>>;
  arm(fault: Fault): void;
  /** Sets the wall clock of the program by so many seconds ahead, or back; the monotonic one goes on. */
  setClock(seconds: number): void;
  /** Faults that have struck. */
  injected(): number;
  journal(): Promise<Buffer>;
  /** An entry of the test's own among what happened. */
  note(text: string): Promise<void>;
}

/** What this machine lacks for it, in words. */
export function missingForDisk(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'the shim knows Linux on x86-64 only';
  return Bun.which('gcc') === null ? 'no gcc here to build the shim with' : undefined;
}

let built: Promise<string> | undefined;

async function build(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ipc-shim-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const library = join(folder, 'disk-shim.so');
  const gcc = Bun.spawnSync(['gcc', '-shared', '-fPIC', '-O2', '-Wall', '-o', library, SOURCE]);
  if (gcc.exitCode !== 0 || !existsSync(library)) throw new Error(gcc.stderr.toString());
  return library;
}

export async function watchDisk(home: string): Promise<WatchedDisk> {
  const library = await (built ??= build());
  const folder = await mkdtemp(join(tmpdir(), 'ipc-disk-'));
  const [journal, control] = [join(folder, 'journal'), join(folder, 'control')];
  await writeFile(journal, '');
  await writeFile(control, Buffer.alloc(4_096));
  const shared = Bun.mmap(control, { shared: true }).buffer;
  const page = new Uint32Array(shared, 0, 6);
  const clock = new BigInt64Array(shared, 24, 1);
  return {
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
    environment: {
      LD_PRELOAD: library,
      IPC_SHIM_HOME: home,
      IPC_SHIM_JOURNAL: journal,
      IPC_SHIM_CONTROL: control,
    },
    arm: ({ kinds, after, times, errno }) => {
      page[KINDS] = struck.none;
      page.set([after, times, errno], KINDS + 1);
      page[KINDS] = kinds;
    },
    setClock: (seconds) => {
      clock[0] = BigInt(seconds);
    },
    injected: () => page[INJECTED] ?? 0,
    journal: () => readFile(journal),
    note: async (text) => {
      const bytes = Buffer.from(text);
      const header = Buffer.alloc(32);
      header.write('JRNL', 0, 'latin1');
      header.writeUInt32LE('N'.charCodeAt(0), 4);
      header.writeUInt32LE(bytes.length, 24);
      await appendFile(journal, Buffer.concat([header, bytes]));
    },
  };
}

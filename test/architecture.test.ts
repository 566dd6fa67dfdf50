/**
 * The map of design §3.1 as tests: who may import whom, how files are shaped, and which doors to the
 * world are shut outside `system/`.
 */
import { describe, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { failures } from '../src/protocol/failures.ts';
import { directory } from '../src/protocol/operations/directory.ts';
import { kernel } from '../src/protocol/operations/kernel.ts';
import { reading } from '../src/protocol/operations/reading.ts';
import { sending } from '../src/protocol/operations/sending.ts';
import { upkeep } from '../src/protocol/operations/upkeep.ts';

const root = resolve(import.meta.dir, '..');

/** Folder of src → folders it may import. Type-only imports are exempt: the scan does not see them. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  system: ['protocol'],
  core: ['protocol'],
  store: ['protocol'],
  rpc: ['protocol', 'system'],
  present: ['protocol'],
  doors: ['protocol', 'system', 'present'],
  mcp: ['protocol', 'system', 'present'],
  http: ['protocol', 'system', 'present', 'doors', 'mcp'],
  kernel: ['protocol', 'system', 'present'],
  hosts: ['protocol', 'system'],
  daemon: ['protocol', 'system', 'core', 'store', 'rpc'],
  cli: ['protocol', 'system', 'rpc', 'present', 'doors', 'mcp', 'http', 'kernel', 'hosts'],
};

/** Folder of src → packages it may import. The MCP SDK stays inside mcp/ and http/. */
const mayUse: Readonly<Record<string, readonly string[]>> = {
  protocol: ['zod'],
  system: ['consola'],
  // The daemon's side of the wire checks what strangers say; the client's side must not load it.
  rpc: ['zod'],
  // Readers of other programs' settings, loaded by `setup` and `doctor` alone.
  hosts: ['jsonc-parser', 'smol-toml'],
  mcp: ['@modelcontextprotocol/sdk', 'zod'],
  http: ['@modelcontextprotocol/sdk', 'zod'],
  cli: ['citty', 'consola', 'zod'],
};

/** They decide and describe; they do no I/O: not even what the runtime brings may be imported. */
const pure = ['core', 'present', 'protocol'];

const onlySystem = /\bprocess\.env\b|\bBun\.env\b|\bDate\.now\b|\bnew Date\(\)|\bMath\.random\b|\bconsole\./g;
const onlySystemIds = /\bcrypto\.(?:random|getRandom)\w*|\brandom(?:UUID|Bytes|Int|UUIDv7)\(/g;
const onlyMain = /\bprocess\.exit\(/g;
const timers = /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\(/g;
const sleeps = /\bBun\.sleep|\bsleepSync\b|\bsetTimeout\(|from ['"]node:timers|\bAtomics\.wait\b/g;
/** Run while bundling; the transpiler would run them too. */
const macros = /^import[^;]*with \{ type: 'macro' \};$/gm;
const drawers = /(?:^|\/)(?:index|utils?|types|helpers?|common|misc|shared)\.ts$/;
/** Folders that exist on one machine only. */
const machinePaths = /(?<![\w.])\/(?:work|root|Users)\/|\/home\/[a-z]+\/(?:src|work|dev)/g;

/** Test files that let time pass, each with the reason why waiting for an event cannot do. */
const sleepers: Readonly<Record<string, string>> = {
  'test/torture/socket/crowd-peer.ts': 'a byte now and then is the attack itself',
  'test/torture/socket/fuzz-peer.ts':
    'gives up waiting for an answer that was forgotten, which is the defect it looks for',
  'test/e2e/machine.ts': 'looks again every few milliseconds until another process has done its part',
  'test/torture/moment.ts': 'a fault falls at the moment that the seed chose, whatever the victim is at',
  'test/support/until.ts': 'looks again every few milliseconds: the one loop other tests wait with',
  'test/torture/storms/loop-storm.ts':
    'waits until nothing was said for a while, and then looks how calm the daemon is',
  'test/torture/life/life-daemon.ts': 'measures a daemon that nobody asks for anything, and sends at a pace',
  'test/torture/life/life-day.ts': 'turns a clock of its own on, and sends at a pace',
  'test/torture/storms/storm-agent.ts': 'waits as long as the refusal says before it tries again',
};

/** What `ipc send`, `ipc check` and `ipc hook` load, some of it by lazy imports. */
const coldPath = [
  'src/main.ts',
  'src/cli/program.ts',
  'src/cli/session.ts',
  'src/cli/verbs/check.ts',
  'src/cli/verbs/hook.ts',
  'src/doors/hook.ts',
  'src/cli/verbs/send.ts',
  'src/rpc/client.ts',
];

const sources = files('src');
const tests = files('test');
const scripts = files('scripts');
const everything = [...sources, ...tests, ...scripts];
const code = sources.filter((file) => file.endsWith('.ts'));

describe('the map', () => {
  test('a file imports only what its folder may', async () => {
    const wrong: string[] = [];
    for (const file of code) {
      for (const found of await importsOf(file)) {
        if (!importAllowed(file, found)) wrong.push(`${file}: ${found.path}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('every folder of src is on the map, and no file beside main.ts stands loose', () => {
    const loose = sources.filter((file) => dirname(file) === 'src');
    const folders = new Set(sources.filter((file) => dirname(file) !== 'src').map(folderOf));
    expect(loose).toEqual(['src/main.ts']);
    expect([...folders].filter((folder) => !(folder in mayImport))).toEqual([]);
  });

  test('nothing else stands at the top level', () => {
    const named = ['package.json', 'bunfig.toml', 'tsconfig.json', 'src', 'test', 'scripts', 'README.md'];
    const added = ['bun.lock', '.gitignore', '.ci', 'LICENSE'];
    const local = ['.git', 'node_modules', 'dist', 'coverage'];
    const known = new Set([...named, ...added, ...local]);
    expect(readdirSync(root).filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('the shape of a file', () => {
  test('no file has a default export or an `export *`', async () => {
    const wrong: string[] = [];
    for (const file of everything.filter((each) => each.endsWith('.ts'))) {
      const found = transpile(await read(file)).match(/^export \*.*|^export default\b.*|\bas default\b/m);
      if (found !== null) wrong.push(`${file}: ${found[0]}`);
    }
    expect(wrong).toEqual([]);
  });

  test('no file is longer than 350 lines', async () => {
    const long: string[] = [];
    for (const file of everything) {
      const lines = (await read(file)).split('\n').length - 1;
      if (lines > 350) long.push(`${file}: ${lines}`);
    }
    expect(long).toEqual([]);
  });

  test('no file is a barrel or a drawer', () => {
    expect(everything.filter((file) => drawers.test(file))).toEqual([]);
  });

  test('no file names a folder of one machine', async () => {
    const wrong: string[] = [];
    for (const file of everything) {
      for (const [found] of (await read(file)).matchAll(machinePaths)) wrong.push(`${file}: ${found}`);
    }
    expect(wrong).toEqual([]);
  });

  test('the median file of src is a page or two, not a chapter', async () => {
    const lengths = await Promise.all(sources.map(async (file) => (await read(file)).split('\n').length - 1));
    lengths.sort((left, right) => left - right);
    const median = lengths[Math.floor(lengths.length / 2)] ?? 0;
    process.stderr.write(`median file of src: ${median} lines (aim: near 120), ${lengths.length} files\n`);
    expect(median).toBeLessThan(200);
  });
});

describe('the world enters through one door', () => {
  test('nobody else reads the environment, the clock or chance, or logs', async () => {
    const wrong: string[] = [];
    for (const file of code.filter((each) => folderOf(each) !== 'system')) {
      const running = transpile(await read(file));
      const found = [...running.matchAll(onlySystem), ...running.matchAll(onlySystemIds)];
      for (const [name] of found) wrong.push(`${file}: ${name}`);
    }
    expect(wrong).toEqual([]);
  });

  test('only main.ts ends the process', async () => {
    const enders: string[] = [];
    for (const file of code) if (transpile(await read(file)).match(onlyMain)) enders.push(file);
    expect(enders.filter((file) => file !== 'src/main.ts')).toEqual([]);
  });

  test('what decides and describes sets no timer', async () => {
    const wrong: string[] = [];
    for (const file of code.filter((each) => pure.includes(folderOf(each)))) {
      if (transpile(await read(file)).match(timers)) wrong.push(file);
    }
    expect(wrong).toEqual([]);
  });
});

describe('the cold path', () => {
  test.each(coldPath)('a command that starts with %s does not pay for zod or the MCP SDK', async (file) => {
    const loaded = await loadedBy(file, new Set());
    expect([...loaded].filter((path) => /^(?:zod|@modelcontextprotocol)\b/.test(path))).toEqual([]);
    expect(loaded.size).toBeGreaterThan(1);
  });
});

describe('the tables', () => {
  test.each(Object.entries({ directory, failures, kernel, reading, sending, upkeep }))(
    '%s is sorted by name',
    (_name, table) => {
      const names = Object.keys(table);
      expect(names).toEqual(names.toSorted());
    },
  );
});

describe('the tests', () => {
  test('no test sleeps, but for those that say why', async () => {
    const found: string[] = [];
    for (const file of tests) if (transpile(await read(file)).match(sleeps)) found.push(file);
    expect(found.toSorted()).toEqual(Object.keys(sleepers).toSorted());
  });
});

function files(folder: string): string[] {
  const found = [...new Bun.Glob('**/*.{ts,sql}').scanSync({ cwd: join(root, folder) })];
  return found.map((file) => `${folder}/${file.replaceAll('\\', '/')}`).toSorted();
}

async function read(file: string): Promise<string> {
  return await Bun.file(join(root, file)).text();
}

/** Code as it runs: no types, no comments, so that words in a comment accuse nobody. */
function transpile(text: string): string {
  return new Bun.Transpiler({ loader: 'ts' }).transformSync(text.replaceAll(macros, ''));
}

async function importsOf(file: string): Promise<readonly { path: string; kind: string }[]> {
  if (!file.endsWith('.ts')) return [];
  return new Bun.Transpiler({ loader: 'ts' }).scanImports(await read(file));
}

/** All that is loaded before the first line of the file runs; what a macro imports stays in the bundler. */
async function loadedBy(file: string, loaded: Set<string>): Promise<Set<string>> {
  loaded.add(file);
  if (!file.endsWith('.ts')) return loaded;
  const text = (await read(file)).replaceAll(macros, '');
  for (const { path, kind } of new Bun.Transpiler({ loader: 'ts' }).scanImports(text)) {
    if (kind === 'dynamic-import') continue;
    const target = path.startsWith('.') ? within(file, path) : path;
    if (loaded.has(target)) continue;
    if (path.startsWith('.')) await loadedBy(target, loaded);
    else loaded.add(target);
  }
  return loaded;
}

function folderOf(file: string): string {
  const [top, folder, rest] = file.split('/');
  return top === 'src' && rest !== undefined ? (folder ?? '') : '';
}

function within(file: string, path: string): string {
  return relative(root, join(root, dirname(file), path)).replaceAll('\\', '/');
}

function importAllowed(file: string, { path, kind }: { path: string; kind: string }): boolean {
  const folder = folderOf(file);
  if (!path.startsWith('.')) return packageAllowed(folder, path);
  const target = folderOf(within(file, path));
  if (file === 'src/main.ts') {
    return target === 'system' || (kind === 'dynamic-import' && (target === 'cli' || target === 'daemon'));
  }
  return target === folder || (mayImport[folder] ?? []).includes(target) || isManifest(file, path);
}

function packageAllowed(folder: string, path: string): boolean {
  if (path === 'bun' || /^(?:bun|node):/.test(path)) return !pure.includes(folder);
  return (mayUse[folder] ?? []).some((name) => path === name || path.startsWith(`${name}/`));
}

/** The one file above src that is read: the package's version. */
function isManifest(file: string, path: string): boolean {
  return file === 'src/system/version.ts' && within(file, path) === 'package.json';
}

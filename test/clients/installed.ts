/**
 * The real client programs, from npm, in the versions the tests were written for. They are kept in a folder
 * beside the dependencies (or in IPC_TEST_CLIENTS, for several working copies) and fetched once. Where one
 * cannot be had, its tests say so and are skipped: an operating system it does not run on, no registry.
 */
import { test } from 'bun:test';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

const programs = {
  claude: { package: '@anthropic-ai/claude-code', version: '2.1.329', says: '2.1.329 (Claude Code)' },
  codex: { package: '@openai/codex', version: '0.169.0', says: 'codex-cli 0.169.0' },
  // Not a client anybody talks to, but one that judges a server's answers.
  'mcp-inspector': { package: '@modelcontextprotocol/inspector', version: '2.12.0', says: '2.12.0' },
  // Not a client either: a Jupyter kernel that stands on neither Python nor libzmq.
  deno: { package: 'deno', version: '2.9.6', says: 'deno 2.9.6' },
  gemini: { package: '@google/gemini-cli', version: '0.61.0', says: '0.61.0' },
} as const;

type Program = keyof typeof programs;

type Installed =
  | { readonly kind: 'installed'; readonly command: string }
  | { readonly kind: 'missing'; readonly why: string };

interface RealProgram {
  readonly command: string;
  /** Bun's `test`, or its skipping twin when the program is not here. */
  readonly realTest: typeof test;
}

/** The program, and how to test with it. That it is missing is written where a person looks. */
export async function realProgram(program: Program): Promise<RealProgram> {
  const found = await installed(program);
  if (found.kind === 'installed') return { command: found.command, realTest: test };
  process.stderr.write(`(skip) tests with the real ${program}: ${found.why}\n`);
  return { command: '', realTest: test.skip };
}

async function installed(program: Program): Promise<Installed> {
  const wanted = programs[program];
  const folder = join(cache(), `${program}-${wanted.version}`);
  const command = join(folder, 'node_modules/.bin', program);
  if (!existsSync(command)) {
    const failure = await install(folder, `${wanted.package}@${wanted.version}`);
    if (failure !== undefined) return { kind: 'missing', why: failure };
  }
  const said = await output([command, '--version'], dirname(folder));
  if (said.code !== 0 || !said.text.includes(wanted.says)) {
    return { kind: 'missing', why: `${program} --version ended with ${said.code}: ${said.text.trim()}` };
  }
  return { kind: 'installed', command };
}

async function install(folder: string, what: string): Promise<string | undefined> {
  await mkdir(dirname(folder), { recursive: true });
  // Two test runs may install at once: each into a folder of its own, and the first one's stays.
  const fresh = await mkdtemp(`${folder}-`);
  try {
    // The name of the package is what its dependencies are looked up by, not this project's.
    await Bun.write(join(fresh, 'package.json'), '{"private":true}\n');
    const added = await output([process.execPath, 'add', '--exact', what], fresh);
    if (added.code !== 0) return `bun add ${what} ended with ${added.code}: ${added.text.trim().slice(-300)}`;
    if (!existsSync(folder)) await rename(fresh, folder).catch(() => undefined);
    return undefined;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

function cache(): string {
  return process.env['IPC_TEST_CLIENTS'] ?? resolve(import.meta.dir, '../../node_modules/.cache/clients');
}

async function output(command: readonly string[], cwd: string): Promise<{ code: number; text: string }> {
  try {
    const child = Bun.spawn([...command], {
      cwd,
      env: { ...process.env, HOME: process.env['IPC_TEST_USER_HOME'] },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    const [code, stdout, stderr] = await Promise.all([
      child.exited,
      child.stdout.text(),
      child.stderr.text(),
    ]);
    return { code, text: stdout + stderr };
  } catch (error) {
    return { code: 127, text: String(error) };
  }
}

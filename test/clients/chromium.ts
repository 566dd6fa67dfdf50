/**
 * A real browser without a window, Debian's Chromium or another of its kind (IPC_TEST_CHROMIUM says where).
 * It looks names up in a list of the test's own and speaks to nobody on the network.
 */
import { test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const names = ['chromium', 'chromium-browser', 'google-chrome'];
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const command =
  process.env['IPC_TEST_CHROMIUM'] ?? names.map((name) => Bun.which(name)).find((path) => path !== null);
if (command === undefined)
  process.stderr.write('(skip) tests with a real browser: no chromium on PATH; apt install chromium\n');

/** Bun's `test`, or its skipping twin when there is no browser here. */
export const browserTest = command === undefined ? test.skip : test;

/** Opens a page; `hosts` leads names to addresses, any other name to nowhere. */
export async function openBrowser(
  page: string,
  hosts: Readonly<Record<string, string>>,
): Promise<AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'ipc-chromium-'));
  const rules = [
    ...Object.entries(hosts).map(([name, to]) => `MAP ${name} ${to}`),
    'MAP * ~NOTFOUND',
    'EXCLUDE 127.0.0.1',
    'EXCLUDE localhost',
  ];
  const child = Bun.spawn(
    [command ?? '', ...flags, `--user-data-dir=${folder}`, `--host-resolver-rules=${rules.join(', ')}`, page],
    { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore', env: { ...process.env, HOME: folder } },
  );
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await child.exited;
      // Its helpers end a moment after it and may still write.
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

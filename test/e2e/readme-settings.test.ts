/**
 * The README's settings of client programs: what it shows is what `ipc setup` writes. Each stands behind
 * `<!-- written by: ipc setup CLIENT, FILE -->`, with /home/you for the person's home.
 */
import { expect, test } from 'bun:test';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { BINARY, openMachine } from './machine.ts';

const SNIPPET = /<!-- written by: ipc setup (\S+), (\S+) -->\n```(json|toml)\n([\s\S]*?)```/g;

const readme = await readFile(resolve(import.meta.dir, '../../README.md'), 'utf8');
const snippets = [...readme.matchAll(SNIPPET)].map(([, client = '', file = '', format = '', text = '']) => ({
  client,
  file,
  format,
  text,
}));

test('the README shows the settings of the clients that keep them in a file of their own', () => {
  expect(snippets.map(({ client }) => client)).toEqual(['claude-code', 'claude-desktop', 'codex', 'vscode']);
});

test.each(snippets)('ipc setup $client writes into $file what the README shows', async (snippet) => {
  await using machine = await openMachine();
  const user = machine.userHome;
  const bin = join(user, '.local/bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(BINARY, join(bin, 'ipc'));
  const file = join(user, snippet.file);
  mkdirSync(dirname(file), { recursive: true });

  // The home is the default one: with another, setup writes IPC_HOME into the settings too.
  const env = { PATH: `${bin}:/usr/bin:/bin`, HOME: user, IPC_HOME: '' };
  await machine.ok(['setup', snippet.client], { env, binary: join(bin, 'ipc') });
  expect(existsSync(file)).toBe(true);
  const written = (await readFile(file, 'utf8')).replaceAll(user, '/home/you');

  if (snippet.format === 'json') expect(JSON.parse(written)).toEqual(JSON.parse(snippet.text));
  else expect(written).toBe(snippet.text);
  await machine.run(['daemon', 'stop'], { env });
});

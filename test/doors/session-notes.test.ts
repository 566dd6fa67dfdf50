import { expect, test } from 'bun:test';
import { readdir } from 'node:fs/promises';
import { readNotes, writeNotes } from '../../src/doors/session-notes.ts';
import { temporaryHome } from '../support/home.ts';

const day = 86_400_000;

test('a session’s notes are its own, and gone two days after its last hook', async () => {
  await using home = await temporaryHome();
  const now = Date.now();
  writeNotes(home.paths, 'claude-code a', { notes: { goneOn: 2 }, now });
  expect(readNotes(home.paths, 'claude-code a')).toEqual({ goneOn: 2 });
  expect(readNotes(home.paths, 'codex a')).toEqual({});
  writeNotes(home.paths, 'codex a', { notes: {}, now: now + day });
  expect(await readdir(`${home.path}/hooks`)).toHaveLength(2);
  writeNotes(home.paths, 'codex b', { notes: {}, now: now + 3 * day });
  expect(readNotes(home.paths, 'claude-code a')).toEqual({});
});

test('notes that are no JSON are as good as none', async () => {
  await using home = await temporaryHome();
  writeNotes(home.paths, 'claude-code a', { notes: { goneOn: 2 }, now: Date.now() });
  const [name = ''] = await readdir(`${home.path}/hooks`);
  await Bun.write(`${home.path}/hooks/${name}`, 'torn {');
  expect(readNotes(home.paths, 'claude-code a')).toEqual({});
});

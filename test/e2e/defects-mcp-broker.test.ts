/**
 * The defects of system 000 that its tools and hooks had, as a model meets them: through the compiled
 * `ipc mcp` and `ipc hook`. Those of its broker and scripts are in defects-broker.test.ts.
 */
import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { claude as claudeEvent, contextOf, hook } from './hook-session.ts';
import { eventually, openMachine } from './machine.ts';
import { idIn, openMcp } from './mcp-client.ts';
import { fenced, inSession, readText, withPair } from './replaced.ts';

const work = async (pair: { machine: Parameters<typeof hook>[0] }): Promise<string> =>
  contextOf((await hook(pair.machine, claudeEvent('PostToolUse'), inSession)).answer);

describe('messages', () => {
  test(
    'D3: sixty messages of 3 KB, and no check says that there is nothing while one waits',
    withPair(async ({ machine, claude }) => {
      const texts = Array.from({ length: 60 }, (_, n) => `${n} ${'x'.repeat(3_000)}`);
      for (const text of texts) await machine.ok(['send', 'claude', '-'], { stdin: text });
      const got: string[] = [];
      while (got.length < 60) {
        const page = await claude.text('check');
        expect(page).not.toContain('Nothing new.');
        got.push(...fenced(page));
      }
      expect(got).toEqual(texts);
      expect(await claude.text('check')).toBe('Nothing new.');
    }),
  );

  test(
    'D4: a store that fails is a failed tool, never "Nothing new.", and the message is there afterwards',
    withPair(async ({ machine, claude, gemini }) => {
      await gemini.text('send', { to: 'claude', text: 'still here' });
      await machine.ok(['daemon', 'stop']);
      const database = join(machine.home, 'ipc.db');
      const whole = await readFile(database);
      await writeFile(database, 'no database'.repeat(1_000));
      expect(await claude.refused('check')).toMatch(/ipc doctor|database/);
      await writeFile(database, whole);
      await eventually(async () =>
        (await claude.text('check').catch(() => '')).includes('still here') ? true : undefined,
      );
    }),
  );

  test(
    'D5: what is handed over unasked is the whole text and its data, not fifty characters',
    withPair(async ({ claude, gemini, machine }) => {
      const text = `${'a sentence of a long message. '.repeat(100)}END`;
      await gemini.text('send', { to: 'claude', text, data: { all: 'of it' } });
      const got = await work({ machine });
      expect(fenced(got)).toEqual([text]);
      expect(got).toContain('{"all":"of it"}');
      expect(await claude.text('check')).toBe('Nothing new.');
    }),
  );

  test(
    'D16: two sessions whose hooks hand over answer nobody, however often they work',
    withPair(async ({ machine, claude, gemini }) => {
      await gemini.text('send', { to: 'claude', text: 'hello' });
      expect(fenced(await work({ machine }))).toEqual(['hello']);
      for (let n = 0; n < 3; n += 1) expect(await work({ machine })).toBe('');
      expect(await gemini.text('check')).toBe('Nothing new.');
      expect(fenced(await claude.text('history'))).toEqual(['hello']);
    }),
  );
});

describe('names', () => {
  test(
    'D2, D15: who and ipc://agents answer, and show the living: who left is gone, and there when asked for',
    withPair(async ({ machine, claude }) => {
      const nessa = await openMcp(machine, { as: 'nessa' });
      await nessa.text('check');
      expect(await claude.text('who')).toMatch(/^nessa +agent +online/m);
      expect(await readText(claude, 'ipc://agents')).toMatch(/^nessa +agent +online/m);
      await nessa[Symbol.asyncDispose]();
      await eventually(async () => ((await claude.text('who')).includes('nessa') ? undefined : true));
      expect(await claude.text('who', { all: true })).toMatch(/^nessa +agent +gone, seen/m);
    }),
  );

  test(
    'D10: no tool renames another, and its mail stays its own',
    withPair(async ({ claude, gemini }) => {
      expect(await gemini.refused('register', { old_id: 'claude', name: 'claude-2' })).toContain('old_id');
      expect(await gemini.text('register', { name: 'claude' })).toContain('held by a live session');
      await gemini.text('send', { to: 'claude', text: 'for claude' });
      expect(await gemini.text('check')).toBe('Nothing new.');
      expect(fenced(await claude.text('check'))).toEqual(['for claude']);
    }),
  );

  test(
    'D11: a second session of a name gets another, and drains nothing',
    withPair(async ({ machine, claude, gemini }) => {
      await gemini.text('send', { to: 'claude', text: 'for the first' });
      await using second = await openMcp(machine, { as: 'claude', alone: true });
      expect(await second.text('check')).toContain('Registered as claude-2, 0 waiting');
      expect(fenced(await claude.text('check'))).toEqual(['for the first']);
    }),
  );

  test(
    'D12: renamed twice, a session speaks under the new name, and every older one leads to it',
    withPair(async ({ claude, gemini }) => {
      for (const name of ['carol', 'caroline']) await claude.text('register', { name });
      await claude.text('send', { to: 'gemini', text: 'who am I?' });
      expect(await gemini.text('check')).toContain('from caroline (agent');
      for (const to of ['claude', 'carol', 'caroline'])
        expect(await gemini.text('send', { to, text: `to ${to}` })).toContain('caroline (online');
      expect(fenced(await claude.text('check'))).toEqual(['to claude', 'to carol', 'to caroline']);
    }),
  );

  test(
    'D13: a rename outlives the daemon under a session that stays; what was read does not come back',
    withPair(async ({ machine, claude, gemini }) => {
      await gemini.text('send', { to: 'claude', text: 'once' });
      await claude.text('check');
      await claude.text('register', { name: 'carol' });
      await machine.ok(['daemon', 'restart']);
      await eventually(async () =>
        (await gemini.text('send', { to: 'claude', text: 'after' }).catch(() => '')).includes('carol')
          ? true
          : undefined,
      );
      const got = fenced(await claude.text('check', { wait: 10 }));
      expect([...new Set(got)]).toEqual(['after']);
      // The notice of the rename waited through it.
      expect(fenced(await gemini.text('check'))).toEqual([expect.stringMatching(/claude.*carol/)]);
    }),
  );

  test(
    'D14: a newline is no part of a name, and `system` is nobody’s',
    withPair(async ({ claude, gemini }) => {
      for (const name of ['evil\n', 'a\nb', '', 'system', 'x" evil="1'])
        expect(await claude.refused('register', { name })).toMatch(/name|reserved/);
      expect(await claude.refused('send', { to: 'the frontend team', text: 'x' })).toContain('name');
      expect(await gemini.text('who', { all: true })).not.toMatch(/evil|system/);
    }),
  );

  test('D26: two sessions of one user are two agents, each with a key of its own, closed from birth', async () => {
    await using machine = await openMachine();
    // What a session writes must not depend on the mask it was started with.
    const open = { alone: true, mask: '000' } as const;
    await using one = await openMcp(machine, { as: 'one', ...open });
    await using two = await openMcp(machine, { as: 'two', ...open });
    await Promise.all([one.text('check'), two.text('send', { to: 'one', text: 'not from me' })]);
    expect((await readdir(join(machine.home, 'keys'))).toSorted()).toEqual(['one', 'two']);
    const loose = Bun.spawnSync([
      'find',
      machine.home,
      '-perm',
      '/077',
      '!',
      '-type',
      'l',
      '!',
      '-type',
      's',
    ]);
    expect(loose.stdout.toString()).toBe('');
    expect(existsSync(join(machine.userHome, '.ipc-session'))).toBe(false);
  });
});

describe('what is shown, read and run', () => {
  test(
    'D23: no key is in anything a model is shown',
    withPair(async ({ machine, claude, gemini }) => {
      const id = idIn(await gemini.text('send', { to: 'claude', text: 'hi' }));
      const shown = [
        await claude.text('register', { name: 'fred' }),
        await claude.text('who', { name: 'me' }),
        await claude.text('check'),
        await gemini.text('receipts', { id }),
        await readText(claude, 'ipc://agents'),
        contextOf((await hook(machine, claudeEvent('SessionStart', { source: 'clear' }), inSession)).answer),
        claude.stderr(),
        await readFile(join(machine.home, 'daemon.log'), 'utf8'),
      ].join('\n');
      const keys = await Promise.all(
        ['claude', 'fred', 'gemini'].map((name) => readFile(join(machine.home, 'keys', name), 'utf8')),
      );
      for (const key of keys) {
        expect(key.trim()).toHaveLength(43);
        expect(shown).not.toContain(key.slice(0, 12));
      }
    }),
  );

  test(
    'D24: a command that runs for long stops no other call',
    withPair(
      async ({ machine, claude, gemini }) => {
        const go = join(machine.directory, 'go');
        await Bun.write(
          join(machine.directory, 'slow.sh'),
          'touch begun; until test -e go; do sleep 0.02; done; echo done',
        );
        const sending = claude.text('send', { to: 'gemini', run: 'sh slow.sh' });
        await eventually(async () => (existsSync(join(machine.directory, 'begun')) ? true : undefined));
        expect(await claude.text('who')).toContain('gemini');
        expect(await gemini.text('check')).toBe('Nothing new.');
        await writeFile(go, '');
        await sending;
        expect(await gemini.text('check')).toContain('exit 0');
      },
      ['--allow-run'],
    ),
  );

  test(
    'D24: no file outside of the client’s folders, and no command unless the person allowed it',
    withPair(async ({ claude }) => {
      expect(await claude.refused('send', { to: 'gemini', files: ['/etc/passwd'] })).toContain('folders');
      expect(await claude.refused('send', { to: 'gemini', run: 'id' })).toContain('--allow-run');
    }),
  );

  test(
    'D25: automatic checks are kept for each agent, in the home and nowhere else',
    withPair(async ({ machine, claude, gemini }) => {
      await claude.text('mailbox', { action: 'autocheck', minutes: 7 });
      expect(await gemini.text('mailbox', { action: 'autocheck' })).toContain('at every event');
      expect(await readdir(join(machine.home, 'autocheck'))).toEqual(['claude']);
      expect(existsSync('/tmp/claude-ipc-mcp')).toBe(false);
    }),
  );
});

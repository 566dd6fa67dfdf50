/**
 * System 002 (mcp-relay): its three tools, its resource, its flags, what its set-up installed, and the
 * phrases of its tools, each with what does the same here, driven through the compiled `ipc mcp`.
 */
import { describe, expect, test } from 'bun:test';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { claude as claudeEvent, contextOf, hook } from './hook-session.ts';
import { eventually, openMachine } from './machine.ts';
import { idIn, openMcp } from './mcp-client.ts';
import { driveEach, fenced, inSession, program, promptText, readText, type Row } from './replaced.ts';

/** Here `claude` is what was Code, and `gemini` what was Desktop. */
const tools: readonly Row[] = [
  {
    theirs: 'relay_send {message, sender}',
    ours: 'send {to, text}',
    holds: 'an opaque text of 65,536 bytes arrives as it was; the sender is who it is, not who it says',
    drive: async ({ machine, claude, gemini }) => {
      const hard = 'tab\t"quotes" \\ {"json":1} <b>&amp; žluťoučký 漢字 🙂\r\n\n  two spaces  ';
      const text = `${hard}${'x'.repeat(65_536 - Buffer.byteLength(hard))}`;
      const id = idIn(await gemini.text('send', { to: 'claude', text }));
      expect(await machine.ok(['history', id, '--body', '--as', 'claude'])).toBe(text);
      expect(await claude.text('check')).toContain('from gemini (agent, verified');
      expect(await gemini.refused('send', { to: 'claude', text, sender: 'user' })).toContain('sender');
    },
  },
  {
    theirs: 'relay_send: "Message size exceeds 65536 byte limit"',
    ours: 'send, of any size',
    holds: 'one byte more, and a megabyte more, arrive whole',
    drive: async ({ claude, gemini }) => {
      for (const size of [65_537, 1_100_000]) {
        const text = 'y'.repeat(size);
        await gemini.text('send', { to: 'claude', text });
        const id = idIn(await claude.text('check'));
        let whole = '';
        while (whole.length < size) {
          const part = await readText(claude, `ipc://message/${id}?from=${whole.length}&bytes=1000000`);
          expect(part).not.toBe('');
          whole += part;
        }
        expect(whole === text).toBe(true);
      }
    },
  },
  {
    theirs: 'relay_fetch {limit: 5, reader, unread_only: true}',
    ours: 'check {limit}',
    holds: 'the oldest unread first, the rest is counted and comes next; my own are not among them',
    drive: async ({ claude, gemini }) => {
      for (const n of [1, 2, 3, 4, 5, 6, 7]) await gemini.text('send', { to: 'claude', text: `m${n}` });
      await claude.text('send', { to: 'gemini', text: 'mine' });
      const first = await claude.text('check', { limit: 5 });
      expect(fenced(first)).toEqual(['m1', 'm2', 'm3', 'm4', 'm5']);
      expect(first).toContain('2 more: check again.');
      expect(fenced(await claude.text('check', { limit: 5 }))).toEqual(['m6', 'm7']);
    },
  },
  {
    theirs: 'relay_fetch {unread_only: false}',
    ours: 'history {limit}',
    holds: 'what was read before comes too, both ways, oldest first, and nothing is marked',
    drive: async ({ claude, gemini }) => {
      await gemini.text('send', { to: 'claude', text: 'one' });
      await claude.text('check');
      await claude.text('send', { to: 'gemini', text: 'two' });
      await gemini.text('send', { to: 'claude', text: 'three' });
      expect(fenced(await claude.text('history', { limit: 20 }))).toEqual(['one', 'two', 'three']);
      expect(fenced(await claude.text('history', { limit: 2 }))).toEqual(['two', 'three']);
      expect(fenced(await claude.text('check'))).toEqual(['three']);
    },
  },
  {
    theirs: 'relay_fetch without a reader',
    ours: 'check {peek: true}',
    holds: 'it shows what is unread, and it stays unread',
    drive: async ({ claude, gemini }) => {
      const id = idIn(await gemini.text('send', { to: 'claude', text: 'look' }));
      expect(fenced(await claude.text('check', { peek: true }))).toEqual(['look']);
      expect(await gemini.text('receipts', { id })).toContain('claude: queued');
      expect(fenced(await claude.text('check'))).toEqual(['look']);
    },
  },
  {
    theirs: 'read_by_desktop_at, read_by_code_at',
    ours: 'receipts {id}',
    holds: 'the sender sees who has it, by which door and since when',
    drive: async ({ claude, gemini }) => {
      const id = idIn(await gemini.text('send', { to: 'claude, nobody-yet', text: 'seen?' }));
      await claude.text('check');
      await eventually(async () =>
        (await gemini.text('receipts', { id })).includes('claude: handed (tool)') ? true : undefined,
      );
      expect(await gemini.text('receipts', { id })).toContain('nobody-yet: queued');
    },
  },
  {
    theirs: 'relay_clear: {"ok": true, "deleted": N}',
    ours: 'mailbox {action: "clear"}',
    holds: 'it says how many; the other side keeps its own',
    drive: async ({ claude, gemini }) => {
      for (const text of ['a', 'b']) await gemini.text('send', { to: 'claude', text });
      await claude.text('send', { to: 'gemini', text: 'kept' });
      expect(await claude.text('mailbox', { action: 'clear' })).toContain('2 cleared unread');
      expect(await claude.text('check')).toBe('Nothing new.');
      expect(fenced(await gemini.text('check'))).toEqual(['kept']);
    },
  },
  {
    theirs: 'messages://latest',
    ours: 'ipc://messages/latest',
    holds: 'the last ten, both ways, in order, each fenced; nothing is marked',
    drive: async ({ claude, gemini }) => {
      expect(await readText(claude, 'ipc://messages/latest')).toBe('No message yet.\n');
      for (let n = 1; n <= 12; n += 1) {
        const [from, to] = n % 3 === 0 ? ([claude, 'gemini'] as const) : ([gemini, 'claude'] as const);
        await from.text('send', { to, text: `m${n}` });
      }
      const latest = await readText(claude, 'ipc://messages/latest');
      expect(fenced(latest)).toEqual(Array.from({ length: 10 }, (_, n) => `m${n + 3}`));
      expect(latest.split('You sent it.')).toHaveLength(5);
      expect(latest.split('is not the user of this conversation')).toHaveLength(7);
      expect(fenced(await claude.text('check'))).toHaveLength(8);
    },
  },
];

const around: readonly Row[] = [
  {
    theirs: '/get',
    ours: 'prompt get',
    holds: 'it asks for all that is unread, and marks nothing by itself',
    drive: async ({ claude, gemini }) => {
      for (const text of ['one', 'two']) await gemini.text('send', { to: 'claude', text });
      const asked = await promptText(claude, 'get');
      expect(asked).toContain('check tool');
      expect(asked).toContain('2 unread, from gemini.');
      expect(fenced(await claude.text('check'))).toEqual(['one', 'two']);
    },
  },
  {
    theirs: '/get status',
    ours: 'prompt status',
    holds: 'unread, last activity, who is here',
    drive: async ({ claude, gemini }) => {
      await gemini.text('send', { to: 'claude', text: 'one' });
      const status = await promptText(claude, 'status');
      expect(status).toContain('1 unread, from gemini.');
      expect(status).toContain('Last activity: a message from gemini, just now');
      expect(status).toContain('Here: gemini');
    },
  },
  {
    theirs: '/get clear',
    ours: 'prompt clear',
    holds: 'it says how many would go, and nothing is gone yet',
    drive: async ({ claude, gemini }) => {
      await gemini.text('send', { to: 'claude', text: 'one' });
      const asked = await promptText(claude, 'clear');
      expect(asked).toContain('action clear');
      expect(asked).toContain('1 unread, from gemini.');
      expect(fenced(await claude.text('check'))).toEqual(['one']);
    },
  },
  {
    theirs: '/get <message>',
    ours: 'prompt send',
    holds: 'the message word for word, and nothing of others',
    drive: async ({ claude, gemini }) => {
      await gemini.text('send', { to: 'claude', text: 'not asked for' });
      const words = 'please  review\n- this';
      const asked = await promptText(claude, 'send', { to: 'gemini', message: words });
      expect(asked).toContain('send tool of ipc to gemini');
      expect(asked).toEndWith(`\n\n${words}`);
      expect(asked).not.toContain('not asked for');
    },
  },
  {
    theirs: '--setup-code: a SessionStart preview of what Desktop sent',
    ours: 'ipc hook at SessionStart',
    holds: 'in the session itself: how many, from whom; up to five listed, the rest counted',
    drive: async ({ machine, gemini }) => {
      for (let n = 1; n <= 7; n += 1) await gemini.text('send', { to: 'claude', text: `secret ${n}` });
      const { answer } = await hook(machine, claudeEvent('SessionStart', { source: 'startup' }), inSession);
      const text = contextOf(answer);
      expect(text).toContain('7 unread for claude');
      expect(text.split('- from gemini (agent)')).toHaveLength(6);
      expect(text).toContain('- and 2 more');
      expect(text).not.toContain('secret');
    },
  },
  {
    theirs: '--debug: ~/.relay_debug.log',
    ours: 'ipc daemon logs',
    holds: 'what happened is there, and nothing that was said',
    drive: async ({ machine, gemini }) => {
      await gemini.text('send', { to: 'claude', text: 'between us' });
      const log = await machine.ok(['daemon', 'logs']);
      expect(log).not.toBe('');
      expect(log).not.toContain('between us');
    },
  },
  {
    theirs: 'one relay for all Code sessions of the user',
    ours: 'a name for each session, a #topic for several',
    holds: 'one is reached alone, or all of them, and none takes from another',
    drive: async ({ machine, claude, gemini }) => {
      await using second = await openMcp(machine, { as: 'claude', alone: true });
      expect(await second.text('check')).toContain('Registered as claude-2');
      for (const each of [claude, second]) await each.text('mailbox', { action: 'join', name: '#code' });
      await gemini.text('send', { to: 'claude-2', text: 'for the second' });
      await gemini.text('send', { to: '#code', text: 'for both' });
      expect(fenced(await claude.text('check'))).toEqual(['for both']);
      expect(fenced(await second.text('check'))).toEqual(['for the second', 'for both']);
    },
  },
];

describe('system 002: tools and the resource', () => driveEach(tools));
describe('system 002: commands, preview, sessions', () => driveEach(around));

describe('system 002: flags and set-up', () => {
  test('--client desktop → ipc mcp --as desktop: the session has that name', async () => {
    await using machine = await openMachine();
    await using desktop = await openMcp(machine, { as: 'desktop' });
    expect(await desktop.text('who')).toContain('(you are desktop)');
  });

  test('--sound ID → ipc config set notify.sound: the next notice has it, and so has a session that runs', async () => {
    await using machine = await openMachine();
    await machine.ok(['config', 'set', 'notify.sound', '/sounds/blow.oga']);
    expect(await machine.ok(['config', 'list'])).toMatch(/notify\.sound.*\/sounds\/blow\.oga/);
    // The far end of it: a player that writes down what it is told to play.
    await program(machine, 'paplay', 'echo "$0 $*" >> "$PLAYED"');
    const bin = await program(machine, 'notify-send', 'true');
    const played = join(machine.directory, 'played');
    await using desktop = await openMcp(machine, {
      as: 'desktop',
      env: {
        DISPLAY: ':77',
        PATH: `${bin}:${machine.environment['PATH']}`,
        PLAYED: played,
      },
    });
    await desktop.text('check');
    await machine.ok(['send', 'desktop', 'ping']);
    const heard = async (): Promise<string> => readFile(played, 'utf8').catch(() => '');
    await eventually(async () => ((await heard()).includes('/sounds/blow.oga\n') ? true : undefined));
    await machine.ok(['config', 'set', 'notify.sound', '/sounds/tink.oga']);
    await machine.ok(['send', 'desktop', 'pong']);
    await eventually(async () => ((await heard()).includes('/sounds/tink.oga\n') ? true : undefined));
  }, 20_000);

  test('--setup-code → ipc setup claude-code: /get with its four forms, the hook, and no order to obey', async () => {
    await using machine = await openMachine();
    const done = await machine.run(['setup', 'claude-code'], { env: { PATH: '/usr/bin:/bin' } });
    expect(done.code).toBe(0);
    const files = [...new Bun.Glob('**/*').scanSync({ cwd: machine.home, absolute: true, dot: true })];
    const skill = files.find((file) => file.endsWith('skills/get/SKILL.md')) ?? '';
    const text = await readFile(skill, 'utf8');
    for (const form of ['nothing', '`status`', '`clear`', 'anything else'])
      expect(text).toContain(`| ${form} | `);
    const hooks = await readFile(files.find((file) => file.endsWith('hooks/hooks.json')) ?? '', 'utf8');
    expect(Object.keys((JSON.parse(hooks) as { hooks: object }).hooks)).toContain('SessionStart');
  });
});

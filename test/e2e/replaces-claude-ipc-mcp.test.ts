/**
 * System 000 (claude-ipc-mcp): its nine tools, its resource, its scripts and hooks, and the phrases of
 * its documents, each with what does the same here, driven through the compiled `ipc mcp`.
 */
import { describe, expect } from 'bun:test';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { claude as claudeEvent, contextOf, hook } from './hook-session.ts';
import { eventually } from './machine.ts';
import { idIn, openMcp } from './mcp-client.ts';
import { driveEach, fenced, inSession, promptText, readText, type Row } from './replaced.ts';

const tools: readonly Row[] = [
  {
    theirs: 'register {instance_id}',
    ours: 'register {name}',
    holds: 'others see the name, and what waited for it is there',
    drive: async ({ machine, claude, gemini }) => {
      await gemini.text('send', { to: 'fred', text: 'before you came' });
      expect(await claude.text('register', { name: 'fred' })).toContain('You are fred now');
      expect(await gemini.text('who')).toMatch(/^fred /m);
      expect(fenced(await claude.text('check'))).toContain('before you came');
      expect(await machine.ok(['whoami'], inSession)).toContain('fred');
    },
  },
  {
    theirs: 'register: "Registered NAME with N queued messages"',
    ours: 'the first answer of a session',
    holds: 'it names the session and counts what waits',
    drive: async ({ machine, gemini }) => {
      for (const text of ['one', 'two']) await gemini.text('send', { to: 'nessa', text });
      await using nessa = await openMcp(machine, { as: 'nessa' });
      expect(await nessa.text('who')).toStartWith('Registered as nessa, 2 waiting.');
    },
  },
  {
    theirs: 'send {from_id, to_id, content, data}',
    ours: 'send {to, text, data}',
    holds: 'both arrive, from the name the session has',
    drive: async ({ claude, gemini }) => {
      const data = { build: 17, failed: ['a', 'b'] };
      const text = 'The build\nfailed';
      expect(await claude.text('send', { to: 'gemini', text, data })).toStartWith('sent to gemini (online');
      const got = await gemini.text('check');
      expect(fenced(got)).toEqual([text]);
      expect(got).toContain(JSON.stringify(data));
      expect(got).toContain('from claude (agent, verified');
      expect(await claude.refused('send', { to: 'gemini', text, from: 'system' })).toContain('from');
    },
  },
  {
    theirs: 'send: "Message queued for X (not yet registered)"',
    ours: 'send to a name nobody has',
    holds: 'the answer says so, and X finds it when it comes',
    drive: async ({ machine, claude }) => {
      const sent = await claude.text('send', { to: 'barney', text: 'welcome', data: { n: 1 } });
      expect(sent).toStartWith('queued for barney (not here yet)');
      await using barney = await openMcp(machine, { as: 'barney' });
      const got = await barney.text('check');
      expect(got).toStartWith('Registered as barney, 1 waiting.');
      expect(fenced(got)).toEqual(['welcome']);
    },
  },
  {
    theirs: 'send: "Message forwarded from X to Y"',
    ours: 'send to an older name',
    holds: 'the answer says so, and Y has it',
    drive: async ({ claude, gemini }) => {
      await gemini.text('register', { name: 'gemini-debugging' });
      const sent = await claude.text('send', { to: 'gemini', text: 'still you?' });
      expect(sent).toStartWith('forwarded from gemini to gemini-debugging');
      expect(await gemini.text('check')).toContain('still you?');
    },
  },
  {
    theirs: 'broadcast {content, data}',
    ours: 'send {to: "@all"}',
    holds: 'everyone else has it, data too; the sender has not',
    drive: async ({ machine, claude, gemini }) => {
      await using nessa = await openMcp(machine, { as: 'nessa' });
      await nessa.text('check');
      const sent = await claude.text('send', { to: '@all', text: 'lunch', data: { at: 12 } });
      expect(sent).toContain('gemini through @all');
      expect(sent).toContain('nessa through @all');
      for (const each of [gemini, nessa]) {
        const got = await each.text('check');
        expect(fenced(got)).toEqual(['lunch']);
        expect(got).toContain('{"at":12}');
      }
      expect(await claude.text('check')).toBe('Nothing new.');
    },
  },
  {
    theirs: 'check {instance_id}',
    ours: 'check',
    holds: 'each message once, with sender, time, text and data; then "Nothing new."',
    drive: async ({ claude, gemini }) => {
      await claude.text('send', { to: 'gemini', text: 'first' });
      await claude.text('send', { to: 'gemini', text: 'second', data: [1, 2] });
      const got = await gemini.text('check');
      expect(fenced(got)).toEqual(['first', 'second']);
      expect(got).toMatch(/^Message \S+ from claude .* to gemini, just now \(20\d\d-\S+Z\)\.$/m);
      expect(got).toContain('[1,2]');
      expect(await gemini.text('check')).toBe('Nothing new.');
    },
  },
  {
    theirs: 'list_instances',
    ours: 'who',
    holds: 'it lists who is here, and says who I am',
    drive: async ({ claude }) => {
      const here = await claude.text('who');
      expect(here).toMatch(/^claude \* +agent +online/m);
      expect(here).toMatch(/^gemini +agent +online/m);
      expect(here).toContain('(you are claude)');
    },
  },
  {
    theirs: 'share_file {filepath, description}',
    ours: 'send {files, text}',
    holds: 'every byte arrives, of any kind and size, with the description',
    drive: async ({ machine, claude, gemini }) => {
      const bytes = crypto.getRandomValues(new Uint8Array(60_000));
      const path = join(machine.directory, 'out/core dump.bin');
      await mkdir(join(machine.directory, 'out'));
      await Bun.write(path, bytes);
      await claude.text('send', { to: 'gemini', text: 'what do you make of it?', files: [path] });
      const got = await gemini.text('check');
      expect(fenced(got)).toEqual(['what do you make of it?']);
      expect(got).toContain('Attached file: "core dump.bin" (60 kB');
      const { contents } = await gemini.client.readResource({
        uri: `ipc://message/${idIn(got)}/attachment/1?bytes=100000`,
      });
      expect(contents[0]).toMatchObject({ blob: Buffer.from(bytes).toString('base64') });
    },
  },
  {
    theirs: 'share_command {command, description}',
    ours: 'send {run, text}, where the server was started with --allow-run',
    holds: 'stdout, stderr and exit code arrive, with the description',
    args: ['--allow-run'],
    drive: async ({ machine, claude, gemini }) => {
      await Bun.write(join(machine.directory, 'both.sh'), 'seq 5000; echo broken >&2; exit 3');
      await claude.text('send', { to: 'gemini', text: 'the tests', run: 'sh both.sh' });
      const got = await gemini.text('check');
      expect(got).toContain('the tests');
      expect(got).toContain('exit 3');
      const id = idIn(got);
      const [out, err] = [1, 2].map((n) => `ipc://message/${id}/attachment/${n}?bytes=1000000`);
      expect(await readText(gemini, out ?? '')).toBe(
        `${Array.from({ length: 5_000 }, (_, n) => n + 1).join('\n')}\n`,
      );
      expect(await readText(gemini, err ?? '')).toBe('broken\n');
    },
  },
  {
    theirs: 'rename {old_id, new_id}',
    ours: 'register {name} once more',
    holds: 'the mailbox follows, the old name forwards for two hours, others are told',
    drive: async ({ claude, gemini }) => {
      await gemini.text('send', { to: 'claude', text: 'before' });
      const renamed = await claude.text('register', { name: 'claude-reviewing' });
      expect(renamed).toContain('claude forwards to you for two hours');
      await gemini.text('send', { to: 'claude', text: 'to the old name' });
      await gemini.text('send', { to: 'claude-reviewing', text: 'to the new name' });
      expect(fenced(await claude.text('check'))).toEqual(['before', 'to the old name', 'to the new name']);
      const told = fenced(await gemini.text('check'));
      expect(told).toEqual([expect.stringMatching(/claude.*claude-reviewing/)]);
    },
  },
  {
    theirs: 'auto_process {instance_id}',
    ours: 'the hook hands over during work, and the receipt is the acknowledgement',
    holds: 'the model has the whole text, and the sender knows without a message back',
    drive: async ({ machine, claude, gemini }) => {
      const text = `${'long '.repeat(200)}end`;
      const id = idIn(await gemini.text('send', { to: 'claude', text }));
      expect(await gemini.text('receipts', { id })).toContain('claude: queued');
      const { answer } = await hook(machine, claudeEvent('PostToolUse'), inSession);
      expect(fenced(contextOf(answer))).toEqual([text]);
      expect(await gemini.text('receipts', { id })).toContain('claude: handed (hook)');
      expect(await claude.text('check')).toBe('Nothing new.');
      expect(await gemini.text('check')).toBe('Nothing new.');
    },
  },
  {
    theirs: 'ipc://status',
    ours: 'ipc://agents, and the prompt status',
    holds: 'who is here, my name and what waits',
    drive: async ({ claude, gemini }) => {
      await gemini.text('send', { to: 'claude', text: 'hi' });
      expect(await readText(claude, 'ipc://agents')).toMatch(/^gemini +agent +online/m);
      const status = await promptText(claude, 'status');
      expect(status).toContain('Name: claude');
      expect(status).toContain('1 unread, from gemini.');
      expect(status).toContain('Here: gemini');
    },
  },
  {
    theirs: 'a message over 10 KB: a summary and a file',
    ours: 'check, then a range of ipc://message/{id}',
    holds: 'the beginning is said to be one, and the whole is there to the byte',
    drive: async ({ claude, gemini }) => {
      const text = `${'One long sentence. '.repeat(10_000)}The end.`;
      await claude.text('send', { to: 'gemini', text });
      const got = await gemini.text('check');
      expect(got.length).toBeLessThan(20_000);
      expect(got).toContain('is the beginning of 190 kB');
      expect(await readText(gemini, `ipc://message/${idIn(got)}?bytes=1000000`)).toBe(text);
    },
  },
  {
    theirs: 'IPC_SHARED_SECRET: registration refused without it',
    ours: 'IPC_SHARED_SECRET, or ipc secret set',
    holds: 'a session without the secret is refused by every tool, one with it is not',
    drive: async ({ machine, claude }) => {
      await machine.ok(['secret', 'set', '-'], { stdin: 'correct horse battery' });
      await machine.ok(['daemon', 'restart']);
      await using stranger = await openMcp(machine, {
        as: 'eve',
        env: { IPC_SHARED_SECRET: 'a wrong guess' },
      });
      expect(await stranger.refused('check')).toContain('secret');
      await using friend = await openMcp(machine, {
        as: 'bob',
        env: { IPC_SHARED_SECRET: 'correct horse battery' },
      });
      expect(await friend.text('send', { to: 'claude', text: 'hello' })).toContain('claude');
      await eventually(async () =>
        (await claude.text('check').catch(() => '')).includes('hello') ? true : undefined,
      );
    },
  },
];

const outside: readonly Row[] = [
  {
    theirs: 'ipc_register.py X, ipc_send.py X words…, ipc_check.py, ipc_list.py, ipc_rename.py Y',
    ours: 'ipc register, send, check, who, rename',
    holds: 'shells and sessions reach each other by name',
    drive: async ({ machine, claude }) => {
      const shell = { env: { IPC_AGENT: 'shell' } };
      expect(await machine.ok(['register', 'shell'], shell)).toContain('shell');
      expect(await machine.ok(['send', 'claude', 'several', 'words'], shell)).toStartWith('sent to claude');
      expect(fenced(await claude.text('check'))).toEqual(['several words']);
      await claude.text('send', { to: 'shell', text: 'answer', data: { ok: true } });
      const got = await machine.ok(['check'], shell);
      expect(got).toContain('answer');
      expect(await machine.ok(['check'], shell)).toBe('');
      expect(await machine.ok(['who'], shell)).toMatch(/^claude +agent +online/m);
      expect(await machine.ok(['rename', 'shell-2'], shell)).toContain('shell-2');
      expect(await claude.text('send', { to: 'shell', text: 'x' })).toStartWith(
        'forwarded from shell to shell-2',
      );
    },
  },
  {
    theirs: 'ipc_auto_check_manager.py start 5, status, stop',
    ours: 'mailbox {action: "autocheck", minutes}',
    holds: 'hooks hand over so often, not at all, and the tool says which',
    drive: async ({ machine, claude, gemini }) => {
      const auto = (minutes?: number) =>
        claude.text('mailbox', { action: 'autocheck', ...(minutes === undefined ? {} : { minutes }) });
      const work = async () =>
        fenced(contextOf((await hook(machine, claudeEvent('PostToolUse'), inSession)).answer));
      expect(await auto(5)).toContain('auto-checking every 5 minutes');
      await gemini.text('send', { to: 'claude', text: 'one' });
      expect(await work()).toEqual(['one']);
      await gemini.text('send', { to: 'claude', text: 'two' });
      expect(await work()).toEqual([]);
      expect(await auto()).toContain('every 5 minutes');
      expect(await auto()).toContain('An idle session runs no hooks');
      expect(await auto(0)).toContain('stopped');
      expect(await auto()).toContain('stopped');
      expect(await work()).toEqual([]);
      expect(fenced(await claude.text('check'))).toEqual(['two']);
      expect(await claude.refused('mailbox', { action: 'autocheck', minutes: 61 })).toContain('60');
    },
  },
  {
    theirs: 'hooks/check_messages.py: "NEW IPC MESSAGES! (N new)" and a preview',
    ours: 'ipc hook, at the start of a session',
    holds: 'it counts what waits and names the senders',
    drive: async ({ machine, gemini }) => {
      await gemini.text('send', { to: 'claude', text: 'for later' });
      const { answer } = await hook(machine, claudeEvent('SessionStart', { source: 'startup' }), inSession);
      expect(contextOf(answer)).toContain('1 unread');
      expect(contextOf(answer)).toContain('- from gemini (agent)');
    },
  },
];

describe('system 000: tools and the resource', () => driveEach(tools));
describe('system 000: scripts and hooks', () => driveEach(outside));

/** What the verbs answer to what they cannot do, and the answers that are rarely wanted. */
import { describe, expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually, lines, openMachine } from './machine.ts';

describe('refusals', () => {
  test('each says what was wanted, what was found, and exits as its cause does', async () => {
    await using machine = await openMachine();
    await machine.ok(['send', '--as', 'ann', 'bob', 'hello']);
    await machine.ok(['webhook', 'add', 'hook', '--to', 'ann', '--verify', 'bearer']);
    await mkdir(join(machine.directory, 'folder'));
    await Bun.write(join(machine.directory, 'taken.db'), 'mine');
    const refusals: [readonly string[], number, string][] = [
      [['help', 'sned'], 64, 'no verb "sned"; did you mean send?'],
      [['help', 'xyzzy'], 64, 'no verb "xyzzy"'],
      [['completion', 'zhs'], 64, 'did you mean zsh?'],
      [['completion', 'tcsh-of-old'], 64, 'wanted bash'],
      [['send', 'bob', 'x', '--quiet=perhaps'], 64, 'no value (or true, false), found "perhaps"'],
      [['check', '--limit', 'many'], 64, 'a whole number, found "many"'],
      [['check', '--limit', '1.5'], 64, 'a whole number, found "1.5"'],
      [['check', '--limit', '0'], 64, '--limit'],
      [['send', 'bob'], 64, 'wanted a text, - for stdin, --file or --run; found nothing to send'],
      [['send', ',', 'x'], 64, 'wanted a recipient'],
      [['send', '#a b', 'x'], 64, 'wanted a name of'],
      [['send', 'bob', 'x', '--file', 'gone'], 66, 'there is none'],
      [['send', 'bob', 'x', '--file', 'folder'], 66, 'it is a folder'],
      [['send', 'bob', 'x', '--data', '{'], 65, 'wanted JSON for --data'],
      [['send', 'bob', 'x', '--data', '@gone.json'], 66, 'wanted to read gone.json; there is none'],
      [
        ['send', 'bob', 'x', '--data', '{"n":12345678901234567890}'],
        65,
        'wanted numbers that a double holds',
      ],
      [['send', 'bob', 'x', '--data', '{}', '--run', 'true'], 64, 'wanted --run or --data, found both'],
      [['send', 'bob', '--run', 'no-such-program'], 66, 'wanted to run "no-such-program"'],
      [['send', 'bob', '--forward', 'last'], 66, 'nobody sent you one yet'],
      [['send', 'bob', '--forward', '01890000-0000-7000-8000-000000000000'], 66, 'no message 01890000'],
      [['send', 'bob', 'x', '--expires-in', '1h', '--expires-at', '2999-01-01T00:00:00Z'], 65, 'found both'],
      [['send', 'bob', 'x', '--expires-at', '2001-01-01T00:00:00Z'], 65, 'wanted an expiry after'],
      [['history', '--body'], 64, 'wanted the id of a message with --body'],
      [['history', '01890000-0000-7000-8000-000000000000'], 66, 'no message'],
      [['search', '***'], 65, 'wanted a word to look for'],
      [['cancel', '01890000-0000-7000-8000-000000000000'], 66, 'message'],
      [['pause', 'bob', 'until', 'noon'], 64, 'wanted ipc pause [name] [for 30m]'],
      [['pause', 'for', 'ever'], 64, 'wanted a length of time'],
      [['who', 'a b'], 64, 'wanted the name of an agent'],
      [['topic', 'leave', '#a b'], 64, 'wanted the name of a topic'],
      [['topic', 'join', '#'], 64, 'wanted the name of a topic'],
      [['webhook', 'remove', 'hok'], 67, 'there is no webhook hok'],
      [['webhook', 'remove', 'a b'], 64, 'wanted the name of a webhook'],
      [['webhook', 'test', 'hook', '--url', 'http://['], 64, 'wanted a URL'],
      [['agent', 'remove', 'system', '--yes'], 67, 'nobody named system'],
      [['agent', 'remove', 'nobody-here', '--yes'], 67, 'nobody'],
      [['agent', 'remove', 'bob'], 64, 'Nobody is here to be asked: say --yes'],
      [['clear'], 64, 'Nobody is here to be asked: say --yes'],
      [['config', 'set', 'idleExit'], 64, 'wanted a value, or --reset'],
      [['config', 'set', 'idleExit', 'soon'], 65, 'idleExit'],
      [['config', 'get', 'idlExit'], 64, 'idleExit'],
      [['backup', 'taken.db'], 73, 'wanted a new file, found one at'],
      [['backup', 'gone/copy.db'], 73, 'wanted to write'],
      [['secret', 'set', '--file', 'gone'], 66, 'wanted to read gone'],
      [['hook', 'nosuch'], 64, 'wanted ipc hook or ipc hook wait'],
      [['setup', 'codex', '--as', 'a b'], 64, 'wanted a name for --as'],
      [['ack', '01890000-0000-7000-8000-000000000000'], 66, 'none of these was sent to ann'],
    ];
    const found: typeof refusals = [];
    for (const [args, , words] of refusals) {
      const { code, stdout, stderr } = await machine.run(args, { env: { IPC_AGENT: 'ann' } });
      found.push([args, code, stdout === '' && stderr.includes(words) ? words : stdout + stderr]);
    }
    expect(found).toEqual(refusals);
    expect(await Bun.file(join(machine.directory, 'taken.db')).text()).toBe('mine');
  });

  test('a question on a terminal is answered by y, and by nothing else', async () => {
    await using machine = await openMachine();
    await machine.ok(['send', '--as', 'ann', 'bob', 'kept or not']);
    for (const [typed, code, waiting] of [
      ['n\n', 130, 1],
      ['\n', 130, 1],
      ['perhaps\n', 130, 1],
      ['Yes\n', 0, 0],
    ] as const) {
      const { code: found, stdout } = await machine.terminal(['clear', '--as', 'bob'], { stdin: typed });
      expect([typed, found, stdout.includes('Empty the mailbox of bob')]).toEqual([typed, code, true]);
      const { agents } = await machine.json<{ agents: { waiting: number }[] }>(['who', 'bob']);
      expect([typed, agents[0]?.waiting]).toEqual([typed, waiting]);
    }
  });
});

test('where a text or an event was to be piped in and a person sits, that is said at once', async () => {
  await using machine = await openMachine();
  const terminal: [readonly string[], string][] = [
    [['send', 'bob', '-'], 'wanted a text piped to stdin for -, found a terminal'],
    [['hook'], "wanted a hook's JSON on stdin, found a terminal"],
  ];
  for (const [args, words] of terminal) {
    const { code, stdout } = await machine.terminal(args);
    expect([args, code, stdout.includes(words) ? words : stdout]).toEqual([args, 64, words]);
  }
  const piped: [readonly string[], string, number, string][] = [
    [['send', 'bob', '-', '--run', 'true'], 'x'.repeat(70_000), 64, 'wanted a short text beside --run'],
    [['secret', 'set', '-'], 'short', 65, 'wanted one line of at least'],
    [['secret', 'set', '-'], '', 65, 'wanted one line of at least'],
  ];
  for (const [args, stdin, code, words] of piped) {
    const result = await machine.run(args, { stdin });
    const said = result.stderr.includes(words) ? words : result.stderr;
    expect([args, result.code, said]).toEqual([args, code, words]);
  }
});

test('a webhook that is tried on a stranger’s server is told what that said', async () => {
  await using machine = await openMachine();
  await machine.ok(['webhook', 'add', 'hook', '--to', 'bob', '--verify', 'bearer']);
  using server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: ({ url }) =>
      url.includes('problem')
        ? Response.json({ code: 'rate_limited', detail: 'not so fast' }, { status: 429 })
        : new Response('I am a teapot\x1b[2J', { status: 418 }),
  });
  const url = `http://127.0.0.1:${server.port}`;
  const plain = await machine.run(['webhook', 'test', 'hook', '--url', url]);
  expect([plain.code, plain.stderr.includes('418: I am a teapot')]).toEqual([77, true]);
  expect(plain.stderr).not.toContain('\x1b[2J');
  const problem = await machine.run(['webhook', 'test', 'hook', '--url', `${url}/problem`]);
  expect([problem.code, problem.stderr.includes('429: not so fast')]).toEqual([75, true]);
});

describe('rare answers', () => {
  test('taking back, leaving, forwarding, pausing, and what a shell was asked to run', async () => {
    await using machine = await openMachine();
    const ann = { env: { IPC_AGENT: 'ann' } };
    const say = (...args: string[]): Promise<string> => machine.ok(args, ann);
    const { id } = await machine.json<{ id: string }>(['send', 'bob,carl', 'take me back'], ann);
    await machine.ok(['check', '--as', 'carl']);
    expect(await say('cancel', id)).toBe('taken back from bob\ntoo late for carl\n');
    expect(await say('topic', 'leave', '#reviews')).toBe('you were not in #reviews\n');
    await say('topic', 'join', '#reviews');
    expect(await say('topic', 'list')).toContain('reviews *');
    expect(await say('who', 'ann')).toContain('#reviews');
    expect(await say('topic', 'leave', 'reviews')).toBe('left #reviews\n');
    const { id: nobody } = await machine.json<{ id: string }>(['send', '#reviews', 'anyone?'], ann);
    expect(await say('send', '#reviews', 'anyone at all?')).toContain('sent to nobody');
    expect(await say('cancel', nobody)).toBe('there was nobody to take it back from\n');

    await machine.ok([
      'send',
      '--as',
      'bob',
      'ann',
      'the original',
      '--data',
      '{"n":1}',
      '--priority',
      'high',
    ]);
    await say('check');
    await say('send', 'carl', 'see this', '--forward', 'last');
    expect(await machine.ok(['check', '--as', 'carl'])).toContain('forwards');
    expect(await say('pause', 'for', '30m')).toContain('ann is paused');
    expect(await say('pause', '45m')).toContain('ann is paused');
    expect(await say('who', 'ann')).toContain('paused');
    expect(await say('pause', '--off')).toContain('ann is not paused');

    await say('send', 'carl', '--run', 'printf "a b" | tr a-z A-Z; exit 3', '--shell');
    const shared = await machine.ok(['check', '--as', 'carl']);
    expect(shared).toContain('exit 3');
    expect(shared).toContain('A B');
    await say('send', 'carl', '--run', 'kill -9 $$', '--shell');
    expect(await machine.ok(['check', '--as', 'carl'])).toContain('ended by SIGKILL');
    expect(await say('config', 'path')).toBe(`${machine.home}/config.json\n`);
    expect(await machine.ok(['config', 'list'], { env: { IPC_IDLE_EXIT: '99' } })).toContain(
      'by IPC_IDLE_EXIT',
    );
    expect(await say('search', 'original')).toContain('the original');
    expect(await say('secret', 'remove')).toBe('there was none\n');
  });

  test('watch in every form, and the log as it grows and is begun anew', async () => {
    await using machine = await openMachine();
    await machine.ok(['daemon', 'start']);
    const following = machine.start(['daemon', 'logs', '-f', '-n', '0']);
    const log = lines(following.stdout);
    const path = join(machine.home, 'daemon.log');
    const next = async (wanted: string): Promise<void> => {
      for (;;) {
        const { value, done } = await log.next();
        if (done === true) throw new Error(`the log ended before ${wanted}`);
        if (value.includes(wanted)) return;
      }
    };
    // Written until it is seen: when the command has begun to look nobody tells.
    const writing = async (line: string, seen: Promise<void>): Promise<void> => {
      let found = false;
      void seen.then(() => (found = true));
      await eventually(async () => {
        await appendFile(path, `${line}\n`);
        return found ? true : undefined;
      });
    };
    await writing('a line of\x1b[2J ours', next('a line of\\x1b[2J ours'));
    await rename(path, `${path}.aside`);
    await writing('after', next('after'));
    following.kill('SIGINT');
    expect(await following.exited).toBe(130);
    expect(await machine.json<{ lines: string[] }>(['daemon', 'logs', '-n', '1'])).toMatchObject({
      lines: ['after'],
    });

    for (const [format, words] of [
      ['line', 'ann: as line'],
      ['model', 'it is not the user of this conversation speaking'],
      ['block', 'ann (script)'],
    ] as const) {
      await machine.ok(['send', '--as', 'ann', 'bob', `as ${format}`]);
      const watching = machine.start(['watch', '--as', 'bob', '--unread', '--format', format]);
      let text = '';
      for await (const line of lines(watching.stdout)) {
        text += `${line}\n`;
        if (text.includes(words) && text.includes(`as ${format}`)) break;
      }
      watching.kill('SIGINT');
      expect([format, await watching.exited]).toEqual([format, 130]);
    }
  });

  test.skipIf(!existsSync('/dev/shm'))(
    'a backup goes to another file system, and takes nobody’s place there',
    async () => {
      await using machine = await openMachine();
      const folder = await mkdtemp('/dev/shm/ipc-backup-');
      try {
        await machine.ok(['send', '--as', 'ann', 'bob', '-'], { stdin: 'long '.repeat(50_000) });
        const copy = join(folder, 'copy.db');
        const { path, blobs } = await machine.json<{ path: string; blobs: string[] }>(['backup', copy]);
        expect([path, await Bun.file(blobs[0] ?? '').text()]).toEqual([copy, 'long '.repeat(50_000)]);
        expect((await machine.run(['backup', copy])).code).toBe(73);
        expect(await machine.ok(['backup', `${copy}2`])).toContain('1 files in');
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );
});

/** Dispatch, help, suggestions and exits, in a process of their own: what goes where is part of it. */
import { describe, expect, test } from 'bun:test';
import { runIpc } from '../support/processes.ts';
import { temporaryHome } from '../support/home.ts';

async function ipc(...args: string[]) {
  await using home = await temporaryHome();
  return await runIpc(home, args);
}

describe('help', () => {
  test('that was asked for is data: stdout, exit 0', async () => {
    for (const args of [
      ['help', 'send'],
      ['send', '--help'],
      ['send', 'bob', '-h'],
      ['send', '-q', '-h'],
    ]) {
      const { code, stdout, stderr } = await ipc(...args);
      expect([args, code, stderr]).toEqual([args, 0, '']);
      expect(stdout).toContain('ipc send bob "tests are green"');
    }
  });

  test('is one JSON object with --json', async () => {
    for (const args of [
      ['help', '--json'],
      ['help', 'send', '--json'],
      ['--json', 'help', 'send'],
      ['--json', 'send', '-h'],
    ]) {
      const { code, stdout, stderr } = await ipc(...args);
      expect([args, code, stderr]).toEqual([args, 0, '']);
      const { help } = JSON.parse(stdout) as { help: string };
      expect(help).toContain('ipc send bob "tests are green"');
    }
  });

  test('that was needed is talk: stderr, exit 64', async () => {
    const { code, stdout, stderr } = await ipc('topic');
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain('topic join');
  });

  test('of an old word is that of the verb it stands for', async () => {
    expect((await ipc('help', 'broadcast')).stdout).toContain('ipc send');
  });
});

describe('usage errors', () => {
  test.each([
    [['sned', 'bob', 'hi'], 'did you mean send?'],
    [['topic', 'jion', 'x'], 'did you mean topic join?'],
    [['constructor'], 'no verb'],
    [['send', 'bob', 'hi', '--bogus'], 'no flag --bogus'],
    [['--bogus', 'send', 'bob', 'hi'], 'no flag --bogus'],
    [['send'], 'wanted ipc send <to>'],
    [['send', '', 'x'], 'wanted a recipient'],
    [['history', 'bob', '--with', 'carol'], 'wanted one name'],
    [['history', '0198f3c2-7a10-7bbb'], 'wanted the id of a message'],
    [['ack', 'not-an-id'], 'wanted the id of a message'],
    [['rename', 'a', 'b'], '"b" too many'],
    [['do', 'make', 'me', 'a', 'sandwich'], 'msg X: …'],
    [['secret', 'set', 'hunter2-on-the-command-line'], 'not taken from the command line'],
    [['send', 'bob', '--run', 'a | b'], 'needs a shell'],
  ])('%j exits 64, says why on stderr, and nothing on stdout', async (args, words) => {
    const { code, stdout, stderr } = await ipc(...args);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain(words);
    expect(stderr).toMatch(/\ntry: ipc .+\n$/);
  });

  test('are one JSON object on stdout with --json, wherever that stands', async () => {
    for (const args of [
      ['--json', 'sned'],
      ['send', 'bob', '--limit', '3', '--json'],
      ['history', '0198f3c2-7a10-7bbb-8ccc-000000000001', '--body', '--json'],
    ]) {
      const { code, stdout, stderr } = await ipc(...args);
      expect([code, stderr]).toEqual([64, '']);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'invalid', retry: false } });
    }
  });

  test('a refusal shows no escape sequence it was given', async () => {
    const { stderr } = await ipc('\u001b[31mred');
    expect(stderr).not.toContain('\u001b');
  });
});

describe('what needs no daemon starts none', () => {
  test.each([[['version', '--json']], [['config', 'list']], [['completion', 'bash']], [['help']]])(
    '%j',
    async (args) => {
      await using home = await temporaryHome();
      const { code } = await runIpc(home, args);
      expect(code).toBe(0);
      expect(await Bun.file(home.paths.log).exists()).toBe(false);
    },
  );

  test('a setting is written, read back, and reset', async () => {
    await using home = await temporaryHome();
    expect((await runIpc(home, ['config', 'set', 'retentionDays', '90'])).code).toBe(0);
    expect((await runIpc(home, ['config', 'get', 'retentionDays'])).stdout).toBe('90\n');
    expect((await runIpc(home, ['config', 'set', 'retentionDays', '--reset'])).stdout).toBe(
      'retentionDays is 30\n',
    );
    expect((await runIpc(home, ['config', 'set', 'retentionDay', '9'])).stderr).toContain(
      'did you mean retentionDays',
    );
  });

  test('a secret comes from stdin or is made, and is kept where only its owner reads it', async () => {
    await using home = await temporaryHome();
    expect((await runIpc(home, ['secret', 'show'])).code).toBe(66);
    expect((await runIpc(home, ['secret', 'set', '-'], { stdin: 'correct horse\n' })).code).toBe(0);
    expect((await runIpc(home, ['secret', 'show'])).stdout).toBe('correct horse\n');
    expect((await runIpc(home, ['secret', 'set'])).code).toBe(0);
    expect((await runIpc(home, ['secret', 'show', '--json'])).stdout).toMatch(/^{"secret":"[\w-]{43}"}\n$/);
    expect((await runIpc(home, ['secret', 'remove'])).code).toBe(0);
    expect((await runIpc(home, ['secret', 'show'])).code).toBe(66);
  });
});

/** What a model may put into a message from outside: files below the client's roots, and a command's output. */
import { describe, expect, test } from 'bun:test';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { openMachine } from './machine.ts';
import { openMcp } from './mcp-client.ts';

describe('files', () => {
  test('below the client’s directory are attached; others, and symlinks that lead out, are refused', async () => {
    await using machine = await openMachine();
    await Bun.write(join(machine.directory, 'sub/in.txt'), 'inside');
    await Bun.write(join(machine.directory, '../outside.txt'), 'secret');
    await symlink('../outside.txt', join(machine.directory, 'link.txt'));
    await symlink('..', join(machine.directory, 'up'));
    await using alice = await openMcp(machine, { as: 'alice' });
    await using bob = await openMcp(machine, { as: 'bob' });
    await alice.text('send', { to: 'bob', files: ['sub/in.txt'] });
    const got = await bob.text('check');
    expect(got).toContain('Attached file: "in.txt" (6 B, "text/plain;charset=utf-8")');
    for (const path of [
      '../outside.txt',
      'link.txt',
      'up/outside.txt',
      '/etc/passwd',
      join(machine.home, 'ipc.db'),
    ]) {
      const why = await alice.refused('send', { to: 'bob', text: 'x', files: [path] });
      expect(why).toContain("below the client's folders");
    }
    expect(await alice.refused('send', { to: 'bob', files: ['no-such'] })).toContain('there is none');
    expect(await bob.text('check')).toContain('Nothing new');
  });

  test('the client’s roots decide where it has any, and are asked again when they change', async () => {
    await using machine = await openMachine();
    const root = join(machine.directory, '../elsewhere');
    await mkdir(root);
    await Bun.write(join(root, 'a b.txt'), 'there');
    await Bun.write(join(machine.directory, 'here.txt'), 'here');
    let roots = [{ uri: `file://${root}` }];
    await using alice = await openMcp(machine, {
      as: 'alice',
      capabilities: { roots: { listChanged: true } },
      prepare: (client) => client.setRequestHandler(ListRootsRequestSchema, () => ({ roots })),
    });
    await alice.text('send', { to: 'bob', files: [join(root, 'a b.txt')] });
    expect(await alice.refused('send', { to: 'bob', files: ['here.txt'] })).toContain('elsewhere');
    roots = [{ uri: `file://${machine.directory}` }];
    await alice.client.sendRootsListChanged();
    await alice.text('send', { to: 'bob', files: ['here.txt'] });
    roots = [];
    await alice.client.sendRootsListChanged();
    expect(await alice.refused('send', { to: 'bob', files: ['here.txt'] })).toContain('nowhere');
    roots = [{ uri: 'https://example.org/' }];
    await alice.client.sendRootsListChanged();
    expect(await alice.refused('send', { to: 'bob', files: ['here.txt'] })).toContain('roots/list');
  });
});

describe('run', () => {
  test('needs --allow-run', async () => {
    await using machine = await openMachine();
    await using alice = await openMcp(machine, { as: 'alice' });
    expect(await alice.refused('send', { to: 'bob', run: 'touch ran' })).toContain('--allow-run');
    expect(await Bun.file(join(machine.directory, 'ran')).exists()).toBe(false);
  });

  test('sends stdout and stderr apart with the exit code, and no shell reads the command', async () => {
    await using machine = await openMachine();
    await Bun.write(join(machine.directory, 'noise.sh'), 'echo out; echo err >&2; exit 3');
    await using alice = await openMcp(machine, { as: 'alice', args: ['--allow-run'] });
    await using bob = await openMcp(machine, { as: 'bob' });
    await alice.text('send', { to: 'bob', text: 'see', run: 'sh noise.sh' });
    const got = await bob.text('check');
    expect(got).toContain('exit 3 after');
    expect(got).toContain('Attached stdout: "stdout" (4 B');
    expect(got).toContain('Attached stderr: "stderr" (4 B');
    for (const run of ['echo $(touch ran)', 'echo ; touch ran', 'echo "`touch ran`"'])
      expect(await alice.refused('send', { to: 'bob', run })).toContain('needs a shell');
    await alice.text('send', { to: 'bob', run: "echo '$(touch ran); touch ran'" });
    expect(await bob.text('check')).toContain('\n$(touch ran); touch ran');
    expect(await Bun.file(join(machine.directory, 'ran')).exists()).toBe(false);
  });
});

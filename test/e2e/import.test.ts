/** `ipc import`: users of claude-ipc-mcp and mcp-relay keep their mail. */
import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { claudeIpcMcp, mcpRelay } from '../support/old-systems.ts';
import { imported, oldBroker, waiting, type Page, type Report } from './import-machine.ts';
import { eventually, openMachine, type Machine } from './machine.ts';

const past = (machine: Machine, name: string): Promise<Page> =>
  machine.json<Page>(['history', '--as', name, '--limit', '500']);
const bodies = ({ messages }: Page): readonly string[] => messages.map(({ body }) => body);

const oldRelay = (machine: Machine): string => join(machine.userHome, '.relay_buffer.db');

describe('what comes', () => {
  test('both files are found; what was unread waits, what was read is history, each with its time and sender', async () => {
    await using machine = await openMachine();
    claudeIpcMcp(oldBroker(machine), [
      { content: 'read long ago', timestamp: '2026-01-02T03:04:05.678901', read: 1 },
      { content: 'first', timestamp: '2026-01-03T00:00:00', data: '{"pr":7}' },
      { content: 'second', timestamp: '2026-01-03T00:00:01' },
      { from: 'nessa', to: 'fred', content: 'answer', timestamp: '2026-01-04T00:00:00.5' },
    ]);
    mcpRelay(oldRelay(machine), [
      { sender: 'desktop', message: 'port it', codeAt: '2026-03-04T06:00:00+00:00' },
      { sender: 'desktop', message: 'and test it' },
      { sender: 'code', message: 'done' },
    ]);
    const report = await imported(machine);
    expect(report.sources.map(({ system, messages, added }) => [system, messages, added])).toEqual([
      ['claude-ipc-mcp', 4, 4],
      ['mcp-relay', 3, 3],
    ]);
    expect(report.sources.map(({ unread }) => unread)).toEqual([
      [
        { name: 'nessa', count: 2 },
        { name: 'fred', count: 1 },
      ],
      [
        { name: 'code', count: 1 },
        { name: 'desktop', count: 1 },
      ],
    ]);

    const unread = await waiting(machine, 'nessa');
    expect(unread.messages).toMatchObject([
      {
        body: 'first',
        sentAt: '2026-01-03T00:00:00.000Z',
        data: { pr: 7 },
        from: { name: 'fred', kind: 'agent', verified: false, client: 'imported from claude-ipc-mcp' },
      },
      { body: 'second', sentAt: '2026-01-03T00:00:01.000Z' },
    ]);
    expect(bodies(await waiting(machine, 'nessa'))).toEqual([]);
    expect(bodies(await waiting(machine, 'fred'))).toEqual(['answer']);
    expect(bodies(await waiting(machine, 'code'))).toEqual(['and test it']);
    expect(bodies(await waiting(machine, 'desktop'))).toEqual(['done']);

    const [oldest] = (await past(machine, 'nessa')).messages.filter(({ body }) => body === 'read long ago');
    expect(oldest).toMatchObject({
      sentAt: '2026-01-02T03:04:05.678Z',
      receipts: [{ to: 'nessa', state: 'handed', reason: 'read in claude-ipc-mcp' }],
    });
    const [read] = (await past(machine, 'code')).messages.filter(({ body }) => body === 'port it');
    expect(read?.receipts).toMatchObject([{ state: 'handed', handedAt: '2026-03-04T06:00:00.000Z' }]);
    await machine.ok(['reply', '--as', 'nessa', 'thanks, still']);
    expect(bodies(await waiting(machine, 'fred'))).toEqual(['thanks, still']);
    // Whoever takes a name has what was sent under it, and finds it.
    expect((await machine.json<Page>(['history', '--with', 'nessa', '--as', 'fred'])).messages).toHaveLength(
      5,
    );
    expect((await machine.json<Page>(['search', 'long', '--as', 'nessa'])).messages).toHaveLength(1);
    expect(await machine.ok(['history', '--as', 'nessa'])).toContain(
      'fred (agent, imported from claude-ipc-mcp, unverified)',
    );
  });

  test('times without a zone are those of this machine, as they were for whoever wrote them', async () => {
    await using machine = await openMachine();
    claudeIpcMcp(oldBroker(machine), [{ timestamp: '2026-01-03T12:00:00.000001' }]);
    const { code } = await machine.terminal(['import'], { env: { TZ: 'Asia/Tokyo' } });
    expect(code).toBe(0);
    expect((await waiting(machine, 'nessa')).messages[0]?.sentAt).toBe('2026-01-03T03:00:00.000Z');
  });

  test('mail for a name that was left goes to the new one, until two hours after', async () => {
    await using machine = await openMachine();
    const renames = [
      ['bob', 'bob2', '2026-01-01T12:00:00'],
      ['bob2', 'bob3', '2026-01-02T12:00:00'],
      ['loop', 'pool', '2026-01-01T12:00:00'],
      ['pool', 'loop', '2026-01-01T12:00:00'],
    ] as const;
    claudeIpcMcp(
      oldBroker(machine),
      [
        { to: 'bob', content: 'before', timestamp: '2026-01-01T11:00:00' },
        { to: 'bob', content: 'within', timestamp: '2026-01-01T13:59:59' },
        { to: 'bob', content: 'for the next bob', timestamp: '2026-01-01T14:00:01' },
        { to: 'loop', content: 'round', timestamp: '2026-01-01T11:00:00' },
      ],
      renames,
    );
    await imported(machine);
    expect(bodies(await waiting(machine, 'bob3'))).toEqual(['before', 'within']);
    expect(bodies(await waiting(machine, 'bob'))).toEqual(['for the next bob']);
    expect(bodies(await waiting(machine, 'loop'))).toEqual(['round']);
  });

  test('the user says who is called what here, and mail joins what is there', async () => {
    await using machine = await openMachine();
    await machine.ok(['send', '--as', 'ann', 'backend', 'sent here']);
    mcpRelay(oldRelay(machine), [{ sender: 'desktop', message: 'sent there' }]);
    const report = await imported(machine, ['--name', 'code=backend']);
    expect(report.sources[0]?.names).toEqual([{ from: 'code', to: 'backend' }]);
    expect(bodies(await waiting(machine, 'backend'))).toEqual(['sent here', 'sent there']);
    for (const wrong of ['code', '=x', 'code=', 'code=all', 'code=a b']) {
      const { code } = await machine.terminal(['import', '--name', wrong]);
      expect([wrong, code]).toEqual([wrong, 64]);
    }
  });

  test('a long text comes whole from the file it was put into, and from nowhere else', async () => {
    await using machine = await openMachine();
    const folder = join(machine.userHome, '.claude-ipc-data/large-messages');
    const long = `${'line of a long text\n'.repeat(5_000)}its end`;
    const kept = join(folder, '20260304-050607_fred_nessa_message.md');
    await Bun.write(
      kept,
      `# IPC Message\nFrom: fred\nTo: nessa\nTime: 2026\nSize: 97.7KB\n\n## Content\n${long}\n`,
    );
    const secret = join(machine.userHome, 'id_ed25519');
    await Bun.write(secret, 'PRIVATE KEY');
    const link = join(folder, 'link.md');
    Bun.spawnSync(['ln', '-s', secret, link]);
    const says = (path: string): string => `In short. Full content saved to: ${path}`;
    claudeIpcMcp(
      oldBroker(machine),
      [kept, join(folder, 'gone.md'), secret, link, folder, `${folder}/../../id_ed25519`].map((file) => ({
        content: says(file),
        file,
      })),
    );
    const report = await imported(machine);
    expect(report.sources[0]?.remarks).toEqual([{ remark: 'file', count: 5 }]);
    const { messages } = await waiting(machine, 'nessa');
    expect(await Bun.file(messages[0]?.bodyBlob?.path ?? '').text()).toBe(long);
    expect(messages.slice(1).map(({ body }) => body.startsWith('In short.'))).toEqual(Array(5).fill(true));
    expect(JSON.stringify(messages)).not.toContain('PRIVATE KEY');
  });

  test('names that are not legal here are changed and said; two names are never joined', async () => {
    await using machine = await openMachine();
    const names = [
      'bob',
      'Bob',
      'evil\n',
      'evil',
      'system',
      'ipc-bot',
      'all',
      '',
      '_fred',
      'n'.repeat(90),
      'ñandú',
      '../x',
    ];
    claudeIpcMcp(
      oldBroker(machine),
      names.map((to) => ({ from: 'system', to, content: `for ${JSON.stringify(to)}` })),
    );
    const report = await imported(machine);
    const changed = new Map(report.sources[0]?.names.map(({ from, to }) => [from, to]));
    expect([...changed.keys()].toSorted()).toEqual(
      ['bob', 'evil\n', 'system', 'ipc-bot', 'all', '', '_fred', 'n'.repeat(90), 'ñandú', '../x'].toSorted(),
    );
    expect(new Set(changed.values()).size).toBe(changed.size);
    expect(changed.get('system')).toBe('old-system');
    for (const name of names)
      expect(bodies(await waiting(machine, changed.get(name) ?? name))).toEqual([
        `for ${JSON.stringify(name)}`,
      ]);
    const { stdout } = await machine.terminal(['import', '--dry-run', '--no-color']);
    expect(stdout).toContain('"evil\\n" is evil-2 here');
  });
});

describe('what does not come', () => {
  test('a second import adds nothing, whatever was read or let go since; new messages alone are added', async () => {
    await using machine = await openMachine();
    const file = oldBroker(machine);
    claudeIpcMcp(file, [{ content: 'one' }, { content: 'two', read: 1 }]);
    const dry = await imported(machine, ['--dry-run']);
    expect(dry.sources[0]).toMatchObject({ added: 2, known: 0 });
    expect(await machine.json(['daemon', 'status'])).toMatchObject({ messages: 0 });
    await imported(machine);
    expect(bodies(await waiting(machine, 'nessa'))).toEqual(['one']);
    expect((await imported(machine)).sources[0]).toMatchObject({ added: 0, known: 2, unread: [] });
    // A copy elsewhere is the same mail.
    const copy = join(machine.directory, 'copy.db');
    Bun.spawnSync(['cp', file, copy]);
    expect((await imported(machine, [copy])).sources[0]).toMatchObject({ added: 0, known: 2 });
    claudeIpcMcp(file, [{ content: 'three' }]);
    expect((await imported(machine)).sources[0]).toMatchObject({ added: 1, known: 2 });
    expect(bodies(await waiting(machine, 'nessa'))).toEqual(['three']);
  });

  test('nobody is woken: no door of a live session pushes it, though its mailbox has it', async () => {
    await using machine = await openMachine();
    const watcher = machine.start(['watch', '--as', 'nessa', '--json']);
    const unread = machine.start(['watch', '--as', 'nessa', '--json', '--unread']);
    await eventually(async () => {
      const { agents } = await machine.json<{ agents: { sessions: unknown[] }[] }>(['who']);
      return agents[0]?.sessions.length === 2 ? true : undefined;
    });
    claudeIpcMcp(
      oldBroker(machine),
      Array.from({ length: 300 }, (_, index) => ({ content: `old ${index}` })),
    );
    await imported(machine);
    await machine.ok(['send', '--as', 'ann', 'nessa', 'sent now']);
    for (const child of [watcher, unread]) {
      const reader = child.stdout.getReader();
      const { value } = await reader.read();
      expect(new TextDecoder().decode(value)).toContain('sent now');
      expect(new TextDecoder().decode(value)).not.toContain('old ');
    }
    expect((await waiting(machine, 'nessa')).messages).toHaveLength(301);
  });

  test('a script or an agent takes nothing over: it could make anybody say anything', async () => {
    await using machine = await openMachine();
    claudeIpcMcp(oldBroker(machine), [{}]);
    const { code, stderr } = await machine.run(['import']);
    expect([code, stderr.includes('wanted a person at a terminal')]).toEqual([77, true]);
    expect(await machine.json<Report>(['import', '--dry-run'])).toMatchObject({ sources: [{ added: 1 }] });
  });

  test('no guard and no quota is in the way, and what it brings counts afterwards', async () => {
    await using machine = await openMachine();
    await machine.ok(['config', 'set', 'quotas.unbornMailbox', '5']);
    claudeIpcMcp(
      oldBroker(machine),
      Array.from({ length: 200 }, () => ({ content: 'the same words' })),
    );
    expect((await imported(machine)).sources[0]).toMatchObject({ added: 200 });
    expect((await machine.run(['send', '--as', 'ann', 'nessa', 'one more'])).code).toBe(75);
    expect((await waiting(machine, 'nessa')).messages).toHaveLength(200);
  });
});

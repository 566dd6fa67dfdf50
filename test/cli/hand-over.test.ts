/** Fetch, print, flush, confirm, against a daemon of the test's own that records what it is told. */
import { describe, expect, test } from 'bun:test';
import { Failure } from '../../src/protocol/failures.ts';
import type { Delivered, MessageId } from '../../src/protocol/model.ts';
import type { Output, Request } from '../../src/protocol/operations.ts';
import { message } from '../present/message.ts';
import { fakeServer } from '../support/fake-server.ts';
import { temporaryHome, type TestHome } from '../support/home.ts';
import { ipcCommand, runIpc } from '../support/processes.ts';

function numbered(number: number, parts: Partial<Delivered> = {}): Delivered {
  const id = `0198f3c2-7a10-7bbb-8ccc-${String(number).padStart(12, '0')}` as MessageId;
  return message({ id, thread: id, body: `number ${number}`, ...parts });
}

/** With a redirection of the shell's; what it says on stderr. */
async function inShell(home: TestHome, args: string[], redirection: string) {
  const line = [...ipcCommand, ...args].map((word) => `'${word}'`).join(' ');
  const shell = Bun.spawn(['sh', '-c', `${line} ${redirection}`], {
    env: { ...home.variables },
    cwd: home.path,
    stdout: 'ignore',
    stderr: 'pipe',
  });
  return { stderr: await shell.stderr.text(), code: await shell.exited };
}

type Page = Output<'check'>;
const page = (messages: Delivered[], parts: Partial<Page> = {}): Page => ({
  messages,
  remaining: 0,
  held: 0,
  peeked: false,
  ...parts,
});

/** A daemon that hands out these pages in order; a reader is given its own again until it confirmed it. */
function mailbox(pages: Page[]) {
  const told: string[] = [];
  const leased = new Map<string, Page>();
  let at = 0;
  return {
    told,
    handlers: {
      check: async (request: Request<'check'>) => {
        told.push(`check ${request.bytes}`);
        const given = leased.get(request.reader) ?? pages[at++] ?? page([]);
        if (!given.peeked) leased.set(request.reader, given);
        return given;
      },
      confirm: async (request: Request<'confirm'>) => {
        const ids = leased.get(request.reader)?.messages.map(({ id }) => id);
        expect(request.deliveries.map(({ id }) => id)).toEqual(ids ?? []);
        leased.delete(request.reader);
        told.push(`confirm ${request.stage} ${request.door} ${request.deliveries.length}`);
        return { confirmed: request.deliveries.length, lost: [] };
      },
    },
  };
}

describe('check', () => {
  test('prints oldest first, and confirms what it printed', async () => {
    await using home = await temporaryHome();
    const box = mailbox([page([numbered(1), numbered(2, { again: true })], { remaining: 12 })]);
    await using _server = fakeServer(home, box.handlers);
    const { code, stdout } = await runIpc(home, ['check']);
    expect(code).toBe(0);
    expect(stdout.indexOf('number 1')).toBeLessThan(stdout.indexOf('number 2'));
    expect(stdout).toContain('again');
    expect(stdout).toContain('12 more');
    expect(box.told).toEqual(['check 8192', 'confirm handed cli 2']);
  });

  test('that cannot write confirms nothing', async () => {
    await using home = await temporaryHome();
    const box = mailbox([page([numbered(1, { body: 'x'.repeat(200_000) })])]);
    await using _server = fakeServer(home, box.handlers);
    const script = `${ipcCommand.map((word) => `'${word}'`).join(' ')} check --all`;
    for (const sink of ['| head -c 10', '> /dev/full']) {
      const shell = Bun.spawn(['sh', '-c', `${script} ${sink}`], {
        env: { ...home.variables },
        cwd: home.path,
        stdout: 'ignore',
        stderr: 'ignore',
      });
      await shell.exited;
    }
    expect(box.told).toEqual(['check 524288', 'check 524288']);
  });

  test.if(process.platform === 'linux')(
    'whose stdout is closed fetches nothing; /dev/null is a wish',
    async () => {
      await using home = await temporaryHome();
      const box = mailbox([page([numbered(1)])]);
      await using _server = fakeServer(home, box.handlers);
      for (const flags of [[], ['--json']]) {
        const { code, stderr } = await inShell(home, ['check', ...flags], '>&-');
        expect(code).toBe(73);
        expect(stderr).toContain('found stdout closed');
      }
      expect(box.told).toEqual([]);
      expect(await inShell(home, ['check'], '>/dev/null')).toEqual({ code: 0, stderr: '' });
      expect(box.told).toEqual(['check 8192', 'confirm handed cli 1']);
    },
  );

  test('of everything is one JSON object over however many pages', async () => {
    await using home = await temporaryHome();
    const box = mailbox([
      page([numbered(1), numbered(2)], { remaining: 3 }),
      page([numbered(3), numbered(4)], { remaining: 1 }),
      page([numbered(5)]),
    ]);
    await using _server = fakeServer(home, box.handlers);
    const { code, stdout } = await runIpc(home, ['check', '--all', '--json']);
    expect(code).toBe(0);
    expect(stdout.indexOf('\n')).toBe(stdout.length - 1);
    const { messages, ...facts } = JSON.parse(stdout) as Page;
    expect(messages.map(({ body }) => body)).toEqual([1, 2, 3, 4, 5].map((number) => `number ${number}`));
    expect(facts).toEqual({ remaining: 0, held: 0, peeked: false });
    expect(box.told.filter((line) => line.startsWith('confirm'))).toEqual([
      'confirm handed cli 2',
      'confirm handed cli 2',
      'confirm handed cli 1',
    ]);
  });

  test('of everything whose later pages fail is one JSON object with what was handed over and the error', async () => {
    await using home = await temporaryHome();
    const box = mailbox([page([numbered(1), numbered(2)], { remaining: 3 })]);
    const check = async (request: Request<'check'>) => {
      if (box.told.some((line) => line.startsWith('confirm')))
        throw new Failure('store_damaged', 'the store cannot be trusted');
      return box.handlers.check(request);
    };
    await using _server = fakeServer(home, { ...box.handlers, check });
    const { code, stdout } = await runIpc(home, ['check', '--all', '--json']);
    expect(code).toBe(69);
    const { messages, error } = JSON.parse(stdout) as Page & { error: { code: string } };
    expect(messages.map(({ body }) => body)).toEqual(['number 1', 'number 2']);
    expect(error.code).toBe('store_damaged');
  });

  test('peeking at everything ends, and leaves nothing out', async () => {
    await using home = await temporaryHome();
    const box = mailbox([
      page([numbered(1), numbered(2)], { remaining: 1, peeked: true, next: '2' }),
      page([numbered(3)], { remaining: 2, peeked: true, next: '3' }),
    ]);
    await using _server = fakeServer(home, box.handlers);
    const { stdout } = await runIpc(home, ['check', '--peek', '--all', '--json']);
    const { messages, remaining } = JSON.parse(stdout) as Page;
    expect([messages.length, remaining]).toEqual([3, 0]);
    expect(box.told).toEqual(['check 524288', 'check 524288']);
  });

  test('that only looked confirms nothing and says so', async () => {
    await using home = await temporaryHome();
    const box = mailbox([page([numbered(1)], { peeked: true })]);
    await using _server = fakeServer(home, box.handlers);
    const { stdout, stderr } = await runIpc(home, ['check', '--as', 'bob']);
    expect(stdout).toContain('number 1');
    expect(stderr).toContain('--take');
    expect(box.told).toEqual(['check 8192']);
  });

  test('of nothing says so on stderr; with --exit-code it exits 3', async () => {
    await using home = await temporaryHome();
    const box = mailbox([]);
    await using _server = fakeServer(home, box.handlers);
    expect(await runIpc(home, ['check'])).toEqual({ code: 0, stdout: '', stderr: 'nothing new\n' });
    expect((await runIpc(home, ['check', '--exit-code', '--quiet'])).code).toBe(3);
    expect((await runIpc(home, ['check', '--quiet'])).stderr).toBe('');
  });

  test('of a paused mailbox counts what waits on either side of the pause', async () => {
    await using home = await temporaryHome();
    const paused = page([], { remaining: 1, held: 2, pausedUntil: '2026-08-22T14:00:00.000Z' });
    await using _server = fakeServer(home, mailbox([paused]).handlers);
    expect(await runIpc(home, ['check', '--as', 'bob'])).toEqual({
      code: 0,
      stdout: '3 waiting behind a pause: ipc pause --off --as bob\n',
      stderr: '',
    });
  });

  test('hints at what its reader may do: no script releases, and the name stays', async () => {
    await using home = await temporaryHome();
    const some = page([numbered(1)], { remaining: 4, held: 2, peeked: true });
    await using _server = fakeServer(home, mailbox([some]).handlers);
    const { stdout, stderr } = await runIpc(home, ['check', '--as', 'bob'], {
      variables: { CLAUDE_CODE_SESSION_ID: '5f0c0000-0000-4000-8000-000000000001' },
    });
    expect(stdout).toContain('\n4 more: ipc check --as bob\n2 held: ipc mute NAME --off --as bob');
    expect(stdout).not.toContain('ipc release');
    expect(stderr).toContain('ipc check --take --as bob');
  });

  test('for a model is fenced', async () => {
    await using home = await temporaryHome();
    const box = mailbox([page([numbered(1)])]);
    await using _server = fakeServer(home, box.handlers);
    const { stdout } = await runIpc(home, ['check', '--format', 'model']);
    expect(stdout).toContain('not the user of this conversation');
    expect(stdout).toContain('\nnumber 1\n```\n');
  });
});

describe('an answer that cannot be written', () => {
  test.if(process.platform === 'linux').each([[[]], [['--json']]])(
    'is one line on stderr, and says that the message is stored: %j',
    async (flags) => {
      await using home = await temporaryHome();
      const { id } = numbered(1);
      const sent = { id, thread: id, duplicate: false, deliveries: [] };
      await using _server = fakeServer(home, { send: async () => sent });
      const { code, stderr } = await inShell(home, ['send', 'bob', 'hi', ...flags], '>/dev/full');
      expect(code).toBe(73);
      expect(stderr).toStartWith(`ipc: message ${id} is stored, but wanted to write the output`);
      expect(stderr).toMatch(/^ipc: .+\ntry: .+\n$/);
      expect(await inShell(home, ['version', ...flags], '>/dev/full')).toMatchObject({ code: 73 });
    },
  );
});

test('a folder as stdin is no text', async () => {
  await using home = await temporaryHome();
  const { code, stderr } = await inShell(home, ['send', 'bob', '-'], '< .');
  expect(code).toBe(66);
  expect(stderr).toContain('found a folder');
});

test('a search that cannot be read is explained by the help of search', async () => {
  await using home = await temporaryHome();
  await using _server = fakeServer(home, {
    search: () => Promise.reject(new Failure('invalid_data', 'wanted a word beside -x')),
  });
  const { code, stderr } = await runIpc(home, ['search', '--', '-x']);
  expect([code, stderr]).toEqual([65, 'ipc: wanted a word beside -x\ntry: ipc help search\n']);
});

test('a past with nobody is no empty past', async () => {
  await using home = await temporaryHome();
  await using _server = fakeServer(home, {
    history: async () => ({ messages: [] }),
    who: async ({ name }: Request<'who'>) => {
      if (name === 'bob') return { agents: [] };
      throw new Failure('no_such_agent', `no agent ${name}`);
    },
  });
  expect(await runIpc(home, ['history', 'bob'])).toEqual({ code: 0, stdout: '', stderr: 'nothing yet\n' });
  expect((await runIpc(home, ['history', '#reviews'])).code).toBe(0);
  expect((await runIpc(home, ['history', 'nosuchagent'])).code).toBe(67);
});

describe('watch', () => {
  test('says of what it printed that it was offered, and no more', async () => {
    await using home = await temporaryHome();
    const told: string[] = [];
    const offered = Promise.withResolvers<void>();
    await using _server = fakeServer(home, {
      watch: async function* () {
        for (const number of [1, 2])
          yield { cursor: String(number), recipient: 'tester', message: numbered(number) };
        await offered.promise;
      },
      confirm: (request: Request<'confirm'>) => {
        for (const { id } of request.deliveries)
          told.push(`${request.stage} ${request.door} ${id.slice(-1)}`);
        if (told.length === 2) offered.resolve();
        return Promise.resolve({ confirmed: request.deliveries.length, lost: [] });
      },
    });
    const { stdout } = await runIpc(home, ['watch']);
    expect(stdout.match(/number \d/g)).toEqual(['number 1', 'number 2']);
    expect(told).toEqual(['offered watch 1', 'offered watch 2']);
  });

  test.if(process.platform === 'linux')('offers nothing where stdout is closed', async () => {
    await using home = await temporaryHome();
    const told: string[] = [];
    await using _server = fakeServer(home, {
      watch: async function* () {
        for (const number of [1, 2])
          yield { cursor: String(number), recipient: 'tester', message: numbered(number) };
      },
      confirm: async () => {
        told.push('confirm');
        return { confirmed: 1, lost: [] };
      },
    });
    expect(await inShell(home, ['watch'], '>&-')).toEqual({ code: 0, stderr: '' });
    expect(told).toEqual([]);
  });

  test('Ctrl-C ends it with 130', async () => {
    await using home = await temporaryHome();
    await using _server = fakeServer(home, {
      watch: async function* (_request: never, { signal }: { signal: AbortSignal }) {
        yield { cursor: '1', recipient: 'tester', message: numbered(1) };
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      },
      confirm: () => Promise.resolve({ confirmed: 1, lost: [] }),
    });
    const child = Bun.spawn([...ipcCommand, 'watch'], {
      env: { ...home.variables },
      cwd: home.path,
      stdout: 'pipe',
      stderr: 'pipe',
    });
    for await (const _chunk of child.stdout) break;
    child.kill('SIGINT');
    expect([await child.exited, await child.stderr.text()]).toEqual([130, '']);
  });
});

describe('Ctrl-C while waiting', () => {
  test('is a quiet 130, and nothing was confirmed', async () => {
    await using home = await temporaryHome();
    const asked = Promise.withResolvers<void>();
    const told: string[] = [];
    await using _server = fakeServer(home, {
      check: async (_request: never, { signal }: { signal: AbortSignal }) => {
        asked.resolve();
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        return page([]);
      },
      confirm: async () => void told.push('confirm'),
    });
    const child = Bun.spawn([...ipcCommand, 'check', '--wait'], {
      env: { ...home.variables },
      cwd: home.path,
      stdout: 'pipe',
      stderr: 'pipe',
    });
    await asked.promise;
    child.kill('SIGINT');
    expect([await child.exited, await child.stdout.text(), await child.stderr.text()]).toEqual([130, '', '']);
    expect(told).toEqual([]);
  });
});

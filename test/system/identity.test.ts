import { expect, test } from 'bun:test';
import { userInfo } from 'node:os';
import { parseOwnName } from '../../src/protocol/names.ts';
import { clientSession } from '../../src/system/clients.ts';
import type { Environment } from '../../src/system/environment.ts';
import { credentialOf, identify, userName } from '../../src/system/identity.ts';
import { bind, readKey, sessionBinding, shellBinding } from '../../src/system/keys.ts';
import { processFacts, shellAnchor, systemProcesses } from '../../src/system/processes.ts';
import { temporaryHome, type TestHome } from '../support/home.ts';
import { until } from '../support/until.ts';

const module = (name: string): string => `${import.meta.dir}/../../src/system/${name}.ts`;

const bound = (name: string, asked?: string) => ({ name: parseOwnName(name), asked });

function under(home: TestHome, variables: Record<string, string>): Environment {
  // As if started by init: whatever runs the tests must not count as the agent program above.
  return { ...home.environment, parentPid: 1, variables: { ...home.variables, ...variables } };
}

test('what is asked for comes before what is told, then the session, the shell and the user', async () => {
  await using home = await temporaryHome();
  const claude = { CLAUDE_CODE_SESSION_ID: 's-1' };
  bind(home.paths, sessionBinding('claude-code', 's-1'), bound('nessa'));
  const shell = shellAnchor(home.environment);
  if (shell !== undefined) bind(home.paths, shellBinding(shell), bound('shelly'));
  const as = (variables: Record<string, string>, name?: string) => {
    const { how, name: found, borrowed } = identify(home.paths, under(home, variables), { as: name });
    return `${how} ${found}${borrowed ? ' borrowed' : ''}`;
  };
  expect(as({ ...claude, IPC_AGENT: 'fred' }, 'bob')).toBe('as bob borrowed');
  expect(as({ ...claude, IPC_AGENT: 'fred' })).toBe('variable fred');
  expect(as(claude)).toBe('session nessa');
  if (shell !== undefined) expect(as({})).toBe('shell shelly');
});

test('a session nobody named acts for nobody, and never for the person it works for', async () => {
  await using home = await temporaryHome();
  const identity = identify(home.paths, under(home, { GEMINI_SESSION_ID: 'g-1', USER: 'ada' }));
  expect(identity).toMatchObject({ how: 'session', name: undefined, kind: 'agent', client: 'gemini-cli' });
  expect(identity.bindings).toEqual([sessionBinding('gemini-cli', 'g-1')]);
});

test('of two session ids none counts when it cannot be told which program is nearer', async () => {
  await using home = await temporaryHome();
  const both = under(home, { CLAUDE_CODE_SESSION_ID: 's-1', CODEX_THREAD_ID: 't-1' });
  expect(clientSession(both)?.id).toBeUndefined();
});

test('of two session ids that of the nearest program counts', async () => {
  await using home = await temporaryHome();
  const script = `
    const { clientSession } = await import(${JSON.stringify(module('clients'))});
    const { readEnvironment } = await import(${JSON.stringify(module('environment'))});
    console.log(JSON.stringify(clientSession(readEnvironment())));
  `;
  // A shell that calls itself codex, below one that calls itself claude.
  const bash = Bun.which('bash') ?? '/bin/bash';
  const link = async (name: string): Promise<string> => {
    await Bun.write(`${home.path}/link.sh`, '');
    Bun.spawnSync(['cp', bash, `${home.path}/${name}`]);
    return `${home.path}/${name}`;
  };
  const [claude, codex] = [await link('claude'), await link('codex')];
  const inner = `${process.execPath} -e "$SCRIPT"; true`;
  const ran = Bun.spawnSync([claude, '-c', `${codex} -c '${inner}'; true`], {
    env: { ...home.variables, SCRIPT: script, CLAUDE_CODE_SESSION_ID: 's-1', CODEX_THREAD_ID: 't-1' },
  });
  expect(JSON.parse(ran.stdout.toString())).toMatchObject({ client: 'codex', id: 't-1' });
});

test('a command is a person’s only at a terminal with no agent program above', async () => {
  await using home = await temporaryHome();
  const kind = (variables: Record<string, string>) => identify(home.paths, under(home, variables)).kind;
  const alone = processFacts(process.pid)?.terminal === true ? 'human' : 'script';
  expect(kind({})).toBe(alone);
  expect(kind({ CLAUDECODE: '1' })).toBe('script');
  expect(kind({ CLAUDECODE: '1', IPC_AGENT: 'claude' })).toBe('agent');
  expect(kind({ CLAUDE_CODE_SESSION_ID: 's-1' })).toBe('agent');
});

test.skipIf(Bun.which('script') === null)('at a terminal it is a person’s', async () => {
  await using home = await temporaryHome();
  const source = `
    const { identify } = await import(${JSON.stringify(module('identity'))});
    const { readEnvironment } = await import(${JSON.stringify(module('environment'))});
    const environment = { ...readEnvironment(), parentPid: 1 };
    console.log('kind=' + identify(${JSON.stringify(home.paths)}, environment).kind);
  `;
  await Bun.write(`${home.path}/kind.ts`, source);
  const ran = Bun.spawnSync(['script', '-qec', `${process.execPath} ${home.path}/kind.ts`, '/dev/null'], {
    env: { ...home.variables },
  });
  expect(ran.stdout.toString()).toContain('kind=human');
});

test.each([
  ['ada', 'ada'],
  ['Ada Lovelace', 'Ada-Lovelace'],
  ['DOMAIN\\ada', 'DOMAIN-ada'],
  ['system', 'user-system'],
  ['ipcuser', 'user-ipcuser'],
  ['_www', 'www'],
  ['Ωμέγα', 'user-7'],
  ['-', 'user-7'],
  ['a'.repeat(200), 'a'.repeat(59)],
])('the user %p becomes the legal name %s', async (user, name) => {
  await using home = await temporaryHome();
  expect(String(userName({ ...under(home, { USER: user }), uid: 7 }))).toBe(name);
});

test('a user whose environment was scrubbed is still called what the system calls them', async () => {
  await using home = await temporaryHome();
  const scrubbed = { ...home.environment, variables: {} };
  expect(userName({ ...home.environment, variables: { USER: userInfo().username } })).toBe(
    userName(scrubbed),
  );
});

test('a name nobody can have is refused where it was written', async () => {
  await using home = await temporaryHome();
  expect(() => identify(home.paths, under(home, { IPC_AGENT: 'two words' }))).toThrow('IPC_AGENT');
  expect(() => identify(home.paths, under(home, {}), { as: 'all' })).toThrow('reserved');
});

test('a key made for a name that is refused goes again, an older one stays', async () => {
  await using home = await temporaryHome();
  const name = parseOwnName('bob');
  credentialOf(home.paths, name).discard();
  expect(readKey(home.paths, name)).toBeUndefined();
  const { key } = credentialOf(home.paths, name);
  credentialOf(home.paths, name).discard();
  expect(readKey(home.paths, name)).toBe(key);
});

test('a process is alive only as long as it is itself', async () => {
  const child = Bun.spawn(['sleep', '60']);
  const startedAt = processFacts(child.pid)?.startedAt ?? '';
  expect(systemProcesses.alive({ pid: child.pid, startedAt })).toBe(true);
  expect(systemProcesses.alive({ pid: child.pid, startedAt: `${startedAt}0` })).toBe(false);
  child.kill();
  await child.exited;
  expect(systemProcesses.alive({ pid: child.pid, startedAt })).toBe(false);
});

test.skipIf(process.platform !== 'linux')(
  'a process that ended and was not buried is not alive',
  async () => {
    // The shell becomes sleep, which never asks after its child; the child ends when it has.
    const child = 'while read -r name </proc/$PPID/comm && [ "$name" != sleep ]; do :; done';
    const parent = Bun.spawn(['sh', '-c', `sh -c '${child}' & echo $!; exec sleep 60`], { stdout: 'pipe' });
    let pid = 0;
    for await (const chunk of parent.stdout) {
      pid = Number(new TextDecoder().decode(chunk));
      break;
    }
    await until(() => processFacts(pid) === undefined, 'the child to end');
    expect(process.kill(pid, 0)).toBe(true);
    parent.kill();
    await parent.exited;
  },
);

test('the commands of one shell share its anchor', async () => {
  await using home = await temporaryHome();
  const script = `
    const { shellAnchor } = await import(${JSON.stringify(module('processes'))});
    const { readEnvironment } = await import(${JSON.stringify(module('environment'))});
    console.log(JSON.stringify(shellAnchor(readEnvironment())));
  `;
  const ran = Bun.spawn(
    ['setsid', 'sh', '-c', 'bun -e "$SCRIPT"; (bun -e "$SCRIPT"); true'.replaceAll('bun', process.execPath)],
    {
      env: { ...home.variables, SCRIPT: script },
      stdout: 'pipe',
    },
  );
  const [first, second] = (await ran.stdout.text()).trim().split('\n');
  expect(JSON.parse(first ?? '')).toMatchObject({ pid: ran.pid });
  expect(second).toBe(first ?? '');
});

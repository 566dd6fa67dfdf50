/** The verbs against the operations table: what the table promises on the command line is there. */
import { describe, expect, test } from 'bun:test';
import { operations, type OperationName } from '../../src/protocol/operations.ts';
import { completionScript } from '../../src/cli/completion.ts';
import { fromTable, kebab } from '../../src/cli/flags.ts';
import { helpText } from '../../src/cli/help.ts';
import { suggest } from '../../src/cli/suggest.ts';
import { globalFlags } from '../../src/cli/verb.ts';
import { aliases, allVerbs, groups, topVerbs } from '../../src/cli/verb-list.ts';
import { plain } from '../../src/present/style.ts';

const verbs = await allVerbs();
const onCli = Object.entries(operations).filter(([, row]) => row.surfaces.includes('cli'));

describe('every operation with a cli surface has a verb', () => {
  test.each(onCli.map(([name]) => name))('%s', (name) => {
    const forms = verbs.filter(({ spec }) => Object.hasOwn(spec.operations, name));
    expect(forms.map(({ spec }) => spec.name)).not.toEqual([]);
  });
});

describe('every input field of an operation can be filled', () => {
  test.each(onCli.map(([name]) => name as OperationName))('%s', (name) => {
    const forms = verbs.filter(({ spec }) => Object.hasOwn(spec.operations, name));
    for (const { spec } of forms) {
      const filled = new Set([
        ...spec.flags.map(({ field }) => field),
        ...Object.keys(spec.operations[name] ?? {}),
      ]);
      if (spec.name === 'doctor') continue;
      expect([spec.name, fromTable(name).fields.filter((field) => !filled.has(field))]).toEqual([
        spec.name,
        [],
      ]);
    }
  });
});

describe('flags come from the table', () => {
  test('with its kind, bounds, choices and words', () => {
    const [limit, priority, peek, wait] = [
      ...fromTable('check', ['limit']).flags,
      ...fromTable('send', ['priority']).flags,
      ...fromTable('check', ['peek']).flags,
      ...fromTable('ask', ['timeout:duration']).flags,
    ];
    expect(limit).toMatchObject({ name: 'limit', kind: 'integer', min: 1, max: 1_000 });
    expect(priority).toMatchObject({ kind: 'choice', choices: ['low', 'normal', 'high'], initial: 'normal' });
    expect(peek).toMatchObject({ kind: 'switch', help: 'look without marking' });
    expect(wait).toMatchObject({ kind: 'duration', max: 86_400, initial: '60s' });
  });

  test('a field that is not there is an error when the program is built', () => {
    expect(() => fromTable('send', ['sender'])).toThrow('send has no input field sender');
  });

  test('no verb has two flags of one name or letter, and none shadows a global one', () => {
    for (const { spec } of verbs) {
      const all = [...spec.flags, ...globalFlags];
      const names = all.map(({ name }) => name);
      const letters = all.flatMap(({ short }) => short ?? []);
      expect([spec.name, names]).toEqual([spec.name, [...new Set(names)]]);
      expect([spec.name, letters]).toEqual([spec.name, [...new Set(letters)]]);
      for (const flag of spec.flags) expect(flag.name).toBe(kebab(flag.name));
    }
  });
});

describe('the tree', () => {
  test('each verb is called what it is listed as', async () => {
    for (const [name, load] of Object.entries(topVerbs)) expect((await load()).spec.name).toBe(name);
    for (const [group, loads] of Object.entries(groups))
      for (const [name, load] of Object.entries(loads))
        expect((await load()).spec.name).toBe(`${group} ${name}`);
  });

  test('each old word leads to a verb there is', () => {
    for (const [verb = ''] of Object.values(aliases)) expect(Object.keys(topVerbs)).toContain(verb);
  });

  test('help of each verb shows a command that begins with its name', async () => {
    for (const { spec } of verbs) {
      const text = await helpText(spec.name.split(' '), plain);
      expect(text).toContain(spec.summary);
      expect(spec.examples.some(([command]) => command.includes(`ipc ${spec.name}`))).toBe(true);
    }
  });

  test('the overview names every verb and every old word', async () => {
    const text = await helpText([], plain);
    for (const name of [...verbs.map(({ spec }) => spec.name), ...Object.keys(aliases)])
      expect(text).toContain(name);
  });
});

describe('suggestions', () => {
  test.each([
    ['sned', 'send'],
    ['chekc', 'check'],
    ['histroy', 'history'],
    ['whomai', 'whoami'],
    ['reg', 'register'],
  ])('%s was meant to be %s', (wrong, right) => {
    expect(suggest(wrong, Object.keys(topVerbs))).toBe(right);
  });

  test('a word like no other is not explained', () => {
    expect(suggest('xylophone', Object.keys(topVerbs))).toBeUndefined();
  });
});

describe('completion scripts', () => {
  test.each([
    ['bash', ['bash', '-n']],
    ['zsh', ['zsh', '-n']],
    ['fish', ['fish', '--no-execute']],
  ] as const)(
    'of %s are read by that shell without complaint, where it is installed',
    async (shell, command) => {
      const script = await completionScript(shell);
      for (const name of Object.keys(topVerbs)) expect(script).toContain(name);
      if (Bun.which(command[0]) === null) return;
      const read = Bun.spawnSync([...command, '/dev/stdin'], { stdin: Buffer.from(script), stderr: 'pipe' });
      expect([read.exitCode, read.stderr.toString()]).toEqual([0, '']);
    },
  );

  test('bash completes verbs, verbs of a group, flags and their choices', async () => {
    if (Bun.which('bash') === null) return;
    const script = await completionScript('bash');
    const complete = (...words: string[]): string[] => {
      const line = words.map((word) => `'${word}'`).join(' ');
      const ask = `${script}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _ipc; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return Bun.spawnSync(['bash', '-c', ask]).stdout.toString().trim().split('\n');
    };
    expect(complete('ipc', 'wh')).toEqual(['who', 'whoami']);
    expect(complete('ipc', 'topic', 'j')).toEqual(['join']);
    expect(complete('ipc', 'send', 'bob', '--pri')).toEqual(['--priority']);
    expect(complete('ipc', 'send', 'bob', '--priority', 'h')).toEqual(['high']);
    expect(complete('ipc', '--as', 'eve', 'check', '--pe')).toEqual(['--peek']);
  });

  test('PowerShell’s has a balanced block for every verb', async () => {
    const script = await completionScript('powershell');
    for (const { spec } of verbs) expect(script).toContain(`'${spec.name}' = @(`);
    for (const [open, close] of ['{}', '()', '[]'].map((pair) => [...pair]))
      expect(script.split(open ?? '').length).toBe(script.split(close ?? '').length);
  });
});

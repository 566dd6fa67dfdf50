/** `ipc config …`: the numbers of config.json, each checked before it is written. */
import { table as columns } from '../../present/table.ts';
import { Failure } from '../../protocol/failures.ts';
import {
  changeConfig,
  readConfig,
  settingName,
  settingNames,
  settings,
  variableOf,
} from '../../system/config.ts';
import { variable } from '../../system/environment.ts';
import { prepareHome } from '../../system/home.ts';
import type { Call } from '../call.ts';
import { isNotRunning } from '../session.ts';
import type { Spec, Verb } from '../verb.ts';

const spec = (
  parts: Pick<Spec, 'name' | 'summary' | 'usage' | 'words' | 'examples'> & Partial<Spec>,
): Spec => ({
  group: 'system',
  flags: [],
  operations: {},
  ...parts,
});

/** Values that need no unit to be read. */
const bare: ReadonlySet<string> = new Set(['count', 'address', 'choice', 'text']);

export const get: Verb = {
  spec: spec({
    name: 'config get',
    summary: 'One setting',
    usage: '<name>',
    words: { min: 1, max: 1 },
    examples: [['ipc config get idleExit', 'its value']],
  }),
  run: async (call: Call) => {
    const name = settingName(call.words[0] ?? '');
    const value = readConfig(call.world.paths, call.world.environment)[name];
    await call.print({ name, value }, () => `${value}\n`);
  },
};

export const list: Verb = {
  spec: spec({
    name: 'config list',
    summary: 'Every setting, its value and meaning',
    usage: '',
    words: { min: 0, max: 0 },
    examples: [['ipc config list --json', 'one object']],
  }),
  run: async (call: Call) => {
    const { paths, environment } = call.world;
    const config = readConfig(paths, environment);
    await call.print(config, ({ style }) =>
      columns(
        settingNames.map((name) => {
          const { unit, summary, default: initial } = settings[name];
          const value = `${config[name]}${bare.has(unit) ? '' : ` ${unit}`}`;
          const from =
            variable(environment, variableOf(name)) === undefined ? '' : ` (by ${variableOf(name)})`;
          const paint = config[name] === initial ? undefined : style.strong;
          return [
            { text: name, paint: style.name },
            paint === undefined ? { text: value } : { text: value, paint },
            { text: `${summary}${from}`, paint: style.faint },
          ];
        }),
      ),
    );
  },
};

export const path: Verb = {
  spec: spec({
    name: 'config path',
    summary: 'Where config.json is',
    usage: '',
    words: { min: 0, max: 0 },
    examples: [['cat "$(ipc config path)"', 'the file itself']],
  }),
  run: async (call: Call) => {
    const { config } = call.world.paths;
    await call.print({ path: config }, () => `${config}\n`);
  },
};

export const set: Verb = {
  spec: spec({
    name: 'config set',
    summary: 'Change a setting; the running daemon takes it at once',
    usage: '<name> [value]',
    words: { min: 1, max: 2 },
    flags: [{ name: 'reset', field: 'reset', kind: 'switch', help: 'back to the default' }],
    examples: [
      ['ipc config set retentionDays 90', 'finished messages are kept for 90 days'],
      ['ipc config set idleExit --reset', 'back to 1800 seconds'],
    ],
    operations: { 'daemon.reload': {} },
  }),
  run: async (call: Call) => {
    const [word = '', value] = call.words;
    const name = settingName(word);
    const reset = call.values.on('reset');
    if (reset === (value !== undefined))
      throw new Failure('invalid', 'wanted a value, or --reset', { hint: 'ipc help config set' });
    prepareHome(call.world.paths, call.world.environment);
    const now = changeConfig(call.world.paths, name, value);
    await reload(call);
    await call.tell({ name, value: now }, () => `${name} is ${now === '' ? 'not set' : now}\n`);
  },
};

/** A daemon that is not running reads the file when it starts. */
async function reload(call: Call): Promise<void> {
  await using session = await call.open({ agent: 'none', start: 'existing' });
  try {
    await session.operations['daemon.reload']({});
  } catch (error) {
    if (!isNotRunning(error)) throw error;
  }
}

/** `ipc secret …`: the shared secret that sessions and daemon prove to each other. Never read from a flag. */
import { Failure } from '../../protocol/failures.ts';
import { variable } from '../../system/environment.ts';
import { removeIfThere, replaceFile } from '../../system/files.ts';
import { randomKey } from '../../system/ids.ts';
import { prepareHome } from '../../system/home.ts';
import { sharedSecret } from '../../system/secret.ts';
import type { Call } from '../call.ts';
import { secretFromFile, secretFromStdin } from '../secret-source.ts';
import type { Verb } from '../verb.ts';

const MIN_LENGTH = 8;

export const set: Verb = {
  spec: {
    name: 'secret set',
    summary: 'Ask every session for a shared secret',
    usage: '[-]',
    group: 'system',
    words: { min: 0, max: 1 },
    flags: [{ name: 'file', field: 'file', kind: 'file', hint: 'path', help: 'take it from this file' }],
    examples: [
      ['ipc secret set', 'a new random one'],
      ['pass show ipc | ipc secret set -', 'from stdin'],
    ],
    notes: `IPC_SHARED_SECRET overrides it. It never crosses the wire: both sides prove that they know it.
It is asked of every new session at once; those that are open stay until they end or the daemon is restarted.`,
    operations: {},
  },
  run: async (call: Call) => {
    const { paths, environment } = call.world;
    const secret = await wished(call);
    prepareHome(paths, environment);
    replaceFile(paths.secret, `${secret}\n`);
    await warnOfVariable(call);
    await call.tell(
      { set: true },
      () =>
        'the shared secret is set; show it with: ipc secret show\n' +
        'sessions that are open stay as they are; end them with: ipc daemon restart\n',
    );
  },
};

export const show: Verb = {
  spec: {
    name: 'secret show',
    summary: 'Print the shared secret',
    usage: '',
    group: 'system',
    words: { min: 0, max: 0 },
    flags: [],
    examples: [['ipc secret show', 'for another home or container that is to reach this daemon']],
    operations: {},
  },
  run: async (call: Call) => {
    const secret = sharedSecret(call.world.paths, call.world.environment);
    if (secret === undefined)
      throw new Failure('no_such_file', 'no shared secret is set', { hint: 'ipc secret set' });
    await call.print({ secret }, () => `${secret}\n`);
  },
};

export const remove: Verb = {
  spec: {
    name: 'secret remove',
    summary: 'Ask for no shared secret any more',
    usage: '',
    group: 'system',
    words: { min: 0, max: 0 },
    flags: [],
    examples: [['ipc secret remove', 'sessions need none from now on']],
    operations: {},
  },
  run: async (call: Call) => {
    const removed = removeIfThere(call.world.paths.secret);
    await warnOfVariable(call);
    await call.tell({ removed }, () => (removed ? 'the shared secret is removed\n' : 'there was none\n'));
  },
};

async function wished(call: Call): Promise<string> {
  const [word] = call.words;
  const file = call.values.text('file');
  // A secret on the command line is in the process table and the shell's history.
  if (word !== undefined && word !== '-')
    throw new Failure(
      'invalid',
      'wanted - for stdin or --file; a secret is not taken from the command line',
      {
        hint: 'ipc help secret set',
      },
    );
  if (word === undefined && file === undefined) return randomKey();
  const text = file === undefined ? await secretFromStdin('secret set') : secretFromFile(file);
  const secret = text.trim();
  if (secret.length >= MIN_LENGTH && !/[\r\n]/.test(secret)) return secret;
  throw new Failure('invalid_data', `wanted one line of at least ${MIN_LENGTH} characters as secret`, {
    hint: 'ipc secret set',
  });
}

async function warnOfVariable({ world, output }: Call): Promise<void> {
  if (variable(world.environment, 'IPC_SHARED_SECRET') !== undefined)
    await output.warn('IPC_SHARED_SECRET is set here and overrides the file');
}
